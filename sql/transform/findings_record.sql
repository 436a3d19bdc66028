-- What was found goes into the history, its messages into the outbox: one per finding and channel. What was recorded
-- before stays as it is. One row per finding that is new.
with wanted as (
    select
        f.finding_key,
        f.alert_id,
        f.alert_type,
        f.severity,
        f.scope_type,
        f.scope_id,
        f.scope_name,
        f.team_id,
        f.subject,
        f.threshold,
        f.phase,
        f.reminder,
        f.occurred_on,
        f.current_value,
        f.expected_value,
        f.evidence,
        f.content,
        f.message,
        f.status,
        f.channels,
        f.due_at,
        f.held_for
    from jsonb_to_recordset(%(findings)s::jsonb) as f (
        finding_key text,
        alert_id bigint,
        alert_type text,
        severity text,
        scope_type text,
        scope_id text,
        scope_name text,
        team_id bigint,
        subject text,
        threshold numeric,
        phase text,
        reminder integer,
        occurred_on date,
        current_value numeric,
        expected_value numeric,
        evidence jsonb,
        content jsonb,
        message text,
        status text,
        channels text[],
        due_at timestamptz,
        held_for text
    )
),

recorded as (
    insert into costpulse.alert_history (
        finding_key, alert_id, alert_type, severity, scope_type, scope_id, scope_name, team_id, subject, threshold,
        phase, reminder, occurred_on, current_value, expected_value, evidence, content, message, status, triggered_at
    )
    select
        w.finding_key,
        w.alert_id,
        w.alert_type,
        w.severity,
        w.scope_type,
        w.scope_id,
        w.scope_name,
        w.team_id,
        w.subject,
        w.threshold,
        w.phase,
        w.reminder,
        w.occurred_on,
        w.current_value,
        w.expected_value,
        w.evidence,
        w.content,
        w.message,
        w.status,
        %(now)s::timestamptz as triggered_at
    from wanted as w
    on conflict (finding_key) do nothing
    returning id, finding_key, status
),

queued as (
    insert into costpulse.alert_outbox (
        dedup_key, history_id, purpose, severity, channel, content, created_at, due_at, held_for
    )
    select
        w.finding_key || ' > ' || c.channel as dedup_key,
        r.id as history_id,
        'finding' as purpose,
        w.severity,
        c.channel,
        w.content,
        %(now)s::timestamptz as created_at,
        w.due_at,
        w.held_for
    from recorded as r
    inner join wanted as w on r.finding_key = w.finding_key
    cross join unnest(w.channels) as c (channel)
    on conflict (dedup_key) do nothing
)

select
    r.finding_key,
    r.status
from recorded as r
