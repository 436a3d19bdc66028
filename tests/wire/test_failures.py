"""Every way to fail that was measured on the connector ends in a named error or in the complete result."""

import gc
import logging
import socket
import traceback
import weakref
from typing import Any

import pytest
from pydantic import SecretStr

from costpulse_assets.errors import (
    SourceCredentials,
    SourceError,
    SourceForbidden,
    SourceInconsistent,
    SourceSqlError,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
    SourceUnreachable,
    WarehouseUnusable,
)
from costpulse_assets.resources.databricks import DatabricksWarehouse
from costpulse_assets.settings import Connection
from tests.wire.conftest import SMALL_LIMITS, TOKEN, Serve, Wire
from tests.wire.faults import (
    FOR_EVER,
    Fault,
    cut,
    drop_after,
    drop_before,
    early_end,
    expired_link,
    forget_operation,
    forget_session,
    hang,
    http,
    long_file,
    message,
    rotate_token,
    short_file,
    skip_rows,
    state,
)

ROWS = "select i from range(200) as numbers(i)"
ALL_ROWS = [{"i": i} for i in range(200)]


def _read(wire: Wire) -> list[dict[str, int]]:
    return list(wire.warehouse.fetch(ROWS).read_all().to_pylist())


def _failure(wire: Wire) -> SourceError:
    """The error of one attempt, whole: named, with a next step, without secrets, nothing left on this side."""
    with pytest.raises(SourceError) as caught:
        _read(wire)
    assert caught.value.next_step
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(http("ExecuteStatement", 429, {"Retry-After": "1"}), id="429 on execute"),
        pytest.param(http("OpenSession", 503, {"Retry-After": "6"}), id="503 while the warehouse starts"),
        pytest.param(http("FetchResults", 500, after=1), id="500 on fetch"),
        pytest.param(drop_before("ExecuteStatement"), id="execute lost on the way"),
        pytest.param(drop_after("ExecuteStatement"), id="reply to execute lost"),
        pytest.param(hang("ExecuteStatement", 3), id="execute held longer than the socket timeout"),
        pytest.param(drop_before("FetchResults"), id="fetch lost on the way"),
    ],
)
def test_a_passing_trouble_is_retried_to_the_complete_result(serve: Serve, fault: Fault) -> None:
    wire = serve(fault)

    assert _read(wire) == ALL_ROWS
    assert wire.server.calls.count(fault.call) >= 2


@pytest.mark.parametrize(
    "fault", [drop_before("GetOperationStatus"), cut("GetOperationStatus")], ids=["dropped", "cut"]
)
def test_a_lost_status_poll_is_repeated(serve: Serve, fault: Fault) -> None:
    wire = serve(fault, direct=False, limits={"retry_attempts": 3})

    assert _read(wire) == ALL_ROWS


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        pytest.param(http("ExecuteStatement", 429, {"Retry-After": "3600"}), SourceThrottled, id="429 for an hour"),
        pytest.param(http("ExecuteStatement", 503, times=FOR_EVER), SourceUnavailable, id="503 for ever"),
        pytest.param(http("FetchResults", 502, times=FOR_EVER), SourceUnavailable, id="502 for ever on fetch"),
        pytest.param(http("ExecuteStatement", 500), SourceUnavailable, id="500 on execute"),
        pytest.param(hang("ExecuteStatement", 3, times=FOR_EVER), SourceUnavailable, id="execute hangs for ever"),
        pytest.param(drop_after("FetchResults"), SourceInconsistent, id="reply to fetch lost"),
        pytest.param(skip_rows(after=1), SourceInconsistent, id="page left out"),
        pytest.param(cut("ExecuteStatement"), SourceInconsistent, id="reply to execute cut"),
        pytest.param(cut("FetchResults", after=1), SourceInconsistent, id="reply to fetch cut"),
        pytest.param(state("ExecuteStatement", "CANCELED_STATE"), SourceUnavailable, id="cancelled by somebody"),
        pytest.param(state("ExecuteStatement", "CLOSED_STATE"), SourceUnavailable, id="closed by the server"),
        pytest.param(state("ExecuteStatement", "TIMEDOUT_STATE"), SourceTimeout, id="statement timeout"),
        pytest.param(forget_session("ExecuteStatement"), SourceUnavailable, id="session lost"),
        pytest.param(forget_operation("FetchResults", after=1), SourceUnavailable, id="result expired"),
    ],
)
def test_a_failure_that_may_pass_is_named_and_the_next_fetch_is_complete(
    serve: Serve, fault: Fault, name: type[SourceError]
) -> None:
    wire = serve(fault)

    error = _failure(wire)

    assert type(error) is name
    assert error.retryable
    fault.times = 0
    assert _read(wire) == ALL_ROWS
    assert wire.server.calls.count("OpenSession") == 2


@pytest.mark.parametrize("code", [401, 403])
@pytest.mark.parametrize("call", ["OpenSession", "ExecuteStatement", "FetchResults"])
def test_refused_credentials_are_named_at_every_call(serve: Serve, call: str, code: int) -> None:
    wire = serve(http(call, code, {"x-databricks-reason-phrase": f"Invalid access token {TOKEN}"}))

    error = _failure(wire)

    assert type(error) is SourceCredentials
    assert not error.retryable
    assert "Invalid access token ***" in error.message


def test_a_token_revoked_while_reading_is_named(serve: Serve) -> None:
    wire = serve(rotate_token("FetchResults", "another", after=1))

    assert type(_failure(wire)) is SourceCredentials


def test_an_error_without_any_reason_still_has_a_sentence(serve: Serve) -> None:
    wire = serve(http("OpenSession", 403))

    assert "localhost refused the request (HTTP 403)." in str(_failure(wire))


def test_a_skewed_clock_is_told_from_a_wrong_token(serve: Serve) -> None:
    wire = serve(http("OpenSession", 401, {"x-databricks-reason-phrase": "Token is not yet valid (nbf)"}))

    assert "clock" in _failure(wire).next_step


def test_a_missing_permission_on_the_warehouse_names_can_use(serve: Serve) -> None:
    reason = "PERMISSION_DENIED: You do not have permission to use the SQL Warehouse"
    wire = serve(http("OpenSession", 403, {"x-databricks-error-or-redirect-message": reason}))

    error = _failure(wire)

    assert type(error) is SourceForbidden
    assert "CAN USE" in error.next_step


def test_a_wrong_http_path_is_named(serve: Serve) -> None:
    wire = serve(http("OpenSession", 404))

    error = _failure(wire)

    assert type(error) is WarehouseUnusable
    assert "COSTPULSE_DATABRICKS_HTTP_PATH" in error.next_step


def test_a_web_page_instead_of_a_warehouse_is_named(serve: Serve) -> None:
    page = b"<!doctype html><title>Sign in</title>" * 20
    wire = serve(http("OpenSession", 200, {"Content-Type": "text/html"}, body=page))

    assert type(_failure(wire)) is WarehouseUnusable


def test_a_warehouse_of_an_unsupported_type_is_named(serve: Serve) -> None:
    from databricks.sql.backend.reyden_warehouse_cache import clear_cache

    wire = serve(message("OpenSession", "Thrift is not supported", sql_state="KP001", times=FOR_EVER))
    try:
        for _ in range(2):  # The connector remembers such a warehouse, and fails in another way then.
            error = _failure(wire)
            assert type(error) is WarehouseUnusable
            assert "another warehouse" in error.next_step
    finally:
        clear_cache()


def test_a_missing_table_names_the_grants(serve: Serve) -> None:
    wire = serve()

    with pytest.raises(SourceForbidden) as caught:
        wire.warehouse.fetch("select * from dbx_system.billing.usage")

    assert "GRANT SELECT" in caught.value.next_step
    assert wire.warehouse.fetch("select 1 as n").read_all().num_rows == 1
    assert wire.server.calls.count("OpenSession") == 1


def test_a_wrong_statement_is_a_sql_error_without_parameter_values(serve: Serve) -> None:
    text = "[CAST_INVALID_INPUT] The value 'zebra-42' of the type \"STRING\" cannot be cast. SQLSTATE: 22018"
    wire = serve(message("ExecuteStatement", text))
    animal = "-".join(["zebra", "42"])  # The traceback below shows this line.

    with pytest.raises(SourceSqlError) as caught:
        wire.warehouse.fetch("select :animal", {"animal": animal})

    assert "[CAST_INVALID_INPUT] The value '***'" in caught.value.message
    assert animal not in "".join(traceback.format_exception(caught.value))
    assert not caught.value.retryable


def test_an_end_that_comes_too_early_shows_only_in_the_count(serve: Serve) -> None:
    """The protocol has no total: callers compare with the control query."""
    wire = serve(early_end(after=0))

    assert _read(wire) == ALL_ROWS[:100]


def test_a_result_that_failed_is_never_continued(serve: Serve) -> None:
    wire = serve(http("FetchResults", 400, after=1))
    reader = wire.warehouse.fetch(ROWS)

    with pytest.raises(SourceError) as first:
        reader.read_all()
    with pytest.raises(SourceError) as second:
        reader.read_next_batch()

    assert str(second.value) == str(first.value)
    assert type(second.value) is type(first.value)
    assert wire.server.calls.count("FetchResults") == 2
    assert _read(wire) == ALL_ROWS


def test_a_failed_result_leaves_nothing_in_memory(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    wire = serve(cut("FetchResults"))

    def fail() -> weakref.ref[DatabricksWarehouse]:
        with DatabricksWarehouse(wire.server.connection, connection_uri=wire.server.uri, **SMALL_LIMITS) as warehouse:
            reader = warehouse.fetch(ROWS)
            with pytest.raises(SourceInconsistent):
                reader.read_all()
            return weakref.ref(warehouse)

    # A captured log record would hold the connector's error, and that the frames it went through.
    with caplog.at_level(logging.CRITICAL, logger="databricks"):
        gone = fail()
    gc.collect()

    assert gone() is None


def test_a_refused_connection_names_host_and_cause(serve: Serve) -> None:
    wire = serve()
    gone = f"http://127.0.0.1:{_unused_port()}/sql"
    with DatabricksWarehouse(wire.server.connection, connection_uri=gone, **SMALL_LIMITS) as warehouse:
        error = _failure(Wire(wire.server, warehouse))

    assert type(error) is SourceUnreachable
    assert error.message == "localhost refuses connections on this port."


def test_an_unknown_host_is_named(serve: Serve) -> None:
    wire = serve()
    nowhere = wire.server.connection.model_copy(update={"host": "no-such-workspace.invalid"})
    with DatabricksWarehouse(nowhere, **SMALL_LIMITS) as warehouse:
        error = _failure(Wire(wire.server, warehouse))

    assert type(error) is SourceUnreachable
    assert "no-such-workspace.invalid" in error.message


@pytest.mark.parametrize(
    "fault", [http("Download", 503), cut("Download"), drop_before("Download")], ids=["503", "cut", "dropped"]
)
def test_a_result_file_is_downloaded_again(serve: Serve, fault: Fault) -> None:
    wire = serve(fault, links=True)

    assert _read(wire) == ALL_ROWS
    assert [path for method, path, _ in wire.server.requests if method == "GET"]


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        pytest.param(http("Download", 403), SourceUnavailable, id="403"),
        pytest.param(expired_link("ExecuteStatement"), SourceInconsistent, id="link expired"),
        pytest.param(short_file(), SourceInconsistent, id="file shorter than announced"),
    ],
)
def test_a_bad_result_file_is_named(serve: Serve, fault: Fault, name: type[SourceError]) -> None:
    wire = serve(fault, links=True)

    error = _failure(wire)

    assert type(error) is name
    assert error.retryable
    assert _read(wire) == ALL_ROWS


def test_a_result_file_longer_than_announced_gives_no_wrong_rows(serve: Serve) -> None:
    wire = serve(long_file(), links=True)

    assert _read(wire) == ALL_ROWS


def test_files_are_not_used_when_cloud_fetch_is_off(serve: Serve) -> None:
    wire = serve(links=True)
    off = wire.server.connection.model_copy(update={"use_cloud_fetch": False})
    with DatabricksWarehouse(off, connection_uri=wire.server.uri, **SMALL_LIMITS) as warehouse:
        assert warehouse.fetch(ROWS).read_all().num_rows == 200

    assert wire.server.files == {}


def _unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_unknown_host_name_is_looked_up_once_and_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups: list[object] = []
    look_up = socket.getaddrinfo

    def counted(host: object, *arguments: Any, **options: Any) -> Any:
        lookups.append(host)
        return look_up("no-such-host.invalid", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", counted)
    connection = Connection(host="no-such-host.invalid", http_path="/sql/1.0/warehouses/1", token=SecretStr("t"))
    with DatabricksWarehouse(connection) as warehouse, pytest.raises(SourceUnreachable, match="is not known"):
        warehouse.fetch("select 1")
    # the connector itself would try for minutes
    assert lookups == ["no-such-host.invalid"]
