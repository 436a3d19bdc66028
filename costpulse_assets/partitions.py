"""The one partitions definition: daily by usage_date, UTC, today included."""

from datetime import date, timedelta

import dagster as dg

from costpulse_assets.layers import ONLY_CHANGED_TAG
from costpulse_assets.periods import Period


def daily_partitions(first_day: date) -> dg.DailyPartitionsDefinition:
    """Usage days from the first one to today: billing days are UTC days and today's is in progress."""
    return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), timezone="UTC", end_offset=1)


def run_window(context: dg.AssetExecutionContext) -> Period:
    """The usage days of this run, both ends included."""
    window = context.partition_time_window
    return Period(window.start.date(), (window.end - timedelta(days=1)).date())


def only_changed(context: dg.AssetExecutionContext) -> bool:
    """True when the run asks for changed days only (schedules and `costpulse up`)."""
    return context.run.tags.get(ONLY_CHANGED_TAG) == "true"
