"""The migration runner, on the real files and on small ones that fail, change or come from the future."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from costpulse_assets.errors import BadInput, BadSettings, DatabaseRefused, DatabaseUnavailable, SchemaMismatch
from costpulse_assets.resources.database_errors import DatabaseReadOnly, classify_database_error, database_label
from costpulse_assets.resources.migrations import check_schema, migrate
from costpulse_assets.resources.sql_files import SQL_DIR, load_sql


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "migrations"
    path.mkdir()
    write(path, "0001_create_schema", "create schema if not exists costpulse;")
    write(path, "0002_create_notes", "create table costpulse.notes (note text);")
    return path


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.sql").write_text(text)


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_the_real_migrations_apply_once_and_a_second_run_finds_nothing_to_do(
    empty_database_url: str, is_timescaledb: bool
) -> None:
    names = tuple(path.stem for path in sorted((SQL_DIR / "migrations").glob("*.sql")))
    first = migrate(empty_database_url)
    assert first.applied == names
    assert first.version == names[-1]
    assert first.roles_exist
    assert first.edition.startswith("TimescaleDB" if is_timescaledb else "plain PostgreSQL")
    second = migrate(empty_database_url)
    assert second.applied == ()
    assert (second.version, second.edition) == (first.version, first.edition)
    check_schema(empty_database_url)


@pytest.mark.timescaledb
def test_cost_records_is_a_hypertable_on_timescaledb(database_url: str) -> None:
    assert rows(database_url, "select hypertable_name from timescaledb_information.hypertables") == [("cost_records",)]


def test_cost_records_is_a_plain_table_without_timescaledb_and_the_summary_says_so(
    empty_database_url: str, is_timescaledb: bool
) -> None:
    if is_timescaledb:
        pytest.skip("the server under test has TimescaleDB")
    assert any("cost_records stays a plain table" in note for note in migrate(empty_database_url).notes)


def test_files_are_applied_in_the_order_of_their_names(empty_database_url: str, folder: Path) -> None:
    write(folder, "0010_fill_notes", "insert into costpulse.notes values ('100 % sure');")
    write(folder, "0009_rename_note", "alter table costpulse.notes rename note to remark;")
    write(folder, "0010_fill_notes", "insert into costpulse.notes (remark) values ('100 % sure');")
    assert migrate(empty_database_url, folder=folder).applied == (
        "0001_create_schema",
        "0002_create_notes",
        "0009_rename_note",
        "0010_fill_notes",
    )
    assert rows(empty_database_url, "select remark from costpulse.notes") == [("100 % sure",)]


def test_notes_are_what_the_files_say_and_not_what_the_server_says(empty_database_url: str, folder: Path) -> None:
    write(
        folder,
        "0003_say_something",
        "drop table if exists costpulse.never; do $$ begin raise notice 'nothing to drop here'; end $$;",
    )
    assert migrate(empty_database_url, folder=folder).notes == ("nothing to drop here",)


def test_a_failing_migration_keeps_earlier_ones_and_leaves_nothing_of_its_own(
    empty_database_url: str, folder: Path
) -> None:
    write(
        folder,
        "0003_half_right",
        "create table costpulse.half (n integer);\nselect 1;\nselect * from costpulse.missing;\n",
    )
    write(folder, "0004_never_reached", "create table costpulse.later (n integer);")
    with pytest.raises(DatabaseRefused, match=r'0003_half_right line 3 .*"costpulse.missing" does not exist'):
        migrate(empty_database_url, folder=folder)
    tables = rows(empty_database_url, "select tablename from pg_tables where schemaname = 'costpulse' order by 1")
    assert tables == [("notes",), ("schema_migrations",)]
    assert rows(empty_database_url, "select name from costpulse.schema_migrations order by 1") == [
        ("0001_create_schema",),
        ("0002_create_notes",),
    ]

    write(folder, "0003_half_right", "create table costpulse.half (n integer);")
    assert migrate(empty_database_url, folder=folder).applied == ("0003_half_right", "0004_never_reached")


def test_two_migrators_at_once_apply_everything_once(empty_database_url: str, folder: Path) -> None:
    write(folder, "0003_take_a_while", "select pg_sleep(0.5); insert into costpulse.notes values ('once');")
    program = (
        "import sys; from pathlib import Path; from costpulse_assets.resources.migrations import migrate; "
        "print(len(migrate(sys.argv[1], folder=Path(sys.argv[2])).applied))"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database_url, str(folder)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    applied = [run.communicate(timeout=120)[0].strip() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted(applied) == ["0", "3"]
    assert rows(empty_database_url, "select note from costpulse.notes") == [("once",)]


def test_a_killed_migrator_blocks_nobody(empty_database_url: str, folder: Path) -> None:
    write(folder, "0003_take_a_while", "select pg_sleep(1)")
    program = (
        "import sys; from pathlib import Path; from costpulse_assets.resources.migrations import migrate; "
        "migrate(sys.argv[1], folder=Path(sys.argv[2]))"
    )
    with subprocess.Popen([sys.executable, "-c", program, empty_database_url, str(folder)]) as run:
        sleeping = "select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
        while not rows(empty_database_url, sleeping):
            assert run.poll() is None
        run.kill()
    assert migrate(empty_database_url, folder=folder).version == "0003_take_a_while"
    check_schema(empty_database_url, folder=folder)


def test_a_newer_database_is_refused_and_left_alone(empty_database_url: str, folder: Path) -> None:
    write(folder, "0003_from_the_future", "create table costpulse.future (n integer);")
    migrate(empty_database_url, folder=folder)
    (folder / "0003_from_the_future.sql").unlink()
    write(folder, "0003_other_branch", "create table costpulse.other (n integer);")
    for act in (migrate, check_schema):
        with pytest.raises(SchemaMismatch, match="newer than this code: it has the migration 0003_from_the_future"):
            act(empty_database_url, folder=folder)
    assert rows(empty_database_url, "select to_regclass('costpulse.other')") == [(None,)]


def test_a_file_changed_after_it_was_applied_is_refused(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url, folder=folder)
    write(folder, "0002_create_notes", "create table costpulse.notes (note text, by_whom text);")
    for act in (migrate, check_schema):
        with pytest.raises(SchemaMismatch, match="0002_create_notes is not the one that was applied"):
            act(empty_database_url, folder=folder)


def test_an_older_or_empty_database_fails_the_check_and_is_not_touched(empty_database_url: str, folder: Path) -> None:
    with pytest.raises(SchemaMismatch, match=r"2 of 2 migrations are missing.*costpulse migrate"):
        check_schema(empty_database_url, folder=folder)
    assert rows(empty_database_url, "select to_regnamespace('costpulse')") == [(None,)]
    migrate(empty_database_url, folder=folder)
    write(folder, "0003_add_more", "create table costpulse.more (n integer);")
    with pytest.raises(SchemaMismatch, match="1 of 3 migrations are missing, the first is 0003_add_more"):
        check_schema(empty_database_url, folder=folder)


def test_without_files_the_installation_is_called_broken(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(SchemaMismatch, match="Install CostPulse again"):
        migrate(empty_database_url, folder=tmp_path)


def test_a_server_that_forbids_roles_gets_the_schema_without_grants(
    postgres_server: str, empty_database_url: str, folder: Path
) -> None:
    """A login that owns its database and nothing else; the real files name roles that exist here already."""
    owner = "costpulse_test_plain_owner"
    name = sql.Identifier(empty_database_url.split("?")[0].rpartition("/")[2])
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(owner)))
        admin.execute(sql.SQL("create role {} login").format(sql.Identifier(owner)))
        admin.execute(sql.SQL("alter database {} owner to {}").format(name, sql.Identifier(owner)))
    write(
        folder,
        "0003_try_roles",
        "do $$ begin create role costpulse_never; "
        "exception when insufficient_privilege then raise notice 'no roles here'; end $$;",
    )
    try:
        report = migrate(empty_database_url.replace("postgres@", f"{owner}@"), folder=folder)
        assert report.notes == ("no roles here",)
        write(folder, "0004_overreach", "select pg_read_file('/etc/passwd')")
        with pytest.raises(DatabaseRefused, match=r"permission denied.*owner"):
            migrate(empty_database_url.replace("postgres@", f"{owner}@"), folder=folder)
    finally:
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            admin.execute(sql.SQL("alter database {} owner to postgres").format(name))
        with psycopg.connect(empty_database_url, autocommit=True) as admin:
            admin.execute(sql.SQL("drop owned by {}").format(sql.Identifier(owner)))
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(owner)))


def test_a_database_that_is_away_is_unavailable_and_may_be_tried_again() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"127.0.0.1:1/costpulse\): .*Connection refused") as caught:
        migrate("postgresql://somebody:hunter2@127.0.0.1:1/costpulse")
    assert caught.value.retryable
    assert "hunter2" not in str(caught.value)


def test_an_unknown_host_is_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"db\.invalid"):
        check_schema("postgresql://somebody:hunter2@db.invalid/costpulse")


def test_an_unknown_database_or_login_is_refused(postgres_server: str) -> None:
    with pytest.raises(DatabaseRefused, match=r'"never_made" does not exist.*Create the database'):
        migrate(urlsplit(postgres_server)._replace(path="/never_made").geturl())
    with pytest.raises(DatabaseRefused, match='role "nobody_we_know" does not exist'):
        migrate(postgres_server.replace("postgres@", "nobody_we_know@"))


def test_a_url_that_cannot_be_read_is_a_bad_setting_and_never_repeated() -> None:
    with pytest.raises(BadSettings) as caught:
        migrate("postgresql://costpulse:hunt%zzer2@localhost/costpulse")
    assert "hunt" not in str(caught.value)


@pytest.mark.parametrize(
    ("raised", "named", "retryable"),
    [
        (psycopg.errors.DiskFull("could not extend file: No space left on device"), DatabaseRefused, False),
        (psycopg.errors.ReadOnlySqlTransaction("read-only"), DatabaseReadOnly, False),
        (psycopg.errors.InsufficientPrivilege("permission denied for table x"), DatabaseRefused, False),
        (psycopg.errors.NumericValueOutOfRange("numeric field overflow"), DatabaseRefused, False),
        (psycopg.errors.QueryCanceled("canceling statement due to statement timeout"), DatabaseRefused, False),
        (psycopg.errors.UndefinedTable('relation "x" does not exist'), SchemaMismatch, False),
        (psycopg.errors.AdminShutdown("terminating connection"), DatabaseUnavailable, True),
        (psycopg.errors.TooManyConnections("sorry, too many clients already"), DatabaseUnavailable, True),
        (psycopg.errors.DeadlockDetected("deadlock detected"), DatabaseUnavailable, True),
        (psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"), DatabaseUnavailable, True),
        (psycopg.OperationalError("server closed the connection unexpectedly"), DatabaseUnavailable, True),
        (psycopg.OperationalError("FATAL:  the database system is starting up"), DatabaseUnavailable, True),
        (psycopg.InterfaceError("the connection is closed"), DatabaseUnavailable, True),
    ],
)
def test_every_family_of_database_errors_has_a_name(
    raised: psycopg.Error, named: type[Exception], retryable: bool
) -> None:
    error = classify_database_error(raised, doing="load a day")
    assert type(error) is named
    assert error.retryable is retryable
    assert error.message.startswith("CostPulse could not load a day: ")
    assert error.next_step.endswith(".")


def test_a_connection_lost_in_the_middle_is_unavailable(empty_database_url: str) -> None:
    with (
        psycopg.connect(empty_database_url) as victim,
        psycopg.connect(empty_database_url, autocommit=True) as killer,
    ):
        killer.execute("select pg_terminate_backend(%s)", [victim.info.backend_pid])
        with pytest.raises(psycopg.OperationalError) as caught:
            victim.execute("select 1")
    assert isinstance(classify_database_error(caught.value), DatabaseUnavailable)


def test_a_database_is_named_without_user_and_password() -> None:
    assert database_label("postgresql://me:hunter2@db.example.com/costpulse") == "db.example.com:5432/costpulse"
    assert database_label("postgresql://me:%zz@db/costpulse") == "unreadable database URL"


def test_sql_files_are_loaded_by_name_and_unknown_names_are_bad_input() -> None:
    assert load_sql("migrations/0001_create_schema").startswith("--")
    for name in ("collect/never", "../pyproject", "migrations/0001_create_schema.sql", "", "/etc/passwd"):
        with pytest.raises(BadInput, match="no SQL file named"):
            load_sql(name)
