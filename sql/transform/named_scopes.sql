-- one row per scope asked for: what it is called, and whether there is such a thing
with asked as (
    select
        a.scope_type,
        a.scope_id,
        split_part(a.scope_id, '/', 1) as workspace_id,
        substring(a.scope_id from position('/' in a.scope_id) + 1) as resource_id
    from unnest(%(scope_types)s::text[], %(scope_ids)s::text[]) as a (scope_type, scope_id)
)

select
    a.scope_type,
    a.scope_id,
    coalesce(
        nullif(
            case a.scope_type
                when 'everything' then 'Whole account'
                when 'team' then case when a.scope_id = 'unallocated' then 'Unallocated' else t.name end
                when 'workspace' then w.name
                else n.name
            end,
            ''
        ),
        a.scope_id
    ) as name,
    -- one case after the other: what is not asked for is not read; a tag may come, and before the first bill all may
    case
        when a.scope_type in ('everything', 'tag') then true
        when a.scope_type = 'team' then t.id is not null or a.scope_id = 'unallocated'
        when w.workspace_id is not null or n.resource_id is not null then true
        when not exists (select 1 from costpulse.cost_keys) then true
        when a.scope_type = 'workspace'
            then
                a.scope_id in (
                    select k.workspace_id from costpulse.cost_keys as k
                    where k.workspace_id is not null
                )
        when a.scope_type = 'product' then a.scope_id in (select k.product from costpulse.cost_keys as k)
        when a.scope_type = 'sku'
            then
                a.scope_id in (select p.sku_name from costpulse.list_prices as p)
                or a.scope_id in (select d.sku_name from costpulse.daily_sku_costs as d)
        when a.scope_type = 'job'
            then
                a.scope_id in (
                    select coalesce(k.workspace_id, '') || '/' || k.job_id from costpulse.cost_keys as k
                    where k.job_id is not null
                )
        when a.scope_type = 'warehouse'
            then
                a.scope_id in (
                    select coalesce(k.workspace_id, '') || '/' || k.warehouse_id from costpulse.cost_keys as k
                    where k.warehouse_id is not null
                )
        when a.scope_type = 'cluster'
            then
                a.scope_id in (
                    select coalesce(k.workspace_id, '') || '/' || k.cluster_id from costpulse.cost_keys as k
                    where k.cluster_id is not null
                )
        else false
    end as is_there
from asked as a
left join costpulse.teams as t on a.scope_type = 'team' and a.scope_id = t.id::text
left join costpulse.workspaces as w on a.scope_type = 'workspace' and a.scope_id = w.workspace_id
left join costpulse.resource_names as n
    on
        a.scope_type = n.resource_type
        and a.workspace_id = n.workspace_id
        and a.resource_id = n.resource_id
        and n.valid_to is null
