"""Who spends: every identity seen, and which team those who are in none seem to belong to."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from costpulse_assets.derived_assets import rebuilt_asset
from costpulse_assets.layers import Layer
from costpulse_assets.resources.database import Database, run
from costpulse_assets.settings import Settings

#: Days, today included, of the recent cost and executions of a user.
RECENT_DAYS = 30
#: Days of cost that speak for a team.
EVIDENCE_DAYS = 90
#: A weaker suggestion is not worth anybody's time.
LEAST_SHARE = Decimal("0.6")


def rebuild_users(database: Database, today: date) -> None:
    """Replaces `users` by what is known now."""
    with database.writing() as connection:
        run(connection, "transform/stage_known_users")
        connection.execute("delete from costpulse.users")
        parameters = {**_days(today, RECENT_DAYS), "evidence_from": today - timedelta(days=EVIDENCE_DAYS - 1)}
        run(connection, "transform/users", parameters)


def suggest_members(database: Database, today: date) -> None:
    """Replaces `member_suggestions` from `users` and the cost of 90 days."""
    with database.writing() as connection:
        connection.execute("delete from costpulse.member_suggestions")
        run(
            connection,
            "transform/member_suggestions",
            {**_days(today, EVIDENCE_DAYS), "least_share": LEAST_SHARE},
        )


def user_assets(settings: Settings) -> list[Any]:
    """The assets users and member_suggestions."""
    return [
        rebuilt_asset(
            "users",
            layer=Layer.UTILIZATION,
            deps=[
                "cost_keys",
                "daily_key_costs",
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
            deps=["users", "cost_keys", "daily_key_costs"],
            description="Who is in no team and seems to belong to one: by tags, e-mail domain or workspace, "
            "of the last 90 days.",
            rebuild=lambda database: suggest_members(database, settings.current_date()),
        ),
    ]


def _days(today: date, days: int) -> dict[str, Any]:
    return {"from_date": today - timedelta(days=days - 1), "to_date": today}
