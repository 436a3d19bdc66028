-- one row per change of a setting of a cluster or warehouse, newest first; the first value that is known is no change
select
    h.setting,
    h.value_before,
    h.value,
    h.valid_from
from (
    select
        s.setting,
        s.value,
        s.valid_from,
        lag(s.value) over of_setting as value_before,
        row_number() over of_setting as place
    from costpulse.resource_settings as s
    where
        s.workspace_id = %(workspace)s
        and s.resource_type = %(machine_type)s
        and s.resource_id = %(machine_id)s
    window of_setting as (partition by s.setting order by s.valid_from)
) as h
where h.place > 1
order by h.valid_from desc, h.setting asc
limit 50
