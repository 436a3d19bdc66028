"""The command as people start it: processes with a home, a data directory and an environment of their own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres

#: Longest time one command of a test may take on a busy machine.
PATIENCE_SECONDS = 180

_FOREIGN = ("COSTPULSE_", "DAGSTER_", "PG")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class Costpulse:
    """`costpulse` over one data directory; its home is the folder above, by which its processes are found."""

    data_dir: Path

    @property
    def home(self) -> Path:
        return self.data_dir.parent

    def environment(self, **variables: str) -> dict[str, str]:
        """Nothing of the settings of whoever runs the tests."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_FOREIGN) and name.upper() not in _PROXIES
        }
        return {**inherited, "HOME": str(self.home), "COSTPULSE_DATA_DIR": str(self.data_dir), **variables}

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "costpulse_assets", *arguments],
            cwd=self.home,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    @contextmanager
    def started(
        self, *arguments: str, ignoring_interrupts: bool = False, **variables: str
    ) -> Iterator[subprocess.Popen[str]]:
        """A command that runs inside the block; whatever it started is killed at the end."""

        def ignore() -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN if ignoring_interrupts else signal.default_int_handler)

        with (self.home / "output").open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-u", "-m", "costpulse_assets", *arguments],
                cwd=self.home,
                env=self.environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                preexec_fn=ignore,
            )
        try:
            yield process
        finally:
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()

    @property
    def output(self) -> str:
        """What the started command has printed so far, errors included."""
        return (self.home / "output").read_text()

    def processes(self) -> dict[int, str]:
        """Every process with our home, the database server included: its command line by its id."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"HOME={self.home}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if command:  # none left: it has ended and waits to be noticed
                        found[int(folder.name)] = command
        return found


def refused(result: subprocess.CompletedProcess[str], *texts: str, secret: str = "") -> None:
    """One sentence and the next step on stderr, exit code 1, nothing of what is secret."""
    assert result.returncode == 1, result.stdout + result.stderr
    lines = result.stderr.splitlines()
    assert [line[:11] for line in lines] == ["costpulse: ", "  Next step"], result.stderr
    for text in texts:
        assert text in result.stderr
    assert not secret or secret not in result.stdout + result.stderr


def content(costpulse: Costpulse, *tables: str) -> dict[str, str]:
    """What the tables hold, whatever the order of rows; the database must be running."""
    found = {}
    with psycopg.connect(EmbeddedPostgres(costpulse.data_dir).url()) as connection:
        for table in tables:
            named = sql.SQL("select md5(string_agg(t::text, ' ' order by t::text)) from costpulse.{} as t")
            row = connection.execute(named.format(sql.Identifier(table))).fetchone()
            assert row is not None
            found[table] = str(row[0])
    return found


def last_days(costpulse: Costpulse, count: int) -> list[str]:
    """The last usage days, oldest first; the database must be running."""
    with psycopg.connect(EmbeddedPostgres(costpulse.data_dir).url()) as connection:
        rows = connection.execute("select usage_date::text from costpulse.completeness order by 1").fetchall()
    return [row[0] for row in rows[-count:]]


def eventually(condition: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
