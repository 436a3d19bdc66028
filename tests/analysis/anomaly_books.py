"""A small account typed by hand, with something that is not normal: what anomaly events are tested on."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from costpulse_assets.analysis.anomaly_run import Detection, detect_anomalies
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import Settings
from tests.app.books import Books

FIRST = date(2026, 3, 2)  # a Monday
DAYS = 100
RATE = Decimal("0.25")
#: job: workspace, team, DBUs of a day.
JOBS = {"etl": ("100", 1, 1_200), "bi": ("100", 2, 900), "ml": ("200", None, 2_000), "scoring": ("200", 2, 1_500)}


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def noon(number: int) -> datetime:
    """When the run of a day takes place: two days after it, when it is final."""
    return datetime.combine(day(number + 2), time(12), tzinfo=UTC)


@dataclass
class Account:
    """Jobs that do about the same every day, but for what `factors` and `rates` say.

    Attributes:
        database: migrated.
        days: how many days are collected.
        factors: (job, number of the day) to how many times the usual it does.
        rates: number of a day to the price of that and all later days.
        begins: job to its first day.
        not_final: numbers of days that are not final.
    """

    database: Database
    days: int = DAYS
    factors: dict[tuple[str, int], float] = field(default_factory=dict)
    rates: dict[int, Decimal] = field(default_factory=dict)
    begins: dict[str, int] = field(default_factory=dict)
    not_final: tuple[int, ...] = ()
    settings: Settings = field(default_factory=lambda: Settings(_env_file=None, data_dir=Path("no-such-folder")))  # type: ignore[call-arg]

    def write(self) -> None:
        """The roll-ups, anew, as the pipeline would leave them."""
        books = Books(provisional={day(number): Decimal("0.5") for number in self.not_final})
        for place, (job, (workspace, team, size)) in enumerate(JOBS.items()):
            noise = np.random.default_rng(place).normal(1, 0.02, 400)
            for number in range(self.begins.get(job, 0), self.days):
                quantity = Decimal(round(size * noise[number] * self.factors.get((job, number), 1)))
                rate = next((self.rates[since] for since in sorted(self.rates, reverse=True) if since <= number), RATE)
                if quantity:
                    books.add(
                        day(number),
                        str(quantity * rate),
                        quantity=str(quantity),
                        workspace=workspace,
                        team=team,
                        job_id=job,
                        job_name=f"{job} of the bill",
                        user_email=f"{job}@x.example",
                    )
        with psycopg.connect(self.database.url) as connection:
            connection.execute(
                "truncate costpulse.cost_keys, costpulse.daily_key_costs, costpulse.weekly_key_costs, "
                "costpulse.daily_costs, costpulse.daily_team_costs, costpulse.daily_workspace_costs, "
                "costpulse.daily_sku_costs, costpulse.completeness, costpulse.collected_days, costpulse.built_days"
            )
        books.write(self.database.url)
        with psycopg.connect(self.database.url) as connection:
            for team in ("Data", "Growth"):
                connection.execute(
                    "insert into costpulse.teams (name) select %(name)s "
                    "where not exists (select from costpulse.teams where name = %(name)s)",
                    {"name": team},
                )
            connection.execute(
                "insert into costpulse.workspaces (workspace_id, name) values ('100', 'prod'), ('200', 'ml') "
                "on conflict do nothing"
            )
            connection.execute(
                "insert into costpulse.built_days (asset, usage_date, upstream_version) "
                "select distinct 'daily_key_costs', usage_date, now() from costpulse.daily_key_costs"
            )

    def detect(self) -> Detection:
        """A run on the day after the newest one is final."""
        return detect_anomalies(self.database, self.settings, now=noon(self.days - 1))

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.database.transaction() as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def shown(self) -> list[dict[str, Any]]:
        """Events that are shown, by their first day."""
        return self.query("select * from costpulse.anomalies where parent_id is null order by start_date, id")

    def one(self) -> dict[str, Any]:
        """The only event that is shown."""
        (event,) = self.shown()
        return event

    def causes(self, event: dict[str, Any], dimension: str) -> list[dict[str, Any]]:
        return self.query(
            "select * from costpulse.anomaly_causes where anomaly_id = %s and dimension = %s order by rank",
            event["id"],
            dimension,
        )

    def main_cause(self, event: dict[str, Any]) -> dict[str, Any]:
        (cause,) = self.query("select * from costpulse.anomaly_causes where anomaly_id = %s and is_main", event["id"])
        return cause
