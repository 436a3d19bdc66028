-- workspace x resource x setting x moment: the staged values that differ from the one before, a known one included
insert into costpulse.resource_settings (workspace_id, resource_type, resource_id, setting, value, valid_from)
with versions as (
    select distinct on (s.workspace_id, s.resource_id, s.setting, s.change_time)
        s.workspace_id,
        s.resource_type,
        s.resource_id,
        s.setting,
        s.value,
        s.change_time
    from staged_settings as s
    order by
        s.workspace_id asc, s.resource_id asc, s.setting asc, s.change_time asc, s.is_latest desc, s.value asc
),

neighbours as (
    select
        v.*,
        lag(v.value) over resource as previous_value,
        row_number() over resource as place
    from versions as v
    window resource as (partition by v.workspace_id, v.resource_id, v.setting order by v.change_time)
)

select
    n.workspace_id,
    n.resource_type,
    n.resource_id,
    n.setting,
    n.value,
    n.change_time as valid_from
from neighbours as n
left join lateral (
    select k.value
    from costpulse.resource_settings as k
    where
        n.place = 1
        and k.workspace_id = n.workspace_id
        and k.resource_type = n.resource_type
        and k.resource_id = n.resource_id
        and k.setting = n.setting
    order by k.valid_from desc
    limit 1
) as known on true
where
    case when n.place = 1 then known.value else n.previous_value end is distinct from n.value
