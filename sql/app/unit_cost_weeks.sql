-- unit x week (from Monday) that is over and final, of the last 26: cost and number
select
    u.unit,
    date_trunc('week', u.usage_date)::date as week,
    sum(u.cost_usd) as cost_usd,
    sum(u.units) as units
from costpulse.unit_costs as u
where
    u.usage_date between %(first)s::date and %(last)s::date
    and u.resource_type <> case when %(workspaces)s::text[] is null then 'workspace' else 'account' end
    and (%(workspaces)s::text[] is null or u.workspace_id = any(%(workspaces)s::text[]))
group by u.unit, date_trunc('week', u.usage_date)
order by u.unit, week
