"""Databases for tests: real ones, on the embedded server or on the one COSTPULSE_TEST_DATABASE_URL names."""

import fcntl
import gc
import itertools
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from costpulse_assets.resources.migrations import migrate

#: An admin URL of a server of your own (it may create databases and roles), such as what .ci/timescaledb prints.
SERVER_VARIABLE = "COSTPULSE_TEST_DATABASE_URL"

_TEMPLATE_LOCK = 7_205_741_900
_SHARED_LOCK = 7_205_741_901
_numbers = itertools.count(1)
_folder_of_run = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--only-on-server", action="store_true", help="leave out the tests that never touch the server under test"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # The account of the browser tests takes a minute to make: with one file of them first, the others find it ready.
    items.sort(key=lambda item: item.path.name != "test_accessibility.py")
    if not config.getoption("--only-on-server"):
        return
    on_server = [
        item
        for item in items
        if "postgres_server" in getattr(item, "fixturenames", ()) or item.get_closest_marker("timescaledb")
    ]
    config.hook.pytest_deselected(items=sorted(set(items) - set(on_server), key=lambda item: item.nodeid))
    items[:] = on_server


def pytest_configure(config: pytest.Config) -> None:
    # Whoever was started in the background of a script ignores interrupts, and so would what tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # As the commands do: what Dagster and Streamlit make is much, and most of it stays.
    gc.set_threshold(100_000, 20, 20)
    # As costpulse_app/.streamlit/config.toml, which a page opened in this process does not read.
    os.environ["STREAMLIT_RUNNER_POST_SCRIPT_GC"] = os.environ["STREAMLIT_RUNNER_MAGIC_ENABLED"] = "false"
    os.environ["STREAMLIT_BROWSER_GATHER_USAGE_STATS"] = "false"
    # One server for all xdist workers; made and removed by the process that started them.
    if not hasattr(config, "workerinput"):
        config.stash[_folder_of_run] = Path(tempfile.mkdtemp(prefix="costpulse-tests-"))


def pytest_collection_finish() -> None:
    # What was imported stays: the collector need not look at it again.
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    node.workerinput["server_folder"] = str(node.config.stash[_folder_of_run])  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _drop_shared_databases(config)
        shutil.rmtree(config.stash[_folder_of_run])


def _drop_shared_databases(config: pytest.Config) -> None:
    """The embedded server goes as a whole; one of your own is left as it was."""
    if url := os.environ.get(SERVER_VARIABLE):
        with psycopg.connect(url, autocommit=True) as admin:
            for (name,) in admin.execute(
                "select datname from pg_database where starts_with(datname, %s)", [_shared_name(config, "")]
            ).fetchall():
                admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def run_folder(config: pytest.Config) -> Path:
    """The folder of this run, the same for all workers."""
    workerinput = getattr(config, "workerinput", None)
    return Path(workerinput["server_folder"]) if workerinput else config.stash[_folder_of_run]


def made_once(config: pytest.Config, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that is filled once per run, by the first worker that asks; tests take copies of it."""
    folder, done = run_folder(config) / name, run_folder(config) / f"{name}-is-whole"
    with (run_folder(config) / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            # Half of it may be there: another worker failed, and this one shall say why too.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def _shared_name(config: pytest.Config, purpose: str) -> str:
    return f"{run_folder(config).name.replace('-', '_').lower()}_shared_{purpose}"


def pytest_report_header(config: pytest.Config) -> str:
    url = os.environ.get(SERVER_VARIABLE)
    if not url:
        return f"database: embedded, plain PostgreSQL ({SERVER_VARIABLE} is not set)"
    with psycopg.connect(url, connect_timeout=10) as connection:
        version, timescaledb, licence = connection.execute(
            "select current_setting('server_version'), "
            "(select default_version from pg_available_extensions where name = 'timescaledb'), "
            "current_setting('timescaledb.license', true)"
        ).fetchone() or (None, None, None)
    extension = f"TimescaleDB {timescaledb} ({licence})" if timescaledb else "without TimescaleDB"
    return f"database: PostgreSQL {version}, {extension} ({SERVER_VARIABLE})"


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The admin URL of the server under test."""
    url = os.environ.get(SERVER_VARIABLE)
    if url:
        yield url
        return
    with EmbeddedPostgres(run_folder(request.config)) as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            # Its data is worthless, and dropping a database waits for the disk.
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                admin.execute(sql.SQL("alter system set {} = off").format(sql.Identifier(setting)))
            # The folder may be in memory.
            admin.execute("alter system set max_wal_size = '1GB'")
            admin.execute("select pg_reload_conf()")
        yield server.url("postgres")


@pytest.fixture(scope="session")
def is_timescaledb(postgres_server: str) -> bool:
    """Whether the server under test has the TimescaleDB extension."""
    with psycopg.connect(postgres_server) as connection:
        found = connection.execute("select 1 from pg_available_extensions where name = 'timescaledb'").fetchone()
    return found is not None


@pytest.fixture(autouse=True)
def _only_where_timescaledb_is(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("timescaledb") and not request.getfixturevalue("is_timescaledb"):
        pytest.skip("the server under test has no TimescaleDB")


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> Iterator[str]:
    """The name of a migrated database nobody is connected to, for cloning."""
    # Roles are cluster-wide, so xdist workers migrate one after the other.
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(%s)", [_TEMPLATE_LOCK])
        with database(postgres_server) as url:
            migrate(url)
            name = urlsplit(url).path.removeprefix("/")
            admin.execute("select pg_advisory_unlock_all()")
            # TimescaleDB's scheduler connects to every database it may; a template must be left alone.
            admin.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
            yield name


@pytest.fixture
def database_url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    with database(postgres_server, template=migrated_template) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_server: str) -> Iterator[str]:
    """An empty database of the test's own."""
    with database(postgres_server) as url:
        yield url


@pytest.fixture
def dagster_database_url(postgres_server: str) -> Iterator[str]:
    """An empty database for Dagster's storage."""
    with database(postgres_server) as url:
        yield url


def shared_database(
    config: pytest.Config, server: str, template: str, purpose: str, fill: Callable[[str], None]
) -> str:
    """The URL of a database that is filled once per run, by the first worker that asks; tests read it only."""
    name = _shared_name(config, purpose)
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(%s)", [_SHARED_LOCK])
        if admin.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is None:
            admin.execute(_copy_of(template, name))
            try:
                fill(url)
            except BaseException:
                # Also when interrupted: a half-filled database would be taken for a full one.
                admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
                raise
    return url


def _copy_of(template: str, name: str) -> sql.Composed:
    # By files it takes half as long as by the log, which is the default.
    return sql.SQL("create database {} template {} strategy file_copy").format(
        sql.Identifier(name), sql.Identifier(template)
    )


@contextmanager
def database(server: str, *, template: str = "template0") -> Iterator[str]:
    """A database that exists inside the block; its name is unique among processes and xdist workers."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"costpulse_{worker}_{os.getpid()}_{next(_numbers)}_{secrets.token_hex(3)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(_copy_of(template, name))
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
