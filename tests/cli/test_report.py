"""`report`: the file it writes, the line it prints, and what it refuses before anything is made."""

import csv
import hashlib
import json
import subprocess
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet
import pytest
from psycopg.rows import dict_row

from costpulse_assets.periods import whole_month
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.cli.conftest import Run
from tests.cli.processes import Costpulse, last_days, refused


def query(demo: Costpulse, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with (
        EmbeddedPostgres(demo.data_dir) as server,
        psycopg.connect(server.url("costpulse"), row_factory=dict_row) as connection,
    ):
        return connection.execute(statement.encode(), parameters).fetchall()


def newest(demo: Costpulse) -> dict[str, Any]:
    return query(demo, "select * from costpulse.reports order by id desc limit 1")[0]


def count(demo: Costpulse) -> int:
    return int(query(demo, "select count(*) as reports from costpulse.reports")[0]["reports"])


def sha256sum(path: Path) -> str:
    return subprocess.run(["sha256sum", str(path)], capture_output=True, text=True, check=True).stdout.split()[0]


@pytest.fixture
def days(demo: Costpulse) -> tuple[str, str]:
    first, *_, last = sorted(last_days(demo, 8))
    return first, last


@pytest.fixture
def months(days: tuple[str, str]) -> tuple[str, str]:
    """The whole months around the days."""
    first, last = (whole_month(date.fromisoformat(day)) for day in days)
    return first.first.isoformat(), last.last.isoformat()


def test_a_report_is_written_where_it_is_wanted_and_listed_with_its_checksum(
    on_demo: Run, demo: Costpulse, days: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "costs.csv"
    result = on_demo(
        *("report", "showback", "--format", "csv", "--from", days[0], "--to", days[1]),
        *("--output", str(file), "--actor", "ada@example.com"),
    )
    assert result.returncode == 0, result.stderr
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    (expected,) = query(
        demo,
        "select sum(cost_usd) as cost_usd, count(*) as lines from costpulse.daily_costs where usage_date between %s "
        "and %s",
        *days,
    )
    assert sum(Decimal(row["cost_usd"] or 0) for row in rows) == expected["cost_usd"]
    row = newest(demo)
    assert (row["status"], row["requested_by"], row["row_count"]) == ("ready", "ada@example.com", expected["lines"])
    # The last days of the demo account are not final.
    assert result.stdout == (
        f"{file}: {len(rows):,} rows, {file.stat().st_size:,} bytes, sha256 {sha256sum(file)}, days are not final\n"
    )
    assert row["checksum"] == sha256sum(file)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_report_replaces_the_file_that_was_there(on_demo: Run, days: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "costs.pdf"
    file.write_text("of last week")
    result = on_demo(
        *("report", "showback", "--format", "pdf", "--from", days[0], "--to", days[0], "--output", str(file))
    )
    assert result.returncode == 0, result.stderr
    assert file.read_bytes().startswith(b"%PDF")
    assert f"sha256 {sha256sum(file)}" in result.stdout


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_month_of_focus_is_one_file_and_its_metadata(
    on_demo: Run, demo: Costpulse, months: tuple[str, str], days: tuple[str, str], tmp_path: Path, ending: str
) -> None:
    month = whole_month(date.fromisoformat(days[1]))
    file = tmp_path / f"bill.{ending}"
    result = on_demo(
        *("report", "chargeback", "--format", "focus", "--output", str(file)),
        *("--from", month.first.isoformat(), "--to", month.last.isoformat(), "--focus-version", "1.2"),
    )
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name, f"{file.name}.metadata.json"]
    assert f"sha256 {sha256sum(file)}" in result.stdout
    json.loads((tmp_path / f"{file.name}.metadata.json").read_text())
    if ending == "parquet":
        costs = pyarrow.parquet.read_table(file, columns=["EffectiveCost"])["EffectiveCost"].to_pylist()
    else:
        with file.open(newline="") as opened:
            costs = [Decimal(row["EffectiveCost"]) for row in csv.DictReader(opened)]
    assert f"{len(costs):,} rows" in result.stdout
    # What has no list price cannot be in FOCUS.
    (expected,) = query(
        demo,
        "select sum(cost_usd) as cost_usd from costpulse.cost_records where usage_date between %s and %s "
        "and list_cost_usd is not null",
        *(month.first, month.last),
    )
    assert sum(costs) == expected["cost_usd"]


def test_months_of_focus_are_a_folder_of_its_own(
    on_demo: Run, demo: Costpulse, months: tuple[str, str], tmp_path: Path
) -> None:
    first = date.fromisoformat(months[0])
    if whole_month(first).last.isoformat() == months[1]:
        first = whole_month(first - timedelta(days=1)).first
    folder = tmp_path / "bills"
    arguments = (
        *("report", "showback", "--format", "focus", "--output", str(folder)),
        *("--from", first.isoformat(), "--to", months[1]),
    )
    result = on_demo(*arguments)
    assert result.returncode == 0, result.stderr
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len([path for path in files if path.suffix == ".parquet"]) == 2
    listed = "".join(f"{sha256sum(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    assert newest(demo)["checksum"] == hashlib.sha256(listed.encode()).hexdigest()
    assert newest(demo)["checksum"] in result.stdout
    refused(on_demo(*arguments), "is there already", "Name a folder that does not exist")


def test_focus_that_breaks_a_rule_is_not_published_and_fails_the_check(
    on_demo: Run, demo: Costpulse, days: tuple[str, str], tmp_path: Path
) -> None:
    month = whole_month(date.fromisoformat(days[1]))
    (account,) = query(demo, "select max(account_id) as id from costpulse.cost_records")
    result = on_demo(
        *("report", "showback", "--format", "focus", "--output", "bill.parquet"),
        *("--from", month.first.isoformat(), "--to", month.last.isoformat()),
        COSTPULSE_FOCUS_BILLING_ACCOUNT_NAME=account["id"],
    )
    refused(result, "The FOCUS file breaks 1 rule: BillingAccountName: is a name, not the id")
    assert newest(demo)["status"] == "failed"
    assert "BillingAccountName" in newest(demo)["problem"]
    assert list(tmp_path.iterdir()) == []
    with EmbeddedPostgres(demo.data_dir) as server, psycopg.connect(server.url("dagster")) as dagster:
        outcomes = dagster.execute(
            "select execution_status from asset_check_executions where run_id = %s and check_name = %s",
            [newest(demo)["run_id"], "focus_files_follow_the_specification"],
        ).fetchall()
    assert outcomes == [("FAILED",)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--team", "Data Platfrom"), ("There is no team Data Platfrom.", "Did you mean Data Platform")),
        (("--from", "2026-03-02", "--to", "2026-03-01"), ("ends on 2026-03-01, before it begins on 2026-03-02",)),
        (("--output", "no/such/folder/costs.csv"), ("There is no folder", "Make it")),
        (("--output", "."), ("is a folder",)),
        (("--output", "-"), ("not to the terminal",)),
        (("--format", "focus"), ("FOCUS goes by billing months",)),
        (("--format", "focus", "--team", "Data Platform"), ("leave the team out", "FOCUS goes by billing months")),
        (
            ("--format", "focus", "--from", "2026-03-01", "--to", "2026-03-31", "--output", "bill.xlsx"),
            ("FOCUS is written as Parquet or CSV",),
        ),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_written(
    on_demo: Run, demo: Costpulse, days: tuple[str, str], tmp_path: Path, arguments: tuple[str, ...], words: Any
) -> None:
    before = count(demo)
    given = ("--format", "csv", "--from", days[0], "--to", days[1], "--output", "costs.csv")
    refused(on_demo("report", "showback", *given, *arguments), *words)
    assert count(demo) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("invoice", "--format", "csv"), ("showback", "--format", "docx")])
def test_a_type_or_format_that_does_not_exist_is_answered_with_those_that_do(here: Run, arguments: Any) -> None:
    result = here("report", *arguments, "--from", "2026-03-01", "--to", "2026-03-31", "--output", "x.csv")
    assert result.returncode == 2
    assert f"'{arguments[0] if arguments[0] == 'invoice' else 'docx'}' is not one of" in result.stderr


def test_days_without_cost_fail_the_report_and_leave_no_file(on_demo: Run, demo: Costpulse, tmp_path: Path) -> None:
    given = ("--format", "xlsx", "--from", "2024-01-01", "--to", "2024-01-31", "--output", "costs.xlsx")
    refused(on_demo("report", "showback", *given), "There is no cost from")
    row = newest(demo)
    assert row["status"] == "failed"
    assert row["problem"].startswith("There is no cost from")
    assert list(tmp_path.iterdir()) == []
