-- one row per SQL warehouse, its newest version (is_latest), and one per older version of it with another name, size,
-- auto-stop or number of clusters than the version before. A deleted one keeps its last version, with delete_time.
with versions as (
    select
        w.*,
        lag(w.warehouse_name) over (
            partition by w.workspace_id, w.warehouse_id
            order by w.change_time asc, w.delete_time asc, w.warehouse_name asc, w.warehouse_size asc
        ) as previous_name,
        lag(w.warehouse_size) over (
            partition by w.workspace_id, w.warehouse_id
            order by w.change_time asc, w.delete_time asc, w.warehouse_name asc, w.warehouse_size asc
        ) as previous_warehouse_size,
        lag(w.auto_stop_minutes) over (
            partition by w.workspace_id, w.warehouse_id
            order by w.change_time asc, w.delete_time asc, w.warehouse_name asc, w.warehouse_size asc
        ) as previous_auto_stop_minutes,
        lag(w.min_clusters) over (
            partition by w.workspace_id, w.warehouse_id
            order by w.change_time asc, w.delete_time asc, w.warehouse_name asc, w.warehouse_size asc
        ) as previous_min_clusters,
        lag(w.max_clusters) over (
            partition by w.workspace_id, w.warehouse_id
            order by w.change_time asc, w.delete_time asc, w.warehouse_name asc, w.warehouse_size asc
        ) as previous_max_clusters,
        row_number() over (
            partition by w.workspace_id, w.warehouse_id
            order by w.change_time desc, w.delete_time desc, w.warehouse_name desc, w.warehouse_size desc
        ) as age
    from system.compute.warehouses as w
    where w.workspace_id is not null and w.warehouse_id is not null
)

select
    v.workspace_id,
    v.warehouse_id,
    v.warehouse_name as name,
    v.change_time,
    v.age = 1 as is_latest,
    v.warehouse_type,
    v.warehouse_size,
    v.warehouse_channel,
    v.min_clusters,
    v.max_clusters,
    v.auto_stop_minutes,
    v.created_by as owner,
    coalesce(to_json(map_from_entries(array_sort(map_entries(v.tags)))), '{}') as tags,
    v.delete_time
from versions as v
where
    v.age = 1
    or v.warehouse_name is distinct from v.previous_name
    or v.warehouse_size is distinct from v.previous_warehouse_size
    or v.auto_stop_minutes is distinct from v.previous_auto_stop_minutes
    or v.min_clusters is distinct from v.previous_min_clusters
    or v.max_clusters is distinct from v.previous_max_clusters
