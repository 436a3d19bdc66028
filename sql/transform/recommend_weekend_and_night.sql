-- workspace x cluster: all-purpose cluster that is up, week after week, in hours in which nothing ever happens
with candidates as materialized (
    select
        row_number() over () as number,
        i.workspace_id,
        i.cluster_id,
        i.cluster_name,
        i.owner,
        i.auto_termination_minutes,
        i.is_pool_backed,
        f.counts_from,
        sum(d.cost_usd) as resource_cost_usd,
        count(*) filter (where d.usage_date >= f.counts_from and d.up_hours > 0) as up_days,
        bool_or(d.usage_date >= f.counts_from and d.task_hours > 0) as has_tasks
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
        -- where its own limit is off or long, that is the simpler thing to change
        and i.auto_termination_minutes between 1 and %(long_minutes)s
        and i.last_idle_at >= %(first_date)s::date
        and f.counts_from <= %(last_date)s::date - 7 * %(minimum_weeks)s::integer + 1
        and d.usage_date between %(first_date)s and %(last_date)s
    group by i.id, f.counts_from
    having
        sum(d.cost_usd) > 0
        and sum(d.idle_hours) filter (where d.usage_date >= f.counts_from) >= %(minimum_idle_hours)s
        and sum(d.idle_hours) filter (where d.usage_date >= f.counts_from)
        < %(always_idle_percent)s / 100.0 * sum(d.up_hours) filter (where d.usage_date >= f.counts_from)
),

-- hour of the week, 0 is Monday 00:00 UTC, in which it was up in enough weeks and its CPU rested each time. Cluster by
-- cluster: one after the other, their hours are grouped in memory.
slots as (
    select
        c.number,
        c.workspace_id,
        c.cluster_id,
        h.slot,
        h.times_up,
        h.dates
    from candidates as c
    cross join lateral (
        select
            mod(n.usage_date - '1900-01-01'::date, 7) * 24 + n.usage_hour as slot,
            count(*) as times_up,
            array_agg(n.usage_date) filter (where c.has_tasks) as dates
        from costpulse.node_utilization as n
        where
            n.workspace_id = c.workspace_id
            and n.cluster_id = c.cluster_id
            and n.usage_date between c.counts_from and %(last_date)s
            and n.up_minutes is not null
        group by slot
        having bool_and(n.idle_minutes = n.up_minutes) and count(*) >= %(minimum_weeks)s
    ) as h
),

-- Those in which no task ran either. Hours of the week that follow each other are a span.
quiet as (
    select
        s.number,
        s.workspace_id,
        s.cluster_id,
        s.slot,
        s.times_up,
        s.slot - row_number() over (partition by s.number order by s.slot) as span
    from slots as s
    where
        not exists (
            select 1 as found
            from costpulse.cluster_task_hours as t
            where
                t.usage_date = any(s.dates)
                and t.usage_hour = mod(s.slot, 24)
                and t.workspace_id = s.workspace_id
                and t.cluster_id = s.cluster_id
                and t.task_seconds > 0
        )
),

spans as materialized (
    select
        q.*,
        count(*) over (partition by q.number, q.span) as hours
    from quiet as q
),

schedules as materialized (
    select
        s.number,
        sum(s.last_slot - s.first_slot + 1) as quiet_hours_per_week,
        min(s.times_up) as times_up,
        string_agg(
            format(
                '%%s %%s:00 - %%s %%s:00',
                (array['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])[s.first_slot / 24 + 1],
                lpad(mod(s.first_slot, 24)::text, 2, '0'),
                (array['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])[mod(s.last_slot + 1, 168) / 24 + 1],
                lpad(mod(s.last_slot + 1, 24)::text, 2, '0')
            ), ', ' order by s.first_slot
        ) as stopped
    from (
        select
            p.number,
            min(p.slot) as first_slot,
            max(p.slot) as last_slot,
            min(p.times_up) as times_up
        from spans as p
        where p.hours >= %(minimum_hours)s
        group by p.number, p.span
    ) as s
    group by s.number
),

savings as materialized (
    select
        n.number,
        sum(h.idle_minutes) as idle_minutes,
        sum(h.cost_usd) as saving_usd,
        case when count(h.vm_cost_usd) = count(*) then sum(h.vm_cost_usd) end as vm_saving_usd,
        bool_and(h.is_vm_price_of_user) as is_vm_price_of_user
    from (
        select
            array_agg(c.workspace_id order by c.workspace_id, c.cluster_id) as workspace_ids,
            array_agg(c.cluster_id order by c.workspace_id, c.cluster_id) as cluster_ids,
            array_agg(c.counts_from order by c.workspace_id, c.cluster_id) as from_dates
        from candidates as c
        inner join schedules as s on c.number = s.number
    ) as a
    cross join
        lateral costpulse.idle_hours(a.workspace_ids, a.cluster_ids, a.from_dates, %(last_date)s::date) as h
    inner join spans as n
        on
            h.workspace_id = n.workspace_id
            and h.cluster_id = n.cluster_id
            and mod(h.hour_start::date - '1900-01-01'::date, 7) * 24 + extract(hour from h.hour_start)::integer = n.slot
    where n.hours >= %(minimum_hours)s
    group by n.number
),

found as (
    select
        c.*,
        p.quiet_hours_per_week,
        p.times_up,
        p.stopped,
        round(s.idle_minutes / 60, 1) as quiet_hours,
        least(round(s.saving_usd, 18), c.resource_cost_usd) as saving_usd,
        case when not c.is_pool_backed then round(s.vm_saving_usd, 18) end as vm_saving_usd,
        s.is_vm_price_of_user
    from candidates as c
    inner join schedules as p on c.number = p.number
    inner join savings as s on c.number = s.number
    where s.saving_usd > 0
)

insert into found_recommendations (
    type, workspace_id, resource_type, resource_id, resource_name, acts_on, bearer_type, bearer_id, person,
    resource_cost_usd, saving_usd, wasted_usd, vm_saving_usd, vm_saving_source, confidence, confidence_reason, title,
    evidence, calculation, setting, setting_from, setting_to, command
)
select
    'weekend_and_night' as type,
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
    null as wasted_usd,
    f.vm_saving_usd,
    case
        when f.vm_saving_usd is not null then case when f.is_vm_price_of_user then 'user' else 'estimate' end
    end as vm_saving_source,
    case when f.times_up >= 4 then 'high' else 'medium' end as confidence,
    format(
        'In each of these hours it was up in at least %%s weeks, and nothing happened in any of them.', f.times_up
    )
    || case
        when f.is_pool_backed
            then ' Its pool may keep the machines: what they cost at the cloud provider is not counted.'
        else ''
    end as confidence_reason,
    format(
        'Stop "%%s" by a schedule in %%s hours a week in which nothing happens',
        coalesce(f.cluster_name, f.cluster_id), f.quiet_hours_per_week
    ) as title,
    jsonb_build_object(
        'stopped_utc', f.stopped,
        'quiet_hours_per_week', f.quiet_hours_per_week,
        'quiet_hours', f.quiet_hours,
        'fewest_weeks', f.times_up,
        'days', f.up_days,
        'counted_from', f.counts_from,
        'auto_termination_minutes', f.auto_termination_minutes
    ) as evidence,
    format(
        'cost of the %%s hours that it was up in %%s (UTC): %%s USD', f.quiet_hours, f.stopped, round(f.saving_usd, 2)
    ) as calculation,
    'stopped_utc' as setting,
    null as setting_from,
    f.stopped as setting_to,
    'databricks clusters delete ' || quote_literal(f.cluster_id) as command
from found as f
