"""The asset of closed months: books what has changed in them, and closes what is due by the setting."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from costpulse_assets.costs.statements import STATEMENT_LINES, book_adjustments, close_due_months
from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.partitions import only_changed
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.settings import Settings
from costpulse_assets.table_schema import row_count

_CHECK = "statement_and_adjustments_add_up"


def statement_assets(settings: Settings) -> list[Any]:
    """The asset statement_lines."""

    @dg.asset(
        name=STATEMENT_LINES,
        deps=["daily_costs", "completeness"],
        group_name=Layer.COSTS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": f"costpulse.{STATEMENT_LINES}"},
        check_specs=[
            dg.AssetCheckSpec(
                _CHECK,
                asset=STATEMENT_LINES,
                blocking=True,
                description="For every closed month, statement + adjustments equal daily_costs per team, workspace, "
                "product, SKU and unit, in quantity, list cost and cost, to the last digit.",
            )
        ],
    )
    def statement_lines(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """What every team was told about a closed month, and what has changed since.

        The statement is frozen per usage day, workspace, product, SKU and unit; changes are dated adjustments on the
        next open month, with their cause. Months are closed by people, or by the setting close_month_on_day.
        """
        now = current_time(settings)
        with named_failures():
            # First what has changed: it belongs on the statement of a month that is about to be closed.
            booked = book_adjustments(database, only_changed=only_changed(context), at=now)
            metadata: dict[str, str | int | dg.TableSchema] = {"adjustments booked": booked}
            if settings.close_month_on_day is not None:
                closed, waiting = close_due_months(
                    database, on_day=settings.close_month_on_day, today=settings.current_date(), at=now
                )
                metadata["months closed"] = ", ".join(f"{month:%Y-%m}" for month in closed) or "none"
                metadata["waiting"] = waiting or "nothing"
            metadata["dagster/row_count"] = row_count(database, STATEMENT_LINES)
            yield dg.MaterializeResult(metadata=metadata)
            differences = database.rows("checks/statements_add_up", {"days": None})
        yield dg.AssetCheckResult(check_name=_CHECK, passed=not differences, metadata={"differences": len(differences)})

    return [statement_lines]
