-- scope about which people decided in the last 180 days: how much less readily it is called unusual, and why
with decided as (
    select
        a.scope_type,
        a.scope_id,
        count(*) filter (where a.resolution = 'not an anomaly') as wrong,
        count(*) filter (where a.resolution = 'too small') as small,
        count(*) filter (where a.status = 'expected' or a.resolution = 'expected') as planned,
        max(abs(a.impact_usd)) filter (where a.resolution = 'too small') as largest_small
    from costpulse.anomalies as a
    where
        a.parent_id is null
        and a.decided_at > %(now)s::timestamptz - interval '180 days'
        and a.decided_by <> 'pipeline'
        and (a.status = 'expected' or a.resolution in ('not an anomaly', 'too small', 'expected'))
    group by a.scope_type, a.scope_id
)

insert into costpulse.series_sensitivity (scope_type, scope_id, factor, minimum_impact_usd, reason)
select
    d.scope_type,
    d.scope_id,
    greatest(0.5, 0.85 ^ d.wrong * 0.95 ^ (d.small + d.planned)) as factor,
    d.largest_small,
    concat_ws(
        ', ',
        case when d.wrong > 0 then d.wrong || ' not an anomaly' end,
        case when d.small > 0 then d.small || ' too small' end,
        case when d.planned > 0 then d.planned || ' expected' end
    ) || ' in the last 180 days' as reason
from decided as d
