-- one row per workspace with a warehouse of this id: its newest settings
select
    w.warehouse_type,
    w.warehouse_size,
    w.auto_stop_minutes
from system.compute.warehouses as w
where w.warehouse_id = :warehouse_id
qualify row_number() over (partition by w.workspace_id order by w.change_time desc) = 1
