"""How long the account is, and parts of statements that several tests ask with."""

#: Days of history of the account that most tests read.
DAYS = 60

WAREHOUSE_DBU = (
    "values ('2X_SMALL', 4), ('X_SMALL', 6), ('SMALL', 12), ('MEDIUM', 24), ('LARGE', 40), ('X_LARGE', 80), "
    "('2X_LARGE', 144)"
)

RUNNING = f"""
with sizes as ({WAREHOUSE_DBU}),
ordered as (
    select e.workspace_id, e.warehouse_id, e.event_time, e.event_type, e.cluster_count,
        lead(e.event_time) over (
            partition by e.workspace_id, e.warehouse_id
            order by e.event_time, case e.event_type when 'STARTING' then 1 when 'RUNNING' then 2
                when 'STOPPING' then 4 when 'STOPPED' then 5 else 3 end
        ) as next_time
    from system.compute.warehouse_events as e
),
up as (
    select o.workspace_id, o.warehouse_id, o.cluster_count, o.event_time as s, coalesce(o.next_time, :look) as e
    from ordered as o
    where o.event_type in ('RUNNING', 'SCALED_UP', 'SCALED_DOWN', 'STOPPING')
        and coalesce(o.next_time, :look) > o.event_time
)
""".replace("sizes as (values", "sizes (size, dbu) as (values")
USE = """
    select avg(case when t.cpu_user_percent + t.cpu_system_percent < 3 then 1.0 else 0.0 end) as idle,
        percentile(t.cpu_user_percent + t.cpu_system_percent, 0.95) as cpu,
        percentile(t.mem_used_percent, 0.95) as memory,
        avg(t.cpu_wait_percent) as waiting, max(t.mem_swap_percent) as swap,
        max(t.cpu_user_percent + t.cpu_system_percent) as most
    from system.compute.node_timeline as t
    join (
        select * from system.compute.clusters
        qualify row_number() over (partition by workspace_id, cluster_id order by change_time desc) = 1
    ) as c on c.workspace_id = t.workspace_id and c.cluster_id = t.cluster_id
    where c.cluster_name = :name
"""
