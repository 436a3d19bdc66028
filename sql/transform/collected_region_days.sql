-- source x connection x usage_date: the days just read; counts holds their rows in the order of days
insert into costpulse.collected_region_days as known (
    source, connection, usage_date, row_count, is_settled, collected_at
)
select
    %(source)s,
    %(connection)s,
    d.usage_date,
    d.row_count,
    d.usage_date <= %(settled_until)s,
    clock_timestamp()
from unnest(%(days)s::date[], %(counts)s::bigint[]) as d (usage_date, row_count)
on conflict (source, connection, usage_date) do update set
    row_count = excluded.row_count,
    is_settled = excluded.is_settled,
    collected_at = excluded.collected_at
