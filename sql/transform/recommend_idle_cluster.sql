-- workspace x cluster: all-purpose cluster that did nothing in much of the time it was up, and still exists
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
            where
            d.usage_date >= f.counts_from
            and d.up_hours > 0
            and d.idle_hours >= %(minimum_idle_percent)s / 100.0 * d.up_hours
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
        and i.last_idle_at >= %(first_date)s::date
        and d.usage_date between %(first_date)s and %(last_date)s
    group by i.id, f.counts_from
    having
        sum(d.cost_usd) > 0
        and sum(d.idle_hours) filter (where d.usage_date >= f.counts_from) >= %(minimum_idle_hours)s
        and sum(d.idle_hours) filter (where d.usage_date >= f.counts_from)
        >= %(minimum_idle_percent)s / 100.0 * sum(d.up_hours) filter (where d.usage_date >= f.counts_from)
        -- one that is used and ends late or never is what auto_termination speaks of
        and (
            i.auto_termination_minutes between 1 and %(long_minutes)s
            or sum(d.idle_hours) filter (where d.usage_date >= f.counts_from)
            >= %(always_idle_percent)s / 100.0 * sum(d.up_hours) filter (where d.usage_date >= f.counts_from)
        )
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

-- Minutes that a stretch keeps. Of a cluster that is used and whose own limit is short, only what lies between the
-- limits is counted: beyond its own, something holds it up that another limit would not end either.
kept as (
    select
        s.*,
        greatest(
            case
                when
                    c.auto_termination_minutes between 1 and %(long_minutes)s
                    and c.idle_hours < %(always_idle_percent)s / 100.0 * c.up_hours
                    then least(s.idle_minutes, s.stretches * c.auto_termination_minutes)
                else s.idle_minutes
            end - least(s.idle_minutes, s.stretches * %(target_minutes)s),
            0
        ) as saved_minutes
    from islands as s
    inner join candidates as c on s.workspace_id = c.workspace_id and s.cluster_id = c.cluster_id
),

savings as (
    select
        k.workspace_id,
        k.cluster_id,
        sum(k.stretches) as stretches,
        sum(k.idle_minutes) as idle_minutes,
        sum(k.saved_minutes) as saved_minutes,
        sum(k.cost_usd) as idle_cost_usd,
        sum(k.cost_usd * k.saved_minutes / k.idle_minutes) as saving_usd,
        case
            when count(k.vm_cost_usd) = count(*) then sum(k.vm_cost_usd * k.saved_minutes / k.idle_minutes)
        end as vm_saving_usd,
        bool_and(k.is_vm_price_of_user) as is_vm_price_of_user
    from kept as k
    group by k.workspace_id, k.cluster_id
),

found as (
    select
        c.*,
        s.stretches,
        round(s.saved_minutes / 60, 1) as saved_hours,
        s.idle_cost_usd,
        least(round(s.saving_usd, 18), c.resource_cost_usd) as saving_usd,
        case when not c.is_pool_backed then round(s.vm_saving_usd, 18) end as vm_saving_usd,
        s.is_vm_price_of_user,
        coalesce(c.cluster_name, c.cluster_id) as called,
        c.idle_hours >= %(always_idle_percent)s / 100.0 * c.up_hours as is_always_idle,
        coalesce(c.auto_termination_minutes, 0) = 0
        or c.auto_termination_minutes > %(target_minutes)s as can_be_lowered,
        coalesce(c.auto_termination_minutes between 1 and %(long_minutes)s, false) as has_short_limit
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
    'idle_cluster' as type,
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
        when f.has_short_limit and f.is_always_idle then 'low'
        when f.up_days >= 14 and f.idle_weeks >= 3 then 'high'
        when f.up_days >= 5 then 'medium'
        else 'low'
    end as confidence,
    case
        when f.has_short_limit and f.is_always_idle
            then
                format(
                    'Its auto-termination of %%s minutes does not end it: something that leaves the CPU alone, such as '
                    'an open session, counts as use.', f.auto_termination_minutes
                )
        else
            format(
                'Idle for most of the time in %%s weeks, seen on %%s days with telemetry.',
                f.idle_weeks,
                f.up_days
            )
    end
    || case
        when f.is_pool_backed
            then ' Its pool may keep the machines: what they cost at the cloud provider is not counted.'
        else ''
    end as confidence_reason,
    case
        when f.is_always_idle and f.can_be_lowered
            then
                format(
                    'Delete "%%s", or let it stop after %%s idle minutes: nobody seems to use it', f.called,
                    %(target_minutes)s::integer
                )
        when f.is_always_idle then format('Stop or delete "%%s": nobody seems to use it', f.called)
        else format('Stop "%%s" after %%s idle minutes', f.called, %(target_minutes)s::integer)
    end as title,
    jsonb_build_object(
        'up_hours', round(f.up_hours, 1),
        'idle_hours', round(f.idle_hours, 1),
        'idle_percent', round(100 * f.idle_hours / f.up_hours, 1),
        'idle_stretches', f.stretches,
        'saved_hours', f.saved_hours,
        'idle_cost_usd', round(f.idle_cost_usd, 2),
        'days', f.up_days,
        'counted_from', f.counts_from,
        'auto_termination_minutes', coalesce(f.auto_termination_minutes, 0)
    ) as evidence,
    format(
        '%%s USD of %%s idle hours, less in each idle stretch (%%s) at most %%s minutes, is %%s USD (%%s hours)',
        round(f.idle_cost_usd, 2), round(f.idle_hours, 1), f.stretches, %(target_minutes)s::integer,
        round(f.saving_usd, 2), f.saved_hours
    ) as calculation,
    case when f.can_be_lowered then 'auto_termination_minutes' end as setting,
    case when f.can_be_lowered then coalesce(f.auto_termination_minutes, 0)::text end as setting_from,
    case when f.can_be_lowered then (%(target_minutes)s::integer)::text end as setting_to,
    case
        when f.can_be_lowered
            then
                'databricks api post /api/2.1/clusters/update --json '
                || quote_literal(
                    jsonb_build_object(
                        'cluster_id', f.cluster_id,
                        'update_mask', 'autotermination_minutes',
                        'cluster', jsonb_build_object('autotermination_minutes', %(target_minutes)s::integer)
                    )::text
                )
        else 'databricks clusters delete ' || quote_literal(f.cluster_id)
    end as command
from found as f
