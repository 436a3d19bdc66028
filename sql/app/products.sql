-- one row per product ever seen: the choices of the product filter
select distinct k.product
from costpulse.cost_keys as k
order by 1
