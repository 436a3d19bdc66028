"""What every type of recommendation finds in a large account, and tags of many keys judged; the hours are made up.

Run as a module it is the process whose memory is measured: `python -m tests.benchmarks.recommend URL` makes one run
of the recommendations and prints what it took.
"""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg

from costpulse_assets.analysis.recommendation_run import WINDOW_DAYS, final_window, find, update_recommendations
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.analysis.tag_compliance import judge_days
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection, Database
from costpulse_assets.settings import Settings
from tests.benchmarks.load import _peak_mb
from tests.benchmarks.measuring import FULL, TODAY, Bench, Section, medians, migrated, seconds

_CLUSTERS, _WAREHOUSES, _JOBS, _TAGGED_KEYS = 5_000, 500, 20_000, 100_000
_WINDOW = Period(TODAY - timedelta(days=WINDOW_DAYS), TODAY - timedelta(days=1))
_NOW = datetime.combine(TODAY, datetime.min.time(), UTC)

# Keys with four tags each, of which a part is blank or spelled otherwise, every one of them used on every day.
_TAGS_SQL = """
insert into costpulse.cost_keys (
    key_id, workspace_id, product, usage_type, cluster_id, user_email, tags, first_usage_date, last_usage_date
)
select
    md5('tagged ' || n)::uuid, (1000 + n %% 40)::text, 'ALL_PURPOSE', 'COMPUTE_TIME', 'tagged-' || n / 2,
    'person.' || n %% 600 || '@example.com',
    jsonb_build_object(
        'team', 'team ' || n %% 50, 'Environment', case n %% 4 when 0 then 'prod' when 1 then 'Dev' else '' end,
        'project', 'project ' || n %% 75000, 'cost-center', 'cc-' || n %% 300
    ),
    %(last_date)s, %(last_date)s
from generate_series(1, %(keys)s) as n;

insert into costpulse.daily_key_costs (
    usage_date, key_id, sku_name, usage_unit, team_id, usage_quantity, dbu_count, cost_usd, unpriced_quantity,
    record_count
)
select
    d::date, md5('tagged ' || n)::uuid, 'PREMIUM_ALL_PURPOSE_COMPUTE', 'DBU', 1 + n %% 50, 24, 24, 12, 0, 24
from generate_series(1, %(keys)s) as n
cross join generate_series(%(first_date)s::date, %(last_date)s::date, '1 day') as d;
"""


def measure(bench: Bench) -> Section:
    """Every type against one statement by hand, a whole run, and tags of many keys."""
    scale = 1 if bench.sizes is FULL else 100
    section = Section(
        "Recommendations",
        f"{_CLUSTERS // scale:,} clusters, {_WAREHOUSES // scale:,} warehouses and {_JOBS // scale:,} jobs over "
        f"{WINDOW_DAYS} days, made up in the database: most clusters are up on working days, some percent waste in "
        f"each way that is looked for; {600_000 // scale:,} runs. Each type against one plain statement by hand that "
        "finds the same resources and the same savings in the same tables, without texts and evidence. A run merges "
        "what all types find and combines the savings; memory is the peak of its process, with everything a Dagster "
        "run has loaded. "
        f"Tags: {_TAGGED_KEYS // scale:,} keys, nearly each with tags of its own, judged by the four default policies.",
    )
    with migrated(bench.plain) as url:
        fill(url, scale)
        parameters = {"first_date": _WINDOW.first, "last_date": _WINDOW.last}
        with Database(url).transaction() as connection:
            assert final_window(connection) == _WINDOW
            everything = 0.0
            for name in RECOMMENDATION_TYPES:
                ours, by_hand = medians(
                    bench.sizes.repetitions,
                    partial(_finding, connection, name),
                    partial(_by_hand, connection, name, parameters),
                )
                found, different = _compared(connection, name, parameters)
                assert not different, f"{name}: {different[:3]}"
                everything += ours
                section.below(f"{name} / by hand", ours / by_hand, 3, note=f" ({ours:.2f} s, {found:,} found)")
            section.below("all types", everything, 5, "s")
        command = [sys.executable, "-m", "tests.benchmarks.recommend", url]
        first, again = (
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(2)
        )
        assert (first["found"], 0) == (again["found"], again["new"])
        section.note("whole run, the first", f"{first['seconds']:.2f} s, {first['new']:,} new")
        section.note("whole run, again", f"{again['seconds']:.2f} s")
        section.below("peak memory", max(first["peak_mb"], again["peak_mb"]), 250, "MB", digits=0)
        _tags(section, url, scale)
    return section


def _finding(connection: Connection, name: str) -> float:
    connection.execute("drop table if exists found_recommendations")
    return seconds(lambda: find(connection, [RECOMMENDATION_TYPES[name]], _WINDOW, today=TODAY))


def _by_hand(connection: Connection, name: str, parameters: dict[str, Any]) -> float:
    return seconds(lambda: connection.execute(_BY_HAND[name].encode(), parameters).fetchall())


def _compared(connection: Connection, name: str, parameters: dict[str, Any]) -> tuple[int, list[Any]]:
    """How many were found, and where the statement by hand says something else."""
    _finding(connection, name)
    ours = connection.execute("select workspace_id, resource_id, saving_usd from found_recommendations").fetchall()
    theirs = connection.execute(_BY_HAND[name].encode(), parameters).fetchall()
    found, by_hand = (
        {(row["workspace_id"], row["resource_id"]): row["saving_usd"] for row in rows} for rows in (ours, theirs)
    )
    # The order of a sum changes the last digits of what was divided.
    different = [
        key for key in found.keys() | by_hand.keys() if abs(found.get(key, 0) - by_hand.get(key, 0)) > Decimal("1e-9")
    ]
    return len(found), different


def _tags(section: Section, url: str, scale: int) -> None:
    parameters = {"first_date": _WINDOW.first, "last_date": _WINDOW.last, "keys": _TAGGED_KEYS // scale}
    with psycopg.connect(url) as connection:
        psycopg.ClientCursor(connection).execute(_TAGS_SQL, parameters)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze costpulse.cost_keys, costpulse.daily_key_costs")
    for days in (1, WINDOW_DAYS):
        judged = [_WINDOW.last - timedelta(days=back) for back in range(days)]
        with Database(url).transaction() as connection:
            took = seconds(partial(judge_days, connection, judged))
            connection.rollback()
        section.note(f"tags judged, {days} day{'s' * (days > 1)}", f"{took:.1f} s")


def _run_once(url: str) -> None:
    import costpulse_assets.definitions  # noqa: F401  a run's process has all of it in memory

    started = time.perf_counter()
    done = update_recommendations(Database(url), Settings(), now=_NOW)
    took = time.perf_counter() - started
    print(json.dumps({"seconds": took, "peak_mb": _peak_mb(), "new": done.new, "found": dict(done.found)}))


# -- the account -------------------------------------------------------------------------------------------------------

# Of a hundred clusters, 30 are those of jobs, up once a day; 53 are up on working days from 8 to 18 and end an idle
# hour late; two run jobs; the others waste, in four ways. What happens in the hours of a day is in `hours`.
_CLUSTERS_SQL = """
create temporary table kinds on commit drop as
select
    n,
    (1000 + n %% 40)::text as workspace_id,
    'cluster-' || n as cluster_id,
    case
        when n %% 100 < 2 then 'idle'
        when n %% 100 < 4 then 'forgotten'
        when n %% 100 < 8 then 'late'
        when n %% 100 < 12 then 'large'
        when n %% 100 < 14 then 'host'
        when n %% 100 < 17 then 'night'
        when n %% 100 < 70 then 'office'
        else 'job'
    end as kind
from generate_series(0, %(clusters)s - 1) as n;

create temporary table hours on commit drop as
select
    k.n,
    k.workspace_id,
    k.cluster_id,
    k.kind,
    d::date as usage_date,
    h as usage_hour,
    case when k.kind = 'large' then 8 else 1 + k.n %% 4 end as workers,
    p.is_busy,
    case when k.kind = 'job' then 20 + k.n %% 40 else 60 end as up_minutes,
    case when not p.is_busy then 60 when h = 17 and k.kind = 'office' then 10 + 10 * (k.n %% 4) else 0 end
        as idle_minutes,
    -- hundredths of a percent
    case when not p.is_busy then 100 when k.kind = 'large' then 900 + 10 * (n %% 40)
        else 4000 + 100 * (n %% 30) end as cpu,
    case when not p.is_busy then 900 when k.kind = 'large' then 1200 + 10 * (n %% 60)
        else 5000 + 50 * (n %% 60) end as mem
from kinds as k
cross join generate_series(%(first_date)s::date, %(last_date)s::date, '1 day') as d
cross join generate_series(0, 23) as h
cross join lateral (
    select
        case k.kind
            when 'idle' then h between 9 and 11 and extract(isodow from d) < 6
            when 'forgotten' then false
            when 'late' then h between 8 and 17
            when 'night' then h between 6 and 20
            else true
        end as is_busy
) as p
where
    case k.kind
        when 'large' then h between 8 and 17 and extract(isodow from d) < 6
        when 'host' then h between 8 and 19
        when 'office' then h between 8 and 17 and extract(isodow from d) < 6
        when 'job' then h = k.n %% 24
        else true
    end;

insert into costpulse.node_types (node_type, core_count, memory_mb, gpu_count, connection)
values ('m5.xlarge', 4, 16384, 0, 'bench'), ('m5.2xlarge', 8, 32768, 0, 'bench'), ('m5.large', 2, 8192, 0, 'bench');

insert into costpulse.vm_prices (cloud, region, node_type, usd_per_hour, source, valid_from)
values ('AWS', null, 'm5.xlarge', 0.2, 'estimate', '2026-01-01'),
    ('AWS', null, 'm5.2xlarge', 0.4, 'estimate', '2026-01-01');

insert into costpulse.workspaces (workspace_id, name, cloud, region)
select (1000 + n)::text, 'workspace ' || n, 'AWS', 'eu-west-1' from generate_series(0, 39) as n;

insert into costpulse.node_utilization (
    usage_date, usage_hour, workspace_id, cluster_id, is_driver, node_type, node_minutes, node_count, cpu_minutes,
    mem_minutes, cpu_sum, mem_sum, io_wait_sum, swap_max, up_minutes, idle_minutes, connection
)
select
    h.usage_date, h.usage_hour, h.workspace_id, h.cluster_id, s.is_driver, s.node_type, h.up_minutes * s.nodes, s.nodes,
    h.cpu / 500 || ':' || h.up_minutes * s.nodes, h.mem / 500 || ':' || h.up_minutes * s.nodes,
    h.cpu * h.up_minutes * s.nodes, h.mem * h.up_minutes * s.nodes, 50 * h.up_minutes * s.nodes, 0,
    case when s.is_driver then h.up_minutes end, case when s.is_driver then h.idle_minutes end, 'bench'
from hours as h
cross join lateral (values (true, 'm5.xlarge', 1), (false, 'm5.2xlarge', h.workers)) as s (is_driver, node_type, nodes);

insert into costpulse.cluster_task_hours (
    usage_date, usage_hour, workspace_id, cluster_id, task_seconds, last_task_at, connection
)
select usage_date, usage_hour, workspace_id, cluster_id, case kind when 'host' then 3000 else 60 * up_minutes end,
    (usage_date + usage_hour * interval '1 hour') at time zone 'UTC', 'bench'
from hours
where kind in ('host', 'job');

insert into costpulse.cluster_daily (
    usage_date, workspace_id, cluster_id, up_hours, idle_hours, task_hours, driver_node_hours, driver_cpu_avg,
    driver_mem_avg, driver_io_wait_avg, driver_swap_max, driver_cpu_minutes, driver_mem_minutes, worker_node_hours,
    worker_cpu_avg, worker_mem_avg, worker_io_wait_avg, worker_swap_max, worker_cpu_minutes, worker_mem_minutes,
    last_up_at, last_idle_at, last_busy_at, dbu_count, list_cost_usd, cost_usd, is_photon
)
select
    h.usage_date, h.workspace_id, h.cluster_id, sum(h.up_minutes) / 60.0, sum(h.idle_minutes) / 60.0,
    case h.kind when 'host' then 10 when 'job' then sum(h.up_minutes) / 60.0 end,
    sum(h.up_minutes) / 60.0, avg(h.cpu) / 100, avg(h.mem) / 100, 0.5, 0,
    array_fill(0, array[3]) || array[sum(h.up_minutes)::integer] || array_fill(0, array[16]),
    array_fill(0, array[4]) || array[sum(h.up_minutes)::integer] || array_fill(0, array[15]),
    sum(h.up_minutes * h.workers) / 60.0, avg(h.cpu) / 100, avg(h.mem) / 100, 0.5, 0,
    array_fill(0, array[3]) || array[sum(h.up_minutes * h.workers)::integer] || array_fill(0, array[16]),
    array_fill(0, array[4]) || array[sum(h.up_minutes * h.workers)::integer] || array_fill(0, array[15]),
    max(h.usage_date + h.usage_hour * interval '1 hour') at time zone 'UTC',
    max(h.usage_date + h.usage_hour * interval '1 hour') filter (where h.idle_minutes > 0) at time zone 'UTC',
    max(h.usage_date + h.usage_hour * interval '1 hour') filter (where h.is_busy) at time zone 'UTC',
    sum(h.up_minutes * (1 + h.workers)) / 60.0, sum(h.up_minutes * (1 + h.workers)) / 100.0,
    sum(h.up_minutes * (1 + h.workers)) / 120.0, false
from hours as h
group by h.usage_date, h.workspace_id, h.cluster_id, h.kind, h.workers;

insert into costpulse.clusters (
    workspace_id, cluster_id, cluster_name, cluster_type, owner, driver_node_type, worker_node_type, worker_count,
    auto_termination_minutes, create_time, change_time, connection
)
select
    workspace_id, cluster_id, kind || ' ' || n, case kind when 'job' then 'job' else 'all-purpose' end,
    'person.' || n %% 600 || '@example.com', 'm5.xlarge', 'm5.2xlarge', case kind when 'large' then 8
        else 1 + n %% 4 end,
    case when kind in ('forgotten', 'late') then 0 else 60 end, '2026-01-01', '2026-01-01', 'bench'
from kinds;

insert into costpulse.cluster_info (
    workspace_id, cluster_id, cluster_name, cluster_type, state, state_evidence, owner, driver_node_type, driver_cores,
    driver_memory_mb, worker_node_type, worker_cores, worker_memory_mb, num_workers, auto_termination_minutes,
    never_terminates, created_at, changed_at, last_up_at, last_idle_at, up_hours, idle_time_hours, driver_node_hours,
    worker_node_hours
)
select
    c.workspace_id, c.cluster_id, c.cluster_name, c.cluster_type, 'running', 'node_timeline', c.owner,
    c.driver_node_type, 4, 16384, c.worker_node_type, 8, 32768, c.worker_count, c.auto_termination_minutes,
    c.never_terminates, c.create_time, c.change_time, max(d.last_up_at), max(d.last_idle_at), sum(d.up_hours),
    sum(d.idle_hours), sum(d.driver_node_hours), sum(d.worker_node_hours)
from costpulse.clusters as c
inner join costpulse.cluster_daily as d on c.workspace_id = d.workspace_id and c.cluster_id = d.cluster_id
group by c.workspace_id, c.cluster_id;
"""

# Of ten warehouses, one never stops, two are up from 6 to 20 and stop an hour late, one is large and has little to do,
# six are serverless ones that stop at once.
_WAREHOUSES_SQL = """
create temporary table warehouse_hours on commit drop as
select
    n,
    (1000 + n %% 40)::text as workspace_id,
    'warehouse-' || n as warehouse_id,
    d::date as usage_date,
    h as usage_hour,
    case when n %% 10 = 3 then 40 else 12 end as dbus,
    case when n %% 10 = 0 or h between 7 and 18 then 3600 else 1800 end as running_seconds,
    extract(isodow from d) < 6 and h between 8 and 17 and (n %% 10 > 2 or h %% 3 > 0) as is_asked
from generate_series(0, %(warehouses)s - 1) as n
cross join generate_series(%(first_date)s::date, %(last_date)s::date, '1 day') as d
cross join generate_series(0, 23) as h
where
    n %% 10 = 0
    or (n %% 10 in (1, 2) and h between 6 and 19)
    or (n %% 10 > 2 and h between 7 and 18 and extract(isodow from d) < 6);

insert into costpulse.warehouses (
    workspace_id, warehouse_id, name, warehouse_type, warehouse_size, min_clusters, max_clusters, auto_stop_minutes,
    owner, change_time, connection
)
select
    (1000 + n %% 40)::text, 'warehouse-' || n, 'warehouse ' || n, case when n %% 10 > 3 then 'SERVERLESS'
        else 'PRO' end,
    case n %% 10 when 3 then 'LARGE' else 'SMALL' end, 1, 4,
    case when n %% 10 = 0 then 0 when n %% 10 < 4 then 60 else 10 end, 'person.' || n %% 600 || '@example.com',
    '2026-01-01',
    'bench'
from generate_series(0, %(warehouses)s - 1) as n;

insert into costpulse.warehouse_uptime (
    usage_date, usage_hour, workspace_id, warehouse_id, running_seconds, cluster_seconds, start_count,
    max_cluster_count, connection
)
select
    usage_date, usage_hour, workspace_id, warehouse_id, running_seconds, running_seconds,
    ((n %% 10 > 2 and usage_hour = 7) or (n %% 10 in (1, 2) and usage_hour = 6))::integer, 1, 'bench'
from warehouse_hours;

insert into costpulse.warehouse_queries (
    usage_date, usage_hour, workspace_id, warehouse_id, busy_ms, executions, last_started_at, connection
)
select
    usage_date, usage_hour, workspace_id, warehouse_id,
    case when is_asked then 300000 + 1000 * (n %% 500) else 0 end, case when is_asked then 40 else 0 end,
    case
        when is_asked then (usage_date + usage_hour * interval '1 hour' + interval '25 minutes') at time zone 'UTC' end,
    'bench'
from warehouse_hours;

insert into costpulse.query_activity (
    usage_date, usage_hour, workspace_id, warehouse_id, executed_by, client_application, source_kind, is_costpulse,
    executions, execution_ms, task_ms, read_bytes, failed_count, cached_count, connection
)
select
    usage_date, usage_hour, workspace_id, warehouse_id, 'person.' || (n + u) %% 600 || '@example.com', 'Databricks SQL',
    'sql_query', false, 10, 100000, 100000, 100000000, 0, 0, 'bench'
from warehouse_hours
cross join generate_series(1, 4) as u
where is_asked;

insert into costpulse.hourly_costs (
    usage_date, usage_hour, workspace_id, sku_name, product, usage_unit, warehouse_id, dbu_rate, usage_quantity,
    effective_rate, record_count
)
select
    usage_date, usage_hour, workspace_id, 'PREMIUM_SQL_PRO_COMPUTE', 'SQL', 'DBU', warehouse_id, 0.7,
    dbus * running_seconds / 3600.0, 0.5, 60
from warehouse_hours
union all
select d::date, h, (1000 + w)::text, 'PREMIUM_SKU_' || s, 'JOBS', 'DBU', null, 0.3, 100, 0.2, 1000
from generate_series(%(first_date)s::date, %(last_date)s::date, '1 day') as d
cross join generate_series(0, 23) as h
cross join generate_series(0, 39) as w
cross join generate_series(1, 5) as s;

insert into costpulse.warehouse_daily (
    usage_date, workspace_id, warehouse_id, running_hours, cluster_hours, query_hours, idle_hours, start_count,
    executions, failed_count, users, dbu_count, list_cost_usd, cost_usd, idle_cost_usd, cost_basis
)
select
    usage_date, workspace_id, warehouse_id, sum(running_seconds) / 3600.0, sum(running_seconds) / 3600.0,
    count(*) filter (where is_asked) / 10.0, sum(running_seconds) / 3600.0 - count(*) filter (where is_asked) / 10.0, 1,
    40 * count(*) filter (where is_asked), 0, 4, sum(dbus * running_seconds / 3600.0),
    sum(dbus * running_seconds / 3600.0) * 0.7, sum(dbus * running_seconds / 3600.0) * 0.5,
    (sum(running_seconds) / 3600.0 - count(*) filter (where is_asked) / 10.0) * max(dbus) * 0.5, 'hour'
from warehouse_hours
group by usage_date, workspace_id, warehouse_id;

insert into costpulse.query_costs (
    usage_date, workspace_id, warehouse_id, kind, executed_by, client_application, source_kind, is_costpulse,
    executions, execution_seconds, task_seconds, read_bytes, failed_count, cached_count, cost_usd, cost_basis
)
select
    usage_date, workspace_id, warehouse_id, 'query', executed_by, client_application, source_kind, is_costpulse,
    sum(executions), sum(execution_ms) / 1000.0, sum(task_ms) / 1000.0, sum(read_bytes), 0, 0, 1, 'hour'
from costpulse.query_activity
group by usage_date, workspace_id, warehouse_id, executed_by, client_application, source_kind, is_costpulse;
"""

# Of a hundred jobs, three run twenty times a day, forty once a day, the others not at all in these days; two of those
# fail every third time, and two run on clusters for people.
_JOBS_SQL = """
insert into costpulse.jobs (workspace_id, job_id, name, owner, paused, create_time, change_time, connection)
select
    (1000 + n %% 40)::text, 'job-' || n, 'job ' || n, 'person.' || n %% 600 || '@example.com', false, '2026-01-01',
    '2026-01-01', 'bench'
from generate_series(0, %(jobs)s - 1) as n;

create temporary table runs on commit drop as
select
    n,
    w.workspace_id,
    'job-' || n as job_id,
    n || '-' || d::date || '-' || r as run_id,
    d::date as usage_date,
    d::timestamp at time zone 'UTC' + r * interval '1 hour' as started_at,
    f.is_failed,
    -- what fails takes longer
    case when f.is_failed then 3 else 2 end as cost_usd,
    case when n %% 100 in (12, 13) then 'cluster-' || n %% 100 + 100 * ((n / 100) %% greatest(%(clusters)s / 100,
    1)) end
        as cluster_id
from generate_series(0, %(jobs)s - 1) as n
cross join generate_series(%(first_date)s::date, %(last_date)s::date, '1 day') as d
cross join lateral generate_series(1, case when n %% 100 < 3 then 20 when n %% 100 < 43 then 1 else 0 end) as r
cross join lateral (
    select n %% 100 in (1, 10) and (r + extract(day from d)::integer) %% 3 = 0 as is_failed
) as f
-- a job is where its cluster is
cross join lateral (
    select
        (1000 + case
            when n %% 100 in (12, 13) then (n %% 100 + 100 * ((n / 100) %% greatest(%(clusters)s / 100, 1))) %% 40
            else n %% 40
        end)::text as workspace_id
) as w;

update costpulse.jobs as j
set workspace_id = r.workspace_id
from (select distinct workspace_id, job_id from runs where cluster_id is not null) as r
where j.job_id = r.job_id and j.workspace_id <> r.workspace_id;

insert into costpulse.job_runs (
    workspace_id, job_id, run_id, job_name, run_type, owner, first_usage_date, last_usage_date, started_at, ended_at,
    duration_seconds, execution_seconds, attempts, result_state, compute_type, cluster_id, cost_basis, dbu_consumed,
    list_cost_usd, cost_usd, apportioned_cost_usd, failed_cost_usd
)
select
    workspace_id, job_id, run_id, 'job ' || n, 'JOB_RUN', 'person.' || n %% 600 || '@example.com', usage_date,
    usage_date,
    started_at, started_at + interval '20 minutes', 1200, 1100, 1, case when is_failed then 'FAILED'
        else 'SUCCEEDED' end,
    'cluster', cluster_id, case when cluster_id is null then 'billed' else 'apportioned' end, 10, 3,
    case when cluster_id is null then cost_usd end, case when cluster_id is not null then 1 end,
    case when is_failed then cost_usd else 0 end
from runs;

insert into costpulse.job_run_costs (
    usage_date, workspace_id, run_id, cost_basis, compute_type, compute_id, task_seconds, dbu_count, list_cost_usd,
    cost_usd
)
select
    usage_date, workspace_id, run_id, case when cluster_id is null then 'billed' else 'apportioned' end,
    case when cluster_id is not null then 'cluster' end, cluster_id, 1100, 10, 3,
    case when cluster_id is null then cost_usd else 1 end
from runs;
"""

# Keys of the bill: of every cluster, warehouse and job that ran, and of endpoints, of which one in ten is forgotten.
_BILL_SQL = """
create temporary table bill on commit drop as
select
    usage_date, workspace_id, 'ALL_PURPOSE' as product, 'COMPUTE_TIME' as usage_type, cluster_id,
    null as warehouse_id, null as job_id, null as endpoint_name, 'PREMIUM_ALL_PURPOSE_COMPUTE' as sku_name, dbu_count,
    cost_usd
from costpulse.cluster_daily
where not exists (
    select 1 from kinds as k where k.cluster_id = cluster_daily.cluster_id and k.kind = 'job'
)
union all
select
    usage_date, workspace_id, 'SQL', 'COMPUTE_TIME', null, warehouse_id, null, null, 'PREMIUM_SQL_PRO_COMPUTE',
    dbu_count, cost_usd
from costpulse.warehouse_daily
union all
select
    usage_date, workspace_id, 'JOBS', 'COMPUTE_TIME', null, null, job_id, null, 'PREMIUM_JOBS_COMPUTE', 10 * count(*),
    sum(cost_usd)
from runs
where cluster_id is null
group by usage_date, workspace_id, job_id
union all
select
    d::date, (1000 + n %% 40)::text, u.product, u.usage_type, null, null, null, 'endpoint-' || n,
    'PREMIUM_SERVERLESS_INFERENCE', 24, u.cost_usd
from generate_series(0, %(warehouses)s / 5) as n
cross join generate_series(%(first_date)s::date - 90, %(last_date)s::date, '1 day') as d
cross join (values ('MODEL_SERVING', 'COMPUTE_TIME', 40), ('AI_GATEWAY', 'TOKEN', 1)) as u (product, usage_type,
cost_usd)
where u.usage_type = 'COMPUTE_TIME' or n %% 10 > 0 or d < %(first_date)s::date - 5;

create temporary table keyed on commit drop as
select
    b.*,
    md5(concat_ws('|', workspace_id, product, usage_type, cluster_id, warehouse_id, job_id, endpoint_name))::uuid
        as key_id
from bill as b;

insert into costpulse.cost_keys (
    key_id, workspace_id, product, usage_type, cluster_id, warehouse_id, job_id, endpoint_name, tags, first_usage_date,
    last_usage_date
)
select
    key_id, workspace_id, product, usage_type, cluster_id, warehouse_id, job_id, endpoint_name, '{}', min(usage_date),
    max(usage_date)
from keyed
group by key_id, workspace_id, product, usage_type, cluster_id, warehouse_id, job_id, endpoint_name;

insert into costpulse.teams (name)
select 'team ' || n from generate_series(1, 50) as n;

insert into costpulse.daily_key_costs (
    usage_date, key_id, sku_name, usage_unit, team_id, usage_quantity, dbu_count, list_cost_usd, cost_usd,
    unpriced_quantity, record_count
)
select
    usage_date, key_id, sku_name, 'DBU', 1 + abs(hashtext(key_id::text)) %% 50, dbu_count, dbu_count, cost_usd * 1.2,
    cost_usd, 0, 24
from keyed;

insert into costpulse.daily_costs (
    usage_date, workspace_id, sku_name, product, usage_unit, usage_quantity, dbu_count, list_cost_usd, cost_usd,
    unpriced_quantity, record_count
)
select
    usage_date, workspace_id, sku_name, product, 'DBU', sum(dbu_count), sum(dbu_count), sum(cost_usd) * 1.2,
    sum(cost_usd), 0, count(*)
from keyed
group by usage_date, workspace_id, sku_name, product;

insert into costpulse.serving_endpoints (
    workspace_id, endpoint_name, creator, served_entity_count, entity_names, change_time, connection
)
select (1000 + n %% 40)::text, 'endpoint-' || n, 'person.1@example.com', 1, '{model}', '2026-01-01', 'bench'
from generate_series(0, %(warehouses)s / 5) as n;

insert into costpulse.list_prices (
    cloud, sku_name, usage_unit, currency_code, price_start_time, default_rate, effective_rate
)
values
    ('AWS', 'PREMIUM_ALL_PURPOSE_COMPUTE', 'DBU', 'USD', '2026-01-01', 0.55, 0.55),
    ('AWS', 'PREMIUM_JOBS_COMPUTE', 'DBU', 'USD', '2026-01-01', 0.15, 0.15);

insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis)
select d, 1, 1, d > %(last_date)s, 'hourly_costs'
from generate_series(%(first_date)s::date - 90, %(last_date)s::date + 1, '1 day') as d;
"""


def fill(url: str, scale: int) -> None:
    """The account, a hundredth of it at a scale of 100."""
    parameters = {
        "first_date": _WINDOW.first,
        "last_date": _WINDOW.last,
        "clusters": _CLUSTERS // scale,
        "warehouses": _WAREHOUSES // scale,
        "jobs": _JOBS // scale,
    }
    with psycopg.connect(url) as connection:
        # Several statements at once take no parameters of their own.
        cursor = psycopg.ClientCursor(connection)
        for part in (_CLUSTERS_SQL, _WAREHOUSES_SQL, _JOBS_SQL, _BILL_SQL):
            cursor.execute(part, parameters)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")


# -- the same by hand --------------------------------------------------------------------------------------------------

# What somebody would write who wants the list and what it saves, once, from the same tables: no text, no evidence, no
# prices of machines, thresholds as they are by default, and what this account has none of (clusters that changed,
# autoscaling, days that were not read) left out where it would make the statement longer.

_IDLE_BY_HAND = """
with candidates as (
    select
        i.workspace_id,
        i.cluster_id,
        i.auto_termination_minutes,
        sum(d.cost_usd) as cost_usd,
        sum(d.idle_hours) as idle_hours,
        sum(d.up_hours) as up_hours
    from costpulse.cluster_info as i
    join costpulse.cluster_daily as d on d.workspace_id = i.workspace_id and d.cluster_id = i.cluster_id
    where
        i.cluster_type = 'all-purpose'
        and i.deleted_at is null
        and d.usage_date between %(first_date)s and %(last_date)s
    group by i.id
    {trigger}
),

hours as (
    select
        n.workspace_id,
        n.cluster_id,
        n.usage_date + n.usage_hour * interval '1 hour' as hour_start,
        max(n.up_minutes) as up_minutes,
        least(max(n.idle_minutes), greatest(max(n.up_minutes) - coalesce(max(t.task_seconds), 0) / 60.0, 0))
            as idle_minutes,
        d.cost_usd * sum(n.node_minutes) / (60 * (d.driver_node_hours + d.worker_node_hours)) as cost_usd
    from candidates as c
    join costpulse.node_utilization as n on n.workspace_id = c.workspace_id and n.cluster_id = c.cluster_id
    join costpulse.cluster_daily as d
        on d.usage_date = n.usage_date and d.workspace_id = n.workspace_id and d.cluster_id = n.cluster_id
    left join costpulse.cluster_task_hours as t
        on
            t.usage_date = n.usage_date and t.usage_hour = n.usage_hour
            and t.workspace_id = n.workspace_id and t.cluster_id = n.cluster_id
    where n.usage_date between %(first_date)s and %(last_date)s
    group by n.workspace_id, n.cluster_id, n.usage_date, n.usage_hour, d.cost_usd, d.driver_node_hours,
    d.worker_node_hours
),

placed as (
    select
        h.*,
        h.hour_start - row_number() over one * interval '1 hour' as island,
        coalesce(lead(h.hour_start) over one = h.hour_start + interval '1 hour', false) as has_next,
        coalesce(lag(h.hour_start) over one = h.hour_start - interval '1 hour', false) as has_previous
    from hours as h
    where h.idle_minutes > 0
    window one as (partition by h.workspace_id, h.cluster_id order by h.hour_start)
),

islands as (
    select
        workspace_id,
        cluster_id,
        sum(idle_minutes) as idle_minutes,
        count(*) filter (where not has_previous or (has_next and idle_minutes < 60)) as stretches,
        sum(cost_usd * idle_minutes / up_minutes) as cost_usd
    from placed
    group by workspace_id, cluster_id, island
)

select
    c.workspace_id,
    c.cluster_id as resource_id,
    least(round(sum(s.cost_usd * {saved} / s.idle_minutes), 18), max(c.cost_usd)) as saving_usd
from islands as s
join candidates as c on c.workspace_id = s.workspace_id and c.cluster_id = s.cluster_id
group by c.workspace_id, c.cluster_id
having sum(s.cost_usd * {saved} / s.idle_minutes) > 0
"""

_UPTIME_BY_HAND = """
with hours as (
    select
        w.workspace_id,
        w.warehouse_id,
        w.auto_stop_minutes,
        (u.usage_date - %(first_date)s::date) * 24 + u.usage_hour as hour_number,
        u.running_seconds,
        u.start_count,
        coalesce(q.executions, 0) as executions,
        (coalesce(q.busy_ms, 0) + 999) / 1000 as busy_seconds,
        ceil(mod(extract(epoch from q.last_started_at), 3600)) as last_second,
        (
            select sum(h.cost_usd)
            from costpulse.hourly_costs as h
            where
                h.usage_date = u.usage_date and h.usage_hour = u.usage_hour
                and h.workspace_id = u.workspace_id and h.warehouse_id = u.warehouse_id
        ) as cost_usd
    from costpulse.warehouses as w
    join costpulse.warehouse_uptime as u on u.workspace_id = w.workspace_id and u.warehouse_id = w.warehouse_id
    left join costpulse.warehouse_queries as q
        on
            q.usage_date = u.usage_date and q.usage_hour = u.usage_hour
            and q.workspace_id = u.workspace_id and q.warehouse_id = u.warehouse_id
    where w.delete_time is null and u.usage_date between %(first_date)s and %(last_date)s {trigger}
)
"""

_BY_HAND = {
    "idle_cluster": _IDLE_BY_HAND.format(
        trigger="""
    having
        sum(d.idle_hours) >= greatest(10, 0.5 * sum(d.up_hours))
        and (i.auto_termination_minutes between 1 and 120 or sum(d.idle_hours) >= 0.95 * sum(d.up_hours))
        """,
        saved="""greatest(
            case
                when c.auto_termination_minutes between 1 and 120 and c.idle_hours < 0.95 * c.up_hours
                    then least(s.idle_minutes, s.stretches * c.auto_termination_minutes)
                else s.idle_minutes
            end - least(s.idle_minutes, s.stretches * 30), 0
        )""",
    ),
    "auto_termination": _IDLE_BY_HAND.format(
        trigger="""
    having
        sum(d.idle_hours) > 0
        and sum(d.idle_hours) < 0.95 * sum(d.up_hours)
        and (i.never_terminates or i.auto_termination_minutes > 120)
        """,
        saved="greatest(s.idle_minutes - s.stretches * 30, 0)",
    ),
    "weekend_and_night": """
with candidates as (
    select
        i.workspace_id,
        i.cluster_id,
        sum(d.cost_usd) as cost_usd
    from costpulse.cluster_info as i
    join costpulse.cluster_daily as d on d.workspace_id = i.workspace_id and d.cluster_id = i.cluster_id
    where
        i.cluster_type = 'all-purpose'
        and i.deleted_at is null
        and i.auto_termination_minutes between 1 and 120
        and d.usage_date between %(first_date)s and %(last_date)s
    group by i.id
    having sum(d.idle_hours) >= 10 and sum(d.idle_hours) < 0.95 * sum(d.up_hours)
),

hours as (
    select
        n.workspace_id,
        n.cluster_id,
        (extract(isodow from n.usage_date)::integer - 1) * 24 + n.usage_hour as slot,
        max(n.up_minutes) as up_minutes,
        least(max(n.idle_minutes), greatest(max(n.up_minutes) - coalesce(max(t.task_seconds), 0) / 60.0, 0))
            as idle_minutes,
        max(n.idle_minutes) = max(n.up_minutes) and coalesce(max(t.task_seconds), 0) = 0 as is_quiet,
        d.cost_usd * sum(n.node_minutes) / (60 * (d.driver_node_hours + d.worker_node_hours)) as cost_usd
    from candidates as c
    join costpulse.node_utilization as n on n.workspace_id = c.workspace_id and n.cluster_id = c.cluster_id
    join costpulse.cluster_daily as d
        on d.usage_date = n.usage_date and d.workspace_id = n.workspace_id and d.cluster_id = n.cluster_id
    left join costpulse.cluster_task_hours as t
        on
            t.usage_date = n.usage_date and t.usage_hour = n.usage_hour
            and t.workspace_id = n.workspace_id and t.cluster_id = n.cluster_id
    where n.usage_date between %(first_date)s and %(last_date)s
    group by n.workspace_id, n.cluster_id, n.usage_date, n.usage_hour, d.cost_usd, d.driver_node_hours,
    d.worker_node_hours
),

slots as (
    select
        workspace_id,
        cluster_id,
        slot,
        sum(cost_usd * idle_minutes / up_minutes) as cost_usd,
        slot - row_number() over (partition by workspace_id, cluster_id order by slot) as span
    from hours
    group by workspace_id, cluster_id, slot
    having bool_and(is_quiet) and count(*) >= 3
),

spans as (
    select workspace_id, cluster_id, sum(cost_usd) as cost_usd
    from slots
    group by workspace_id, cluster_id, span
    having count(*) >= 2
)

select
    s.workspace_id,
    s.cluster_id as resource_id,
    least(round(sum(s.cost_usd), 18), max(c.cost_usd)) as saving_usd
from spans as s
join candidates as c on c.workspace_id = s.workspace_id and c.cluster_id = s.cluster_id
group by s.workspace_id, s.cluster_id
having sum(s.cost_usd) > 0
""",
    "right_size_cluster": """
with candidates as (
    select
        i.workspace_id,
        i.cluster_id,
        i.num_workers,
        i.driver_cores,
        i.worker_cores,
        sum(d.cost_usd) as cost_usd
    from costpulse.cluster_info as i
    join costpulse.cluster_daily as d on d.workspace_id = i.workspace_id and d.cluster_id = i.cluster_id
    where
        i.cluster_type = 'all-purpose'
        and i.deleted_at is null
        and i.num_workers > 1
        and i.driver_node_type not in (select node_type from costpulse.node_types where gpu_count > 0)
        and i.worker_node_type not in (select node_type from costpulse.node_types where gpu_count > 0)
        and d.usage_date between %(first_date)s and %(last_date)s
    group by i.id
    having
        sum(d.up_hours - d.idle_hours) >= 24
        and least(sum(d.worker_cpu_avg * d.worker_node_hours) / 30, sum(d.worker_mem_avg * d.worker_node_hours) / 30)
        < sum(d.worker_node_hours)
        and max(d.worker_swap_max) <= 1
),

hours as (
    select
        c.*,
        max(n.up_minutes) as up_minutes,
        max(n.idle_minutes) as idle_minutes,
        sum(n.node_minutes) filter (where not n.is_driver) as worker_minutes,
        sum(n.cpu_sum) filter (where not n.is_driver) as cpu_sum,
        sum(n.mem_sum) filter (where not n.is_driver) as mem_sum,
        sum(n.io_wait_sum) filter (where not n.is_driver) as io_wait_sum,
        greatest(
            ceil(sum(n.cpu_sum) filter (where not n.is_driver) / (max(n.up_minutes) * 8500.0)),
            ceil(sum(n.mem_sum) filter (where not n.is_driver) / (max(n.up_minutes) * 9000.0)),
            1
        ) as needed,
        d.cost_usd / (60 * (d.driver_node_hours * c.driver_cores + d.worker_node_hours * c.worker_cores))
            as usd_per_core_minute
    from candidates as c
    join costpulse.node_utilization as n on n.workspace_id = c.workspace_id and n.cluster_id = c.cluster_id
    join costpulse.cluster_daily as d
        on d.usage_date = n.usage_date and d.workspace_id = n.workspace_id and d.cluster_id = n.cluster_id
    where n.usage_date between %(first_date)s and %(last_date)s
    group by
        c.workspace_id, c.cluster_id, c.num_workers, c.driver_cores, c.worker_cores, c.cost_usd, n.usage_date,
        n.usage_hour, d.cost_usd, d.driver_node_hours, d.worker_node_hours
),

sizes as (
    select
        workspace_id,
        cluster_id,
        percentile_disc(0.5) within group (order by needed) filter (where idle_minutes = 0) as wanted,
        percentile_disc(0.95) within group (order by needed) filter (where idle_minutes = 0) as wanted_at_peaks
    from hours
    group by workspace_id, cluster_id, num_workers
    having
        count(*) filter (where idle_minutes = 0) >= 24
        and least(
            sum(cpu_sum) filter (where idle_minutes = 0), sum(mem_sum) filter (where idle_minutes = 0)
        ) < 3000 * sum(worker_minutes) filter (where idle_minutes = 0)
        and sum(io_wait_sum) filter (where idle_minutes = 0)
        <= 1000 * sum(worker_minutes) filter (where idle_minutes = 0)
        and percentile_disc(0.5) within group (order by needed) filter (where idle_minutes = 0) < num_workers
)

select
    h.workspace_id,
    h.cluster_id as resource_id,
    max(s.wanted_at_peaks) as wanted_at_peaks,
    least(
        round(
            sum(greatest(h.worker_minutes - s.wanted * h.up_minutes, 0) * h.worker_cores * h.usd_per_core_minute), 18
        ),
        max(h.cost_usd)
    ) as saving_usd
from sizes as s
join hours as h on h.workspace_id = s.workspace_id and h.cluster_id = s.cluster_id
group by h.workspace_id, h.cluster_id
""",
    "warehouse_without_queries": _UPTIME_BY_HAND.format(trigger="")
    + """,

quiet as (
    select *, hour_number - row_number() over (partition by workspace_id, warehouse_id order by hour_number) as stretch
    from hours
    where executions = 0 and busy_seconds = 0
),

stretches as (
    select
        *,
        row_number() over (partition by workspace_id, warehouse_id, stretch order by hour_number) as place,
        sum(running_seconds) over (partition by workspace_id, warehouse_id, stretch) as stretch_seconds
    from quiet
)

select workspace_id, warehouse_id as resource_id, sum(cost_usd) filter (where place > 1) as saving_usd
from stretches
where stretch_seconds >= 4 * 3600
group by workspace_id, warehouse_id
having count(distinct hour_number / 24) >= 3 and sum(cost_usd) filter (where place > 1) > 0
""",
    "warehouse_auto_stop": _UPTIME_BY_HAND.format(
        trigger="""
        and (w.auto_stop_minutes = 0 or w.auto_stop_minutes > case when w.is_serverless then 10 else 30 end)
        """
    )
    + """,

neighbours as (
    select
        *,
        coalesce(lag(hour_number) over one = hour_number - 1, false) as follows,
        coalesce(lead(hour_number) over one = hour_number + 1 and lead(start_count) over one = 0, false) as goes_on
    from hours
    window one as (partition by workspace_id, warehouse_id order by hour_number)
),

idle as (
    select
        *,
        case
            when executions = 0 and busy_seconds = 0 then running_seconds
            when start_count > 0 and (follows or not goes_on) then 0
            else greatest(
                case when goes_on then 3600 else running_seconds end - greatest(
                    coalesce(last_second, 0), case when goes_on then 3600 else running_seconds end - running_seconds
                ) - busy_seconds, 0
            )
        end as idle_seconds,
        count(*) filter (where executions > 0 or busy_seconds > 0 or not follows or start_count > 0) over (
            partition by workspace_id, warehouse_id order by hour_number
        ) as stretch
    from neighbours
),

running as (
    select
        *,
        sum(idle_seconds) over (partition by workspace_id, warehouse_id, stretch order by hour_number) as until_seconds
    from idle
)

select
    workspace_id,
    warehouse_id as resource_id,
    sum(
        round(
            cost_usd * greatest(
                least(until_seconds, nullif(auto_stop_minutes, 0) * 60) - greatest(until_seconds - idle_seconds, 1800),
                0
            ) / running_seconds,
            18
        )
    ) as saving_usd
from running
group by workspace_id, warehouse_id
having sum(greatest(
    least(until_seconds, nullif(auto_stop_minutes, 0) * 60) - greatest(until_seconds - idle_seconds, 1800), 0
)) > 0
""",
    "warehouse_size": """
with sizes (step, warehouse_size, dbus_per_hour) as (
    values (1, '2X_SMALL', 4), (2, 'X_SMALL', 6), (3, 'SMALL', 12), (4, 'MEDIUM', 24), (5, 'LARGE', 40),
    (6, 'X_LARGE', 80), (7, '2X_LARGE', 144), (8, '3X_LARGE', 272), (9, '4X_LARGE', 528)
),

used as (
    select
        w.workspace_id,
        w.warehouse_id,
        z.step,
        z.dbus_per_hour,
        sum(d.running_hours) as running_hours,
        sum(d.query_hours) as query_hours,
        sum(d.executions) as executions,
        sum(d.idle_cost_usd) as idle_cost_usd,
        sum(d.cost_usd) as cost_usd
    from costpulse.warehouses as w
    join sizes as z on z.warehouse_size = w.warehouse_size
    join costpulse.warehouse_daily as d on d.workspace_id = w.workspace_id and d.warehouse_id = w.warehouse_id
    where z.dbus_per_hour >= 24 and w.delete_time is null and d.usage_date between %(first_date)s and %(last_date)s
    group by w.workspace_id, w.warehouse_id, z.step, z.dbus_per_hour
    having
        sum(d.executions) >= 50
        and count(*) filter (where d.executions > 0) >= 5
        and sum(d.cluster_hours) <= sum(d.running_hours) * 1.01
        and sum(d.dbu_count) / sum(d.cluster_hours) between z.dbus_per_hour * 0.8 and z.dbus_per_hour * 1.2
),

statements as (
    select
        a.workspace_id,
        a.warehouse_id,
        sum(a.execution_ms) / 1000 as seconds,
        sum(a.execution_ms::numeric * a.execution_ms / greatest(a.executions, 1)) / sum(a.execution_ms) / 1000
            as weighted_seconds,
        sum(a.read_bytes) as read_bytes
    from costpulse.query_activity as a
    join used as u on u.workspace_id = a.workspace_id and u.warehouse_id = a.warehouse_id
    where a.usage_date between %(first_date)s and %(last_date)s
    group by a.workspace_id, a.warehouse_id
)

select distinct on (u.workspace_id, u.warehouse_id)
    u.workspace_id,
    u.warehouse_id as resource_id,
    round(u.idle_cost_usd * (u.dbus_per_hour - z.dbus_per_hour) / u.dbus_per_hour, 18) as saving_usd
from used as u
join statements as s on s.workspace_id = u.workspace_id and s.warehouse_id = u.warehouse_id
join sizes as z on z.step between u.step - 2 and u.step - 1
where
    s.weighted_seconds * u.dbus_per_hour / z.dbus_per_hour <= 30
    and u.query_hours * 100 * u.dbus_per_hour / z.dbus_per_hour <= u.running_hours * 20
    and s.seconds / (u.query_hours * 3600) <= 2
    and s.read_bytes <= 10000000000 * u.executions
order by u.workspace_id, u.warehouse_id, z.step
""",
    "failed_runs": """
with runs as (
    select
        r.*,
        r.result_state = 'SUCCEEDED' as is_success,
        r.failed_cost_usd > 0 and r.result_state <> 'CANCELLED' as has_failed,
        lead(r.result_state = 'SUCCEEDED') over in_order
        and (lead(r.started_at) over in_order - r.started_at) * 2 * (count(*) over job - 1)
        < max(r.started_at) over job - min(r.started_at) over job as is_run_again
    from costpulse.job_runs as r
    where r.first_usage_date >= %(first_date)s and r.last_usage_date <= %(last_date)s and r.duration_seconds > 0
    window in_order as (partition by r.workspace_id, r.job_id order by r.started_at),
    job as (partition by r.workspace_id, r.job_id)
),

jobs as (
    select
        r.workspace_id,
        r.job_id,
        sum(r.cost_usd) as cost_usd,
        count(*) as runs,
        count(*) filter (where r.is_success) as successes,
        count(*) filter (where r.has_failed) as failures,
        max(r.started_at) filter (where r.has_failed) as last_failed_at,
        round(avg(r.cost_usd) filter (where r.is_success), 18) as success_cost_usd
    from runs as r
    join costpulse.jobs as j on j.workspace_id = r.workspace_id and j.job_id = r.job_id
    where j.delete_time is null and j.paused is not true
    group by r.workspace_id, r.job_id
    having
        count(*) filter (where r.has_failed) >= 3
        and count(distinct r.last_usage_date) filter (where r.has_failed) >= 3
),

avoidable as (
    select
        j.workspace_id,
        j.job_id,
        least(
            sum(
                case
                    when j.successes = 0 or r.is_success or r.is_run_again then r.failed_cost_usd
                    else greatest(r.failed_cost_usd - j.success_cost_usd, 0)
                end
            ) filter (where r.has_failed),
            max(j.cost_usd)
        ) as saving_usd
    from jobs as j
    join runs as r on r.workspace_id = j.workspace_id and r.job_id = j.job_id
    group by j.workspace_id, j.job_id, j.failures, j.runs, j.last_failed_at
    having count(*) filter (where r.is_success and r.started_at > j.last_failed_at) * j.failures <= 3 * j.runs
)

select workspace_id, job_id as resource_id, saving_usd
from avoidable
where saving_usd > 0
""",
    "jobs_on_all_purpose": """
with hosts as (
    select
        i.workspace_id,
        i.cluster_id,
        sum(d.cost_usd) as cost_usd
    from costpulse.cluster_info as i
    join costpulse.cluster_daily as d on d.workspace_id = i.workspace_id and d.cluster_id = i.cluster_id
    where
        i.cluster_type = 'all-purpose'
        and i.deleted_at is null
        and d.usage_date between %(first_date)s and %(last_date)s
    group by i.id
    having sum(d.cost_usd) > 0 and sum(d.task_hours) >= 0.2 * sum(d.up_hours - d.idle_hours)
),

work as (
    select distinct on (r.workspace_id, r.job_id)
        r.workspace_id,
        r.job_id,
        h.cluster_id,
        h.cost_usd as cluster_cost_usd,
        sum(c.cost_usd) as cost_usd
    from hosts as h
    join costpulse.job_run_costs as c on c.workspace_id = h.workspace_id and c.compute_id = h.cluster_id
    join costpulse.job_runs as r on r.workspace_id = c.workspace_id and r.run_id = c.run_id
    join costpulse.jobs as j on j.workspace_id = r.workspace_id and j.job_id = r.job_id
    where
        c.usage_date between %(first_date)s and %(last_date)s
        and c.cost_basis = 'apportioned'
        and j.delete_time is null
        and j.paused is not true
    group by r.workspace_id, r.job_id, h.cluster_id, h.cost_usd
    having sum(c.task_seconds) >= 300 * count(distinct r.run_id)
    order by r.workspace_id, r.job_id, sum(c.cost_usd) desc
),

moved as (
    select distinct w.workspace_id, w.job_id
    from work as w
    join costpulse.job_runs as r on r.workspace_id = w.workspace_id and r.job_id = w.job_id
    where r.cluster_id is distinct from w.cluster_id and r.last_usage_date > %(last_date)s
),

cheaper as (
    select
        k.workspace_id,
        k.cluster_id,
        sum(d.cost_usd * (1 - j.effective_rate / a.effective_rate)) / sum(d.cost_usd) as share
    from costpulse.cost_keys as k
    join costpulse.daily_key_costs as d on d.key_id = k.key_id
    join costpulse.list_prices as a on a.sku_name = d.sku_name and a.price_end_time is null
    join costpulse.list_prices as j
        on
            j.sku_name = replace(d.sku_name, 'ALL_PURPOSE_COMPUTE', 'JOBS_COMPUTE')
            and j.cloud = a.cloud
            and j.price_end_time is null
    where
        (k.workspace_id, k.cluster_id) in (select w.workspace_id, w.cluster_id from work as w)
        and k.job_id is null
        and k.pipeline_id is null
        and d.usage_date between %(first_date)s and %(last_date)s
    group by k.workspace_id, k.cluster_id
)

select
    w.workspace_id,
    w.job_id as resource_id,
    least(round(w.cost_usd * c.share, 18), w.cluster_cost_usd) as saving_usd
from work as w
join cheaper as c on c.workspace_id = w.workspace_id and c.cluster_id = w.cluster_id
where (w.workspace_id, w.job_id) not in (select m.workspace_id, m.job_id from moved as m)
""",
    "unused_endpoint": """
with days as (
    select
        k.workspace_id,
        k.endpoint_name,
        d.usage_date,
        sum(d.usage_quantity) filter (where k.product like 'AI_GATEWAY%%' or k.usage_type = 'TOKEN') as requests,
        sum(d.dbu_count) filter (where k.product not like 'AI_GATEWAY%%' and k.usage_type <> 'TOKEN') as dbu_count,
        sum(d.cost_usd) as cost_usd
    from costpulse.cost_keys as k
    join costpulse.daily_key_costs as d on d.key_id = k.key_id
    where k.endpoint_name is not null and d.usage_date between %(first_date)s::date - 90 and %(last_date)s
    group by k.workspace_id, k.endpoint_name, d.usage_date
)

select
    e.workspace_id,
    e.endpoint_name as resource_id,
    sum(d.cost_usd) filter (where d.usage_date >= %(first_date)s) as saving_usd
from days as d
join costpulse.serving_endpoints as e on e.workspace_id = d.workspace_id and e.endpoint_name = d.endpoint_name
where e.delete_time is null and e.change_time < %(first_date)s
group by e.workspace_id, e.endpoint_name
having
    count(*) filter (where d.requests > 0) >= 7
    and max(d.usage_date) filter (where d.requests <> 0) < %(first_date)s
    and count(*) filter (where d.usage_date >= %(first_date)s and d.dbu_count > 0)
    = %(last_date)s::date - %(first_date)s::date + 1
    and max(d.dbu_count) filter (where d.usage_date >= %(first_date)s)
    <= 1.05 * min(d.dbu_count) filter (where d.usage_date >= %(first_date)s)
""",
}


if __name__ == "__main__":
    _run_once(sys.argv[1])
