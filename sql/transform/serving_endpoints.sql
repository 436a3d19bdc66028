-- one row per endpoint, from the entities of its newest configuration; what is not staged keeps its row
insert into costpulse.serving_endpoints as known (
    workspace_id, endpoint_name, endpoint_id, creator, served_entity_count, entity_names, delete_time, change_time,
    connection
)
select
    s.workspace_id,
    s.endpoint_name,
    max(s.endpoint_id) as endpoint_id,
    max(s.creator) as creator,
    count(*) as served_entity_count,
    array_agg(distinct coalesce(s.entity_name, s.served_entity_id)) as entity_names,
    max(s.delete_time) as delete_time,
    max(s.change_time) as change_time,
    %(connection)s as connection
from staged_serving_endpoints as s
group by s.workspace_id, s.endpoint_name
on conflict (workspace_id, endpoint_name) do update set
    endpoint_id = excluded.endpoint_id,
    creator = excluded.creator,
    served_entity_count = excluded.served_entity_count,
    entity_names = excluded.entity_names,
    delete_time = excluded.delete_time,
    change_time = excluded.change_time,
    connection = excluded.connection,
    updated_at = now()
