"""The first and the second `costpulse up --demo --no-ui`."""

import subprocess
import sys

from tests.benchmarks.measuring import Bench, Section, seconds


def measure(bench: Bench) -> Section:
    """Wall time of the whole command, from an empty data folder and once more on it."""
    section = Section(
        "Starting",
        f"`costpulse up --demo --no-ui --days {bench.sizes.demo_days}`, wall time of the command: on an empty "
        "folder (database, schema, all assets) and again on the same folder.",
    )
    folder = bench.folder / "demo"
    first, second = seconds(lambda: up(bench, folder)), seconds(lambda: up(bench, folder))
    section.below("first start", first, 60, "s", digits=1)
    section.below("second start", second, 10, "s", digits=1)
    return section


def up(bench: Bench, folder: object, days: int | None = None) -> None:
    """The command, as a user types it."""
    command = [sys.executable, "-m", "costpulse_assets", "up", "--demo", "--no-ui", "--data-dir", str(folder)]
    subprocess.run(
        [*command, "--days", str(days or bench.sizes.demo_days)], check=True, capture_output=True, cwd=bench.folder
    )
