"""The embedded server, with real processes, real kills and real users."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import psycopg2
import pytest
import sqlalchemy

from costpulse_assets.errors import BadInput, BadSettings, DatabaseRefused
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres, _binary, keep_running_for
from costpulse_assets.resources.migrations import migrate

USER = """
import sys
from pathlib import Path
from costpulse_assets.errors import CostPulseError
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
try:
    with EmbeddedPostgres(Path(sys.argv[1])) as server:
        print(server.url(), flush=True)
        sys.stdin.read()
except CostPulseError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""

is_root = os.geteuid() == 0
as_root = pytest.mark.skipif(not is_root, reason="needs root, to become other users")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike those pytest makes."""
    path = Path(tempfile.mkdtemp(prefix="costpulse-embedded-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def other_user() -> pwd.struct_passwd:
    """An ordinary user, who never stands in for root."""
    user = pwd.getpwnam("daemon")
    reach = subprocess.run(["test", "-x", _binary("postgres")], user=user.pw_uid, extra_groups=[])
    if reach.returncode != 0:
        pytest.skip("user daemon cannot reach the installed packages")
    return user


def use_as(uid: int, data_dir: Path) -> str:
    """Start, use and stop the server as another user; the error in words, or "" when all went well.

    A fork and not a new Python: the interpreter itself may lie where that user cannot reach it.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            with EmbeddedPostgres(data_dir) as server:
                psycopg.connect(server.url()).close()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as answer:  # noqa: PTH123
        said = answer.read()
    assert os.waitpid(child, 0)[1] == 0
    return said


@contextmanager
def user_process(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the server until its standard input is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert url.startswith("postgresql://")
    return url


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited for a minute"
        time.sleep(0.02)


def value(url: str, statement: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres/cluster/postmaster.pid").read_text().split("\n", 1)[0])


def modes(path: Path) -> dict[str, tuple[int, int, int]]:
    """Mode, owner and group of a folder and of everything above it."""
    found = [(each, each.stat()) for each in (path, *path.parents)]
    return {str(each): (state.st_mode, state.st_uid, state.st_gid) for each, state in found}


def test_it_starts_stops_and_starts_again_with_what_was_in_it(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        with psycopg.connect(server.url()) as connection:
            connection.execute("create table kept as select 42 as n")
        assert value(server.url("dagster"), "select current_database()") == "dagster"
    assert not answers(server.url())
    with EmbeddedPostgres(folder) as server:
        assert value(server.url(), "select n from kept") == 42
    assert not (folder / "postgres/cluster/postmaster.pid").exists()


def test_the_same_url_serves_psycopg_psycopg2_and_sqlalchemy(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        url = server.url("dagster")
        with contextlib.closing(psycopg2.connect(url)) as connection:
            assert connection.get_dsn_parameters()["dbname"] == "dagster"
        for driver in ("postgresql+psycopg", "postgresql+psycopg2"):
            engine = sqlalchemy.create_engine(url.replace("postgresql", driver, 1))
            with engine.connect() as alchemy:
                assert alchemy.execute(sqlalchemy.text("select current_database()")).scalar() == "dagster"
            engine.dispose()


def test_it_listens_on_no_network_and_only_its_owner_may_enter(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        assert value(server.url(), "show listen_addresses") == ""
        assert (folder / "postgres").stat().st_mode & 0o777 == 0o700
        assert (folder / "postgres/socket").stat().st_mode & 0o777 == 0o700
        rules = (folder / "postgres/cluster/pg_hba.conf").read_text().splitlines()
        assert not [line for line in rules if line.startswith("host") and "trust" in line]


def test_the_last_user_out_stops_it_whoever_started_it(folder: Path) -> None:
    with user_process(folder) as starter:
        url = url_of(starter)
        with EmbeddedPostgres(folder) as server:
            assert server.url() == url
            starter.communicate(timeout=60)
            assert starter.returncode == 0
            assert answers(url)
    assert not answers(url)


def test_a_second_user_in_the_same_process_counts(folder: Path) -> None:
    first, second = EmbeddedPostgres(folder), EmbeddedPostgres(folder)
    first.start()
    second.start()
    second.start()
    first.stop()
    assert answers(second.url())
    second.stop()
    second.stop()
    assert not answers(second.url())


def test_two_starters_at_once_share_one_server(folder: Path) -> None:
    with user_process(folder) as first, user_process(folder) as second:
        urls = [url_of(first), url_of(second)]
        assert urls[0] == urls[1]
        first.communicate(timeout=60)
        assert answers(urls[1])
        second.communicate(timeout=60)
    assert not answers(urls[0])


def test_a_killed_user_does_not_keep_it_running(folder: Path) -> None:
    with user_process(folder) as starter:
        url = url_of(starter)
        starter.kill()
        starter.wait()
        assert answers(url)
        with EmbeddedPostgres(folder) as server:
            assert server.url() == url
    assert not answers(url)


def test_a_killed_server_starts_again_with_everything_committed(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        with psycopg.connect(server.url()) as connection:
            connection.execute("create table kept as select 42 as n")
        os.kill(postmaster(folder), signal.SIGKILL)
        with EmbeddedPostgres(folder) as again:
            assert value(again.url(), "select n from kept") == 42
        assert answers(server.url())
    assert not answers(server.url())


def test_stopping_after_the_server_was_killed_is_no_error(folder: Path) -> None:
    with EmbeddedPostgres(folder):
        os.kill(postmaster(folder), signal.SIGKILL)
    with EmbeddedPostgres(folder) as server:
        assert answers(server.url())


@pytest.mark.parametrize(
    "content", [f"{os.getpid()}\n/nowhere\n", "", "half a li"], ids=["of a live process", "empty", "half written"]
)
def test_a_stale_or_broken_pid_file_does_not_matter(folder: Path, content: str) -> None:
    with EmbeddedPostgres(folder):
        os.kill(postmaster(folder), signal.SIGKILL)
    (folder / "postgres/cluster/postmaster.pid").write_text(content)
    with EmbeddedPostgres(folder) as server:
        assert answers(server.url())


def test_a_start_killed_while_making_the_database_is_started_over(folder: Path) -> None:
    with user_process(folder) as starter:
        wait_until(lambda: list(folder.glob("postgres/initdb-*/PG_VERSION")))
        starter.kill()
    with EmbeddedPostgres(folder) as server:
        assert answers(server.url())
    assert not list(folder.glob("postgres/initdb-*"))


def test_ctrl_c_in_the_terminal_of_the_starter_does_not_reach_the_server(folder: Path) -> None:
    with user_process(folder) as starter:
        url = url_of(starter)
        with EmbeddedPostgres(folder):
            os.killpg(starter.pid, signal.SIGINT)
            starter.wait(timeout=60)
            assert value(url, "select 1") == 1
            assert os.getpgid(postmaster(folder)) not in (starter.pid, os.getpgrp())


def test_ctrl_c_during_the_start_leaves_no_server_behind(folder: Path) -> None:
    with user_process(folder) as starter:
        wait_until((folder / "postgres/cluster/postmaster.pid").exists)
        os.killpg(starter.pid, signal.SIGINT)
        starter.communicate(timeout=60)
    assert not (folder / "postgres/cluster/postmaster.pid").exists()
    with EmbeddedPostgres(folder) as server:
        assert answers(server.url("dagster"))


@pytest.mark.parametrize("name", ["n" * 120, "with, comma", 'it\'s a "quoted" $HOME `path` %41', "Größe 数据"])
def test_any_path_works_and_a_second_process_finds_it(folder: Path, name: str) -> None:
    data_dir = folder / name
    with EmbeddedPostgres(data_dir) as server, user_process(data_dir) as second:
        url = url_of(second)
        assert url == server.url()
        assert str(value(url, "show data_directory")).startswith(str(data_dir))
        link = data_dir / "postgres/socket_link"
        linked = Path(link.read_text()).parent if link.exists() else None
        assert linked is None or linked.stat().st_mode & 0o777 == 0o700
        second.communicate(timeout=60)
    assert not link.exists()
    assert linked is None or not linked.exists()


def test_a_link_that_was_cleaned_away_is_made_again(folder: Path) -> None:
    data_dir = folder / ("n" * 120)
    with EmbeddedPostgres(data_dir):
        shutil.rmtree(Path((data_dir / "postgres/socket_link").read_text()).parent)
        with EmbeddedPostgres(data_dir) as second:
            assert answers(second.url())


def test_a_moved_folder_starts_where_it_is_now(folder: Path) -> None:
    with EmbeddedPostgres(folder / "here") as server, psycopg.connect(server.url()) as connection:
        connection.execute("create table kept as select 42 as n")
    (folder / "here").rename(folder / "there")
    with EmbeddedPostgres(folder / "there") as server:
        assert value(server.url(), "select n from kept") == 42


def test_nothing_above_the_folder_changes_also_below_a_private_one(folder: Path) -> None:
    (folder / "private").mkdir(mode=0o700)
    before = modes(folder / "private"), modes(Path(sys.executable).parent)
    with EmbeddedPostgres(folder / "private" / "data") as server:
        assert answers(server.url())
        assert (folder / "private/data/postgres/cluster").stat().st_uid == os.geteuid()
    assert (modes(folder / "private"), modes(Path(sys.executable).parent)) == before


@as_root
def test_an_ordinary_user_has_a_server_too(folder: Path, other_user: pwd.struct_passwd) -> None:
    os.chown(folder, other_user.pw_uid, other_user.pw_gid)
    assert use_as(other_user.pw_uid, folder) == ""
    assert (folder / "postgres/cluster").stat().st_uid == other_user.pw_uid


@as_root
def test_a_user_without_a_passwd_entry_has_a_server_or_is_told_why_not(
    folder: Path, other_user: pwd.struct_passwd
) -> None:
    os.chown(folder, 54321, 54321)
    may = subprocess.run(["unshare", "--user", "true"], user=54321, group=54321, extra_groups=[], stderr=-3)
    said = use_as(54321, folder)
    if may.returncode == 0:
        assert said == ""
    else:
        assert "user 54321 has no passwd entry" in said


@as_root
def test_a_folder_of_another_user_is_refused_and_left_as_it_is(folder: Path, other_user: pwd.struct_passwd) -> None:
    with EmbeddedPostgres(folder / "roots"):
        pass
    before = modes(folder / "roots/postgres/cluster/base")
    said = use_as(other_user.pw_uid, folder / "roots")
    assert said.startswith(f"BadSettings: The embedded database in {folder}/roots/postgres belongs to root.")
    assert modes(folder / "roots/postgres/cluster/base") == before

    (folder / "theirs").mkdir()
    os.chown(folder / "theirs", other_user.pw_uid, other_user.pw_gid)
    assert use_as(other_user.pw_uid, folder / "theirs") == ""
    before = modes(folder / "theirs/postgres/cluster/base")
    with pytest.raises(BadSettings, match="belongs to daemon"):
        EmbeddedPostgres(folder / "theirs").start()
    assert modes(folder / "theirs/postgres/cluster/base") == before
    assert use_as(other_user.pw_uid, folder / "theirs") == ""


@as_root
def test_a_folder_that_cannot_be_written_is_named(folder: Path, other_user: pwd.struct_passwd) -> None:
    said = use_as(other_user.pw_uid, folder / "data")
    assert said.startswith(f"BadSettings: The data directory {folder}/data cannot be used: Permission denied")


@pytest.fixture
def no_user_namespaces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that forbids user namespaces: `unshare` fails as it does in a container."""
    (folder / "bin").mkdir()
    (folder / "bin/unshare").write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    (folder / "bin/unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")


@as_root
@pytest.mark.usefixtures("no_user_namespaces")
def test_where_namespaces_are_forbidden_root_gives_its_folder_to_an_ordinary_user(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = modes(folder)
    with EmbeddedPostgres(folder / "data") as server:
        with psycopg.connect(server.url()) as connection:
            connection.execute("create table kept as select 42 as n")
        owner = pwd.getpwuid((folder / "data/postgres/cluster").stat().st_uid).pw_name
        assert owner in ("postgres", "nobody")
        assert (folder / "data").stat().st_uid == 0
    assert modes(folder) == before
    monkeypatch.undo()  # the machine allows them now: the folder stays with its owner
    with EmbeddedPostgres(folder / "data") as server:
        assert value(server.url(), "select n from kept") == 42
    assert modes(folder) == before


@as_root
def test_a_folder_made_with_namespaces_also_starts_where_they_are_forbidden(
    folder: Path, request: pytest.FixtureRequest
) -> None:
    with EmbeddedPostgres(folder / "data") as server, psycopg.connect(server.url()) as connection:
        connection.execute("create table kept as select 42 as n")
    request.getfixturevalue("no_user_namespaces")
    with EmbeddedPostgres(folder / "data") as server:
        assert value(server.url(), "select n from kept") == 42


@as_root
@pytest.mark.usefixtures("no_user_namespaces")
def test_where_nobody_else_can_reach_the_folder_root_is_told_so(folder: Path) -> None:
    (folder / "private").mkdir(mode=0o700)
    before = modes(folder / "private")
    with pytest.raises(BadSettings, match=r"cannot reach .*/private/data/postgres.*COSTPULSE_DATA_DIR"):
        EmbeddedPostgres(folder / "private/data").start()
    assert modes(folder / "private") == before


def test_a_file_in_place_of_the_folder_is_named(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(BadSettings, match=f"data directory {folder}/file cannot be used"):
        EmbeddedPostgres(folder / "file").start()


def test_a_damaged_folder_is_named_with_the_last_lines_of_the_server(folder: Path) -> None:
    with EmbeddedPostgres(folder):
        pass
    (folder / "postgres/cluster/global/pg_control").unlink()
    with pytest.raises(DatabaseRefused, match=r"cluster does not start; its last lines: .*pg_control") as caught:
        EmbeddedPostgres(folder).start()
    assert "move" in caught.value.next_step
    with pytest.raises(DatabaseRefused):  # and nothing of the failed start is in the way of the next
        EmbeddedPostgres(folder).start()


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", folder], stderr=subprocess.DEVNULL)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let us mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


@as_root
@pytest.mark.parametrize("megabytes", [1, 30])
def test_a_disk_too_small_is_named_and_the_next_start_with_space_works(small_disk: Path, megabytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", small_disk], check=True)
    with pytest.raises(DatabaseRefused, match=f"The disk that holds the data directory {small_disk}/data is full"):
        EmbeddedPostgres(small_disk / "data").start()
    subprocess.run(["mount", "-o", "remount,size=300m", small_disk], check=True)
    with EmbeddedPostgres(small_disk / "data") as server:
        assert answers(server.url())


@as_root
def test_a_disk_that_filled_up_is_named_and_nothing_is_lost(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
    with EmbeddedPostgres(small_disk / "data") as server, psycopg.connect(server.url()) as connection:
        connection.execute("create table kept as select 42 as n")
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)) > 0:
            pass
    with pytest.raises(DatabaseRefused, match=f"The disk that holds the data directory {small_disk}/data is full"):
        EmbeddedPostgres(small_disk / "data").start()
    filler.unlink()
    with EmbeddedPostgres(small_disk / "data") as server:
        assert value(server.url(), "select n from kept") == 42


def test_a_wrong_password_is_refused_and_never_repeated(folder: Path) -> None:
    """The embedded server asks for no password; this one does, for one login."""
    with EmbeddedPostgres(folder) as server:
        rules = folder / "postgres/cluster/pg_hba.conf"
        rules.write_text(f"local all somebody scram-sha-256\n{rules.read_text()}")
        with psycopg.connect(server.url()) as connection:
            connection.execute("create role somebody login password 'correct horse'")
            connection.execute("select pg_reload_conf()")
        url = server.url().replace("postgres@", "somebody:hunter2@", 1)
        wait_until(lambda: not answers(url))
        with pytest.raises(DatabaseRefused, match=r"authentication failed.*Correct user and password") as caught:
            migrate(url)
        assert "hunter2" not in str(caught.value)


def test_a_keeper_holds_the_server_while_a_process_lives(folder: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as shell:
        with EmbeddedPostgres(folder) as server:
            keep_running_for(shell.pid, folder)
        assert answers(server.url())
        shell.terminate()
        shell.wait()
        wait_until(lambda: not (folder / "postgres/cluster/postmaster.pid").exists())
        assert not answers(server.url())


def test_a_keeper_says_why_it_cannot(folder: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    with pytest.raises(BadInput, match=f"no process {gone.pid}"):
        keep_running_for(gone.pid, folder)
    (folder / "file").write_text("")
    with pytest.raises(DatabaseRefused, match=f"data directory {folder}/file cannot be used"):
        keep_running_for(os.getpid(), folder / "file")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_calling_shell_is_found_from_inside_a_command_substitution(shell: str) -> None:
    program = "from costpulse_assets.resources.embedded_postgres import calling_shell; print(calling_shell())"
    script = 'found=$("$0" -c "$1"; true); echo "$$ $found"'
    printed = subprocess.run(
        [shell, "-c", script, sys.executable, program], check=True, capture_output=True, text=True
    ).stdout.split()
    assert printed[0] == printed[1]
