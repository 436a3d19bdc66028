-- no row: a settled day whose collected and rejected rows and quantity are not what the source announced
with collected as (
    select
        r.usage_date,
        sum(r.record_count) as record_count,
        sum(r.usage_quantity) as usage_quantity
    from costpulse.cost_records as r
    where r.usage_date = any(%(days)s::date[])
    group by r.usage_date
),

rejected as (
    select
        j.usage_date,
        sum(j.record_count) as record_count,
        sum(j.usage_quantity::numeric) as usage_quantity
    from costpulse.rejected_rows as j
    where j.usage_date = any(%(days)s::date[])
    group by j.usage_date
)

select
    d.usage_date,
    d.source_rows,
    coalesce(c.record_count, 0) + coalesce(j.record_count, 0) as record_count,
    d.source_quantity,
    coalesce(c.usage_quantity, 0) + coalesce(j.usage_quantity, 0) as usage_quantity
from costpulse.collected_days as d
left join collected as c on d.usage_date = c.usage_date
left join rejected as j on d.usage_date = j.usage_date
where
    d.source = 'cost_records'
    and d.usage_date = any(%(days)s::date[])
    and not d.in_flight
    and (
        d.source_rows <> coalesce(c.record_count, 0) + coalesce(j.record_count, 0)
        or d.source_quantity <> coalesce(c.usage_quantity, 0) + coalesce(j.usage_quantity, 0)
    )
order by d.usage_date
limit 20
