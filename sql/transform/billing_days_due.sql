-- one row per day that a table beside cost_records must take; only_prices: the usage was read since it was last
-- collected, only prices changed
select
    d.usage_date,
    coalesce(b.built_at > d.collected_at and b.upstream_version is distinct from d.changed_at, false) as only_prices
from costpulse.collected_days as d
left join costpulse.built_days as b on d.usage_date = b.usage_date and b.asset = %(asset)s
where
    d.source = 'cost_records'
    and d.usage_date >= %(oldest)s
    and case
        when %(only_changed)s then b.upstream_version is distinct from d.changed_at
        else d.usage_date between %(from_date)s and %(to_date)s
    end
order by d.usage_date
