-- event of a period that nobody has settled, largest first, with how many there are in all. Of a team and the teams
-- below it: events of their own, and of other scopes those of which half is theirs, with their part of the amounts.
with team_ids as (
    select b.team_id::text as id
    from costpulse.team_scopes as b
    where b.scope_team_id = %(team_id)s::bigint
),

events as (
    select
        a.id,
        a.scope_type,
        a.scope_id,
        a.kind,
        a.severity,
        a.status,
        a.start_date,
        a.end_date,
        case when p.share is null then a.impact_usd else p.impact_usd end as impact_usd
    from costpulse.anomalies as a
    left join lateral (
        select
            sum(c.difference_usd) as impact_usd,
            sum(c.share) as share
        from costpulse.anomaly_causes as c
        where
            %(team_id)s::bigint is not null
            and a.scope_type <> 'team'
            and c.anomaly_id = a.id
            and c.dimension = 'team'
            and c.value_id in (select i.id from team_ids as i)
    ) as p on true
    where
        a.parent_id is null
        and a.status in ('open', 'acknowledged')
        and a.start_date <= %(last)s
        and a.last_date >= %(first)s
        and (
            %(team_id)s::bigint is null
            or (a.scope_type = 'team' and a.scope_id in (select i.id from team_ids as i))
            or p.share >= 0.5
        )
)

select
    e.id,
    e.scope_type,
    case e.scope_type
        when 'everything' then 'Everything'
        when 'team' then coalesce(t.name, initcap(e.scope_id))
        when 'workspace' then coalesce(w.name, nullif(e.scope_id, ''), 'Account level')
        else coalesce(r.name, j.name, e.scope_id)
    end as name,
    e.kind,
    e.severity,
    e.status,
    e.start_date,
    e.end_date,
    e.impact_usd,
    count(*) over () as events
from events as e
left join costpulse.teams as t on e.scope_type = 'team' and e.scope_id = t.id::text
left join costpulse.workspaces as w on e.scope_type = 'workspace' and e.scope_id = w.workspace_id
left join costpulse.resource_names as r
    on
        e.scope_type = r.resource_type
        and r.workspace_id = split_part(e.scope_id, '/', 1)
        and r.resource_id = substring(e.scope_id from position('/' in e.scope_id) + 1)
        and r.valid_to is null
left join lateral (
    select k.job_name as name
    from costpulse.cost_keys as k
    where
        e.scope_type = 'job'
        and k.job_id = substring(e.scope_id from position('/' in e.scope_id) + 1)
        and coalesce(k.workspace_id, '') = split_part(e.scope_id, '/', 1)
        and k.job_name is not null
    order by k.last_usage_date desc, k.job_name collate pg_catalog."C" asc
    limit 1
) as j on true
order by abs(e.impact_usd) desc, e.id asc
limit %(largest)s
