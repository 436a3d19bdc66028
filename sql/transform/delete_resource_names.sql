-- the staged resources get all their names anew
delete from costpulse.resource_names as n
using (
    select distinct
        s.resource_type,
        s.workspace_id,
        s.resource_id
    from staged_resource_names as s
) as gone
where
    n.resource_type = gone.resource_type
    and n.workspace_id = gone.workspace_id
    and n.resource_id = gone.resource_id
