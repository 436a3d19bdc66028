"""Forecasts by models that are fitted, one origin at a time: Prophet, ETS and Theta.

Their libraries are imported where they are used: they cost seconds and a hundred megabytes, and only those who ask
for such a model pay. Nothing they print, log or warn about gets out; what goes wrong is a `FitFailed`.
"""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd

from costpulse_assets.analysis.forecast_models import WEEK, Floats, History, Integers, Model

#: A fit whose forecast leaves the history's range by this factor has diverged.
_FARTHEST = 5.0
_LOGGERS = ("prophet", "prophet.plot", "cmdstanpy", "stan")


class FitFailed(Exception):
    """The model cannot be fitted to the whole history; the text says why."""


def prophet(history: History, ends: Integers, horizon: int) -> Floats:
    """Prophet with a weekly pattern and without its own interval."""
    return _at_each_origin(_fit_prophet)(history, ends, horizon)


def ets(history: History, ends: Integers, horizon: int) -> Floats:
    """Exponential smoothing with a damped trend and an additive weekly pattern, ETS(A,Ad,A)."""
    return _at_each_origin(_fit_ets)(history, ends, horizon)


def theta(history: History, ends: Integers, horizon: int) -> Floats:
    """The Theta method on the series without its weekly pattern."""
    return _at_each_origin(_fit_theta)(history, ends, horizon)


def _fit_prophet(series: "pd.Series[float]", horizon: int) -> Floats:
    from prophet import Prophet

    model = Prophet(weekly_seasonality=True, daily_seasonality=False, yearly_seasonality=False, uncertainty_samples=0)
    model.fit(pd.DataFrame({"ds": series.index, "y": series.to_numpy()}))
    future = series.index[-1] + pd.to_timedelta(np.arange(1, horizon + 1), unit="D")
    return np.asarray(model.predict(pd.DataFrame({"ds": future}))["yhat"], dtype=float)


def _fit_ets(series: "pd.Series[float]", horizon: int) -> Floats:
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    model = ExponentialSmoothing(
        series.to_numpy(), trend="add", damped_trend=True, seasonal="add", seasonal_periods=WEEK
    )
    return np.asarray(model.fit().forecast(horizon), dtype=float)


def _fit_theta(series: "pd.Series[float]", horizon: int) -> Floats:
    from statsmodels.tsa.forecasting.theta import ThetaModel

    model = ThetaModel(series, period=WEEK, method="additive")
    return np.asarray(model.fit().forecast(horizon), dtype=float)


def _at_each_origin(fit: Callable[["pd.Series[float]", int], Floats]) -> Model:
    def model(history: History, ends: Integers, horizon: int) -> Floats:
        days = pd.DatetimeIndex(history.days(0), freq="D")
        predicted = np.full((len(ends), horizon), np.nan)
        for row, end in enumerate(ends):
            try:
                with _silence():
                    values = fit(pd.Series(history.values[:end], days[:end]), horizon)
            except Exception as error:  # the libraries raise all sorts, from ImportError to LinAlgError
                if end == len(history):
                    raise FitFailed(" ".join(str(error).split()) or type(error).__name__) from error
                continue
            seen = history.values[:end]
            spread = seen.max() - seen.min()
            diverged = not np.isfinite(values).all() or bool(
                (values > seen.max() + _FARTHEST * spread).any() or (values < seen.min() - _FARTHEST * spread).any()
            )
            if diverged and end == len(history):
                raise FitFailed("the fit diverged")
            if not diverged:
                predicted[row] = values
        return predicted

    return model


@contextmanager
def _silence() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    disabled = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = True
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, before in zip(loggers, disabled, strict=True):
            logger.disabled = before
