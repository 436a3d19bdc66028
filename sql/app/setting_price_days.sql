-- one row: how many collected days lie in one of the spans handed in; a span without a last day is open
select count(*) as days
from costpulse.collected_days as d
where
    d.source = 'cost_records'
    and exists (
        select 1
        from unnest(%(first)s::date[], %(last)s::date[]) as s (first_day, last_day)
        where d.usage_date >= s.first_day and (s.last_day is null or d.usage_date <= s.last_day)
    )
