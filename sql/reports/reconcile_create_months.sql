-- billed month of the file: which of our days it is compared with, and up to which day of recording
create temporary table reconcile_months on commit drop as
select
    f.month,
    case
        when %(has_days)s then coalesce(min(f.first_day) filter (where f.usage_month = f.month), f.month)
        else f.month
    end as first_day,
    case
        when %(has_days)s then coalesce(max(f.last_day) filter (where f.usage_month = f.month), f.month)
        else (f.month + interval '1 month')::date - 1
    end as last_day,
    coalesce(max(f.ingested_on) filter (where f.usage_month = f.month), %(as_of)s::date) as as_of
from reconcile_file as f
group by f.month
