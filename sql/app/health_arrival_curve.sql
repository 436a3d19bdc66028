-- one row per hour after the end of a day: which share of settled days was in by then (median, and the band that holds
-- four of five). Evidence is our own log once it saw fourteen of the days before they ended, else the ingestion days.
with evidence as (
    select
        a.usage_date,
        a.share,
        a.basis,
        extract(epoch from a.loaded_at - (a.usage_date + 1)::timestamp at time zone 'UTC') / 3600 as hours
    from costpulse.day_arrivals as a
    where a.usage_date between %(today)s::date - 67 and %(today)s::date - 8
),

chosen as (
    select
        case
            when count(distinct e.usage_date) filter (where e.basis = 'collection_log' and e.hours <= 0) >= 14
                then 'collection_log'
            else 'ingestion_date'
        end as basis
    from evidence as e
),

-- settled day x hour: the last that was known by then; a day that nobody had looked at yet says nothing
known as (
    select
        g.hours,
        e.usage_date,
        max(e.basis) as basis,
        (array_agg(e.share order by e.hours desc))[1] as share
    from chosen as c
    inner join evidence as e on c.basis = e.basis
    inner join generate_series(-20, 96, 4) as g (hours)
        on e.hours <= g.hours and (c.basis = 'collection_log' or g.hours in (0, 24, 48, 72, 96))
    group by g.hours, e.usage_date
)

select
    k.hours,
    count(*) as days,
    min(k.basis) as basis,
    percentile_cont(0.1) within group (order by k.share) as low,
    percentile_cont(0.5) within group (order by k.share) as middle,
    percentile_cont(0.9) within group (order by k.share) as high
from known as k
group by k.hours
having count(*) >= 7
order by k.hours
