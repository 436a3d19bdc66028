"""Flagged days become events: which days belong together, what they are, and which explains which."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.analysis.anomalies import KINDS, Judgements, judge
from costpulse_assets.analysis.anomaly_events import Direction, Event, EventKind, find_events, roll_up, shown_severity
from costpulse_assets.analysis.series import Scope, ScopeType

FIRST = date(2026, 3, 2)  # a Monday
EVERYTHING = Scope("everything")


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def usual(days: int = 120, *, weekend: float = 0.33, seed: int = 1) -> np.ndarray:
    """Working days at 1,000 USD, weekends at a share of it, with a little noise."""
    noise = np.random.default_rng(seed).normal(1, 0.02, days)
    return 1_000 * noise * np.where(np.arange(days) % 7 < 5, 1.0, weekend)


def events_of(
    *columns: np.ndarray, finals: int | None = None, minimum: float = 50.0, scopes: Sequence[Scope] = ()
) -> list[Event]:
    """Events of the series, which are workspaces where nothing else is said."""
    names = list(scopes) or [Scope("workspace", str(number)) for number in range(len(columns))]
    frame = pd.DataFrame(
        np.column_stack(columns),
        index=pd.date_range(FIRST, periods=len(columns[0]), freq="D"),
        columns=pd.Index(names, dtype=object, tupleize_cols=False),
    )
    finals = len(frame) if finals is None else finals
    judged, state = judge(frame.iloc[:finals])
    if finals < len(frame):
        later, _ = judge(frame.iloc[finals:], state=state)
        judged = Judgements(
            pd.DatetimeIndex(frame.index),
            frame.columns,
            *(
                np.concatenate([getattr(judged, name), getattr(later, name)])
                for name in ("expected", "lower", "upper", "score", "severity", "kind")
            ),
        )
    return find_events(frame, judged, final_until=day(finals - 1), minimum_impact=dict.fromkeys(names, minimum))


def one(events: list[Event]) -> Event:
    (event,) = events
    return event


def test_nothing_happens_where_nothing_is_unusual() -> None:
    assert events_of(usual()) == []


@pytest.mark.parametrize(
    ("days", "factor", "kind", "direction"),
    [
        (1, 3.0, "spike", "up"),
        (2, 3.0, "spike", "up"),
        (3, 3.0, "burst", "up"),
        (1, 0.1, "outage", "down"),
        (2, 0.1, "outage", "down"),
        (1, 0.6, "drop", "down"),
    ],
)
def test_a_few_days_are_a_spike_a_burst_an_outage_or_a_drop(
    days: int, factor: float, kind: str, direction: str
) -> None:
    values = usual()
    values[91 : 91 + days] *= factor
    event = one(events_of(values))
    assert (event.kind, event.direction) == (kind, direction)
    assert (event.start, event.last, event.recognised_on) == (day(91), day(91 + days - 1), day(91))
    assert not event.is_ongoing
    assert event.impact == pytest.approx(days * 1_000 * (factor - 1), rel=0.1)


def test_expected_is_the_mean_of_the_same_weekdays_of_the_four_weeks_before() -> None:
    values = usual()
    values[95] *= 3
    event = one(events_of(values))
    assert event.expected.tolist() == pytest.approx([values[[67, 74, 81, 88]].mean()])
    assert event.compared_with == {day(number): 0.25 for number in (67, 74, 81, 88)}


def test_days_of_an_earlier_event_are_not_what_a_later_one_is_compared_with() -> None:
    values = usual()
    values[[88, 95]] *= 3
    first, second = events_of(values)
    assert day(88) not in second.compared_with
    assert second.expected.sum() == pytest.approx(values[[67, 74, 81]].mean())
    assert first.expected.sum() == pytest.approx(values[[60, 67, 74, 81]].mean())


def test_a_weekend_does_not_end_a_run() -> None:
    values = usual()
    values[[94, 95, 98]] *= 3  # Thursday, Friday and Monday
    event = one(events_of(values))
    assert (event.kind, event.start, event.last) == ("burst", day(94), day(98))


def test_a_level_that_stays_is_one_event_that_ends_when_it_is_the_usual_one() -> None:
    values = usual(150)
    values[91:] *= 1.8
    event = one(events_of(values))
    assert (event.kind, event.start, event.last) == ("level shift", day(91), day(91 + 27))
    assert not event.is_ongoing
    young = one(events_of(values[:105]))
    assert (young.kind, young.start, young.last) == ("level shift", day(91), day(104))
    assert young.is_ongoing


def test_a_level_that_comes_back_was_a_burst() -> None:
    values = usual(150)
    values[91:103] *= 1.8
    event = one(events_of(values))
    assert (event.kind, event.start, event.last) == ("burst", day(91), day(102))
    assert not event.is_ongoing


@pytest.mark.parametrize("begins", range(84, 112, 2))
def test_the_turn_of_a_month_does_not_end_a_level_that_stays(begins: int) -> None:
    values = usual(200, weekend=0.5)
    turns = [(day(number) + timedelta(days=2)).day <= 3 for number in range(len(values))]
    values[turns] *= 1.25
    values[begins:] *= 1.15
    (shift,) = [event for event in events_of(values) if event.start >= day(80)]
    # Where the turn follows at once it may look like a drift.
    assert shift.kind in ("level shift", "drift")
    assert abs((shift.start - day(begins)).days) <= 5
    assert (shift.last - shift.start).days >= 27


def test_a_long_outage_ends_on_the_day_before_it_is_back() -> None:
    values = usual(150)
    values[91:103] *= 0.05
    event = one(events_of(values))
    assert (event.kind, event.direction, event.start, event.last) == ("outage", "down", day(91), day(102))


def test_slow_growth_is_a_drift_from_about_where_it_began() -> None:
    values = usual(125)
    values[90:] *= 1.02 ** np.arange(35)
    event = one(events_of(values))
    assert (event.kind, event.direction) == ("drift", "up")
    assert abs((event.start - day(90)).days) <= 7
    assert event.is_ongoing
    assert event.is_slow


def test_a_spike_on_top_of_a_new_level_is_an_event_of_its_own() -> None:
    values = usual(125)
    values[91:] *= 1.5
    values[102] *= 4
    shift, spike = events_of(values)
    assert (shift.kind, shift.last) == ("level shift", day(101))
    assert (spike.kind, spike.start, spike.last) == ("spike", day(102), day(102))
    # compared with the new level, not with the old one
    assert spike.expected.sum() == pytest.approx(1_500, rel=0.1)


def test_the_first_working_day_of_a_level_that_began_on_a_sunday_is_no_spike_of_its_own() -> None:
    values = usual(125)
    values[90:] *= 1.5
    kind, severity = np.zeros((125, 1), np.int8), np.zeros((125, 1), np.int8)
    score = np.full((125, 1), np.nan)
    for number, code in ((91, KINDS.index("spike")), (98, KINDS.index("level shift"))):
        kind[number], severity[number], score[number] = code, 1, 6.0
    frame = pd.DataFrame(
        values[:, None],
        index=pd.date_range(FIRST, periods=125, freq="D"),
        columns=pd.Index([EVERYTHING], dtype=object, tupleize_cols=False),
    )
    expected = usual(125)[:, None]
    judged = Judgements(
        pd.DatetimeIndex(frame.index), frame.columns, expected, expected, expected, score, severity, kind
    )
    event = one(find_events(frame, judged, final_until=day(124), minimum_impact={EVERYTHING: 1.0}))
    assert (event.kind, event.start) == ("level shift", day(90))
    assert event.is_slow
    assert (event.last - event.start).days >= 27


def test_what_begins_later_is_a_new_source_and_its_first_week_decides() -> None:
    values = usual(weekend=1)
    values[:50] = np.nan
    event = one(events_of(values))
    assert (event.kind, event.start, event.last) == ("new source", day(50), day(56))
    assert event.expected.sum() == 0
    assert event.impact == pytest.approx(values[50:57].sum())
    assert events_of(values, minimum=values[50:57].sum() + 1) == []


def test_the_first_days_of_the_history_are_no_new_sources() -> None:
    values = usual()
    values[:5] = np.nan
    assert events_of(usual(), values) == []


def test_below_the_minimum_impact_there_is_no_event() -> None:
    values = usual()
    values[91] *= 3
    impact = one(events_of(values)).impact
    assert events_of(values, minimum=impact + 1) == []
    assert len(events_of(values, minimum=impact - 1)) == 1


def test_severity_is_held_down_to_what_the_money_is_worth() -> None:
    values = usual()
    values[91] *= 30
    impact = one(events_of(values)).impact
    severities = [one(events_of(values, minimum=impact / times)).severity for times in (2, 5, 20)]
    assert severities == ["medium", "high", "critical"]


def test_days_that_are_not_final_are_judged_only_where_they_are_too_high_already() -> None:
    high, low = usual(), usual(seed=2)
    high[119] *= 3
    low[118:] *= 0.1
    event = one(events_of(high, low, finals=118))
    assert event.scope == Scope("workspace", "0")
    assert event.is_provisional
    assert event.is_ongoing
    assert (event.start, event.last) == (day(119), day(119))


def test_a_job_that_does_not_run_now_and_then_is_news_once_and_never_grave() -> None:
    values = usual(180)
    values[[60, 78, 94, 120, 141]] = 0
    of_job = one(events_of(values, scopes=[Scope("job", "1/a")]))
    assert (of_job.start, of_job.severity) == (day(60), "medium")
    of_workspace = events_of(values)
    assert [event.start for event in of_workspace[:2]] == [day(60), day(78)]
    assert of_workspace[0].severity != "medium"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_events_of_a_direction_never_share_days_and_each_of_their_days_is_compared_with_others(
    data: st.DataObject,
) -> None:
    values = usual(130)
    # Whatever a detector may say of the days.
    severity, kind = np.zeros((130, 1), np.int8), np.zeros((130, 1), np.int8)
    score = np.full((130, 1), np.nan)
    for number in data.draw(st.lists(st.integers(22, 129), unique=True, max_size=40)):
        kind[number] = data.draw(st.integers(1, len(KINDS) - 1))
        severity[number] = data.draw(st.integers(1, 3))
        score[number] = data.draw(st.sampled_from([-7.0, 7.0]))
        values[number] *= data.draw(st.sampled_from([0.1, 0.5, 1.5, 3.0]))
    frame = pd.DataFrame(
        values[:, None],
        index=pd.date_range(FIRST, periods=130, freq="D"),
        columns=pd.Index([EVERYTHING], dtype=object, tupleize_cols=False),
    )
    band = np.full((130, 1), 900.0)
    judged = Judgements(pd.DatetimeIndex(frame.index), frame.columns, band, band, band, score, severity, kind)
    finals = data.draw(st.integers(100, 130))
    events = find_events(frame, judged, final_until=day(finals - 1), minimum_impact={EVERYTHING: 1.0})
    for direction in ("up", "down"):
        same = sorted((event for event in events if event.direction == direction), key=lambda event: event.start)
        assert all(before.last < after.start for before, after in pairwise(same))
    for event in events:
        assert event.impact * event.sign >= 1
        assert len(event.actual) == len(event.expected) == (event.last - event.start).days + 1
        assert all(compared < event.start for compared in event.compared_with)
        if event.kind != "new source":
            assert sum(event.compared_with.values()) == pytest.approx(len(event.actual))
        assert event.is_provisional == (event.last > day(finals - 1))
        assert event.direction == "up" or not event.is_provisional


# Roll-up


def event(
    kind: ScopeType,
    name: str = "",
    difference: float = 100.0,
    *,
    start: int = 100,
    days: int = 1,
    expected: float = 100.0,
    event_kind: EventKind = "spike",
    is_slow: bool = False,
) -> Event:
    direction: Direction = "up" if difference > 0 else "down"
    usual_cost = np.full(days, expected)
    return Event(
        Scope(kind, name), event_kind, direction, day(start), day(start + days - 1), False, day(start), False,
        "high", 9.0, usual_cost + difference, usual_cost, {}, is_slow,
    )  # fmt: skip


WORKSPACE, JOBS, SKU = Scope("workspace", "1"), Scope("product", "JOBS"), Scope("sku", "S")


def test_children_are_shown_under_the_largest_scope_that_explains_them() -> None:
    events = [event("job", "1/a", 45), event("sku", "S", 98), event("product", "JOBS", 100), event("workspace", "1")]
    inside = [{WORKSPACE: 1.0, JOBS: 1.0, SKU: 1.0}, {WORKSPACE: 1.0, JOBS: 1.0}, {WORKSPACE: 0.9}, {}]
    assert roll_up(events, inside, team_depth={}) == [3, 3, 3, None]


def test_everything_needs_no_share_to_hold_its_parts() -> None:
    assert roll_up([event("everything", "", 150), event("sku", "S", 120)], [{}, {}], team_depth={}) == [None, 0]


def test_where_nothing_but_one_job_is_unusual_the_job_is_shown() -> None:
    events = [
        event("everything", "", 105, expected=10_000),
        event("workspace", "1", 103, expected=500),
        event("sku", "S", 101, expected=150),
        event("job", "1/a", 100, expected=20),
    ]
    inside = [{}, {}, {WORKSPACE: 1.0}, {WORKSPACE: 1.0, JOBS: 1.0, SKU: 1.0}]
    assert roll_up(events, inside, team_depth={}) == [3, 3, 3, None]


def test_everything_is_shown_as_the_workspace_that_stood_still_and_its_jobs_too() -> None:
    events = [
        event("everything", "", -2_000, expected=11_000, event_kind="drop"),
        event("workspace", "1", -1_940, expected=2_450, event_kind="outage"),
        event("job", "1/a", -90, expected=90, event_kind="outage"),
    ]
    assert roll_up(events, [{}, {}, {WORKSPACE: 1.0}], team_depth={}) == [1, None, 1]


def test_where_the_rest_is_unusual_too_the_larger_scope_is_shown() -> None:
    events = [event("product", "JOBS", 100, expected=100), event("job", "1/a", 60, expected=10)]
    assert roll_up(events, [{}, {JOBS: 1.0}], team_depth={}) == [None, 0]


def test_a_second_small_cause_at_the_same_time_is_shown_beside_the_first() -> None:
    events = [
        event("everything", "", 100, expected=1_000),
        event("job", "1/a", 80, expected=10),
        event("job", "1/b", 20, expected=10),
    ]
    assert roll_up(events, [{}, {}, {}], team_depth={}) == [1, None, None]


def test_a_spike_does_not_stand_for_a_level_that_stays() -> None:
    shift = event("product", "JOBS", 100, days=28, event_kind="level shift")
    spike = event("job", "1/a", 100, expected=10)
    assert roll_up([shift, spike], [{}, {JOBS: 1.0}], team_depth={}) == [None, 0]


def test_a_new_job_stands_for_the_level_it_raises_also_where_that_is_dated_earlier() -> None:
    shift = event("team", "1", 100, start=80, days=28, expected=1_000, event_kind="level shift", is_slow=True)
    shift = replace(shift, recognised_on=day(105))
    new = event("job", "1/a", 95, start=100, days=7, expected=0, event_kind="new source")
    assert roll_up([shift, new], [{}, {Scope("team", "1"): 1.0}], team_depth={}) == [1, None]


def test_a_product_that_is_all_there_is_places_nothing() -> None:
    events = [event("everything"), event("workspace", "1", 50), event("product", "JOBS"), event("sku", "S")]
    assert roll_up(events, [{}, {JOBS: 1.0}, {}, {JOBS: 1.0}], team_depth={}) == [None, 0, 0, 0]


def test_a_workspace_and_the_sku_used_there_alone_are_one_event_of_the_workspace() -> None:
    assert roll_up([event("workspace", "1"), event("sku", "S")], [{}, {WORKSPACE: 1.0}], team_depth={}) == [None, 0]


def test_an_event_is_as_severe_as_in_the_larger_scopes_it_makes_unusual() -> None:
    events = [
        replace(event("sku", "S", 101), severity="critical"),
        replace(event("job", "1/a", 100), severity="medium"),
        replace(event("cluster", "1/c", 5), severity="critical"),
    ]
    assert shown_severity(events, [1, None, 1]) == ["critical", "critical", "critical"]
    assert shown_severity(events, [None, 0, 0]) == ["critical", "medium", "critical"]
    assert shown_severity(events[1:], [None, 0]) == ["medium", "critical"]


def test_what_lies_mostly_elsewhere_is_shown_itself() -> None:
    events = [event("workspace", "1"), event("sku", "S", 90)]
    assert roll_up(events, [{}, {WORKSPACE: 0.4}], team_depth={}) == [None, None]


def test_a_small_cause_beside_a_large_one_is_shown_itself() -> None:
    # a job of 10 USD goes to 25, in a workspace of 100 USD that goes to 200
    events = [event("workspace", "1", 100), event("job", "1/a", 15, expected=1)]
    assert roll_up(events, [{}, {WORKSPACE: 1.0}], team_depth={}) == [None, None]


def test_what_moves_as_everything_around_it_does_is_explained_however_small_it_is() -> None:
    events = [event("workspace", "1", -900, expected=1_000), event("job", "1/a", -10, expected=10)]
    assert roll_up(events, [{}, {WORKSPACE: 1.0}], team_depth={}) == [None, 0]


@pytest.mark.parametrize(
    "child",
    [
        event("job", "1/a", -90),
        event("job", "1/a", 90, start=101),
        event("job", "1/a", 90, start=90, days=20),
    ],
    ids=["the other way", "on another day", "began long before"],
)
def test_only_what_happens_together_has_one_cause(child: Event) -> None:
    assert roll_up([event("workspace", "1"), child], [{}, {WORKSPACE: 1.0}], team_depth={}) == [None, None]


def test_slow_changes_may_be_dated_apart() -> None:
    larger = event("workspace", "1", 100, start=92, days=28, event_kind="drift", is_slow=True)
    smaller = event("job", "1/a", 80, start=100, days=20, event_kind="level shift")
    assert roll_up([larger, smaller], [{}, {WORKSPACE: 1.0}], team_depth={}) == [None, 0]


def test_a_team_explains_the_teams_below_it() -> None:
    events = [event("team", "2", 90), event("team", "1", 95)]
    inside = [{Scope("team", "1"): 1.0, Scope("team", "2"): 1.0}, {Scope("team", "1"): 1.0}]
    assert roll_up(events, inside, team_depth={"1": 0, "2": 1}) == [1, None]
    assert roll_up(events, inside, team_depth={"1": 0, "2": 0}) == [None, None]
