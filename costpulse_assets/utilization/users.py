"""Who spends: every identity seen, and which team those who are in none seem to belong to."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg

from costpulse_assets.failures import RETRY_TRANSIENT, named_failures
from costpulse_assets.freshness import FRESH_EVERY_DAY
from costpulse_assets.layers import OWNER, Layer, Pool
from costpulse_assets.resources.database import Database, run
from costpulse_assets.settings import Settings
from costpulse_assets.table_schema import table_schema

#: Days, today included, of the recent cost and executions of a user.
RECENT_DAYS = 30
#: Days of cost that speak for a team.
EVIDENCE_DAYS = 90
#: A weaker suggestion is not worth anybody's time.
LEAST_SHARE = Decimal("0.6")


def rebuild_users(database: Database, today: date) -> int:
    """Replaces `users` by what is known now; returns the number of identities."""
    with database.writing() as connection:
        run(connection, "transform/stage_known_users")
        connection.execute("delete from costpulse.users")
        parameters = {**_days(today, RECENT_DAYS), "evidence_from": today - timedelta(days=EVIDENCE_DAYS - 1)}
        run(connection, "transform/users", parameters)
        row = connection.execute("select count(*) as identities from costpulse.users").fetchone()
    return int(row["identities"]) if row else 0


def suggest_members(database: Database, today: date) -> int:
    """Replaces `member_suggestions` from `users` and the cost of 90 days; returns the number of suggestions."""
    with database.writing() as connection:
        connection.execute("delete from costpulse.member_suggestions")
        run(
            connection,
            "transform/member_suggestions",
            {**_days(today, EVIDENCE_DAYS), "least_share": LEAST_SHARE},
        )
        row = connection.execute("select count(*) as suggestions from costpulse.member_suggestions").fetchone()
    return int(row["suggestions"]) if row else 0


def user_assets(settings: Settings) -> list[Any]:
    """The assets users and member_suggestions."""

    @dg.asset(
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
        group_name=Layer.UTILIZATION,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.users"},
    )
    def users(database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
        """Every person, service principal or other identity in the bill, in queries or as an owner, and its cost.

        Spellings of one address that differ in case are one row. Costs in USD, of the last 90 and 30 days.
        """
        with named_failures():
            count = rebuild_users(database, settings.current_date())
        return dg.MaterializeResult(
            metadata={"dagster/row_count": count, "dagster/column_schema": table_schema(database, "users")}
        )

    @dg.asset(
        deps=["users", "cost_keys", "daily_key_costs"],
        group_name=Layer.UTILIZATION,
        owners=[OWNER],
        kinds={"postgres"},
        pool=Pool.DATABASE_WRITES,
        retry_policy=RETRY_TRANSIENT,
        freshness_policy=FRESH_EVERY_DAY,
        metadata={"dagster/table_name": "costpulse.member_suggestions"},
    )
    def member_suggestions(database: dg.ResourceParam[Database]) -> dg.MaterializeResult[Any]:
        """Who is in no team and seems to belong to one: by tags, e-mail domain or workspace, of the last 90 days."""
        with named_failures():
            count = suggest_members(database, settings.current_date())
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": count,
                "dagster/column_schema": table_schema(database, "member_suggestions"),
            }
        )

    return [users, member_suggestions]


def _days(today: date, days: int) -> dict[str, Any]:
    return {"from_date": today - timedelta(days=days - 1), "to_date": today}
