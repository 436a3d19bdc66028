-- one row per asset: usage days finished since a moment (of a table read over several connections: by the slowest)
select
    'cost_records' as asset,
    count(*) as days
from costpulse.collected_days as d
where d.collected_at >= %(since)s
union all
select
    r.source as asset,
    min(r.days) as days
from (
    select
        c.source,
        c.connection,
        count(*) as days
    from costpulse.collected_region_days as c
    where c.collected_at >= %(since)s
    group by c.source, c.connection
) as r
group by r.source
union all
select
    b.asset,
    count(*) as days
from costpulse.built_days as b
where b.built_at >= %(since)s
group by b.asset
