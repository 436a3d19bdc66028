-- event x larger scope that holds at least half of its difference: what it may be explained by
with inside as (
    select
        s.event_no,
        c.dimension as scope_type,
        c.value_id as scope_id,
        c.share
    from staged_anomalies as s
    inner join costpulse.anomaly_causes as c on s.anomaly_id = c.anomaly_id
    where c.dimension in ('workspace', 'product', 'sku') and c.value_id is not null
    union all
    select
        s.event_no,
        'team' as scope_type,
        coalesce(b.scope_team_id::text, c.value_id) as scope_id,
        sum(c.share) as share
    from staged_anomalies as s
    inner join costpulse.anomaly_causes as c on s.anomaly_id = c.anomaly_id
    left join costpulse.team_scopes as b on c.value_id = b.team_id::text
    where c.dimension = 'team' and c.value_id is not null
    group by s.event_no, coalesce(b.scope_team_id::text, c.value_id)
)

select
    event_no,
    scope_type,
    scope_id,
    share::double precision as share
from inside
where share >= 0.5
