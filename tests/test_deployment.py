"""The container files: consistent with the code, and every process they start runs and stops on one machine.

There is no Docker engine here. The processes are started as docker-compose.yml says, from the wheel the image
installs, each with exactly the variables its container would have; only addresses, ports and folders differ.
"""

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
import yaml
from psycopg import sql

from costpulse_assets.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service["image"] == "costpulse"}
SETTINGS = {f"COSTPULSE_{name.upper()}" for name in Settings.model_fields}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
#: What the database image and dagster themselves read; everything else has to be a setting.
NOT_SETTINGS = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "APP_DATABASE_PASSWORD"}
NOT_SETTINGS |= {"DAGSTER_CODE_SERVER_HOST", "DAGSTER_CODE_SERVER_PORT"}


def env_example() -> dict[str, str]:
    """Variables of .env.example, those in comments included."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    return dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def image_environment() -> dict[str, str]:
    """The ENV lines of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    block = re.search(r"^ENV (.*?[^\\])\n", text, re.MULTILINE | re.DOTALL)
    assert block
    return dict(part.split("=", 1) for part in block[1].replace("\\\n", " ").split())


def test_every_variable_of_the_compose_file_is_in_the_example_and_is_a_setting() -> None:
    used = {name for name, _, _ in VARIABLE.findall((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))}
    assert used
    assert used <= set(env_example())
    given = {name for service in SERVICES.values() for name in service.get("environment", {})}
    assert (used | given) - NOT_SETTINGS <= SETTINGS


def test_every_variable_of_the_example_and_of_the_image_is_known() -> None:
    assert set(env_example()) - NOT_SETTINGS <= SETTINGS
    foreign = {"PIP_NO_CACHE_DIR", "PIP_DISABLE_PIP_VERSION_CHECK", "PYTHONUNBUFFERED", "DAGSTER_HOME"}
    foreign |= {"DAGSTER_EVENT_BATCH_SIZE", "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS"}
    assert set(image_environment()) - foreign <= SETTINGS


def test_the_example_is_harmless_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    copied = Settings(_env_file=ROOT / ".env.example")
    assert copied == Settings(_env_file=None)


def test_secrets_of_the_compose_file_come_from_the_environment_and_are_required() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    passwords = [match for match in VARIABLE.findall(text) if "PASSWORD" in match[0]]
    assert passwords
    assert {mark for _, mark, _ in passwords} == {"?"}
    for name in ("POSTGRES_PASSWORD", "APP_DATABASE_PASSWORD"):
        assert env_example()[name] == ""


def test_one_image_serves_all_of_ours_and_the_database_is_pinned() -> None:
    assert {"migrate", "code-server", "webserver", "daemon", "app"} == OURS
    assert all(SERVICES[name]["build"] == "." for name in OURS)
    assert re.fullmatch(r"timescale/timescaledb:\d+\.\d+\.\d+-pg\d+", SERVICES["timescaledb"]["image"])


def test_only_the_app_and_the_dagster_ui_are_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"app", "webserver"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_only_who_needs_it_has_the_owner_of_the_schema_and_the_databricks_secrets() -> None:
    trusted = {"migrate", "code-server"}
    assert {name for name, service in SERVICES.items() if "env_file" in service} == trusted
    assert {name for name in OURS if "COSTPULSE_DATABASE_URL" in SERVICES[name]["environment"]} == trusted
    app, owner = SERVICES["app"]["environment"], SERVICES["migrate"]["environment"]
    user_of_app = urlsplit(VARIABLE.sub("x", app["COSTPULSE_APP_DATABASE_URL"])).username
    assert user_of_app != urlsplit(VARIABLE.sub("x", owner["COSTPULSE_DATABASE_URL"])).username


def test_every_service_that_stays_has_a_health_check_and_waits_for_what_it_needs() -> None:
    for name, service in SERVICES.items():
        if name != "migrate":
            assert service["healthcheck"]["test"][0] == "CMD"
            assert service["restart"] == "unless-stopped"
        for needed, how in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if needed == "migrate" else "service_healthy"
            assert how == {"condition": expected}


def test_reports_are_shared_by_who_makes_and_who_serves_them() -> None:
    folder = image_environment()["COSTPULSE_REPORTS_DIR"]
    for name in ("code-server", "app"):
        assert f"reports:{folder}" in SERVICES[name]["volumes"]
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert named == set(COMPOSE["volumes"])


def test_the_image_runs_as_a_user_without_rights_and_copies_only_what_exists() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER costpulse"]
    copied = [source for line in lines if line.startswith("COPY") for source in line.split()[1:-1]]
    assert copied
    assert all((ROOT / source).exists() for source in copied)
    assert not [source for source in copied if source.startswith(".")]


def test_the_lock_pins_every_dependency_exactly_and_says_nothing_else() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.\-]*==[0-9][\w.!+]*", pin) for pin in pins)
    names = {pin.partition("==")[0] for pin in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [need for extra in project["optional-dependencies"].values() for need in extra]
    required = {re.split(r"[\[<>=!~; ]", need)[0].lower().replace("_", "-") for need in wanted}
    assert required <= names


# --- the processes ------------------------------------------------------------------------------------------------


class Stack:
    """The services of the compose file as processes on this machine."""

    def __init__(self, folder: Path, site: Path, database_url: str, dagster_url: str, app_url: str) -> None:
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._site = site
        self._ports = {port: free_port() for port in ("3000", "4000", "8501")}
        self._addresses = {
            "COSTPULSE_DATABASE_URL": database_url,
            "COSTPULSE_DAGSTER_DATABASE_URL": dagster_url.replace("postgresql://", "postgresql+psycopg2://", 1),
            "COSTPULSE_APP_DATABASE_URL": app_url,
        }
        # What the image has beside the installed packages.
        (folder / "opt").mkdir()
        (folder / "data/dagster").mkdir(parents=True)
        shutil.copy(ROOT / "workspace.yaml", folder / "opt")
        shutil.copy(ROOT / "dagster.yaml", folder / "data/dagster")

    def environment(self, service: str) -> dict[str, str]:
        """What the container would have: image, .env where it is read, `environment`; and nothing of ours."""
        inherited = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        declared = image_environment() | (
            {"COSTPULSE_DEMO": "true", "COSTPULSE_DEMO_DAYS": "8"} if "env_file" in SERVICES[service] else {}
        )
        for name, value in SERVICES[service]["environment"].items():
            declared[name] = "127.0.0.1" if value in SERVICES else self._addresses.get(name, VARIABLE.sub("", value))
        return {
            **inherited,
            **{name: self._here(value) for name, value in declared.items()},
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            # As in the image, the code comes from the wheel; here that needs to be said.
            "PYTHONPATH": str(self._site),
        }

    def command(self, words: list[str]) -> list[str]:
        return [self._here(word) for word in words]

    def run(self, service: str, words: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(words),
            cwd=self.folder / "opt",
            env=self.environment(service),
            capture_output=True,
            text=True,
            timeout=120,
        )

    def start(self, service: str) -> None:
        with self.log(service).open("wb") as log:
            self.processes[service] = subprocess.Popen(
                self.command(SERVICES[service]["command"]),
                cwd=self.folder / "opt",
                env=self.environment(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def wait_until_healthy(self, service: str) -> None:
        """Run the service's own health check until it passes."""
        check = SERVICES[service]["healthcheck"]["test"][1:]

        def healthy() -> bool:
            code = self.processes[service].poll()
            assert code is None, f"{service} ended with {code}: {self.log(service).read_text()[-3000:]}"
            return self.run(service, check).returncode == 0

        assert eventually(healthy), f"{service} never became healthy: {self.log(service).read_text()[-3000:]}"

    def stop(self, service: str) -> int:
        """Stop it as the container engine does; the exit code."""
        process = self.processes.pop(service)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise

    def port(self, container_port: str) -> int:
        return self._ports[container_port]

    def _here(self, text: str) -> str:
        for there, here in (
            ("/var/lib/costpulse-reports", str(self.folder / "reports")),
            ("/var/lib/costpulse", str(self.folder / "data")),
            ("0.0.0.0", "127.0.0.1"),
            ("http://webserver:", "http://127.0.0.1:"),
        ):
            text = text.replace(there, here)
        return re.sub(r"\b(3000|4000|8501)\b", lambda port: str(self._ports[port[1]]), text)


def eventually(condition: Callable[[], bool], seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def is_there(group: int) -> bool:
    """Whether the process group has a process."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked as the image installs it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    # Without hatchling here, pip fetches it for the build.
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    build = [*pip, "wheel", "--no-deps", *isolation, "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True, capture_output=True)
    return site


@pytest.fixture
def app_url(postgres_server: str, empty_database_url: str) -> Iterator[str]:
    """How the app signs in: a login that does not exist yet."""
    user = f"costpulse_web_{os.getpid()}"
    parts = urlsplit(empty_database_url)
    address = parts.netloc.rpartition("@")[2]
    yield parts._replace(netloc=f"{user}:{quote('an app password', safe='')}@{address}").geturl()
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(user)))


@pytest.fixture
def stack(
    tmp_path: Path, installed: Path, postgres_server: str, empty_database_url: str, app_url: str
) -> Iterator[Stack]:
    dagster_database = f"dagster_{os.getpid()}"  # does not exist yet
    dagster_url = urlsplit(empty_database_url)._replace(path=f"/{dagster_database}").geturl()
    stack = Stack(tmp_path, installed, empty_database_url, dagster_url, app_url)
    yield stack
    for process in stack.processes.values():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        drop = sql.SQL("drop database if exists {} with (force)")
        admin.execute(drop.format(sql.Identifier(dagster_database)))


def loaded_locations(stack: Stack) -> dict[str, str]:
    """Code locations as the Dagster UI sees them, by name."""
    query = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"
    request = urllib.request.Request(
        f"http://127.0.0.1:{stack.port('3000')}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
    return {entry["name"]: entry["locationOrLoadError"]["__typename"] for entry in entries}


def test_every_process_of_the_compose_file_starts_answers_and_stops(stack: Stack, app_url: str) -> None:
    for _ in ("first start", "every start after"):
        migrated = stack.run("migrate", SERVICES["migrate"]["command"])
        assert migrated.returncode == 0, migrated.stderr
    with psycopg.connect(app_url) as connection:
        member = connection.execute("select pg_has_role(current_user, 'costpulse_app', 'member')").fetchone()
        assert member == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select from costpulse.cost_records")

    # In the order depends_on gives.
    for service in ("code-server", "app", "webserver", "daemon"):
        stack.start(service)
        stack.wait_until_healthy(service)

    assert loaded_locations(stack) == {"costpulse": "RepositoryLocation"}
    groups = {service: process.pid for service, process in stack.processes.items()}
    assert {service: stack.stop(service) for service in ("daemon", "webserver", "code-server", "app")} == {
        "daemon": 0,
        "webserver": 0,
        "code-server": 0,
        "app": -signal.SIGTERM,
    }
    # No child is left behind. One whose parent has just ended is still there until somebody asks how it ended.
    assert eventually(lambda: not any(is_there(group) for group in groups.values()), seconds=30)


def test_the_app_without_its_database_runs_and_is_not_healthy(stack: Stack) -> None:
    stack.start("app")
    check = SERVICES["app"]["healthcheck"]["test"][1:]
    # An open port is not yet a server that answers.
    assert eventually(lambda: "503" in stack.run("app", check).stderr)
    assert stack.run("app", check).returncode != 0
    assert stack.processes["app"].poll() is None
