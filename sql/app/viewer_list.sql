-- one row per person or group that may use the app, people first, by name
select
    v.id,
    v.kind,
    v.name,
    v.role,
    v.team_ids,
    v.updated_at
from costpulse.viewers as v
order by v.kind, lower(v.name)
