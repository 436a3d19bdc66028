-- key_id x tag key that it has: the value that counts, and where it is from. A value before a blank one; the usage
-- itself before job, pipeline, warehouse and cluster; the key before its aliases; its own spelling before others.
create temporary table staged_tag_values on commit drop as
with names as materialized (
    select
        p.tag_no,
        p.keys_case_sensitive,
        n.name,
        lower(n.name) as folded,
        n.position
    from staged_tag_policies as p
    cross join lateral unnest(array[p.tag_key] || p.aliases) with ordinality as n (name, position)
),

sources as materialized (
    select
        k.key_id,
        1 as source_rank,
        'usage' as source,
        k.tags
    from staged_tag_keys as k
    where k.is_taggable and k.tags <> '{}'
    union all
    select
        k.key_id,
        s.source_rank,
        s.source,
        r.tags
    from staged_tag_keys as k
    cross join
        lateral (
            values
            (2, 'job', k.job_id),
            (3, 'pipeline', k.pipeline_id),
            (4, 'warehouse', k.warehouse_id),
            (5, 'cluster', k.cluster_id)
        ) as s (source_rank, source, resource_id)
    inner join costpulse.resource_tags as r
        on k.workspace_id = r.workspace_id and s.source = r.resource_type and s.resource_id = r.resource_id
    where k.is_taggable and s.resource_id is not null and r.tags <> '{}'
),

-- equal maps are looked into once
maps as materialized (
    select
        s.tags,
        row_number() over () as map_no
    from (
        select distinct tags from sources
    ) as s
),

entries as materialized (
    select
        m.map_no,
        e.key,
        lower(e.key) as folded,
        e.value,
        coalesce(e.value, '') !~ '\S' as is_blank
    from maps as m
    cross join lateral jsonb_each_text(m.tags) as e
),

map_values as (
    select distinct on (e.map_no, n.tag_no)
        e.map_no,
        n.tag_no,
        e.value,
        e.is_blank
    from entries as e
    inner join names as n on e.folded = n.folded and (not n.keys_case_sensitive or e.key = n.name)
    order by e.map_no asc, n.tag_no asc, e.is_blank asc, n.position asc, e.key <> n.name asc, e.key asc
)

select distinct on (s.key_id, v.tag_no)
    s.key_id,
    v.tag_no,
    v.value,
    v.is_blank,
    s.source
from sources as s
inner join maps as m on s.tags = m.tags
inner join map_values as v on m.map_no = v.map_no
order by s.key_id asc, v.tag_no asc, v.is_blank asc, s.source_rank asc
