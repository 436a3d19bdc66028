-- one row per distinct part of the matched keys (a workspace, a user, a set of tags ...) that some claim asks about;
-- ids of clusters, jobs and warehouses are unique within a workspace only, and what a key does not have is ''
create temporary table matched_parts on commit drop as
with matched as materialized (
    select
        k.workspace_id,
        k.product,
        k.cluster_id,
        k.job_id,
        k.job_name,
        k.warehouse_id,
        k.user_email,
        k.last_usage_date,
        k.tags
    from costpulse.cost_keys as k
    where k.key_id in (select m.key_id from matched_keys as m)
),

-- a branch is read only if its dimension is asked about
parts as (
    select distinct
        'workspace' as dimension,
        null::text as scope,
        coalesce(k.workspace_id, '') as id,
        null::text as name,
        null::jsonb as tags
    from matched as k
    where exists (select from asked_fields as f where f.dimension = 'workspace')
    union all
    select distinct
        'product' as dimension,
        null::text as scope,
        k.product as id,
        null::text as name,
        null::jsonb as tags
    from matched as k
    where exists (select from asked_fields as f where f.dimension = 'product')
    union all
    select distinct
        'sku' as dimension,
        null::text as scope,
        m.sku_name as id,
        null::text as name,
        null::jsonb as tags
    from matched_keys as m
    where exists (select from asked_fields as f where f.dimension = 'sku')
    union all
    select distinct
        'cluster' as dimension,
        coalesce(k.workspace_id, '') as scope,
        coalesce(k.cluster_id, '') as id,
        null::text as name,
        null::jsonb as tags
    from matched as k
    where exists (select from asked_fields as f where f.dimension = 'cluster')
    union all
    select
        'job' as dimension,
        coalesce(k.workspace_id, '') as scope,
        coalesce(k.job_id, '') as id,
        -- what the bill called the job last, for jobs that no list names
        (array_agg(k.job_name order by k.last_usage_date desc, k.job_name asc) filter (where k.job_name is not null))[1]
            as name,
        null::jsonb as tags
    from matched as k
    where exists (select from asked_fields as f where f.dimension = 'job')
    group by coalesce(k.workspace_id, ''), coalesce(k.job_id, '')
    union all
    select distinct
        'warehouse' as dimension,
        coalesce(k.workspace_id, '') as scope,
        coalesce(k.warehouse_id, '') as id,
        null::text as name,
        null::jsonb as tags
    from matched as k
    where exists (select from asked_fields as f where f.dimension = 'warehouse')
    union all
    select distinct
        'user' as dimension,
        null::text as scope,
        coalesce(k.user_email, '') as id,
        null::text as name,
        null::jsonb as tags
    from matched as k
    where exists (select from asked_fields as f where f.dimension = 'user')
    union all
    select distinct
        'tags' as dimension,
        null::text as scope,
        null::text as id,
        null::text as name,
        k.tags
    from matched as k
    where exists (select from asked_fields as f where f.dimension = 'tags')
)

select
    p.dimension,
    p.scope,
    p.id,
    p.name,
    p.tags,
    (row_number() over ())::integer as part_id
from parts as p
