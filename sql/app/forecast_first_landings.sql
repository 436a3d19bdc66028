-- month: where it was said to be when it was forecast first, as early as that was within the month or before it
select distinct on (l.month)
    l.month,
    l.data_until,
    l.predicted_cost,
    l.lower_bound,
    l.upper_bound
from costpulse.forecast_landings as l
where l.scope_type = %(scope_type)s and l.scope_id = %(scope_id)s
order by l.month, l.data_until
