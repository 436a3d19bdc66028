"""How much the detectors find, and how often they are wrong: on made cost series, and on real series in a folder.

    python -m tests.benchmarks.accuracy [FOLDER] [--seed N] [--by-class]

Without a folder only the made series are judged. With one, two subfolders are read where they exist:

- `backgrounds/*.csv`: a column `date`, then a column for each daily series. Known events are put into them by
  costpulse_assets/analysis/scorecard.py; everything else that is flagged counts as false.
- `labelled/<group>/*.csv`: columns `date`, `value`, `label` (1 inside a window a person marked).

docs/methods.md says which public collections our numbers are of. Alarms are events: flagged days close together in one
direction. F1 is of events: recall = events found, precision = alarms inside an event of their direction among all.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from costpulse_assets.analysis.anomalies import METHODS, Judgements, Method, judge
from costpulse_assets.analysis.scorecard import FIRST_DAY, alarm_starts, inject

#: An alarm this long after the end of an event still belongs to it: a shift or a drift takes days to be sure of.
_GRACE = {"level shift": 14, "price change": 21, "drift": 14}
#: Real series are cut to their first two years.
_LONGEST = 735


@dataclass(frozen=True)
class Event:
    """What is to be found; `direction` 0: either."""

    series: int
    what: str
    start: int
    end: int
    direction: int


@dataclass
class Score:
    """Counts that add up over sets of series."""

    events: int = 0
    found: int = 0
    true_alarms: int = 0
    false_alarms: int = 0
    years: float = 0.0
    delays: list[int] = field(default_factory=list)
    per_shift: list[int] = field(default_factory=list)
    by_class: dict[str, list[int]] = field(default_factory=dict)

    @property
    def f1(self) -> float:
        recall = self.found / max(self.events, 1)
        precision = self.true_alarms / max(self.true_alarms + self.false_alarms, 1)
        return 2 * recall * precision / max(recall + precision, 1e-9)

    def add(self, judged: Judgements, events: Sequence[Event], first: int) -> None:
        """Count what was said from row `first` on."""
        starts = alarm_starts(judged)
        directions = np.sign(np.nan_to_num(judged.score)).astype(int)
        flagged = (judged.severity > 0) * directions
        explained = np.zeros(starts.shape, dtype=bool)
        for one in events:
            last = one.end + _GRACE.get(one.what, 0)
            window = flagged[one.start : last + 1, one.series]
            hits = np.flatnonzero(window == one.direction if one.direction else window)
            self.events += 1
            counts = self.by_class.setdefault(one.what, [0, 0])
            counts[1] += 1
            mine = np.zeros(len(starts), dtype=bool)
            mine[one.start : last + 1] = True
            if one.direction:
                mine &= directions[:, one.series] == one.direction
            explained[:, one.series] |= mine
            if len(hits):
                self.found += 1
                counts[0] += 1
                self.delays.append(int(hits[0]))
                if one.what == "level shift":
                    self.per_shift.append(int((starts[:, one.series] & mine).sum()))
        # A second alarm within one event is neither a find nor an error; it is told as alerts per shift.
        self.true_alarms = self.found
        self.false_alarms += int((starts & ~explained)[first:].sum())
        known = ~np.isnan(judged.expected[first:])
        self.years += float(known.sum()) / 365


def cost_like(seed: int, series: int = 160, days: int = 400) -> tuple[pd.DataFrame, list[Event]]:
    """Made daily costs of many shapes, with what also happens to a bill and is no event, and with known events."""
    rng = np.random.default_rng(seed)
    index = pd.date_range("2025-01-01", periods=days, freq="D")
    weekend = np.asarray(index.day_of_week >= 5)
    month_end = np.asarray(index.day >= 28)
    columns, events = {}, []
    for number in range(series):
        shape = ("office", "flat", "noisy", "sparse", "growing", "batch")[number % 6]
        noise = {"office": 0.06, "flat": 0.01, "noisy": 0.25, "sparse": 0.15, "growing": 0.07, "batch": 0.08}[shape]
        # Part of the noise stays for days, as loads do.
        slow = np.zeros(days)
        for day in range(1, days):
            slow[day] = 0.8 * slow[day - 1] + rng.normal(0, 0.5 * noise)
        values = np.exp(slow + rng.standard_t(5, days) * 0.7 * noise)
        if shape in ("office", "growing"):
            values *= np.where(weekend, rng.uniform(0.2, 0.7), 1.0)
        if shape == "growing":
            values *= np.exp(rng.uniform(-0.001, 0.003) * np.arange(days))
        if shape == "batch":
            values *= np.where(month_end, rng.uniform(1.2, 1.8), 1.0)
        if shape == "sparse":
            values *= rng.random(days) < rng.uniform(0.5, 0.9)
        # Holidays: office loads look like a weekend on about nine days a year.
        if shape in ("office", "growing"):
            holidays = rng.choice(days, 9, replace=False)
            values[holidays] *= np.where(weekend[holidays], 1.0, rng.uniform(0.4, 0.8))
        day = FIRST_DAY + int(rng.integers(60))
        while day < days - 5:
            event = _make_event(values, number, day, rng)
            if event is not None:
                events.append(event)
                day = event.end
            day += 50 + int(rng.integers(100))
        columns[f"{shape} {number}"] = values * 10 ** rng.uniform(0, 5)
    return pd.DataFrame(columns, index=index), events


def _make_event(values: np.ndarray, series: int, start: int, rng: np.random.Generator) -> Event | None:
    before = values[start - 28 : start].mean()
    if values[start] < 0.4 * before:
        return None
    days = len(values)
    what = str(rng.choice(["spike", "burst", "drop", "level shift", "price change", "drift"]))
    direction = 1
    end = start
    if what == "spike":
        values[start] *= rng.uniform(1.5, 4)
    elif what == "burst":
        end = min(start + int(rng.integers(1, 5)), days - 1)
        values[start : end + 1] *= rng.uniform(1.4, 3)
    elif what == "drop":
        direction, end = -1, min(start + int(rng.integers(0, 3)), days - 1)
        values[start : end + 1] *= rng.uniform(0, 0.4)
    elif what == "level shift":
        direction = 1 if rng.random() < 0.6 else -1
        values[start:] *= rng.uniform(1.3, 2.5) if direction > 0 else rng.uniform(0.3, 0.7)
    elif what == "price change":
        direction = 1 if rng.random() < 0.7 else -1
        values[start:] *= 1 + direction * rng.uniform(0.08, 0.22)
    else:
        length = min(int(rng.integers(20, 31)), days - start)
        values[start:] *= (1 + rng.uniform(0.01, 0.03)) ** np.minimum(np.arange(1, days - start + 1), length)
        end = start + length - 1
    return Event(series, what, start, end, direction)


def backgrounds(folder: Path) -> dict[str, pd.DataFrame]:
    """Every collection of daily series, cut to at most two years."""
    return {
        path.stem: pd.read_csv(path, index_col="date", parse_dates=True).iloc[-_LONGEST:]
        for path in sorted(folder.glob("*.csv"))
    }


def score_made(method: Method, seed: int, sensitivity: float = 1.0) -> Score:
    """Cost-like series of two seeds."""
    score = Score()
    for one in (seed, seed + 1):
        frame, events = cost_like(one)
        score.add(judge(frame, method=method, sensitivity=sensitivity)[0], events, FIRST_DAY)
    return score


def score_backgrounds(
    frames: dict[str, pd.DataFrame], method: Method, seed: int, sensitivity: float = 1.0
) -> tuple[Score, dict[str, Score]]:
    """Events put into real series."""
    total, each = Score(), {}
    for name, frame in frames.items():
        daily = frame.asfreq("D")
        changed, injections = inject(daily.to_numpy(dtype=float), np.random.default_rng(seed))
        events = [Event(one.series, one.event_class, one.start, one.end, one.direction) for one in injections]
        judged, _ = judge(
            pd.DataFrame(changed, index=daily.index, columns=daily.columns), method=method, sensitivity=sensitivity
        )
        each[name] = Score()
        for score in (total, each[name]):
            score.add(judged, events, FIRST_DAY)
    return total, each


def score_labelled(folder: Path, method: Method, sensitivity: float = 1.0) -> Score:
    """Windows that people marked; an alarm in either direction finds one."""
    score = Score()
    for path in sorted(folder.glob("*.csv")):
        rows = pd.read_csv(path, index_col="date", parse_dates=True)
        label = np.concatenate([[0], rows["label"].to_numpy(), [0]])
        starts, ends = np.flatnonzero(np.diff(label) == 1), np.flatnonzero(np.diff(label) == -1) - 1
        events = [Event(0, "window", int(a), int(z), 0) for a, z in zip(starts, ends, strict=True)]
        score.add(judge(rows[["value"]], method=method, sensitivity=sensitivity)[0], events, 0)
    return score


def _line(what: str, method: str, score: Score) -> str:
    delay = f"{np.mean(score.delays):.1f}" if score.delays else "-"
    per_shift = f"{np.mean(score.per_shift):.2f}" if score.per_shift else "-"
    return (
        f"| {what} | {method} | {score.f1:.2f} | {score.found}/{score.events} "
        f"| {score.false_alarms / max(score.years, 1e-9):.1f} | {delay} | {per_shift} |"
    )


def main(arguments: list[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.accuracy")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--by-class", action="store_true")
    chosen = parser.parse_args(arguments)
    print("| series | method | F1 | found | false alarms per series-year | mean delay, days | alarms per level shift |")
    print("|---|---|---|---|---|---|---|")
    details = []
    for method in METHODS:
        score = score_made(method, chosen.seed)
        print(_line("made, cost-like", method, score), flush=True)
        details.append((f"made, {method}", score))
    if chosen.folder is not None:
        frames = backgrounds(chosen.folder / "backgrounds")
        for method in METHODS if frames else ():
            total, each = score_backgrounds(frames, method, chosen.seed)
            print(_line("real backgrounds", method, total), flush=True)
            details.append((f"backgrounds, {method}", total))
            for name, score in each.items():
                print(_line(f"- {name}", method, score), flush=True)
        for group in sorted((chosen.folder / "labelled").glob("*/")):
            for method in METHODS:
                print(_line(f"labelled, {group.name}", method, score_labelled(group, method)), flush=True)
    if chosen.by_class:
        for what, score in details:
            found = ", ".join(f"{name} {hit}/{all_}" for name, (hit, all_) in sorted(score.by_class.items()))
            print(f"{what}: {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
