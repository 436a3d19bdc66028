-- budgets becomes this list: rows without an id are new, in this order, and ids that are not in it go
with wanted as (
    select
        w.id,
        w.name,
        w.scope_type,
        w.scope_id,
        w.period,
        w.starts_on,
        w.ends_on,
        w.amount,
        w.thresholds,
        w.projected_threshold,
        w.owner,
        w.recipients,
        w.is_active,
        w.position
    from jsonb_to_recordset(%(budgets)s::jsonb) as w (
        id bigint,
        name text,
        scope_type text,
        scope_id text,
        period text,
        starts_on date,
        ends_on date,
        amount numeric,
        thresholds numeric[],
        projected_threshold numeric,
        owner text,
        recipients text[],
        is_active boolean,
        position integer
    )
),

gone as (
    delete from costpulse.budgets as b
    where not exists (select 1 from wanted as w where w.id = b.id)
),

changed as (
    update costpulse.budgets as b
    set
        name = w.name,
        scope_type = w.scope_type,
        scope_id = w.scope_id,
        period = w.period,
        starts_on = w.starts_on,
        ends_on = w.ends_on,
        amount = w.amount,
        thresholds = w.thresholds,
        projected_threshold = w.projected_threshold,
        owner = w.owner,
        recipients = w.recipients,
        is_active = w.is_active,
        version = b.version + 1,
        updated_at = now()
    from wanted as w
    where
        w.id = b.id
        and (
            b.name, b.scope_type, b.scope_id, b.period, b.starts_on, b.ends_on, b.amount, b.thresholds,
            b.projected_threshold, b.owner, b.recipients, b.is_active
        ) is distinct from (
            w.name, w.scope_type, w.scope_id, w.period, w.starts_on, w.ends_on, w.amount, w.thresholds,
            w.projected_threshold, w.owner, w.recipients, w.is_active
        )
)

insert into costpulse.budgets (
    name, scope_type, scope_id, period, starts_on, ends_on, amount, thresholds, projected_threshold, owner, recipients,
    is_active
)
select
    w.name,
    w.scope_type,
    w.scope_id,
    w.period,
    w.starts_on,
    w.ends_on,
    w.amount,
    w.thresholds,
    w.projected_threshold,
    w.owner,
    w.recipients,
    w.is_active
from wanted as w
where w.id is null
order by w.position
