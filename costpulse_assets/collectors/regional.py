"""Collects compute, jobs and queries from every connection: these system tables are regional.

Two kinds of tables. A `StateTable` holds the newest state of objects (clusters, jobs): what is not seen any more keeps
its row. A `DailyTable` holds rows of usage days: a day is replaced, connection by connection, in one transaction with
its books, and read again until it is settled; a day the source keeps no longer is never touched.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from costpulse_assets.errors import InvariantBroken
from costpulse_assets.identities import Identities
from costpulse_assets.periods import Period, newest_first
from costpulse_assets.resources.database import Connection, Database, copy_batches, run
from costpulse_assets.resources.source import Parameter, Source
from costpulse_assets.resources.sql_files import load_sql

#: Before every change there is: a first reading takes all.
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
#: Changes may arrive out of order by so much.
_OVERLAP = timedelta(days=1)


@dataclass(frozen=True)
class StateTable:
    """The newest state of objects of one kind.

    `sql/collect/<name>.sql` returns the newest version of each object (`is_latest`) and, where `resource_type` is set,
    each older version with another name, or setting that is kept, than the one before it.
    `sql/transform/stage_<name>.sql` makes the temporary table `staged_<name>` for them, `sql/transform/<name>.sql`
    brings the table up to date from it.
    """

    name: str
    #: System tables of the statement, e.g. "compute.clusters".
    reads: tuple[str, ...]
    #: Columns of the statement's result.
    columns: tuple[str, ...]
    description: str
    #: A run for changed days leaves it alone until its last reading is this old.
    every: timedelta
    #: What resource_names calls these objects; None: they have no names worth keeping.
    resource_type: str | None = None
    resource_id: str = ""
    #: Whether `sql/transform/stage_<resource_type>_settings.sql` says what of them goes to resource_settings.
    has_settings: bool = False
    #: Columns that name people or service principals.
    identities: tuple[str, ...] = ()


@dataclass(frozen=True)
class DailyTable:
    """Rows of usage days, by `sql/collect/<name>.sql` with `:from_date` and `:to_date` (both included)."""

    name: str
    #: System tables of the statement.
    reads: tuple[str, ...]
    #: Columns of the result and of the table, which has `connection` besides; the first is usage_date.
    columns: tuple[str, ...]
    description: str
    #: How many days the source keeps.
    kept_days: int
    #: A run for changed days leaves it alone until its last reading is this old.
    every: timedelta = timedelta(hours=1)
    #: Columns that name people or service principals.
    identities: tuple[str, ...] = ()
    #: Further parameters of the statement.
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True)
class Regions:
    """The connections that regional tables are read over, one or more."""

    sources: tuple[Source, ...]


def is_due(database: Database, source: Source, table: StateTable | DailyTable, now: datetime) -> bool:
    """Whether the last reading over this connection failed or is older than `every`."""
    rows = database.rows("transform/last_reading", {"source": table.name, "connection": source.name})
    return not rows or now - rows[0]["as_of"] >= table.every


def collect_state(database: Database, source: Source, table: StateTable, identities: Identities) -> int:
    """Brings a state table up to date from one connection; returns the versions read.

    Raises:
        SourceError, DatabaseUnavailable, DatabaseRefused: the table is as it was.
    """
    statement = load_sql(f"collect/{table.name}")
    parameters: dict[str, Parameter] = {}
    if ":changed_since" in statement:
        parameters["changed_since"] = _changed_since(database, source, table)
    reader = source.fetch(statement, parameters)
    read = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal read
        for batch in reader:
            read += batch.num_rows
            yield storable(identities.protect(batch, table.identities))

    with database.writing() as connection:
        run(connection, f"transform/stage_{table.name}")
        copy_batches(connection, sql.Identifier(f"staged_{table.name}"), table.columns, batches())
        run(connection, f"transform/{table.name}", {"connection": source.name})
        if table.resource_type is not None:
            _keep_names(connection, table)
        if table.has_settings:
            run(connection, f"transform/stage_{table.resource_type}_settings")
            run(connection, "transform/delete_resource_settings")
            run(connection, "transform/resource_settings")
    return read


def days_to_collect(
    database: Database, source: Source, table: DailyTable, window: Period, *, first_day: date, today: date, due: bool
) -> list[date]:
    """The days to read: those of the window that the source still keeps, or (due) all that are not settled yet."""
    kept = Period(max(first_day, today - timedelta(days=table.kept_days - 1)), today)
    if not due:
        return [day for day in window if day in kept]
    settled = {
        row["usage_date"]
        for row in database.rows("transform/settled_days", {"source": table.name, "connection": source.name})
    }
    return [day for day in kept if day not in settled]


def collect_days(
    database: Database,
    source: Source,
    table: DailyTable,
    days: list[date],
    *,
    identities: Identities,
    now: datetime,
    settle_days: int,
    chunk_days: int,
    progress: Callable[[str], None] = lambda message: None,
) -> int:
    """Replaces these days' rows of one connection, newest first, each chunk in a transaction; returns the rows.

    Raises:
        SourceError, DatabaseUnavailable, DatabaseRefused, InvariantBroken: nothing of the current chunk was written.
    """
    statement = load_sql(f"collect/{table.name}")
    rows = done = 0
    for window in newest_first(days, at_most=chunk_days):
        parameters: dict[str, Parameter] = {**table.parameters, "from_date": window.first, "to_date": window.last}
        if ":now" in statement:
            parameters["now"] = now
        reader = source.fetch(statement, parameters)
        with database.writing() as connection:
            rows += _replace(connection, source, table, window, reader, identities)
            run(
                connection,
                "transform/collected_region_days",
                {
                    "source": table.name,
                    "connection": source.name,
                    "days": list(window),
                    "settled_until": now.date() - timedelta(days=settle_days),
                    "counts": _counts(connection, source, table, window),
                },
            )
        done += len(window)
        progress(f"{done}/{len(days)} days: {table.name} from {source.name}")
    return rows


def _replace(
    connection: Connection,
    source: Source,
    table: DailyTable,
    window: Period,
    reader: pa.RecordBatchReader,
    identities: Identities,
) -> int:
    target, staged = sql.Identifier("costpulse", table.name), sql.Identifier(f"staged_{table.name}")
    columns = (*table.columns, "connection")
    connection.execute(sql.SQL("create temporary table {} (like {}) on commit drop").format(staged, target))
    copy_batches(connection, staged, columns, _checked(reader, source, table, window, identities))
    connection.execute(
        sql.SQL("delete from {} where usage_date between %s and %s and connection = %s").format(target),
        [window.first, window.last, source.name],
    )
    # A workspace that another connection brought before now comes over this one: it is never counted twice.
    connection.execute(
        sql.SQL(
            "delete from {target} as t using (select distinct s.usage_date, s.workspace_id from {staged} as s) as n"
            " where t.usage_date = n.usage_date and t.workspace_id = n.workspace_id"
        ).format(target=target, staged=staged)
    )
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return connection.execute(
        sql.SQL("insert into {target} ({names}) select {names} from {staged}").format(
            target=target, staged=staged, names=names
        )
    ).rowcount


def _checked(
    reader: pa.RecordBatchReader, source: Source, table: DailyTable, window: Period, identities: Identities
) -> Iterator[pa.RecordBatch]:
    """The batches with their connection; a row outside the window would never be replaced again."""
    for batch in reader:
        if batch.num_rows == 0:
            continue
        found = pc.min_max(batch.column("usage_date")).as_py()
        if found["min"] < window.first or found["max"] > window.last:
            raise InvariantBroken(
                f"{table.name} got rows of {found['min']} to {found['max']} where {window} was asked for.",
                next_step=f"Nothing was written; report sql/collect/{table.name}.sql with this line.",
            )
        protected = storable(identities.protect(batch, table.identities))
        yield protected.append_column("connection", pa.array([source.name] * batch.num_rows, pa.string()))


def storable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with U+FFFD for each NUL character: PostgreSQL has none in text, and its jsonb none as an escape."""
    for place, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        if not pa.types.is_string(column.type):
            continue
        nul, instead = ("\\u0000", "\\ufffd") if name == "tags" else ("\x00", "\ufffd")
        if pc.any(pc.match_substring(column, nul)).as_py():
            batch = batch.set_column(place, batch.schema.field(place), pc.replace_substring(column, nul, instead))
    return batch


def _counts(connection: Connection, source: Source, table: DailyTable, window: Period) -> list[int]:
    """Rows of each day of the window, in its order."""
    found: dict[date, int] = {
        row["usage_date"]: row["row_count"]
        for row in connection.execute(
            sql.SQL(
                "select usage_date, count(*) as row_count from {}"
                " where usage_date between %s and %s and connection = %s group by usage_date"
            ).format(sql.Identifier("costpulse", table.name)),
            [window.first, window.last, source.name],
        )
    }
    return [found.get(day, 0) for day in window]


def _changed_since(database: Database, source: Source, table: StateTable) -> datetime:
    with database.transaction() as connection:
        row = connection.execute(
            sql.SQL("select max(change_time) as newest from {} where connection = %s").format(
                sql.Identifier("costpulse", table.name)
            ),
            [source.name],
        ).fetchone()
    return row["newest"] - _OVERLAP if row and row["newest"] else _EVER


def _keep_names(connection: Connection, table: StateTable) -> None:
    connection.execute(
        sql.SQL(
            "create temporary table staged_names on commit drop as select {type}::text as resource_type,"
            " s.workspace_id, s.{id} as resource_id, s.name, s.change_time from {staged} as s"
        ).format(
            type=sql.Literal(table.resource_type),
            id=sql.Identifier(table.resource_id),
            staged=sql.Identifier(f"staged_{table.name}"),
        )
    )
    run(connection, "transform/stage_resource_names")
    run(connection, "transform/renamed_days")
    run(connection, "transform/delete_resource_names")
    run(connection, "transform/resource_names")
