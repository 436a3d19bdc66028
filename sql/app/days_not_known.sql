-- usage_date: the days of usage of which it was not kept what was known on a day, for they were collected later;
-- is_readable: whether the reader may see what had been ingested of them (as in ingested_costs)
select
    d.usage_date,
    has_table_privilege('costpulse.cost_records', 'select')
    or coalesce(current_setting('costpulse.scope', true) = 'all', false) as is_readable
from (
    select c.usage_date
    from costpulse.collected_days as c
    where c.source = 'cost_records' and c.usage_date between %(first)s::date and %(last)s::date
) as d
left join costpulse.known_days as k on d.usage_date = k.usage_date
where coalesce(k.known_since > %(day)s::date, true)
order by d.usage_date
