-- puts what waits for a channel that has been failing into one message for it; one row per message put there
with open as (
    select
        b.id,
        b.channel
    from costpulse.alert_outbox as b
    where
        b.purpose = 'bundle'
        and b.state in ('waiting', 'failed')
    for update skip locked
),

failing as (
    select distinct o.channel
    from costpulse.alert_outbox as o
    where
        o.purpose = 'finding'
        and o.bundle_id is null
        and o.state in ('waiting', 'failed')
        and coalesce(o.failing_since, o.settled_at) < %(failing_before)s
),

loose as (
    select
        o.id,
        o.channel,
        o.state,
        coalesce(o.failing_since, o.settled_at) as failing_since
    from costpulse.alert_outbox as o
    where
        o.purpose = 'finding'
        and o.bundle_id is null
        and (o.state = 'failed' or (o.state = 'waiting' and o.due_at <= %(now)s))
        and (
            o.channel in (select p.channel from open as p)
            or o.channel in (select f.channel from failing as f)
        )
    for update skip locked
),

made as (
    insert into costpulse.alert_outbox (dedup_key, purpose, severity, channel, content, due_at)
    select
        'bundle/' || gen_random_uuid(),
        'bundle',
        'info',
        l.channel,
        '{}',
        %(now)s
    from loose as l
    where
        not exists (
            select 1
            from costpulse.alert_outbox as b
            where
                b.purpose = 'bundle'
                and b.channel = l.channel
                and b.state in ('waiting', 'failed', 'sending')
        )
    group by l.channel
    having
        count(*) > %(most_single)s
        and min(l.failing_since) < %(failing_before)s
    returning id, channel
),

-- what is new is a reason to try again
woken as (
    update costpulse.alert_outbox as b
    set due_at = least(b.due_at, %(now)s)
    from open as p
    where
        b.id = p.id
        and exists (select 1 from loose as l where l.channel = p.channel and l.state = 'waiting')
),

bundles as (
    select
        min(p.id) as id,
        p.channel
    from (
        select
            o.id,
            o.channel
        from open as o
        union all
        select
            m.id,
            m.channel
        from made as m
    ) as p
    group by p.channel
)

update costpulse.alert_outbox as o
set bundle_id = b.id
from loose as l
inner join bundles as b on l.channel = b.channel
where o.id = l.id
returning o.id
