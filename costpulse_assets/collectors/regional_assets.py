"""The assets of regional tables and of the finer views of the bill: one function per kind of table.

One connection that fails never stops the others, and a table that cannot be read never stops what can do without it:
the failure stands in collection_status and in the check `every_connection_answered`. An asset fails, and is tried
again, only where no connection gave anything and trying again may help.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import dagster as dg

from costpulse_assets.collectors.billing_days import (
    BillingTable,
    collect_billing_days,
    differences,
    due_days,
    forget_old_days,
    reprice_billing_days,
)
from costpulse_assets.collectors.clusters import CLUSTERS, NODE_TYPES
from costpulse_assets.collectors.hourly_costs import HOURLY_COSTS
from costpulse_assets.collectors.job_runs import CLUSTER_TASK_HOURS, JOB_RUN_DAYS, JOB_RUN_USAGE, JOB_TASK_DAYS
from costpulse_assets.collectors.jobs import JOBS, PIPELINES, SERVING_ENDPOINTS
from costpulse_assets.collectors.node_utilization import node_utilization
from costpulse_assets.collectors.prices import choose_price_table
from costpulse_assets.collectors.queries import QUERY_ACTIVITY, WAREHOUSE_QUERIES
from costpulse_assets.collectors.regional import (
    DailyTable,
    Regions,
    StateTable,
    collect_days,
    collect_state,
    days_to_collect,
    is_due,
)
from costpulse_assets.collectors.self_cost import optional_collection_allowed
from costpulse_assets.collectors.status import record_stopped, recorded_status
from costpulse_assets.collectors.warehouses import WAREHOUSE_UPTIME, WAREHOUSES
from costpulse_assets.errors import SourceError, SourceForbidden
from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.identities import identities_of
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.partitions import only_changed, run_window
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.open_source import current_time, first_usage_date
from costpulse_assets.resources.source import Source
from costpulse_assets.settings import Settings
from costpulse_assets.table_schema import row_count

ANSWERED = "every_connection_answered"


def regional_assets(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> list[Any]:
    """Every regional table and every finer view of the bill: a new one is one more name in these lists."""
    states = (CLUSTERS, NODE_TYPES, WAREHOUSES, JOBS, PIPELINES, SERVING_ENDPOINTS)
    days = (
        node_utilization(settings),
        WAREHOUSE_UPTIME,
        WAREHOUSE_QUERIES,
        QUERY_ACTIVITY,
        JOB_RUN_DAYS,
        JOB_TASK_DAYS,
        CLUSTER_TASK_HOURS,
    )
    bills = (replace(HOURLY_COSTS, kept_days=settings.hourly_days), JOB_RUN_USAGE)
    return [
        *(state_asset(table, settings) for table in states),
        *(daily_asset(table, settings, partitions) for table in days),
        *(billing_asset(table, settings, partitions) for table in bills),
    ]


@dataclass
class _Answers:
    """What the connections gave, and which of them gave nothing."""

    rows: dict[str, int] = field(default_factory=dict)
    not_due: list[str] = field(default_factory=list)
    failures: dict[str, SourceError] = field(default_factory=dict)
    stopped: str | None = None

    def metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = {"rows read": sum(self.rows.values())}
        if self.not_due:
            found["not due yet"] = ", ".join(self.not_due)
        if self.stopped:
            found["stopped"] = self.stopped
        return found

    def check(self, asset: str) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            asset_key=asset,
            check_name=ANSWERED,
            severity=_severity(self.failures.values()),
            passed=not self.failures and self.stopped is None,
            metadata={
                "connections read": ", ".join(self.rows) or "none",
                **{
                    f"not read: {name}": f"{error.message} Next step: {error.next_step}"
                    for name, error in self.failures.items()
                },
                **({"stopped": self.stopped} if self.stopped else {}),
            },
        )


def state_asset(table: StateTable, settings: Settings) -> dg.AssetsDefinition:
    """A table of the newest state of objects, not partitioned."""

    @dg.multi_asset(
        name=table.name,
        pool=Pool.DATABRICKS_SQL,
        retry_policy=RETRY_TRANSIENT,
        specs=[_spec(table)],
        check_specs=[_answered(table.name)],
    )
    def collect(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        regions: dg.ResourceParam[Regions],
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        identities = identities_of(settings)

        def one(source: Source) -> int | None:
            now = current_time(settings)
            if only_changed(context) and not is_due(database, source, table, now):
                return None
            with recorded_status(database, table.name, source.name, as_of=now):
                return collect_state(database, source, table, identities)

        with named_failures():
            answers = _ask(database, regions, table.name, settings, one)
            yield dg.MaterializeResult(
                asset_key=table.name,
                metadata={
                    "dagster/row_count": row_count(database, table.name),
                    **answers.metadata(),
                },
            )
            yield answers.check(table.name)

    return collect


def daily_asset(table: DailyTable, settings: Settings, partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """A table of usage days, partitioned by day; a run for changed days takes those that are not settled yet."""

    @dg.multi_asset(
        name=table.name,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=Pool.DATABRICKS_SQL,
        retry_policy=RETRY_TRANSIENT,
        specs=[_spec(table)],
        check_specs=[_answered(table.name)],
    )
    def collect(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        regions: dg.ResourceParam[Regions],
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        identities, now, window = identities_of(settings), current_time(settings), run_window(context)
        due, first_day = only_changed(context), first_usage_date(settings)
        if due:
            first_day = max(first_day, now.date() - timedelta(days=settings.retention_days - 1))

        def one(source: Source) -> int | None:
            if due and not is_due(database, source, table, now):
                return None
            with recorded_status(database, table.name, source.name, as_of=now if due else None):
                days = days_to_collect(
                    database,
                    source,
                    table,
                    window,
                    first_day=first_day,
                    today=now.date(),
                    due=due,
                )
                return collect_days(
                    database,
                    source,
                    table,
                    days,
                    identities=identities,
                    now=now,
                    settle_days=settings.settle_days,
                    chunk_days=settings.collect_chunk_days,
                    progress=context.log.info,
                )

        with named_failures():
            answers = _ask(database, regions, table.name, settings, one)
            yield dg.MaterializeResult(
                asset_key=table.name,
                metadata={
                    "window": str(window),
                    **answers.metadata(),
                },
            )
            yield answers.check(table.name)

    return collect


def billing_asset(
    table: BillingTable, settings: Settings, partitions: dg.DailyPartitionsDefinition
) -> dg.AssetsDefinition:
    """A finer view of the bill, partitioned by usage day; it follows the days of cost_records."""

    @dg.multi_asset(
        name=table.name,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=Pool.DATABRICKS_SQL,
        retry_policy=RETRY_TRANSIENT,
        specs=[_spec(table, deps=["cost_records", "price_adjustments"])],
        check_specs=[
            dg.AssetCheckSpec(
                "adds_up_to_cost_records",
                asset=table.name,
                description="The days read hold what cost_records holds; a day that moved in between is read again.",
            )
        ],
    )
    def collect(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        source: dg.ResourceParam[Source],
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        today, window = current_time(settings).date(), run_window(context)
        with named_failures():
            due = due_days(database, table, window, today=today, only_changed=only_changed(context))
            stopped = optional_collection_allowed(database, settings) if due.collect else None
            days = [] if stopped else due.collect
            if stopped:
                record_stopped(database, table.name, source.name, stopped)
            rows = 0
            if days:
                with recorded_status(database, table.name, source.name):
                    rows = collect_billing_days(
                        database,
                        source,
                        table,
                        days,
                        prices=choose_price_table(source, settings.price_table, settings.currency),
                        identities=identities_of(settings),
                        chunk_days=settings.collect_chunk_days,
                        progress=context.log.info,
                    )
            reprice_billing_days(database, table, due.reprice, chunk_days=settings.collect_chunk_days)
            forget_old_days(database, table, today)
            taken = days + due.reprice
            yield dg.MaterializeResult(
                asset_key=table.name,
                metadata={
                    "window": str(window),
                    "days collected": len(days),
                    "days re-priced": len(due.reprice),
                    "rows read": rows,
                    **({"stopped": stopped} if stopped else {}),
                },
            )
            different = differences(database, table, taken)
        yield dg.AssetCheckResult(
            asset_key=table.name,
            check_name="adds_up_to_cost_records",
            severity=dg.AssetCheckSeverity.WARN,
            passed=not different,
            metadata={"days checked": len(taken), "differences": len(different)},
        )

    return collect


def _ask(
    database: Database,
    regions: Regions,
    name: str,
    settings: Settings,
    one: Callable[[Source], int | None],
) -> _Answers:
    """Asks each connection in turn; `one` returns rows, or None where the table is not due."""
    answers = _Answers(stopped=optional_collection_allowed(database, settings))
    for source in regions.sources:
        if answers.stopped:
            record_stopped(database, name, source.name, answers.stopped)
            continue
        try:
            rows = one(source)
        except SourceError as error:
            answers.failures[source.name] = error
        else:
            if rows is None:
                answers.not_due.append(source.name)
            else:
                answers.rows[source.name] = rows
    passing = [error for error in answers.failures.values() if error.retryable]
    if passing and not answers.rows and not answers.not_due:
        raise passing[0]
    return answers


def _spec(table: StateTable | DailyTable | BillingTable, deps: list[str] | None = None) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=table.name,
        deps=[*(dg.AssetKey(["system", *read.split(".")]) for read in table.reads), *(deps or [])],
        description=table.description,
        group_name=Layer.COLLECTORS,
        owners=[OWNER],
        kinds={"databricks", "postgres"},
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": f"costpulse.{table.name}"},
    )


def _severity(failures: Iterable[SourceError]) -> dg.AssetCheckSeverity:
    """A table that is not granted is a choice of the customer's; anything else is an error."""
    chosen = all(isinstance(error, SourceForbidden) for error in failures)
    return dg.AssetCheckSeverity.WARN if chosen else dg.AssetCheckSeverity.ERROR


def _answered(asset: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        ANSWERED, asset=asset, description="Every connection gave its rows; who did not is named with the next step."
    )
