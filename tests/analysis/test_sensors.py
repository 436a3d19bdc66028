"""What follows from a budget or a tag policy that a person changes comes within a minute, not with the next cycle."""

from collections.abc import Callable

import dagster as dg
import psycopg
import pytest

from costpulse_assets.definitions import build_definitions
from tests.pipeline import pretend_today
from tests.small_account import MONDAY

A_BUDGET = (
    "insert into costpulse.budgets (name, scope_type, scope_id, period, starts_on, amount) "
    "values ('All', 'everything', '', 'month', '2026-01-01', 1000)"
)


@pytest.fixture
def repository(database_url: str) -> dg.RepositoryDefinition:
    return build_definitions(pretend_today(MONDAY, database_url=database_url)).get_repository_def()


@pytest.fixture
def execute(database_url: str) -> Callable[[str], None]:
    def run(statement: str) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute(statement.encode())

    return run


def tick(
    repository: dg.RepositoryDefinition, cursor: str | None, sensor_name: str = "judge_changed_budgets"
) -> dg.SensorResult | dg.SkipReason:
    sensor = repository.get_sensor_def(sensor_name)
    with dg.build_sensor_context(cursor=cursor, repository_def=repository) as context:
        result = sensor(context)
    assert isinstance(result, (dg.SensorResult, dg.SkipReason))
    return result


@pytest.mark.parametrize("sensor_name", ["judge_changed_budgets", "judge_changed_tag_policies"])
def test_the_first_look_asks_for_nothing_as_the_run_of_the_start_judged_all(
    repository: dg.RepositoryDefinition, execute: Callable[[str], None], sensor_name: str
) -> None:
    execute(A_BUDGET)
    execute("update costpulse.tag_policies set required = false where tag_key = 'project'")
    first = tick(repository, None, sensor_name)
    assert isinstance(first, dg.SensorResult)
    assert not first.run_requests
    assert isinstance(tick(repository, first.cursor, sensor_name), dg.SkipReason)


def test_the_sensor_asks_for_one_run_after_a_budget_changed_and_then_rests(
    repository: dg.RepositoryDefinition, execute: Callable[[str], None]
) -> None:
    first = tick(repository, None)
    assert isinstance(first, dg.SensorResult)
    execute(A_BUDGET)
    asked = tick(repository, first.cursor)
    assert isinstance(asked, dg.SensorResult)
    assert len(asked.run_requests or []) == 1
    assert isinstance(tick(repository, asked.cursor), dg.SkipReason)
    execute("update costpulse.budgets set amount = 2000")
    again = tick(repository, asked.cursor)
    assert isinstance(again, dg.SensorResult)
    assert again.cursor != asked.cursor


def test_the_run_reads_no_source(repository: dg.RepositoryDefinition) -> None:
    job = repository.get_job("budgeting")
    names = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
    assert names == {"forecasts", "budget_status", "alert_outbox"}


def test_a_changed_tag_policy_asks_for_its_days(
    repository: dg.RepositoryDefinition, execute: Callable[[str], None]
) -> None:
    first = tick(repository, None, "judge_changed_tag_policies")
    assert isinstance(first, dg.SensorResult)
    execute("update costpulse.tag_policies set required = false where tag_key = 'project'")
    asked = tick(repository, first.cursor, "judge_changed_tag_policies")
    assert isinstance(asked, dg.SensorResult)
    (request,) = asked.run_requests or []
    assert request.tags["costpulse/only_changed"]
    job = repository.get_job("tag_judgement")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {
        "tag_compliance",
        "tag_violations",
        "alert_outbox",
    }
