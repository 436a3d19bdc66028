-- one row per day that a derived table must build: with only_changed those whose upstream has another version than
-- the one built from, else all collected days of the window
with upstream as (
    select
        d.usage_date,
        d.changed_at as version
    from costpulse.collected_days as d
    where %(upstream)s = 'cost_records' and d.source = 'cost_records'
    union all
    select
        b.usage_date,
        b.built_at as version
    from costpulse.built_days as b
    where b.asset = %(upstream)s
)

select u.usage_date
from upstream as u
left join costpulse.built_days as b on u.usage_date = b.usage_date and b.asset = %(asset)s
where
    case
        when %(only_changed)s then b.upstream_version is distinct from u.version
        else u.usage_date between %(from_date)s and %(to_date)s
    end
order by u.usage_date
