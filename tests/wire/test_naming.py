"""Error texts as Databricks words them, and the class each one gets."""
# The connector's exceptions have no types.
# mypy: disallow-untyped-calls=False

import pytest
from databricks.sql import exc
from urllib3 import HTTPSConnectionPool
from urllib3.exceptions import MaxRetryError, ResponseError

from costpulse_assets.errors import (
    SourceError,
    SourceForbidden,
    SourceInconsistent,
    SourceSqlError,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
    WarehouseUnusable,
)
from costpulse_assets.resources.databricks_errors import classify


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "[TABLE_OR_VIEW_NOT_FOUND] The table or view `system`.`lakeflow`.`jobs` cannot be found. SQLSTATE: 42P01",
            SourceForbidden,
        ),
        ("[SCHEMA_NOT_FOUND] The schema `system`.`lakeflow` cannot be found.", SourceForbidden),
        (
            "[INSUFFICIENT_PERMISSIONS] Insufficient privileges: User does not have USE SCHEMA on "
            "Schema 'system.lakeflow'. SQLSTATE: 42501",
            SourceForbidden,
        ),
        ("PERMISSION_DENIED: User does not have SELECT on Table 'system.lakeflow.jobs'.", SourceForbidden),
        ("[PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'. SQLSTATE: 42601", SourceSqlError),
        ("[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `usage` cannot be resolved.", SourceSqlError),
        ("[QUERY_EXECUTION_TIMEOUT_EXCEEDED] Query execution timed out.", SourceTimeout),
        ("Query has been timed out due to inactivity.", SourceTimeout),
        ("[OPERATION_CANCELED] Operation has been canceled.", SourceUnavailable),
        ("[INTERNAL_ERROR] The Spark SQL phase planning failed with an internal error.", SourceUnavailable),
        ("RESOURCE_EXHAUSTED: Query could not be scheduled: the queue is full.", SourceThrottled),
    ],
)
def test_a_server_text_gets_its_class(text: str, name: type[SourceError]) -> None:
    error = classify(exc.ServerOperationError(text, {"diagnostic-info": "stack"}))

    assert type(error) is name
    assert text.rstrip(".") in error.message


@pytest.mark.parametrize(
    "text",
    [
        "The table or view `system`.`lakeflow`.`jobs` cannot be found.",
        "User does not have USE SCHEMA on Schema 'system.lakeflow'.",
    ],
)
def test_the_grants_name_the_schema_concerned(text: str) -> None:
    error = classify(exc.ServerOperationError(f"[INSUFFICIENT_PERMISSIONS] {text}"))

    assert "GRANT USE SCHEMA ON SCHEMA system.lakeflow" in error.next_step
    assert "GRANT SELECT ON SCHEMA system.lakeflow" in error.next_step


def test_an_open_source_spark_server_is_not_a_usable_warehouse() -> None:
    text = "Error: expected server to use a protocol version >= SPARK_CLI_SERVICE_PROTOCOL_V2, instead got: 9"

    assert type(classify(exc.OperationalError(text))) is WarehouseUnusable


@pytest.mark.parametrize(("status", "name"), [(429, SourceThrottled), (503, SourceUnavailable)])
def test_a_refusal_that_outlasts_all_retries_gets_the_class_of_its_status(status: int, name: type[SourceError]) -> None:
    reason = ResponseError(ResponseError.SPECIFIC_ERROR.format(status_code=status))

    assert type(classify(MaxRetryError(HTTPSConnectionPool("example.net"), "/sql", reason))) is name


def test_a_damaged_file_is_an_inconsistent_result() -> None:
    assert type(classify(RuntimeError("LZ4F_decompress failed with code: ERROR_frameType"))) is SourceInconsistent


def test_a_blocked_cloud_storage_names_the_setting() -> None:
    error = classify(exc.RequestError("HTTP request failed: HTTPSConnectionPool(host='x.blob', port=443)"))

    assert error.retryable
    assert "COSTPULSE_DATABRICKS_USE_CLOUD_FETCH=false" in error.next_step


def test_the_statement_that_a_server_repeats_is_left_out() -> None:
    error = classify(exc.ServerOperationError("[X_Y] wrong (line 1, pos 0)\n\n== SQL ==\nselect secret\n^^^"))

    assert error.message == "Databricks refused the statement: [X_Y] wrong (line 1, pos 0)."


def test_an_error_nobody_knows_still_has_a_name_and_a_next_step() -> None:
    error = classify(KeyError("surprise"), host="example.net")

    assert type(error) is SourceError
    assert "example.net" in error.message
    assert "KeyError" in error.message
    assert error.next_step
