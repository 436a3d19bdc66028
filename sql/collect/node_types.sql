-- one row per node type of the region: how many cores and how much memory it has
select
    n.node_type,
    max(n.core_count) as core_count,
    max(n.memory_mb) as memory_mb,
    max(n.gpu_count) as gpu_count
from system.compute.node_types as n
where n.node_type is not null
group by n.node_type
