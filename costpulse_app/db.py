"""The app's connections: one small pool, as role costpulse_app, read-only unless asked, every failure with a name."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import streamlit as st
from psycopg import sql
from psycopg.rows import dict_row, tuple_row
from psycopg_pool import ConnectionPool, PoolTimeout

from costpulse_assets.errors import CostPulseError, DatabaseUnavailable
from costpulse_assets.resources.database import Connection, Database, run
from costpulse_assets.resources.database_errors import DatabaseReadOnly, classify_database_error
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from costpulse_assets.settings import Settings, load_settings

APP_ROLE = "costpulse_app"
STATEMENT_SECONDS = 10
#: Who saves or tries something waits longer: for a build that is reading the rules, or for days allocated anew.
WORKING_SECONDS = 60
_CONNECT_SECONDS = 3


class QueryTooSlow(CostPulseError):
    """The question takes longer than a page may wait."""


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """The settings, read once per process."""
    return load_settings()


@contextmanager
def reading(scope: str, *, actor: str = "") -> Iterator[psycopg.Connection[Any]]:
    """A connection in a read-only transaction that sees the rows of `scope`.

    Args:
        scope: "all", or comma-separated team ids; row-level security compares it.
        actor: who looks, and so sees what they keep for themselves; empty: nobody.

    Raises:
        DatabaseUnavailable: no answer, or it went away.
        SchemaMismatch: the tables are not there: the database was never migrated.
        QueryTooSlow: the statement was cancelled after STATEMENT_SECONDS.
        DatabaseRefused: the database said no.
    """
    too_slow = QueryTooSlow(
        f"This took more than {STATEMENT_SECONDS} seconds and was stopped.",
        next_step="Take a shorter period or fewer filters.",
    )
    with _connected(doing="read the data", too_slow=too_slow) as connection:
        connection.row_factory = tuple_row
        connection.execute(
            "select set_config('costpulse.scope', %s, true), set_config('costpulse.actor', %s, true)", [scope, actor]
        )
        yield connection


@contextmanager
def writing(actor: str, scope: str) -> Iterator[Connection]:
    """A connection in a transaction that may write what people edit: committed at the end, rolled back on any error.

    Args:
        actor: who acts, for the audit log.
        scope: as for `reading`.

    Raises:
        CostPulseError: as `reading`; a statement is cancelled after WORKING_SECONDS.
    """
    with _working(actor, scope) as connection:
        # It would take the change all the same, as this transaction asks for one that may write.
        if run(connection, "app/read_only")[0]["is_read_only"]:
            raise DatabaseReadOnly
        yield connection
        # What is checked at the end waits for a build that reads the rules: here it is cancelled in time, as a part of
        # the commit it would not be.
        connection.execute("set constraints all immediate")


@contextmanager
def trying(scope: str) -> Iterator[Connection]:
    """As `writing`, and rolled back at the end: for questions whose answer takes temporary tables."""
    with _working("nobody: this is rolled back", scope) as connection:
        yield connection
        connection.rollback()


class AppDatabase(Database):
    """The database as functions of costpulse_assets take it, with the rights of the app and a person who acts."""

    def __init__(self, actor: str, scope: str) -> None:
        super().__init__(_url())
        self._actor = actor
        self._scope = scope

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """See `writing`."""
        with writing(self._actor, self._scope) as connection:
            yield connection


def is_reachable() -> bool:
    """True when the database answers now; for the health check."""
    try:
        with reading("all") as connection:
            connection.execute("select 1")
    except CostPulseError:
        return False
    return True


@contextmanager
def _working(actor: str, scope: str) -> Iterator[Connection]:
    too_slow = QueryTooSlow(
        f"This took more than {WORKING_SECONDS} seconds and was stopped; nothing was changed.",
        next_step="Try again in a moment: a run may be reading what is to be changed.",
    )
    with _connected(doing="save the change", too_slow=too_slow) as connection:
        # Before anything else: PostgreSQL takes it as the first statement of a transaction only.
        try:
            connection.execute("set transaction read write")
        except psycopg.errors.FeatureNotSupported:
            # What a standby answers.
            raise DatabaseReadOnly from None
        connection.execute(f"set local statement_timeout = '{WORKING_SECONDS}s'")
        connection.execute(
            "select set_config('costpulse.scope', %s, true), set_config('costpulse.actor', %s, true)", [scope, actor]
        )
        connection.row_factory = dict_row
        yield connection


@contextmanager
def _connected(*, doing: str, too_slow: QueryTooSlow) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the pool in a transaction; every error has a name."""
    url = _url()
    try:
        with _pool(url).connection() as connection:
            yield connection
    except PoolTimeout:
        raise _why_no_connection(url) from None
    except psycopg.errors.QueryCanceled:
        raise too_slow from None
    except psycopg.Error as error:
        raise classify_database_error(error, doing=doing) from error


@st.cache_resource(show_spinner=False)
def _url() -> str:
    configured = settings().app_database_url or settings().database_url
    if configured is not None:
        return configured.get_secret_value()
    server = EmbeddedPostgres(settings().data_dir)
    server.start()
    # The server stops with its last user; this process is one until it ends.
    atexit.register(server.stop)
    return server.url("costpulse")


@st.cache_resource(show_spinner=False, on_release=lambda pool: pool.close())
def _pool(url: str) -> ConnectionPool[psycopg.Connection[Any]]:
    pool = ConnectionPool(
        url,
        min_size=0,
        max_size=8,
        timeout=_CONNECT_SECONDS,
        kwargs={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "costpulse app",
            # A prepared statement would keep a plan made for other filters.
            "prepare_threshold": None,
        },
        configure=_configure,
        check=ConnectionPool.check_connection,
        open=True,
    )
    atexit.register(pool.close)
    return pool


def _configure(connection: psycopg.Connection[Any]) -> None:
    """Least privilege and limits for every statement of the session."""
    may_become = connection.execute(
        "select pg_has_role(oid, 'member') from pg_catalog.pg_roles where rolname = %s", [APP_ROLE]
    ).fetchone()
    if may_become is not None and may_become[0]:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(APP_ROLE)))
    connection.execute(f"set statement_timeout = '{STATEMENT_SECONDS}s'")
    # Compiling a statement costs more than all of these take.
    connection.execute("set jit = off")
    # Tens of thousands of groups are summed up in memory, not in files.
    connection.execute("set work_mem = '32MB'")
    connection.execute("set timezone = 'UTC'")
    connection.execute("set default_transaction_read_only = on")
    connection.commit()


def _why_no_connection(url: str) -> CostPulseError:
    """The pool only says that time is up: ask once more, alone, for the reason."""
    try:
        psycopg.connect(url, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg.Error as error:
        return classify_database_error(error, doing="connect to the database", url=url)
    return DatabaseUnavailable(
        "All connections of the app are busy.",
        next_step="Wait a moment and reload; if it stays, look for long statements in the database.",
    )
