"""What `detect` says of days that are unusual, of days that are not, and of input that is not as it should be."""

import re
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from costpulse_assets.analysis.anomalies import (
    KINDS,
    MEMORY,
    State,
    detect,
    detect_many,
    fingerprint,
    judge,
)
from costpulse_assets.errors import BadInput

COLUMNS = ["expected_cost", "lower_bound", "upper_bound", "score", "severity"]


def office(days: int = 200, noise: float = 0.04, seed: int = 3, start: str = "2026-01-01") -> "pd.Series[float]":
    """About 1,000 USD on weekdays and 400 on weekends."""
    index = pd.date_range(start, periods=days)
    rhythm = np.where(index.day_of_week < 5, 1000.0, 400.0)
    return pd.Series(rhythm * np.exp(np.random.default_rng(seed).normal(0, noise, days)), index=index)


def flagged(series: "pd.Series[float]", **arguments: object) -> list[int]:
    """Places of the flagged days."""
    return list(np.flatnonzero(detect(series, **arguments)["severity"].notna()))  # type: ignore[arg-type]


def kinds(series: "pd.Series[float]") -> dict[int, str | None]:
    """The kind of every day that has one."""
    judged, _ = judge(series.to_frame())
    return {int(day): KINDS[judged.kind[day, 0]] for day in np.flatnonzero(judged.kind[:, 0])}


def test_ordinary_weeks_are_not_flagged() -> None:
    assert flagged(office()) == []


def test_a_weekday_that_costs_like_a_busy_one_on_a_weekend_is_flagged() -> None:
    series = office()
    sunday = 150 + (6 - series.index[150].day_of_week)
    series.iloc[sunday] = 1000

    assert flagged(series) == [sunday]


def test_a_second_spike_four_days_later_is_as_far_out_as_the_first() -> None:
    series = office()
    series.iloc[[150, 154]] *= 2.5

    judged = detect(series)

    assert flagged(series) == [150, 154]
    assert judged["score"].iloc[154] == pytest.approx(judged["score"].iloc[150], rel=0.5)


@pytest.mark.parametrize(
    ("factor", "severity"), [(1.3, "medium"), (1.6, "high"), (5.0, "critical"), (0.02, "critical")]
)
def test_severity_grows_with_the_distance(factor: float, severity: str) -> None:
    series = office()
    series.iloc[150] *= factor

    assert detect(series)["severity"].iloc[150] == severity


def test_a_change_on_a_flat_fee_is_flagged() -> None:
    series = pd.Series(75.0, index=pd.date_range("2026-01-01", periods=100))
    series.iloc[60] = 225

    assert flagged(series) == [60]
    assert flagged(series, method="classic") == []


def test_an_outage_is_a_drop_and_its_end_is_no_news() -> None:
    series = office()
    series.iloc[150:153] = 0

    assert kinds(series) == {0: "new source", 150: "drop", 151: "drop", 152: "drop"}


def test_a_level_shift_is_told_once() -> None:
    series = office()
    series.iloc[150:] *= 1.8

    assert kinds(series) == {0: "new source", 150: "spike", 151: "spike", 152: "spike", 153: "level shift"}


def test_a_shift_that_ends_is_followed_by_the_old_band() -> None:
    series = office()
    series.iloc[150:160] *= 1.8

    judged = detect(series)

    assert flagged(series) == [150, 151, 152, 153]
    assert judged["expected_cost"].iloc[160:167].sum() == pytest.approx(series.iloc[160:167].sum(), rel=0.1)


def test_a_leak_is_a_drift_though_no_day_is_far_out() -> None:
    series = office(noise=0.03)
    series.iloc[120:] *= 1.015 ** np.minimum(np.arange(1, 81), 40)

    found = {day: kind for day, kind in kinds(series).items() if day > 0}

    assert set(found.values()) == {"drift"}
    assert 120 <= min(found) <= 140


def test_a_small_step_is_a_level_shift_within_two_weeks() -> None:
    series = office(noise=0.02)
    series.iloc[150:] *= 1.15

    found = {day: kind for day, kind in kinds(series).items() if day > 0}

    assert list(found.values()) == ["level shift"]
    assert 150 <= min(found) <= 164


def test_a_batch_at_every_months_end_is_not_flagged_for_ever() -> None:
    series = office(days=300)
    month_ends = np.flatnonzero(series.index.is_month_end)
    series.iloc[month_ends] += 600

    late = [day for day in flagged(series) if day > 150]

    assert late == []
    assert flagged(series)[0] == month_ends[0]


def test_a_job_that_now_and_then_does_not_run_is_told_of_three_times() -> None:
    series = office()
    series.iloc[[100, 111, 124, 137, 150, 166, 180]] = 0

    assert flagged(series) == [100, 111, 124]


def test_an_outage_of_three_days_does_not_make_the_next_one_usual() -> None:
    series = office()
    series.iloc[100:103] = 0
    series.iloc[150] = 0

    assert flagged(series) == [100, 101, 102, 150]


def test_a_source_that_begins_after_known_days_without_cost_is_new() -> None:
    series = office(days=160)
    series.iloc[:80] = 0

    assert kinds(series) == {80: "new source"}
    assert flagged(series) == [80]
    assert detect(series)["severity"].iloc[80] == "medium"


def test_a_source_whose_days_before_are_missing_is_new_and_not_judged() -> None:
    series = office(days=160)
    series.iloc[:80] = np.nan

    assert kinds(series) == {80: "new source"}
    assert flagged(series) == []


def test_a_series_that_ends_is_told_once() -> None:
    series = office()
    series.iloc[150:] = 0

    assert kinds(series) == {0: "new source", 150: "drop", 151: "drop", 152: "drop", 153: "level shift"}


def test_a_higher_sensitivity_finds_more() -> None:
    series = office()
    series.iloc[150] *= 1.25

    assert flagged(series) == []
    assert 150 in flagged(series, sensitivity=2.0)


def test_the_band_holds_the_expectation_and_decides() -> None:
    series = office(noise=0.3)
    judged = detect(series)
    known = judged[judged["expected_cost"].notna()]

    assert (known["lower_bound"] < known["expected_cost"]).all()
    assert (known["expected_cost"] < known["upper_bound"]).all()
    outside = (series > judged["upper_bound"]) | (series < judged["lower_bound"])
    assert judged["severity"].notna()[outside].all()


def test_classic_is_the_z_score_of_seven_days() -> None:
    series = pd.Series([10.0, 12, 9, 11, 10, 12, 13, 16], index=pd.date_range("2026-01-01", periods=8))
    before = series.iloc[:7]

    last = detect(series, method="classic").iloc[-1]

    assert last["expected_cost"] == pytest.approx(before.mean())
    assert last["score"] == pytest.approx((16 - before.mean()) / before.std())
    assert last["severity"] == "critical"


def test_an_empty_series_gives_an_empty_frame() -> None:
    judged = detect(pd.Series([], dtype=float))

    assert judged.empty
    assert list(judged.columns) == COLUMNS
    assert detect_many(pd.DataFrame()) == {}


@pytest.mark.parametrize("method", ["robust", "classic"])
@pytest.mark.parametrize("value", [0.0, 7.0, -3.0, np.nan])
@pytest.mark.parametrize("days", [1, 100])
def test_what_never_changes_is_never_flagged(value: float, days: int, method: str) -> None:
    series = pd.Series(value, index=pd.date_range("2026-01-01", periods=days))

    assert flagged(series, method=method) == []
    assert list(detect(series).columns) == COLUMNS


def test_a_constant_has_itself_as_expectation_and_a_band_around_it() -> None:
    last = detect(pd.Series(7.0, index=pd.date_range("2026-01-01", periods=100))).iloc[-1]

    assert last["expected_cost"] == pytest.approx(7)
    assert 5 < last["lower_bound"] < 6
    assert 8 < last["upper_bound"] < 9


def test_a_series_of_credits_is_judged_like_any_other() -> None:
    series = -office()
    series.iloc[150] *= 3

    assert flagged(series) == [150]
    assert detect(series)["score"].iloc[150] < 0


def test_one_credit_among_costs_is_a_drop() -> None:
    series = office()
    series.iloc[150] = -5000

    assert kinds(series)[150] == "drop"


@pytest.mark.parametrize("level", [0.01, 1e6])
def test_a_cent_and_a_million_a_day_are_judged_alike(level: float) -> None:
    series = office()
    series.iloc[150] *= 2

    assert flagged(series / 1000 * level) == [150]


def test_a_missing_day_is_not_a_zero() -> None:
    series = office()
    series.iloc[150:157] = np.nan

    judged = detect(series)

    assert flagged(series) == []
    assert judged["expected_cost"].iloc[150:157].notna().all()
    assert judged["score"].iloc[150:157].isna().all()


def test_days_that_are_not_in_the_index_are_missing_days() -> None:
    series = office()
    with_gap = series.drop(series.index[150:153])

    pd.testing.assert_frame_equal(detect(with_gap), detect(with_gap.asfreq("D")))
    assert len(detect(with_gap)) == len(series)


def test_after_a_long_gap_nothing_is_said_until_five_days_are_there() -> None:
    series = office(days=260)
    series.iloc[150:200] = np.nan

    known = detect(series)["expected_cost"].notna()

    assert not known.iloc[165:205].any()
    assert known.iloc[205:].all()


def test_the_order_of_rows_does_not_matter() -> None:
    series = office()

    pd.testing.assert_frame_equal(detect(series.iloc[::-1]), detect(series))


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
def test_a_time_zone_is_dropped_and_its_dates_are_kept(zone: str) -> None:
    series = office()

    pd.testing.assert_frame_equal(detect(series.tz_localize(zone)), detect(series))


def test_dates_periods_and_times_of_day_are_days() -> None:
    series = office()
    dates = pd.Series(series.to_numpy(), index=[date(2026, 1, 1) + timedelta(days=day) for day in range(len(series))])

    for same in (dates, series.to_period("D"), series.set_axis(series.index + pd.Timedelta(hours=5))):
        pd.testing.assert_frame_equal(detect(same), detect(series))


def test_decimals_and_none_are_numbers_and_missing() -> None:
    series = office().round(2)
    exact = pd.Series([Decimal(str(value)) for value in series], index=series.index, dtype=object)
    exact.iloc[100] = None
    series.iloc[100] = np.nan

    pd.testing.assert_frame_equal(detect(exact), detect(series))


def test_ten_years_are_judged_to_the_end() -> None:
    series = office(days=3652)
    series.iloc[3600] *= 2

    assert flagged(series, method="classic")[-1] >= 3600
    assert flagged(series)[-1] == 3600


INDEX = pd.date_range("2026-01-01", periods=3)


@pytest.mark.parametrize(
    ("series", "message"),
    [
        (pd.Series([1.0, 2, 3], index=INDEX[[0, 1, 1]]), "2026-01-02 is in the series more than once"),
        (pd.Series([1.0, np.inf, 3], index=INDEX), "The value of 'series' on 2026-01-02 is inf"),
        (pd.Series([1.0, -1e200, 3], index=INDEX), "The value of 'series' on 2026-01-02 is -1e+200"),
        (pd.Series(["1", "2", "x"], index=INDEX), "The values of 'series' are not numbers"),
        (pd.Series([1, "2", 3.0], index=INDEX, dtype=object), "The values of 'series' are not numbers"),
        (pd.Series([True, False, True], index=INDEX), "The values of 'series' are not numbers"),
        (pd.Series([1j, 2, 3], index=INDEX), "The values of 'series' are not numbers"),
        (pd.Series([1, [2], 3], index=INDEX, dtype=object), "The values of 'series' are not numbers"),
        (pd.Series(INDEX, index=INDEX), "The values of 'series' are not numbers"),
        (pd.Series([1.0, 2, 3]), "not labelled with dates (the first is 0)"),
        (pd.Series([1.0, 2, 3], index=["a", "b", "c"]), "not labelled with dates (the first is 'a')"),
        (pd.Series([1.0, 2, 3], index=[INDEX[0], pd.NaT, INDEX[2]]), "not labelled with dates"),
        (pd.Series([1.0], index=[date(9999, 12, 31)]), "not labelled with dates"),
    ],
)
def test_what_cannot_be_judged_is_refused_by_name(series: "pd.Series[float]", message: str) -> None:
    with pytest.raises(BadInput, match=re.escape(message)) as refused:
        detect(series)
    assert refused.value.next_step


def test_two_series_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput, match="Two series have the name 'a'"):
        detect_many(pd.DataFrame([[1.0, 2.0]], index=INDEX[:1], columns=["a", "a"]))


@pytest.mark.parametrize("sensitivity", [0, -1, np.nan, np.inf, "high", None, {"series": 0.0}])
def test_a_sensitivity_that_is_none_is_refused(sensitivity: object) -> None:
    with pytest.raises(BadInput, match="The sensitivity is"):
        detect(office(), sensitivity=sensitivity)  # type: ignore[arg-type]


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(BadInput, match="There is no method 'prophet'"):
        detect(office(), method="prophet")  # type: ignore[arg-type]


def test_sensitivity_is_per_series() -> None:
    series = office()
    series.iloc[150] *= 1.25
    judged = detect_many(pd.DataFrame({"a": series, "b": series}), sensitivity={"b": 2.0})

    assert judged["a"]["severity"].iloc[150] is None
    assert judged["b"]["severity"].iloc[150] is not None


def test_a_state_survives_storage_and_knows_its_history() -> None:
    frame = office().to_frame("a")
    _, state = judge(frame.iloc[:180])
    again = State.from_bytes(state.to_bytes())

    assert again.fingerprint == state.fingerprint == fingerprint(frame.iloc[:180])
    restated = frame.copy()
    restated.iloc[180 - MEMORY] += 0.01
    assert fingerprint(restated.iloc[:180]) != state.fingerprint
    assert fingerprint(frame.iloc[:180], sensitivity=2.0) != state.fingerprint
    assert fingerprint(frame.iloc[:180], method="classic") != state.fingerprint
    assert fingerprint(frame.iloc[:179]) != state.fingerprint


@pytest.mark.parametrize(
    ("frame", "arguments", "message"),
    [
        (office(10, start="2026-07-20").to_frame("b"), {}, "is of other series"),
        (office(10, start="2026-07-20").to_frame("a"), {"method": "classic"}, "is of method robust"),
        (office(10, start="2026-07-20").to_frame("a"), {"sensitivity": 2.0}, "another sensitivity"),
        (office(10, start="2026-07-01").to_frame("a"), {}, "has the days up to 2026-07-19 already"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(frame: pd.DataFrame, arguments: dict[str, object], message: str) -> None:
    _, state = judge(office().to_frame("a"))

    with pytest.raises(BadInput, match=message):
        judge(frame, state=state, **arguments)  # type: ignore[arg-type]


def test_bytes_that_are_no_state_are_refused() -> None:
    with pytest.raises(BadInput, match="memory of the detector cannot be read"):
        State.from_bytes(b"nothing")


@pytest.mark.parametrize("begins", range(7))
def test_quiet_weekends_alone_are_never_a_change_of_level(begins: int) -> None:
    index = pd.date_range("2026-03-02", periods=90, freq="D") + pd.Timedelta(days=begins)
    noise = np.random.default_rng(begins).normal(1, 0.02, (len(index), 30))
    weekday = np.where(index.day_of_week >= 5, 0.33, 1.0)[:, None]
    found = detect_many(pd.DataFrame(100 * weekday * noise, index=index))
    assert not any(judged["severity"].notna().any() for judged in found.values())
