-- one row per day that is not final and moment it was looked at: which share of what it will hold was in; hours are
-- those since the day ended, negative within the day
with open_days as (
    select
        c.usage_date,
        c.computed_at,
        c.share_in
    from costpulse.completeness as c
    where c.is_provisional and c.usage_date > %(today)s::date - 14
)

select
    o.usage_date,
    extract(epoch from a.loaded_at - (o.usage_date + 1)::timestamp at time zone 'UTC') / 3600 as hours,
    a.share
from open_days as o
inner join costpulse.day_arrivals as a on o.usage_date = a.usage_date
where a.basis = 'collection_log' and a.share is not null
union all
select
    o.usage_date,
    extract(epoch from o.computed_at - (o.usage_date + 1)::timestamp at time zone 'UTC') / 3600 as hours,
    o.share_in as share
from open_days as o
order by usage_date, hours
