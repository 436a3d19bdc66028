"""The asset of reports: makes what was asked for, and clears away what is over."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from costpulse_assets.errors import AlreadyRunning, CostPulseError, FocusInvalid
from costpulse_assets.failures import named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Layer
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import Settings

REPORTS = "reports"
_FOCUS = "focus_files_follow_the_specification"
_MADE = "every_report_was_made"


class ReportsToMake(dg.Config):
    """Which reports a run makes: rows of `reports` that wait. Empty: all that do."""

    report_ids: list[int] = Field(default_factory=list)


def report_assets(settings: Settings) -> list[Any]:
    """The asset reports."""

    @dg.asset(
        name=REPORTS,
        deps=[
            *("daily_costs", "daily_key_costs", "cost_allocations", "completeness", "statement_lines", "change_bridge"),
            *("cluster_daily", "warehouse_daily", "job_run_costs", "daily_user_costs"),
            *("anomalies", "forecasts", "budget_status", "recommendations", "tag_compliance"),
        ],
        group_name=Layer.REPORTS,
        owners=[OWNER],
        kinds={"postgres", "file"},
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.reports"},
        check_specs=[
            dg.AssetCheckSpec(
                _FOCUS,
                asset=REPORTS,
                blocking=True,
                description="Every file of FOCUS keeps all rules of the specification; one that does not is not "
                "published.",
            ),
            dg.AssetCheckSpec(
                _MADE,
                asset=REPORTS,
                description="Every report that was asked for was made; why one was not is in its row as well.",
            ),
        ],
    )
    def reports(
        context: dg.AssetExecutionContext, config: ReportsToMake, database: dg.ResourceParam[Database]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """Reports people can hand on: what waits is made, each once, to a file that is whole or not there.

        What is made and by whom it was asked for is in the table reports. Files go when their time is over, and what
        a process left behind that died goes with the next run.
        """
        # Only here: it is not needed to load the definitions.
        from costpulse_assets.reports.files import expire
        from costpulse_assets.reports.making import fail_abandoned, make_report, requested_reports

        made: list[str] = []
        failed: dict[str, CostPulseError] = {}
        with named_failures():
            abandoned = fail_abandoned(database, settings)
            expired = expire(database, settings, datetime.now(UTC))
            for report_id in config.report_ids or requested_reports(database):
                try:
                    done = make_report(database, settings, report_id, run_id=context.run.run_id)
                    made.append(f"{report_id}: {done.name}, {done.size_bytes:,} bytes")
                except CostPulseError as error:
                    # Another run was faster, which is as good, but to whoever asked for this very one.
                    if config.report_ids or not isinstance(error, AlreadyRunning):
                        failed[f"report {report_id}"] = error
            invalid = {name: str(error) for name, error in failed.items() if isinstance(error, FocusInvalid)}
            yield dg.AssetCheckResult(check_name=_FOCUS, passed=not invalid, metadata=invalid)
            yield dg.AssetCheckResult(
                check_name=_MADE,
                passed=not failed,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={name: str(error) for name, error in failed.items()},
            )
            # Whoever names reports waits for them.
            if config.report_ids and failed:
                raise next(iter(failed.values()))
            yield dg.MaterializeResult(
                metadata={
                    "made": "\n".join(made) or "none",
                    "failed": len(failed),
                    "abandoned": len(abandoned),
                    "expired": expired,
                }
            )

    return [reports]
