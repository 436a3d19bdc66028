"""Assets of budgets: what people decided may be spent, and where each of its periods stands."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import Settings
from costpulse_assets.table_schema import row_count

#: The table that people edit.
BUDGETS = dg.AssetSpec(
    "budgets",
    group_name=Layer.SETTINGS,
    description="What may be spent, by whom and in which period. Typed by people; audited.",
    owners=[OWNER],
    kinds={"postgres"},
    metadata={"dagster/table_name": "costpulse.budgets"},
)


def budget_assets(settings: Settings) -> list[Any]:
    """The asset budget_status, and what people edit."""

    @dg.asset(
        name="budget_status",
        deps=["budgets", "forecasts", "daily_costs", "daily_key_costs", "completeness", "teams"],
        group_name=Layer.ANALYSIS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.FORECASTS if settings.forecast_model == "prophet" else Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={
            "dagster/table_name": "costpulse.budget_status",
            "tables": "budget_status, budget_probabilities, budget_scores",
        },
        check_specs=[
            dg.AssetCheckSpec(
                "teams_add_up",
                asset="budget_status",
                blocking=True,
                description="What a team spent of its budget is its own cost and that of the teams below it, to the "
                "last digit.",
            ),
            dg.AssetCheckSpec(
                "models_worked_as_asked",
                asset="budget_status",
                description="No model failed or was missing, so that another one had to stand in.",
            ),
        ],
    )
    def budget_status(
        database: dg.ResourceParam[Database],
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Per budget and period: spent, projected with bounds, how probably it is exceeded and from when on, in USD.

        From final days, and the possible futures of the forecast for all others. What was expected is kept per last
        final day in budget_probabilities, beside the outcome once a period is over; budget_scores says how good that
        was.
        """
        from costpulse_assets.analysis.budget_status import update_budget_status

        with named_failures():
            report = update_budget_status(database, days=settings.analysis_days, model=settings.forecast_model)
            yield dg.MaterializeResult(
                asset_key="budget_status",
                metadata={
                    "last final day": str(report.data_until),
                    "periods looked at": report.periods,
                    "probabilities": report.probabilities,
                    "warnings": "\n".join(report.warnings) or "none",
                    "dagster/row_count": row_count(database, "budget_status"),
                },
            )
            differences = database.rows("checks/budget_hierarchy_adds_up", {"since": report.computed_at})
        yield dg.AssetCheckResult(
            asset_key="budget_status",
            check_name="teams_add_up",
            passed=not differences,
            metadata={"differences": len(differences)},
        )
        yield dg.AssetCheckResult(
            asset_key="budget_status",
            check_name="models_worked_as_asked",
            passed=not report.warnings,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"warnings": "\n".join(report.warnings) or "none"},
        )

    return [BUDGETS, budget_status]
