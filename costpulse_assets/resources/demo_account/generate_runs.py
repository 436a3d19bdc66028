"""The runs of jobs and the updates of pipelines: the timelines of `system.lakeflow`.

Every run that is billed is here, from the hours it is billed for; beside them the runs that the bill does not
know, because they ran on somebody's all-purpose cluster or on a SQL warehouse.
"""

from datetime import date, timedelta

import duckdb
import pyarrow as pa

from costpulse_assets.resources.demo_account import planted
from costpulse_assets.resources.demo_account.model import ACCOUNT_ID, Account, cluster_id
from costpulse_assets.resources.demo_account.tables import CATALOG

#: Shares of the runs that fail for good, run into their time limit, are cancelled, or fail first and are repaired.
_FATES = {
    "usual": (0.008, 0.004, 0.0, 0.006),
    **{fact.subject: (0.08, 0.0, 0.0, (fact.size or 0) - 0.08) for fact in planted.facts("failing job")},
    **{fact.subject: (0.0, 0.0, fact.size or 0, 0.0) for fact in planted.facts("cancelled runs")},
}
_NEVER_STARTED = {fact.subject: fact.size or 0 for fact in planted.facts("runs that never started")}


def generate_runs(connection: duckdb.DuckDBPyConnection, account: Account, *, seed: int, end_date: date) -> None:
    """Fill the three timelines, and make the temporary tables `runs`, `attempts` and `tasks`.

    Needs `work`, `up` (all-purpose clusters) and `blocks` (warehouses).
    """
    connection.register("running", _running(account))
    connection.register("guests", _guests(account, end_date))
    connection.execute(_RUNS, {"seed": str(seed)})
    for statement in (_ATTEMPTS, _TASKS, _JOB_RUNS, _TASK_RUNS, _UPDATES):
        connection.execute(statement)
    connection.unregister("running")
    connection.unregister("guests")


def _running(account: Account) -> pa.Table:
    """What runs, by the id of the job or pipeline: its clusters, and how its runs end."""
    rows: list[dict[str, object]] = []
    for job in account.jobs:
        failed, timed_out, cancelled, repaired = _FATES.get(job.name, _FATES["usual"])
        rows.append(
            {
                "id": job.job_id,
                "tags": list((job.tags or {}).items()),
                "workers": 1 if job.workers >= 75 else 0,
                "trigger_type": "ONETIME" if job.submitted else "PERIODIC" if job.rhythm.hours == 24 else "CRON",
                "failed": failed,
                "timed_out": failed + timed_out,
                "cancelled": failed + timed_out + cancelled,
                "repaired": failed + timed_out + cancelled + repaired,
                "never_started": _NEVER_STARTED.get(job.name, 0.0),
            }
        )
    rows += [
        {
            "id": pipeline.pipeline_id,
            "tags": list((pipeline.tags or {}).items()),
            "workers": 0,
            "node_type": pipeline.node_type,
            "trigger_type": "CONTINUOUS" if pipeline.continuous else "CRON",
            "failed": 0.04,
            "timed_out": 0.04,
            "cancelled": 1.0 if pipeline.continuous else 0.07,  # a new update begins every week
            "repaired": 0.0,
            "never_started": 0.0,
        }
        for pipeline in account.pipelines
    ]
    types: dict[str, pa.DataType] = {
        "id": pa.string(), "tags": pa.map_(pa.string(), pa.string()), "workers": pa.int64(),
        "node_type": pa.string(), "trigger_type": pa.string(),
    }  # fmt: skip
    shares = ("failed", "timed_out", "cancelled", "repaired", "never_started")
    return pa.Table.from_pylist(rows, schema=pa.schema(types | {name: pa.float64() for name in shares}))


def _guests(account: Account, end_date: date) -> pa.Table:
    """Jobs that run on what others pay for, with the hours of the day and the days they do so."""
    warehouses = {warehouse.name: warehouse.warehouse_id for warehouse in account.warehouses}
    last_days = {fact.subject: fact.last_day for fact in planted.facts("deleted job")}
    last_days |= {fact.subject: (fact.first_day or 0) - 1 for fact in planted.facts("paused job")}
    rows = [
        {
            "job_id": job.job_id,
            "name": job.name,
            "run_as": job.run_as,
            "host_id": warehouses.get(job.runs_on) or cluster_id(job.runs_on),
            "first_hour": job.rhythm.first_hour,
            "last_hour": job.rhythm.first_hour + job.rhythm.hours - 1,
            "last_day": end_date + timedelta(days=last_days.get(job.name) or 10_000),
            "run_type": "SUBMIT_RUN" if job.submitted else "JOB_RUN",
        }
        for job in account.jobs
        if job.runs_on
    ]
    return pa.Table.from_pylist(rows)


# one row per run of a job and per update of a pipeline, in seconds since 1970, whether it is over or not
_RUNS = """
create or replace temp table runs as
with billed as (
    select
        workspace_id, runs as kind, name, job_id, run_id, pipeline_id, update_id, cluster_id, node_type, run_as, salt,
        min(hour) as first_hour,
        max(hour) as last_hour,
        least(3600, arg_min(seconds, hour)) as first_seconds,
        least(3600, arg_max(seconds, hour)) as last_seconds
    from work
    where runs <> 'none'
    group by all
),

guest_runs as (
    select g.*, u.workspace_id, 'all-purpose' as kind, u.hour,
        u.hour * 3600 + u.first_minute * 60 + 3 * (u.end_minute - u.first_minute) as start_s,
        60 * (u.end_minute - u.first_minute) as room
    from guests as g
    join up as u on u.cluster_id = g.host_id
    where u.end_minute - u.first_minute >= 10
    union all
    select g.*, b.workspace_id, 'warehouse' as kind, b.hour,
        b.hour * 3600 + b.up_from + 60 as start_s,
        b.up_to - b.up_from as room
    from guests as g
    join blocks as b on b.warehouse_id = g.host_id
    where b.up_to - b.up_from >= 600
),

identified as (
    select *, md5(concat_ws('|', $seed, 'guest', job_id, hour)) as run_hash
    from guest_runs
    where hour % 24 between first_hour and last_hour
        and hour * 3600 < epoch(last_day + 1)
),

together as (
    select
        workspace_id, kind, name, job_id, run_id, pipeline_id, update_id, cluster_id, node_type, run_as, salt,
        null as warehouse_id,
        'JOB_RUN' as run_type,
        case when first_hour = last_hour
            then first_hour * 3600 + cast(floor(noise(salt) * (3600 - first_seconds)) as bigint)
            else (first_hour + 1) * 3600 - first_seconds end as start_s,
        case when first_hour = last_hour
            then first_hour * 3600 + cast(floor(noise(salt) * (3600 - first_seconds)) as bigint) + first_seconds
            else last_hour * 3600 + last_seconds end as end_s
    from billed
    union all
    select
        workspace_id, kind, name, job_id,
        cast(100000000000000 + cast('0x' || run_hash[9:20] as bigint) as varchar),
        null, null,
        case kind when 'all-purpose' then host_id end,
        null, run_as, cast('0x' || run_hash[1:7] as bigint),
        case kind when 'warehouse' then host_id end,
        run_type, start_s,
        start_s + cast(room * (0.2 + 0.3 * noise(cast('0x' || run_hash[1:7] as bigint))) as bigint)
    from identified
)

select
    t.* exclude (cluster_id, node_type),
    case when t.kind = 'pipeline update' then p.node_type else t.node_type end as node_type,
    case
        when t.kind <> 'pipeline update' then t.cluster_id
        when p.node_type is not null
            then strftime(make_timestamp(t.start_s * 1000000), '%m%d-%H%M%S') || '-' || t.update_id[1:8]
    end as cluster_id,
    p.tags, p.workers, p.trigger_type, p.failed, p.timed_out, p.cancelled, p.repaired, p.never_started
from together as t
join running as p on p.id = coalesce(t.job_id, t.pipeline_id)
order by t.start_s, t.name, t.salt
"""

# one row per attempt of a run
_ATTEMPTS = """
create or replace temp table attempts as
with fated as (
    select
        *,
        case
            when noise(salt + 17) < failed then 'FAILED'
            when noise(salt + 17) < timed_out then 'TIMED_OUT'
            when noise(salt + 17) < cancelled then 'CANCELLED'
            when noise(salt + 17) < repaired then 'REPAIRED'
            else 'SUCCEEDED'
        end as fate,
        (end_s - start_s) * 2 // 5 as until_failure
    from runs
)

select * replace (
    case when fate = 'REPAIRED' then start_s + until_failure else end_s end as end_s,
    case when fate = 'REPAIRED' then 'FAILED' else fate end as fate
), 1 as attempt
from fated
union all
-- Whoever repairs a run keeps its id.
select * replace (
    start_s + until_failure + least(60, until_failure // 4) as start_s,
    'SUCCEEDED' as fate
), 2
from fated
where fate = 'REPAIRED'
union all
-- The one before it was still busy.
select * replace (
    cast(cast(run_id as bigint) + 1 as varchar) as run_id,
    start_s + 30 as start_s,
    start_s + 30 as end_s,
    case when salt % 3 = 0 then 'BLOCKED' else 'SKIPPED' end as fate
), 1
from fated
where noise(salt + 29) < never_started
"""

# one row per task of an attempt; a repair does not prepare again
_TASKS = """
create or replace temp table tasks as
with prepared as (
    select
        *,
        case when attempt = 1 and end_s - start_s >= 1800 then (end_s - start_s) * 3 // 20 else 0 end as preparation
    from attempts
    where kind <> 'pipeline update' and end_s > start_s
)

select
    * replace (case when k.task_key = 'prepare' then 'SUCCEEDED' else fate end as fate),
    cast(200000000000000 + cast('0x' || md5(concat_ws('|', run_id, k.task_key, attempt))[1:11] as bigint) as varchar)
        as task_run_id,
    case k.task_key when 'prepare' then start_s else start_s + preparation end as task_start_s,
    case k.task_key when 'prepare' then start_s + preparation else end_s end as task_end_s
from prepared
cross join (values ('prepare'), ('main')) as k (task_key)
where k.task_key = 'main' or preparation > 0
"""


def _slices(table: str, start: str, end: str) -> str:
    """Cut at the clock hours, as far as they are over; `ends` marks the last slice."""
    return f"""
    select *, greatest({start}, hour * 3600) as slice_start, least({end}, hour * 3600 + 3600) as slice_end,
        {end} <= hour * 3600 + 3600 as ends
    from (
        select *, unnest(range({start} // 3600, greatest({start} // 3600 + 1, ({end} + 3599) // 3600))) as hour
        from {table}
    )
    where least({end}, hour * 3600 + 3600) <= getvariable('look_s')
        and greatest({start}, hour * 3600) >= getvariable('first_s')
    order by slice_start, salt
    """  # noqa: S608 - composed of constants of this module


_CODE = """case fate
            when 'SUCCEEDED' then 'SUCCESS'
            when 'CANCELLED' then 'USER_CANCELED'
            when 'TIMED_OUT' then 'RUN_EXECUTION_ERROR'
            when 'FAILED' then case when salt % 5 = 0 then 'DRIVER_ERROR' else 'RUN_EXECUTION_ERROR' end
            else 'MAX_CONCURRENT_RUNS_EXCEEDED'
        end"""

_COMPUTE = """case
            when kind = 'serverless' or coalesce(cluster_id, warehouse_id) is null then []
            else [struct_pack(
                "type" := case kind when 'warehouse' then 'SQL_WAREHOUSE' when 'all-purpose' then 'ALL_PURPOSE_CLUSTER'
                    else 'JOB_CLUSTER' end,
                cluster_id := cluster_id,
                warehouse_id := warehouse_id
            )]
        end"""

#: Seconds until the cluster of a run is there.
_SETUP = "case kind when 'job cluster' then least(180, {length} // 4) when 'job run' then least(9, {length} // 4) end"

_JOB_RUNS = f"""
insert into {CATALOG}.lakeflow.job_run_timeline by name
select
    '{ACCOUNT_ID}' as account_id,
    workspace_id,
    job_id,
    run_id,
    to_timestamp(slice_start) as period_start_time,
    to_timestamp(slice_end) as period_end_time,
    trigger_type,
    run_type,
    case run_type when 'SUBMIT_RUN' then name end as run_name,
    -- Only compute that was there before the run is named here; the tasks name all.
    case when kind = 'all-purpose' and end_s > start_s then [cluster_id] else [] end as compute_ids,
    case when kind = 'all-purpose' and end_s > start_s then {_COMPUTE} else [] end as compute,
    case when ends then fate end as result_state,
    case when ends then {_CODE} end as termination_code,
    case when ends then coalesce({_SETUP.format(length="(end_s - start_s)")}, 0) else 0 end as setup_duration_seconds,
    case when ends then salt % 4 else 0 end as queue_duration_seconds,
    case when ends then end_s - start_s else 0 end as run_duration_seconds,
    0 as cleanup_duration_seconds,
    case when ends then end_s - start_s - coalesce({_SETUP.format(length="(end_s - start_s)")}, 0) else 0 end
        as execution_duration_seconds
from ({_slices("attempts", "start_s", "end_s")})
where kind <> 'pipeline update'
"""  # noqa: S608 - composed of constants of this module

_TASK_RUNS = f"""
insert into {CATALOG}.lakeflow.job_task_run_timeline by name
select
    '{ACCOUNT_ID}' as account_id,
    workspace_id,
    job_id,
    task_run_id as run_id,
    run_id as job_run_id,
    to_timestamp(slice_start) as period_start_time,
    to_timestamp(slice_end) as period_end_time,
    task_key,
    case when coalesce(cluster_id, warehouse_id) is null then [] else [coalesce(cluster_id, warehouse_id)] end
        as compute_ids,
    {_COMPUTE} as compute,
    case when ends then fate end as result_state,
    case when ends then {_CODE} end as termination_code,
    case when ends then coalesce({_SETUP.format(length="(task_end_s - task_start_s)")}, 0) else 0 end
        as setup_duration_seconds,
    0 as cleanup_duration_seconds,
    case when ends
        then task_end_s - task_start_s - coalesce({_SETUP.format(length="(task_end_s - task_start_s)")}, 0)
        else 0 end as execution_duration_seconds
from ({_slices("tasks", "task_start_s", "task_end_s")})
"""  # noqa: S608 - composed of constants of this module

_UPDATES = f"""
insert into {CATALOG}.lakeflow.pipeline_update_timeline by name
select
    '{ACCOUNT_ID}' as account_id,
    workspace_id,
    pipeline_id,
    update_id,
    case when salt % 40 = 0 then 'FULL_REFRESH' else 'REFRESH' end as update_type,
    update_id as request_id,
    run_as as run_as_user_name,
    trigger_type,
    case when ends then case fate when 'FAILED' then 'FAILED' when 'CANCELLED' then 'CANCELED' else 'COMPLETED' end end
        as result_state,
    struct_pack(
        "type" := case when cluster_id is null then 'SERVERLESS' else 'CLASSIC' end, cluster_id := cluster_id
    ) as compute,
    to_timestamp(slice_start) as period_start_time,
    to_timestamp(slice_end) as period_end_time
from ({_slices("attempts", "start_s", "end_s")})
where kind = 'pipeline update'
"""  # noqa: S608 - composed of constants of this module
