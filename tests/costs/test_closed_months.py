"""The whole code location: bills, prices and rules of a closed month change, its statement does not."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.costs.statements import StatementRow, bill_as_of, statement
from costpulse_assets.resources.database import Database
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.small_account import MONDAY, SmallAccount

JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)
TODAY = date(2026, 7, 8)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        account.add_price("0.15")
        account.add_usage("10")
        account.add_usage("4", run_as="bob@example.com", ingested=date(2026, 6, 20))
        yield account


@pytest.fixture
def pipeline(database_url: str, account: SmallAccount) -> Iterator[Pipeline]:
    settings = pretend_today(TODAY, first_usage_date=JUNE, close_month_on_day=5)
    with ephemeral_instance() as instance:
        pipeline = Pipeline(Database(database_url), account, settings, instance)
        pipeline.query("insert into costpulse.teams (name) values ('Data'), ('Web') returning id")
        pipeline.query("insert into costpulse.team_members (team_id, email) values (1, 'ada@example.com') returning id")
        yield pipeline


def cycle(pipeline: Pipeline, today: date = TODAY) -> dict[str, Any]:
    """A scheduled run; what it says about the statements."""
    pipeline.settings = pipeline.settings.model_copy(update={"today": today})
    result = pipeline.run(JUNE, today, only_changed=True)
    assert result.success
    (event,) = result.asset_materializations_for_node("statement_lines")
    return {name: value.value for name, value in event.metadata.items() if not name.startswith("dagster")}


def rows(pipeline: Pipeline, month: date) -> list[StatementRow]:
    with pipeline.database.transaction() as connection:
        return statement(connection, month)


def known(pipeline: Pipeline, day: date) -> dict[str | None, Decimal]:
    with pipeline.database.transaction() as connection:
        found: dict[str | None, Decimal] = {}
        for row in bill_as_of(connection, JUNE, day).lines:
            found[row.team_name] = found.get(row.team_name, Decimal(0)) + (row.cost_usd or Decimal(0))
    return found


def corrections(pipeline: Pipeline, day: date) -> set[tuple[str | None, str | None, Decimal | None]]:
    return {(row.cause, row.team_name, row.cost_usd) for row in rows(pipeline, JULY) if row.booked_on == day}


def test_a_closed_month_stays_as_it_was_told_while_bills_prices_and_rules_change(pipeline, account):
    said = cycle(pipeline)
    assert said == {"adjustments booked": 0, "months closed": "2026-06", "waiting": "nothing"}
    told = rows(pipeline, JUNE)
    assert {(row.team_name, row.cost_usd) for row in told} == {("Data", Decimal("1.5")), (None, Decimal("0.6"))}

    account.add_usage("-10", record_type="RETRACTION", ingested=date(2026, 7, 9))
    account.add_usage("6", record_type="RESTATEMENT", ingested=date(2026, 7, 9))
    said = cycle(pipeline, date(2026, 7, 9))
    assert said == {"adjustments booked": 1, "months closed": "none", "waiting": "nothing"}
    assert corrections(pipeline, date(2026, 7, 9)) == {("restatement", "Data", Decimal("-0.6"))}

    pipeline.query(
        "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) "
        "values ('*', -50, '2026-01-01') returning id"
    )
    cycle(pipeline, date(2026, 7, 10))
    assert corrections(pipeline, date(2026, 7, 10)) == {
        ("price", "Data", Decimal("-0.45")),
        ("price", None, Decimal("-0.3")),
    }

    pipeline.query(
        "insert into costpulse.allocation_rules (name, team_id, rule_type, conditions) values "
        """('all of it', 2, 'workspace_match', '{"workspaces": ["1001"]}') returning id"""
    )
    cycle(pipeline, date(2026, 7, 11))
    assert corrections(pipeline, date(2026, 7, 11)) == {
        ("rule", "Data", Decimal("-0.45")),
        ("rule", None, Decimal("-0.3")),
        ("rule", "Web", Decimal("0.75")),
    }
    assert rows(pipeline, JUNE) == told
    assert cycle(pipeline, date(2026, 7, 12))["adjustments booked"] == 0

    # The bill of June as it was known: what was in before the closing, the statement, and after each correction.
    # Before anything was collected by the rules and at the prices of the present.
    assert known(pipeline, date(2026, 5, 31)) == {}
    assert known(pipeline, date(2026, 6, 19)) == {"Web": Decimal("0.75")}
    assert known(pipeline, date(2026, 7, 7)) == {"Web": Decimal("1.05")}
    assert known(pipeline, TODAY) == {"Data": Decimal("1.5"), None: Decimal("0.6")}
    assert known(pipeline, date(2026, 7, 9)) == {"Data": Decimal("0.9"), None: Decimal("0.6")}
    assert known(pipeline, date(2026, 7, 10)) == {"Data": Decimal("0.45"), None: Decimal("0.3")}
    assert {team: cost for team, cost in known(pipeline, date(2026, 8, 1)).items() if cost} == {"Web": Decimal("0.75")}


def test_an_open_month_is_known_as_far_as_it_had_been_ingested(pipeline):
    pipeline.settings = pipeline.settings.model_copy(update={"close_month_on_day": None})
    assert cycle(pipeline) == {"adjustments booked": 0}
    assert known(pipeline, MONDAY) == {"Data": Decimal("1.5")}
    assert known(pipeline, date(2026, 6, 20)) == {"Data": Decimal("1.5"), None: Decimal("0.6")}
    with pipeline.database.transaction() as connection:
        now = statement(connection, JUNE)
        assert statement(connection, JUNE, TODAY) == bill_as_of(connection, JUNE, TODAY).lines == now
        assert statement(connection, JUNE, MONDAY) == bill_as_of(connection, JUNE, MONDAY).lines != now
        assert {row.kind for row in now} == {"open"}
        assert list(bill_as_of(connection, JUNE, MONDAY).reconstructed) == [MONDAY]


def test_an_open_month_stays_known_as_it_was_while_bills_prices_and_rules_change(pipeline, account):
    pipeline.settings = pipeline.settings.model_copy(update={"close_month_on_day": None})
    cycle(pipeline)
    account.add_usage("6", record_type="RESTATEMENT", ingested=date(2026, 7, 9))
    cycle(pipeline, date(2026, 7, 9))
    pipeline.query(
        "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) "
        "values ('*', -50, '2026-01-01') returning id"
    )
    cycle(pipeline, date(2026, 7, 10))
    pipeline.query(
        "insert into costpulse.allocation_rules (name, team_id, rule_type, conditions) values "
        """('all of it', 2, 'workspace_match', '{"workspaces": ["1001"]}') returning id"""
    )
    cycle(pipeline, date(2026, 7, 12))
    assert known(pipeline, TODAY) == {"Data": Decimal("1.5"), None: Decimal("0.6")}
    assert known(pipeline, date(2026, 7, 9)) == {"Data": Decimal("2.4"), None: Decimal("0.6")}
    assert known(pipeline, date(2026, 7, 10)) == {"Data": Decimal("1.2"), None: Decimal("0.3")}
    assert known(pipeline, date(2026, 7, 11)) == known(pipeline, date(2026, 7, 10))
    assert known(pipeline, date(2026, 7, 12)) == {"Web": Decimal("1.5")}


def test_a_month_waits_until_its_days_are_final_and_the_run_says_so(pipeline):
    said = cycle(pipeline, date(2026, 7, 1))
    assert said["months closed"] == "none"
    assert "2026-05 cannot be closed: 31 days are missing" in said["waiting"]
    assert rows(pipeline, JUNE)[0].kind == "open"


def test_a_line_that_was_tampered_with_blocks(pipeline):
    cycle(pipeline)
    with pipeline.database.transaction() as connection:
        connection.execute("alter table costpulse.statement_lines disable trigger guard")
        connection.execute("update costpulse.statement_lines set team_id = null, team_name = null")
    result = pipeline.run(JUNE, TODAY, "statement_lines", only_changed=True)
    assert not result.success
    (check,) = result.get_asset_check_evaluations()
    assert (check.passed, check.metadata["differences"].value) == (False, 2)
