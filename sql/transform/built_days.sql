-- asset x usage_date: the version of the upstreams that the days were just built from
insert into costpulse.built_days as known (asset, usage_date, upstream_version, built_at)
select
    %(asset)s,
    v.usage_date,
    max(v.version),
    clock_timestamp()
from costpulse.day_versions as v
where v.upstream = any(%(upstreams)s::text[]) and v.usage_date = any(%(days)s::date[])
group by v.usage_date
on conflict (asset, usage_date) do update set
    upstream_version = excluded.upstream_version,
    built_at = excluded.built_at
