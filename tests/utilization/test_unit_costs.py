"""What one run, query, warehouse hour and active user costs, on rows typed by hand."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.derived_days import build
from costpulse_assets.errors import InvariantBroken
from costpulse_assets.resources.database import Connection, Database
from costpulse_assets.utilization.unit_costs import UNIT_COSTS

DAY = date(2026, 6, 29)
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


def bill(connection: Connection, cost: str | None, *, workspace: str | None = "1001", day: date = DAY) -> None:
    """A row of the bill, in the roll-ups that are read."""
    number = connection.execute("select count(*) as n from costpulse.cost_keys").fetchone()["n"]  # type: ignore[index]
    key_id = f"00000000-0000-0000-0000-{number:012d}"
    connection.execute(
        "insert into costpulse.cost_keys (key_id, workspace_id, product, tags, first_usage_date, last_usage_date)"
        " values (%s, %s, 'JOBS', '{}', %s, %s)",
        [key_id, workspace, day, day],
    )
    connection.execute(
        "insert into costpulse.daily_key_costs (usage_date, key_id, sku_name, usage_unit, usage_quantity, cost_usd,"
        " unpriced_quantity, record_count) values (%s, %s, 'SKU', 'DBU', 1, %s, 0, 1)",
        [day, key_id, cost],
    )
    connection.execute(
        "insert into costpulse.daily_workspace_costs (usage_date, workspace_id, product, cost_usd, record_count)"
        " values (%s, %s, %s, %s, 1)",
        [day, workspace, f"JOBS {number}", cost],
    )


def run_of_a_job(
    connection: Connection,
    run: str,
    result: str | None,
    *costs: tuple[date, str | None],
    job: str | None = "7",
    basis: str = "billed",
    seconds: int = 600,
) -> None:
    """A run, and what it cost by the day."""
    connection.execute(
        "insert into costpulse.job_runs (workspace_id, job_id, run_id, first_usage_date, last_usage_date, attempts,"
        " result_state, cost_basis, duration_seconds) values ('1001', %s, %s, %s, %s, 1, %s, %s, %s)",
        [job, run, costs[0][0], costs[-1][0], result, basis, seconds],
    )
    for day, cost in costs:
        connection.execute(
            "insert into costpulse.job_run_costs (usage_date, workspace_id, run_id, cost_basis, compute_type,"
            " compute_id, cost_usd) values (%s, '1001', %s, %s, %s, %s, %s)",
            [day, run, basis, *(("cluster", "c1") if basis == "apportioned" else (None, None)), cost],
        )


def warehouse(connection: Connection, cost: str | None, executions: int | None, hours: str | None) -> None:
    connection.execute(
        "insert into costpulse.warehouse_daily (usage_date, workspace_id, warehouse_id, executions, running_hours,"
        " cost_usd) values (%s, '1001', 'w1', %s, %s, %s)",
        [DAY, executions, hours, cost],
    )


def person(connection: Connection, identity: str, kind: str = "person") -> None:
    connection.execute(
        "insert into costpulse.users (identity, kind, domain, first_seen, last_seen, workspace_ids, workspace_names,"
        " executions_30_days, sources) values (%s, %s, %s, %s, %s, '{}', '{}', 0, '{}')",
        [identity, kind, "example.com" if kind == "person" else None, DAY, DAY],
    )


def units(database: Database, unit: str, *days: date) -> list[tuple[Any, ...]]:
    """(day, resource type, workspace, resource, cost, units) after a build of the days."""
    build(database, UNIT_COSTS, list(days or [DAY]))
    with database.transaction() as connection:
        rows = connection.execute(
            "select usage_date, resource_type, workspace_id, resource_id, cost_usd, units from costpulse.unit_costs"
            " where unit = %s order by usage_date, resource_type, workspace_id nulls last, resource_id nulls last",
            [unit],
        ).fetchall()
    return [tuple(row.values()) for row in rows]


def test_a_run_costs_what_all_runs_cost_by_their_number_and_a_successful_one_pays_for_the_failed(database):
    with database.writing() as connection:
        run_of_a_job(connection, "good", "SUCCEEDED", (DAY, "3"))
        run_of_a_job(connection, "bad", "FAILED", (DAY, "1.5"))
    assert units(database, "job run") == [(DAY, "job", "1001", "7", Decimal("4.5"), 2)]
    assert units(database, "successful job run") == [(DAY, "job", "1001", "7", Decimal("4.5"), 1)]


def test_a_run_past_midnight_costs_on_both_days_and_counts_on_the_day_it_ended(database):
    with database.writing() as connection:
        run_of_a_job(connection, "night", "SUCCEEDED", (DAY, "2"), (NEXT, "5"))
    assert units(database, "job run", DAY, NEXT) == [
        (DAY, "job", "1001", "7", Decimal(2), 0),
        (NEXT, "job", "1001", "7", Decimal(5), 1),
    ]


def test_a_run_that_goes_on_or_never_started_is_not_counted_and_submitted_runs_are_counted_together(database):
    with database.writing() as connection:
        run_of_a_job(connection, "going", None, (DAY, "1"), job=None)
        run_of_a_job(connection, "skipped", "SKIPPED", (DAY, None), job=None, seconds=0)
        run_of_a_job(connection, "submitted", "SUCCEEDED", (DAY, "2"), job=None, basis="apportioned")
    assert units(database, "job run") == [(DAY, "job", "1001", None, Decimal(3), 1)]


def test_a_query_pays_for_the_idle_time_of_its_warehouse_and_unknown_use_is_left_out(database):
    with database.writing() as connection:
        warehouse(connection, "12", 48, None)
    assert units(database, "query") == [(DAY, "warehouse", "1001", "w1", Decimal(12), 48)]
    assert units(database, "warehouse hour") == []


def test_a_warehouse_without_statements_has_cost_and_no_queries(database):
    with database.writing() as connection:
        warehouse(connection, "12", 0, "24")
    assert units(database, "query") == [(DAY, "warehouse", "1001", "w1", Decimal(12), 0)]
    assert units(database, "warehouse hour") == [(DAY, "warehouse", "1001", "w1", Decimal(12), 24)]


def test_a_person_is_active_once_a_day_however_spelled_and_wherever_and_principals_are_not_people(database):
    with database.writing() as connection:
        bill(connection, "10")
        bill(connection, "4", workspace="1002")
        bill(connection, None, workspace=None)
        person(connection, "Ada@example.com")
        person(connection, "5f0c2a9e", kind="service principal")
        for identity, workspace in (("Ada@example.com", "1001"), ("5f0c2a9e", "1001")):
            connection.execute(
                "insert into costpulse.daily_user_costs (usage_date, user_email, workspace_id, cost_usd)"
                " values (%s, %s, %s, 1)",
                [DAY, identity, workspace],
            )
        connection.execute(
            "insert into costpulse.query_activity (usage_date, usage_hour, workspace_id, executed_by, source_kind,"
            " is_costpulse, executions, execution_ms, task_ms, read_bytes, failed_count, cached_count, connection)"
            " values (%s, 9, '1002', 'ada@example.com', 'sql_query', false, 1, 1, 1, 1, 0, 0, 'main')",
            [DAY],
        )
    assert units(database, "active user") == [
        (DAY, "account", None, None, Decimal(14), 1),
        (DAY, "workspace", "1001", None, Decimal(10), 1),
        (DAY, "workspace", "1002", None, Decimal(4), 1),
        (DAY, "workspace", None, None, None, 0),
    ]


def test_building_twice_gives_the_same_rows(database):
    with database.writing() as connection:
        run_of_a_job(connection, "good", "SUCCEEDED", (DAY, "3"))
        warehouse(connection, "12", 48, "3.5")
    first = units(database, "job run"), units(database, "query")
    assert (units(database, "job run"), units(database, "query")) == first


def test_cost_that_is_not_that_of_the_bill_stops_the_build(database):
    with database.writing() as connection:
        bill(connection, "10")
        connection.execute("update costpulse.daily_workspace_costs set cost_usd = cost_usd + 1e-18")
    with pytest.raises(InvariantBroken, match="unit_costs"):
        units(database, "active user")
