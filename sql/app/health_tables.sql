-- one row per table that is made by usage day or read from the source: when that last went through, for which days
select
    b.asset,
    max(b.built_at) as made_at,
    min(b.usage_date) as first_day,
    max(b.usage_date) as last_day,
    null::bigint as row_count
from costpulse.built_days as b
group by b.asset
union all
select
    d.source as asset,
    max(d.collected_at) as made_at,
    min(d.usage_date) as first_day,
    max(d.usage_date) as last_day,
    sum(d.record_count)::bigint as row_count
from costpulse.collected_days as d
where d.source = 'cost_records'
group by d.source
union all
select
    r.source as asset,
    max(r.collected_at) as made_at,
    min(r.usage_date) as first_day,
    max(r.usage_date) as last_day,
    sum(r.row_count)::bigint as row_count
from costpulse.collected_region_days as r
group by r.source
union all
-- tables of states have no days
select
    s.source as asset,
    max(s.succeeded_at) as made_at,
    null::date as first_day,
    null::date as last_day,
    null::bigint as row_count
from costpulse.collection_status as s
where
    s.succeeded_at is not null
    and s.source <> 'cost_records'
    and not exists (select from costpulse.collected_region_days as r where r.source = s.source)
    and not exists (select from costpulse.built_days as b where b.asset = s.source)
group by s.source
union all
select
    'completeness' as asset,
    max(c.computed_at) as made_at,
    min(c.usage_date) as first_day,
    max(c.usage_date) as last_day,
    count(*) as row_count
from costpulse.completeness as c
having count(*) > 0
order by asset
