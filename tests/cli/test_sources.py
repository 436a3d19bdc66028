"""The command against a SQL warehouse that refuses: one sentence, exit code 1, and never a part of a day."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from costpulse_assets.collectors.cost_records import collect
from costpulse_assets.errors import SourceUnavailable
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.databricks import DatabricksWarehouse
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.cli.processes import Costpulse, refused
from tests.small_account import PRICES, SmallAccount
from tests.wire.conftest import SMALL_LIMITS, TOKEN, Certificate
from tests.wire.faults import FOR_EVER, Fault, http, message, rotate_token
from tests.wire.thrift_server import WireServer

TODAY = datetime.now(UTC).date()
DAYS = 8

Secure = Callable[..., WireServer]


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    """Eight days of usage."""
    with SmallAccount() as account:
        account.add_price("0.15")
        account.add_workspace("1001", "main")
        for back in range(DAYS):
            account.add_usage("1.5", day=TODAY - timedelta(days=back))
        yield account


@pytest.fixture
def secure(account: SmallAccount, certificate: Certificate) -> Iterator[Secure]:
    """Start a warehouse with HTTPS over the account."""
    with ExitStack() as stack:

        def start(*script: Fault) -> WireServer:
            files = (str(certificate.chain), str(certificate.key))
            return stack.enter_context(WireServer(account, token=TOKEN, certificate=files, script=script))

        yield start


@pytest.fixture(scope="module")
def costpulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Costpulse]:
    """A data directory with a running database, in which no attempt of this file leaves more than whole days."""
    costpulse = Costpulse(tmp_path_factory.mktemp("source") / "data")
    with EmbeddedPostgres(costpulse.data_dir):
        yield costpulse


def variables(server: WireServer, certificate: Certificate, *, token: str = TOKEN) -> dict[str, str]:
    return {
        "COSTPULSE_DATABRICKS_HOST": "localhost",
        "COSTPULSE_DATABRICKS_PORT": str(server.port),
        "COSTPULSE_DATABRICKS_HTTP_PATH": "/sql/1.0/warehouses/wire",
        "COSTPULSE_DATABRICKS_TOKEN": token,
        "COSTPULSE_DATABRICKS_CA_FILE": str(certificate.ca),
    }


def days_of(costpulse: Costpulse, table: str) -> list[str]:
    with psycopg.connect(EmbeddedPostgres(costpulse.data_dir).url()) as connection:
        rows = connection.execute(
            f"select distinct usage_date::text from costpulse.{table} order by 1".encode()
        ).fetchall()
    return [row[0] for row in rows]


GRANT = "[INSUFFICIENT_PERMISSIONS] Insufficient privileges: User does not have USE SCHEMA on Schema 'system.billing'."
NO_SCHEMA = "[SCHEMA_NOT_FOUND] The schema `system`.`billing` cannot be found. SQLSTATE: 42704"
CAN_USE = {"x-databricks-error-or-redirect-message": "PERMISSION_DENIED: no permission to use the SQL Warehouse"}


@pytest.mark.parametrize(
    ("fault", "texts"),
    [
        pytest.param(
            http("OpenSession", 401, times=FOR_EVER), ("HTTP 401", "COSTPULSE_DATABRICKS_TOKEN"), id="wrong token"
        ),
        pytest.param(
            http("OpenSession", 404, times=FOR_EVER), ("no SQL warehouse", "DATABRICKS_HTTP_PATH"), id="wrong http path"
        ),
        pytest.param(http("OpenSession", 403, CAN_USE, times=FOR_EVER), ("HTTP 403", "CAN USE"), id="not permitted"),
        pytest.param(
            message("ExecuteStatement", GRANT, times=FOR_EVER), ("USE SCHEMA", "GRANT SELECT ON"), id="missing grant"
        ),
        pytest.param(
            message("ExecuteStatement", NO_SCHEMA, times=FOR_EVER),
            ("system`.`billing", "an account admin enables it"),
            id="missing schema",
        ),
        pytest.param(
            message("OpenSession", "Thrift is not supported", sql_state="KP001", times=FOR_EVER),
            ("of a type", "another warehouse"),
            id="unsupported type",
        ),
    ],
)
def test_a_refusal_is_one_sentence_and_nothing_is_written(
    costpulse: Costpulse, secure: Secure, certificate: Certificate, fault: Fault, texts: tuple[str, ...]
) -> None:
    result = costpulse("up", "--no-ui", "--days", str(DAYS), **variables(secure(fault), certificate))
    refused(result, "list_prices: ", *texts, secret=TOKEN)
    assert days_of(costpulse, "cost_records") == []


def test_a_token_the_warehouse_does_not_know_is_named_and_not_repeated(
    costpulse: Costpulse, secure: Secure, certificate: Certificate
) -> None:
    wrong = "dapi00000000000000000000wrong"
    result = costpulse("up", "--no-ui", **variables(secure(), certificate, token=wrong))
    refused(result, "Invalid access token", "COSTPULSE_DATABRICKS_TOKEN", secret=wrong)


def test_a_ca_file_that_is_not_there_is_named(costpulse: Costpulse, secure: Secure, certificate: Certificate) -> None:
    missing = {"COSTPULSE_DATABRICKS_CA_FILE": "/no/such/ca.pem"}
    result = costpulse("up", "--no-ui", **{**variables(secure(), certificate), **missing})
    refused(result, "/no/such/ca.pem does not exist", "COSTPULSE_DATABRICKS_CA_FILE")


def test_a_token_that_expires_in_mid_run_keeps_whole_days_and_the_next_start_goes_on(
    tmp_path: Path, secure: Secure, certificate: Certificate
) -> None:
    costpulse = Costpulse(tmp_path / "data")
    # Prices and the first two days are read by then: over a connection that reads nothing else before.
    server = secure(rotate_token("ExecuteStatement", "another", after=12))
    connection = {
        "host": "localhost",
        "port": server.port,
        "http_path": "/sql/1.0/warehouses/wire",
        "token": TOKEN,
        "ca_file": str(certificate.ca),
        "read": ["billing"],
    }
    settings = {"COSTPULSE_CONNECTIONS": json.dumps([connection]), "COSTPULSE_COLLECT_CHUNK_DAYS": "1"}
    with EmbeddedPostgres(costpulse.data_dir):
        result = costpulse("up", "--no-ui", "--days", str(DAYS), **settings)
        refused(result, "cost_records: ", "Invalid access token", secret=TOKEN)
        done = days_of(costpulse, "cost_records")
        assert 0 < len(done) < DAYS
        assert days_of(costpulse, "collected_days") == done

        server.token = TOKEN
        result = costpulse("up", "--no-ui", "--days", str(DAYS), **settings)
        assert result.returncode == 0, result.stderr
        assert len(days_of(costpulse, "cost_records")) == DAYS

        refused(costpulse("up", "--demo", "--no-ui"), "already holds the bills of databricks", "--data-dir")


@pytest.mark.parametrize("command", [("up", "--no-ui"), ("materialize",)])
def test_a_database_of_the_demo_account_takes_no_real_bills(
    demo: Costpulse, secure: Secure, certificate: Certificate, command: tuple[str, ...]
) -> None:
    server = secure()
    result = demo(*command, **variables(server, certificate))
    refused(result, "already holds the bills of demo account", "--data-dir", secret=TOKEN)
    assert server.calls == []


def test_a_warehouse_that_stays_unavailable_is_named_and_nothing_is_written(
    account: SmallAccount, database_url: str
) -> None:
    """In this process with small limits: the real ones wait for minutes, as a cold warehouse needs them."""
    database = Database(database_url)
    script = [http("ExecuteStatement", 503, after=1, times=FOR_EVER)]
    with (
        WireServer(account, token=TOKEN, script=script) as server,
        DatabricksWarehouse(server.connection, connection_uri=server.uri, **SMALL_LIMITS) as warehouse,
        pytest.raises(SourceUnavailable) as caught,
    ):
        collect(database, warehouse, [TODAY], prices=PRICES, chunk_days=31, identities=Identities(None))
    assert "HTTP 503" in caught.value.message
    with database.transaction() as connection:
        assert connection.execute("select from costpulse.cost_records").fetchall() == []
        assert connection.execute("select from costpulse.collected_days").fetchall() == []
