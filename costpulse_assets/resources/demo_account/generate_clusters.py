"""What the nodes of clusters did: `system.compute.node_timeline`, and the clusters that live for one run.

A cluster that is billed for an hour is up for the billed share of it, and every minute of a node that is up is a
row. The telemetry shows fewer nodes than the bill is made for (`Cluster.workers`): a row is a node and a minute.
"""

import duckdb
import pyarrow as pa

from costpulse_assets.resources.demo_account import planted
from costpulse_assets.resources.demo_account.model import ACCOUNT_ID, Account
from costpulse_assets.resources.demo_account.tables import CATALOG

#: Days of history up to the end date: all that Databricks keeps of nodes, and less for clusters of one run.
NODE_DAYS, RUN_NODE_DAYS = 90, 14

#: How the nodes of a cluster behave where they are not simply as busy as it is loaded.
_HABITS = {
    **{fact.subject: "idle" for fact in planted.facts("idle cluster")},
    **{fact.subject: "hardly used" for fact in planted.facts("over-provisioned cluster")},
    **{fact.subject: "four hours a day" for fact in planted.facts("cluster without auto-termination")},
    **{fact.subject: "out of memory" for fact in planted.facts("memory-bound cluster")},
    **{fact.subject: "waiting" for fact in planted.facts("waiting cluster")},
}


def generate_uptime(connection: duckdb.DuckDBPyConnection, account: Account) -> None:
    """Make the temporary table `up`: when all-purpose clusters were up, in minutes of the hour."""
    clusters = [
        {
            "cluster_id": cluster.cluster_id,
            "habit": _HABITS.get(cluster.name, "usual"),
            "fewest": cluster.autoscale[0] if cluster.autoscale else cluster.workers,
            "most": cluster.autoscale[1] if cluster.autoscale else cluster.workers,
            "idle_limit": cluster.auto_termination_minutes or 0,
        }
        for cluster in account.clusters
    ]
    connection.register("habits", pa.Table.from_pylist(clusters))
    connection.execute(_UP)
    connection.unregister("habits")


def generate_nodes(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill `compute.node_timeline`, and add the clusters of runs to `compute.clusters`; needs `up` and `runs`."""
    connection.execute(_RUN_CLUSTERS)
    connection.execute(_UP_FOR_RUNS)
    connection.execute(_NODE_HOURS)
    connection.execute(_NODES)


# one row per all-purpose cluster and hour it was up in; nobody works on it from minute idle_from on
_UP = """
create or replace temp table up as
select
    workspace_id,
    cluster_id,
    node_type,
    habit,
    salt,
    hour,
    load,
    workers,
    first_minute,
    first_minute + minutes as end_minute,
    case
        when habit = 'idle' then first_minute
        when habit = 'four hours a day' and hour % 24 not between 5 and 8 then first_minute
        when idle_minutes > 0 then first_minute + minutes - idle_minutes
        when first_minute + minutes < 60 or not goes_on then first_minute + minutes - least(idle_limit, minutes // 3)
        else 60
    end as idle_from
from (
    select
        w.workspace_id,
        w.cluster_id,
        w.node_type,
        h.habit,
        cast('0x' || md5(w.cluster_id)[1:7] as bigint) as salt,
        w.hour,
        w.seconds / 3600 as load,
        h.idle_limit,
        greatest(h.fewest, least(h.most, cast(round(w.seconds / 3600 * (h.most + 1) / 2) as bigint))) as workers,
        -- It comes up late in its first hour; later in the day it stops when the work of the hour is done.
        case
            when lag(w.hour) over one = w.hour - 1 then 0 else 60 - least(60, greatest(1, w.seconds // 60))
        end as first_minute,
        least(60, greatest(1, w.seconds // 60)) as minutes,
        least(60, w.idle_seconds // 60) as idle_minutes,
        coalesce(lead(w.hour) over one = w.hour + 1, false) as goes_on
    from work as w
    join habits as h using (cluster_id)
    where w.product = 'ALL_PURPOSE'
    window one as (partition by w.stream order by w.hour)
)
order by cluster_id, hour
"""

# one row per cluster that was made for a run, and a further one when it was deleted with it
_RUN_CLUSTERS = f"""
insert into {CATALOG}.compute.clusters by name
select
    '{ACCOUNT_ID}' as account_id,
    r.workspace_id,
    r.cluster_id,
    case r.kind when 'pipeline update' then 'dlt-execution-' || r.pipeline_id
        else 'job-' || r.job_id || '-run-' || r.run_id || '-main' end as cluster_name,
    r.run_as as owned_by,
    to_timestamp(r.start_s) as create_time,
    case when v.deleted then to_timestamp(r.end_s) end as delete_time,
    r.node_type as driver_node_type,
    r.node_type as worker_node_type,
    r.workers as worker_count,
    false as enable_elastic_disk,
    r.tags,
    case r.kind when 'pipeline update' then 'PIPELINE' else 'JOB' end as cluster_source,
    '16.4.x-scala2.12' as dbr_version,
    to_timestamp(case when v.deleted then r.end_s else r.start_s end) as change_time,
    cast(to_timestamp(case when v.deleted then r.end_s else r.start_s end) as date) as change_date,
    'SINGLE_USER' as data_security_mode
from runs as r
cross join (values (false), (true)) as v (deleted)
where r.cluster_id is not null and r.kind in ('job cluster', 'pipeline update')
    and case when v.deleted then r.end_s else r.start_s end
        between greatest(getvariable('first_s'), getvariable('end_s') - {NODE_DAYS} * 86400) and getvariable('look_s')
order by r.start_s, r.cluster_id, v.deleted
"""  # noqa: S608 - constants of ours

_UP_FOR_RUNS = f"""
insert into up
select
    workspace_id,
    cluster_id,
    node_type,
    'run' as habit,
    salt,
    hour,
    1 as load,
    workers,
    greatest(0, start_s - hour * 3600) // 60 as first_minute,
    least(60, (end_s - hour * 3600 + 59) // 60) as end_minute,
    60 as idle_from
from (
    select *, unnest(range(start_s // 3600, (end_s + 3599) // 3600)) as hour
    from runs
    where cluster_id is not null and kind in ('job cluster', 'pipeline update')
        and end_s >= getvariable('end_s') - {RUN_NODE_DAYS} * 86400
)
where hour * 3600 >= getvariable('end_s') - {RUN_NODE_DAYS} * 86400
order by cluster_id, hour
"""  # noqa: S608 - constants of ours

# one row per node and hour it was up in, in the order of its minutes: so they take little room
_NODE_HOURS = f"""
create or replace temp table node_hours as
select
    workspace_id,
    cluster_id,
    'i-' || md5(concat_ws('|', cluster_id, since, node))[1:17] as instance_id,
    node = 0 as driver,
    node_type,
    salt + node * 7919 as salt,
    greatest(hour * 60 + first_minute, getvariable('first_s') // 60) as first_minute,
    least(hour * 60 + end_minute, getvariable('look_s') // 60) as end_minute,
    hour * 60 + idle_from as idle_from,
    -- A busy cluster has an idle driver, as long as it is not all there is.
    case when node = 0 and workers > 0 then 0.35 else 1 end * case habit
        when 'hardly used' then case when node <= 4 then 20 else 5 end
        when 'four hours a day' then 70
        when 'out of memory' then 16
        when 'waiting' then 24
        when 'run' then 55 + 25 * noise(salt)
        else 28 + 40 * least(load, 1.2)
    end as busy,
    case habit when 'waiting' then 38 else 0.8 end as waiting,
    case habit
        when 'idle' then 21
        when 'hardly used' then 30
        when 'out of memory' then case when node = 0 and workers > 0 then 60 else 89 end
        else 38 + 22 * noise(salt + 5)
    end as memory
from (
    select
        *,
        -- Nodes stay while the cluster is up, but no longer than a week.
        greatest(
            hour // 168 * 168, max(case when came_up then hour end) over (partition by cluster_id order by hour)
        ) as since,
        unnest(range(0, workers + 1)) as node
    from (
        select
            *,
            coalesce(first_minute > 0 or lag(hour * 60 + end_minute) over one < hour * 60, true) as came_up
        from up
        window one as (partition by cluster_id order by hour)
    )
)
where hour * 3600 >= getvariable('end_s') - {NODE_DAYS} * 86400
order by cluster_id, node, hour
"""  # noqa: S608 - constants of ours

# one row per node and minute
_NODES = f"""
insert into {CATALOG}.compute.node_timeline by name
select
    '{ACCOUNT_ID}' as account_id,
    workspace_id,
    cluster_id,
    instance_id,
    to_timestamp(minute * 60) as start_time,
    to_timestamp(minute * 60 + 60) as end_time,
    driver,
    round(case when idle then 0.4 + 1.1 * u else busy * (0.75 + 0.5 * u) end, 1) as cpu_user_percent,
    round(case when idle then 0.2 + 0.6 * v else 0.6 + busy * 0.09 * v end, 1) as cpu_system_percent,
    round(case when idle then 0.1 * u else waiting * (0.7 + 0.6 * v) end, 1) as cpu_wait_percent,
    round(memory + 6 * v, 1) as mem_used_percent,
    case when memory > 85 and u > 0.97 then round(4 * v, 1) else 0 end as mem_swap_percent,
    cast(case when idle then 4 else 40 * busy end as bigint) * 4096 as network_sent_bytes,
    cast(case when idle then 6 else 90 * busy end as bigint) * 4096 as network_received_bytes,
    node_type
from (
    select *, minute >= idle_from as idle, 7919 * u - floor(7919 * u) as v
    from (
        select *, noise(salt + minute * 97) as u
        from (select *, unnest(range(first_minute, end_minute)) as minute from node_hours)
    )
)
"""  # noqa: S608 - constants of ours
