-- Events of scopes and days that were judged and are not unusual any more: who has seen or decided something finds
-- them resolved, what nobody saw is deleted. One row per event, with what became of it.
with gone as (
    select
        a.id,
        a.parent_id is not null and a.assigned_to is null and coalesce(a.decided_by, 'pipeline') = 'pipeline'
            as was_unseen
    from costpulse.anomalies as a
    inner join unnest(%(scope_types)s::text[], %(scope_ids)s::text[]) as j (scope_type, scope_id)
        on a.scope_type = j.scope_type and a.scope_id = j.scope_id
    where
        a.start_date >= %(first)s
        and a.gone_at is null
        and not exists (select from staged_anomalies as s where s.anomaly_id = a.id)
),

deleted as (
    delete from costpulse.anomalies as a
    using gone as g
    where a.id = g.id and g.was_unseen
    returning a.id
),

resolved as (
    update costpulse.anomalies as a
    set
        gone_at = %(now)s,
        status = 'resolved',
        resolution = coalesce(a.resolution, 'no longer there'),
        decided_by = case when a.status = 'resolved' then a.decided_by else 'pipeline' end,
        decided_at = case when a.status = 'resolved' then a.decided_at else %(now)s end,
        end_date = a.last_date
    from gone as g
    where a.id = g.id and not g.was_unseen
    returning a.id
)

select
    id,
    'deleted' as outcome
from deleted
union all
select
    id,
    'resolved' as outcome
from resolved
