-- alert_routes becomes this list: what is there already stays
with wanted as (
    select
        w.team_id,
        w.cost_center,
        w.minimum_severity,
        w.channel,
        w.position
    from jsonb_to_recordset(%(routes)s::jsonb) as w (
        team_id bigint,
        cost_center text,
        minimum_severity text,
        channel text,
        position integer
    )
),

gone as (
    delete from costpulse.alert_routes as r
    where
        not exists (
            select 1 from wanted as w
            where
                (w.team_id, w.cost_center, w.minimum_severity, w.channel)
                is not distinct from (r.team_id, r.cost_center, r.minimum_severity, r.channel)
        )
)

insert into costpulse.alert_routes (team_id, cost_center, minimum_severity, channel)
select
    w.team_id,
    w.cost_center,
    w.minimum_severity,
    w.channel
from wanted as w
where
    not exists (
        select 1 from costpulse.alert_routes as r
        where
            (w.team_id, w.cost_center, w.minimum_severity, w.channel)
            is not distinct from (r.team_id, r.cost_center, r.minimum_severity, r.channel)
    )
order by w.position
