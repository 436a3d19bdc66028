-- one row: collected days whose rows are not those that the source announced, and for who sees all teams, days of the
-- roll-ups whose rows or quantity are not. A day that moved while it was read is not compared: it is read again.
with control as (
    select
        d.usage_date,
        d.source_rows <> d.record_count + d.rejected_count as is_short,
        coalesce(current_setting('costpulse.scope', true) = 'all', false)
        and (
            d.source_rows <> coalesce(s.record_count, 0) + d.rejected_count
            or d.rejected_count = 0 and d.source_quantity <> coalesce(s.usage_quantity, 0)
        ) as is_different
    from costpulse.collected_days as d
    left join (
        select
            t.usage_date,
            sum(t.record_count) as record_count,
            sum(t.usage_quantity) as usage_quantity
        from costpulse.daily_sku_costs as t
        group by t.usage_date
    ) as s on d.usage_date = s.usage_date
    where d.source = 'cost_records' and not d.in_flight
)

select
    count(*) as days,
    count(*) filter (where c.is_short or c.is_different) as differing_days,
    min(c.usage_date) filter (where c.is_short or c.is_different) as first_differing_day,
    (
        select count(*) from costpulse.collected_days as f
        where f.source = 'cost_records' and f.in_flight
    ) as in_flight_days,
    (
        select coalesce(sum(j.rejected_count), 0) from costpulse.collected_days as j
        where j.source = 'cost_records'
    ) as rejected_rows
from control as c
