-- one row per budget and period that is looked at now; of others, only those that are over stay
with found as (
    select
        s.budget_id,
        s.budget_name,
        s.scope_type,
        s.scope_id,
        s.period,
        s.amount,
        s.period_start,
        s.period_end,
        s.data_until,
        s.state,
        s.spent_usd,
        s.own_spent_usd,
        s.provisional_usd,
        s.used_share,
        s.elapsed_share,
        s.projected_usd,
        s.lower_bound,
        s.upper_bound,
        s.level,
        s.probability_exceeded,
        s.breach_date,
        s.note
    from jsonb_to_recordset(%(status)s::jsonb) as s (
        budget_id bigint,
        budget_name text,
        scope_type text,
        scope_id text,
        period text,
        amount numeric,
        period_start date,
        period_end date,
        data_until date,
        state text,
        spent_usd numeric,
        own_spent_usd numeric,
        provisional_usd numeric,
        used_share double precision,
        elapsed_share double precision,
        projected_usd numeric,
        lower_bound numeric,
        upper_bound numeric,
        level double precision,
        probability_exceeded double precision,
        breach_date date,
        note text
    )
),

gone as (
    delete from costpulse.budget_status as b
    where
        b.state <> 'ended'
        and not exists (select from found as f where f.budget_id = b.budget_id and f.period_start = b.period_start)
)

insert into costpulse.budget_status (
    budget_id, budget_name, scope_type, scope_id, period, amount, period_start, period_end, data_until, state,
    spent_usd, own_spent_usd, provisional_usd, used_share, elapsed_share, projected_usd, lower_bound, upper_bound,
    level, probability_exceeded, breach_date, note
)
select
    f.budget_id,
    f.budget_name,
    f.scope_type,
    f.scope_id,
    f.period,
    f.amount,
    f.period_start,
    f.period_end,
    f.data_until,
    f.state,
    f.spent_usd,
    f.own_spent_usd,
    f.provisional_usd,
    f.used_share,
    f.elapsed_share,
    f.projected_usd,
    f.lower_bound,
    f.upper_bound,
    f.level,
    f.probability_exceeded,
    f.breach_date,
    f.note
from found as f
on conflict (budget_id, period_start) do update set
    budget_name = excluded.budget_name,
    scope_type = excluded.scope_type,
    scope_id = excluded.scope_id,
    period = excluded.period,
    amount = excluded.amount,
    period_end = excluded.period_end,
    data_until = excluded.data_until,
    state = excluded.state,
    spent_usd = excluded.spent_usd,
    own_spent_usd = excluded.own_spent_usd,
    provisional_usd = excluded.provisional_usd,
    used_share = excluded.used_share,
    elapsed_share = excluded.elapsed_share,
    projected_usd = excluded.projected_usd,
    lower_bound = excluded.lower_bound,
    upper_bound = excluded.upper_bound,
    level = excluded.level,
    probability_exceeded = excluded.probability_exceeded,
    breach_date = excluded.breach_date,
    note = excluded.note,
    computed_at = now()
