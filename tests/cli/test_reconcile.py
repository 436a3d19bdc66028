"""`reconcile`: what it prints, and its exit code."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from costpulse_assets.resources.database import Database
from tests.cli.conftest import Run
from tests.small_account import JOBS_SKU, MONDAY, collect_days, small_account

HEADING = "Month;Article;Workspace;Net\n"


@pytest.fixture
def told(here: Run, database_url: str, tmp_path: Path):
    """Runs the command on 10 DBUs of one workspace in June, at 0.15, of which 2 came in on 1 July."""
    with small_account() as account:
        account.add_usage("8")
        account.add_usage("2", ingested=MONDAY.replace(month=7))
        collect_days(Database(database_url), account)
    (tmp_path / "mapping.yaml").write_text("columns: {month: Month, sku: Article, workspace: Workspace, amount: Net}\n")

    def run(text: str, *arguments: str, mapping: str | None = "mapping.yaml"):
        (tmp_path / "invoice.csv").write_text(text)
        options = ("--mapping", mapping) if mapping else ()
        return here("reconcile", "invoice.csv", *options, *arguments, COSTPULSE_DATABASE_URL=database_url)

    return run


def test_an_equal_invoice_is_said_to_be_equal_with_exit_code_0(told):
    result = told(f"{HEADING}2026-06;{JOBS_SKU};1001;1,50\n")
    assert result.returncode == 0, result.stderr
    assert JOBS_SKU not in result.stdout
    assert "2026-06: compared with 2026-06-01 to 2026-06-30" in result.stderr
    assert "29 of these days are not collected" in result.stderr
    assert result.stderr.rstrip().endswith("File 1.50 - CostPulse 1.50 = 0.00")


def test_explained_differences_name_their_cause_with_exit_code_0(told):
    result = told(f"{HEADING}2026-06;{JOBS_SKU};1001;1,20\n", "--as-of", "2026-06-30")
    assert result.returncode == 0, result.stderr
    assert "late rows -0.30" in result.stdout
    assert "File 1.20 - CostPulse 1.50 = -0.30: late rows -0.30" in result.stderr


def test_what_is_not_explained_is_said_with_exit_code_1(told):
    result = told(f"{HEADING}2026-06;{JOBS_SKU};1001;9,99\n")
    assert result.returncode == 1
    assert "not explained 8.49" in result.stdout
    assert result.stderr.rstrip().endswith("Not explained: 1 row of month, SKU and workspace, 8.49 in all.")


def test_programs_get_every_row_and_digit(told):
    text = f"{HEADING}2026-06;{JOBS_SKU};1001;1,49\n"
    as_json = told(text, "--format", "json")
    (row,) = json.loads(as_json.stdout, parse_float=Decimal)
    assert (row["month"], row["sku_name"], row["workspace_id"]) == ("2026-06-01", JOBS_SKU, "1001")
    assert (row["file_value"], row["our_value"]) == (Decimal("1.49"), Decimal("1.5"))
    assert row["not_explained"] == row["difference"] == Decimal("-0.01")
    (line,) = csv.DictReader(io.StringIO(told(text, "--format", "csv").stdout))
    assert {name: line[name] for name in ("difference", "discount")} == {
        "difference": "-0.010000000000000000",
        "discount": "0",
    }


def test_a_month_and_a_rate_can_be_given(told):
    text = f"{HEADING.strip()};Cur\n2026-06;{JOBS_SKU};1001;1,00;EUR\n2025-01;{JOBS_SKU};1001;7,00;EUR\n"
    Path("with_currency.yaml").write_text(
        "columns: {month: Month, sku: Article, workspace: Workspace, amount: Net, currency: Cur}\n"
    )
    result = told(text, "--month", "2026-06", "--rate", "eur=1.5", mapping="with_currency.yaml")
    assert (result.returncode, "= 0.00" in result.stderr) == (0, True), result.stderr
    result = told(text, "--month", "2026-06", mapping="with_currency.yaml")
    assert "EUR is not converted; give --rate EUR=... to compare it." in result.stderr
    assert result.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--rate", "EUR"], "'EUR' is not a rate"),
        (["--rate", "EUR=-1"], "'EUR=-1' is not a rate"),
        (["--month", "June"], "'June' is not a month"),
        (["--month", "2026-05"], "invoice.csv has no row of 2026-05"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(told, arguments, problem):
    result = told(f"{HEADING}2026-06;{JOBS_SKU};1001;1,50\n", *arguments)
    assert result.returncode != 0
    assert problem in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["nowhere.csv", "."])
def test_a_file_that_cannot_be_read_is_named_before_anything_starts(here, name):
    result = here("reconcile", name)
    assert result.returncode == 1
    assert result.stderr.startswith(f"costpulse: {name} ")
    assert "Next step: Name " in result.stderr
