"""How good the forecasts are: error and coverage per model, on real daily series and on cost-like ones.

    python -m tests.benchmarks.forecast_accuracy FOLDER [--models NAME ...] [--days N] [--horizon N] [--held-out]

FOLDER holds CSV files of daily series: the first column is the date, every other column a series; each file is a group
of the table. A group of generated cost-like series is added. From every series the last days are predicted, and
days before them; nothing after an origin is shown to the model.

OWA is that of the M4 competition: the mean of two ratios, sMAPE and MASE, each to those of Naive 2 (the last value
times the weekday's share, where the series has a weekly rhythm); below 1 is better. `held` is the share of days in the
95 % band, `sum held` the share of sums over the horizon in the central 95 % of the sums of the possible futures.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costpulse_assets.analysis.forecasts import ModelName, make_forecast

Floats = NDArray[np.float64]
_LEVEL = 0.95


@dataclass(frozen=True)
class Case:
    """One series up to an origin, and what came after it."""

    history: "pd.Series[float]"
    actual: Floats
    naive2: Floats
    scale: float


def cost_like(number: int, seed: int, days: int = 520) -> pd.DataFrame:
    """Daily cost as accounts have it: rhythms of the week, new levels, growth, spikes, month ends, jobs that pause."""
    random = np.random.default_rng(seed)
    index = pd.date_range("2025-01-01", periods=days, freq="D", name="date")
    weekday, day, left = index.day_of_week, index.day, index.days_in_month - index.day
    series = {}
    for at in range(number):
        log_level = np.zeros(days)
        for start in random.integers(days, size=random.poisson(2.5 * days / 365)):
            log_level[start:] += random.choice([-1, 1], p=[0.4, 0.6]) * random.uniform(0.1, 0.6)
        if random.random() < 0.5:
            start = int(random.integers(days))
            growing = np.zeros(days)
            growing[start : start + int(random.integers(30, 240))] = random.uniform(-0.003, 0.006)
            log_level += np.cumsum(growing)
        noise = random.normal(0, random.uniform(0.02, 0.15), days)
        memory = random.uniform(0, 0.7)
        for t in range(1, days):
            noise[t] += memory * noise[t - 1]
        week = np.ones(7)
        kind = random.random()
        if kind < 0.65:
            week[5:] = random.uniform(0.1, 0.9)
        elif kind < 0.75:
            week[5:] = 0.0
        elif kind < 0.85:
            week[random.integers(7)] = random.uniform(1.5, 6)
        values = 10 ** random.uniform(0, 5) * np.exp(log_level + noise) * week[weekday]
        if random.random() < 0.3:
            turn = (left <= random.integers(1, 3)) | (day <= random.integers(0, 3))
            values = values * np.where(turn, random.uniform(1.2, 2.0), 1.0)
        for start in random.integers(days, size=random.poisson(4 * days / 365)):
            values[start : start + random.integers(1, 4)] *= random.uniform(1.8, 6)
        if random.random() < 0.15:
            values = values * (random.random(days) < random.uniform(0.4, 0.9))
        series[f"cost {at}"] = values
    return pd.DataFrame(series, index=index)


def cases(frame: pd.DataFrame, days: int, horizon: int, origins: int) -> Iterator[Case]:
    """Origins of every series, 97 days apart, or as far as the series allows."""
    for _, column in frame.items():
        series = column.loc[column.first_valid_index() : column.last_valid_index()]
        room = len(series) - horizon - days
        step = min(97, room // max(origins - 1, 1))
        for back in range(origins if step > 0 else int(room >= 0)):
            end = len(series) - horizon - back * step
            history, actual = series.iloc[end - days : end], series.iloc[end : end + horizon].to_numpy(dtype=float)
            filled = history.ffill().bfill().to_numpy(dtype=float)
            scale = float(np.abs(filled[7:] - filled[:-7]).mean())
            if scale > 1e-9 * np.abs(filled).mean() and np.isfinite(actual).mean() > 0.7:
                yield Case(history, actual, naive2(filled, horizon), scale)


def naive2(values: Floats, horizon: int, period: int = 7) -> Floats:
    """The benchmark of the M4 competition: the last value, seasonally adjusted where the season is significant."""
    last = np.full(horizon, values[-1])
    deviations = values - values.mean()
    lags = np.array([deviations[lag:] @ deviations[:-lag] for lag in range(1, period + 1)]) / (deviations @ deviations)
    limit = 1.645 * np.sqrt((1 + 2 * (lags[:-1] ** 2).sum()) / len(values))
    if abs(lags[-1]) <= limit or (values <= 0).mean() > 0.3:
        return last
    levels = np.convolve(values, np.ones(period) / period, "valid")
    half = period // 2
    ratios = values[half : len(values) - half] / np.where(levels == 0, 1.0, levels)
    position = (np.arange(len(ratios)) + half) % period
    shares = np.array([ratios[position == at].mean() for at in range(period)])
    shares = np.maximum(shares / shares.mean(), 0.01)
    return values[-1] / shares[(len(values) - 1) % period] * shares[(len(values) + np.arange(horizon)) % period]


def measure(group: list[Case], model: ModelName) -> dict[str, Any]:
    """One line of the table."""
    smape, mase, naive_smape, naive_mase, wape, held, sums_held, chosen = [], [], [], [], [], [], [], []
    started = time.perf_counter()
    for case in group:
        made = make_forecast(case.history, len(case.actual), model=model, level=_LEVEL)
        known = np.isfinite(case.actual)
        actual, predicted, naive = (
            row[known] for row in (case.actual, made.frame["predicted_cost"].to_numpy(), case.naive2)
        )
        for row, percent, scaled in ((predicted, smape, mase), (naive, naive_smape, naive_mase)):
            percent.append(np.mean(2 * np.abs(actual - row) / np.maximum(np.abs(actual) + np.abs(row), 1e-12)))
            scaled.append(np.abs(actual - row).mean() / case.scale)
        wape.append(np.abs(actual - predicted).sum() / max(np.abs(actual).sum(), 1e-12))
        lower, upper = made.frame["lower_bound"].to_numpy()[known], made.frame["upper_bound"].to_numpy()[known]
        held.append(((lower <= actual) & (actual <= upper)).mean())
        sums = made.paths[:, known].sum(axis=1)
        sums_held.append((1 - _LEVEL) / 2 <= (sums < actual.sum()).mean() <= (1 + _LEVEL) / 2)
        chosen.append(made.model_type)
    return {
        "cases": len(group),
        "OWA": (np.mean(smape) / np.mean(naive_smape) + np.mean(mase) / np.mean(naive_mase)) / 2,
        "WAPE": np.median(wape),
        "held": np.mean(held),
        "sum held": np.mean(sums_held),
        "ms": 1000 * (time.perf_counter() - started) / len(group),
        "used": ", ".join(f"{name} {chosen.count(name)}" for name in dict.fromkeys(chosen)),
    }


def main() -> None:
    """Read the folder, print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.forecast_accuracy")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", choices=get_args(ModelName), default=["auto"])
    parser.add_argument("--days", type=int, default=400, help="length of the history (default 400)")
    parser.add_argument("--horizon", type=int, default=30)
    parser.add_argument("--origins", type=int, default=4, help="per series, at most (default 4)")
    parser.add_argument("--most", type=int, default=200, help="cases per group; evenly chosen (default 200)")
    parser.add_argument("--seed", type=int, default=2024, help="of the cost-like series")
    parser.add_argument("--held-out", action="store_true", help="every second series: those nothing was chosen on")
    asked = parser.parse_args()
    groups = {
        file.stem: pd.read_csv(file, index_col=0, parse_dates=True).asfreq("D")
        for file in sorted(asked.folder.glob("*.csv"))
    }
    groups["cost-like"] = cost_like(100, asked.seed, days=asked.days + asked.horizon + 120)
    print("| group | model | cases | OWA | WAPE (median) | held | sum held | ms | used |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, frame in groups.items():
        if asked.held_out:
            frame = frame.iloc[:, 1::2]
        group = list(cases(frame, asked.days, asked.horizon, asked.origins))
        group = group[:: -(-len(group) // asked.most)] if group else []
        for model in asked.models if group else ():
            line = measure(group, model)
            print(
                f"| {name} | {model} | {line['cases']} | {line['OWA']:.3f} | {line['WAPE']:.1%} | {line['held']:.1%} "
                f"| {line['sum held']:.1%} | {line['ms']:.0f} | {line['used']} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
