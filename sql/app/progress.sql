-- one row per asset: usage days finished since a moment
select
    'cost_records' as asset,
    count(*) as days
from costpulse.collected_days as d
where d.collected_at >= %(since)s
union all
select
    b.asset,
    count(*) as days
from costpulse.built_days as b
where b.built_at >= %(since)s
group by b.asset
