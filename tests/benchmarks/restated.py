"""Replacing one restated day: inside a compressed chunk, and in an ordinary one."""

from datetime import date, timedelta
from pathlib import Path

import psycopg

from costpulse_assets.collectors.cost_records import collect
from costpulse_assets.resources.database import Database
from tests.benchmarks.measuring import AS_USUAL, TODAY, Bench, Section, medians, migrated, seconds
from tests.benchmarks.usage import PreparedSource, write_records

#: Two days in chunks of seven days each, which are filled.
_OLD, _YOUNG = TODAY - timedelta(days=60), TODAY - timedelta(days=30)

_COMPRESSES = """
select 1 from pg_catalog.pg_extension
where extname = 'timescaledb' and current_setting('timescaledb.license', true) = 'timescale'
"""
_COMPRESS = """
select compress_chunk(c) from show_chunks('costpulse.cost_records', older_than => %s::date) as c
"""


def measure(bench: Bench) -> Section:
    """One day collected again, in turns from both chunks."""
    section = Section(
        "One restated day",
        f"Collecting one day of {bench.sizes.restated_rows:,} records again, amid three days before and after it, "
        "through `collect`: delete, COPY, keys, checks, books, commit. Compressed chunks exist on the Community "
        "edition of TimescaleDB only.",
    )
    for name, server in bench.servers.items():
        with migrated(server) as url:
            young, old = _replaced(bench, url)
        if old is None:
            section.note(f"compressed / uncompressed, {name}", "not measurable: this server does not compress")
        else:
            section.below(f"compressed / uncompressed, {name}", old / young, 1.5)
        section.note(f"uncompressed, {name}", f"{young * 1000:.0f} ms")
    return section


def _replaced(bench: Bench, url: str) -> tuple[float, float | None]:
    """Seconds for a day of an ordinary chunk, and for one of a compressed chunk where there are such."""
    sources = {day: _source(bench.folder, day, bench.sizes.restated_rows) for day in _week(_OLD) + _week(_YOUNG)}
    for day, source in sources.items():
        _collect(url, source, day)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
        compresses = connection.execute(_COMPRESSES).fetchone() is not None

    def young() -> float:
        return seconds(lambda: _collect(url, sources[_YOUNG], _YOUNG))

    def old() -> float:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_COMPRESS, [_YOUNG - timedelta(days=10)])
        return seconds(lambda: _collect(url, sources[_OLD], _OLD))

    if not compresses:
        return medians(bench.sizes.repetitions, young)[0], None
    both = medians(bench.sizes.repetitions, young, old)
    return both[0], both[1]


def _week(middle: date) -> list[date]:
    return [middle + timedelta(days=offset) for offset in range(-3, 4)]


def _source(folder: Path, day: date, rows: int) -> PreparedSource:
    path = folder / f"day-{day}.arrow"
    write_records(path, day, rows)
    return PreparedSource(path, day)


def _collect(url: str, source: PreparedSource, day: date) -> None:
    collect(Database(url), source, [day], **AS_USUAL)
