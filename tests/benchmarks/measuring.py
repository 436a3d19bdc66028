"""What the benchmarks share: servers to measure on, sizes, medians, and the lines of the report."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import streamlit as st

from costpulse_assets.collectors.prices import PriceTable
from costpulse_assets.identities import Identities
from costpulse_assets.resources.migrations import migrate
from tests.conftest import database

#: The newest day of everything that is generated here.
TODAY = date(2026, 11, 24)

#: How `collect` is called everywhere here.
AS_USUAL: dict[str, Any] = {
    "prices": PriceTable("list_prices", "USD"),
    "chunk_days": 31,
    "identities": Identities(None),
}


@dataclass(frozen=True)
class Sizes:
    """How much is measured; the limits hold for the full sizes only."""

    records: int = 1_000_000
    repetitions: int = 3
    wire_rows: int = 1_000_000
    demo_days: int = 180
    page_days: int = 400
    history_days: int = 400
    short_history_days: int = 40
    rows_per_day: int = 3_000
    key_days: int = 90
    key_rows_per_day: int = 5_000
    history_rows: int = 1_000
    history_repetitions: int = 7
    restated_rows: int = 5_000
    node_minutes: int = 10_000_000
    node_clusters: int = 5_000
    reallocated_days: int = 365
    viewers: int = 50


FULL = Sizes()
QUICK = Sizes(
    records=5_000,
    repetitions=1,
    wire_rows=20_000,
    demo_days=10,
    page_days=10,
    history_days=30,
    short_history_days=10,
    rows_per_day=50,
    key_days=10,
    key_rows_per_day=50,
    history_rows=20,
    history_repetitions=1,
    restated_rows=200,
    node_minutes=20_000,
    node_clusters=50,
    reallocated_days=10,
    viewers=2,
)


@dataclass(frozen=True)
class Line:
    """One measurement; `held` is None where there is no limit."""

    what: str
    measured: str
    limit: str = ""
    held: bool | None = None


@dataclass
class Section:
    """One benchmark in the report: what is compared with what, in words, and its lines."""

    title: str
    how: str
    lines: list[Line] = field(default_factory=list)

    def at_least(self, what: str, ratio: float, limit: float, note: str = "") -> None:
        """A ratio of two rates of this run."""
        self.lines.append(Line(what, f"{ratio:.2f}{note}", f">= {limit}", ratio >= limit))

    def below(self, what: str, value: float, limit: float, unit: str = "", note: str = "", digits: int = 2) -> None:
        """A ratio of two times of this run, or a value with a unit."""
        unit = f" {unit}" if unit else ""
        self.lines.append(Line(what, f"{value:,.{digits}f}{unit}{note}", f"< {limit:g}{unit}", value < limit))

    def note(self, what: str, measured: str) -> None:
        """Something without a limit."""
        self.lines.append(Line(what, measured))


@dataclass(frozen=True)
class Bench:
    """Where to measure: admin URLs by the server's name, and a folder for files."""

    servers: dict[str, str]
    folder: Path
    sizes: Sizes

    @property
    def plain(self) -> str:
        """The embedded server, plain PostgreSQL."""
        return next(iter(self.servers.values()))


@contextmanager
def migrated(server: str) -> Iterator[str]:
    """A migrated database of its own, gone after the block."""
    with database(server) as url:
        migrate(url)
        yield url


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def medians(repetitions: int, *calls: Callable[[], float]) -> list[float]:
    """The median of each call's own measurement; the calls take turns, so that noise meets all of them."""
    measured: list[list[float]] = [[] for _ in calls]
    for _ in range(repetitions):
        for values, call in zip(measured, calls, strict=True):
            values.append(call())
    return [statistics.median(values) for values in measured]


def forget() -> None:
    """Empties every cache of the app: answers, settings, connections."""
    st.cache_data.clear()
    st.cache_resource.clear()


@contextmanager
def environment(**values: str | None) -> Iterator[None]:
    """Environment variables inside the block; None unsets one."""
    before = dict(os.environ)
    for name, value in values.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
