-- month of usage x ingestion_date: the month it is billed in, which is its own while that is open, else the earliest
-- later one that was open on the day
create temporary table focus_billing on commit drop as
select
    i.usage_month,
    i.ingestion_date,
    case
        when c.closed_on is null or i.ingestion_date < c.closed_on then i.usage_month
        else
            (
                select min(o.month)
                from focus_closings as o
                where o.month > i.usage_month and (o.closed_on is null or i.ingestion_date < o.closed_on)
            )
    end as billing_month
from (
    select
        date_trunc('month', r.usage_date)::date as usage_month,
        r.ingestion_date
    from costpulse.cost_records as r
    group by date_trunc('month', r.usage_date)::date, r.ingestion_date
) as i
inner join focus_closings as c on i.usage_month = c.month
