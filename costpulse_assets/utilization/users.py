"""Who spends: every identity seen, and which team those who are in none seem to belong to."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg

from costpulse_assets.derived_assets import derived_asset, rebuilt_asset
from costpulse_assets.derived_days import DerivedTable
from costpulse_assets.layers import Layer
from costpulse_assets.resources.database import Database, run
from costpulse_assets.settings import Settings

DAILY_USER_COSTS = DerivedTable(
    name="daily_user_costs",
    upstreams=("daily_key_costs",),
    tables=("daily_user_costs",),
    check="checks/daily_user_costs_conserve",
)

#: Days, today included, of the recent cost and executions of a user.
RECENT_DAYS = 30
#: Days of cost that speak for a team.
EVIDENCE_DAYS = 90
#: A weaker suggestion is not worth anybody's time.
LEAST_SHARE = Decimal("0.6")


def rebuild_users(database: Database, today: date) -> None:
    """Replaces `users` by what is known now: the first time from all days of the bill, later from what is new in it."""
    books: dict[str, Any] = {"asset": "users", "upstreams": [DAILY_USER_COSTS.name]}
    evidence_from = today - timedelta(days=EVIDENCE_DAYS - 1)
    with database.writing() as connection:
        (last,) = run(connection, "transform/last_built", books)
        window = {"only_changed": True, "from_date": today, "to_date": today}
        changed = [row["usage_date"] for row in run(connection, "transform/days_to_build", books | window)]
        seen_since = date.min if last["newest_day"] is None else min([evidence_from, *changed])
        run(connection, "transform/stage_known_users")
        connection.execute("delete from costpulse.users")
        parameters = {**_days(today, RECENT_DAYS), "evidence_from": evidence_from, "seen_since": seen_since}
        run(connection, "transform/users", parameters)
        run(connection, "transform/built_days", {**books, "days": changed})


def suggest_members(database: Database, today: date) -> None:
    """Replaces `member_suggestions` from `users` and the cost of 90 days."""
    with database.writing() as connection:
        connection.execute("delete from costpulse.member_suggestions")
        run(
            connection,
            "transform/member_suggestions",
            {**_days(today, EVIDENCE_DAYS), "least_share": LEAST_SHARE},
        )


def user_assets(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> list[Any]:
    """The assets daily_user_costs, users and member_suggestions."""
    return [
        derived_asset(
            DAILY_USER_COSTS,
            partitions,
            layer=Layer.UTILIZATION,
            description="Cost per day, identity of the bill, workspace and team in the tags.",
            deps=["cost_keys"],
            adds_up="Cost per day equals that of the keys with an identity in daily_key_costs.",
        ),
        rebuilt_asset(
            "users",
            layer=Layer.UTILIZATION,
            deps=[
                "daily_user_costs",
                "query_activity",
                "clusters",
                "warehouses",
                "jobs",
                "pipelines",
                "serving_endpoints",
                "workspaces",
            ],
            description="Every person, service principal or other identity in the bill, in queries or as an owner, "
            "with cost in USD of the last 90 and 30 days. Spellings of one address that differ in case are one row.",
            rebuild=lambda database: rebuild_users(database, settings.current_date()),
        ),
        rebuilt_asset(
            "member_suggestions",
            layer=Layer.UTILIZATION,
            deps=["users", "daily_user_costs"],
            description="Who is in no team and seems to belong to one: by tags, e-mail domain or workspace, "
            "of the last 90 days.",
            rebuild=lambda database: suggest_members(database, settings.current_date()),
        ),
    ]


def _days(today: date, days: int) -> dict[str, Any]:
    return {"from_date": today - timedelta(days=days - 1), "to_date": today}
