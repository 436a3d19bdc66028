-- workspace x type x id x valid_from, from staged_resource_names
insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from, valid_to)
select
    s.workspace_id,
    s.resource_type,
    s.resource_id,
    s.name,
    s.valid_from,
    s.valid_to
from staged_resource_names as s
