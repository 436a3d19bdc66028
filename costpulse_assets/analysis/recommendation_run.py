"""One run of the recommendations: what every type finds in the last 30 final days, merged into what is known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES, RecommendationType
from costpulse_assets.periods import Period, last_final_day
from costpulse_assets.resources.database import Connection, Database, expect_no_rows, run
from costpulse_assets.settings import Settings

#: Final days that savings are computed from, and that a rate is per.
WINDOW_DAYS = 30

#: What people set of the thresholds: type -> threshold -> value.
Thresholds = Mapping[str, Mapping[str, Decimal]]

#: What people decide and what a run finds change the same rows, and then what all of them save together: one at a time.
RECOMMENDATIONS_LOCK = 7_205_741_003


@dataclass(frozen=True)
class RecommendationRun:
    """What a run did.

    Attributes:
        window: the final days it looked at; None while no day is final: nothing was done.
        found: resources that each type applies to, those left out included.
        new: recommendations that were never made before.
        back: those that are open again.
        expired: those that there is nothing to do about any more.
    """

    window: Period | None
    found: Mapping[str, int] = field(default_factory=dict)
    new: int = 0
    back: int = 0
    expired: int = 0


def update_recommendations(
    database: Database,
    settings: Settings,
    *,
    now: datetime,
    types: Iterable[RecommendationType] = tuple(RECOMMENDATION_TYPES.values()),
) -> RecommendationRun:
    """Finds what can be saved, and brings the stored recommendations up to date, in one transaction.

    Args:
        database: with resources, their use and cost, and completeness.
        settings: thresholds, smallest saving, severities.
        now: the moment of the run (UTC); all rows that it finds carry it.
        types: what to look for.

    Raises:
        InvariantBroken: together they would save more than is spent; nothing was written.
    """
    with database.writing() as connection:
        window = final_window(connection)
        if window is None:
            return RecommendationRun(None)
        found = find(connection, types, window, settings.recommendation_thresholds, today=now.date())
        return merge(connection, settings, window, found, now=now)


def final_window(connection: Connection) -> Period | None:
    """The last 30 final days; fewer in a young account, None while no day is final."""
    known = {row["usage_date"]: row["is_provisional"] for row in run(connection, "app/completeness")}
    last = last_final_day(known.items())
    if last is None:
        return None
    return Period(max(min(known), last - timedelta(days=WINDOW_DAYS - 1)), last)


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


def merge(
    connection: Connection, settings: Settings, window: Period, found: Mapping[str, int], *, now: datetime
) -> RecommendationRun:
    """Merges what is in found_recommendations into what is known, and says anew what all of it saves together.

    Args:
        connection: the one that `find` was called on.
        settings: smallest saving, severities.
        window: the days that were looked at.
        found: what `find` returned.
        now: the moment of the run (UTC).

    Raises:
        InvariantBroken: together they would save more than is spent.
    """
    connection.execute("select pg_advisory_xact_lock(%s)", [RECOMMENDATIONS_LOCK])
    run(connection, "transform/recommendations_left_out", {"minimum_saving": settings.recommendation_minimum_saving})
    connection.execute("analyze pg_temp.found_recommendations")
    parameters = {"first_date": window.first, "last_date": window.last, "today": now.date(), "now": now}
    (merged,) = run(connection, "transform/recommendations", parameters)
    expired = run(connection, "transform/recommendations_gone", parameters)
    # A first run fills the table in this very transaction: without statistics the planner takes it for empty.
    connection.execute("analyze costpulse.recommendations")
    connection.execute("select costpulse.combine_recommendations()")
    severities = {
        f"{severity}_{name}": value
        for severity, threshold in settings.severity_thresholds.items()
        for name, value in (("usd", threshold.usd), ("percent", threshold.percent))
    }
    run(connection, "transform/recommendation_severities", severities)
    expect_no_rows(
        connection,
        "checks/recommendations_within_cost",
        {},
        otherwise="Recommendations would save more than is spent",
    )
    return RecommendationRun(window, found, merged["new"], merged["back"], len(expired))
