"""What scopes cost in given periods, to the last digit."""

from collections.abc import Sequence
from decimal import Decimal

from costpulse_assets.analysis.series import Scope
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection, run


def spend(connection: Connection, asked: Sequence[tuple[Scope, Period]]) -> list[tuple[Decimal, Decimal | None]]:
    """Cost in USD of each scope in its period, and of a team without those below it; None for other scopes.

    Takes everything, workspaces, products, SKUs, teams and tags. Usage without a price costs nothing here.
    """
    rows = run(
        connection,
        "transform/scope_spend",
        {
            "scope_types": [scope.type for scope, _ in asked],
            "scope_ids": [scope.id for scope, _ in asked],
            "first_days": [period.first for _, period in asked],
            "last_days": [period.last for _, period in asked],
        },
    )
    return [(row["cost_usd"], row["own_cost_usd"]) for row in rows]
