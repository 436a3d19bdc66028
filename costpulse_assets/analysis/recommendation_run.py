"""One run of the recommendations: what every type finds in the last 30 final days, merged into what is known."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from costpulse_assets.analysis.recommendation_types import RecommendationType
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection, run

#: Final days that savings are computed from, and that a rate is per.
WINDOW_DAYS = 30

#: What people set of the thresholds: type -> threshold -> value.
Thresholds = Mapping[str, Mapping[str, Decimal]]


def find(
    connection: Connection,
    types: Iterable[RecommendationType],
    window: Period,
    thresholds: Thresholds | None = None,
    *,
    today: date,
) -> dict[str, int]:
    """Runs the statements of these types; what they find is in the temporary table found_recommendations.

    Args:
        connection: inside of a transaction; the table is gone when it ends.
        types: what to look for.
        window: final days that are looked at.
        thresholds: where they differ from the declarations.
        today: the present day (UTC).

    Returns:
        How many rows each type found.
    """
    run(connection, "transform/stage_recommendations")
    found = {}
    for kind in types:
        parameters = {
            "first_date": window.first,
            "last_date": window.last,
            "today": today,
            **{threshold.name: threshold.default for threshold in kind.thresholds},
            **(thresholds or {}).get(kind.name, {}),
        }
        run(connection, kind.statement, parameters)
        row = connection.execute(
            "select count(*) as found from found_recommendations where type = %s", [kind.name]
        ).fetchone()
        found[kind.name] = row["found"] if row else 0
    return found
