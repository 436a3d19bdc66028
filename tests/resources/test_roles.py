"""Least privilege: what each role may see and change, and that people's changes leave a trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from costpulse_assets.resources.migrations import ROLES
from tests.small_account import MONDAY

Rows = list[dict[str, Any]]


@contextmanager
def acting_as(url: str, role: str | None, **settings: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """One transaction as the role, with transaction-local settings of costpulse."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        if role:
            connection.execute(f"set local role {role}".encode())
        for name, value in settings.items():
            connection.execute("select set_config(%s, %s, true)", [f"costpulse.{name}", value])
        yield connection


@pytest.fixture
def url(database_url: str) -> str:
    with acting_as(database_url, None) as connection:
        connection.execute("insert into costpulse.teams (name) values ('Data'), ('Risk')")
        for team in (1, 2, None):
            connection.execute(
                "insert into costpulse.daily_costs (usage_date, sku_name, product, usage_unit, team_id, "
                "usage_quantity, cost_usd, unpriced_quantity, record_count) "
                "values (%s, 'S', 'JOBS', 'DBU', %s, 1, 1, 0, 1)",
                [MONDAY, team],
            )
            connection.execute(
                "insert into costpulse.daily_workspace_costs (usage_date, workspace_id, product, cost_usd, "
                "record_count) values (%s, %s, 'JOBS', 1, 1)",
                [MONDAY, f"w{team}"],
            )
    return database_url


def test_the_app_cannot_read_cost_records_nor_write_roll_ups(url):
    for statement in (
        "select 1 from costpulse.cost_records",
        "delete from costpulse.daily_costs",
        "select cost_usd from costpulse.completeness",
        "update costpulse.audit_log set actor = 'nobody'",
    ):
        with (
            acting_as(url, "costpulse_app", scope="all") as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("scope", "team_rows", "account_rows"), [({}, 0, 0), ({"scope": "all"}, 3, 3), ({"scope": "2"}, 1, 0)]
)
def test_the_app_sees_the_rows_of_its_scope_and_nothing_without_one(url, scope, team_rows, account_rows):
    with acting_as(url, "costpulse_app", **scope) as connection:
        assert len(connection.execute("select * from costpulse.daily_costs").fetchall()) == team_rows
        assert len(connection.execute("select * from costpulse.daily_workspace_costs").fetchall()) == account_rows


def test_the_auditor_reads_every_table_and_writes_none(url):
    with acting_as(url, "costpulse_auditor") as connection:
        tables = connection.execute(
            "select relname from pg_class join pg_namespace n on n.oid = relnamespace "
            "where nspname = 'costpulse' and relkind in ('r', 'v', 'p') "
            "and relname not in ('signing_keys', 'api_token_hashes')"
        ).fetchall()
        assert len(tables) > 25
        for table in tables:
            connection.execute(f"select * from costpulse.{table['relname']} limit 1".encode())
        assert len(connection.execute("select * from costpulse.daily_costs").fetchall()) == 3
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("insert into costpulse.teams (name) values ('x')")


def test_the_auditor_does_not_read_the_keys_that_links_are_signed_with(url):
    with acting_as(url, "costpulse_auditor") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from costpulse.signing_keys")


def test_bi_readers_see_the_views_and_no_records(url):
    with acting_as(url, "costpulse_reader") as connection:
        assert len(connection.execute("select * from costpulse.v_costs").fetchall()) == 3
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from costpulse.cost_records")


def test_a_change_by_the_app_without_a_name_is_refused(url):
    with (
        acting_as(url, "costpulse_app", scope="all") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"costpulse.actor is not set"),
    ):
        connection.execute("insert into costpulse.teams (name) values ('Nameless')")


def test_every_change_of_what_people_edit_is_in_the_audit_log(url):
    with acting_as(url, "costpulse_app", scope="all", actor="ada@example.com") as connection:
        connection.execute("update costpulse.teams set department = 'IT' where name = 'Data'")
        connection.execute(
            "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) "
            "values ('*', -5, '2026-01-01')"
        )
    with acting_as(url, "costpulse_auditor") as connection:
        rows: Rows = connection.execute(
            "select actor, table_name, action, before ->> 'department' as b, after ->> 'department' as a "
            "from costpulse.audit_log where actor <> 'pipeline' order by id"
        ).fetchall()
    assert rows == [
        {"actor": "ada@example.com", "table_name": "teams", "action": "update", "b": None, "a": "IT"},
        {"actor": "ada@example.com", "table_name": "price_adjustments", "action": "insert", "b": None, "a": None},
    ]


def test_all_three_roles_exist_after_the_migration(url):
    with acting_as(url, None) as connection:
        found = connection.execute("select rolname from pg_roles where rolname = any(%s)", [list(ROLES)]).fetchall()
    assert {row["rolname"] for row in found} == set(ROLES)


@pytest.mark.parametrize("table", ["cost_records", "price_adjustments", "daily_costs", "completeness", "list_prices"])
def test_every_column_of_the_pipeline_is_described(database_url, table):
    with acting_as(database_url, None) as connection:
        missing = connection.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped "
            "and col_description(attrelid, attnum) is null",
            [f"costpulse.{table}"],
        ).fetchall()
    assert missing == []


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("*", "ANYTHING", True),
        ("", "", False),
        ("premium_*", "PREMIUM_JOBS", True),
        ("premium_*", "PREMIUMXJOBS", False),
        ("*%*", "PREMIUM_JOBS", False),
        ("*(photon)*", "PREMIUM_JOBS_COMPUTE_(PHOTON)", True),
        ("a\\*", "a\\b", True),
        ("jobs", "PREMIUM_JOBS", False),
    ],
)
def test_patterns_are_globs_where_only_the_star_is_special(database_url, pattern, value, expected):
    with acting_as(database_url, None) as connection:
        row = connection.execute("select costpulse.matches_glob(%s, %s) as hit", [value, pattern]).fetchone()
    assert row == {"hit": expected}


@pytest.mark.parametrize(
    "values",
    [
        "('', -5, null, '2026-01-01', null)",
        "('*', null, null, '2026-01-01', null)",
        "('*', -5, 1, '2026-01-01', null)",
        "('*', -101, null, '2026-01-01', null)",
        "('*', 'NaN', null, '2026-01-01', null)",
        "('*', null, -1, '2026-01-01', null)",
        "('*', -5, null, '2026-01-01', '2026-01-01')",
    ],
)
def test_a_nonsense_price_adjustment_is_refused_by_the_table_itself(database_url, values):
    with acting_as(database_url, None) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "insert into costpulse.price_adjustments (sku_pattern, percentage, fixed_rate, valid_from, valid_to)"
            f" values {values}".encode()
        )
