-- node types of one region as they stream in
create temporary table staged_node_types (
    node_type text not null,
    core_count numeric(9, 2),
    memory_mb bigint,
    gpu_count integer
) on commit drop
