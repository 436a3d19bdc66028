"""What a daily cost series will probably cost next, and how sure that is.

The models are in `blend`, `forecast_models` and `fitted_models`, bands and possible futures in `conformal`; here are
the input, the choice and the words.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from costpulse_assets.analysis import conformal, fitted_models
from costpulse_assets.analysis.blend import blend
from costpulse_assets.analysis.daily_values import daily_values
from costpulse_assets.analysis.forecast_models import Floats, History, Integers, Model, linear, origins, seasonal_naive
from costpulse_assets.errors import BadInput

ModelName = Literal["auto", "blend", "prophet", "linear", "ets", "theta", "seasonal_naive"]
MODELS: tuple[ModelName, ...] = get_args(ModelName)

#: More past says little about the next month, and prices and workloads were others.
HISTORY_DAYS = 400
_LONGEST_HORIZON = 3_660
#: From here on models compete; before it the mean of the days is all there is to say.
_SHORT_DAYS = 14
#: Fewest days a model is fitted to.
_NEEDS = {"prophet": 30, "ets": 21, "theta": 21}
_FITTED: dict[str, Model] = {"prophet": fitted_models.prophet, "ets": fitted_models.ets, "theta": fitted_models.theta}
_CHEAP: dict[str, Model] = {"blend": blend, "seasonal_naive": seasonal_naive, "linear": linear}
_NAMES = {
    "blend": "the blend",
    "seasonal_naive": "seasonal naive",
    "linear": "the straight line",
    "prophet": "Prophet",
    "ets": "ETS",
    "theta": "Theta",
}
#: Another model must have erred less than this share of the blend's error to be preferred: rolling origins of one
#: series choose badly between close ones, see docs/methods.md.
_CLEARLY_BETTER = 0.7
#: Share of the mean below which a sum is nothing.
_NOTHING = 1e-9
#: Rolling origins a week apart; fits are expensive, so they get fewer, two weeks apart.
_ORIGINS, _STEP = 32, 7
_FIT_ORIGINS, _FIT_STEP = 6, 14
#: Leads that are tried at most; later ones are extrapolated.
_LONGEST_TRIED = 90
#: Fewest days before a rolling origin.
_FIRST_ORIGIN = 28


@dataclass(frozen=True)
class Forecast:
    """A forecast with everything that is known about how good it is.

    Attributes:
        frame: one row per day after the series' last one: predicted_cost, lower_bound, upper_bound (the series' unit,
            0 <= lower <= predicted <= upper) and model_type.
        model_type: the model that was used, never auto.
        reason: which model and why, one sentence for people.
        error: the model's WAPE over the rolling origins (0.1 is 10 %); None where there was nothing to compare.
        naive_error: the same of seasonal naive.
        naive: seasonal naive's prediction per day, shape (horizon,).
        paths: equally likely futures, shape (draws, horizon), all >= 0. The quantiles of a day are its band's, and
            sums over days vary as sums of errors did at the origins. The same input gives the same paths.
        warnings: what did not go as it was asked for, sentences for people.
    """

    frame: pd.DataFrame
    model_type: str
    reason: str
    error: float | None
    naive_error: float | None
    naive: Floats
    paths: Floats
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Trial:
    """A model on one series: its forecast, and its errors in the past.

    Attributes:
        predicted: the forecast, shape (horizon,), >= 0.
        errors: actual minus predicted in units, shape (origins, leads); NaN where nothing is known.
        origins: number of past forecasts that could be compared.
        wape: None where there was none.
    """

    predicted: Floats
    errors: Floats
    origins: int
    wape: float | None


def forecast(series: "pd.Series[Any]", horizon: int, *, model: ModelName = "auto", level: float = 0.95) -> pd.DataFrame:
    """Predicts the days after the last one of a daily series.

    What is done with an unusual series:
        - no day with a value (empty, or all NaN), inf, text, two rows for one day, or an index that is not dates:
          BadInput;
        - one day: that value every day, and a band from zero to twice it; fewer than 14 days: their mean, and a band
          that is at least 1/days of it wide on either side;
        - constant: that constant, with a band of no width from 14 days on; all zero: zero;
        - days with a negative net cost (credits) count as they are, but nothing predicted is below zero;
        - NaN and missing days: unknown, not zero: the same weekday of the week before stands in, and no error is
          counted there. Missing days at the start or the end are left out or predicted;
        - a time of day and a time zone are dropped (the label is the day), order does not matter;
        - the last 400 days count.

    Args:
        series: cost per day, any unit; the index holds dates or timestamps.
        horizon: number of days, 1 to 3660; they follow the last day of the index.
        model: `auto` takes the blend unless another cheap model was clearly better at the rolling origins.
        level: share of days the band shall hold, above 0 and below 1.

    Returns:
        predicted_cost, lower_bound, upper_bound and model_type per day, index without time zone.
        0 <= lower_bound <= predicted_cost <= upper_bound.

    Raises:
        BadInput: an argument or the series is not acceptable.
    """
    return make_forecast(series, horizon, model=model, level=level, draws=1).frame


def make_forecast(
    series: "pd.Series[Any]", horizon: int, *, model: ModelName = "auto", level: float = 0.95, draws: int = 500
) -> Forecast:
    """What `forecast` says, with the choice, its error and possible futures.

    Args:
        series: see `forecast`.
        horizon: see `forecast`.
        model: see `forecast`.
        level: see `forecast`.
        draws: number of paths.
    """
    _check(horizon, model, level, draws)
    days = daily_values(series.to_frame("the series"))["the series"]
    if days.isna().all():
        raise BadInput(
            "There is no day with a known cost to forecast from.", next_step="Collect at least one complete day first."
        )
    observed = days.loc[days.first_valid_index() : days.last_valid_index()].iloc[-HISTORY_DAYS:]
    # Days at the end that are not known yet are predicted, and not answered.
    skipped = (days.index[-1] - observed.index[-1]).days
    history, scale = _history(observed)
    mean = float(np.abs(history.values).mean())

    name, trials, warnings = _choose(history, horizon + skipped, model, mean)
    trial = trials[name]
    evidence = int(history.known.sum())
    least = 1 / evidence if evidence < _SHORT_DAYS else 0.0
    if trial.wape is None and mean > 0:
        least = 1.0
    size = conformal.units(trial.predicted, mean)
    width = conformal.half_widths(trial.errors, np.array([level]), horizon + skipped, least=least)[0] * size
    lower, upper = np.maximum(trial.predicted - width, 0.0), trial.predicted + width
    paths = trial.predicted + size * conformal.future_errors(trial.errors, draws, horizon + skipped, least=least)
    frame = pd.DataFrame(
        {
            "predicted_cost": scale * trial.predicted,
            "lower_bound": scale * lower,
            "upper_bound": scale * upper,
            "model_type": name,
        },
        index=pd.date_range(observed.index[-1], periods=len(width) + 1, freq="D", name=series.index.name)[1:],
    )
    return Forecast(
        frame=frame.iloc[skipped:],
        model_type=name,
        reason=_reason(name, trials, evidence),
        error=trial.wape,
        naive_error=trials["seasonal_naive"].wape,
        naive=scale * trials["seasonal_naive"].predicted[skipped:],
        paths=scale * np.maximum(paths, 0.0)[:, skipped:],
        warnings=warnings,
    )


def _check(horizon: int, model: str, level: float, draws: int) -> None:
    if not 1 <= horizon <= _LONGEST_HORIZON:
        raise BadInput(
            f"A forecast of {horizon} days cannot be made.", next_step=f"Ask for 1 to {_LONGEST_HORIZON} days."
        )
    if model not in MODELS:
        raise BadInput(f"There is no forecasting model '{model}'.", next_step=f"Choose one of {', '.join(MODELS)}.")
    if not 0 < level < 1:
        raise BadInput(f"A band cannot hold the share {level} of the days.", next_step="Use a level such as 0.95.")
    if draws < 1:
        raise BadInput(f"{draws} possible futures cannot be drawn.", next_step="Ask for at least one.")


def _history(days: "pd.Series[float]") -> tuple[History, float]:
    """The days divided by the largest one, so that no threshold depends on the currency; and that largest one."""
    values = np.array(days, dtype=np.float64)
    known = ~np.isnan(values)
    scale = float(np.abs(values[known]).max()) or 1.0
    for day in np.flatnonzero(~known).tolist():
        # Whatever is older is filled already.
        values[day] = values[max(day - 7, 0)]
    values[np.isnan(values)] = values[known][0]
    return History(values / scale, known, days.index[0].to_datetime64().astype("datetime64[D]")), scale


def _choose(
    history: History, horizon: int, model: ModelName, mean: float
) -> tuple[str, dict[str, _Trial], tuple[str, ...]]:
    """The name of the model, all that were tried, and what did not go as asked."""
    warnings = []
    evidence = int(history.known.sum())
    asked = {name: run for name, run in _CHEAP.items() if name in (model, "seasonal_naive")}
    if model in _FITTED and evidence < _NEEDS[model]:
        warnings.append(f"{_title(model)} needs {_NEEDS[model]} days of history and there are {evidence}; ")
    trials: dict[str, _Trial] = {}
    if model in _FITTED and not warnings:
        try:
            trials = {model: _try(_FITTED[model], history, horizon, mean, _FIT_ORIGINS, _FIT_STEP)}
        except fitted_models.FitFailed as error:
            warnings.append(f"{_title(model)} could not be fitted ({error}); ")
    if model == "auto" or warnings:
        asked = _CHEAP
    trials |= {name: _try(run, history, horizon, mean, _ORIGINS, _STEP) for name, run in asked.items()}
    if model in trials:
        return model, trials, ()
    name = _best(trials) if evidence >= _SHORT_DAYS else "linear"
    return name, trials, tuple(f"{text}{_NAMES[name]} was used." for text in warnings)


def _best(trials: dict[str, _Trial]) -> str:
    errors: dict[str, float] = {name: trial.wape for name, trial in trials.items() if trial.wape is not None}
    best = min(errors, key=lambda name: errors[name], default="blend")
    if best != "blend" and errors[best] >= _CLEARLY_BETTER * errors["blend"]:
        return "blend"
    return best


def _try(model: Model, history: History, horizon: int, mean: float, count: int, step: int) -> _Trial:
    leads = min(horizon, _LONGEST_TRIED, count * step // 2, max(1, len(history) // 2))
    past = origins(len(history), count=count, step=step, shortest=_FIRST_ORIGIN)
    ends: Integers = np.append(past, len(history))
    predicted = np.maximum(model(history, ends, horizon), 0.0)
    tried = predicted[:-1, :leads]
    actual = history.actuals(past, leads)
    errors = actual - tried
    known = ~np.isnan(errors)
    total = np.abs(actual[known]).sum()
    # Of next to nothing no share can be told.
    wape = float(np.abs(errors[known]).sum() / total) if total > _NOTHING * abs(mean) else None
    if not len(past):
        errors = np.full((1, leads), np.nan)
        tried = np.zeros((1, leads))
    size = conformal.units(tried, mean)
    return _Trial(predicted[-1], errors / np.where(size > 0, size, 1.0), int(known.any(axis=1).sum()), wape)


def _title(name: str) -> str:
    title = _NAMES[name]
    return title[0].upper() + title[1:]


def _reason(name: str, trials: dict[str, _Trial], evidence: int) -> str:
    if evidence < _SHORT_DAYS and name == "linear":
        return f"The mean of {evidence} day{'s' if evidence > 1 else ''}: too short a history for a trend or a rhythm."
    trial = trials[name]
    if trial.wape is None:
        return f"{_title(name)}: there is nothing in the past to compare a forecast with."
    others = [f"{_NAMES[other]} {t.wape:.1%}" for other, t in trials.items() if other != name and t.wape is not None]
    compared = f"; {', '.join(others)}" if others else ""
    past = f"{trial.origins} past forecast{'s' if trial.origins > 1 else ''}"
    return f"{_title(name)}: error {trial.wape:.1%} over {past}{compared}."
