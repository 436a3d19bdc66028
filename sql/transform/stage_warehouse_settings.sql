-- setting of a staged version of a SQL warehouse
create temporary table staged_settings on commit drop as
select
    'warehouse'::text as resource_type,
    s.workspace_id,
    s.warehouse_id as resource_id,
    v.setting,
    v.value,
    s.change_time,
    s.is_latest
from staged_warehouses as s
cross join
    lateral (
        values
        ('warehouse_size', s.warehouse_size),
        ('auto_stop_minutes', s.auto_stop_minutes::text),
        ('min_clusters', s.min_clusters::text),
        ('max_clusters', s.max_clusters::text)
    ) as v (setting, value)
where s.change_time is not null
