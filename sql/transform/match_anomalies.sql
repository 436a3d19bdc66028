-- Gives every staged event the id of the stored one it is: of the same scope and direction, with days in common; the
-- others get a new one. Amounts and causes are due where the days are others, or what they cost was built anew since.
with pairs as (
    select
        s.event_no,
        a.id,
        row_number() over (
            partition by s.event_no
            order by a.gone_at is not null, a.start_date, a.id
        ) as place_of_event,
        row_number() over (partition by a.id order by s.start_date, s.event_no) as place_of_stored
    from staged_anomalies as s
    inner join costpulse.anomalies as a
        on
            s.scope_type = a.scope_type
            and s.scope_id = a.scope_id
            and s.direction = a.direction
            and s.start_date <= a.last_date
            and s.last_date >= a.start_date
),

matched as (
    select
        s.event_no,
        a.id,
        (
            a.days_digest is distinct from s.days_digest
            or a.causes_at is null
            or exists (
                select from staged_anomaly_event_days as d
                inner join costpulse.built_days as b
                    on d.usage_date = b.usage_date and b.asset = 'daily_key_costs'
                where d.event_no = s.event_no and b.built_at > a.causes_at
            )
        ) as is_due
    from staged_anomalies as s
    left join pairs as p on s.event_no = p.event_no and p.place_of_event = 1 and p.place_of_stored = 1
    left join costpulse.anomalies as a on p.id = a.id
)

update staged_anomalies as s
set
    anomaly_id = coalesce(m.id, nextval(pg_get_serial_sequence('costpulse.anomalies', 'id'))),
    is_due = m.is_due
from matched as m
where s.event_no = m.event_no
