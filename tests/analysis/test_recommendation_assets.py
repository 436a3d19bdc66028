"""The assets as Dagster runs them, and the settings that are refused before they do."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from costpulse_assets.analysis.recommendation_assets import recommendation_assets
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.errors import BadSettings
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import load_settings
from tests.analysis.recommendation_books import LAST, TODAY, Advice, Found
from tests.pipeline import pretend_today


def materialize(database: Database, *, select: str = "*", **settings: Any) -> dg.ExecuteInProcessResult:
    assets = recommendation_assets(pretend_today(TODAY, **settings))
    upstream = {key for asset in assets for key in asset.dependency_keys} - {key for a in assets for key in a.keys}
    return dg.materialize(
        [*map(dg.AssetSpec, sorted(key.to_user_string() for key in upstream)), *assets],
        selection=select,
        resources={"database": dg.ResourceDefinition.hardcoded_resource(database)},
        raise_on_error=False,
    )


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    (event,) = [event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(asset)]
    return {name: value.value for name, value in event.materialization.metadata.items()}


@pytest.fixture
def advice(database_url: str) -> Advice:
    """A bill of forty final days."""
    advice = Advice(Database(database_url))
    days = [LAST - timedelta(days=back) for back in range(40)]
    advice.bill("100", days)
    with advice.database.transaction() as connection:
        connection.execute(
            "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
            "select d, 100, 1, false, 'none' from unnest(%s::date[]) as d",
            [days],
        )
    return advice


def test_a_run_says_what_was_found_what_is_new_and_what_expired(advice: Advice) -> None:
    advice.run(Found("60", "100"), later=-1)
    result = materialize(advice.database)
    assert result.success
    said = metadata(result, "recommendations")
    assert said["window"] == f"{LAST - timedelta(days=29)} to {LAST}"
    assert {name for name in said if name.startswith("found, ")} == {f"found, {name}" for name in RECOMMENDATION_TYPES}
    assert (said["new"], said["expired by this run"], said["expired"], said["open"]) == (0, 1, 1, 0)
    assert metadata(result, "vm_prices")["prices of the user"] == 0
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == {
        "savings_within_cost": True,
        "one_per_resource": True,
        "evidence_is_declared": True,
        "costs_add_up": True,
    }


def test_a_run_without_a_final_day_says_so(database_url: str) -> None:
    result = materialize(Database(database_url))
    assert result.success
    assert metadata(result, "recommendations")["window"] == "None"


def test_savings_above_the_cost_of_a_resource_fail_the_blocking_check(advice: Advice) -> None:
    advice.run(Found("60", "100"))
    # Before the days are final nothing is computed anew: what is stored is all there is to check.
    advice.query("delete from costpulse.completeness returning usage_date")
    advice.query("update costpulse.recommendations set estimated_savings = 101 returning id")
    result = materialize(advice.database, select="recommendations")
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert not checks["savings_within_cost"].passed
    assert checks["one_per_resource"].passed


def test_evidence_that_is_not_as_declared_is_a_warning(advice: Advice) -> None:
    advice.run(Found("60", "100", more={"evidence": '{"surprise": 1}'}))
    advice.query("delete from costpulse.completeness returning usage_date")
    result = materialize(advice.database, select="recommendations")
    (check,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "evidence_is_declared"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "surprise" in check.metadata["different"].value


def test_a_file_of_prices_that_is_wrong_fails_its_asset_by_name(advice: Advice, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("cloud,node_type,usd_per_hour\nAWS,a,x\n")
    result = materialize(advice.database, select="vm_prices", vm_prices=file)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "prices.csv, line 2" in str(failure.step_failure_data.user_failure_data)


NAME, KIND = next((name, kind) for name, kind in RECOMMENDATION_TYPES.items() if kind.thresholds)
THRESHOLD = KIND.thresholds[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"recommendation_thresholds": "{"}, "THRESHOLDS: is not JSON"),
        ({"recommendation_thresholds": "[1]"}, "must be a JSON object"),
        ({"recommendation_thresholds": '{"no_such": {"a": 1}}'}, "there is no type no_such; choose from"),
        ({"recommendation_thresholds": {NAME: {"no_such": 1}}}, f"{NAME} has no threshold no_such; choose from"),
        ({"recommendation_thresholds": {NAME: {THRESHOLD.name: "many"}}}, "valid decimal"),
        (
            {"recommendation_thresholds": {NAME: {THRESHOLD.name: THRESHOLD.maximum + 1}}},
            f"{THRESHOLD.name} of {NAME} must be from {THRESHOLD.minimum} to {THRESHOLD.maximum} {THRESHOLD.unit}, "
            f"not {THRESHOLD.maximum + 1}",
        ),
        ({"recommendation_thresholds": {NAME: {THRESHOLD.name: THRESHOLD.minimum - 1}}}, "must be from"),
        ({"recommendation_thresholds": {NAME: {THRESHOLD.name: "NaN"}}}, "finite"),
        ({"recommendation_minimum_saving": -1}, "greater than or equal to 0"),
        ({"severity_thresholds": '{"huge": {"usd": 1, "percent": 1}}'}, "there is no severity huge"),
        ({"severity_thresholds": '{"high": {"usd": 1}}'}, "Field required"),
        ({"severity_thresholds": '{"high": {"usd": 700, "percent": 101}}'}, "less than or equal to 100"),
        ({"severity_thresholds": '{"high": {"usd": 2001, "percent": 10}}'}, "critical cannot be reached before high"),
        ({"severity_thresholds": '{"medium": {"usd": 1, "percent": 11}}'}, "high cannot be reached before medium"),
    ],
)
def test_settings_out_of_range_are_refused_at_start(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadSettings) as refused:
        load_settings(_env_file=None, **given)
    assert said in refused.value.message


def test_thresholds_are_exact_and_others_keep_their_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = THRESHOLD.minimum + Decimal("0.1")
    monkeypatch.setenv("COSTPULSE_RECOMMENDATION_THRESHOLDS", f'{{"{NAME}": {{"{THRESHOLD.name}": {exact}}}}}')
    monkeypatch.setenv("COSTPULSE_SEVERITY_THRESHOLDS", '{"critical": {"usd": 9000.1, "percent": 25}}')
    read = load_settings(_env_file=None)
    assert read.recommendation_thresholds == {NAME: {THRESHOLD.name: exact}}
    assert read.severity_thresholds["critical"].usd == Decimal("9000.1")
    assert read.severity_thresholds["high"].usd == 500
