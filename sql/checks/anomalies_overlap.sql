-- shown events of one scope and direction that share days: there must be none
select
    a.id,
    b.id as other_id,
    a.scope_type,
    a.scope_id,
    a.direction
from costpulse.anomalies as a
inner join costpulse.anomalies as b
    on
        a.scope_type = b.scope_type
        and a.scope_id = b.scope_id
        and a.direction = b.direction
        and a.id < b.id
        and a.start_date <= b.last_date
        and b.start_date <= a.last_date
where
    a.parent_id is null
    and b.parent_id is null
    and a.gone_at is null
    and b.gone_at is null
