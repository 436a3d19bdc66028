-- one row per collected usage_date: how much of it is in, what it will be, and whether it may be judged.
-- The arrival curve says which share of a day's original rows is in k days after the day. Its evidence is our own
-- collection_log once that covers enough days, else the whole-day lag of ingestion_date. Corrections are left out of
-- the curve: they replace usage, they do not complete it.
with days as (
    select
        d.usage_date,
        coalesce(c.cost_usd, 0) as cost_usd,
        greatest(%(today)s::date - d.usage_date, 0) as age
    from costpulse.collected_days as d
    left join (
        select
            t.usage_date,
            sum(t.cost_usd) as cost_usd
        from costpulse.daily_sku_costs as t
        group by t.usage_date
    ) as c on d.usage_date = c.usage_date
    where d.source = 'cost_records'
),

-- days old enough to be whole, young enough to be like today
settled as (
    select d.usage_date
    from days as d
    where d.age between 8 and 67
),

-- first load of a settled day at each age in days, beside what the day holds now
logged as (
    select
        l.usage_date,
        (l.loaded_at at time zone 'UTC')::date - l.usage_date as age,
        min(l.cost_usd) as cost_usd
    from costpulse.collection_log as l
    inner join settled as s on l.usage_date = s.usage_date
    where
        l.source = 'cost_records'
        and (l.loaded_at at time zone 'UTC')::date - l.usage_date between 0 and 7
    group by l.usage_date, (l.loaded_at at time zone 'UTC')::date - l.usage_date
),

log_shares as (
    select
        l.usage_date,
        l.age,
        least(greatest(l.cost_usd / d.cost_usd, 0), 1) as share
    from logged as l
    inner join days as d on l.usage_date = d.usage_date
    where d.cost_usd > 0
),

ingested as (
    select
        r.usage_date,
        greatest(r.ingestion_date - r.usage_date, 0) as age,
        sum(r.cost_usd) as cost_usd
    from costpulse.cost_records as r
    inner join settled as s on r.usage_date = s.usage_date
    where r.record_type = 'ORIGINAL' and r.usage_date >= %(today)s::date - 67
    group by r.usage_date, greatest(r.ingestion_date - r.usage_date, 0)
),

ingestion_shares as (
    select
        days_of.usage_date,
        ages.age,
        sum(i.cost_usd) filter (where i.age <= ages.age) / sum(i.cost_usd) as share
    from settled as days_of
    cross join generate_series(0, 7) as ages (age)
    inner join ingested as i on days_of.usage_date = i.usage_date
    group by days_of.usage_date, ages.age
    having sum(i.cost_usd) > 0
),

evidence as (
    select
        s.age,
        s.share,
        'collection_log' as basis
    from log_shares as s
    where (select count(distinct q.usage_date) from log_shares as q where q.age = 0) >= 14
    union all
    select
        s.age,
        coalesce(s.share, 0) as share,
        'ingestion_date' as basis
    from ingestion_shares as s
    where (select count(distinct q.usage_date) from log_shares as q where q.age = 0) < 14
),

curve as (
    select
        e.age,
        min(e.basis) as basis,
        percentile_cont(0.5) within group (order by e.share)::numeric as typical,
        percentile_cont(0.1) within group (order by e.share)::numeric as low,
        percentile_cont(0.9) within group (order by e.share)::numeric as high
    from evidence as e
    group by e.age
),

-- an ingestion day says what is in when it ends: today, only the part of the day that is over has arrived
present as (
    select
        v.age,
        v.basis,
        v.typical * passed.share as typical,
        v.low * passed.share as low,
        v.high * passed.share as high
    from curve as v
    cross join lateral (
        select case when v.age = 0 and v.basis = 'ingestion_date' then %(day_share)s::numeric else 1 end as share
    ) as passed
)

insert into costpulse.completeness (
    usage_date, cost_usd, share_in, expected_cost, lower_bound, upper_bound, is_provisional, basis
)
select
    d.usage_date,
    d.cost_usd,
    coalesce(c.typical, 1) as share_in,
    round(d.cost_usd / nullif(coalesce(c.typical, 1), 0), 18) as expected_cost,
    round(d.cost_usd / nullif(coalesce(c.high, 1), 0), 18) as lower_bound,
    round(d.cost_usd / nullif(coalesce(c.low, 1), 0), 18) as upper_bound,
    d.age < %(provisional_days)s or coalesce(c.typical, 1) < %(complete_share)s as is_provisional,
    coalesce(c.basis, 'none') as basis
from days as d
left join present as c on d.age = c.age
on conflict (usage_date) do update set
    cost_usd = excluded.cost_usd,
    share_in = excluded.share_in,
    expected_cost = excluded.expected_cost,
    lower_bound = excluded.lower_bound,
    upper_bound = excluded.upper_bound,
    is_provisional = excluded.is_provisional,
    basis = excluded.basis,
    computed_at = now()
