"""Assets of recommendations: what to change, what that saves and saved, and the prices of machines."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.settings import Settings
from costpulse_assets.table_schema import row_count

_WITHIN_COST, _ONE, _DECLARED = "savings_within_cost", "one_per_resource", "evidence_is_declared"
_COSTS = "costs_add_up"


def recommendation_assets(settings: Settings) -> list[Any]:
    """The assets recommendations, recommendation_outcomes and vm_prices."""

    @dg.asset(
        group_name=Layer.ANALYSIS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.vm_prices"},
    )
    def vm_prices(database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
        """What machines cost at the cloud provider: prices of the user's file before shipped estimates."""
        from costpulse_assets.analysis.vm_prices import load_vm_prices

        with named_failures():
            loaded = load_vm_prices(database, settings.vm_prices)
            return dg.MaterializeResult(
                metadata={
                    "dagster/row_count": sum(loaded.values()),
                    "prices of the user": loaded["user"],
                    "estimates": loaded["estimate"],
                }
            )

    @dg.asset(
        deps=[
            *("clusters", "cluster_info", "cluster_daily", "warehouses", "warehouse_info", "warehouse_daily", "jobs"),
            *("job_runs", "pipelines", "serving_endpoints", "daily_costs", "daily_key_costs", "completeness"),
            *("query_costs", vm_prices),
        ],
        group_name=Layer.ANALYSIS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.recommendations"},
        check_specs=[
            dg.AssetCheckSpec(
                _WITHIN_COST,
                asset="recommendations",
                blocking=True,
                description="What is open and accepted saves no more than each resource, and all of them together, "
                "cost in the window.",
            ),
            dg.AssetCheckSpec(
                _ONE,
                asset="recommendations",
                blocking=True,
                description="A type says one thing about a resource, however often it runs.",
            ),
            dg.AssetCheckSpec(
                _DECLARED,
                asset="recommendations",
                description="The evidence has the figures that the type declares, and no others.",
            ),
        ],
    )
    def recommendations(
        database: dg.ResourceParam[Database],
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """What to change, exactly, and what that saves in 30 days at the customer's prices.

        From the last 30 final days. Savings that overlap on one resource are combined, never added. What people
        decided stays with a recommendation; what is not found any more expires.
        """
        from costpulse_assets.analysis.recommendation_run import update_recommendations
        from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES

        with named_failures():
            done = update_recommendations(database, settings, now=current_time(settings))
            (summary,) = database.rows("checks/recommendations_summary")
            yield dg.MaterializeResult(
                asset_key="recommendations",
                metadata={
                    "dagster/row_count": row_count(database, "recommendations"),
                    "window": str(done.window),
                    **{f"found, {name}": found for name, found in done.found.items()},
                    "new": done.new,
                    "open again": done.back,
                    "expired by this run": done.expired,
                    **{word: summary[word] for word in ("open", "accepted", "done", "dismissed", "expired")},
                    "savings of 30 days, USD": float(summary["savings_usd"]),
                },
            )
            above = database.rows("checks/recommendations_within_cost")
            several = database.rows("checks/recommendations_per_resource")
            evidence: dict[str, set[str]] = {}
            for row in database.rows("checks/recommendation_evidence"):
                evidence.setdefault(row["type"], set()).add(row["name"])
            undeclared = [
                f"{name}: {', '.join(sorted(names ^ RECOMMENDATION_TYPES[name].evidence.keys()))}"
                for name, names in evidence.items()
                if names != RECOMMENDATION_TYPES[name].evidence.keys()
            ]
        yield dg.AssetCheckResult(
            asset_key="recommendations",
            check_name=_WITHIN_COST,
            passed=not above,
            metadata={"above their cost": len(above)},
        )
        yield dg.AssetCheckResult(
            asset_key="recommendations",
            check_name=_ONE,
            passed=not several,
            metadata={"resources with several": len(several)},
        )
        yield dg.AssetCheckResult(
            asset_key="recommendations",
            check_name=_DECLARED,
            passed=not undeclared,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"different": "; ".join(undeclared) or "none"},
        )

    @dg.asset(
        deps=[
            *("clusters", "warehouses", "cluster_daily", "warehouse_daily", "job_runs", "daily_key_costs"),
            *("completeness", recommendations),
        ],
        group_name=Layer.ANALYSIS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.recommendation_outcomes"},
        check_specs=[
            dg.AssetCheckSpec(
                _COSTS,
                asset="recommendation_outcomes",
                blocking=True,
                description="What clusters and warehouses cost after a change equals their days to the last digit.",
            ),
        ],
    )
    def recommendation_outcomes(
        database: dg.ResourceParam[Database],
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """What the changes of the last 90 days really save, against what would have been spent without them.

        A recommendation whose setting was seen to change is done from that day on. Only what is proved counts: the
        lower end of the 95 % interval is above 0 at unchanged prices and unchanged work.
        """
        from costpulse_assets.analysis.recommendation_outcomes import update_recommendation_outcomes

        with named_failures():
            done = update_recommendation_outcomes(database, now=current_time(settings))
            (proved,) = database.rows("app/proved_savings", {"today": current_time(settings).date()})
            yield dg.MaterializeResult(
                asset_key="recommendation_outcomes",
                metadata={
                    "dagster/row_count": row_count(database, "recommendation_outcomes"),
                    "measured up to": str(done.last_day),
                    "recommendations seen to be done": done.seen,
                    **{str(verdict): count for verdict, count in done.verdicts.items()},
                    "proved savings of 30 days, USD": float(proved["saving_per_30_days_usd"]),
                },
            )
            different = database.rows("checks/outcomes_conserve")
        yield dg.AssetCheckResult(
            asset_key="recommendation_outcomes",
            check_name=_COSTS,
            passed=not different,
            metadata={"different": len(different)},
        )

    return [vm_prices, recommendations, recommendation_outcomes]
