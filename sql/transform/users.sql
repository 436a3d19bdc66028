-- one row per identity named in the bill, in queries or as an owner; the caller moved the rows before to known_users.
-- Addresses are compared without regard to case and blanks around them; every other identity as it is.
-- The bill is read from `seen_since` on; who was seen in it before is among the known ones.
with seen as (
    -- identity x workspace x source, by several spellings
    select
        c.user_email as identity,
        c.workspace_id,
        'billing' as source,
        min(c.usage_date) as first_day,
        max(c.usage_date) as last_day,
        sum(c.cost_usd) filter (where c.usage_date between %(evidence_from)s and %(to_date)s) as cost_usd,
        sum(c.cost_usd) filter (where c.usage_date between %(from_date)s and %(to_date)s) as recent_cost_usd,
        null::bigint as recent_executions
    from costpulse.daily_user_costs as c
    where c.usage_date >= %(seen_since)s
    group by c.user_email, c.workspace_id
    union all
    select
        u.identity,
        u.workspace_id,
        u.source,
        u.first_seen as first_day,
        u.last_seen as last_day,
        null as cost_usd,
        null as recent_cost_usd,
        null as recent_executions
    from known_users as u
    union all
    select
        q.executed_by as identity,
        q.workspace_id,
        'queries' as source,
        min(q.usage_date) as first_day,
        max(q.usage_date) as last_day,
        null as cost_usd,
        null as recent_cost_usd,
        sum(q.executions) filter (where q.usage_date >= %(from_date)s)::bigint as recent_executions
    from costpulse.query_activity as q
    where q.usage_date between %(evidence_from)s and %(to_date)s
    group by q.executed_by, q.workspace_id
    union all
    select
        o.owner as identity,
        o.workspace_id,
        'owner' as source,
        min(o.change_time at time zone 'UTC')::date as first_day,
        max(o.change_time at time zone 'UTC')::date as last_day,
        null as cost_usd,
        null as recent_cost_usd,
        null as recent_executions
    from (
        select
            c.owner,
            c.workspace_id,
            c.change_time
        from costpulse.clusters as c
        union all
        select
            w.owner,
            w.workspace_id,
            w.change_time
        from costpulse.warehouses as w
        union all
        select
            j.owner,
            j.workspace_id,
            j.change_time
        from costpulse.jobs as j
        union all
        select
            p.owner,
            p.workspace_id,
            p.change_time
        from costpulse.pipelines as p
        union all
        select
            e.creator as owner,
            e.workspace_id,
            e.change_time
        from costpulse.serving_endpoints as e
    ) as o
    group by o.owner, o.workspace_id
),

compared as (
    select
        s.*,
        case
            when position('@' in s.identity) > 0 then lower(btrim(s.identity)) else btrim(s.identity)
        end as compared_as
    from seen as s
    where btrim(s.identity) <> ''
),

-- identity x workspace
at_work as (
    select
        c.compared_as,
        c.workspace_id,
        coalesce(w.name, c.workspace_id) as workspace_name,
        sum(c.cost_usd) as cost_usd
    from compared as c
    left join costpulse.workspaces as w on c.workspace_id = w.workspace_id
    where c.workspace_id is not null
    group by c.compared_as, c.workspace_id, coalesce(w.name, c.workspace_id)
),

workplaces as (
    select
        a.compared_as,
        array_agg(a.workspace_id order by a.cost_usd desc nulls last, a.workspace_id asc) as workspace_ids,
        array_agg(a.workspace_name order by a.cost_usd desc nulls last, a.workspace_id asc) as workspace_names
    from at_work as a
    group by a.compared_as
),

identities as (
    select
        c.compared_as,
        (
            array_agg(btrim(c.identity) order by c.source = 'billing' desc, c.last_day desc, c.identity asc)
        )[1] as identity,
        substring(c.compared_as from '^[^@[:space:]]+@([^@[:space:]]+)$') as domain,
        min(c.first_day) as first_seen,
        max(c.last_day) as last_seen,
        sum(c.cost_usd) as cost_usd,
        sum(c.recent_cost_usd) as recent_cost_usd,
        coalesce(sum(c.recent_executions), 0) as recent_executions,
        array_agg(distinct c.source order by c.source) as sources
    from compared as c
    group by c.compared_as
)

insert into costpulse.users (
    identity, kind, domain, first_seen, last_seen, workspace_ids, workspace_names, cost_usd_90_days, cost_usd_30_days,
    executions_30_days, sources
)
select
    i.identity,
    case
        when i.domain like '%%.gserviceaccount.com' then 'service principal'
        when i.domain is not null then 'person'
        when i.compared_as ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then 'service principal'
        else 'other'
    end as kind,
    i.domain,
    i.first_seen,
    i.last_seen,
    coalesce(w.workspace_ids, '{}') as workspace_ids,
    coalesce(w.workspace_names, '{}') as workspace_names,
    i.cost_usd,
    i.recent_cost_usd,
    i.recent_executions,
    i.sources
from identities as i
left join workplaces as w on i.compared_as = w.compared_as
