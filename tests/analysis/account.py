"""Four months of an account for forecasts and budgets: three teams one below the other, two workspaces, one tag."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import numpy as np

from costpulse_assets.analysis.budget_assets import budget_assets
from costpulse_assets.analysis.forecast_assets import forecast_assets
from costpulse_assets.resources.database import Database
from tests.app.books import Books
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import pretend_today

#: The first and the last day with usage.
FIRST, NEWEST = date(2026, 3, 5), date(2026, 6, 30)
#: The last day that is final at first.
FINAL = date(2026, 6, 10)
DATA, ETL, ML = "1", "2", "3"


def account(*, final: date = FINAL, first: date = FIRST, newest: date = NEWEST) -> Books:
    """Weekdays cost more than weekends, with noise; Etl is below Data and Ml below Etl."""
    books = Books(teams=["Data", "Etl", "Ml"], workspaces={"100": "prod", "200": "dev"})
    random = np.random.default_rng(5)
    for number in range((newest - first).days + 1):
        day = first + timedelta(days=number)
        week = 1.0 if day.weekday() < 5 else 0.4
        noise = random.normal(1, 0.05, 5)

        def cost(base: float, at: int, *, scale: float = week, noise: Any = noise) -> str:
            return f"{base * scale * noise[at]:.9f}"

        books.add(day, cost(400, 0), team=1)
        books.add(day, cost(300, 1), team=2, workspace="200", tags={"project": "atlas"})
        books.add(day, cost(200, 2), team=3, product="MODEL_SERVING", sku="SERVING", tags={"project": "hermes"})
        books.add(day, cost(100, 3, scale=1.0), workspace=None, product="NETWORKING", sku="EGRESS")
        books.add(day, None, team=1, product="AI", sku="UNPRICED")
        if day > final:
            books.provisional[day] = Decimal("0.9")
    return books


def filled(url: str, books: Books | None = None) -> Database:
    """A database with the account in it, and its teams in their places."""
    (books or account()).write(url)
    database = Database(url)
    with database.transaction() as connection:
        connection.execute("update costpulse.teams set parent_team_id = id - 1 where id in (2, 3)")
    return database


def days_become_final(database: Database, until: date) -> None:
    """As the next days do."""
    execute(database, "update costpulse.completeness set is_provisional = false where usage_date <= %s", until)


def execute(database: Database, statement: str, *parameters: Any) -> None:
    with database.transaction() as connection:
        connection.execute(statement.encode(), parameters)


def rows(database: Database, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def materialize(database: Database, *names: str, **settings: Any) -> dg.ExecuteInProcessResult:
    """One run of these assets, in order of their dependencies."""
    chosen = pretend_today(NEWEST, **settings)
    assets = [*forecast_assets(chosen), *budget_assets(chosen)]
    with ephemeral_instance() as instance:
        return dg.materialize(
            assets,
            selection=list(names),
            instance=instance,
            resources={"database": dg.ResourceDefinition.hardcoded_resource(database)},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Which checks passed."""
    return {each.check_name: each.passed for each in result.get_asset_check_evaluations()}


def metadata(result: dg.ExecuteInProcessResult, name: str) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node(name)
    return {label: value.value for label, value in event.metadata.items()}
