-- asset x usage_date: the version of the upstream that the days were just built from
insert into costpulse.built_days as known (asset, usage_date, upstream_version, built_at)
select
    %(asset)s,
    u.usage_date,
    u.version,
    clock_timestamp()
from (
    select
        d.usage_date,
        d.changed_at as version
    from costpulse.collected_days as d
    where %(upstream)s = 'cost_records' and d.source = 'cost_records' and d.usage_date = any(%(days)s::date[])
    union all
    select
        b.usage_date,
        b.built_at as version
    from costpulse.built_days as b
    where b.asset = %(upstream)s and b.usage_date = any(%(days)s::date[])
) as u
on conflict (asset, usage_date) do update set
    upstream_version = excluded.upstream_version,
    built_at = excluded.built_at
