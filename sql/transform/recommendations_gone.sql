-- What was not found any more, or is found again though it is done; what was to be done has expired then. One row per
-- recommendation that expired.
with judged as (
    select
        r.id,
        f.type is not null as is_found,
        coalesce(d.resource_id, b.resource_id) is not null as is_deleted
    from costpulse.recommendations as r
    left join found_recommendations as f
        on
            r.type = f.type
            and r.workspace_id is not distinct from f.workspace_id
            and r.resource_type = f.resource_type
            and r.resource_id = f.resource_id
    left join costpulse.deleted_resources as d
        on
            r.workspace_id = d.workspace_id
            and r.resource_type = d.resource_type
            and r.resource_id = d.resource_id
    left join costpulse.deleted_resources as b
        on
            r.workspace_id = b.workspace_id
            and r.bearer_type = b.resource_type
            and r.bearer_id = b.resource_id
    where (f.type is null) = (r.gone_at is null)
),

changed as (
    update costpulse.recommendations as r
    set
        gone_at = case when not j.is_found then %(now)s::timestamptz end,
        status = case when r.status in ('open', 'accepted') then 'expired' else r.status end,
        status_reason = case
            when r.status not in ('open', 'accepted') then r.status_reason
            when j.is_deleted then 'no longer there'
            else 'condition is gone'
        end,
        decided_by = case when r.status in ('open', 'accepted') then 'pipeline' else r.decided_by end,
        decided_at = case when r.status in ('open', 'accepted') then %(now)s else r.decided_at end
    from judged as j
    where r.id = j.id
    returning r.id, r.status, r.decided_at
)

select c.id
from changed as c
where c.status = 'expired' and c.decided_at = %(now)s
