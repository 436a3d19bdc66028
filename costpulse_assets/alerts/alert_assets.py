"""Assets of alerts: what people want to be told, and the messages that follow from what is known."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import Settings
from costpulse_assets.table_schema import row_count

_EVALUATED = "every_alert_was_evaluated"

#: The table that people edit; `evaluate_alerts` observes it.
ALERTS = dg.AssetSpec(
    "alerts",
    group_name=Layer.SETTINGS,
    description="What people want to be told, and where. Typed by people; audited.",
    owners=[OWNER],
    kinds={"postgres"},
    metadata={"dagster/table_name": "costpulse.alerts"},
)


def alert_assets(settings: Settings) -> list[Any]:
    """The asset alert_outbox, and what people edit."""

    @dg.asset(
        name="alert_outbox",
        deps=[
            *("alerts", "budgets", "teams"),
            *("anomalies", "budget_status", "recommendations", "recommendation_outcomes", "tag_compliance"),
            *("daily_costs", "daily_key_costs", "cluster_daily", "completeness", "statement_lines", "change_bridge"),
        ],
        group_name=Layer.ALERTS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={
            "dagster/table_name": "costpulse.alert_outbox",
            "tables": "alert_outbox, alert_history, alert_evaluations",
        },
        check_specs=[
            dg.AssetCheckSpec(
                _EVALUATED,
                asset="alert_outbox",
                description="No alert failed, has an unknown type, or watches what is not there any more.",
            ),
        ],
    )
    def alert_outbox(
        database: dg.ResourceParam[Database],
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Messages on their way: what alerts find in final days, each finding once per channel.

        Findings are in alert_history, how each alert was evaluated in alert_evaluations. A sensor delivers.
        """
        from costpulse_assets.alerts.evaluate import evaluate

        with named_failures():
            done = evaluate(database, settings, now=datetime.now(UTC))
            yield dg.MaterializeResult(
                asset_key="alert_outbox",
                metadata={
                    "alerts": done.alerts,
                    "findings of the last 35 days": done.findings,
                    "told": done.told,
                    "covered by a higher threshold": done.covered,
                    "muted": done.muted,
                    "without a channel": done.shown,
                    **{f"failed, {name}": problem for name, problem in done.failed},
                    "dagster/row_count": row_count(database, "alert_outbox"),
                },
            )
        yield dg.AssetCheckResult(
            asset_key="alert_outbox",
            check_name=_EVALUATED,
            passed=not done.failed,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"failed": "\n".join(f"{name}: {problem}" for name, problem in done.failed) or "none"},
        )

    return [ALERTS, alert_outbox]
