-- one row per tag key and value ever seen, at most 2,000: the choices of the tag filter
select distinct
    t.key,
    t.value
from costpulse.cost_keys as k
cross join lateral jsonb_each_text(k.tags) as t
order by 1, 2
limit 2000
