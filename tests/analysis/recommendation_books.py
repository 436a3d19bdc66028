"""Found recommendations typed by hand, and a bill that they rest on."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from costpulse_assets.analysis.recommendation_run import RecommendationRun, find, merge
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection, Database
from costpulse_assets.settings import Settings

LAST = date(2026, 10, 30)
WINDOW = Period(LAST - timedelta(days=29), LAST)
TODAY = LAST + timedelta(days=2)


@dataclass(frozen=True)
class Found:
    """What a statement says of a resource; what is not given does not matter here."""

    saving: str
    cost: str = "1000"
    type: str = "idle_cluster"
    acts_on: str = "idle time"
    resource: str = "c1"
    bearer: str | None = None
    resource_type: str = "cluster"
    bearer_type: str | None = None
    workspace: str | None = "100"
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def row(self) -> dict[str, Any]:
        """Columns of found_recommendations."""
        return {
            "type": self.type,
            "workspace_id": self.workspace,
            "resource_type": self.resource_type,
            "resource_id": self.resource,
            "resource_name": f"{self.resource}, named",
            "acts_on": self.acts_on,
            "bearer_type": self.bearer_type or self.resource_type,
            "bearer_id": self.bearer or self.resource,
            "resource_cost_usd": Decimal(self.cost),
            "saving_usd": Decimal(self.saving),
            "confidence": "high",
            "confidence_reason": "It was counted.",
            "title": f"Stop {self.resource}",
            "evidence": json.dumps({"idle_hours": 12}),
            "calculation": "12 h x 1 USD",
        } | dict(self.more)


def put(connection: Connection, found: Iterable[Found]) -> None:
    """As the statements of types do."""
    for row in (each.row for each in found):
        connection.execute(
            f"insert into found_recommendations ({', '.join(row)}) values ({', '.join(['%s'] * len(row))})".encode(),
            list(row.values()),
        )


def settings(**given: Any) -> Settings:
    """Without an environment."""
    return Settings(_env_file=None, data_dir=Path("no-such-folder"), **given)


def noon(day: date) -> datetime:
    """The moment a run of the day takes place."""
    return datetime.combine(day, time(12), tzinfo=UTC)


@dataclass
class Advice:
    """A migrated database in which runs find what a test types."""

    database: Database
    settings: Settings = field(default_factory=settings)

    def bill(self, usd: str = "1000000", days: Iterable[date] = (LAST,)) -> None:
        """What the account cost on each of these days."""
        with self.database.transaction() as connection:
            for day in days:
                connection.execute(
                    "insert into costpulse.daily_costs (usage_date, sku_name, product, usage_unit, usage_quantity, "
                    "cost_usd, unpriced_quantity, record_count) values (%s, 'SKU', 'JOBS', 'DBU', 1, %s, 0, 1)",
                    [day, usd],
                )

    def run(self, *found: Found, later: int = 0) -> RecommendationRun:
        """A run, so many days after the first, that finds this."""
        days = timedelta(days=later)
        window = Period(WINDOW.first + days, WINDOW.last + days)
        today = TODAY + days
        with self.database.writing() as connection:
            counts = find(connection, [], window, today=today)
            put(connection, found)
            return merge(connection, self.settings, window, counts, now=noon(today))

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of a statement, as the owner."""
        with self.database.transaction() as connection:
            return connection.execute(statement.encode(), parameters or None).fetchall()

    def rows(self) -> list[dict[str, Any]]:
        """All recommendations, in the order of their keys."""
        return self.query(
            "select * from costpulse.recommendations order by workspace_id, resource_type, resource_id, type"
        )

    def one(self) -> dict[str, Any]:
        """The only recommendation."""
        (row,) = self.rows()
        return row

    def audit(self) -> list[tuple[Any, ...]]:
        """Who changed which status to which."""
        return [
            tuple(row.values())
            for row in self.query(
                "select actor, before ->> 'status' as before, after ->> 'status' as after from costpulse.audit_log "
                "where table_name = 'recommendations' order by id"
            )
        ]
