"""Every benchmark runs, on sizes too small to judge anything."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import BENCHMARKS

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_measures_and_reports(name: str, tmp_path: Path) -> None:
    report = tmp_path / "performance.md"

    run = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick", "--output", str(report), name],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 0, run.stderr
    assert "| what " in report.read_text()


def test_an_unknown_benchmark_is_refused_by_name() -> None:
    run = subprocess.run([sys.executable, "-m", "tests.benchmarks", "lod"], cwd=PROJECT, capture_output=True, text=True)

    assert run.returncode == 2
    assert "there is no benchmark lod; choose from load" in run.stderr
