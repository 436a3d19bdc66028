-- month: from which day on what is ingested of its usage is a correction; NULL: the month is open. By the closing in
-- force where CostPulse closes months; months before its first closing were closed on the day of the next month that
-- the setting names.
create temporary table focus_closings on commit drop as
with ends as (
    select
        min(r.usage_date) as first_day,
        greatest(max(r.usage_date), max(r.ingestion_date)) as last_day
    from costpulse.cost_records as r
),

-- CostPulse closes by itself from the newest month that is due
first_kept as (
    select
        coalesce(
            min(c.month),
            (
                date_trunc('month', %(today)s::date - (%(close_day)s::integer - 1))
                - interval '1 month'
            )::date
        ) as month
    from costpulse.closed_periods as c
)

select
    m.month::date as month,
    case
        when c.id is not null then (c.closed_at at time zone 'UTC')::date
        when m.month < k.month then (m.month + interval '1 month')::date + (%(close_day)s::integer - 1)
    end as closed_on,
    c.closed_at,
    c.rules_up_to
from ends as e
cross join first_kept as k
cross join
    generate_series(date_trunc('month', e.first_day), date_trunc('month', e.last_day), interval '1 month') as m (month)
left join costpulse.closed_periods as c on m.month = c.month and c.reopened_at is null
