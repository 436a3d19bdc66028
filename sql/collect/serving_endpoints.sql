-- one row per entity that an endpoint serves by its newest configuration. The endpoint goes by its name, as in the
-- bill: one that was made anew under an old name takes its place.
with newest as (
    select
        e.*,
        first_value(e.endpoint_id) over (
            partition by e.workspace_id, e.endpoint_name
            order by e.change_time desc, e.endpoint_config_version desc, e.endpoint_id desc
        ) as newest_endpoint_id,
        max(e.endpoint_config_version) over (
            partition by e.workspace_id, e.endpoint_name, e.endpoint_id
        ) as newest_config_version
    from system.serving.served_entities as e
    where
        e.workspace_id is not null
        and e.endpoint_name is not null
        and e.served_entity_id is not null
        and e.change_time is not null
)

select
    n.workspace_id,
    n.endpoint_name,
    n.endpoint_name as name,
    n.served_entity_id,
    max(n.endpoint_id) as endpoint_id,
    max(n.change_time) as change_time,
    true as is_latest,
    max(n.created_by) as creator,
    max(coalesce(n.entity_name, n.served_entity_name)) as entity_name,
    max(n.endpoint_delete_time) as delete_time
from newest as n
where
    n.endpoint_id is not distinct from n.newest_endpoint_id
    and n.endpoint_config_version is not distinct from n.newest_config_version
group by n.workspace_id, n.endpoint_name, n.served_entity_id
