-- one row per tag key of the staged taggable cost, in any case: how it is spelled, how much has a value, which values
with costs as (
    select
        j.key_id,
        sum(j.cost_usd) as cost_usd
    from staged_tag_judged as j
    where j.class <> 'not taggable'
    group by j.key_id
),

total as (
    select sum(c.cost_usd) as cost_usd
    from costs as c
),

sources as (
    select
        k.key_id,
        k.tags
    from staged_tag_keys as k
    union all
    select
        k.key_id,
        r.tags
    from staged_tag_keys as k
    inner join costpulse.resource_tags as r
        on
            k.workspace_id = r.workspace_id
            and (r.resource_type, r.resource_id) in (
                ('job', k.job_id), ('pipeline', k.pipeline_id), ('warehouse', k.warehouse_id), ('cluster', k.cluster_id)
            )
),

found as (
    select
        lower(e.key) as folded,
        s.key_id,
        e.key as spelling,
        e.value
    from sources as s
    cross join lateral jsonb_each_text(s.tags) as e
    where e.value ~ '\S'
),

carried as (
    select distinct
        f.folded,
        f.key_id
    from found as f
),

covered as (
    select
        d.folded,
        sum(c.cost_usd) as cost_usd
    from carried as d
    inner join costs as c on d.key_id = c.key_id
    group by d.folded
)

select
    f.folded as tag_key,
    array_agg(distinct f.spelling) as spellings,
    count(distinct f.value) as value_count,
    c.cost_usd,
    case when t.cost_usd > 0 then c.cost_usd / t.cost_usd end as share
from found as f
inner join covered as c on f.folded = c.folded
cross join total as t
group by f.folded, c.cost_usd, t.cost_usd
order by c.cost_usd desc, f.folded asc
limit 200
