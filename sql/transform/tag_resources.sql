-- resource_tags as they are now. Of the last 90 collected days, those on which a resource with other tags than before
-- had cost are to be judged again. One row: how many resources changed their tags, and how many days that concerns.
with present as materialized (
    select
        c.workspace_id,
        'cluster' as resource_type,
        c.cluster_id as resource_id,
        c.tags,
        c.owner
    from costpulse.clusters as c
    union all
    select
        w.workspace_id,
        'warehouse' as resource_type,
        w.warehouse_id as resource_id,
        w.tags,
        w.owner
    from costpulse.warehouses as w
    union all
    select
        j.workspace_id,
        'job' as resource_type,
        j.job_id as resource_id,
        j.tags,
        j.owner
    from costpulse.jobs as j
    union all
    select
        p.workspace_id,
        'pipeline' as resource_type,
        p.pipeline_id as resource_id,
        p.tags,
        p.owner
    from costpulse.pipelines as p
    union all
    select
        e.workspace_id,
        'endpoint' as resource_type,
        e.endpoint_name as resource_id,
        '{}'::jsonb as tags,
        e.creator as owner
    from costpulse.serving_endpoints as e
),

changed as materialized (
    select
        p.workspace_id,
        p.resource_type,
        p.resource_id
    from present as p
    left join costpulse.resource_tags as r
        on p.workspace_id = r.workspace_id and p.resource_type = r.resource_type and p.resource_id = r.resource_id
    where p.tags <> coalesce(r.tags, '{}')
),

written as (
    insert into costpulse.resource_tags as known (workspace_id, resource_type, resource_id, tags, owner, changed_at)
    select
        p.workspace_id,
        p.resource_type,
        p.resource_id,
        p.tags,
        p.owner,
        now() as changed_at
    from present as p
    on conflict (workspace_id, resource_type, resource_id) do update set
        tags = excluded.tags,
        owner = excluded.owner,
        changed_at = case when known.tags <> excluded.tags then excluded.changed_at else known.changed_at end
    where (known.tags, known.owner) is distinct from (excluded.tags, excluded.owner)
),

concerned_keys as (
    select k.key_id
    from changed as c
    inner join costpulse.cost_keys as k
        on c.resource_type = 'job' and c.workspace_id = k.workspace_id and c.resource_id = k.job_id
    union
    select k.key_id
    from changed as c
    inner join costpulse.cost_keys as k
        on c.resource_type = 'pipeline' and c.workspace_id = k.workspace_id and c.resource_id = k.pipeline_id
    union
    select k.key_id
    from changed as c
    inner join costpulse.cost_keys as k
        on c.resource_type = 'warehouse' and c.workspace_id = k.workspace_id and c.resource_id = k.warehouse_id
    union
    select k.key_id
    from changed as c
    inner join costpulse.cost_keys as k
        on c.resource_type = 'cluster' and c.workspace_id = k.workspace_id and c.resource_id = k.cluster_id
),

marked as (
    insert into costpulse.tag_changed_days as known (usage_date, changed_at)
    select
        d.usage_date,
        clock_timestamp() as changed_at
    from costpulse.daily_key_costs as d
    inner join concerned_keys as k on d.key_id = k.key_id
    where
        d.usage_date > (
            select max(n.usage_date) - 90
            from costpulse.collected_days as n
            where n.source = 'cost_records'
        )
    group by d.usage_date
    order by d.usage_date
    on conflict (usage_date) do update set changed_at = excluded.changed_at
    returning known.usage_date
)

select
    (select count(*) from changed) as resources_changed,
    (select count(*) from marked) as days_marked
