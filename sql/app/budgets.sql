-- one row per budget, by name: what people typed; a team goes by its name
select
    b.id,
    b.version,
    b.updated_at,
    b.scope_id,
    b.name,
    b.scope_type,
    coalesce(t.name, b.scope_id) as scope,
    b.period,
    b.starts_on,
    b.ends_on,
    b.amount,
    b.thresholds,
    b.projected_threshold,
    b.owner,
    b.recipients,
    b.is_active
from costpulse.budgets as b
left join costpulse.teams as t on b.team_id = t.id
order by lower(b.name)
