"""One forecast of one series: the default against the models that are fitted."""

import statistics

import numpy as np

from costpulse_assets.analysis.forecasts import ModelName, make_forecast
from tests.benchmarks.forecast_accuracy import cost_like
from tests.benchmarks.measuring import Bench, Section, medians, seconds

_SERIES = 12
_DAYS = 400
_HORIZON = 30
FITTED: tuple[ModelName, ...] = ("prophet", "ets", "theta")


def measure(bench: Bench) -> Section:
    """The default forecast with 500 possible futures; Prophet, ETS and Theta on the first of the series."""
    section = Section(
        "Forecasts",
        f"{_HORIZON} days ahead from {_DAYS} days, with the band and 500 possible futures: the median over {_SERIES} "
        "cost-like series. The fitted models include the fits at their rolling origins.",
    )
    series = [column for _, column in cost_like(_SERIES, seed=1, days=_DAYS).items()]

    def one(model: ModelName, at: int) -> float:
        return seconds(lambda: make_forecast(series[at], _HORIZON, model=model))

    # The imports are not part of a fit.
    for model in ("auto", *FITTED):
        one(model, 0)
    repetitions = bench.sizes.repetitions
    each = medians(repetitions, *[lambda at=at: one("auto", at) for at in range(_SERIES)])  # type: ignore[misc]
    default = statistics.median(each)
    section.below("default model", 1000 * default, 25, "ms", digits=1)
    section.note("slowest of the series", f"{1000 * np.max(each):.1f} ms")
    for model in FITTED:
        (took,) = medians(repetitions, lambda model=model: one(model, 0))  # type: ignore[misc]
        section.note(f"{model} / default", f"{took / default:.0f}")
    return section
