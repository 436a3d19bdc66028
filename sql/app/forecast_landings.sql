-- scope x month, of the newest issue of all: where this month and the next ones will be; of one scope, or of all of a
-- type
select
    l.scope_id,
    l.data_until,
    l.month,
    l.spent_usd,
    l.predicted_cost,
    l.lower_bound,
    l.upper_bound,
    l.level,
    l.model_type,
    l.reason
from costpulse.forecast_landings as l
where
    l.data_until = (select max(o.data_until) from costpulse.forecast_landings as o)
    and l.scope_type = %(scope_type)s
    and (%(scope_id)s::text is null or l.scope_id = %(scope_id)s)
order by l.scope_id, l.month
