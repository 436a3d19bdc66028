"""Loading one day of cost records against a plain COPY of the same rows.

Run as a module it is the loading process itself: `python -m tests.benchmarks.load URL FILE` collects the day once
and prints what it took.
"""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import csv

from costpulse_assets.collectors.cost_records import COLUMNS, collect
from costpulse_assets.resources.database import Database
from tests.benchmarks.measuring import AS_USUAL, TODAY, Bench, Section, medians, migrated, seconds
from tests.benchmarks.usage import PreparedSource, write_records

_EMPTY = """truncate costpulse.cost_records, costpulse.cost_keys, costpulse.collected_days, costpulse.collection_log"""


def measure(bench: Bench) -> Section:
    """The whole collection of a day, in a process of its own, and the plain COPY, in turns."""
    section = Section(
        "Loading one day",
        f"{bench.sizes.records:,} cost records through `collect` (fetch, keys, checks, books, commit; Arrow batches "
        "from a file stand for the source) against a plain COPY of the same rows, as ready CSV bytes, into the same "
        "empty table with its indexes. Memory is the peak of the loading process, with everything a Dagster run "
        "has loaded.",
    )
    records, ready = bench.folder / "records.arrow", bench.folder / "records.csv"
    write_records(records, TODAY, bench.sizes.records)
    _write_csv(records, ready)
    for name, server in bench.servers.items():
        with migrated(server) as url:
            peaks: list[float] = []

            def collected(url: str = url, peaks: list[float] = peaks) -> float:
                _prepare(url)
                command = [sys.executable, "-m", "tests.benchmarks.load", url, str(records)]
                report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                peaks.append(report["peak_mb"])
                return float(report["seconds"])

            def copied(url: str = url) -> float:
                _prepare(url)
                return seconds(lambda: _plain_copy(url, ready))

            copied()  # warms the server, and allocates the files that the first COPY would extend
            ours, plain = medians(bench.sizes.repetitions, collected, copied)
        rate, limit = bench.sizes.records / ours, bench.sizes.records / plain
        section.at_least(f"rate, {name}", rate / limit, 0.7, f" ({rate:,.0f} against {limit:,.0f} rows/s)")
        section.below(f"peak memory, {name}", max(peaks), 400, "MB", digits=0)
    return section


def _write_csv(records: Path, ready: Path) -> None:
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    with pa.OSFile(str(records)) as source, pa.ipc.open_stream(source) as reader, ready.open("wb") as file:
        for batch in reader:
            priced = batch.append_column("effective_rate", batch["dbu_rate"]).append_column(
                "price_adjustment_id", pa.nulls(batch.num_rows, pa.int64())
            )
            csv.write_csv(priced.select(list(COLUMNS)), file, options)


def _plain_copy(url: str, ready: Path) -> None:
    statement = sql.SQL("copy costpulse.cost_records ({}) from stdin (format csv)").format(
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    )
    with (
        psycopg.connect(url) as connection,
        connection.cursor() as cursor,
        ready.open("rb") as file,
        cursor.copy(statement) as copy,
    ):
        while block := file.read(1 << 20):
            copy.write(block)


def _prepare(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_EMPTY)
        # Both begin with nothing left to write.
        connection.execute("checkpoint")


def _peak_mb() -> float:
    # getrusage would count the parent's memory too: its peak survives fork and exec.
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def _load_once(url: str, records: Path) -> None:
    import costpulse_assets.definitions  # noqa: F401  a run's process has all of it in memory

    source = PreparedSource(records, TODAY)
    took = seconds(lambda: collect(Database(url), source, [TODAY], **AS_USUAL))
    print(json.dumps({"seconds": took, "peak_mb": _peak_mb()}))


if __name__ == "__main__":
    _load_once(sys.argv[1], Path(sys.argv[2]))
