-- the recommendation asked for: what it rests on, what to do, and what was decided
select
    r.acts_on,
    r.vm_savings,
    r.vm_savings_source,
    r.confidence_reason,
    r.evidence::text as evidence,
    r.calculation,
    r.setting,
    r.setting_from,
    r.setting_to,
    r.command,
    r.status_reason,
    r.dismissed_savings,
    r.note
from costpulse.recommendations as r
where r.id = %(id)s::bigint
