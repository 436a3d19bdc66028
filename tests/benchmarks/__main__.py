"""`make bench`: measures, prints, and writes docs/performance.md; exit code 1 where a limit is not held.

    python -m tests.benchmarks [--quick] [--output FILE] [NAME ...]

Names choose benchmarks (all by default); a choice is printed only, unless --output names a file. --quick takes sizes
too small for the limits and is for trying the programs. Everything is measured on the embedded server; what says so
is measured on the server of COSTPULSE_TEST_DATABASE_URL as well. Ratios compare what was measured in this run only.
"""

import argparse
import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import psycopg

from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.benchmarks import (
    alerts,
    allocate,
    api,
    cycle,
    detect,
    forecast,
    history,
    load,
    nodes,
    pages,
    queries,
    recommend,
    reports,
    restated,
    start,
    viewers,
    wire,
)
from tests.benchmarks.measuring import FULL, QUICK, Bench, Section, Sizes
from tests.conftest import SERVER_VARIABLE

BENCHMARKS = {
    "load": load.measure,
    "wire": wire.measure,
    "start": start.measure,
    "cycle": cycle.measure,
    "nodes": nodes.measure,
    "allocate": allocate.measure,
    "detect": detect.measure,
    "forecast": forecast.measure,
    "recommend": recommend.measure,
    "alerts": alerts.measure,
    "reports": reports.measure,
    "pages": pages.measure,
    "api": api.measure,
    "viewers": viewers.measure,
    "queries": queries.measure,
    "restated": restated.measure,
    "history": history.measure,
}
REPORT = Path(__file__).parents[2] / "docs" / "performance.md"


def main(arguments: list[str]) -> int:
    """Run the benchmarks that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; choose from {', '.join(BENCHMARKS)}")
    # Streamlit warns about pages that run without a browser.
    logging.getLogger("streamlit").setLevel(logging.ERROR)
    started = time.monotonic()
    sections = []
    with (
        tempfile.TemporaryDirectory(prefix="costpulse-bench-") as folder,
        EmbeddedPostgres(Path(folder, "pg")) as server,
    ):
        servers = _servers(server.url("postgres"))
        bench = Bench(servers, Path(folder), QUICK if chosen.quick else FULL)
        for name in chosen.names or BENCHMARKS:
            section = BENCHMARKS[name](bench)
            sections.append(section)
            print("\n".join([section.title, *_table(section), ""]), flush=True)
    complete = not chosen.names and not chosen.quick
    output = chosen.output or (REPORT if complete else None)
    if output is not None:
        output.write_text(_report(sections, servers, bench.sizes, time.monotonic() - started))
        print(f"Written to {output}.")
    return 1 if any(line.held is False for section in sections for line in section.lines) and complete else 0


def _servers(embedded: str) -> dict[str, str]:
    """Admin URLs by what the server is; the embedded one first."""
    urls = [embedded, os.environ.get(SERVER_VARIABLE)]
    return {_what_it_is(url): url for url in urls if url}


def _what_it_is(url: str) -> str:
    with psycopg.connect(url) as connection:
        postgres, timescaledb, licence = connection.execute(
            "select current_setting('server_version'), "
            "(select default_version from pg_available_extensions where name = 'timescaledb'), "
            "current_setting('timescaledb.license', true)"
        ).fetchone() or (None, None, None)
    extension = {"timescale": "Community", "apache": "Apache"}.get(licence, licence)
    return f"PostgreSQL {postgres}" + (f" with TimescaleDB {timescaledb} {extension}" if timescaledb else "")


def _table(section: Section) -> list[str]:
    rows = [("what", "measured", "limit", "held")]
    rows += [
        (one.what, one.measured, one.limit, {True: "yes", False: "no", None: ""}[one.held]) for one in section.lines
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]
    return [lines[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *lines[1:]]


def _report(sections: Iterable[Section], servers: Iterable[str], sizes: Sizes, seconds: float) -> str:
    packages = ("databricks-sql-connector", "dagster", "duckdb", "psycopg", "pyarrow", "streamlit")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    lines = [
        "# Performance",
        "",
        "Written by `make bench`. Ratios compare two things measured in this one run, in turns, medians of "
        f"{sizes.repetitions}; seconds are this machine's.",
        "",
        f"- Machine: {os.cpu_count()} processors ({_processor()}), {_memory_gb():.0f} GB, {platform.system()}; "
        f"the run took {seconds / 60:.0f} minutes, load at its end {os.getloadavg()[1]:.1f}",
        f"- Servers: {'; '.join(servers)}",
        f"- Python {platform.python_version()}, {versions}",
        "",
    ]
    for section in sections:
        lines += [f"## {section.title}", "", section.how, "", *_table(section), ""]
    return "\n".join(lines)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(": ")[2] if names else platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
