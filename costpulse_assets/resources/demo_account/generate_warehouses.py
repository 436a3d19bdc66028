"""What SQL warehouses did: `system.compute.warehouse_events` and `system.query.history`.

A warehouse is up for as long as it is billed for, and has as many clusters as are billed. Statements run while it is
up; where it stops by itself they end as long before that as it waits.
"""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from costpulse_assets.resources.demo_account import planted
from costpulse_assets.resources.demo_account.model import (
    ACCOUNT_ID,
    COSTPULSE_PRINCIPAL,
    PEOPLE,
    SERVICE_PRINCIPALS,
    Account,
    Warehouse,
    user_id,
)
from costpulse_assets.resources.demo_account.tables import CATALOG


@dataclass(frozen=True, slots=True)
class _Traffic:
    """The statements of a warehouse.

    Attributes:
        an_hour: statements in an hour it is up, and as many again with every three further clusters.
        busy: share of the clusters' time that the statements fill.
        first_hour, last_hour: the hours of the day in which there are any.
        every: statements come only in every so many-th hour.
        weekend: whether there are any on Saturday and Sunday.
    """

    an_hour: int = 12
    busy: float = 0.55
    first_hour: int = 0
    last_hour: int = 23
    every: int = 1
    weekend: bool = True


_TRAFFIC = {
    **{fact.subject: _Traffic(an_hour=6, busy=0.006) for fact in planted.facts("oversized warehouse")},
    **{fact.subject: _Traffic(busy=0.5, every=3) for fact in planted.facts("warehouse with long idle tails")},
    **{
        fact.subject: _Traffic(an_hour=8, busy=0.4, first_hour=7, last_hour=16, weekend=False)
        for fact in planted.facts("warehouse that never stops")
    },
    **{fact.subject: _Traffic(an_hour=110, busy=0.5) for fact in planted.facts("own warehouse")},
}

_EDITOR = ("Databricks SQL Editor", "Databricks SQL Driver")
_DASHBOARD = ("Databricks SQL Dashboard", "Databricks SQL Driver")
_TABLEAU = ("Tableau", "Simba Spark ODBC Driver")
_POWER_BI = ("PowerBI", "Simba Spark ODBC Driver")
_DBT = ("dbt", "PyDatabricksSqlConnector")
_OWN = ("CostPulse", "PyDatabricksSqlConnector")
_QUERY_TAGS = {_OWN: [("app", "costpulse")], _DBT: [("project", "northwind")]}


def generate_blocks(connection: duckdb.DuckDBPyConnection, account: Account) -> None:
    """Make the temporary table `blocks`: in which seconds of an hour each warehouse was up, on how many clusters."""
    rows = []
    for warehouse in account.warehouses:
        traffic = _traffic(warehouse)
        rows.append(
            {
                "warehouse_id": warehouse.warehouse_id,
                "most": warehouse.max_clusters,
                "idle_limit": warehouse.auto_stop_minutes * 60,
                "startup": 0 if warehouse.kind == "SERVERLESS" else 240,
                "an_hour": traffic.an_hour,
                "busy": traffic.busy,
                "first_hour": traffic.first_hour,
                "last_hour": traffic.last_hour,
                "every": traffic.every,
                "weekend": traffic.weekend,
                "at_midnight": warehouse.name in {fact.subject for fact in planted.facts("query past midnight")},
                "own": warehouse.name in {fact.subject for fact in planted.facts("own warehouse")},
            }
        )
    connection.register("warehouses", pa.Table.from_pylist(rows))
    connection.execute(_BLOCKS)
    connection.unregister("warehouses")


def generate_events(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill `compute.warehouse_events`; needs `blocks`."""
    connection.execute(_EVENTS)


def generate_queries(connection: duckdb.DuckDBPyConnection, account: Account, *, seed: int) -> None:
    """Fill `query.history`; needs `blocks`, `work`, `runs` and `tasks`."""
    connection.register("audience", _audience(account))
    connection.register("people", _people())
    connection.execute(_STATEMENTS)
    connection.execute(
        _HISTORY,
        {"seed": str(seed), "text": planted.STATEMENT_TEXT, "error": planted.ERROR_MESSAGE},
    )
    connection.unregister("audience")
    connection.unregister("people")


def _traffic(warehouse: Warehouse) -> _Traffic:
    usual = _Traffic() if warehouse.kind == "SERVERLESS" else _Traffic(an_hour=5, busy=0.7)
    return _TRAFFIC.get(warehouse.name, usual)


#: Who asks a warehouse, in ten equal parts of the statements.
_SLOTS = 10


def _audience(account: Account) -> pa.Table:
    """Who sends the statements of each warehouse, and with what."""
    _, bi, _, release = SERVICE_PRINCIPALS
    rows = []
    for number, warehouse in enumerate(account.warehouses):
        crowd = [PEOPLE[(number * 3 + step) % len(PEOPLE)] for step in range(5)]
        name = warehouse.name
        for slot in range(_SLOTS):
            person = crowd[slot % len(crowd)]
            if name in {fact.subject for fact in planted.facts("own warehouse")}:
                identity, client = COSTPULSE_PRINCIPAL, _OWN
            elif "dbt" in name:
                identity, client = (release, _DBT) if slot < 8 else (person, _EDITOR)
            elif "Tableau" in name or "extracts" in name:
                identity, client = (bi, _TABLEAU) if slot < 6 else (person, _TABLEAU)
            elif "BI" in name or "reporting" in name:
                identity, client = (bi, _POWER_BI) if slot < 4 else (person, _POWER_BI if slot < 7 else _DASHBOARD)
            elif "dashboards" in name or "screens" in name:
                identity, client = person, _DASHBOARD if slot < 8 else _EDITOR
            else:
                identity, client = (bi, _DBT) if slot == 0 else (person, _EDITOR if slot < 8 else _DASHBOARD)
            rows.append(
                {
                    "warehouse_id": warehouse.warehouse_id,
                    "slot": slot,
                    "identity": identity,
                    "client_application": client[0],
                    "client_driver": client[1],
                    # Most statements do not say what they come from.
                    "dashboard": client == _DASHBOARD and slot % 2 == 0,
                    "saved_query": client == _EDITOR and slot % 3 == 0,
                    "query_tags": _QUERY_TAGS.get(client, []),
                }
            )
    return pa.Table.from_pylist(
        rows,
        schema=pa.schema(
            [
                ("warehouse_id", pa.string()), ("slot", pa.int64()), ("identity", pa.string()),
                ("client_application", pa.string()), ("client_driver", pa.string()), ("dashboard", pa.bool_()),
                ("saved_query", pa.bool_()), ("query_tags", pa.map_(pa.string(), pa.string())),
            ]
        ),
    )  # fmt: skip


def _people() -> pa.Table:
    everybody = (*PEOPLE, *SERVICE_PRINCIPALS, COSTPULSE_PRINCIPAL)
    return pa.table({"identity": list(everybody), "user_id": [user_id(identity) for identity in everybody]})


# one row per warehouse and hour it was up in: from and to in seconds of the hour; the first surplus_to seconds it
# runs on one cluster more
_BLOCKS = """
create or replace temp table blocks as
with up as (
    select
        w.workspace_id, w.name, w.hour, w.salt, h.*,
        w.seconds / 3600 as load,
        case when h.idle_limit = 0 then 3600 else least(3600, w.seconds) end as up_seconds,
        lag(w.hour) over one = w.hour - 1 as came_on,
        lead(w.hour) over one = w.hour + 1 as goes_on
    from work as w
    join warehouses as h using (warehouse_id)
    where w.product = 'SQL'
    window one as (partition by w.stream order by w.hour)
),

placed as (
    select
        *,
        case when came_on then 0 else 3600 - up_seconds end as up_from,
        least(most, greatest(1, cast(floor(load) as bigint))) as clusters
    from up
)

select
    *,
    up_from + up_seconds as up_to,
    case when load > clusters and clusters < most then cast(round((load - clusters) * 3600) as bigint) else 0 end
        as surplus_to,
    -- Until when in the next hour it stays up without a break; none: it stops in this hour.
    case when goes_on and up_from + up_seconds = 3600 then lead(up_seconds) over one else 0 end as goes_on_until
from placed
window one as (partition by warehouse_id order by hour)
order by warehouse_id, hour
"""

# one row per change of state
_EVENTS = f"""
insert into {CATALOG}.compute.warehouse_events
with stretches as (
    select workspace_id, warehouse_id, startup, hour * 3600 + up_from as start_s,
        hour * 3600 + case when surplus_to > 0 then up_from + least(surplus_to, up_to - up_from) else up_to end
            as end_s,
        case when surplus_to > 0 then clusters + 1 else clusters end as clusters
    from blocks
    union all
    select workspace_id, warehouse_id, startup, hour * 3600 + up_from + surplus_to, hour * 3600 + up_to, clusters
    from blocks
    where surplus_to > 0 and surplus_to < up_to - up_from
),

changes as (
    select
        *,
        coalesce(lag(end_s) over one < start_s, true) as starts,
        start_s - coalesce(lag(end_s) over one, 0) as pause,
        lag(clusters) over one as before,
        coalesce(lead(start_s) over one > end_s, true) as stops
    from stretches
    window one as (partition by warehouse_id order by start_s)
),

events as (
    select *, 'STARTING' as event_type, 0 as count, start_s - least(startup, pause // 2) as event_s
    from changes where starts
    union all
    select *, 'RUNNING', 1, start_s from changes where starts
    union all
    -- Further clusters come at the same moment.
    select *, 'SCALED_UP', clusters, start_s from changes where clusters > case when starts then 1 else before end
    union all
    select *, 'SCALED_DOWN', clusters, start_s from changes where not starts and clusters < before
    union all
    select *, 'STOPPING', clusters, end_s - case when startup > 0 then 3 else 0 end from changes where stops
    union all
    select *, 'STOPPED', 0, end_s from changes where stops
)

select '{ACCOUNT_ID}', workspace_id, warehouse_id, event_type, count, to_timestamp(event_s)
from events
where event_s between getvariable('first_s') and getvariable('look_s')
union all
-- What never stops was started long ago.
select distinct '{ACCOUNT_ID}', workspace_id, warehouse_id, e.event_type, e.count,
    to_timestamp(getvariable('end_s') - 300 * 86400 + 25_920)
from blocks
cross join (values ('STARTING', 0), ('RUNNING', 1)) as e (event_type, count)
where idle_limit = 0
order by 6, 3, 4
"""  # noqa: S608 - constants of ours

# one row per statement, times in milliseconds since 1970
_STATEMENTS = """
create or replace temp table statements as
with rooms as (
    -- one row per hour of a warehouse, with the room there is for statements
    select
        *,
        hour * 3600 + up_from as from_s,
        case when goes_on_until > 0 then up_to - up_from
            else greatest((up_to - up_from) // 3, up_to - up_from - idle_limit) end as room,
        hour * 3600 + case when goes_on_until > 0 then 3600 + least(600, goes_on_until) else up_to end as until_s,
        greatest(2, an_hour * (1 + cast(floor(load / 3) as bigint)) * (up_to - up_from) // 3600) as usual
    from blocks
    where hour % 24 between first_hour and last_hour and hour % every = 0
        and (weekend or hour // 24 % 7 not in (2, 3))
),

sent as (
    -- Now and then everybody comes at once.
    select *, unnest(range(0, usual + case when load > 1.2 and noise(salt + hour * 7) < 0.12 then 12 else 0 end)) as i
    from rooms
),

timed as (
    select
        *,
        salt + hour * 1009 + i * 15485863 as s,
        cast(1000 * (from_s + room * case
            when i >= usual then 0.05 * noise(salt + hour * 13 + i * 31)
            else (i + noise(salt + hour * 17 + i * 37)) / usual end) as bigint) as start_ms,
        1000 * busy * load * 3600 / usual
            * (0.15 + 2.55 * power(noise(salt + hour * 19 + i * 41), 3)) as wanted_ms
    from sent
),

on_warehouses as (
    select
        workspace_id, warehouse_id, own, s, start_ms,
        cast(greatest(180, least(wanted_ms, 900000, until_s * 1000 - start_ms - 1500)) as bigint) as total_ms,
        i = 0 and up_from > 0 as waited,
        null as job_id, null as run_id, null as task_run_id, null as notebook_id, null as pipeline_id,
        null as update_id, null as run_as
    from timed
    union all
    -- Once a month, over midnight.
    select workspace_id, warehouse_id, own, salt + hour, hour * 3600000 + 2400000, 2700000, false,
        null, null, null, null, null, null, null
    from blocks
    where at_midnight and hour % 24 = 23 and day(make_timestamp((hour + 1) * 3600000000)) = 1
    union all
    -- What a job sends to a warehouse.
    select workspace_id, warehouse_id, false, salt + k.i * 7907,
        cast(1000 * (task_start_s + (task_end_s - task_start_s) * k.i / 6) as bigint),
        cast(1000 * (task_end_s - task_start_s) / 7 as bigint), false,
        job_id, run_id, task_run_id, null, null, null, run_as
    from tasks
    cross join range(0, 6) as k (i)
    where kind = 'warehouse' and task_key = 'main'
    union all
    -- Serverless compute: one statement of every task and every update, two an hour of a notebook.
    select workspace_id, null, false, salt, 1000 * task_start_s + 9000,
        cast(700 * (task_end_s - task_start_s) as bigint), null,
        job_id, run_id, task_run_id, null, null, null, run_as
    from tasks
    where kind = 'job run' and task_key = 'main'
    union all
    select workspace_id, null, false, salt, 1000 * start_s + 20000, cast(600 * (end_s - start_s) as bigint), null,
        null, null, null, null, pipeline_id, update_id, run_as
    from runs
    where kind = 'pipeline update' and node_type is null and end_s - start_s >= 120
    union all
    select workspace_id, null, false, salt + hour * 11 + k.i,
        hour * 3600000 + cast(least(3600, seconds) * 1000 * (k.i + 0.2) / 2 as bigint),
        cast(least(3600, seconds) * (20 + 250 * noise(salt + hour * 23 + k.i)) as bigint), null,
        null, null, null, notebook_id, null, null, run_as
    from work
    cross join range(0, 2) as k (i)
    where product = 'INTERACTIVE'
)

select
    *,
    noise(s + 3) as u,
    noise(s + 5) as v,
    start_ms + total_ms as end_ms,
    -- The one over midnight is never an answer from the cache, which would be over before.
    warehouse_id is not null and not own and noise(s + 7) < 0.12 and job_id is null and total_ms <= 900000 as cached,
    case when noise(s + 9) < 0.02 then 'FAILED' when noise(s + 9) < 0.032 then 'CANCELED' else 'FINISHED' end as status
from on_warehouses
where start_ms >= getvariable('first_s') * 1000 and start_ms + total_ms <= getvariable('look_s') * 1000
order by start_ms, s
"""

_HISTORY = f"""
insert into {CATALOG}.query.history by name
select
    '{ACCOUNT_ID}' as account_id,
    workspace_id,
    cast(cast(statement_hash as uuid) as varchar) as statement_id,
    cast(cast(md5(concat_ws('|', $seed, identity, coalesce(warehouse_id, run_id, notebook_id), start_ms // 7200000))
        as uuid) as varchar) as session_id,
    status as execution_status,
    struct_pack("type" := case when warehouse_id is null then 'SERVERLESS_COMPUTE' else 'WAREHOUSE' end,
        cluster_id := null, warehouse_id := warehouse_id) as compute,
    identity as executed_by,
    user_id as executed_by_user_id,
    identity as executed_as,
    user_id as executed_as_user_id,
    $text as statement_text,
    statement_type,
    case when status = 'FAILED' then $error end as error_message,
    client_application,
    client_driver,
    total_ms as total_duration_ms,
    case when waited then least(5000, total_ms // 2) when warehouse_id is not null then 0 end
        as waiting_for_compute_duration_ms,
    capacity_ms as waiting_at_capacity_duration_ms,
    execution_ms as execution_duration_ms,
    compilation_ms as compilation_duration_ms,
    cast(execution_ms * (1.5 + 14 * u) as bigint) as total_task_duration_ms,
    fetch_ms as result_fetch_duration_ms,
    make_timestamptz(start_ms * 1000) as start_time,
    make_timestamptz(end_ms * 1000) as end_time,
    make_timestamptz((end_ms + fetch_ms) * 1000) as update_time,
    case when cached then 0 else cast(1 + 60 * u * v as bigint) end as read_partitions,
    case when cached then 0 else cast(400 * v as bigint) end as pruned_files,
    case when cached then 0 else cast(1 + 900 * u * v as bigint) end as read_files,
    case when cached then 0 else cast(execution_ms * 9000 * u as bigint) end as read_rows,
    cast(1 + 5000 * v * v as bigint) as produced_rows,
    case when cached then 0 else cast(execution_ms * 700000 * u as bigint) end as read_bytes,
    cast(100 * v as tinyint) as read_io_cache_percent,
    cached as from_result_cache,
    case when u > 0.96 then cast(execution_ms * 90000 * v as bigint) else 0 end as spilled_local_bytes,
    case when statement_type = 'SELECT' then 0 else cast(execution_ms * 50000 * v as bigint) end as written_bytes,
    case when cached then 0 else cast(execution_ms * 120000 * v as bigint) end as shuffle_read_bytes,
    struct_pack(
        job_info := struct_pack(job_id := job_id, job_run_id := run_id, job_task_run_id := task_run_id),
        legacy_dashboard_id := null,
        dashboard_id := case when dashboard then '01f0' || md5(warehouse_id || cast(slot as varchar))[1:28] end,
        alert_id := null,
        notebook_id := notebook_id,
        sql_query_id := case when saved_query then md5(identity || warehouse_id) end,
        genie_space_id := null,
        pipeline_info := struct_pack(pipeline_id := pipeline_id, update_id := update_id)
    ) as query_source,
    case when statement_type = 'SELECT' then 0 else cast(execution_ms * 400 * v as bigint) end as written_rows,
    case when statement_type = 'SELECT' then 0 else cast(1 + 20 * v as bigint) end as written_files,
    case when warehouse_id is not null then coalesce(query_tags, map {{}}) end as query_tags
from (
    select
        s.*,
        coalesce(a.identity, s.run_as) as identity,
        coalesce(a.client_application, case when s.job_id is not null then 'Databricks Jobs'
            when s.pipeline_id is not null then 'Databricks Pipelines' else 'Databricks Notebooks' end)
            as client_application,
        a.client_driver, a.slot, a.dashboard, a.saved_query, a.query_tags,
        p.user_id,
        md5(concat_ws('|', $seed, 'statement', coalesce(s.warehouse_id, s.run_as), s.start_ms, s.s)) as statement_hash,
        case
            when s.job_id is not null or (a.client_application = 'dbt' and s.u < 0.7)
                then case when s.v < 0.5 then 'MERGE' else 'INSERT' end
            when s.pipeline_id is not null then 'REFRESH'
            else 'SELECT'
        end as statement_type,
        least(400, s.total_ms // 10) as compilation_ms,
        case when s.u > 0.93 and not s.cached then s.total_ms // 5 else 0 end as capacity_ms,
        case when s.cached then 0 else
            s.total_ms - least(400, s.total_ms // 10) - case when s.u > 0.93 then s.total_ms // 5 else 0 end
            - case when s.waited then least(5000, s.total_ms // 2) else 0 end end as execution_ms,
        cast(20 + 900 * s.v * s.v as bigint) as fetch_ms
    from (
        select * replace (case when cached then least(total_ms, 90 + cast(200 * u as bigint)) else total_ms end
            as total_ms,
            case when cached then start_ms + least(total_ms, 90 + cast(200 * u as bigint)) else end_ms end as end_ms)
        from statements
    ) as s
    left join audience as a
        on a.warehouse_id = s.warehouse_id and a.slot = cast(floor(s.v * {_SLOTS}) as bigint) and s.job_id is null
    left join people as p on p.identity = coalesce(a.identity, s.run_as)
)
"""  # noqa: S608 - constants of ours
