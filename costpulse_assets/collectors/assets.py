"""Assets of the collectors: thin shells around the functions of this folder."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from costpulse_assets.collectors import cost_records as records
from costpulse_assets.collectors.prices import choose_price_table, collect_list_prices
from costpulse_assets.collectors.status import recorded_status
from costpulse_assets.collectors.system_tables import SYSTEM_TABLES
from costpulse_assets.collectors.workspaces import collect_workspaces
from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.identities import identities_of
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.partitions import only_changed, run_window
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.resources.source import Source
from costpulse_assets.settings import Settings

SYSTEM_TABLE_SPECS = [
    dg.AssetSpec(
        key=["system", *table.name.split(".")],
        description=table.why,
        group_name="databricks",
        kinds={"databricks"},
        owners=[OWNER],
        metadata={"without it": table.without, "usually late by": table.delay},
    )
    for table in SYSTEM_TABLES
]

PRICE_ADJUSTMENTS = dg.AssetSpec(
    key="price_adjustments",
    description="Discounts and contract rates typed by people: SKU pattern, percentage or fixed rate, validity. "
    "A change marks the days it touches; they are re-priced without asking Databricks again.",
    group_name=Layer.SETTINGS,
    kinds={"postgres"},
    owners=[OWNER],
)


def collector_assets(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> list[Any]:
    """The assets list_prices, cost_records (with its keys and books), and workspaces."""

    @dg.asset(
        deps=[dg.AssetKey(["system", "billing", "list_prices"])],
        group_name=Layer.COLLECTORS,
        owners=[OWNER],
        kinds={"databricks", "postgres"},
        pool=Pool.DATABRICKS_SQL,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.list_prices"},
    )
    def list_prices(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        source: dg.ResourceParam[Source],
    ) -> dg.MaterializeResult[Any]:
        """List price of each SKU, unit and window, in one currency; one row per window, half-open, UTC.

        Rates are per usage unit. A price that is new, gone or changed marks the collected days it touches.
        """
        with named_failures(), recorded_status(database, "list_prices", source.name):
            prices = choose_price_table(source, settings.price_table, settings.currency)
            counts = collect_list_prices(database, source, prices)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": counts["prices"],
                "price table": f"system.billing.{prices.name}",
                "currency": prices.currency,
                "new or changed": counts["new_or_changed"],
                "vanished": counts["vanished"],
                "days marked to be collected again": counts["days_marked"],
            }
        )

    def spec(name: str, description: str, deps: list[Any]) -> dg.AssetSpec:
        return dg.AssetSpec(
            key=name,
            deps=deps,
            description=description,
            group_name=Layer.COLLECTORS,
            owners=[OWNER],
            kinds={"databricks", "postgres"},
            freshness_policy=FRESH_EVERY_DAY,
            metadata={"dagster/table_name": f"costpulse.{name}"},
        )

    usage = dg.AssetKey(["system", "billing", "usage"])

    @dg.multi_asset(
        name="cost_records",
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        # The four tables are written together whichever of them is asked for.
        can_subset=True,
        pool=Pool.DATABRICKS_SQL,
        retry_policy=RETRY_TRANSIENT,
        specs=[
            spec(
                "cost_records",
                "Cost per usage day, ingestion day, record type, attribution key, SKU, unit and list rate. "
                "Corrections keep their own rows: the net is a plain sum. Cost is NULL where there is no price.",
                [usage, "list_prices", "price_adjustments"],
            ),
            spec(
                "cost_keys",
                "Each distinct combination of what cost can be attributed by: workspace, product, cluster, "
                "warehouse, job, pipeline, endpoint, other resource, identity, tags.",
                [usage],
            ),
            spec(
                "collected_days",
                "What the source said about each usage day when it was last collected, and whether it changed.",
                [usage],
            ),
            spec(
                "collection_log",
                "Append-only: how much of each day was in, each time it was loaded; evidence of the arrival curve.",
                [usage],
            ),
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "control_totals_match",
                asset="cost_records",
                blocking=True,
                description="Collected and rejected rows and quantity are those the source announced, per day.",
            ),
            dg.AssetCheckSpec(
                "unpriced_share",
                asset="cost_records",
                description="Usage rows whose SKU has no price: counted and named, never guessed.",
            ),
            dg.AssetCheckSpec(
                "rejected_rows",
                asset="cost_records",
                description="Rows of the source that break a rule: kept in rejected_rows with the reason.",
            ),
            dg.AssetCheckSpec(
                "usage_is_fresh",
                asset="cost_records",
                description="Age of the newest usage day (not of the newest run).",
            ),
        ],
    )
    def cost_records(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        source: dg.ResourceParam[Source],
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Collects the run's usage days; a run for changed days takes only those, wherever they are.

        Source: system.billing.usage joined with the price in force, aggregated on the warehouse.
        """
        if not context.selected_asset_keys:
            # Only checks were asked for: they are about what is here, the source is left alone.
            with named_failures():
                yield from _selected(context, _checks(database, records.collected_days(database), settings))
            return
        window = run_window(context)
        with named_failures(), recorded_status(database, records.SOURCE, source.name):
            if only_changed(context):
                repriced = records.days_to_reprice(database)
                days = records.changed_days(database, source, window)
                repriced = [day for day in repriced if day not in set(days)]
                records.reprice(database, repriced, chunk_days=settings.collect_chunk_days)
            else:
                repriced, days = [], list(window)
            context.log.info("%d days to collect in %s, %d to re-price", len(days), window, len(repriced))
            collected = records.collect(
                database,
                source,
                days,
                prices=choose_price_table(source, settings.price_table, settings.currency),
                chunk_days=settings.collect_chunk_days,
                identities=identities_of(settings),
                run_id=context.run.run_id,
                progress=context.log.info,
            )
            unchanged = len([day for day in window if day not in set(days)])
            metadata: dict[str, Any] = {
                "window": str(window),
                "days collected": len(collected.days),
                "days that changed": len(collected.changed),
                "days left untouched (unchanged at the source)": unchanged,
                "days re-priced": len(repriced),
                "days in flight": ", ".join(map(str, collected.in_flight)) or "none",
                "dagster/partition_row_count": collected.rows,
                "rows rejected": collected.rejected,
            }
            for key in sorted(context.selected_asset_keys):
                name = key.to_user_string()
                yield dg.MaterializeResult(
                    asset_key=key, metadata=metadata if name == "cost_records" else {"window": str(window)}
                )
            yield from _selected(context, _checks(database, collected.days + repriced, settings))

    @dg.asset(
        deps=[dg.AssetKey(["system", "access", "workspaces_latest"]), "cost_records"],
        group_name=Layer.COLLECTORS,
        owners=[OWNER],
        kinds={"databricks", "postgres"},
        pool=Pool.DATABRICKS_SQL,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.workspaces"},
    )
    def workspaces(database: dg.ResourceParam[Database], source: dg.ResourceParam[Source]) -> dg.MaterializeResult[Any]:
        """Workspaces that are listed now or were ever seen in usage; a vanished one keeps its row and name."""
        with named_failures(), recorded_status(database, "workspaces", source.name):
            count = collect_workspaces(database, source, settings.current_date())
        return dg.MaterializeResult(metadata={"dagster/row_count": count})

    return [list_prices, cost_records, workspaces]


def _selected(
    context: dg.AssetExecutionContext, checks: Iterator[dg.AssetCheckResult]
) -> Iterator[dg.AssetCheckResult]:
    """The results that this run was asked for."""
    names = {key.name for key in context.selected_asset_check_keys}
    return (check for check in checks if check.check_name in names)


def _checks(database: Database, days: list[date], settings: Settings) -> Iterator[dg.AssetCheckResult]:
    """The checks of cost_records over the days of this run."""
    differences = database.rows("checks/control_totals", {"days": days})
    yield dg.AssetCheckResult(
        asset_key="cost_records",
        check_name="control_totals_match",
        passed=not differences,
        metadata={"days checked": len(days), "days that differ": len(differences)},
    )
    unpriced = database.rows("checks/unpriced_skus", {"days": days})
    books = database.rows("checks/collection_summary", {"days": days, "source": records.SOURCE})[0]
    rows = int(books["record_count"])
    share = sum(int(sku["record_count"]) for sku in unpriced) / rows if rows else 0.0
    yield dg.AssetCheckResult(
        asset_key="cost_records",
        check_name="unpriced_share",
        severity=dg.AssetCheckSeverity.WARN,
        passed=share <= settings.unpriced_share_warning,
        metadata={
            "unpriced share of usage rows": share,
            "SKUs without a price": ", ".join(sku["sku_name"] for sku in unpriced) or "none",
        },
    )
    yield dg.AssetCheckResult(
        asset_key="cost_records",
        check_name="rejected_rows",
        severity=dg.AssetCheckSeverity.WARN,
        passed=books["rejected_count"] == 0,
        metadata={"rows rejected": int(books["rejected_count"])},
    )
    newest: date | None = books["newest_usage_date"]
    age = None if newest is None else current_time(settings) - datetime.combine(newest, datetime.min.time(), tzinfo=UTC)
    yield dg.AssetCheckResult(
        asset_key="cost_records",
        check_name="usage_is_fresh",
        severity=dg.AssetCheckSeverity.WARN,
        passed=age is not None and age <= timedelta(hours=settings.stale_after_hours),
        metadata={
            "newest usage day": str(newest),
            "hours since it began": age.total_seconds() / 3600 if age else -1,
        },
    )
