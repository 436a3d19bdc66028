"""What holds for every series that can be made: a day is judged by its past, alone or among others, in any currency."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costpulse_assets.analysis.anomalies import METHODS, SEVERITIES, Method, State, detect, detect_many, judge

few = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_ARRAYS = ("expected", "lower", "upper", "score", "severity", "kind")


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """A few series with rhythm, noise, spikes, shifts, gaps, zeros, credits; whole cents."""
    days, count = draw(st.integers(30, 130)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    index = pd.date_range("2026-01-01", periods=days) + pd.Timedelta(days=draw(st.integers(0, 40)))
    columns = {}
    for number in range(count):
        level = 10 ** rng.uniform(-1, 6)
        values = level * rng.lognormal(0, rng.choice([0, 0.02, 0.1, 0.5]), days)
        values *= np.where(index.day_of_week < 5, 1.0, rng.choice([0.0, 0.3, 1.0]))
        for _ in range(rng.integers(0, 4)):
            at = int(rng.integers(0, days))
            values[at : at + int(rng.integers(1, 8))] *= rng.choice([0.0, 0.2, 3.0, 40.0, -2.0])
        if rng.random() < 0.5:
            values[int(rng.integers(0, days)) :] *= rng.choice([0.0, 0.5, 1.12, 2.0])
        if rng.random() < 0.3:
            values[: int(rng.integers(0, days))] = rng.choice([0.0, np.nan])
        values[rng.random(days) < rng.choice([0, 0.05, 0.4])] = rng.choice([0.0, np.nan])
        columns[f"s{number}"] = np.round(values, 2)
    return pd.DataFrame(columns, index=index)


def same(one: object, other: object) -> None:
    """All arrays of two judgements, to the last bit."""
    for name in _ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize("method", METHODS)
@few
@given(frame=frames(), cut=st.floats(0.1, 0.95), factor=st.sampled_from([0.0, 1.0, 100.0]))
def test_what_is_said_of_a_day_does_not_depend_on_later_days(
    method: Method, frame: pd.DataFrame, cut: float, factor: float
) -> None:
    days = int(len(frame) * cut)
    changed = frame.copy()
    changed.iloc[days:] *= factor

    before, _ = judge(frame.iloc[:days], method=method)
    after, _ = judge(changed, method=method)

    for name in _ARRAYS:
        np.testing.assert_array_equal(getattr(after, name)[:days], getattr(before, name), err_msg=name)


@pytest.mark.parametrize("method", METHODS)
@few
@given(frame=frames(), seed=st.integers(0, 2**32 - 1))
def test_a_series_is_judged_alike_alone_and_among_others_in_any_order(
    method: Method, frame: pd.DataFrame, seed: int
) -> None:
    shuffled = frame[np.random.default_rng(seed).permutation(frame.columns)]

    together, apart = detect_many(frame, method=method), detect_many(shuffled, method=method)

    for name in frame.columns:
        pd.testing.assert_frame_equal(together[name], apart[name], check_exact=True)
        pd.testing.assert_frame_equal(together[name], detect(frame[name], method=method), check_exact=True)


@pytest.mark.parametrize("method", METHODS)
@few
@given(frame=frames(), factor=st.sampled_from([1000.0, 0.001, 7.0]))
def test_the_size_of_a_series_does_not_matter(method: Method, frame: pd.DataFrame, factor: float) -> None:
    small, _ = judge(frame, method=method)
    large, _ = judge(frame * factor, method=method)

    np.testing.assert_array_equal(large.severity, small.severity)
    np.testing.assert_array_equal(large.kind, small.kind)
    # Where a band is nothing but rounding of zero there is no relative closeness.
    tolerance = 1e-9 * factor * float(np.nanmax(np.abs(frame.to_numpy()), initial=0))
    np.testing.assert_allclose(large.expected, small.expected * factor, rtol=1e-9, atol=tolerance)
    np.testing.assert_allclose(large.upper, small.upper * factor, rtol=1e-9, atol=tolerance)


@pytest.mark.parametrize("method", METHODS)
@few
@given(frame=frames(), days=st.integers(1, 400))
def test_leading_missing_days_change_nothing(method: Method, frame: pd.DataFrame, days: int) -> None:
    longer = frame.reindex(pd.date_range(frame.index[0] - pd.Timedelta(days=days), frame.index[-1]))

    alone, _ = judge(frame, method=method)
    after, _ = judge(longer, method=method)

    for name in _ARRAYS:
        np.testing.assert_array_equal(getattr(after, name)[days:], getattr(alone, name), err_msg=name)
    assert not after.severity[:days].any()
    assert not after.kind[:days].any()


@pytest.mark.parametrize("method", METHODS)
@few
@given(frame=frames(), cuts=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=3))
def test_going_on_from_a_state_is_one_call_over_all_days(
    method: Method, frame: pd.DataFrame, cuts: list[float]
) -> None:
    whole, last = judge(frame, method=method)
    places = [0, *sorted(int(len(frame) * cut) for cut in cuts), len(frame)]
    parts, state = [], None

    for first, end in pairwise(places):
        part, state = judge(frame.iloc[first:end], method=method, state=state)
        parts.append(part)
        state = State.from_bytes(state.to_bytes())

    for name in _ARRAYS:
        joined = np.vstack([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name), err_msg=name)
    assert state is not None
    assert state.fingerprint == last.fingerprint


@pytest.mark.parametrize("method", METHODS)
@few
@given(frame=frames(), sensitivity=st.sampled_from([0.3, 1.0, 3.0]))
def test_a_band_holds_what_is_expected_and_days_outside_are_flagged(
    method: Method, frame: pd.DataFrame, sensitivity: float
) -> None:
    judged, _ = judge(frame, method=method, sensitivity=sensitivity)
    known = ~np.isnan(judged.expected)

    assert (judged.lower <= judged.expected)[known].all()
    assert (judged.expected <= judged.upper)[known].all()
    values = frame.to_numpy()
    outside = (values > judged.upper) | (values < judged.lower)
    # Sums leave a rest where what is expected is the value itself.
    near = np.isclose(values, judged.upper, rtol=1e-9) | np.isclose(values, judged.lower, rtol=1e-9)
    assert (judged.severity > 0)[outside & ~near].all()
    assert judged.severity.max(initial=0) < len(SEVERITIES)
    assert np.isfinite(judged.score[known & ~np.isnan(values)]).all()
