-- one row per scope and month of an issue; one that is there is left as it is
with landed as (
    select
        l.data_until,
        l.scope_type,
        l.scope_id,
        l.month,
        l.spent_usd,
        l.predicted_cost,
        l.lower_bound,
        l.upper_bound,
        l.level,
        l.model_type,
        l.reason
    from jsonb_to_recordset(%(landings)s::jsonb) as l (
        data_until date,
        scope_type text,
        scope_id text,
        month date,
        spent_usd numeric,
        predicted_cost numeric,
        lower_bound numeric,
        upper_bound numeric,
        level double precision,
        model_type text,
        reason text
    )
)

insert into costpulse.forecast_landings (
    data_until, scope_type, scope_id, month, spent_usd, predicted_cost, lower_bound, upper_bound, level, model_type,
    reason
)
select
    l.data_until,
    l.scope_type,
    l.scope_id,
    l.month,
    l.spent_usd,
    l.predicted_cost,
    l.lower_bound,
    l.upper_bound,
    l.level,
    l.model_type,
    l.reason
from landed as l
on conflict (data_until, scope_type, scope_id, month) do nothing
