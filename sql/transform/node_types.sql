-- one row per node type; a node type has the same size in every region
insert into costpulse.node_types as known (node_type, core_count, memory_mb, gpu_count, connection)
select
    s.node_type,
    s.core_count,
    s.memory_mb,
    s.gpu_count,
    %(connection)s as connection
from staged_node_types as s
on conflict (node_type) do update set
    core_count = excluded.core_count,
    memory_mb = excluded.memory_mb,
    gpu_count = excluded.gpu_count,
    connection = excluded.connection,
    updated_at = now()
