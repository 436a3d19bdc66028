"""What CostPulse's own queries cost the customer, and when that is a reason to ask for less."""

from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from costpulse_assets.resources.database import Database
from costpulse_assets.settings import Settings


class OwnCost(NamedTuple):
    """Cost in USD of our own statements on a UTC day."""

    usage_date: date
    cost_usd: Decimal


def newest_own_cost(database: Database, today: date) -> OwnCost | None:
    """What our own queries cost today or, as long as nothing of today is in, yesterday; None: neither is in."""
    rows = database.rows("checks/own_cost", {"from_date": today - timedelta(days=1), "to_date": today})
    return OwnCost(**rows[0]) if rows else None


def optional_collection_allowed(database: Database, settings: Settings) -> str | None:
    """None as long as everything may be collected, else the sentence why only bills, prices and workspaces are.

    The day after an expensive one is left alone as well, until its own cost is known; the day after that goes on.
    """
    budget = settings.self_cost_daily_budget
    if budget is None:
        return None
    own = newest_own_cost(database, settings.current_date())
    if own is None or own.cost_usd <= budget:
        return None
    return (
        f"CostPulse's own queries cost {own.cost_usd:.2f} USD on {own.usage_date}, more than the {budget} USD a day of "
        "COSTPULSE_SELF_COST_DAILY_BUDGET: only bills, prices and workspaces are collected."
    )
