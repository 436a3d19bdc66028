-- usage_date x key_id x SKU x unit x price, and for corrections x record_type x ingestion_date: what is billed in a
-- month; with the split `team` x team of what several share. A column of FOCUS has its name here in snake_case.
with net as (
    select
        r.usage_date,
        r.key_id,
        r.sku_name,
        r.usage_unit,
        r.cloud,
        r.dbu_rate,
        r.effective_rate,
        b.usage_month < b.billing_month as is_correction,
        case when min(r.record_type) = max(r.record_type) then min(r.record_type) end as record_type,
        max(r.ingestion_date) as ingestion_date,
        max(r.job_name) as job_name,
        sum(r.usage_quantity) as usage_quantity,
        sum(r.list_cost_usd) as list_cost_usd,
        sum(r.cost_usd) as cost_usd,
        row_number() over () as charge
    from costpulse.cost_records as r
    inner join focus_billing as b
        on date_trunc('month', r.usage_date)::date = b.usage_month and r.ingestion_date = b.ingestion_date
    where
        b.billing_month = %(month)s
        and r.usage_date between %(first_day)s and %(last_day)s
        and r.list_cost_usd is not null
    group by
        r.usage_date, r.key_id, r.sku_name, r.usage_unit, r.cloud, r.dbu_rate, r.effective_rate,
        b.usage_month < b.billing_month,
        case when b.usage_month < b.billing_month then r.record_type end,
        case when b.usage_month < b.billing_month then r.ingestion_date end
    having sum(r.usage_quantity) <> 0 or sum(r.list_cost_usd) <> 0 or sum(r.cost_usd) <> 0
),

charged as (
    select distinct
        n.usage_date,
        n.key_id,
        n.sku_name,
        n.usage_unit
    from net as n
),

allocations as (
    select
        a.usage_date,
        a.key_id,
        a.sku_name,
        a.usage_unit,
        a.team_id,
        a.share,
        a.rule_id,
        a.method,
        max(a.split_id) over same_record as split_id,
        count(*) over same_record as part_count,
        row_number() over (same_record order by a.share desc, a.team_id asc nulls last) as place,
        sum(a.share) over same_record as all_shares
    from costpulse.key_allocations as a
    inner join charged as c
        on
            a.usage_date = c.usage_date
            and a.key_id = c.key_id
            and a.sku_name = c.sku_name
            and a.usage_unit = c.usage_unit
    where a.usage_date between %(first_day)s and %(last_day)s
    window same_record as (partition by a.usage_date, a.key_id, a.sku_name, a.usage_unit)
),

-- what one owns alone, and what is shared: as one row, or by the shares, which the largest makes add up to 1
owners as (
    select
        a.usage_date,
        a.key_id,
        a.sku_name,
        a.usage_unit,
        case when a.part_count = 1 or %(split)s = 'team' then a.team_id end as team_id,
        case when a.part_count = 1 then a.method else 'split' end as method,
        coalesce(a.rule_id, a.split_id) as rule_id,
        case when %(split)s = 'team' and a.part_count > 1 then a.split_id end as divided_by,
        case
            when %(split)s = 'none' or a.part_count = 1 then 1
            when a.place = 1 then 1 - (a.all_shares - a.share)
            else a.share
        end as ratio,
        a.place
    from allocations as a
    where a.place = 1 or %(split)s = 'team'
),

-- parts are cut after 18 places, and the largest one has what is left
divided as (
    select
        n.*,
        o.team_id,
        o.method,
        o.rule_id,
        o.divided_by,
        o.ratio,
        coalesce(o.place, 1) as place,
        trunc(n.usage_quantity * coalesce(o.ratio, 1), 18) as quantity_part,
        trunc(n.list_cost_usd * coalesce(o.ratio, 1), 18) as list_part,
        trunc(n.cost_usd * coalesce(o.ratio, 1), 18) as cost_part
    from net as n
    left join owners as o
        on
            n.usage_date = o.usage_date
            and n.key_id = o.key_id
            and n.sku_name = o.sku_name
            and n.usage_unit = o.usage_unit
),

parts as (
    select
        d.*,
        d.quantity_part
        + case when d.place = 1 then d.usage_quantity - sum(d.quantity_part) over same_charge else 0 end as quantity,
        d.list_part
        + case when d.place = 1 then d.list_cost_usd - sum(d.list_part) over same_charge else 0 end as list_cost,
        d.cost_part
        + case when d.place = 1 then d.cost_usd - sum(d.cost_part) over same_charge else 0 end as cost
    from divided as d
    window same_charge as (partition by d.charge)
),

services as (
    select
        s.product,
        s.name,
        s.category,
        s.subcategory,
        s.resource
    from
        unnest(
            %(products)s::text[], %(service_names)s::text[], %(service_categories)s::text[],
            %(service_subcategories)s::text[], %(service_resources)s::text[]
        ) as s (product, name, category, subcategory, resource)
),

units as (
    select
        u.unit,
        u.name
    from unnest(%(units)s::text[], %(unit_names)s::text[]) as u (unit, name)
),

hosts as (
    select
        h.cloud,
        h.name
    from unnest(%(clouds)s::text[], %(host_providers)s::text[]) as h (cloud, name)
),

issuers as (
    select
        i.cloud,
        i.name
    from unnest(%(issuer_clouds)s::text[], %(issuers)s::text[]) as i (cloud, name)
),

regions as (
    select
        r.region_id,
        r.name
    from unnest(%(region_ids)s::text[], %(region_names)s::text[]) as r (region_id, name)
),

products as (
    select
        k.key_id,
        nullif(
            case when k.is_serverless then regexp_replace(k.product, '_SERVERLESS$', '') else k.product end, 'UNKNOWN'
        ) as product
    from costpulse.cost_keys as k
    where k.key_id in (select c.key_id from charged as c)
),

keys as (
    select
        k.*,
        p.product as product_code,
        coalesce(s.name, p.product, 'Databricks') as service_name,
        coalesce(s.category, 'Other') as service_category,
        coalesce(s.subcategory, 'Other (Other)') as service_subcategory,
        r.kind,
        r.id as kind_id,
        (
            select
                jsonb_object_agg(
                    t.key, case when t.value in ('null'::jsonb, '""'::jsonb) then 'true'::jsonb else t.value end
                )
            from jsonb_each(k.tags) as t
        ) as tags_kept
    from costpulse.cost_keys as k
    inner join products as p on k.key_id = p.key_id
    left join services as s on p.product = s.product
    left join lateral (
        select
            v.kind,
            v.id
        from (
            values
            (1, 'warehouse', k.warehouse_id),
            (2, 'job', k.job_id),
            (3, 'pipeline', k.pipeline_id),
            (4, 'cluster', k.cluster_id),
            (5, 'endpoint', k.endpoint_name),
            (6, k.resource_type, k.resource_id)
        ) as v (place, kind, id)
        where v.id is not null and v.kind is not null
        order by (v.kind is not distinct from s.resource) desc, v.place asc
        limit 1
    ) as r on true
),

-- usage before the first known name goes by that one
names as (
    select
        n.workspace_id,
        n.resource_type,
        n.resource_id,
        n.name,
        case
            when row_number() over (
                partition by n.workspace_id, n.resource_type, n.resource_id order by n.valid_from
            ) = 1 then '-infinity'
            else n.valid_from
        end as valid_from,
        coalesce(n.valid_to, 'infinity') as valid_to
    from costpulse.resource_names as n
),

-- what a team was called when the month was closed, or is called now
teams as (
    select distinct on (v.object_id)
        v.object_id as team_id,
        v.content ->> 'name' as name
    from costpulse.rule_versions as v
    inner join focus_closings as c
        on
            c.month = %(month)s
            and (
                c.closed_on is null
                or v.id <= c.rules_up_to
                or (c.closed_at is null and v.changed_at < c.closed_on)
            )
    where v.kind = 'team'
    order by v.object_id asc, v.id desc
)

select
    case
        when p.divided_by is not null
            then
                jsonb_build_object(
                    'Elements', jsonb_build_array(jsonb_build_object('AllocatedRatio', trim_scale(p.ratio)))
                )
    end as allocated_method_details,
    case when p.divided_by is not null then %(method_id)s::text end as allocated_method_id,
    case when p.divided_by is not null then p.team_id::text end as allocated_resource_id,
    case when p.divided_by is not null and p.team_id is not null then coalesce(t.name, n.name, 'Team ' || p.team_id) end
        as allocated_resource_name,
    case
        when p.divided_by is not null and p.team_id is not null
            then jsonb_build_object('costpulse/team', coalesce(t.name, n.name, 'Team ' || p.team_id))
    end as allocated_tags,
    null::text as availability_zone,
    case when %(billed_cost)s = 'zero' then 0 else p.cost end::numeric(38, 18) as billed_cost,
    coalesce(k.account_id, w.account_id, %(account_id)s::text) as billing_account_id,
    %(account_name)s::text as billing_account_name,
    'Account' as billing_account_type,
    'USD' as billing_currency,
    to_char(%(month)s::date + interval '1 month', 'YYYY-MM-DD"T00:00:00Z"') as billing_period_end,
    to_char(%(month)s::date, 'YYYY-MM-DD"T00:00:00Z"') as billing_period_start,
    null::text as capacity_reservation_id,
    null::text as capacity_reservation_status,
    'Usage' as charge_category,
    case when p.is_correction then 'Correction' end as charge_class,
    case when p.is_correction then 'Correction of ' || to_char(p.usage_date, 'YYYY-MM') || ': ' else '' end
    || k.service_name || ', ' || replace(p.sku_name, '_', ' ') as charge_description,
    'Usage-Based' as charge_frequency,
    to_char(p.usage_date + 1, 'YYYY-MM-DD"T00:00:00Z"') as charge_period_end,
    to_char(p.usage_date, 'YYYY-MM-DD"T00:00:00Z"') as charge_period_start,
    null::text as commitment_discount_category,
    null::text as commitment_discount_id,
    null::text as commitment_discount_name,
    null::text as commitment_discount_quantity,
    null::text as commitment_discount_status,
    null::text as commitment_discount_type,
    null::text as commitment_discount_unit,
    null::text as commitment_program_eligibility_details,
    p.quantity::numeric(38, 18) as consumed_quantity,
    coalesce(u.name, p.usage_unit) as consumed_unit,
    null::text as contract_applied,
    p.cost::numeric(38, 18) as contracted_cost,
    p.effective_rate as contracted_unit_price,
    p.cost::numeric(38, 18) as effective_cost,
    h.name as host_provider_name,
    null::text as invoice_detail_id,
    null::text as invoice_id,
    coalesce(i.name, 'Databricks') as invoice_issuer_name,
    p.list_cost::numeric(38, 18) as list_cost,
    p.dbu_rate as list_unit_price,
    'Standard' as pricing_category,
    'USD' as pricing_currency,
    p.effective_rate as pricing_currency_contracted_unit_price,
    p.cost::numeric(38, 18) as pricing_currency_effective_cost,
    p.dbu_rate as pricing_currency_list_unit_price,
    p.quantity::numeric(38, 18) as pricing_quantity,
    coalesce(u.name, p.usage_unit) as pricing_unit,
    'Databricks' as provider_name,
    'Databricks' as publisher_name,
    w.region as region_id,
    coalesce(g.name, w.region) as region_name,
    case
        when k.kind is not null
            then
                coalesce('workspaces/' || nullif(k.workspace_id, '0'), 'account')
                || '/' || k.kind || 's/' || k.kind_id
    end as resource_id,
    case
        when k.kind = 'endpoint' then k.kind_id
        when k.kind = 'job' then coalesce(resource_name.name, p.job_name)
        when k.kind is not null then resource_name.name
    end as resource_name,
    case k.kind
        when 'warehouse' then 'SQL Warehouse'
        when 'endpoint' then 'Serving Endpoint'
        else initcap(replace(k.kind, '_', ' '))
    end as resource_type,
    k.service_category,
    k.service_name,
    'Databricks' as service_provider_name,
    k.service_subcategory,
    p.sku_name as sku_id,
    k.usage_type as sku_meter,
    nullif(
        jsonb_strip_nulls(
            jsonb_build_object(
                'x_Tier', initcap((regexp_match(p.sku_name, '^(STANDARD|PREMIUM|ENTERPRISE)_'))[1]),
                'x_Serverless', nullif(p.sku_name ~ 'SERVERLESS', false),
                'x_Photon', nullif(p.sku_name ~ 'PHOTON', false)
            )
        ),
        '{}'
    ) as sku_price_details,
    p.sku_name as sku_price_id,
    nullif(k.workspace_id, '0') as sub_account_id,
    case
        when nullif(k.workspace_id, '0') is not null then coalesce(workspace_name.name, w.name, k.workspace_id)
    end as sub_account_name,
    case when nullif(k.workspace_id, '0') is not null then 'Workspace' end as sub_account_type,
    k.tags_kept as tags,
    case when p.team_id is not null then coalesce(t.name, n.name, 'Team ' || p.team_id) end as x_team,
    p.team_id::text as x_team_id,
    p.method as x_allocation_method,
    p.rule_id::text as x_allocation_rule_id,
    k.user_email as x_user,
    k.user_source as x_user_source,
    k.product_code as x_billing_origin_product,
    k.is_serverless::text as x_serverless,
    k.cluster_id as x_cluster_id,
    k.warehouse_id as x_warehouse_id,
    k.job_id as x_job_id,
    k.pipeline_id as x_pipeline_id,
    k.endpoint_name as x_endpoint_name,
    p.record_type as x_record_type,
    to_char(p.ingestion_date, 'YYYY-MM-DD') as x_ingestion_date,
    k.key_id::text as x_key_id
from parts as p
inner join keys as k on p.key_id = k.key_id
left join costpulse.workspaces as w on k.workspace_id = w.workspace_id
left join names as workspace_name
    on
        k.workspace_id = workspace_name.workspace_id
        and workspace_name.resource_type = 'workspace'
        and p.usage_date >= workspace_name.valid_from
        and p.usage_date < workspace_name.valid_to
left join names as resource_name
    on
        k.workspace_id = resource_name.workspace_id
        and k.kind = resource_name.resource_type
        and k.kind_id = resource_name.resource_id
        and p.usage_date >= resource_name.valid_from
        and p.usage_date < resource_name.valid_to
left join units as u on p.usage_unit = u.unit
left join hosts as h on coalesce(p.cloud, w.cloud) = h.cloud
left join issuers as i on coalesce(p.cloud, w.cloud) = i.cloud
left join regions as g on w.region = g.region_id
left join teams as t on p.team_id = t.team_id
left join costpulse.teams as n on p.team_id = n.id
