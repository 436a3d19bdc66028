-- one row: what collecting days again would bring, by what it brought last, and how long earlier runs took for a row.
-- Only the time between the first and the last part of a run is in the log, so its first part does not count.
select
    (
        select count(*) from costpulse.collected_days as d
        where d.source = 'cost_records' and d.usage_date between %(first)s::date and %(last)s::date
    ) as known_days,
    (
        select coalesce(sum(d.source_rows), 0) from costpulse.collected_days as d
        where d.source = 'cost_records' and d.usage_date between %(first)s::date and %(last)s::date
    ) as source_rows,
    (
        select sum(extract(epoch from p.last_at - p.first_at)) / nullif(sum(p.later_rows), 0)
        from (
            select
                f.first_at,
                max(l.loaded_at) as last_at,
                sum(l.source_rows) filter (where l.loaded_at > f.first_at + interval '1 second') as later_rows
            from costpulse.collection_log as l
            inner join (
                select
                    o.run_id,
                    min(o.loaded_at) as first_at
                from costpulse.collection_log as o
                where o.source = 'cost_records' and o.run_id is not null
                group by o.run_id
            ) as f on l.run_id = f.run_id
            where l.source = 'cost_records'
            group by f.run_id, f.first_at
        ) as p
        where p.later_rows > 0
    ) as seconds_per_row
