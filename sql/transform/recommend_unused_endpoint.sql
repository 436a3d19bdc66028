-- serving endpoints whose compute costs the same day after day although the requests that used to be metered in the
-- bill have ceased. Without metered requests the bill cannot tell a quiet endpoint from a busy one: nothing is said.
with keys as materialized (
    select
        k.key_id,
        k.workspace_id,
        k.endpoint_name,
        -- billed by the request: what the gateway in front of it records, and tokens
        k.product like 'AI_GATEWAY%%' or coalesce(k.usage_type = 'TOKEN', false) as is_metered
    from costpulse.cost_keys as k
    where
        k.endpoint_name is not null
        and k.workspace_id is not null
        and k.last_usage_date >= %(first_date)s::date - %(lookback_days)s::integer
        and k.first_usage_date <= %(last_date)s
),

-- only of endpoints that both kinds of usage are known of
days as materialized (
    select
        k.workspace_id,
        k.endpoint_name,
        d.usage_date,
        sum(d.usage_quantity) filter (where k.is_metered) as metered_quantity,
        sum(d.dbu_count) filter (where not k.is_metered) as dbu_count,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_key_costs as d
    inner join keys as k on d.key_id = k.key_id
    where
        d.usage_date between %(first_date)s::date - %(lookback_days)s::integer and %(last_date)s
        and exists (
            select 1
            from keys as m
            where m.is_metered and m.workspace_id = k.workspace_id and m.endpoint_name = k.endpoint_name
        )
    group by k.workspace_id, k.endpoint_name, d.usage_date
),

used as (
    select
        d.workspace_id,
        d.endpoint_name,
        count(*) filter (where d.metered_quantity > 0) as metered_days,
        max(d.usage_date) filter (where d.metered_quantity <> 0) as last_metered_on,
        count(*) filter (where d.usage_date >= %(first_date)s and d.dbu_count > 0) as running_days,
        sum(d.cost_usd) filter (where d.usage_date >= %(first_date)s) as cost_usd,
        min(d.dbu_count) filter (where d.usage_date >= %(first_date)s) as least_dbus,
        max(d.dbu_count) filter (where d.usage_date >= %(first_date)s) as most_dbus,
        avg(d.dbu_count) filter (where d.metered_quantity > 0) as metered_dbus
    from days as d
    group by d.workspace_id, d.endpoint_name
),

judged as (
    select
        e.workspace_id,
        e.endpoint_name,
        e.creator,
        e.served_entity_count,
        u.metered_days,
        u.last_metered_on,
        u.running_days,
        u.cost_usd,
        u.least_dbus,
        u.most_dbus,
        u.metered_dbus,
        %(last_date)s::date - u.last_metered_on as days_without,
        -- whoever changes an endpoint may have changed its gateway too, and it used to need more when it was asked
        (e.change_time at time zone 'UTC')::date <= u.last_metered_on
        and u.metered_dbus > u.most_dbus * 1.05 as has_fallen
    from used as u
    inner join costpulse.serving_endpoints as e
        on u.workspace_id = e.workspace_id and u.endpoint_name = e.endpoint_name
    where
        e.delete_time is null
        and u.metered_days >= %(metered_days)s
        and u.last_metered_on < %(first_date)s
        -- made anew since under the same name: another endpoint, which may never have been metered
        and (e.change_time at time zone 'UTC')::date < %(first_date)s
        and u.running_days = %(last_date)s::date - %(first_date)s::date + 1
        and u.most_dbus <= u.least_dbus * (1 + %(maximum_spread_percent)s / 100)
)

insert into found_recommendations (
    type, workspace_id, resource_type, resource_id, resource_name, acts_on, bearer_type, bearer_id, person,
    resource_cost_usd, saving_usd, wasted_usd, vm_saving_usd, vm_saving_source, confidence, confidence_reason, title,
    evidence, calculation, setting, setting_from, setting_to, command
)
select
    'unused_endpoint' as type,
    j.workspace_id,
    'endpoint' as resource_type,
    j.endpoint_name as resource_id,
    j.endpoint_name as resource_name,
    'existence' as acts_on,
    'endpoint' as bearer_type,
    j.endpoint_name as bearer_id,
    j.creator as person,
    j.cost_usd as resource_cost_usd,
    j.cost_usd as saving_usd,
    null as wasted_usd,
    null as vm_saving_usd,
    null as vm_saving_source,
    case when j.has_fallen then 'medium' else 'low' end as confidence,
    case
        when j.has_fallen
            then
                'Requests were metered until ' || j.last_metered_on || ' and none since, it was not changed since, and '
                'its compute fell to one level.'
        else
            'Requests were metered until ' || j.last_metered_on || ' and none since; had somebody only turned off the '
            'gateway''s records, the bill would look the same.'
    end as confidence_reason,
    'Delete "' || j.endpoint_name || '": no request in ' || j.days_without || ' days' as title,
    jsonb_build_object(
        'metered_days', j.metered_days,
        'last_metered_on', j.last_metered_on,
        'days_without_requests', j.days_without,
        'running_days', j.running_days,
        'dbus_per_day', round((j.least_dbus + j.most_dbus) / 2, 2),
        'dbus_per_metered_day', round(j.metered_dbus, 2),
        'served_entities', j.served_entity_count
    ) as evidence,
    j.running_days || ' days x ' || round(j.cost_usd / j.running_days, 2) || ' USD/day = ' || round(j.cost_usd, 2)
    || ' USD' as calculation,
    null as setting,
    null as setting_from,
    null as setting_to,
    'DELETE /api/2.0/serving-endpoints/' || j.endpoint_name as command
from judged as j
where j.cost_usd > 0
