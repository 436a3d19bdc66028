-- workspace_id x warehouse_id: the newest version read over this connection; what is not seen any more keeps its row
insert into costpulse.warehouses as known (
    workspace_id, warehouse_id, name, warehouse_type, warehouse_size, warehouse_channel, min_clusters, max_clusters,
    auto_stop_minutes, owner, tags, change_time, delete_time, connection
)
select
    s.workspace_id,
    s.warehouse_id,
    s.name,
    s.warehouse_type,
    s.warehouse_size,
    s.warehouse_channel,
    s.min_clusters,
    s.max_clusters,
    s.auto_stop_minutes,
    s.owner,
    s.tags,
    s.change_time,
    s.delete_time,
    %(connection)s as connection
from staged_warehouses as s
where s.is_latest
on conflict (workspace_id, warehouse_id) do update set
    name = excluded.name,
    warehouse_type = excluded.warehouse_type,
    warehouse_size = excluded.warehouse_size,
    warehouse_channel = excluded.warehouse_channel,
    min_clusters = excluded.min_clusters,
    max_clusters = excluded.max_clusters,
    auto_stop_minutes = excluded.auto_stop_minutes,
    owner = excluded.owner,
    tags = excluded.tags,
    change_time = excluded.change_time,
    delete_time = excluded.delete_time,
    connection = excluded.connection,
    updated_at = now()
