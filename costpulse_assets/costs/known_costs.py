"""What was known when: every state that daily_costs had at the end of a UTC day, in `known_costs`.

A row says what one team, workspace, product, SKU and unit of a usage day was known to cost, from the end of one day to
the end of another. Only rows that differ from what was known are written, so a day that does not change takes no room,
and whatever changed it (corrections, prices, adjustments, rules, names) is in it alike. Read by `statements`.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg

from costpulse_assets.costs.assets import DAILY_COSTS
from costpulse_assets.derived_days import DAYS_AT_ONCE
from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.resources.database import Database, expect_no_rows, run
from costpulse_assets.settings import Settings

#: The asset's name, under which built_days keeps which days it has compared.
KNOWN_COSTS = "known_costs"
_CHECK = "what_is_known_is_daily_costs"
_SQL_CHECK = "checks/known_costs_are_daily_costs"


def keep_known(database: Database, today: date) -> list[date]:
    """Writes what has become known of the days that daily_costs were rebuilt for since the last time.

    Args:
        database: where.
        today: the UTC day at whose end it will be known. What was written on the same day is replaced.

    Returns:
        The days that were compared, the oldest first.

    Raises:
        InvariantBroken: what is known now would not be daily_costs; nothing was written.
    """
    built: dict[str, Any] = {"asset": KNOWN_COSTS, "upstreams": [DAILY_COSTS.name]}
    with database.writing() as connection:
        anywhere = {"only_changed": True, "from_date": None, "to_date": None}
        due = [row["usage_date"] for row in run(connection, "transform/days_to_build", {**built, **anywhere})]
        for position in range(0, len(due), DAYS_AT_ONCE):
            days = {"days": due[position : position + DAYS_AT_ONCE]}
            written = days | run(connection, "transform/known_from", {**days, "today": today})[0]
            for statement in ("known_costs_of_today", "known_costs", "known_days"):
                run(connection, f"transform/{statement}", written)
            expect_no_rows(connection, _SQL_CHECK, days, otherwise="What is known would not be daily_costs")
            run(connection, "transform/built_days", {**built, **days})
    return due


def known_costs_assets(settings: Settings) -> list[Any]:
    """The asset known_costs."""

    @dg.asset(
        name=KNOWN_COSTS,
        deps=[DAILY_COSTS.name],
        group_name=Layer.COSTS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": f"costpulse.{KNOWN_COSTS}"},
        check_specs=[
            dg.AssetCheckSpec(
                _CHECK,
                asset=KNOWN_COSTS,
                blocking=True,
                description="Of the days that changed, the rows that hold now equal daily_costs in quantity, list "
                "cost and cost, to the last digit.",
            )
        ],
    )
    def known_costs(
        database: dg.ResourceParam[Database],
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """What daily_costs said at the end of every UTC day since a usage day was first collected.

        One row per usage day, team, workspace, product, SKU and unit, and span of days in which it was known so; only
        what changes is written.
        """
        with named_failures():
            days = keep_known(database, settings.current_date())
            yield dg.MaterializeResult(
                metadata={
                    "days compared": len(days),
                }
            )
            differences = database.rows(_SQL_CHECK, {"days": days})
        yield dg.AssetCheckResult(
            check_name=_CHECK,
            passed=not differences,
            metadata={"days checked": len(days), "differences": len(differences)},
        )

    return [known_costs]
