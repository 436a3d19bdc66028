-- unit: cost and number in the last 28 final days and in the 28 before; cost of one is a ratio of these sums. People
-- are counted once in the account, and once in each workspace where workspaces are asked for.
select
    u.unit,
    sum(u.cost_usd) filter (where u.usage_date > %(last)s::date - 28) as cost_usd,
    coalesce(sum(u.units) filter (where u.usage_date > %(last)s::date - 28), 0) as units,
    sum(u.cost_usd) filter (where u.usage_date <= %(last)s::date - 28) as cost_before_usd,
    coalesce(sum(u.units) filter (where u.usage_date <= %(last)s::date - 28), 0) as units_before
from costpulse.unit_costs as u
where
    u.usage_date between %(last)s::date - 55 and %(last)s::date
    and u.resource_type <> case when %(workspaces)s::text[] is null then 'workspace' else 'account' end
    and (%(workspaces)s::text[] is null or u.workspace_id = any(%(workspaces)s::text[]))
group by u.unit
