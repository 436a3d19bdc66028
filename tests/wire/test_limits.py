"""Nothing hangs and nothing is left behind; the connector is set as we mean it."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from costpulse_assets.errors import BadSettings, SourceTimeout
from costpulse_assets.resources.databricks import DatabricksWarehouse
from tests.wire.conftest import SMALL_LIMITS, TOKEN, Serve
from tests.wire.faults import FOR_EVER, Fault, empty_pages, hang, http, state

ROWS = "select i from range(200) as numbers(i)"
ONE_SECOND = {"statement_timeout_seconds": 1, "retry_duration_seconds": 1}


@pytest.fixture(scope="session")
def _connects() -> list[Any]:
    """Every address this process connects to, from now to its end: an audit hook cannot be taken away."""
    addresses: list[Any] = []
    sys.addaudithook(lambda event, arguments: addresses.append(arguments[1]) if event == "socket.connect" else None)
    return addresses


@pytest.fixture
def connects(_connects: list[Any]) -> list[Any]:
    """The addresses this process connects to during one test."""
    _connects.clear()
    return _connects


@pytest.mark.parametrize(
    ("fault", "direct"),
    [
        pytest.param(empty_pages(), True, id="pages without rows"),
        pytest.param(state("GetOperationStatus", "RUNNING_STATE", times=FOR_EVER), False, id="still running"),
        pytest.param(hang("ExecuteStatement", 600), True, id="no answer to execute"),
        pytest.param(hang("FetchResults", 600), True, id="no answer to fetch"),
        pytest.param(hang("OpenSession", 600), True, id="no answer to the first call"),
    ],
)
def test_waiting_for_ever_ends_in_a_timeout(serve: Serve, fault: Fault, direct: bool) -> None:
    wire = serve(fault, direct=direct, limits={**ONE_SECOND, "socket_timeout_seconds": 180})

    with pytest.raises(SourceTimeout) as caught:
        wire.warehouse.fetch(ROWS).read_all()

    assert caught.value.retryable
    assert "COSTPULSE_STATEMENT_TIMEOUT_SECONDS" in caught.value.next_step
    fault.times = 0
    assert wire.warehouse.fetch(ROWS).read_all().num_rows == 200


def test_a_statement_given_up_is_cancelled_on_the_warehouse(serve: Serve) -> None:
    wire = serve(empty_pages(), limits=ONE_SECOND)

    with pytest.raises(SourceTimeout):
        wire.warehouse.fetch(ROWS).read_all()

    assert "CancelOperation" in wire.server.calls
    assert wire.server.operations == {}


def test_nothing_is_sent_any_more_after_giving_up(serve: Serve) -> None:
    wire = serve(empty_pages(), http("CancelOperation", 403, times=FOR_EVER), limits=ONE_SECOND)

    with pytest.raises(SourceTimeout):
        wire.warehouse.fetch(ROWS).read_all()

    left = [thread for thread in threading.enumerate() if thread.name == "databricks-call"]
    for thread in left:
        thread.join(10)
        assert not thread.is_alive()


def test_the_time_between_pages_does_not_count(serve: Serve) -> None:
    wire = serve(limits=ONE_SECOND)

    reader = wire.warehouse.fetch(ROWS)
    reader.read_next_batch()
    threading.Event().wait(2.5)

    assert reader.read_all().num_rows == 150


def test_ctrl_c_is_heard_while_the_warehouse_is_silent(serve: Serve) -> None:
    wire = serve(hang("ExecuteStatement", 600), limits={"socket_timeout_seconds": 180})
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        wire.warehouse.fetch(ROWS)

    assert wire.warehouse.fetch(ROWS).read_all().num_rows == 200


@pytest.mark.parametrize(
    "fault",
    [http("CloseSession", 500, times=FOR_EVER), hang("CloseSession", 600)],
    ids=["refused for ever", "no answer"],
)
def test_close_does_not_wait_for_a_sick_warehouse(serve: Serve, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    wire = serve(fault, limits={"retry_attempts": 30, "socket_timeout_seconds": 180})
    wire.warehouse.fetch("select 1 as n").read_all()

    wire.warehouse.close()

    assert wire.server.calls.count("CloseSession") == 1
    assert "did not confirm the end of the session" in caplog.text


def test_close_ends_the_session_and_may_be_repeated(serve: Serve) -> None:
    wire = serve()
    wire.warehouse.fetch("select 1 as n").read_all()

    wire.warehouse.close()
    wire.warehouse.close()

    assert wire.server.sessions == set()
    assert wire.server.calls == ["OpenSession", "ExecuteStatement", "CloseSession"]


def test_nothing_is_sent_before_the_first_fetch(serve: Serve) -> None:
    assert serve().server.requests == []


def test_an_adapter_nobody_closed_lets_the_interpreter_end_in_silence(serve: Serve) -> None:
    wire = serve()
    fields = {**wire.server.connection.model_dump(exclude={"token"}), "token": TOKEN}
    program = f"""
from costpulse_assets.resources.databricks import DatabricksWarehouse
from costpulse_assets.settings import Connection
connection = Connection.model_validate({fields!r})
warehouse = DatabricksWarehouse(connection, connection_uri={wire.server.uri!r}, page_rows=50)
reader = warehouse.fetch({ROWS!r})
print(reader.read_next_batch().num_rows)
"""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "50\n", "")
    assert wire.server.calls == ["OpenSession", "ExecuteStatement"]


def test_telemetry_makes_no_request(serve: Serve, connects: list[Any]) -> None:
    wire = serve()

    wire.warehouse.fetch(ROWS).read_all()
    wire.warehouse.close()

    assert connects
    assert {address[1] for address in connects} == {wire.server.port}
    assert {path for _, path, _ in wire.server.requests} == {"/sql/1.0/warehouses/wire"}


def test_the_session_is_opened_with_our_settings(serve: Serve) -> None:
    wire = serve(limits={"statement_timeout_seconds": 77})

    wire.warehouse.fetch("select 1 as n").read_all()

    [session] = wire.server.opened
    assert session.configuration["STATEMENT_TIMEOUT"] == "77"
    assert session.configuration["TIMEZONE"] == "UTC"
    assert session.configuration["QUERY_TAGS"] == "app:costpulse"
    [execute] = wire.server.statements
    assert (execute.getDirectResults.maxRows, execute.getDirectResults.maxBytes) == (50, 32 << 20)
    assert "CostPulse/" in wire.server.requests[0][2]["User-Agent"]


def test_the_connector_still_knows_and_obeys_its_underscore_settings(serve: Serve) -> None:
    server = serve().server
    with DatabricksWarehouse(server.connection, connection_uri=server.uri) as warehouse:
        warehouse.fetch("select 1 as n").read_all()
        assert warehouse._session is not None
        connection = warehouse._session.connection
        backend = connection.session.backend

    assert backend.retry_policy.delay_max == 10
    assert backend.retry_policy.stop_after_attempts_count == 10
    assert backend.retry_policy.stop_after_attempts_duration == 300
    assert backend._transport._THttpClient__timeout == 180
    assert backend.max_download_threads == 4
    assert connection.session.port == server.port
    assert connection.use_cloud_fetch
    assert not connection.telemetry_enabled
    downloads = connection.http_client.config
    assert (downloads.retry_delay_max, downloads.retry_stop_after_attempts_count) == (10, 10)
    assert downloads.socket_timeout == 180


def test_a_missing_ca_file_is_a_wrong_setting(serve: Serve, tmp_path: Path) -> None:
    connection = serve().server.connection.model_copy(update={"ca_file": tmp_path / "nothing.pem"})

    with pytest.raises(BadSettings, match=r"nothing\.pem does not exist"):
        DatabricksWarehouse(connection, **SMALL_LIMITS)
