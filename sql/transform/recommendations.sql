-- Merges what was found into what is known; one row: how many are new, and how many are open again. A done one stays
-- as it was when it was done until the window lies wholly behind that day and the next.
with bearers as (
    select distinct
        f.workspace_id,
        f.bearer_type,
        f.bearer_id
    from found_recommendations as f
),

bearer_costs as (
    select
        b.workspace_id,
        b.bearer_type,
        b.bearer_id,
        d.team_id,
        sum(d.cost_usd) as cost_usd
    from costpulse.cost_keys as k
    cross join
        lateral unnest(
            array['cluster', 'warehouse', 'job', 'pipeline', 'endpoint'],
            array[k.cluster_id, k.warehouse_id, k.job_id, k.pipeline_id, k.endpoint_name]
        ) as v (bearer_type, bearer_id)
    inner join bearers as b
        on
            v.bearer_type = b.bearer_type
            and v.bearer_id = b.bearer_id
            and k.workspace_id is not distinct from b.workspace_id
    inner join costpulse.daily_key_costs as d
        on
            k.key_id = d.key_id
            and d.usage_date between %(first_date)s and %(last_date)s
    where k.last_usage_date >= %(first_date)s
    group by b.workspace_id, b.bearer_type, b.bearer_id, d.team_id
),

bearer_teams as (
    select distinct on (c.workspace_id, c.bearer_type, c.bearer_id)
        c.workspace_id,
        c.bearer_type,
        c.bearer_id,
        c.team_id
    from bearer_costs as c
    order by
        c.workspace_id asc, c.bearer_type asc, c.bearer_id asc, c.cost_usd desc nulls last, c.team_id asc nulls last
),

judged as (
    select
        f.*,
        r.id as known_id,
        r.status,
        r.status_reason,
        r.dismissed_until,
        r.dismissed_savings,
        r.decided_by,
        r.decided_at,
        case
            when r.status = 'expired' then 'found again'
            when r.status = 'dismissed' and r.dismissed_until < %(today)s
                then 'was dismissed until ' || r.dismissed_until
            when r.status = 'dismissed' and f.saving_usd >= 2 * r.dismissed_savings
                then 'saves at least twice what it did when it was dismissed'
            when r.status = 'done' then 'still there after it was done on ' || r.done_on
        end as back_because
    from found_recommendations as f
    left join costpulse.recommendations as r
        on
            f.type = r.type
            and f.workspace_id is not distinct from r.workspace_id
            and f.resource_type = r.resource_type
            and f.resource_id = r.resource_id
    where r.status is distinct from 'done' or %(first_date)s > r.done_on + 1
),

merged as (
    insert into costpulse.recommendations as r (
        type,
        workspace_id,
        resource_type,
        resource_id,
        resource_name,
        bearer_type,
        bearer_id,
        acts_on,
        title,
        team_id,
        person,
        standalone_savings,
        resource_cost_usd,
        wasted_usd,
        vm_savings,
        vm_savings_source,
        confidence,
        confidence_reason,
        evidence,
        calculation,
        setting,
        setting_from,
        setting_to,
        command,
        window_first,
        window_last,
        found_first_at,
        found_at,
        status,
        status_reason,
        dismissed_until,
        dismissed_savings,
        decided_by,
        decided_at
    )
    select
        j.type,
        j.workspace_id,
        j.resource_type,
        j.resource_id,
        j.resource_name,
        j.bearer_type,
        j.bearer_id,
        j.acts_on,
        j.title,
        t.team_id,
        j.person,
        j.saving_usd,
        j.resource_cost_usd,
        j.wasted_usd,
        j.vm_saving_usd,
        j.vm_saving_source,
        j.confidence,
        j.confidence_reason,
        j.evidence,
        j.calculation,
        j.setting,
        j.setting_from,
        j.setting_to,
        j.command,
        %(first_date)s,
        %(last_date)s,
        %(now)s,
        %(now)s,
        case when j.known_id is null or j.back_because is not null then 'open' else j.status end,
        coalesce(j.back_because, j.status_reason),
        case when j.back_because is null then j.dismissed_until end,
        case when j.back_because is null then j.dismissed_savings end,
        case when j.back_because is null then j.decided_by else 'pipeline' end,
        case when j.back_because is null then j.decided_at else %(now)s end
    from judged as j
    left join bearer_teams as t
        on
            j.workspace_id is not distinct from t.workspace_id
            and j.bearer_type = t.bearer_type
            and j.bearer_id = t.bearer_id
    on conflict (type, workspace_id, resource_type, resource_id) do update
        set
            resource_name = excluded.resource_name,
            bearer_type = excluded.bearer_type,
            bearer_id = excluded.bearer_id,
            acts_on = excluded.acts_on,
            title = excluded.title,
            team_id = excluded.team_id,
            person = excluded.person,
            standalone_savings = excluded.standalone_savings,
            resource_cost_usd = excluded.resource_cost_usd,
            wasted_usd = excluded.wasted_usd,
            vm_savings = excluded.vm_savings,
            vm_savings_source = excluded.vm_savings_source,
            confidence = excluded.confidence,
            confidence_reason = excluded.confidence_reason,
            evidence = excluded.evidence,
            calculation = excluded.calculation,
            setting = excluded.setting,
            setting_from = excluded.setting_from,
            setting_to = excluded.setting_to,
            command = excluded.command,
            window_first = excluded.window_first,
            window_last = excluded.window_last,
            found_at = excluded.found_at,
            gone_at = null,
            status = excluded.status,
            status_reason = excluded.status_reason,
            dismissed_until = excluded.dismissed_until,
            dismissed_savings = excluded.dismissed_savings,
            done_on = null,
            decided_by = excluded.decided_by,
            decided_at = excluded.decided_at
    returning r.id, r.status
)

select
    count(*) filter (where k.id is null) as new,
    count(*) filter (where k.status <> m.status) as back
from merged as m
-- as it was before this statement
left join costpulse.recommendations as k on m.id = k.id
