"""A scan of every series of a large account, and what one more day costs, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.measuring import FULL, Bench, Section, medians

_PROGRAM = """
import json, sys, time
import numpy as np
import pandas as pd
from costpulse_assets.analysis.anomalies import State, judge

series, days = map(int, sys.argv[1:])
rng = np.random.default_rng(1)
index = pd.date_range("2025-01-01", periods=days + 1)
rhythm = np.where(index.day_of_week < 5, 1.0, 0.6)[:, None]
costs = 10 ** rng.uniform(-1, 5, series) * rhythm * rng.lognormal(0, 0.1, (days + 1, series))
costs *= np.where(rng.random(costs.shape) < 0.005, 3.0, 1.0)
frame = pd.DataFrame(costs, index=index)
started = time.perf_counter()
judged, state = judge(frame.iloc[:days])
scan = time.perf_counter() - started
stored = state.to_bytes()
started = time.perf_counter()
judge(frame.iloc[days:], state=State.from_bytes(stored))
one_day = time.perf_counter() - started
# getrusage would count the parent's memory too: its peak survives fork and exec.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([scan, one_day, peak / 1024, len(stored) / 1e6, int((judged.severity > 0).sum())]))
"""
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def measure(bench: Bench) -> Section:
    """`judge` over all days, and over one more with the stored state of the days before."""
    series, days = (2_000, 400) if bench.sizes is FULL else (20, 60)
    section = Section(
        "Detecting anomalies",
        f"{series:,} daily series of {days} days, method robust: every day of all of them, and one new day with the "
        "memory of the days before, read from its stored form. One thread; memory is the peak of the process, with "
        "pandas and the series in it.",
    )

    def run() -> list[float]:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(series), str(days)],
            cwd=Path(__file__).parents[2],
            env={**os.environ, **_ONE_THREAD},
            capture_output=True,
            text=True,
            check=True,
        )
        return list(json.loads(done.stdout))

    results: list[list[float]] = []

    def scan() -> float:
        results.append(run())
        return results[-1][0]

    (scanned,) = medians(bench.sizes.repetitions, scan)
    assert all(flagged > 0 for *_, flagged in results) or bench.sizes is not FULL, "nothing was found"
    section.below("all days", scanned, 5, "s")
    section.below("one new day", sorted(one[1] for one in results)[len(results) // 2], 1, "s")
    section.below("peak memory", max(one[2] for one in results), 500, "MB", digits=0)
    section.note("stored memory of the detector", f"{results[-1][3]:.1f} MB")
    return section
