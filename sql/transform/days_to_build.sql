-- one row per day that a derived table must build: with only_changed those whose upstreams have another version than
-- the one built from, else all days of the window that any upstream has
select u.usage_date
from (
    select
        v.usage_date,
        max(v.version) as version
    from costpulse.day_versions as v
    where v.upstream = any(%(upstreams)s::text[])
    group by v.usage_date
) as u
left join costpulse.built_days as b on u.usage_date = b.usage_date and b.asset = %(asset)s
where
    case
        when %(only_changed)s then b.upstream_version is distinct from u.version
        else u.usage_date between %(from_date)s and %(to_date)s
    end
order by u.usage_date
