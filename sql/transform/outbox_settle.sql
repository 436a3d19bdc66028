-- settles a message by its claim, with what its bundle carries; one row per message, none where the claim is over
with claimed as (
    select
        o.id,
        o.purpose,
        o.failing_since
    from costpulse.alert_outbox as o
    where
        o.state = 'sending'
        and o.claim = %(claim)s
    for update
),

carried as (
    select
        m.id,
        coalesce(m.failing_since, %(now)s) as failing_since
    from costpulse.alert_outbox as m
    inner join claimed as c on m.bundle_id = c.id
    where m.state in ('waiting', 'failed')
),

-- a bundle goes on as long as a message in it does
concerned as (
    select
        c.id,
        c.purpose,
        coalesce((select max(r.failing_since) from carried as r), c.failing_since, %(now)s) as failing_since
    from claimed as c
    union all
    select
        r.id,
        'finding' as purpose,
        r.failing_since
    from carried as r
),

judged as (
    select
        c.id,
        c.failing_since,
        %(outcome)s::text = 'failed' and c.failing_since <= %(give_up_from)s as is_given_up,
        case
            when %(outcome)s::text <> 'failed' then %(outcome)s::text
            when c.purpose = 'test' or c.failing_since <= %(give_up_from)s then 'refused'
            else 'failed'
        end as state
    from concerned as c
)

update costpulse.alert_outbox as o
set
    state = j.state,
    claim = null,
    lease_until = null,
    settled_at = %(now)s,
    delivered_at = case when j.state = 'delivered' then %(now)s::timestamptz end,
    failing_since = case when j.state = 'failed' then j.failing_since end,
    due_at = case when j.state = 'failed' then %(due_at)s else o.due_at end,
    wait_until = %(wait_until)s,
    answer = case when j.is_given_up then %(gave_up)s || ' ' else '' end || %(answer)s,
    credential = %(credential)s
from judged as j
where o.id = j.id
returning o.id, o.state
