"""Assets of tables made from other tables: a DerivedTable by days, or a table that every run makes anew."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

from costpulse_assets.derived_days import DerivedTable, build, days_to_build
from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Pool
from costpulse_assets.partitions import only_changed, run_window
from costpulse_assets.resources.database import Database
from costpulse_assets.table_schema import row_count


def derived_asset(
    table: DerivedTable,
    partitions: dg.DailyPartitionsDefinition,
    *,
    layer: str,
    description: str,
    deps: Sequence[str] = (),
    adds_up: str = "Quantity, list cost and cost per day and SKU equal cost_records to the last digit.",
) -> dg.AssetsDefinition:
    """An asset, partitioned by usage day, that rebuilds its days and proves that they add up.

    Args:
        table: what is rebuilt, from what, and the statement that finds what does not add up.
        partitions: the usage days.
        layer: Dagster group.
        description: grain and meaning, for the Dagster UI.
        deps: further assets it reads, beside the upstreams whose versions count.
        adds_up: what the blocking check `adds_up_to_cost_records` states.
    """

    @dg.multi_asset(
        name=table.name,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        # Without an edge of the graph to wait for: whatever can run goes first.
        op_tags={"dagster/priority": "-1"} if table.also_reads else None,
        specs=[
            dg.AssetSpec(
                key=table.name,
                deps=[*table.upstreams, *deps],
                description=description,
                group_name=layer,
                owners=[OWNER],
                kinds={"postgres"},
                freshness_policy=FRESH_EVERY_DAY,
                metadata={
                    "dagster/table_name": f"costpulse.{table.name}",
                    "tables": ", ".join([*table.tables, *table.weekly]),
                },
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "adds_up_to_cost_records",
                asset=table.name,
                blocking=True,
                description=adds_up,
            )
        ],
    )
    def materialize(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        window = run_window(context)
        with named_failures():
            days = days_to_build(database, table, window.first, window.last, only_changed=only_changed(context))
            build(database, table, days, progress=context.log.info)
            yield dg.MaterializeResult(
                asset_key=table.name,
                metadata={
                    "window": str(window),
                    "days rebuilt": len(days),
                },
            )
            differences = database.rows(table.check, {"days": days})
        yield dg.AssetCheckResult(
            asset_key=table.name,
            check_name="adds_up_to_cost_records",
            passed=not differences,
            metadata={"days checked": len(days), "differences": len(differences)},
        )

    return materialize


def rebuilt_asset(
    name: str, *, layer: str, deps: Sequence[str], description: str, rebuild: Callable[[Database], object]
) -> dg.AssetsDefinition:
    """An asset that is not by day: every run makes the whole table anew, in one transaction of `rebuild`."""

    @dg.asset(
        name=name,
        deps=list(deps),
        description=description,
        group_name=layer,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": f"costpulse.{name}"},
    )
    def materialize(database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
        with named_failures():
            rebuild(database)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": row_count(database, name),
            }
        )

    return materialize
