"""Assets of what comes next: forecasts, and how good they were."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import Settings
from costpulse_assets.table_schema import row_count


def forecast_assets(settings: Settings) -> list[Any]:
    """The assets forecasts and forecast_scores."""

    @dg.asset(
        name="forecasts",
        deps=["daily_costs", "daily_key_costs", "completeness", "teams", "budgets"],
        group_name=Layer.ANALYSIS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.FORECASTS if settings.forecast_model == "prophet" else Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.forecasts", "tables": "forecasts, forecast_landings"},
        check_specs=[
            dg.AssetCheckSpec(
                "parts_add_up_to_everything",
                asset="forecasts",
                blocking=True,
                description="On each day of an issue, workspaces, products, SKUs, and the teams at the top with "
                "Unallocated each add up to everything, to the last digit; teams below one never exceed it.",
            ),
            dg.AssetCheckSpec(
                "predicted_lies_within_its_bounds",
                asset="forecasts",
                blocking=True,
                description="An issue has every day to its end, each within its bounds and none below zero; so have "
                "the landings of months.",
            ),
            dg.AssetCheckSpec(
                "models_worked_as_asked",
                asset="forecasts",
                description="No model failed or was missing, so that another one had to stand in.",
            ),
        ],
    )
    def forecasts(database: dg.ResourceParam[Database]) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """What every scope will cost, in USD per day, as issued from the last final day.

        Scopes: everything, workspaces, products, SKUs, teams (with those below), and tags of budgets; to the end of
        next month, and to the end of the budgets' periods. An issue never changes. The first run also says what would
        have been said on past days, marked is_backtest. forecast_landings has the months.
        """
        from costpulse_assets.analysis.forecast_issues import LEAST_DAYS, issue_forecasts

        with named_failures():
            issued = issue_forecasts(database, days=settings.analysis_days, model=settings.forecast_model)
            waiting = issued.final_days < LEAST_DAYS
            yield dg.MaterializeResult(
                asset_key="forecasts",
                metadata={
                    "last final day": str(issued.data_until),
                    "scopes issued": issued.scopes,
                    "issues of past days": max(len(issued.days) - 1, 0),
                    "models": ", ".join(f"{name}: {count}" for name, count in sorted(issued.models.items())) or "none",
                    "waiting for": f"{LEAST_DAYS} final days, {issued.final_days} so far" if waiting else "nothing",
                    "warnings": "\n".join(issued.warnings) or "none",
                    "dagster/row_count": row_count(database, "forecasts"),
                },
            )
            parts = database.rows("checks/forecasts_cohere", {"days": list(issued.days)})
            bounds = database.rows("checks/forecast_bands", {"days": list(issued.days)})
        for name, found in (("parts_add_up_to_everything", parts), ("predicted_lies_within_its_bounds", bounds)):
            yield dg.AssetCheckResult(
                asset_key="forecasts",
                check_name=name,
                passed=not found,
                metadata={"issues checked": len(issued.days), "differences": len(found)},
            )
        yield dg.AssetCheckResult(
            asset_key="forecasts",
            check_name="models_worked_as_asked",
            passed=not issued.warnings,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"warnings": "\n".join(issued.warnings) or "none"},
        )

    @dg.asset(
        name="forecast_scores",
        deps=["forecasts", "completeness"],
        group_name=Layer.ANALYSIS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.forecast_scores"},
    )
    def forecast_scores(database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
        """How good issued forecasts were, once their days are final: WAPE, bias and coverage beside seasonal naive.

        One row per issue, scope and distance into the future (1-7, 8-14, 15-30, 31+ days).
        """
        from costpulse_assets.analysis.forecast_issues import score_forecasts

        with named_failures():
            scores = score_forecasts(database, days=settings.analysis_days)
        return dg.MaterializeResult(metadata={"dagster/row_count": scores})

    return [forecasts, forecast_scores]
