-- setting of a staged version of an all-purpose cluster
create temporary table staged_settings on commit drop as
select
    'cluster'::text as resource_type,
    s.workspace_id,
    s.cluster_id as resource_id,
    v.setting,
    v.value,
    s.change_time,
    s.is_latest
from staged_clusters as s
cross join
    lateral (
        values
        ('auto_termination_minutes', s.auto_termination_minutes::text),
        ('num_workers', s.worker_count::text),
        (
            'min_workers-max_workers',
            s.min_autoscale_workers::text || '-' || s.max_autoscale_workers::text
        ),
        ('driver_node_type', s.driver_node_type),
        ('worker_node_type', s.worker_node_type)
    ) as v (setting, value)
-- those of one run have no history
where s.cluster_source in ('UI', 'API')
