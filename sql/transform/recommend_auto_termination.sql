-- workspace x cluster: all-purpose cluster that does not end by itself, or late, and idles
with candidates as (
    select
        i.workspace_id,
        i.cluster_id,
        i.cluster_name,
        i.owner,
        i.auto_termination_minutes,
        i.is_pool_backed,
        f.counts_from,
        sum(d.cost_usd) as resource_cost_usd,
        sum(d.up_hours) filter (where d.usage_date >= f.counts_from) as up_hours,
        sum(d.idle_hours) filter (where d.usage_date >= f.counts_from) as idle_hours,
        count(*) filter (where d.usage_date >= f.counts_from and d.up_hours > 0) as up_days,
        count(distinct(d.usage_date - %(first_date)s::date) / 7) filter (
            where d.usage_date >= f.counts_from and d.idle_hours * 60 > %(target_minutes)s
        ) as idle_weeks
    from costpulse.cluster_info as i
    -- what it did before its configuration was last changed says nothing about it as it is
    cross join
        lateral (
            select
                case
                    when i.changed_at <= i.created_at or i.changed_at is null then %(first_date)s::date
                    else greatest(%(first_date)s::date, (i.changed_at at time zone 'UTC')::date + 1)
                end as counts_from
        ) as f
    inner join costpulse.cluster_daily as d on i.workspace_id = d.workspace_id and i.cluster_id = d.cluster_id
    where
        i.cluster_type = 'all-purpose'
        and i.deleted_at is null
        and (i.never_terminates or i.auto_termination_minutes > %(maximum_minutes)s)
        and i.last_idle_at >= %(first_date)s::date
        and d.usage_date between %(first_date)s and %(last_date)s
    group by i.id, f.counts_from
    having
        sum(d.cost_usd) > 0
        and sum(d.idle_hours) filter (where d.usage_date >= f.counts_from) > 0
        -- one that nobody uses is what idle_cluster speaks of
        and sum(d.idle_hours) filter (where d.usage_date >= f.counts_from)
        < %(always_idle_percent)s / 100.0 * sum(d.up_hours) filter (where d.usage_date >= f.counts_from)
),

islands as (
    select
        h.workspace_id,
        h.cluster_id,
        sum(h.idle_minutes) as idle_minutes,
        count(*) filter (where h.begins) as stretches,
        sum(h.cost_usd) as cost_usd,
        case when count(h.vm_cost_usd) = count(*) then sum(h.vm_cost_usd) end as vm_cost_usd,
        bool_and(h.is_vm_price_of_user) as is_vm_price_of_user
    from (
        select
            array_agg(c.workspace_id order by c.workspace_id, c.cluster_id) as workspace_ids,
            array_agg(c.cluster_id order by c.workspace_id, c.cluster_id) as cluster_ids,
            array_agg(c.counts_from order by c.workspace_id, c.cluster_id) as from_dates
        from candidates as c
    ) as a
    cross join
        lateral costpulse.idle_hours(a.workspace_ids, a.cluster_ids, a.from_dates, %(last_date)s::date) as h
    group by h.workspace_id, h.cluster_id, h.island
),

savings as (
    select
        s.workspace_id,
        s.cluster_id,
        sum(s.stretches) as stretches,
        sum(s.idle_minutes) as idle_minutes,
        sum(s.cost_usd) as idle_cost_usd,
        sum(greatest(s.idle_minutes - s.stretches * %(target_minutes)s, 0)) as saved_minutes,
        percentile_cont(0.5) within group (order by s.idle_minutes / s.stretches) as typical_minutes,
        sum(
            s.cost_usd * greatest(s.idle_minutes - s.stretches * %(target_minutes)s, 0) / s.idle_minutes
        ) as saving_usd,
        case
            when count(s.vm_cost_usd) = count(*)
                then
                    sum(s.vm_cost_usd * greatest(s.idle_minutes - s.stretches * %(target_minutes)s, 0) / s.idle_minutes)
        end as vm_saving_usd,
        bool_and(s.is_vm_price_of_user) as is_vm_price_of_user
    from islands as s
    group by s.workspace_id, s.cluster_id
),

found as (
    select
        c.*,
        s.stretches,
        round(s.saved_minutes / 60, 1) as saved_hours,
        round(s.typical_minutes) as typical_minutes,
        s.idle_cost_usd,
        least(round(s.saving_usd, 18), c.resource_cost_usd) as saving_usd,
        case when not c.is_pool_backed then round(s.vm_saving_usd, 18) end as vm_saving_usd,
        s.is_vm_price_of_user,
        round(s.stretches::numeric / c.up_days, 1) as starts_per_day
    from candidates as c
    inner join savings as s on c.workspace_id = s.workspace_id and c.cluster_id = s.cluster_id
    where s.saving_usd > 0
)

insert into found_recommendations (
    type, workspace_id, resource_type, resource_id, resource_name, acts_on, bearer_type, bearer_id, person,
    resource_cost_usd, saving_usd, wasted_usd, vm_saving_usd, vm_saving_source, confidence, confidence_reason, title,
    evidence, calculation, setting, setting_from, setting_to, command
)
select
    'auto_termination' as type,
    f.workspace_id,
    'cluster' as resource_type,
    f.cluster_id as resource_id,
    f.cluster_name as resource_name,
    'idle time' as acts_on,
    'cluster' as bearer_type,
    f.cluster_id as bearer_id,
    f.owner as person,
    f.resource_cost_usd,
    f.saving_usd,
    round(f.idle_cost_usd, 18) as wasted_usd,
    f.vm_saving_usd,
    case
        when f.vm_saving_usd is not null then case when f.is_vm_price_of_user then 'user' else 'estimate' end
    end as vm_saving_source,
    case
        when f.starts_per_day > %(frequent_starts)s then 'low'
        when f.up_days >= 14 and f.idle_weeks >= 3 then 'high'
        when f.up_days >= 5 then 'medium'
        else 'low'
    end as confidence,
    case
        when f.starts_per_day > %(frequent_starts)s
            then
                format(
                    'It would be started again about %%s times a day, and people would wait for it.', f.starts_per_day
                )
        else format('It idled in %%s weeks, seen on %%s days with telemetry.', f.idle_weeks, f.up_days)
    end
    || case
        when f.is_pool_backed
            then ' Its pool may keep the machines: what they cost at the cloud provider is not counted.'
        else ''
    end as confidence_reason,
    format(
        'Let "%%s" end after %%s idle minutes, %%s',
        coalesce(f.cluster_name, f.cluster_id),
        %(target_minutes)s::integer,
        case
            when coalesce(f.auto_termination_minutes, 0) = 0 then 'it never ends by itself'
            else format('not after %%s', f.auto_termination_minutes)
        end
    ) as title,
    jsonb_build_object(
        'auto_termination_minutes', coalesce(f.auto_termination_minutes, 0),
        'up_hours', round(f.up_hours, 1),
        'idle_hours', round(f.idle_hours, 1),
        'idle_stretches', f.stretches,
        'typical_idle_minutes', f.typical_minutes,
        'starts_per_day', f.starts_per_day,
        'saved_hours', f.saved_hours,
        'idle_cost_usd', round(f.idle_cost_usd, 2),
        'days', f.up_days,
        'counted_from', f.counts_from
    ) as evidence,
    format(
        '%%s USD of %%s idle hours, less in each idle stretch (%%s) at most %%s minutes, is %%s USD (%%s hours)',
        round(f.idle_cost_usd, 2), round(f.idle_hours, 1), f.stretches, %(target_minutes)s::integer,
        round(f.saving_usd, 2), f.saved_hours
    ) as calculation,
    'auto_termination_minutes' as setting,
    coalesce(f.auto_termination_minutes, 0)::text as setting_from,
    (%(target_minutes)s::integer)::text as setting_to,
    'databricks api post /api/2.1/clusters/update --json '
    || quote_literal(
        jsonb_build_object(
            'cluster_id', f.cluster_id,
            'update_mask', 'autotermination_minutes',
            'cluster', jsonb_build_object('autotermination_minutes', %(target_minutes)s::integer)
        )::text
    ) as command
from found as f
