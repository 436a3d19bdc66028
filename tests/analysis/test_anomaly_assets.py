"""The assets as Dagster runs them: what they say of themselves, and their checks."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from costpulse_assets.analysis.anomaly_assets import anomaly_assets
from costpulse_assets.resources.database import Database
from tests.analysis.anomaly_books import Account, day
from tests.app.books import Books
from tests.pipeline import pretend_today

UPSTREAM = [dg.AssetSpec(name) for name in ("daily_costs", "daily_key_costs", "completeness")]


def run(account: Account, **settings: Any) -> dg.ExecuteInProcessResult:
    configured = pretend_today(day(account.days + 1), data_dir=Path("no-such-folder"), **settings)
    return dg.materialize(
        [*UPSTREAM, *anomaly_assets(configured)],
        resources={"database": dg.ResourceDefinition.hardcoded_resource(account.database)},
        raise_on_error=False,
    )


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    (event,) = [event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(asset)]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


@pytest.fixture
def account(database_url: str) -> Account:
    account = Account(Database(database_url), factors={("etl", 105): 4.0}, days=110)
    account.write()
    return account


def test_the_run_says_what_was_judged_and_what_is_open(account: Account) -> None:
    result = run(account)
    assert result.success
    said = metadata(result, "anomalies")
    assert (said["series"], said["series judged"], said["final days"]) == (12, 12, 110)
    assert said["days judged by this run"] == 110
    assert said["events shown"] == sum(said[f"open, {word}"] for word in ("critical", "high", "medium")) == 1
    assert said["open, USD above expected"] == pytest.approx(float(account.one()["impact_usd"]))
    assert said["open, USD below expected"] == 0
    assert [check.passed for check in checks(result).values()] == [True, True, True]


def test_a_young_account_is_told_what_is_waited_for_and_warned_of_nothing(database_url: str) -> None:
    account = Account(Database(database_url), days=10)
    account.write()
    result = run(account)
    assert result.success
    found = checks(result)["something_was_judged"]
    assert found.passed
    assert "a series needs 21 final days" in (found.description or "")
    assert "waits for" in metadata(result, "detector_scorecard")["outcome"]


def test_a_history_of_which_nothing_can_be_judged_is_a_warning(database_url: str) -> None:
    account = Account(Database(database_url), days=40)
    books = Books()
    for number in range(account.days):
        books.add(day(number), None)
    books.write(database_url)
    result = run(account)
    assert result.success
    found = checks(result)["something_was_judged"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_events_that_overlap_or_causes_that_do_not_add_up_fail_the_checks(account: Account) -> None:
    assert run(account).success
    event = account.one()
    with account.database.transaction() as connection:
        connection.execute("update costpulse.anomaly_causes set actual_usd = actual_usd + 1, difference_usd = "
                           "difference_usd + 1, volume_effect_usd = volume_effect_usd + 1 where is_main")  # fmt: skip
    different = account.database.rows("checks/anomaly_causes_add_up")
    assert event["id"] in {row["id"] for row in different}
    with account.database.transaction() as connection:
        connection.execute(
            "insert into costpulse.anomalies (scope_type, scope_id, kind, direction, start_date, last_date, "
            "recognised_on, is_provisional, severity, score, method, sensitivity, days_digest) select scope_type, "
            "scope_id, kind, direction, start_date - 1, last_date, recognised_on, is_provisional, severity, score, "
            "method, sensitivity, '' from costpulse.anomalies where parent_id is null"
        )
    (overlap,) = account.database.rows("checks/anomalies_overlap")
    assert overlap["id"] == event["id"]


def test_the_scorecard_has_both_methods_and_is_computed_once_a_week(account: Account) -> None:
    first = metadata(run(account), "detector_scorecard")
    assert (first["outcome"], first["series"]) == ("computed", 7)
    rows = account.query("select * from costpulse.detector_scorecard")
    assert {row["method"] for row in rows} == {"robust", "classic"}
    assert {row["event_class"] for row in rows} >= {"spike", "level shift", "drift", "drop"}
    assert all(0 <= row["found"] <= row["injected"] for row in rows)
    assert metadata(run(account), "detector_scorecard")["outcome"].startswith("kept: it is of ")
    assert account.query("select * from costpulse.detector_scorecard") == rows
    # Other settings, or a week later: another one.
    assert metadata(run(account, scorecard_seed=8), "detector_scorecard")["outcome"] == "computed"
    account.days = 120
    account.write()
    assert metadata(run(account, scorecard_seed=8), "detector_scorecard")["outcome"] == "computed"
