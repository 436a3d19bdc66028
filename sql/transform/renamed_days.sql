-- usage_date: the days on which a resource is called otherwise than was known, from staged_resource_names. What a rule
-- finds by name is allocated anew on them.
with differing as (
    (
        select
            s.resource_type,
            s.workspace_id,
            s.resource_id,
            s.valid_from,
            s.name
        from staged_resource_names as s
        except
        select
            n.resource_type,
            n.workspace_id,
            n.resource_id,
            n.valid_from,
            n.name
        from costpulse.resource_names as n
    )
    union all
    (
        select
            n.resource_type,
            n.workspace_id,
            n.resource_id,
            n.valid_from,
            n.name
        from costpulse.resource_names as n
        where
            (n.resource_type, n.workspace_id, n.resource_id) in (
                select
                    s.resource_type,
                    s.workspace_id,
                    s.resource_id
                from staged_resource_names as s
            )
        except
        select
            s.resource_type,
            s.workspace_id,
            s.resource_id,
            s.valid_from,
            s.name
        from staged_resource_names as s
    )
),

first_differences as (
    select
        d.resource_type,
        d.workspace_id,
        d.resource_id,
        min(d.valid_from) as valid_from
    from differing as d
    group by d.resource_type, d.workspace_id, d.resource_id
),

-- usage before the first known name goes by that one
since as (
    select
        f.resource_type,
        f.workspace_id,
        f.resource_id,
        case when min(s.valid_from) < f.valid_from then f.valid_from else '-infinity' end as first_day
    from first_differences as f
    inner join staged_resource_names as s
        on f.resource_type = s.resource_type and f.workspace_id = s.workspace_id and f.resource_id = s.resource_id
    group by f.resource_type, f.workspace_id, f.resource_id, f.valid_from
),

billed as (
    select distinct
        r.resource_type,
        k.workspace_id,
        r.resource_id,
        k.first_usage_date,
        k.last_usage_date
    from costpulse.cost_keys as k
    cross join
        lateral (
            values
            ('cluster', k.cluster_id),
            ('warehouse', k.warehouse_id),
            ('job', k.job_id),
            ('pipeline', k.pipeline_id),
            ('endpoint', k.endpoint_name)
        ) as r (resource_type, resource_id)
    where
        r.resource_id is not null
        and r.resource_type in (select s.resource_type from since as s)
),

spans as (
    select distinct
        greatest(s.first_day, b.first_usage_date) as first_day,
        b.last_usage_date as last_day
    from since as s
    inner join billed as b
        on s.resource_type = b.resource_type and s.workspace_id = b.workspace_id and s.resource_id = b.resource_id
)

insert into costpulse.renamed_days (usage_date, changed_at)
select
    d.day::date as usage_date,
    -- of every row another moment: several names may have one day
    max(clock_timestamp()) as changed_at
from spans as p
cross join lateral generate_series(p.first_day::timestamp, p.last_day::timestamp, interval '1 day') as d (day)
group by d.day::date
on conflict (usage_date) do update set changed_at = excluded.changed_at
