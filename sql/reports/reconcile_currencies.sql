-- one row per currency of the file that has no rate
select
    f.currency,
    sum(f.amount) as amount
from reconcile_file as f
where f.currency <> all(%(currencies)s::text[])
group by f.currency
order by f.currency
