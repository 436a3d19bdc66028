-- the staged resources get their settings anew from their oldest staged version on; what is known from before stays
delete from costpulse.resource_settings as k
using (
    select
        s.resource_type,
        s.workspace_id,
        s.resource_id,
        min(s.change_time) as change_time
    from staged_settings as s
    group by s.resource_type, s.workspace_id, s.resource_id
) as oldest
where
    k.resource_type = oldest.resource_type
    and k.workspace_id = oldest.workspace_id
    and k.resource_id = oldest.resource_id
    and k.valid_from >= oldest.change_time
