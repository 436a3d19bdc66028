"""The code location: `build_definitions` assembles everything, `definitions` is what Dagster loads.

Nothing is read from the network or the database while definitions load; resources open when a run needs them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from costpulse_assets.alerts.alert_assets import alert_assets
from costpulse_assets.alerts.delivery_sensor import delivery_sensor
from costpulse_assets.alerts.failed_runs import watch_failed_runs
from costpulse_assets.allocation.assets import allocation_assets
from costpulse_assets.allocation.suggestions import suggestion_assets
from costpulse_assets.analysis.anomaly_assets import anomaly_assets
from costpulse_assets.analysis.budget_assets import budget_assets
from costpulse_assets.analysis.forecast_assets import forecast_assets
from costpulse_assets.analysis.recommendation_assets import recommendation_assets
from costpulse_assets.analysis.tag_assets import tag_assets
from costpulse_assets.collectors.assets import PRICE_ADJUSTMENTS, SYSTEM_TABLE_SPECS, collector_assets
from costpulse_assets.collectors.regional import Regions
from costpulse_assets.collectors.regional_assets import regional_assets
from costpulse_assets.costs.assets import cost_assets
from costpulse_assets.costs.change_bridge_assets import change_bridge_assets
from costpulse_assets.costs.known_costs import known_costs_assets
from costpulse_assets.costs.statement_assets import statement_assets
from costpulse_assets.identities import expect_same_protection, identities_of
from costpulse_assets.jobs import BUDGETING, COST_CYCLE, REALLOCATION, REPORT_MAKING, TAG_JUDGEMENT
from costpulse_assets.partitions import daily_partitions
from costpulse_assets.reports.report_assets import report_assets
from costpulse_assets.reports.report_sensors import report_sensor
from costpulse_assets.resources.database import Database, open_database
from costpulse_assets.resources.open_source import (
    bills_are_regional_too,
    first_usage_date,
    open_other_regions,
    open_source,
)
from costpulse_assets.resources.source import Source
from costpulse_assets.schedules import cost_schedules
from costpulse_assets.sensors import alert_sensor, cost_sensors
from costpulse_assets.settings import Settings, load_settings
from costpulse_assets.table_schema import with_table_schemas
from costpulse_assets.utilization.clusters import cluster_assets
from costpulse_assets.utilization.jobs import job_assets
from costpulse_assets.utilization.unit_costs import unit_cost_assets
from costpulse_assets.utilization.users import user_assets
from costpulse_assets.utilization.warehouses import warehouse_assets


def build_definitions(
    settings: Settings | None = None, *, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """The whole code location.

    Args:
        settings: read from the environment when not given.
        resource_overrides: replaces `database`, `source` or `regions`, e.g. in tests.
    """
    settings = settings or load_settings()
    first_day = first_usage_date(settings)
    partitions = daily_partitions(first_day)

    @dg.resource(description="PostgreSQL or TimescaleDB, as the owner of the schema.")
    def database(_: dg.InitResourceContext) -> Iterator[Database]:
        with open_database(settings) as opened:
            expect_same_protection(opened, identities_of(settings))
            yield opened

    @dg.resource(description="Databricks, or the demo account in its place.")
    def source(_: dg.InitResourceContext) -> Iterator[Source]:
        with open_source(settings) as opened:
            yield opened

    @dg.resource(
        required_resource_keys={"source"},
        description="The connections that compute, jobs and queries are read over: one or more per region.",
    )
    def regions(context: dg.InitResourceContext) -> Iterator[Regions]:
        bills = context.resources.source
        with open_other_regions(settings) as others:
            yield Regions((bills, *others) if bills_are_regional_too(settings) else others)

    return dg.Definitions(
        assets=with_table_schemas(
            [
                *SYSTEM_TABLE_SPECS,
                PRICE_ADJUSTMENTS,
                *collector_assets(settings, partitions),
                *regional_assets(settings, partitions),
                *allocation_assets(partitions),
                *suggestion_assets(settings),
                *cost_assets(settings, partitions),
                *known_costs_assets(settings),
                *statement_assets(settings),
                *change_bridge_assets(settings),
                *cluster_assets(settings, partitions),
                *warehouse_assets(settings, partitions),
                *job_assets(settings, partitions),
                *user_assets(settings, partitions),
                *unit_cost_assets(partitions),
                *anomaly_assets(settings),
                *forecast_assets(settings),
                *budget_assets(settings),
                *tag_assets(partitions),
                *recommendation_assets(settings),
                *alert_assets(settings),
                *report_assets(settings),
            ]
        ),
        jobs=[COST_CYCLE, REALLOCATION, BUDGETING, TAG_JUDGEMENT, REPORT_MAKING],
        schedules=cost_schedules(settings, first_day),
        sensors=[
            *cost_sensors(settings, first_day),
            alert_sensor(settings),
            watch_failed_runs(settings),
            delivery_sensor(settings),
            report_sensor(settings),
        ],
        resources={"database": database, "source": source, "regions": regions, **(resource_overrides or {})},
        # A step here is one SQL statement: a process each would cost more than the work.
        executor=dg.in_process_executor,
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """What `dagster -m costpulse_assets.definitions` loads."""
    return build_definitions()
