"""The one way to the database: transactions, statements from `sql/`, and bulk loading of Arrow batches."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.rows import DictRow, dict_row
from pyarrow import csv

from costpulse_assets.errors import InvariantBroken
from costpulse_assets.resources.database_errors import classify_database_error
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from costpulse_assets.resources.sql_files import load_sql
from costpulse_assets.settings import Settings

#: One writer at a time rewrites days of the pipeline's tables; readers are never held up by it.
PIPELINE_LOCK = 7_205_741_001

Row = dict[str, Any]
Connection = psycopg.Connection[DictRow]


class Database:
    """PostgreSQL or TimescaleDB, connected as the owner of the schema.

    Every error leaves as a CostPulseError: DatabaseUnavailable (retryable) or DatabaseRefused.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._kept: list[Connection] | None = None

    @contextmanager
    def keeping_connections(self) -> Iterator[None]:
        """Within it a connection whose transaction went well serves the next one.

        A new connection costs the server more than most statements of a run: it has to learn the tables anew.
        """
        self._kept = []
        try:
            yield
        finally:
            kept, self._kept = self._kept, None
            for connection in kept:
                connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection with one open transaction: committed at the end, rolled back on any exception."""
        with named_database_errors():
            connection = self._kept_connection() or self._connect()
            try:
                yield connection
                connection.commit()
            except BaseException:
                with suppress(psycopg.Error):
                    connection.rollback()
                # Also where its commit failed: a deferred constraint, a server that went away.
                connection.close()
                raise
            if self._kept is None:
                connection.close()
            else:
                self._kept.append(connection)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """As `transaction`, and the only writer of pipeline tables until it ends."""
        with self.transaction() as connection:
            # Zero lifts the limit on rows decompressed by a delete; plain PostgreSQL accepts the name as well.
            connection.execute("set local timescaledb.max_tuples_decompressed_per_dml_transaction = 0")
            connection.execute("select pg_advisory_xact_lock(%s)", [PIPELINE_LOCK])
            yield connection

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection in autocommit mode, for reads beside a running transaction."""
        with named_database_errors(), self._connect() as connection:
            connection.autocommit = True
            yield connection

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of one statement file, e.g. `rows("checks/control_totals", {"days": days})`."""
        with self.transaction() as connection:
            return run(connection, statement, parameters)

    def _kept_connection(self) -> Connection | None:
        while self._kept:
            connection = self._kept.pop()
            try:
                connection.execute("")
                connection.rollback()
            except psycopg.Error:
                # The server was started anew meanwhile, or something between dropped what was idle.
                connection.close()
            else:
                return connection
        return None

    def _connect(self) -> Connection:
        return psycopg.connect(
            self.url,
            row_factory=dict_row,
            connect_timeout=10,
            application_name="costpulse",
            # A prepared statement would keep a plan made for other days.
            prepare_threshold=None,
            # The default of PostgreSQL is that of rotating disks: it would read all keys to find those of a few days.
            # Compiling the statements of a day (jit) takes longer than running them.
            options="-c timezone=UTC -c random_page_cost=1.1 -c jit=off",
        )


@contextmanager
def named_database_errors() -> Iterator[None]:
    """Turns psycopg's errors into CostPulseErrors."""
    try:
        yield
    except psycopg.Error as error:
        raise classify_database_error(error) from error


def run(connection: Connection, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    """Run a statement file on a connection; its rows, or an empty list where it returns none."""
    cursor = connection.execute(load_sql(statement).encode(), parameters or {})
    return cursor.fetchall() if cursor.description else []


def expect_no_rows(connection: Connection, check: str, parameters: Mapping[str, Any], *, otherwise: str) -> None:
    """Run a file of `sql/checks/` that must return no row.

    Raises:
        InvariantBroken: with the first row as evidence; the caller's transaction rolls back.
    """
    rows = run(connection, check, parameters)
    if rows:
        evidence = ", ".join(f"{name}={value}" for name, value in rows[0].items())
        raise InvariantBroken(
            f"{otherwise} ({len(rows)} differences, the first: {evidence}).",
            next_step=f"Nothing was written; run it again, and if it repeats report sql/{check}.sql with this line.",
        )


def delete_days(connection: Connection, table: str, from_date: object, to_date: object) -> None:
    """Delete days of a table, with the dates as constants: TimescaleDB then finds the compressed segments."""
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(
            sql.SQL("delete from {} where usage_date between %s and %s").format(sql.Identifier("costpulse", table)),
            [from_date, to_date],
        )


def copy_batches(
    connection: Connection, table: sql.Identifier, columns: tuple[str, ...], batches: Iterable[pa.RecordBatch]
) -> None:
    """COPY Arrow record batches into a table, as CSV made by Arrow, batch by batch.

    Args:
        connection: inside the transaction that replaces the rows.
        table: where to.
        columns: the batches' columns, in any order of the table.
        batches: lists, maps and structs must be text by now.
    """
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(
        table, sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy, ThreadPoolExecutor(1) as sender:
        # The next batch is fetched and encoded while the server works on this one.
        sending: Future[None] | None = None
        for batch in batches:
            encoded = _csv(batch.select(list(columns)))
            if sending is not None:
                sending.result()
            sending = sender.submit(copy.write, encoded)
        if sending is not None:
            sending.result()


def _csv(batch: pa.RecordBatch) -> memoryview:
    sink = pa.BufferOutputStream()
    csv.write_csv(batch, sink, csv.WriteOptions(include_header=False, quoting_style="needed"))
    return memoryview(sink.getvalue())


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The configured database, or the embedded one, started if needed and stopped by its last user.

    It keeps its connections until the end.
    """
    with ExitStack() as stack:
        if settings.database_url is not None:
            database = Database(settings.database_url.get_secret_value())
        else:
            database = Database(stack.enter_context(EmbeddedPostgres(settings.data_dir)).url("costpulse"))
        stack.enter_context(database.keeping_connections())
        yield database
