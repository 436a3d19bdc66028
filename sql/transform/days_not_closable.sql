-- one row per day that keeps a month from being closed, and why: missing, not final, or to be read or made anew
select
    m.usage_date::date as usage_date,
    case
        when d.usage_date is null then 'missing'
        when coalesce(c.is_provisional, true) then 'not final'
        else 'not up to date'
    end as reason
from
    generate_series(
        %(month)s::date, %(month)s::date + interval '1 month' - interval '1 day', interval '1 day'
    ) as m (usage_date)
left join costpulse.collected_days as d on m.usage_date = d.usage_date and d.source = 'cost_records'
left join costpulse.completeness as c on m.usage_date = c.usage_date
where
    d.usage_date is null
    or coalesce(c.is_provisional, true)
    or d.in_flight
    or d.recollect_reason is not null
    or d.reprice_reason is not null
    or m.usage_date::date = any(%(days_due)s::date[])
order by usage_date
