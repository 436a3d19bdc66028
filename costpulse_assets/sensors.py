"""What happens between schedules: changed prices, rules, budgets and tag policies start a run, alerts are evaluated."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from costpulse_assets.allocation.assets import EDITED_SPECS, KEY_ALLOCATIONS
from costpulse_assets.derived_days import days_to_build
from costpulse_assets.jobs import BUDGETING, COST_CYCLE, REALLOCATION, TAG_JUDGEMENT
from costpulse_assets.resources.database import open_database
from costpulse_assets.schedules import range_tags
from costpulse_assets.settings import Settings

#: An alert that was not evaluated for so long is: a cycle runs every six hours, unless what it needs fails.
_LONGEST_UNEVALUATED = timedelta(hours=7)


def cost_sensors(settings: Settings, first_day: date) -> list[Any]:
    """The sensors that follow what people change: prices, rules, budgets and tag policies."""

    @dg.sensor(
        job=COST_CYCLE,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Re-prices the days that a changed price adjustment touches, and what follows from them.",
    )
    def reprice_changed_days(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        with open_database(settings) as database:
            fingerprint = database.rows("transform/price_adjustments_fingerprint")[0]["fingerprint"]
            marked = [
                row["usage_date"]
                for row in database.rows("transform/collected_days_known", {"source": "cost_records"})
                if row["reprice_reason"]
            ]
        if fingerprint == (context.cursor or ""):
            return dg.SkipReason("No price adjustment has changed.")
        today = settings.current_date()
        request = dg.RunRequest(
            run_key=f"reprice {fingerprint}", tags=range_tags(max(first_day, today), today, only_changed=True)
        )
        return dg.SensorResult(
            run_requests=[request] if marked else [],
            cursor=fingerprint,
            asset_events=[
                dg.AssetObservation(asset_key="price_adjustments", metadata={"days to re-price": len(marked)})
            ],
        )

    @dg.sensor(
        job=REALLOCATION,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Allocates the days anew that changed teams, rules and splits concern, and what follows from them.",
    )
    def reallocate_changed_days(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        today = settings.current_date()
        with open_database(settings) as database:
            changes = str(database.rows("transform/rule_changes")[0]["changes"])
            if changes == (context.cursor or "0"):
                return dg.SkipReason("No team, rule or split has changed.")
            due = days_to_build(database, KEY_ALLOCATIONS, today, today, only_changed=True)
        request = dg.RunRequest(
            run_key=f"reallocate {changes}", tags=range_tags(max(first_day, today), today, only_changed=True)
        )
        return dg.SensorResult(
            run_requests=[request] if due else [],
            cursor=changes,
            asset_events=[
                dg.AssetObservation(asset_key=spec.key, metadata={"days to allocate": len(due)})
                for spec in EDITED_SPECS
            ],
        )

    @dg.sensor(
        job=BUDGETING,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Judges budgets again as soon as one is made, changed or deleted.",
    )
    def judge_changed_budgets(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        with open_database(settings) as database:
            changes = str(database.rows("transform/changes_by_people", {"table": "budgets"})[0]["changes"])
        if context.cursor is None:
            return _first_tick(changes)
        if changes == context.cursor:
            return dg.SkipReason("No budget has changed.")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"budgets {changes}")], cursor=changes)

    @dg.sensor(
        job=TAG_JUDGEMENT,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Judges the tags of the last 90 days again as soon as a tag policy is made, changed or deleted.",
    )
    def judge_changed_tag_policies(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        with open_database(settings) as database:
            changes = str(database.rows("transform/changes_by_people", {"table": "tag_policies"})[0]["changes"])
        if context.cursor is None:
            return _first_tick(changes)
        if changes == context.cursor:
            return dg.SkipReason("No tag policy has changed.")
        today = settings.current_date()
        request = dg.RunRequest(
            run_key=f"tag policies {changes}", tags=range_tags(max(first_day, today), today, only_changed=True)
        )
        return dg.SensorResult(run_requests=[request], cursor=changes)

    return [reprice_changed_days, reallocate_changed_days, judge_changed_budgets, judge_changed_tag_policies]


def alert_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that evaluates alerts by the clock, in the process that evaluates sensors, without a run."""

    @dg.sensor(
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Evaluates alerts on what does not come; and all of them if one is new, was changed, or was not "
        "evaluated for long because runs fail.",
    )
    def evaluate_alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        # Only here: what types of alerts are made of is not needed to load the definitions.
        from costpulse_assets.alerts.evaluate import evaluate

        now = datetime.now(UTC)
        with open_database(settings) as database:
            (due,) = database.rows("transform/alerts_not_evaluated", {"since": now - _LONGEST_UNEVALUATED})
            done = evaluate(database, settings, now=now, watched_by=None if due["alerts"] else "clock")
        for name, problem in done.failed:
            context.log.warning(f"{name}: {problem}")
        observed = dg.AssetObservation(asset_key="alerts", metadata={"alerts to evaluate": due["alerts"]})
        return dg.SensorResult(
            skip_reason=f"{done.alerts} alerts evaluated, {done.told} findings told.",
            asset_events=[observed] if due["alerts"] else [],
        )

    return evaluate_alerts


def _first_tick(changes: str) -> dg.SensorResult:
    """What was there before the sensor looked first was judged by the run of the start, or is by the next cycle."""
    return dg.SensorResult(skip_reason="Changes are counted from now on.", cursor=changes)
