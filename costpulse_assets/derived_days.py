"""Rebuilding days of a derived table: delete, run its statements, check what must hold, remember the version.

Everything between the collectors and the pages is built this way; an asset is a `DerivedTable` and nothing more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from psycopg import sql

from costpulse_assets.resources.database import Connection, Database, expect_no_rows, run

#: Days per transaction of a long rebuild.
DAYS_AT_ONCE = 62


@dataclass(frozen=True)
class DerivedTable:
    """Tables replaced together, day by day, from other tables."""

    #: Asset and first table; also the name in built_days.
    name: str
    #: Assets it is built from: a day is due when any of them has a newer version of it (view day_versions).
    upstreams: tuple[str, ...]
    #: Tables in the order they are filled, each by sql/transform/<table>.sql.
    tables: tuple[str, ...]
    #: File of sql/checks/ that must return no row for the days.
    check: str
    #: Assets whose versions count like those of the upstreams, and without which the days are built all the same: what
    #: is optional must not keep the bill from its readers.
    also_reads: tuple[str, ...] = ()
    #: Called before the statements, in their transaction: makes the temporary tables that they read.
    prepare: Callable[[Connection, list[date]], None] | None = None
    #: Tables by week, filled after those by day; the weeks of the days are replaced.
    weekly: tuple[str, ...] = ()

    @property
    def sources(self) -> list[str]:
        """Everything that makes a day due."""
        return [*self.upstreams, *self.also_reads]


def days_to_build(
    database: Database, table: DerivedTable, first: date, last: date, *, only_changed: bool
) -> list[date]:
    """Days to rebuild: all that are collected from first to last, or those (anywhere) whose upstream changed."""
    rows = database.rows(
        "transform/days_to_build",
        {
            "asset": table.name,
            "upstreams": table.sources,
            "only_changed": only_changed,
            "from_date": first,
            "to_date": last,
        },
    )
    return [row["usage_date"] for row in rows]


def build(
    database: Database,
    table: DerivedTable,
    days: list[date],
    progress: Callable[[str], None] = lambda message: None,
) -> None:
    """Rebuilds these days, newest first; what must hold is checked before each commit.

    Raises:
        InvariantBroken: the sums of a day differ; that chunk of days is as it was before.
    """
    done = 0
    for chunk in _chunks(sorted(days, reverse=True)):
        weeks = sorted({day - timedelta(days=day.weekday()) for day in chunk})
        parameters: dict[str, Any] = {
            "days": chunk,
            "weeks": weeks,
            "asset": table.name,
            "upstreams": table.sources,
        }
        with database.writing() as connection:
            if table.prepare is not None:
                table.prepare(connection, chunk)
            for name in table.tables:
                connection.execute(
                    sql.SQL("delete from {} where usage_date = any(%s)").format(sql.Identifier("costpulse", name)),
                    [chunk],
                )
                run(connection, f"transform/{name}", parameters)
            for name in table.weekly:
                connection.execute(
                    sql.SQL("delete from {} where week = any(%s)").format(sql.Identifier("costpulse", name)), [weeks]
                )
                run(connection, f"transform/{name}", parameters)
            expect_no_rows(
                connection,
                table.check,
                parameters,
                otherwise=f"{table.name} would not add up to cost_records",
            )
            run(connection, "transform/built_days", parameters)
        done += len(chunk)
        progress(f"{done}/{len(days)} days: {table.name}")


def _chunks(days: list[date]) -> Iterator[list[date]]:
    for position in range(0, len(days), DAYS_AT_ONCE):
        yield days[position : position + DAYS_AT_ONCE]
