-- usage_date x hour x product: the bill by the hour of the last 68 days, where it is that of the day's last collection.
-- A correction may leave less than nothing of an hour, which counts as nothing.
create temporary table staged_day_hours on commit drop as
select
    h.usage_date,
    h.usage_hour,
    h.product,
    greatest(coalesce(sum(h.cost_usd), 0), 0) as cost_usd
from costpulse.hourly_costs as h
inner join costpulse.collected_days as c on h.usage_date = c.usage_date and c.source = 'cost_records'
inner join costpulse.built_days as b
    on h.usage_date = b.usage_date and b.asset = 'hourly_costs' and b.upstream_version = c.changed_at
where h.usage_date between %(today)s::date - 67 and %(today)s::date
group by h.usage_date, h.usage_hour, h.product
