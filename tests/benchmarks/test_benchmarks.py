"""Every benchmark runs, on sizes too small to judge anything."""

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.__main__ import BENCHMARKS

PROJECT = Path(__file__).parents[2]


def test_every_benchmark_measures_and_reports(tmp_path: Path) -> None:
    report = tmp_path / "performance.md"

    # All in one process, as `make bench` does it: they share what takes long to make.
    run = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick", "--output", str(report)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 0, run.stderr
    assert report.read_text().count("| what ") == len(BENCHMARKS)


def test_an_unknown_benchmark_is_refused_by_name() -> None:
    run = subprocess.run([sys.executable, "-m", "tests.benchmarks", "lod"], cwd=PROJECT, capture_output=True, text=True)

    assert run.returncode == 2
    assert "there is no benchmark lod; choose from load" in run.stderr
