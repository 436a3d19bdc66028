-- one row per tag key and value that the viewer has cost with, at most 2,000: the choices of the tag filter
select distinct
    t.key,
    t.value
from costpulse.cost_keys as k
cross join lateral jsonb_each_text(k.tags) as t
where
    current_setting('costpulse.scope', true) = 'all'
    -- its policy shows only what the viewer's teams bear
    or k.key_id in (
        select w.key_id
        from costpulse.weekly_key_costs as w
    )
order by 1, 2
limit 2000
