-- key_id of the staged costs: which resource it is, with a number, whose, and whether somebody could tag it
-- (docs/tags.md)
create temporary table staged_tag_keys on commit drop as
with present as (
    select distinct c.key_id
    from staged_tag_costs as c
),

named as (
    select
        k.key_id,
        k.workspace_id,
        k.job_id,
        k.pipeline_id,
        k.warehouse_id,
        k.cluster_id,
        k.user_email,
        k.tags,
        regexp_replace(k.product, '_SERVERLESS$', '') as product,
        case
            when k.job_id is not null then 'job'
            when k.pipeline_id is not null then 'pipeline'
            when k.warehouse_id is not null then 'warehouse'
            -- serving names clusters that nobody can see
            when k.endpoint_name is not null then 'endpoint'
            when k.cluster_id is not null then 'cluster'
            else 'other'
        end as resource_type,
        case
            when
                num_nonnulls(k.job_id, k.pipeline_id, k.warehouse_id, k.endpoint_name, k.cluster_id) = 0
                then coalesce(k.resource_type, 'product')
        end as other_kind,
        coalesce(
            k.job_id, k.pipeline_id, k.warehouse_id, k.endpoint_name, k.cluster_id, k.resource_id, k.product
        ) as resource_id
    from present as p
    inner join costpulse.cost_keys as k on p.key_id = k.key_id
)

select
    n.key_id,
    n.workspace_id,
    n.job_id,
    n.pipeline_id,
    n.warehouse_id,
    n.cluster_id,
    n.tags,
    n.resource_type,
    coalesce(n.other_kind, n.resource_type) as resource_kind,
    n.resource_id,
    dense_rank() over (
        order by n.workspace_id, n.resource_type, n.other_kind, n.resource_id
    )::integer as resource_no,
    coalesce(r.owner, n.user_email) as owner,
    n.workspace_id is not null
    and n.product not in (
        'NETWORKING', 'DEFAULT_STORAGE', 'PREDICTIVE_OPTIMIZATION', 'LAKEHOUSE_MONITORING', 'DATA_QUALITY_MONITORING',
        'DATA_CLASSIFICATION', 'FINE_GRAINED_ACCESS_CONTROL', 'BASE_ENVIRONMENTS', 'SHARED_SERVERLESS_COMPUTE',
        'DATA_SHARING', 'CLEAN_ROOM', 'AGENT_EVALUATION'
    )
    and (
        n.resource_type <> 'other'
        or n.other_kind in ('notebook', 'app', 'database_instance', 'training_run')
        or n.product in ('INTERACTIVE', 'NOTEBOOKS', 'APPS', 'DATABASE', 'AI_RUNTIME', 'FOUNDATION_MODEL_TRAINING')
    ) as is_taggable
from named as n
left join costpulse.resource_tags as r
    on n.workspace_id = r.workspace_id and n.resource_type = r.resource_type and n.resource_id = r.resource_id
