-- one row per source and connection: how it was read last, and the newest usage day that came
select
    s.source,
    s.connection,
    s.state,
    s.message,
    s.next_step,
    s.attempted_at,
    s.succeeded_at,
    case
        when s.source = 'cost_records'
            then
                (
                    select max(d.usage_date) from costpulse.collected_days as d
                    where d.source = s.source and d.record_count > 0
                )
        else
            (
                select max(r.usage_date) from costpulse.collected_region_days as r
                where r.source = s.source and r.connection = s.connection and r.row_count > 0
            )
    end as newest_day
from costpulse.collection_status as s
order by s.source, s.connection
