-- billing month: the days of the months of usage that are billed in it, of the months asked for
select
    b.billing_month as month,
    min(b.usage_month) as first_day,
    (max(b.usage_month) + interval '1 month')::date - 1 as last_day
from focus_billing as b
where b.billing_month = any(%(months)s::date[])
group by b.billing_month
order by b.billing_month
