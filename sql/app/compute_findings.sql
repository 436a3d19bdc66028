-- one row per open recommendation about a cluster or warehouse or on its bill, the largest saving first, then per
-- anomaly of it, newest first; row-level security says which the viewer may know
(
    select
        'recommendation' as finding,
        r.id,
        r.title,
        r.severity,
        r.status,
        r.standalone_savings as amount,
        r.window_last as on_date,
        r.command,
        r.acts_on
    from costpulse.recommendations as r
    where
        coalesce(r.workspace_id, '') = %(workspace)s
        and (
            (r.resource_type = %(machine_type)s and r.resource_id = %(machine_id)s)
            or (r.bearer_type = %(machine_type)s and r.bearer_id = %(machine_id)s)
        )
        and r.status in ('open', 'accepted')
    order by r.standalone_savings desc, r.id asc
    limit 20
)
union all
(
    select
        'anomaly' as finding,
        a.id,
        a.kind as title,
        a.severity,
        a.status,
        a.impact_usd as amount,
        a.start_date as on_date,
        null as command,
        null as acts_on
    from costpulse.anomalies as a
    where
        a.scope_type = %(machine_type)s
        and a.scope_id = %(workspace)s || '/' || %(machine_id)s
        and a.gone_at is null
    order by a.start_date desc, a.id asc
    limit 20
)
