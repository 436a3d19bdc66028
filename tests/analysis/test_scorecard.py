"""Known events in a history of one's own: what is put in, what is counted, and what is suggested."""

import dataclasses
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from costpulse_assets.analysis.anomalies import Judgements, judge
from costpulse_assets.analysis.scorecard import (
    EVENT_CLASSES,
    FIRST_DAY,
    Injection,
    Scorecard,
    alarm_starts,
    alarms_per_week,
    find,
    inject,
    scorecard,
)
from costpulse_assets.errors import BadInput

DAYS = 300


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """Twelve quiet series, every second one with a weekend."""
    index = pd.date_range("2026-01-01", periods=DAYS)
    rng = np.random.default_rng(5)
    weekend = np.asarray(index.day_of_week >= 5)[:, None] & (np.arange(12) % 2 == 0)
    rhythm = np.where(weekend, 0.5, 1.0)
    return pd.DataFrame(
        100 * rhythm * rng.lognormal(0, 0.04, (DAYS, 12)), index=index, columns=[f"s{n}" for n in range(12)]
    )


@pytest.fixture(scope="module")
def card(history: pd.DataFrame) -> Scorecard:
    return scorecard(history, seed=7, wanted_alarms_per_week=1.0)


def test_the_same_seed_gives_the_same_scorecard(history: pd.DataFrame) -> None:
    def classic(seed: int) -> Scorecard:
        return scorecard(history, seed=seed, methods=("classic",), wanted_alarms_per_week=1.0)

    assert classic(7) == classic(7)
    assert classic(8) != classic(7)


def test_every_method_is_scored_on_every_class_and_the_same_events(card: Scorecard) -> None:
    assert [(one.method, one.event_class) for one in card.classes] == [
        (method, event_class) for method in ("robust", "classic") for event_class in EVENT_CLASSES
    ]
    injected = {
        method: [one.injected for one in card.classes if one.method == method] for method in ("robust", "classic")
    }
    assert injected["robust"] == injected["classic"]
    assert min(injected["robust"]) > 0
    assert (card.series, card.days) == (12, DAYS)


def test_on_quiet_series_robust_finds_nearly_all_with_few_alarms(card: Scorecard) -> None:
    robust, classic = card.methods
    found = [one for one in card.classes if one.method == "robust"]

    assert sum(one.found for one in found) >= 0.9 * sum(one.injected for one in found)
    assert robust.false_alarms_per_week < 0.2 < classic.false_alarms_per_week


def test_a_drift_is_found_later_than_a_spike_and_costs_more_until_then(card: Scorecard) -> None:
    by_class = {one.event_class: one for one in card.classes if one.method == "robust"}

    assert by_class["spike"].mean_delay_days == 0
    assert by_class["drift"].mean_delay_days is not None
    assert by_class["drift"].mean_delay_days > 3
    assert by_class["drift"].missed_usd > by_class["spike"].missed_usd


def test_the_suggested_sensitivity_keeps_to_the_wanted_alarms(card: Scorecard) -> None:
    robust, classic = card.methods

    assert robust.alarms_per_week_then <= 1.0
    assert robust.suggested_sensitivity > 1.0
    assert classic.suggested_sensitivity < 1.0


def test_events_are_apart_within_the_series_and_not_in_the_first_days(history: pd.DataFrame) -> None:
    _, injections = inject(history.to_numpy(), np.random.default_rng(1))

    by_series: dict[int, list[Injection]] = {}
    for one in injections:
        assert FIRST_DAY <= one.start <= one.end < DAYS
        by_series.setdefault(one.series, []).append(one)
    assert len(by_series) == 12
    for events in by_series.values():
        assert all(later.start - earlier.end >= 45 for earlier, later in pairwise(events))


def test_only_the_days_of_an_event_change(history: pd.DataFrame) -> None:
    values = history.to_numpy()
    before = values.copy()
    changed, injections = inject(values, np.random.default_rng(1))

    np.testing.assert_array_equal(values, before)
    for series in range(values.shape[1]):
        lasting = [
            one.start for one in injections if one.series == series and one.event_class in ("level shift", "drift")
        ]
        days = np.zeros(DAYS, dtype=bool)
        days[min(lasting, default=DAYS) :] = True
        for one in injections:
            if one.series == series:
                days[one.start : one.end + 1] = True
        assert (changed[:, series] != values[:, series])[~days].sum() == 0
        assert (changed[:, series] != values[:, series])[days].all()


def test_nothing_is_put_into_series_without_cost() -> None:
    silent = np.zeros((200, 3))
    silent[:, 1] = np.nan

    changed, injections = inject(silent, np.random.default_rng(1))

    assert injections == []
    np.testing.assert_array_equal(changed, silent)


def judgements(flags: dict[int, int], days: int = 100) -> Judgements:
    """One series, flagged on these days in these directions."""
    score, severity = np.zeros((days, 1)), np.zeros((days, 1), dtype=np.int8)
    for day, direction in flags.items():
        score[day], severity[day] = direction, 1
    judged, _ = judge(pd.DataFrame({"a": np.ones(days)}, index=pd.date_range("2026-01-01", periods=days)))
    return dataclasses.replace(judged, score=score, severity=severity)


def test_flagged_days_close_together_in_one_direction_are_one_alarm() -> None:
    judged = judgements({70: 1, 71: 1, 75: 1, 80: 1, 81: -1, 82: 1})

    assert list(np.flatnonzero(alarm_starts(judged)[:, 0])) == [70, 80, 81]
    assert alarms_per_week(judged) == pytest.approx(3 * 7 / 40)


def test_an_event_is_found_by_a_day_flagged_in_its_direction_and_misses_money_until_then() -> None:
    original = np.full((100, 1), 10.0)
    changed = original.copy()
    changed[70:] += 5
    events = [Injection(0, "level shift", 70, 70, 1), Injection(0, "spike", 74, 74, -1)]

    shift, spike = find(judgements({69: 1, 71: -1, 73: 1, 74: 1}), events, original, changed)

    assert (shift.delay, shift.missed_usd) == (3, 15.0)
    assert (spike.delay, spike.missed_usd) == (None, 5.0)


def test_a_short_history_has_no_events_and_no_alarms() -> None:
    short = pd.DataFrame({"a": np.ones(10)}, index=pd.date_range("2026-01-01", periods=10))

    card = scorecard(short, seed=7, wanted_alarms_per_week=3)

    assert {one.recall for one in card.classes} == {None}
    assert [one.false_alarms_per_week for one in card.methods] == [0.0, 0.0]


def test_an_empty_history_is_scored_as_nothing() -> None:
    card = scorecard(pd.DataFrame(), seed=7, wanted_alarms_per_week=3)

    assert (card.series, card.days) == (0, 0)
    assert all(one.injected == 0 for one in card.classes)


@pytest.mark.parametrize("wanted", [0, -1, float("nan"), float("inf")])
def test_a_number_of_alarms_that_is_none_is_refused(history: pd.DataFrame, wanted: float) -> None:
    with pytest.raises(BadInput, match="alarms per week cannot be aimed at"):
        scorecard(history, seed=7, wanted_alarms_per_week=wanted)
