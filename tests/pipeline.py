"""Runs the real code location in this process, with the database and the source a test hands in."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from costpulse_assets.collectors.regional import Regions
from costpulse_assets.definitions import build_definitions
from costpulse_assets.layers import Layer
from costpulse_assets.resources.database import Database
from costpulse_assets.schedules import range_tags
from costpulse_assets.settings import Settings


def pretend_today(today: date, **more: Any) -> Settings:
    """Settings without an environment, on a fixed day, and without the data folder that a demo may have left here."""
    given = {"today": today, "first_usage_date": date(2026, 1, 1), "data_dir": Path("no-such-folder"), **more}
    return Settings(_env_file=None, **given)  # type: ignore[call-arg]


@dataclass
class Pipeline:
    """The code location with a database and a source of the test's own."""

    database: Database
    source: Any
    settings: Settings
    instance: dg.DagsterInstance
    #: Where regional tables are read; the source alone when empty.
    regions: tuple[Any, ...] = ()

    def definitions(self) -> dg.Definitions:
        return build_definitions(
            self.settings,
            resource_overrides={
                "database": dg.ResourceDefinition.hardcoded_resource(self.database),
                "source": dg.ResourceDefinition.hardcoded_resource(self.source),
                "regions": dg.ResourceDefinition.hardcoded_resource(Regions(self.regions or (self.source,))),
            },
        )

    def run(
        self,
        first: date,
        last: date | None = None,
        *assets: str,
        only_changed: bool = False,
        with_analysis: bool = False,
    ) -> dg.ExecuteInProcessResult:
        """One run over a range of days; does not raise.

        Without names: everything but the analysis, the alerts and the reports, which read what the other layers wrote,
        change none of it, and take most of the time of a small run.
        """
        definitions = self.definitions()
        job = definitions.resolve_implicit_global_asset_job_def()
        if assets or not with_analysis:
            chosen = {dg.AssetKey.from_user_string(name) for name in assets} or {
                spec.key
                for spec in definitions.resolve_all_asset_specs()
                if spec.group_name not in (Layer.ANALYSIS, Layer.ALERTS, Layer.REPORTS)
            }
            job = job.get_subset(asset_selection=chosen & job.asset_layer.executable_asset_keys)
        with self.database.keeping_connections():
            return job.execute_in_process(
                instance=self.instance,
                raise_on_error=False,
                tags=range_tags(first, last or first, only_changed=only_changed),
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.database.transaction() as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def snapshot(self, *tables: str) -> dict[str, list[str]]:
        """Every row of the tables as text, in order: equal snapshots are equal tables."""
        return {
            table: [row["t"] for row in self.query(f"select t::text from costpulse.{table} as t order by 1")]
            for table in tables
        }
