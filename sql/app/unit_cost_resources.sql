-- resource: the ones whose unit costs most, in the last 28 final days, with the 28 before
select
    s.resource_type,
    s.workspace_id,
    s.resource_id,
    s.cost_usd,
    s.units,
    s.cost_before_usd,
    s.units_before
from (
    select
        u.resource_type,
        u.workspace_id,
        u.resource_id,
        sum(u.cost_usd) filter (where u.usage_date > %(last)s::date - 28) as cost_usd,
        sum(u.units) filter (where u.usage_date > %(last)s::date - 28) as units,
        sum(u.cost_usd) filter (where u.usage_date <= %(last)s::date - 28) as cost_before_usd,
        coalesce(sum(u.units) filter (where u.usage_date <= %(last)s::date - 28), 0) as units_before
    from costpulse.unit_costs as u
    where
        u.unit = %(unit)s
        and u.usage_date between %(last)s::date - 55 and %(last)s::date
        and u.resource_type <> 'account'
        and (%(workspaces)s::text[] is null or u.workspace_id = any(%(workspaces)s::text[]))
    group by u.resource_type, u.workspace_id, u.resource_id
) as s
where s.units > 0 and s.cost_usd is not null
order by s.cost_usd / s.units desc, s.workspace_id asc, s.resource_id asc
limit %(most)s
