"""The app's connection: one small pool, read-only, as role costpulse_app, every failure with a name."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import streamlit as st
from psycopg import sql
from psycopg_pool import ConnectionPool, PoolTimeout

from costpulse_assets.errors import CostPulseError, DatabaseUnavailable
from costpulse_assets.resources.database_errors import classify_database_error
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from costpulse_assets.settings import Settings, load_settings

APP_ROLE = "costpulse_app"
STATEMENT_SECONDS = 10
_CONNECT_SECONDS = 3


class QueryTooSlow(CostPulseError):
    """The question takes longer than a page may wait."""


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """The settings, read once per process."""
    return load_settings()


@contextmanager
def reading(scope: str = "all") -> Iterator[psycopg.Connection[Any]]:
    """A connection in a read-only transaction that sees the rows of `scope`.

    Args:
        scope: "all", or comma-separated team ids; row-level security compares it.

    Raises:
        DatabaseUnavailable: no answer, or it went away.
        SchemaMismatch: the tables are not there: the database was never migrated.
        QueryTooSlow: the statement was cancelled after STATEMENT_SECONDS.
        DatabaseRefused: the database said no.
    """
    url = _url()
    try:
        with _pool(url).connection() as connection:
            connection.execute("select set_config('costpulse.scope', %s, true)", [scope])
            yield connection
    except PoolTimeout:
        raise _why_no_connection(url) from None
    except psycopg.errors.QueryCanceled:
        raise QueryTooSlow(
            f"This took more than {STATEMENT_SECONDS} seconds and was stopped.",
            next_step="Take a shorter period or fewer filters.",
        ) from None
    except psycopg.Error as error:
        raise classify_database_error(error, doing="read the data") from error


def is_reachable() -> bool:
    """True when the database answers now; for the health check."""
    try:
        with reading() as connection:
            connection.execute("select 1")
    except CostPulseError:
        return False
    return True


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
