-- one row per day just loaded, with or without usage, and one line in the append-only log; returns whether the day
-- differs from what was there before, and whether all that the source announced is in (null while it moves)
with announced as (
    select
        a.usage_date,
        a.source_rows,
        a.source_quantity,
        a.newest_ingestion_date
    from unnest(
        %(days)s::date[], %(source_rows)s::bigint[], %(source_quantities)s::numeric[],
        %(newest_ingestion_dates)s::date[]
    ) as a (usage_date, source_rows, source_quantity, newest_ingestion_date)
),

recorded as (
    select
        r.usage_date,
        sum(r.record_count) as record_count,
        sum(r.usage_quantity) as usage_quantity,
        sum(r.cost_usd) as cost_usd
    from costpulse.cost_records as r
    where r.usage_date between %(from_date)s and %(to_date)s
    group by r.usage_date
),

rejected as (
    select
        j.usage_date,
        sum(j.record_count) as record_count,
        sum(j.usage_quantity::numeric) as usage_quantity
    from costpulse.rejected_rows as j
    where j.source = %(source)s and j.usage_date between %(from_date)s and %(to_date)s
    group by j.usage_date
),

last_logged as (
    select distinct on (l.usage_date)
        l.usage_date,
        l.cost_usd
    from costpulse.collection_log as l
    where l.source = %(source)s and l.usage_date between %(from_date)s and %(to_date)s
    order by l.usage_date asc, l.id desc
),

loaded as (
    select
        a.usage_date,
        a.source_rows,
        a.source_quantity,
        a.newest_ingestion_date,
        coalesce(r.record_count, 0) as record_count,
        coalesce(j.record_count, 0) as rejected_count,
        coalesce(r.usage_quantity, 0) + coalesce(j.usage_quantity, 0) as usage_quantity,
        coalesce(r.cost_usd, 0) as cost_usd,
        a.usage_date = any(%(moving)s::date[]) as in_flight,
        (
            d.usage_date is null
            or d.source_rows <> a.source_rows
            or d.source_quantity <> a.source_quantity
            or d.newest_ingestion_date is distinct from a.newest_ingestion_date
            or d.record_count <> coalesce(r.record_count, 0)
            or d.recollect_reason is not null
            or d.reprice_reason is not null
            or l.cost_usd is distinct from coalesce(r.cost_usd, 0)
        ) as is_changed
    from announced as a
    left join recorded as r on a.usage_date = r.usage_date
    left join rejected as j on a.usage_date = j.usage_date
    left join last_logged as l on a.usage_date = l.usage_date
    left join costpulse.collected_days as d on a.usage_date = d.usage_date and d.source = %(source)s
),

logged as (
    insert into costpulse.collection_log (
        source, usage_date, loaded_at, source_rows, source_quantity, cost_usd, rejected_count, in_flight, run_id
    )
    select
        %(source)s,
        n.usage_date,
        clock_timestamp(),
        n.source_rows,
        n.source_quantity,
        n.cost_usd,
        n.rejected_count,
        n.in_flight,
        %(run_id)s
    from loaded as n
),

booked as (
    insert into costpulse.collected_days as known (
        source, usage_date, source_rows, source_quantity, newest_ingestion_date, record_count, rejected_count,
        in_flight, recollect_reason, reprice_reason, collected_at, changed_at
    )
    select
        %(source)s,
        n.usage_date,
        n.source_rows,
        n.source_quantity,
        n.newest_ingestion_date,
        n.record_count,
        n.rejected_count,
        n.in_flight,
        null,
        case when %(adjustments_changed)s then 'a price adjustment changed while the day was collected' end,
        clock_timestamp(),
        clock_timestamp()
    from loaded as n
    on conflict (source, usage_date) do update set
        source_rows = excluded.source_rows,
        source_quantity = excluded.source_quantity,
        newest_ingestion_date = excluded.newest_ingestion_date,
        record_count = excluded.record_count,
        rejected_count = excluded.rejected_count,
        in_flight = excluded.in_flight,
        recollect_reason = excluded.recollect_reason,
        reprice_reason = excluded.reprice_reason,
        collected_at = excluded.collected_at,
        changed_at = case
            when (select n.is_changed from loaded as n where n.usage_date = excluded.usage_date)
                then excluded.changed_at
            else known.changed_at
        end
)

select
    n.usage_date,
    n.is_changed,
    n.source_rows,
    n.source_quantity,
    n.record_count + n.rejected_count as record_count,
    n.usage_quantity,
    case
        when not n.in_flight
            then n.source_rows = n.record_count + n.rejected_count and n.source_quantity = n.usage_quantity
    end as is_complete
from loaded as n
order by n.usage_date
