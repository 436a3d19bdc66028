"""The detectors' scorecard on this account's own history: computed once a week, and stored."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from costpulse_assets.analysis.anomaly_run import read_window
from costpulse_assets.analysis.scorecard import FIRST_DAY, Scorecard, scorecard
from costpulse_assets.analysis.series import ScopeType
from costpulse_assets.resources.database import Connection, Database
from costpulse_assets.settings import Settings

#: Whose series take part, and how many at most: enough to tell methods apart, in a few seconds.
SCOPE_TYPES: tuple[ScopeType, ...] = ("everything", "workspace", "product", "team")
_SERIES = 60
_KEPT = timedelta(days=7)
#: Final days from which events can be put in and still be looked for.
FEWEST_DAYS = FIRST_DAY + 28


@dataclass(frozen=True)
class ScorecardRun:
    """What a run did.

    Attributes:
        outcome: in words.
        series: that took part.
        days: final days of them.
        card: the scores; None where nothing was computed.
    """

    outcome: str
    series: int
    days: int
    card: Scorecard | None = None


def score_detectors(database: Database, settings: Settings, *, now: datetime) -> ScorecardRun:
    """Computes the scorecard where there is none of this week with these settings, and stores it.

    Args:
        database: with the roll-ups and completeness.
        settings: days of history, seed, wanted alarms.
        now: the moment of the run (UTC).
    """
    with database.transaction() as connection:
        # What is days old says the same of a detector; to compute it takes longer than to judge a day.
        known = connection.execute(
            "select series, last_date - first_date + 1 as days, computed_at from costpulse.detector_scorecard "
            "where seed = %s and wanted_alarms_per_week = %s and computed_at > %s limit 1",
            [settings.scorecard_seed, settings.anomaly_alarms_per_week, now - _KEPT],
        ).fetchone()
        if known:
            return ScorecardRun(f"kept: it is of {known['computed_at']:%Y-%m-%d}", known["series"], known["days"])
        final = read_window(connection, settings, scope_types=SCOPE_TYPES).final
        # The largest: an event in them is worth finding.
        largest = final.sum().sort_values(ascending=False, kind="stable").index[:_SERIES]
        history = final.loc[:, final.columns.isin(largest)]
        series, days = len(history.columns), len(history)
    if days < FEWEST_DAYS:
        return ScorecardRun(f"waits for {FEWEST_DAYS} final days, {days} so far", series, days)
    card = scorecard(history, seed=settings.scorecard_seed, wanted_alarms_per_week=settings.anomaly_alarms_per_week)
    with database.writing() as connection:
        _store(connection, card, history.index[0].date(), history.index[-1].date(), settings, now)
    return ScorecardRun("computed", series, days, card)


def _store(
    connection: Connection,
    card: Scorecard,
    first: date,
    last: date,
    settings: Settings,
    now: datetime,
) -> None:
    totals = {total.method: total for total in card.methods}
    connection.execute("delete from costpulse.detector_scorecard")
    connection.cursor().executemany(
        "insert into costpulse.detector_scorecard (method, event_class, injected, found, mean_delay_days, missed_usd, "
        "false_alarms_per_week, wanted_alarms_per_week, suggested_sensitivity, series, first_date, last_date, seed, "
        "computed_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (
                score.method,
                score.event_class,
                score.injected,
                score.found,
                score.mean_delay_days,
                score.missed_usd,
                totals[score.method].false_alarms_per_week,
                settings.anomaly_alarms_per_week,
                totals[score.method].suggested_sensitivity,
                card.series,
                first,
                last,
                settings.scorecard_seed,
                now,
            )
            for score in card.classes
        ],
    )
