"""`costpulse explain`, over the worked example of docs/allocation.md."""

import csv
import io
import json
from decimal import Decimal

import pytest

from costpulse_assets.resources.database import Database
from tests.allocation.test_worked_example import account, allocated  # noqa: F401 - fixtures
from tests.cli.conftest import Run
from tests.cli.processes import refused
from tests.small_account import MONDAY


@pytest.fixture
def explained(here: Run, allocated: Database) -> Run:  # noqa: F811
    """`costpulse explain --date` the day of the example, and what else is given."""

    def run(*arguments: str, **variables: str):
        day = () if "--date" in arguments else ("--date", str(MONDAY))
        return here("explain", *day, *arguments, **{"COSTPULSE_DATABASE_URL": allocated.url, **variables})

    return run


def test_a_person_reads_sentences(explained: Run) -> None:
    lines = explained("--warehouse", "w-100").stdout.splitlines()
    assert lines[:12] == [
        "warehouse w-100 on 2026-06-01 cost $7.00:",
        "  $4.90 Growth",
        "  $2.10 Risk",
        "",
        "1. PREMIUM_SQL_COMPUTE, warehouse w-100 in workspace 1001, run as nina@northwind.example: $7.00",
        "   Split “Shared warehouse” (priority 100, version 1) shares all cost where warehouse is w-100 by fixed "
        "percentages.",
        "     Here warehouse is “w-100”.",
        "   - Growth: $4.90, 70%",
        "   - Risk: $2.10, 30%",
        "   10 DBU at $0.70 per DBU is $7.00: list price $0.70 per DBU, no price adjustment applies.",
        "   Asked before, in this order:",
        "   - Rule “Churn model” (priority 10, version 1) for Growth: there is no job.",
    ]
    assert lines[13] == "   The usage in Databricks:"
    assert lines[-1] == "       order by u.usage_start_time, u.record_id;"


def test_a_program_reads_one_object_for_each_part_and_team_with_exact_numbers(explained: Run) -> None:
    rows = json.loads(explained("--sku", "*_STORAGE", "--format", "json").stdout, parse_float=Decimal)
    assert [(row["team"], row["cost_usd"], row["usage_quantity"]) for row in rows] == [
        ("Growth", Decimal("0.333333333333333334"), Decimal("3.333333333333333334")),
        ("Platform", Decimal("0.333333333333333333"), Decimal("3.333333333333333333")),
        ("Risk", Decimal("0.333333333333333333"), Decimal("3.333333333333333333")),
    ]
    first = rows[0]
    assert first["usage_date"] == "2026-06-01"
    assert (first["rule"], first["rule_version"], first["share_reason"]) == ("Storage", 1, "one of 3 teams")
    assert first["part_cost_usd"] == 1
    assert len(first["tried"]) == 3
    assert first["statement"].startswith("select")
    table = csv.DictReader(io.StringIO(explained("--sku", "*_STORAGE", "--format", "csv").stdout))
    assert [row["cost_usd"] for row in table] == [str(row["cost_usd"]) for row in rows]


def test_what_is_left_out_is_summed_up(explained: Run) -> None:
    assert explained("--sku", "*", "--limit", "8").stdout.splitlines()[-1] == (
        "Smaller parts left out: 1, $0.00 in all; see --limit."
    )


def test_users_are_found_as_they_are_stored(explained: Run, allocated: Database) -> None:  # noqa: F811
    hashing = {"COSTPULSE_HASH_IDENTITIES": "true", "COSTPULSE_IDENTITY_KEY": "k" * 32}
    refused(explained("--user", "nina@northwind.example", **hashing), "There is no usage of user ")
    assert explained("--user", "*@northwind.example", **hashing).returncode == 0


def test_what_cannot_be_answered_is_one_sentence_and_the_next_step(explained: Run) -> None:
    refused(explained(), "Nothing was asked about", "Name a cluster")
    refused(
        explained("--date", "2026-06-02", "--sku", "*"),
        "was not allocated yet",
        "costpulse materialize --from 2026-06-02",
    )
    refused(explained("--job", "nightly"), "There is no usage of job nightly on 2026-06-01", "those of that day")


def test_names_that_a_terminal_would_obey_are_blanked(explained: Run, allocated: Database) -> None:  # noqa: F811
    with allocated.transaction() as connection:
        connection.execute("update costpulse.teams set name = E'Gro\\x07wth\\n' where name = 'Growth'")
    told = explained("--job", "churn_train").stdout
    assert "\x07" not in told
    assert told.splitlines()[1] == "  $10.00 Gro wth"
