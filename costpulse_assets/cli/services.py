"""The long-running processes of `costpulse up`: code server, Dagster webserver and daemon, app."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import IO, Self

from costpulse_assets.cli import stop_services
from costpulse_assets.cli.environment import Environment
from costpulse_assets.errors import AlreadyRunning, CostPulseError

#: Seconds a service may take to answer, and to stop.
START_SECONDS, STOP_SECONDS = 90, 15


class ServiceDied(CostPulseError):
    """A process of ours ended by itself, or did not start."""


def expect_free_ports(ports: Mapping[str, tuple[str, int]]) -> None:
    """Fail before anything is started when a port is taken.

    Raises:
        AlreadyRunning: names the port and what it was for.
    """
    for purpose, (host, port) in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                option = "--app-port" if purpose == "the app" else "--dagster-port"
                raise AlreadyRunning(
                    f"Port {port} for {purpose} cannot be used on {host}: {error.strerror}.",
                    next_step=f"Stop what listens there, or choose another port with {option}.",
                ) from error


class Services:
    """Starts the processes in order, waits for them, and stops every one of them.

    Stopping is the work of a process of its own, `stop_services`, which learns of every process group that is started
    and stops them all when the pipe to it closes: also when we are killed, and also what our children started.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._settings = environment.settings
        self._logs = (self._settings.data_dir / "logs").resolve()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._stopper = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-I", "-S", stop_services.__file__, str(STOP_SECONDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def start(self) -> None:
        """Start all; returns when the app and the Dagster UI answer.

        Raises:
            ServiceDied: with the name of the log file.
        """
        settings, home = self._settings, self._environment.dagster_home
        code_port = _free_port()
        workspace = home / "workspace.yaml"
        workspace.write_text(
            "load_from:\n  - grpc_server:\n      host: 127.0.0.1\n"
            f"      port: {code_port}\n      location_name: costpulse\n"
        )
        code = ("code-server", "start", "-h", "127.0.0.1", "-p", str(code_port), "-m", "costpulse_assets.definitions")
        self._start("code-server", "dagster", *code)
        self._start("app", "costpulse_app")
        self._wait_for_port("code-server", "127.0.0.1", code_port)
        address = ("-h", settings.dagster_host, "-p", str(settings.dagster_port))
        self._start("dagster-webserver", "dagster_webserver", "-w", str(workspace), *address)
        self._start("dagster-daemon", "dagster._daemon", "run", "-w", str(workspace))
        self._wait_for_url("app", f"http://{settings.app_host}:{settings.app_port}/healthz")
        self._wait_for_url("dagster-webserver", f"http://{settings.dagster_host}:{settings.dagster_port}/server_info")

    def wait(self) -> None:
        """Return at Ctrl-C, which is how people stop.

        Raises:
            ServiceDied: one of the processes ended by itself: which one, and where its log is.
        """
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                for name in self._processes:
                    self._expect_alive(name)
                time.sleep(0.5)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let every process stop, those that it started included; returns when all are gone."""
        assert self._stopper.stdin is not None
        self._stopper.stdin.close()
        # Ours to reap: a process that nobody has waited for still counts as there.
        for process in self._processes.values():
            process.wait()
        self._stopper.wait()
        for log in self._files:
            log.close()

    def _start(self, name: str, module: str, *arguments: str) -> None:
        settings = self._settings
        log = (self._logs / f"{name}.log").open("wb")
        self._files.append(log)
        self._processes[name] = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", module, *arguments],
            env={
                **os.environ,
                **self._environment.variables(),
                # The working directory holds the .env file, but `python -m` must not import from there.
                "PYTHONSAFEPATH": "1",
                "PYTHONWARNINGS": "ignore",
                "COSTPULSE_APP_HOST": settings.app_host,
                "COSTPULSE_APP_PORT": str(settings.app_port),
                "COSTPULSE_DAGSTER_URL": settings.dagster_url
                or f"http://{settings.dagster_host}:{settings.dagster_port}",
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._stopper.stdin is not None
        self._stopper.stdin.write(b"%d\n" % self._processes[name].pid)
        self._stopper.stdin.flush()

    def _expect_alive(self, name: str) -> None:
        code = self._processes[name].poll()
        if code is not None:
            raise ServiceDied(
                f"The {name} ended with code {code}.", next_step=f"Read {self._logs / f'{name}.log'} and start again."
            )

    def _wait_for_port(self, name: str, host: str, port: int) -> None:
        self._until(name, lambda: socket.create_connection((host, port), timeout=1).close())

    def _wait_for_url(self, name: str, url: str) -> None:
        self._until(name, lambda: urllib.request.urlopen(url, timeout=5).close())  # noqa: S310 - our own address

    def _until(self, name: str, attempt: Callable[[], None]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._expect_alive(name)
            try:
                return attempt()
            except (OSError, urllib.error.URLError):
                if time.monotonic() > deadline:
                    raise ServiceDied(
                        f"The {name} did not answer within {START_SECONDS} s.",
                        next_step=f"Read {self._logs / f'{name}.log'}.",
                    ) from None
                time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
