"""`sql` and `query`: what they print, and what they refuse."""

import csv
import io
import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.processes import Costpulse, refused

EXACT = "12345678901234567890.123456789012345678"


def objects(text: str) -> list[dict[str, Any]]:
    """The one JSON array that is all of the output, numbers exactly as written."""
    found = json.loads(text, parse_float=Decimal)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("command", ["sql", "query", "explain", "token", "migrate"])
def test_a_question_does_not_wait_for_dagster(command: str) -> None:
    program = (
        "import sys; from costpulse_assets.cli import cli\n"
        f"cli.main([{command!r}, '--help'], standalone_mode=False); sys.exit('dagster' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0


def test_json_is_one_array_with_every_digit_and_nothing_else_on_stdout(demo: Costpulse) -> None:
    result = demo(
        "sql",
        f"select {EXACT} as n, 'ä' || chr(10) as t, null::int as z, date '2026-11-01' as d, true as b, "
        "'{\"a\": [1]}'::jsonb as j, 'infinity'::float8 as f",
        "--format",
        "json",
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    (row,) = objects(result.stdout)
    wanted = {"n": Decimal(EXACT), "t": "ä\n", "z": None, "d": "2026-11-01", "b": True, "j": {"a": [1]}}
    assert row == {**wanted, "f": "inf"}


def test_no_rows_are_an_empty_array(on_demo: Run) -> None:
    assert objects(on_demo("sql", "select 1 as n where false", "--format", "json").stdout) == []


def test_csv_has_a_header_and_quotes_what_needs_it(on_demo: Run) -> None:
    result = on_demo("sql", f"""select {EXACT} as n, 'a,"b"' as t, null as z""", "--format", "csv")
    assert list(csv.reader(io.StringIO(result.stdout))) == [["n", "t", "z"], [EXACT, 'a,"b"', ""]]


def test_a_table_shows_markup_as_it_is(on_demo: Run) -> None:
    result = on_demo("sql", "select '[bold]x[/bold]' as name")
    assert "[bold]x[/bold]" in result.stdout


def test_statements_run_as_the_auditor(on_demo: Run) -> None:
    (row,) = objects(on_demo("sql", "select current_user as name", "--format", "json").stdout)
    assert row == {"name": "costpulse_auditor"}


def test_every_table_of_the_schema_can_be_read(on_demo: Run) -> None:
    named = "select table_name from information_schema.tables where table_schema = 'costpulse'"
    tables = {row["table_name"] for row in objects(on_demo("sql", named, "--format", "json").stdout)}
    assert {"cost_records", "daily_costs", "completeness"} <= tables
    for table in sorted(tables):
        assert on_demo("sql", f"select count(*) from {table}").returncode == 0, table


@pytest.mark.parametrize(
    "statement",
    [
        "delete from cost_records",
        "with gone as (delete from daily_costs returning 1) select count(*) from gone",
        "create table costpulse.mine (n int)",
        "update price_adjustments set percentage = 0",
        "select 1; select 2",
        "select 1; drop schema costpulse cascade",
        "copy cost_records to '/tmp/costpulse-stolen.csv'",
        "copy (select 1) to program 'true'",
        "copy cost_records to stdout",
        "select pg_read_file('/etc/passwd')",
        "set role postgres",
        "select * from no_such_table",
        "selec 1",
        "select 1/0",
        "",
    ],
)
def test_a_statement_that_is_not_one_read_is_refused(on_demo: Run, statement: str) -> None:
    refused(on_demo("sql", statement), "The statement was refused", "one read-only statement")
    assert objects(on_demo("sql", "select count(*) > 0 as b from cost_records", "--format", "json").stdout) == [
        {"b": True}
    ]


def test_a_statement_that_takes_too_long_is_cancelled(on_demo: Run) -> None:
    refused(on_demo("sql", "select pg_sleep(60)", "--timeout", "1"), "longer than 1 s", "--timeout")


@pytest.mark.parametrize("what", ["today", "month", "top"])
def test_a_query_says_the_same_in_every_format(on_demo: Run, what: str) -> None:
    rows = objects(on_demo("query", what, "--format", "json").stdout)
    table = on_demo("query", what).stdout
    read = list(csv.DictReader(io.StringIO(on_demo("query", what, "--format", "csv").stdout)))
    assert rows
    assert [list(row) for row in read] == [list(row) for row in rows]
    for row, text in zip(rows, read, strict=True):
        assert text["cost_usd"] == ("" if row["cost_usd"] is None else format(Decimal(row["cost_usd"]), "f"))
        # People get cents.
        assert not text["cost_usd"] or f"{Decimal(text['cost_usd']):.2f}" in table


def test_the_groups_of_a_month_are_its_total(on_demo: Run) -> None:
    month = objects(on_demo("query", "month", "--format", "json").stdout)[0]
    for by in ("sku", "workspace", "user"):
        groups = objects(on_demo("query", "top", "--by", by, "--limit", "1000", "--format", "json").stdout)
        assert sum(Decimal(group["cost_usd"] or 0) for group in groups) == month["cost_usd"]
    rows = on_demo(
        "sql",
        f"select sum(cost_usd) as cost from daily_costs where usage_date between '{month['from_date']}' "
        f"and '{month['to_date']}'",
        "--format",
        "json",
    )
    assert objects(rows.stdout)[0]["cost"] == month["cost_usd"]


def test_today_shows_the_last_final_day_and_the_provisional_ones(on_demo: Run) -> None:
    rows = objects(on_demo("query", "today", "--format", "json").stdout)
    assert [row["is_final"] for row in rows] == [False, False, True]
    days = [date.fromisoformat(row["usage_date"]) for row in rows]
    assert days == sorted(days, reverse=True)


def test_before_anything_is_collected_the_next_step_is_named(here: Run) -> None:
    refused(here("query", "today"), "costpulse migrate")
    assert here("migrate").returncode == 0
    refused(here("query", "today"), "costpulse materialize")
