-- one row: what was collected of the days, and the newest day with usage of all that is collected
select
    coalesce(sum(d.record_count) filter (where d.usage_date = any(%(days)s::date[])), 0) as record_count,
    coalesce(sum(d.rejected_count) filter (where d.usage_date = any(%(days)s::date[])), 0) as rejected_count,
    max(d.usage_date) filter (where d.record_count > 0) as newest_usage_date
from costpulse.collected_days as d
where d.source = %(source)s
