"""Assets of anomaly detection: the events with their causes, and how well the detectors do on this account."""

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

_NO_OVERLAP, _ADD_UP, _JUDGED = "shown_events_do_not_overlap", "causes_add_up", "something_was_judged"


def anomaly_assets(settings: Settings) -> list[Any]:
    """The assets anomalies and detector_scorecard."""

    @dg.asset(
        deps=["daily_costs", "daily_key_costs", "completeness"],
        group_name=Layer.ANALYSIS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={
            "dagster/table_name": "costpulse.anomalies",
            "tables": "anomalies, anomaly_causes, anomaly_days, series_sensitivity, detector_states",
        },
        check_specs=[
            dg.AssetCheckSpec(
                _NO_OVERLAP,
                asset="anomalies",
                blocking=True,
                description="No two events of one scope and direction that are shown share a day.",
            ),
            dg.AssetCheckSpec(
                _ADD_UP,
                asset="anomalies",
                blocking=True,
                description="In every dimension the causes of an event add up to its cost and to what was expected, "
                "to the last digit.",
            ),
            dg.AssetCheckSpec(
                _JUDGED,
                asset="anomalies",
                description="There is enough history to judge at least one series.",
            ),
        ],
    )
    def anomalies(database: dg.ResourceParam[Database]) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """What was not normal: events of everything, workspaces, products, teams, SKUs, jobs, warehouses and clusters.

        Each with its days, its money against the same weekdays before, its causes by dimension, and the event of a
        larger scope that explains it. Days that are not final are judged only where they are too high already. What
        people decided about an event stays with it.
        """
        # pandas: the code location loads without it
        from costpulse_assets.analysis.anomalies import WARM_UP_DAYS
        from costpulse_assets.analysis.anomaly_run import detect_anomalies

        with named_failures():
            done = detect_anomalies(database, settings, now=current_time(settings))
            summary = database.rows("checks/anomalies_summary")[0]
            yield dg.MaterializeResult(
                metadata={
                    "dagster/row_count": row_count(database, "anomalies"),
                    "series": done.series,
                    "series judged": done.judged,
                    "final days": done.days,
                    "last final day": str(done.final_until),
                    "days judged by this run": done.days_judged,
                    "events": done.events,
                    "events shown": done.shown,
                    "events there no longer": done.gone,
                    "expected events open again": done.reopened,
                    **{f"open, {word}": int(summary[word]) for word in ("critical", "high", "medium")},
                    "open, USD above expected": float(summary["above_usd"]),
                    "open, USD below expected": float(summary["below_usd"]),
                }
            )
            overlapping = database.rows("checks/anomalies_overlap")
            different = database.rows("checks/anomaly_causes_add_up")
        yield dg.AssetCheckResult(
            check_name=_NO_OVERLAP, passed=not overlapping, metadata={"overlapping": len(overlapping)}
        )
        yield dg.AssetCheckResult(check_name=_ADD_UP, passed=not different, metadata={"differences": len(different)})
        yield dg.AssetCheckResult(
            check_name=_JUDGED,
            # A young account has nothing wrong with it.
            passed=done.judged > 0 or done.days < WARM_UP_DAYS,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"series": done.series, "series judged": done.judged, "final days": done.days},
            description=None
            if done.judged
            else f"Nothing could be judged yet: a series needs {WARM_UP_DAYS} final days with a cost.",
        )

    @dg.asset(
        deps=["daily_costs"],
        group_name=Layer.ANALYSIS,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.detector_scorecard"},
    )
    def detector_scorecard(database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
        """How many known events, put into this account's own history, each detector finds, how late and at what noise.

        Computed once a week, and when its settings have changed.
        """
        from costpulse_assets.analysis.scorecard_run import score_detectors

        with named_failures():
            done = score_detectors(database, settings, now=current_time(settings))
            metadata: dict[str, Any] = {
                "dagster/row_count": row_count(database, "detector_scorecard"),
                "outcome": done.outcome,
                "series": done.series,
                "final days": done.days,
            }
        for total in done.card.methods if done.card else ():
            metadata[f"{total.method}, false alarms a week"] = total.false_alarms_per_week
            metadata[f"{total.method}, suggested sensitivity"] = total.suggested_sensitivity
        for score in done.card.classes if done.card else ():
            metadata[f"{score.method}, {score.event_class}"] = f"{score.found} of {score.injected}"
        return dg.MaterializeResult(metadata=metadata)

    return [anomalies, detector_scorecard]
