"""The asset of the change bridge: why this month, and the last one, did not cost what the month before did."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from costpulse_assets.costs.change_bridge import CHANGE_BRIDGE, CHECK, rebuild_change_bridge
from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import Settings
from costpulse_assets.table_schema import row_count

_CHECK = "parts_add_up"


def change_bridge_assets(settings: Settings) -> list[Any]:
    """The asset change_bridge."""

    @dg.asset(
        name=CHANGE_BRIDGE,
        deps=["daily_key_costs", "daily_costs", "completeness"],
        group_name=Layer.COSTS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": f"costpulse.{CHANGE_BRIDGE}"},
        check_specs=[
            dg.AssetCheckSpec(
                _CHECK,
                asset=CHANGE_BRIDGE,
                blocking=True,
                description="For every comparison and scope, the parts add up to the difference in daily_costs, to "
                "the last digit.",
            )
        ],
    )
    def change_bridge(
        database: dg.ResourceParam[Database],
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Why cost changed: price, discount, volume, mix, new, ended, moved between teams, restatements.

        Month to date with the same days of the month before, and the last full month with the one before it, for
        everything, every workspace, every product, and every team with the teams below it.
        """
        with named_failures():
            compared = rebuild_change_bridge(database)
            yield dg.MaterializeResult(
                metadata={
                    **{
                        each.comparison: f"{each.then} -> {each.now}"
                        if each.waits_for is None
                        else f"not made: {each.waits_for}"
                        for each in compared
                    },
                    "dagster/row_count": row_count(database, CHANGE_BRIDGE),
                }
            )
            differences = database.rows(CHECK)
        yield dg.AssetCheckResult(check_name=_CHECK, passed=not differences, metadata={"differences": len(differences)})

    return [change_bridge]
