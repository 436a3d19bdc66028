-- settled usage_date x age in days: which share of the day's cost was in at that age.
-- share: at the first look of that age; last_share: at the last one, hours_passed after the day began. Evidence is our
-- own collection_log once that covers enough days, else the whole-day lag of ingestion_date. Corrections are left out
-- of it: they replace usage, they do not complete it.
create temporary table staged_arrivals on commit drop as
with days as (
    select
        d.usage_date,
        coalesce(sum(t.cost_usd), 0) as cost_usd
    from costpulse.collected_days as d
    left join costpulse.daily_sku_costs as t on d.usage_date = t.usage_date
    where
        d.source = 'cost_records'
        -- old enough to be whole, young enough to be like today
        and d.usage_date between %(today)s::date - 67 and %(today)s::date - 8
    group by d.usage_date
),

-- first and last load of a settled day at each age in days, beside what the day holds now
logged as (
    select
        l.usage_date,
        (l.loaded_at at time zone 'UTC')::date - l.usage_date as age,
        min(l.cost_usd) as cost_usd,
        (array_agg(l.cost_usd order by l.id desc))[1] as last_cost_usd,
        max(l.loaded_at at time zone 'UTC') as last_loaded_at
    from costpulse.collection_log as l
    inner join days as s on l.usage_date = s.usage_date
    where
        l.source = 'cost_records'
        and (l.loaded_at at time zone 'UTC')::date - l.usage_date between 0 and 7
    group by l.usage_date, (l.loaded_at at time zone 'UTC')::date - l.usage_date
),

log_shares as (
    select
        l.usage_date,
        l.age,
        least(greatest(l.cost_usd / d.cost_usd, 0), 1) as share,
        least(greatest(l.last_cost_usd / d.cost_usd, 0), 1) as last_share,
        extract(epoch from l.last_loaded_at - l.usage_date) / 3600 as hours_passed
    from logged as l
    inner join days as d on l.usage_date = d.usage_date
    where d.cost_usd > 0
),

ingested as materialized (
    select
        r.usage_date,
        greatest(r.ingestion_date - r.usage_date, 0) as age,
        sum(r.cost_usd) as cost_usd
    from costpulse.cost_records as r
    inner join days as s on r.usage_date = s.usage_date
    where r.record_type = 'ORIGINAL' and r.usage_date >= %(today)s::date - 67
    group by r.usage_date, greatest(r.ingestion_date - r.usage_date, 0)
),

ingestion_shares as (
    select
        days_of.usage_date,
        ages.age,
        least(greatest(sum(i.cost_usd) filter (where i.age <= ages.age) / sum(i.cost_usd), 0), 1) as share
    from days as days_of
    cross join generate_series(0, 7) as ages (age)
    inner join ingested as i on days_of.usage_date = i.usage_date
    group by days_of.usage_date, ages.age
    having sum(i.cost_usd) > 0
)

select
    s.usage_date,
    s.age,
    s.share,
    s.last_share,
    s.hours_passed,
    'collection_log' as basis
from log_shares as s
where (select count(distinct q.usage_date) from log_shares as q where q.age = 0) >= 14
union all
select
    s.usage_date,
    s.age,
    coalesce(s.share, 0) as share,
    coalesce(s.share, 0) as last_share,
    24 * (s.age + 1) as hours_passed,
    'ingestion_date' as basis
from ingestion_shares as s
where (select count(distinct q.usage_date) from log_shares as q where q.age = 0) < 14
