"""The wire tests: our adapter and the unmodified connector against a SQL warehouse on this machine.

The parts:

    thrift_server.py   WireServer: the warehouse's Thrift protocol over HTTP or HTTPS on 127.0.0.1, its result
                       files (cloud fetch) and its token endpoint. It notes every call, statement and request.
    faults.py          what goes wrong: `http("FetchResults", 503)`, `cut("ExecuteStatement")`, ... as a script;
                       each fault waits for its call, happens once (or `times`), and is used up.
    engine.py          PlainEngine: DuckDB for plain statements. Any `Source` can take its place, so the demo
                       account can be put behind the wire: `WireServer(DemoAccount(...))`.
    test_results.py    values, types, parameters, large and empty results.
    test_failures.py   each way to fail that was measured on the connector: a named error or a complete result.
    test_limits.py     deadlines, closing, Ctrl-C, the end of the interpreter, telemetry, the connector's settings.
    test_sign_in.py    tokens, service principals, TLS, secrets in messages.
    test_naming.py     error texts as Databricks words them, and the class each one gets.

The fixture `serve` starts a server and an adapter with small limits: pages of 50 rows, one retry. A retry of
a refused request costs five seconds, the connector's minimum; a few tests cannot avoid it.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from costpulse_assets.resources.databricks import DatabricksWarehouse
from tests.wire.engine import PlainEngine
from tests.wire.faults import Fault
from tests.wire.thrift_server import WireServer

TOKEN = "dapi-wire-secret-0123456789"

#: Enough for a test, far below the defaults.
SMALL_LIMITS: dict[str, Any] = {
    "retry_attempts": 1,
    "retry_delay_seconds": 5,
    "retry_duration_seconds": 30,
    "socket_timeout_seconds": 2,
    "close_timeout_seconds": 1,
    "page_rows": 50,
}


class Wire(NamedTuple):
    """A server and the adapter that talks to it."""

    server: WireServer
    warehouse: DatabricksWarehouse


class Certificate(NamedTuple):
    """PEM files of a certificate for localhost, made for this test run."""

    ca: Path
    chain: Path
    key: Path


Serve = Callable[..., Wire]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loopback interface is not behind the proxy that this machine may use."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def engine() -> Iterator[PlainEngine]:
    engine = PlainEngine()
    yield engine
    engine.close()


@pytest.fixture
def serve(engine: PlainEngine) -> Iterator[Serve]:
    """Start a server with faults; `limits` go to the adapter, everything else to the server."""
    with ExitStack() as stack:

        def start(*script: Fault, limits: dict[str, Any] | None = None, **server: Any) -> Wire:
            running = stack.enter_context(WireServer(engine, script=script, **{"token": TOKEN, **server}))
            warehouse = DatabricksWarehouse(
                running.connection, connection_uri=running.uri, **{**SMALL_LIMITS, **(limits or {})}
            )
            # Pauses after a lost connection grow from here; the default of a second only makes tests slow.
            warehouse._arguments["_retry_delay_min"] = 0.1
            stack.enter_context(warehouse)
            return Wire(running, warehouse)

        yield start


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate authority and a certificate for localhost, made with the openssl command."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "2")
    openssl("req", *key, "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2")
    openssl("x509", "-req", "-in", "host.csr", *signing, "-out", "host.pem")
    return Certificate(ca=folder / "ca.pem", chain=folder / "host.pem", key=folder / "host.key")
