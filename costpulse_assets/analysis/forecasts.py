"""What a daily cost series will probably cost next, and how sure that is."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from costpulse_assets.analysis import conformal
from costpulse_assets.analysis.forecast_models import Ends, Floats, Model, linear, seasonal_naive
from costpulse_assets.errors import BadInput

ModelName = Literal["auto", "blend", "prophet", "linear", "ets", "theta", "seasonal_naive"]
MODELS: tuple[ModelName, ...] = get_args(ModelName)

_HISTORY_DAYS = 400
_ORIGINS = 16


@dataclass(frozen=True)
class Forecast:
    """A forecast with everything that is known about how good it is.

    Attributes:
        frame: one row per day after the series' last one: predicted_cost, lower_bound, upper_bound (the series' unit,
            0 <= lower <= predicted <= upper) and model_type.
        model_type: the model that was used.
        reason: which model and why, one sentence for people.
        error: the model's WAPE over rolling origins (0.1 is 10 %); None where the history is too short to tell.
        naive_error: the same of seasonal naive.
        naive: seasonal naive's prediction per day, shape (horizon,).
        paths: equally likely futures, shape (draws, horizon), all >= 0; quantiles of a column are the band's, and sums
            over days have the spread that sums had in the past. Deterministic.
        warnings: what did not go as asked, sentences for people.
    """

    frame: pd.DataFrame
    model_type: str
    reason: str
    error: float | None
    naive_error: float | None
    naive: Floats
    paths: Floats
    warnings: tuple[str, ...]


def forecast(series: pd.Series, horizon: int, *, model: ModelName = "auto", level: float = 0.95) -> pd.DataFrame:
    """Predicts the days after the last one of a daily series."""
    return make_forecast(series, horizon, model=model, level=level, draws=1).frame


def make_forecast(
    series: pd.Series, horizon: int, *, model: ModelName = "auto", level: float = 0.95, draws: int = 500
) -> Forecast:
    """Like `forecast`, with the choice, its error and possible futures."""
    if horizon < 1 or not 0 < level < 1 or model not in MODELS or draws < 1:
        raise BadInput("The forecast cannot be made as asked.", next_step="Check horizon, level, model and draws.")
    known = series.dropna().sort_index()
    if known.empty:
        raise BadInput("The series has no day with a value.", next_step="Collect at least one day of usage first.")
    index = pd.DatetimeIndex(known.index).tz_localize(None)
    values = pd.Series(known.to_numpy(float), index).groupby(level=0).sum().asfreq("D").ffill().to_numpy()[-400:]
    last = index[-1]
    errors = {name: _errors(m, values, horizon) for name, m in (("seasonal_naive", seasonal_naive), ("linear", linear))}
    scores = {
        name: float(np.nansum(np.abs(e)) / max(np.abs(values).mean() * np.isfinite(e).sum(), 1e-12))
        for name, e in errors.items()
    }
    name = min(scores, key=lambda key: scores[key]) if len(values) > 14 else "linear"
    now = np.array([len(values)])
    naive = seasonal_naive(values, now, horizon)[0].clip(0)
    predicted = {"seasonal_naive": seasonal_naive, "linear": linear}[name](values, now, horizon)[0].clip(0)
    width = conformal.half_widths(errors[name], level, horizon)
    frame = pd.DataFrame(
        {
            "predicted_cost": predicted,
            "lower_bound": (predicted - width).clip(0),
            "upper_bound": predicted + width,
            "model_type": name,
        },
        index=pd.date_range(last + pd.Timedelta(days=1), periods=horizon, name=series.index.name),
    )
    random = np.random.default_rng(0)
    steps = random.standard_normal((draws, 1)) * 0.7 + random.standard_normal((draws, horizon)) * 0.7
    paths = (predicted + steps * width / 1.96).clip(0)
    reason = f"{name}: error {scores[name]:.1%}; seasonal naive {scores['seasonal_naive']:.1%}."
    return Forecast(frame, name, reason, scores[name], scores["seasonal_naive"], naive, paths, ())


def _errors(model: Model, values: Floats, horizon: int) -> Floats:
    """Actual minus predicted at rolling origins, shape (origins, leads)."""
    leads = min(horizon, max(1, len(values) // 2))
    ends: Ends = np.unique(np.linspace(max(1, len(values) // 2), max(1, len(values) - 1), _ORIGINS).astype(int))
    padded = np.concatenate([values, np.full(leads + 1, np.nan)])
    actual = padded[ends[:, None] + np.arange(leads)]
    if len(values) == 1:
        return np.abs(values)[None, :]
    return actual - model(values, ends, leads)
