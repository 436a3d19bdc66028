"""What a forecast promises, whatever the series and the model."""

import builtins
import logging
import subprocess
import sys
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from costpulse_assets.analysis import fitted_models
from costpulse_assets.analysis.blend import _members
from costpulse_assets.analysis.forecast_models import History, Model, linear, seasonal_naive
from costpulse_assets.analysis.forecasts import MODELS, Forecast, forecast, make_forecast
from costpulse_assets.errors import BadInput

CHEAP = ("auto", "blend", "linear", "seasonal_naive")
FITTED = ("prophet", "ets", "theta")
#: A rhythm of the week, Monday first.
WEEK = np.array([100.0, 110.0, 115.0, 110.0, 105.0, 30.0, 25.0])


def daily(values: Any, first: str = "2025-06-02") -> "pd.Series[float]":
    """Values as days, the first a Monday."""
    return pd.Series(
        np.asarray(values, dtype=float), pd.date_range(first, periods=len(values), freq="D", name="usage_date")
    )


def rhythm(days: int, *, noise: float = 0.05, seed: int = 1) -> "pd.Series[float]":
    """A weekly rhythm with noise."""
    random = np.random.default_rng(seed)
    return daily(np.resize(WEEK, days) * np.exp(random.normal(0, noise, days)))


def assert_sound(made: Forecast, horizon: int, draws: int) -> None:
    """What holds for every forecast."""
    frame = made.frame
    assert list(frame.columns) == ["predicted_cost", "lower_bound", "upper_bound", "model_type"]
    assert len(frame) == horizon
    bounds = frame[["predicted_cost", "lower_bound", "upper_bound"]].to_numpy(dtype=float)
    assert np.isfinite(bounds).all()
    assert (frame["lower_bound"] >= 0).all()
    assert (frame["lower_bound"] <= frame["predicted_cost"]).all()
    assert (frame["predicted_cost"] <= frame["upper_bound"]).all()
    assert set(frame["model_type"]) == {made.model_type}
    assert made.model_type in MODELS
    assert made.model_type != "auto"
    assert made.paths.shape == (draws, horizon)
    assert np.isfinite(made.paths).all()
    assert (made.paths >= 0).all()
    assert made.naive.shape == (horizon,)
    assert made.reason.endswith(".")


costs = st.one_of(
    st.floats(-1e4, 1e7, allow_nan=False),
    st.sampled_from([0.0, 0.01, 1e6, float("nan")]),
)


@example(values=[2.0, 1.1125369292536007e-308], horizon=1, model="auto")
@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(costs, min_size=1, max_size=80).filter(lambda v: any(x == x for x in v)),
    horizon=st.integers(1, 70),
    model=st.sampled_from(CHEAP),
)
def test_any_series_gets_a_band_around_its_forecast_and_nothing_below_zero(
    values: list[float], horizon: int, model: Any
) -> None:
    made = make_forecast(daily(values), horizon, model=model, draws=40)

    assert_sound(made, horizon, 40)
    assert made.frame.index[0] == pd.Timestamp("2025-06-02") + pd.Timedelta(days=len(values))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), days=st.integers(1, 450), low=st.floats(0.05, 0.9), more=st.floats(0.01, 0.09))
def test_a_higher_level_is_never_a_narrower_band(seed: int, days: int, low: float, more: float) -> None:
    series = rhythm(days, noise=0.4, seed=seed)

    narrow, wide = forecast(series, 20, level=low), forecast(series, 20, level=low + more)

    assert (wide["lower_bound"] <= narrow["lower_bound"]).all()
    assert (wide["upper_bound"] >= narrow["upper_bound"]).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), days=st.integers(14, 450), factor=st.sampled_from([1000.0, 1e-6]))
def test_the_currency_does_not_matter(seed: int, days: int, factor: float) -> None:
    series = rhythm(days, noise=0.3, seed=seed)

    one, other = make_forecast(series, 30, draws=50), make_forecast(series * factor, 30, draws=50)

    assert one.model_type == other.model_type
    assert one.error == pytest.approx(other.error)
    for column in ("predicted_cost", "lower_bound", "upper_bound"):
        np.testing.assert_allclose(one.frame[column] * factor, other.frame[column], rtol=1e-6, atol=1e-6 * factor)
    np.testing.assert_allclose(one.paths * factor, other.paths, rtol=1e-6, atol=1e-6 * factor)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), days=st.integers(1, 300))
def test_the_same_series_gets_the_same_forecast(seed: int, days: int) -> None:
    series = rhythm(days, seed=seed)

    one, other = make_forecast(series, 15), make_forecast(series.sample(frac=1, random_state=seed), 15)

    pd.testing.assert_frame_equal(one.frame, other.frame)
    np.testing.assert_array_equal(one.paths, other.paths)
    assert one.reason == other.reason


def test_only_the_last_400_days_count() -> None:
    ten_years = rhythm(3650, noise=0.2)
    other_past = ten_years.copy()
    other_past.iloc[:-400] *= 7

    pd.testing.assert_frame_equal(forecast(ten_years, 30), forecast(other_past, 30))


@pytest.mark.parametrize("model", [linear, seasonal_naive, _members])
def test_what_is_said_at_a_rolling_origin_knows_nothing_of_the_days_after_it(model: Model) -> None:
    past = rhythm(300, noise=0.3).to_numpy()
    other_future = past.copy()
    other_future[260:] *= 9
    known, first = np.ones(300, dtype=bool), np.datetime64("2025-06-02")

    before, after = (model(History(days, known, first), np.array([200, 230, 260]), 14) for days in (past, other_future))

    np.testing.assert_array_equal(before, after)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), days=st.integers(14, 300))
def test_the_past_is_predicted_from_as_the_present_is(seed: int, days: int) -> None:
    # The row of a rolling origin is what the model says of a series that ends there: no more past, no less.
    values = rhythm(days + 40, noise=0.3, seed=seed).to_numpy()
    first = np.datetime64("2025-06-02")
    whole = History(values, np.ones(days + 40, dtype=bool), first)
    cut = History(values[:days], np.ones(days, dtype=bool), first)

    for model in (linear, seasonal_naive, _members):
        rolling = model(whole, np.array([days, days + 20, days + 40]), 14)[0]
        np.testing.assert_allclose(rolling, model(cut, np.array([days]), 14)[0], rtol=1e-9)


@pytest.mark.parametrize("days", [20, 45, 120, 400])
def test_the_quantiles_of_the_possible_futures_are_the_band(days: int) -> None:
    made = make_forecast(rhythm(days, noise=0.3), 40, draws=2000)

    quantiles = np.quantile(made.paths, [0.025, 0.5, 0.975], axis=0)

    usual = made.frame["predicted_cost"].mean()
    np.testing.assert_allclose(quantiles[0], made.frame["lower_bound"], atol=0.05 * usual, rtol=0.1)
    np.testing.assert_allclose(quantiles[1], made.frame["predicted_cost"], atol=0.05 * usual)
    np.testing.assert_allclose(quantiles[2], made.frame["upper_bound"], atol=0.05 * usual, rtol=0.1)


def test_sums_of_possible_futures_hold_the_sums_that_came() -> None:
    # A level that wanders: days of one future are wrong together, so independent days would hold far fewer sums.
    inside = independent = 0
    rounds = 40
    for seed in range(rounds):
        random = np.random.default_rng(seed)
        level = 100 * np.exp(np.cumsum(random.normal(0, 0.02, 330)))
        values = level * np.exp(random.normal(0, 0.03, 330))
        made = make_forecast(daily(values[:300]), 30)
        total = values[300:].sum()
        low, high = np.quantile(made.paths.sum(axis=1), [0.025, 0.975])
        inside += low <= total <= high
        shuffled = random.permuted(made.paths, axis=0).sum(axis=1)
        low, high = np.quantile(shuffled, [0.025, 0.975])
        independent += low <= total <= high

    assert inside >= 0.85 * rounds
    assert independent < 0.7 * rounds


def test_the_band_holds_the_share_it_promises() -> None:
    held = []
    for seed in range(40):
        values = rhythm(330, noise=0.2, seed=seed)
        made = forecast(values.iloc[:300], 30)
        actual = values.iloc[300:].to_numpy()
        held.append(((made["lower_bound"] <= actual) & (actual <= made["upper_bound"])).mean())

    assert 0.9 <= np.mean(held) <= 0.995


def test_a_weekly_rhythm_is_learned() -> None:
    series = rhythm(120)

    made = make_forecast(series, 28)

    expected = np.resize(np.roll(WEEK, -120 % -7), 28)
    np.testing.assert_allclose(made.frame["predicted_cost"], expected, rtol=0.12)
    assert made.error is not None
    assert made.error < 0.07
    assert made.naive_error is not None
    assert made.error < made.naive_error


def test_the_load_of_month_ends_is_learned_where_months_agree() -> None:
    quiet = rhythm(400, noise=0.02)
    last_day = quiet.index.is_month_end
    busy = quiet.where(~last_day, quiet * 1.6)

    future = forecast(busy, 45)
    ratio = future["predicted_cost"] / forecast(quiet, 45)["predicted_cost"]

    assert ratio[future.index.is_month_end].to_numpy() == pytest.approx(1.6, rel=0.06)
    assert ratio[~future.index.is_month_end].to_numpy() == pytest.approx(1.0, rel=0.02)


def test_a_clear_line_is_told_from_a_level() -> None:
    made = make_forecast(daily(np.linspace(100, 900, 200)), 30)

    assert made.model_type == "linear"
    assert made.frame["predicted_cost"].iloc[-1] == pytest.approx(900 + 30 * 800 / 199)
    assert made.reason.startswith("The straight line: error 0.0% over 32 past forecasts; the blend ")


def test_a_new_level_is_believed_within_weeks() -> None:
    series = rhythm(300, noise=0.02)
    series.iloc[-28:] *= 3

    made = forecast(series, 14)

    assert made["predicted_cost"].sum() == pytest.approx(3 * 2 * WEEK.sum(), rel=0.1)


def test_one_wild_day_does_not_move_the_forecast() -> None:
    series = rhythm(300, noise=0.02)
    wild = series.copy()
    wild.iloc[-3] *= 40

    assert forecast(wild, 30)["predicted_cost"].sum() == pytest.approx(
        forecast(series, 30)["predicted_cost"].sum(), rel=0.05
    )


@pytest.mark.parametrize("days", range(1, 14))
def test_a_short_history_is_its_mean_with_an_honest_band(days: int) -> None:
    made = make_forecast(daily([50.0] * days), 10)

    assert made.model_type == "linear"
    assert made.frame["predicted_cost"].to_numpy() == pytest.approx(50.0)
    width = made.frame["upper_bound"] - made.frame["predicted_cost"]
    assert (width >= 0.95 * 50 / days - 1e-9).all()
    assert made.reason == f"The mean of {days} day{'s' * (days > 1)}: too short a history for a trend or a rhythm."


def test_a_constant_is_continued_without_doubt_and_nothing_stays_nothing() -> None:
    constant, nothing = forecast(daily([12.5] * 100), 40), make_forecast(daily([0.0] * 100), 40)

    for column in ("predicted_cost", "lower_bound", "upper_bound"):
        assert constant[column].to_numpy() == pytest.approx(12.5)
        assert (nothing.frame[column] == 0).all()
    assert (nothing.paths == 0).all()
    assert nothing.error is None
    assert nothing.reason == "The blend: there is nothing in the past to compare a forecast with."


def test_credits_never_make_a_prediction_negative() -> None:
    series = rhythm(200)
    series.iloc[::9] = -500.0

    assert_sound(make_forecast(series, 30), 30, 500)
    assert_sound(make_forecast(-rhythm(200), 30), 30, 500)


def test_missing_days_are_unknown_and_not_zero() -> None:
    series = rhythm(200, noise=0.02)
    holes = series.drop(series.index[[20, 21, 90, 150, 151, 152, 153]])
    as_nan = series.copy()
    as_nan.iloc[[20, 21, 90, 150, 151, 152, 153]] = np.nan

    pd.testing.assert_frame_equal(forecast(holes, 30), forecast(as_nan, 30))
    np.testing.assert_allclose(forecast(holes, 30)["predicted_cost"], forecast(series, 30)["predicted_cost"], rtol=0.03)


def test_days_without_a_value_before_the_first_change_nothing() -> None:
    series = rhythm(60)
    padded = pd.concat([daily([np.nan] * 30, "2025-05-03"), series])

    pd.testing.assert_frame_equal(forecast(series, 20), forecast(padded, 20), check_names=False)


def test_days_at_the_end_that_are_not_known_are_bridged() -> None:
    series = rhythm(200, noise=0.02)
    unknown = series.copy()
    unknown.iloc[-5:] = np.nan

    made = make_forecast(unknown, 20)

    assert made.frame.index[0] == series.index[-1] + pd.Timedelta(days=1)
    pd.testing.assert_frame_equal(made.frame, forecast(series.iloc[:-5], 25).iloc[5:], check_freq=False)
    assert made.paths.shape == (500, 20)
    np.testing.assert_allclose(made.naive[:7], np.roll(series.iloc[-12:-5], -5))


def test_a_time_zone_is_dropped_and_the_label_is_the_day() -> None:
    series = rhythm(60)

    for zone in ("UTC", "America/Los_Angeles", "Asia/Tokyo"):
        pd.testing.assert_frame_equal(forecast(series.tz_localize(zone), 10), forecast(series, 10))


def test_decimals_and_plain_dates_are_accepted() -> None:
    series = rhythm(30).round(2)
    exact = pd.Series([Decimal(str(value)) for value in series], [day.date() for day in series.index], dtype=object)

    np.testing.assert_allclose(forecast(exact, 10)["predicted_cost"], forecast(series, 10)["predicted_cost"])


@pytest.mark.parametrize("cost", [1e6, 0.01])
def test_a_million_a_day_and_a_cent_a_day_are_forecast_alike(cost: float) -> None:
    random = np.random.default_rng(3)
    shape = np.exp(random.normal(0, 0.1, 200))

    assert forecast(daily(shape * cost), 30)["predicted_cost"].to_numpy() / cost == pytest.approx(
        forecast(daily(shape), 30)["predicted_cost"].to_numpy()
    )


@pytest.mark.parametrize(
    ("series", "says"),
    [
        (pd.Series([], index=pd.DatetimeIndex([]), dtype=float), "no day with a known cost"),
        (pd.Series(dtype=float), "no day with a known cost"),
        (daily([np.nan, np.nan]), "no day with a known cost"),
        (daily([1.0, np.inf]), "inf"),
        (pd.Series([1.0, 2.0]), "not labelled with dates"),
        (pd.Series([1.0, 2.0], pd.DatetimeIndex(["2025-01-01", None])), "not labelled with dates"),
        (pd.Series(["a", "b"], pd.date_range("2025-01-01", periods=2)), "not numbers"),
        (pd.Series([1.0, 2.0], pd.DatetimeIndex(["2025-01-01", "2025-01-01"])), "more than once"),
    ],
)
def test_a_series_that_says_nothing_is_refused_by_name(series: "pd.Series[Any]", says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        forecast(series, 10)

    assert refused.value.next_step


@pytest.mark.parametrize(
    "arguments",
    [{"horizon": 0}, {"horizon": 5000}, {"model": "arima"}, {"level": 0.0}, {"level": 1.0}, {"level": float("nan")}],
)
def test_arguments_that_make_no_sense_are_refused_by_name(arguments: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        forecast(rhythm(30), **{"horizon": 10, **arguments})

    assert refused.value.next_step


def test_no_possible_future_is_no_answer() -> None:
    with pytest.raises(BadInput):
        make_forecast(rhythm(30), 10, draws=0)


@pytest.mark.parametrize("model", FITTED)
def test_a_fitted_model_is_used_where_it_is_asked_for(
    model: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = make_forecast(rhythm(100), 14, model=model)

    assert_sound(made, 14, 500)
    assert made.model_type == model
    assert made.warnings == ()
    assert "over 6 past forecasts; seasonal naive" in made.reason
    np.testing.assert_allclose(made.frame["predicted_cost"], np.resize(np.roll(WEEK, -100 % -7), 14), rtol=0.3)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_prophet_takes_days_with_a_time_zone() -> None:
    made = make_forecast(rhythm(60).tz_localize("UTC"), 7, model="prophet")

    assert made.model_type == "prophet"
    assert made.warnings == ()


@pytest.mark.parametrize(("model", "days"), [("prophet", 29), ("ets", 20), ("theta", 20)])
def test_too_short_a_history_for_a_fit_falls_back_and_says_so(model: Any, days: int) -> None:
    made = make_forecast(rhythm(days), 10, model=model)

    assert made.model_type not in FITTED
    assert len(made.warnings) == 1
    assert f"needs {days + 1} days of history and there are {days}; " in made.warnings[0]
    assert made.warnings[0].endswith(" was used.")


def test_a_missing_prophet_falls_back_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without_prophet(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "prophet":
            raise ModuleNotFoundError("No module named 'prophet'")
        return real_import(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without_prophet)

    made = make_forecast(rhythm(60), 10, model="prophet")

    assert made.model_type == "blend"
    assert made.warnings == ("Prophet could not be fitted (No module named 'prophet'); the blend was used.",)
    pd.testing.assert_frame_equal(made.frame, forecast(rhythm(60), 10))


def test_a_fit_that_runs_away_falls_back_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        fitted_models, "_fit_ets", lambda series, horizon: float(series.iloc[-1]) * 10.0 ** np.arange(1, horizon + 1)
    )

    made = make_forecast(rhythm(60), 10, model="ets")

    assert made.model_type == "blend"
    assert made.warnings == ("ETS could not be fitted (the fit diverged); the blend was used.",)


@pytest.mark.parametrize("model", FITTED)
@pytest.mark.parametrize("values", [np.zeros(60), np.full(60, 3.0), np.resize([0.0, 5.0], 60)])
def test_fitted_models_survive_series_without_a_shape(model: Any, values: "np.ndarray[Any, Any]") -> None:
    assert_sound(make_forecast(daily(values), 10, model=model), 10, 500)


def test_the_heavy_libraries_stay_out_until_a_fit_asks_for_them() -> None:
    program = (
        "import sys; import pandas as pd\n"
        "from costpulse_assets.analysis.forecasts import forecast\n"
        "forecast(pd.Series(range(60), pd.date_range('2025-01-01', periods=60), dtype=float), 30)\n"
        "print(sorted({'prophet', 'statsmodels', 'scipy'} & set(sys.modules)))"
    )

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert run.stdout == "[]\n"
