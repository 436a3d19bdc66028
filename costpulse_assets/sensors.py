"""What starts a run between schedules: changed price adjustments."""

from datetime import date
from typing import Any

import dagster as dg

from costpulse_assets.jobs import COST_CYCLE
from costpulse_assets.resources.database import open_database
from costpulse_assets.schedules import range_tags
from costpulse_assets.settings import Settings


def cost_sensors(settings: Settings, first_day: date) -> list[Any]:
    """The sensor that re-prices days after somebody changed a price adjustment."""

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

    return [reprice_changed_days]
