-- one row per budget, period and last final day of which nothing was said yet
with said as (
    select
        s.budget_id,
        s.budget_name,
        s.scope_type,
        s.scope_id,
        s.amount,
        s.period_start,
        s.period_end,
        s.data_until,
        s.is_backtest,
        s.elapsed_share,
        s.spent_usd,
        s.projected_usd,
        s.lower_bound,
        s.upper_bound,
        s.probability_exceeded
    from jsonb_to_recordset(%(probabilities)s::jsonb) as s (
        budget_id bigint,
        budget_name text,
        scope_type text,
        scope_id text,
        amount numeric,
        period_start date,
        period_end date,
        data_until date,
        is_backtest boolean,
        elapsed_share double precision,
        spent_usd numeric,
        projected_usd numeric,
        lower_bound numeric,
        upper_bound numeric,
        probability_exceeded double precision
    )
)

insert into costpulse.budget_probabilities (
    budget_id, budget_name, scope_type, scope_id, amount, period_start, period_end, data_until, is_backtest,
    elapsed_share, spent_usd, projected_usd, lower_bound, upper_bound, probability_exceeded
)
select
    s.budget_id,
    s.budget_name,
    s.scope_type,
    s.scope_id,
    s.amount,
    s.period_start,
    s.period_end,
    s.data_until,
    s.is_backtest,
    s.elapsed_share,
    s.spent_usd,
    s.projected_usd,
    s.lower_bound,
    s.upper_bound,
    s.probability_exceeded
from said as s
on conflict (budget_id, period_start, data_until) do nothing
