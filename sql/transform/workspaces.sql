-- one row per workspace that is listed now or was ever seen in usage; every derived column says where it came from.
-- A vanished workspace keeps its row and its last known name.
with usage_by_sku as (
    -- few rows out of many: the patterns below are matched once per SKU
    select
        r.workspace_id,
        r.cloud,
        r.sku_name,
        max(r.account_id) as account_id,
        count(*) as records
    from costpulse.cost_records as r
    where r.workspace_id is not null and r.usage_date >= %(since)s
    group by r.workspace_id, r.cloud, r.sku_name
),

-- one row per workspace, kind of value and value: in how many records it stands
found as (
    select
        u.workspace_id,
        v.kind,
        v.value,
        sum(u.records) as records
    from usage_by_sku as u
    cross join
        lateral (
            values
            ('cloud', u.cloud),
            -- the region is the suffix that serverless SKUs carry
            (
                'region',
                substring(u.sku_name from '(?:SERVERLESS_SQL_COMPUTE|SERVERLESS_COMPUTE|INFERENCE|STORAGE)_(.+)$')
            ),
            ('plan', substring(u.sku_name from '^(STANDARD|PREMIUM|ENTERPRISE)_'))
        ) as v (kind, value)
    where v.value is not null
    group by u.workspace_id, v.kind, v.value
),

most_frequent as (
    select distinct on (f.workspace_id, f.kind)
        f.workspace_id,
        f.kind,
        f.value
    from found as f
    order by f.workspace_id asc, f.kind asc, f.records desc, f.value asc
),

usage_of_workspace as (
    select
        u.workspace_id,
        max(u.account_id) as account_id,
        max(m.value) filter (where m.kind = 'cloud') as cloud,
        max(m.value) filter (where m.kind = 'region') as region,
        max(m.value) filter (where m.kind = 'plan') as plan
    from usage_by_sku as u
    left join most_frequent as m on u.workspace_id = m.workspace_id
    group by u.workspace_id
)

insert into costpulse.workspaces as known (
    workspace_id, name, host, cloud, region, status, plan, account_id,
    host_source, cloud_source, region_source, plan_source, created_at
)
select
    coalesce(s.workspace_id, u.workspace_id) as workspace_id,
    s.workspace_name as name,
    s.host,
    u.cloud,
    lower(u.region) as region,
    s.status,
    lower(u.plan) as plan,
    coalesce(s.account_id, u.account_id) as account_id,
    case when s.host is not null then 'workspaces_latest' end as host_source,
    case when u.cloud is not null then 'usage' end as cloud_source,
    case when u.region is not null then 'sku suffix' end as region_source,
    case when u.plan is not null then 'sku prefix' end as plan_source,
    s.create_time as created_at
from staged_workspaces as s
full join usage_of_workspace as u on s.workspace_id = u.workspace_id
where coalesce(s.workspace_id, u.workspace_id) is not null
on conflict (workspace_id) do update set
    name = coalesce(excluded.name, known.name),
    host = coalesce(excluded.host, known.host),
    cloud = coalesce(excluded.cloud, known.cloud),
    region = coalesce(excluded.region, known.region),
    status = coalesce(excluded.status, 'VANISHED'),
    plan = coalesce(excluded.plan, known.plan),
    account_id = coalesce(excluded.account_id, known.account_id),
    host_source = coalesce(excluded.host_source, known.host_source),
    cloud_source = coalesce(excluded.cloud_source, known.cloud_source),
    region_source = coalesce(excluded.region_source, known.region_source),
    plan_source = coalesce(excluded.plan_source, known.plan_source),
    created_at = coalesce(excluded.created_at, known.created_at),
    updated_at = now()
