-- one row per actor and per kind of object in the audit log: what it can be narrowed to. One step down the index for
-- each, however many changes there are.
with recursive actors as (
    (
        select a.actor as value
        from costpulse.audit_log as a
        order by a.actor
        limit 1
    )
    union all
    select (
        select a.actor
        from costpulse.audit_log as a
        where a.actor > s.value
        order by a.actor
        limit 1
    ) as value
    from actors as s
    where s.value is not null
),

objects as (
    (
        select a.table_name as value
        from costpulse.audit_log as a
        order by a.table_name
        limit 1
    )
    union all
    select (
        select a.table_name
        from costpulse.audit_log as a
        where a.table_name > s.value
        order by a.table_name
        limit 1
    ) as value
    from objects as s
    where s.value is not null
)

select
    'actor' as kind,
    s.value
from actors as s
where s.value is not null
union all
select
    'object' as kind,
    s.value
from objects as s
where s.value is not null
