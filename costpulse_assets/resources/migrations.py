"""Brings a database to the schema of this code: the files of `sql/migrations/`, in order, each exactly once.

`costpulse.schema_migrations` has one row per applied file, with the checksum of what was applied. Everything
runs under one advisory lock, which the server drops with its connection, so a killed run blocks nobody.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.errors import Diagnostic

from costpulse_assets.errors import DatabaseRefused, SchemaMismatch
from costpulse_assets.resources.database_errors import classify_database_error, database_label
from costpulse_assets.resources.sql_files import SQL_DIR

_MIGRATION_LOCK = 7_205_741_000

#: The roles of least privilege, made by the migrations where the server allows it.
ROLES = ("costpulse_app", "costpulse_auditor", "costpulse_reader")

_CREATE_LOG = """
-- one row per applied file of sql/migrations/
create schema if not exists costpulse;
create table if not exists costpulse.schema_migrations (
    name text primary key,
    sha256 text not null,
    applied_at timestamptz not null default now()
)
"""


_Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class MigrationReport:
    """What a run of `migrate` did and found."""

    #: Names of the files applied by this run, in order; empty when the database was up to date.
    applied: tuple[str, ...]
    #: Name of the newest migration of the database.
    version: str
    #: "plain PostgreSQL", "TimescaleDB 2.19.3 Apache" or "TimescaleDB 2.29.2 Community".
    edition: str
    #: Whether all of ROLES exist; without them, sign-in and the auditor's read-only access are not available.
    roles_exist: bool
    #: What the migrations had to say (their `raise notice`).
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Migration:
    name: str
    text: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text).hexdigest()


def migrate(url: str, *, folder: Path = SQL_DIR / "migrations") -> MigrationReport:
    """Apply the migrations a database does not have yet, each in a transaction of its own.

    Two runs at once are safe: the second waits and finds nothing left to do.

    Args:
        url: the database, as its owner.
        folder: the migration files.

    Raises:
        SchemaMismatch: the database is newer than this code, or was made by files that differ from ours.
        DatabaseUnavailable: the database does not answer, or went away.
        DatabaseRefused: credentials, rights, disk full, or a migration failed; earlier ones stay applied.
    """
    migrations = _read_migrations(folder)
    notes: list[str] = []

    def listen(message: Diagnostic) -> None:
        # The server and its extensions send notices too; ours come from `raise` in a block of a file.
        if message.source_function == "exec_stmt_raise" and "inline_code_block" in (message.context or ""):
            notes.append(message.message_primary or "")

    with _connected(url, doing="migrate the database") as connection:
        connection.add_notice_handler(listen)
        connection.execute("set lock_timeout = '5min'")
        connection.execute("select pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        _log_of_migrations(connection)
        pending = _pending(connection, url, migrations)
        for migration in pending:
            _apply(connection, url, migration)
        return MigrationReport(
            applied=tuple(migration.name for migration in pending),
            version=migrations[-1].name,
            edition=edition(connection),
            roles_exist=_roles_exist(connection),
            notes=tuple(notes),
        )


def check_schema(url: str, *, folder: Path = SQL_DIR / "migrations") -> None:
    """Return if the database has exactly the schema of this code.

    Raises:
        SchemaMismatch: it is older (or empty), newer, or was made by files that differ from ours.
        DatabaseUnavailable: the database does not answer.
        DatabaseRefused: credentials or rights.
    """
    migrations = _read_migrations(folder)
    with _connected(url, doing="check the schema") as connection:
        pending = _pending(connection, url, migrations)
    if pending:
        raise SchemaMismatch(
            f"The database {database_label(url)} is older than this code: {len(pending)} of {len(migrations)} "
            f"migrations are missing, the first is {pending[0].name}.",
            next_step="Run `costpulse migrate`, then start again.",
        )


def edition(connection: _Connection) -> str:
    """What kind of database it is: plain PostgreSQL, or TimescaleDB with its version and licence."""
    row = connection.execute(
        "select extversion, current_setting('timescaledb.license', true)"
        " from pg_catalog.pg_extension where extname = 'timescaledb'"
    ).fetchone()
    if row is None:
        return "plain PostgreSQL"
    version, licence = row
    return f"TimescaleDB {version} {'Community' if licence == 'timescale' else 'Apache'}"


def _read_migrations(folder: Path) -> list[_Migration]:
    migrations = [_Migration(path.stem, path.read_bytes()) for path in sorted(folder.glob("[0-9]*_*.sql"))]
    if not migrations:
        raise SchemaMismatch(
            f"There are no migrations in {folder}.",
            next_step="Install CostPulse again: its SQL files are missing.",
        )
    return migrations


@contextmanager
def _connected(url: str, *, doing: str) -> Iterator[_Connection]:
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=10, application_name="costpulse migrate"
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise classify_database_error(error, doing=doing, url=url) from error


def _log_of_migrations(connection: _Connection) -> None:
    # Asked first: `create schema if not exists` needs the right to create it even where it exists.
    if not _has_log(connection):
        with connection.transaction():
            connection.execute(_CREATE_LOG.encode())


def _has_log(connection: _Connection) -> bool:
    row = connection.execute("select to_regclass('costpulse.schema_migrations')").fetchone()
    return row is not None and row[0] is not None


def _pending(connection: _Connection, url: str, migrations: list[_Migration]) -> list[_Migration]:
    """The migrations the database lacks, in order.

    Raises:
        SchemaMismatch: it has others, or the same names with other text.
    """
    applied: dict[str, str] = {}
    if _has_log(connection):
        rows = connection.execute("select name, sha256 from costpulse.schema_migrations order by name")
        applied = dict(rows.fetchall())
    ours = {migration.name: migration.sha256 for migration in migrations}
    unknown = [name for name in applied if name not in ours]
    if unknown:
        raise SchemaMismatch(
            f"The database {database_label(url)} is newer than this code: it has the migration {unknown[-1]}, "
            f"this code ends at {migrations[-1].name}.",
            next_step="Install the CostPulse version that made it, or a later one.",
        )
    changed = [name for name, sha256 in applied.items() if ours[name] != sha256]
    if changed:
        raise SchemaMismatch(
            f"The migration {changed[0]} is not the one that was applied to {database_label(url)}: "
            "the file has changed since.",
            next_step="Restore the file of the installed version and put the change into a new migration.",
        )
    return [migration for migration in migrations if migration.name not in applied]


def _apply(connection: _Connection, url: str, migration: _Migration) -> None:
    try:
        with connection.transaction():
            connection.execute(migration.text)
            connection.execute(
                "insert into costpulse.schema_migrations (name, sha256) values (%s, %s)",
                [migration.name, migration.sha256],
            )
    except psycopg.Error as error:
        where = f"apply {migration.name}{_line(migration, error)}"
        named = classify_database_error(error, doing=where, url=url)
        if isinstance(named, SchemaMismatch):  # a mistake in the file, which `costpulse migrate` cannot mend
            named = DatabaseRefused(named.message, next_step="Report it with this message; nothing of it was kept.")
        raise named from error


def _line(migration: _Migration, error: psycopg.Error) -> str:
    """Where in the file, if the server says so: it counts characters from 1."""
    position = error.diag.statement_position
    if position is None:
        return ""
    return f" line {migration.text.decode()[: int(position)].count(chr(10)) + 1}"


def _roles_exist(connection: _Connection) -> bool:
    found = connection.execute(
        "select rolname from pg_catalog.pg_roles where rolname = any(%s)", [list(ROLES)]
    ).fetchall()
    return len(found) == len(ROLES)
