"""What follows from a budget or a tag policy that a person changes comes within a minute, not with the next cycle."""

from collections.abc import Callable

import dagster as dg
import psycopg
import pytest

from costpulse_assets.definitions import build_definitions
from tests.pipeline import pretend_today
from tests.small_account import MONDAY


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


def test_the_sensor_asks_for_one_run_after_a_budget_changed_and_then_rests(
    repository: dg.RepositoryDefinition, execute: Callable[[str], None]
) -> None:
    assert isinstance(tick(repository, None), dg.SkipReason)
    execute(
        "insert into costpulse.budgets (name, scope_type, scope_id, period, starts_on, amount) "
        "values ('All', 'everything', '', 'month', '2026-01-01', 1000)"
    )
    asked = tick(repository, None)
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
    assert names == {"forecasts", "budget_status"}


def test_a_changed_tag_policy_asks_for_its_days_and_the_default_ones_ask_for_nothing(
    repository: dg.RepositoryDefinition, execute: Callable[[str], None]
) -> None:
    first = tick(repository, None, "judge_changed_tag_policies")
    cursor = first.cursor if isinstance(first, dg.SensorResult) else None
    assert isinstance(tick(repository, cursor, "judge_changed_tag_policies"), dg.SkipReason)
    execute("update costpulse.tag_policies set required = false where tag_key = 'project'")
    asked = tick(repository, cursor, "judge_changed_tag_policies")
    assert isinstance(asked, dg.SensorResult)
    (request,) = asked.run_requests or []
    assert request.tags["costpulse/only_changed"]
    job = repository.get_job("tag_judgement")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {
        "tag_compliance",
        "tag_violations",
    }
