-- one row per scope and period that is over: what it cost, beside what was said about it
with outcomes as (
    select
        o.scope_type,
        o.scope_id,
        o.period_start,
        o.period_end,
        o.final_usd
    from unnest(
        %(scope_types)s::text[],
        %(scope_ids)s::text[],
        %(period_starts)s::date[],
        %(period_ends)s::date[],
        %(costs)s::numeric[]
    ) as o (scope_type, scope_id, period_start, period_end, final_usd)
)

update costpulse.budget_probabilities as p
set final_usd = o.final_usd
from outcomes as o
where
    p.scope_type = o.scope_type
    and p.scope_id = o.scope_id
    and p.period_start = o.period_start
    and p.period_end = o.period_end
    and p.final_usd is distinct from o.final_usd
