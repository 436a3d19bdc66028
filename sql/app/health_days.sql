-- one row per usage day from a first one to the newest, days that are missing included: what is known of it
with bounds as (
    select
        greatest(min(c.usage_date), %(first)s::date) as first_day,
        max(c.usage_date) as last_day
    from costpulse.completeness as c
),

restated as (
    select
        r.usage_date,
        array_agg(r.ingestion_date order by r.ingestion_date) as restated_on,
        sum(r.cost_usd) as restated_usd
    from costpulse.restatements as r
    where r.usage_date >= %(first)s::date
    group by r.usage_date
)

select
    days.day::date as usage_date,
    c.usage_date is not null as is_collected,
    c.share_in,
    coalesce(c.is_provisional, false) as is_provisional,
    coalesce(d.in_flight, false) as in_flight,
    d.recollect_reason,
    d.reprice_reason,
    coalesce(d.rejected_count, 0) as rejected_count,
    d.collected_at,
    coalesce(r.restated_on, '{}'::date[]) as restated_on,
    r.restated_usd
from bounds as b
cross join generate_series(b.first_day, b.last_day, interval '1 day') as days (day)
left join costpulse.completeness as c on days.day::date = c.usage_date
left join costpulse.collected_days as d on days.day::date = d.usage_date and d.source = 'cost_records'
left join restated as r on days.day::date = r.usage_date
order by days.day
