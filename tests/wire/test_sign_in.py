"""Tokens, service principals and TLS; a secret never shows."""

import base64
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jwt
import pytest

from costpulse_assets.errors import (
    SourceCredentials,
    SourceError,
    SourceThrottled,
    SourceUnavailable,
    SourceUnreachable,
    WarehouseUnusable,
)
from costpulse_assets.resources.databricks import DatabricksWarehouse
from costpulse_assets.settings import Connection
from tests.wire.conftest import SMALL_LIMITS, TOKEN, Certificate, Serve
from tests.wire.engine import PlainEngine
from tests.wire.faults import Fault, drop_before, http, rotate_token
from tests.wire.thrift_server import WireServer

CLIENT = ("application-1", "secret-of-the-principal")
ROWS = "select i from range(200) as numbers(i)"

Secure = Callable[..., WireServer]


@pytest.fixture
def secure(engine: PlainEngine, certificate: Certificate) -> Iterator[Secure]:
    """Start a warehouse with HTTPS and a token endpoint."""
    with ExitStack() as stack:

        def start(*script: Fault, **options: Any) -> WireServer:
            files = (str(certificate.chain), str(certificate.key))
            return stack.enter_context(WireServer(engine, certificate=files, script=script, **options))

        yield start


def _principal(server: WireServer, ca_file: Path | None, *, secret: str = CLIENT[1]) -> DatabricksWarehouse:
    connection = Connection.model_validate(
        {
            "host": "localhost",
            "port": server.port,
            "http_path": "/sql/1.0/warehouses/wire",
            "client_id": CLIENT[0],
            "client_secret": secret,
            "ca_file": ca_file,
        }
    )
    return DatabricksWarehouse(connection, **SMALL_LIMITS)


def _everything(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def test_a_token_goes_as_a_bearer_token(serve: Serve) -> None:
    wire = serve()

    wire.warehouse.fetch("select 1 as n").read_all()

    assert {headers["Authorization"] for _, _, headers in wire.server.requests} == {f"Bearer {TOKEN}"}


def test_a_private_certificate_authority_is_accepted_by_its_file(secure: Secure, certificate: Certificate) -> None:
    server = secure(token=TOKEN)
    connection = server.connection.model_copy(update={"ca_file": certificate.ca})

    with DatabricksWarehouse(connection, **SMALL_LIMITS) as warehouse:
        assert warehouse.fetch(ROWS).read_all().num_rows == 200


def test_an_unknown_certificate_authority_is_named(secure: Secure) -> None:
    server = secure(token=TOKEN)

    with (
        DatabricksWarehouse(server.connection, **SMALL_LIMITS) as warehouse,
        pytest.raises(SourceUnreachable) as caught,
    ):
        warehouse.fetch(ROWS)

    assert caught.value.message == "The TLS certificate of localhost was not accepted."
    assert "COSTPULSE_DATABRICKS_CA_FILE" in caught.value.next_step
    assert server.requests == []


def test_a_service_principal_signs_in_and_reads(secure: Secure, certificate: Certificate) -> None:
    server = secure(client=CLIENT, issued=["issued-token-1"])

    with _principal(server, certificate.ca) as warehouse:
        assert warehouse.fetch(ROWS).read_all().num_rows == 200

    assert server.calls[:3] == ["SignIn", "OpenSession", "ExecuteStatement"]
    assert server.calls.count("SignIn") == 1


def test_a_token_that_runs_out_is_renewed_without_a_new_connection(secure: Secure, certificate: Certificate) -> None:
    def token(seconds: int, number: int) -> str:
        claims = {"iss": "https://localhost/oidc", "exp": int(time.time()) + seconds, "jti": str(number)}
        return jwt.encode(claims, "k" * 32, algorithm="HS256")

    # The connector renews a minute before the end: the first token is over at once, the second is not.
    server = secure(client=CLIENT, issued=[token(30, 1), token(3600, 2)])

    with _principal(server, certificate.ca) as warehouse:
        assert warehouse.fetch(ROWS).read_all().num_rows == 200

    assert server.calls.count("SignIn") == 2
    assert server.calls.count("OpenSession") == 1


def test_a_revoked_token_of_a_principal_is_replaced_once(secure: Secure, certificate: Certificate) -> None:
    revoked = rotate_token("ExecuteStatement", "nobody has this one", after=1)
    server = secure(revoked, client=CLIENT, issued=["issued-token-1", "issued-token-2"])

    with _principal(server, certificate.ca) as warehouse:
        warehouse.fetch("select 1 as n").read_all()
        assert warehouse.fetch(ROWS).read_all().num_rows == 200

    assert server.calls.count("SignIn") == 2


def test_a_principal_refused_while_reading_may_repeat_the_statement(secure: Secure, certificate: Certificate) -> None:
    revoked = rotate_token("FetchResults", "nobody has this one")
    server = secure(revoked, client=CLIENT, issued=["issued-token-1", "issued-token-2"])

    with _principal(server, certificate.ca) as warehouse:
        with pytest.raises(SourceCredentials) as caught:
            warehouse.fetch(ROWS).read_all()
        assert caught.value.retryable
        assert warehouse.fetch(ROWS).read_all().num_rows == 200


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (http("SignIn", 429), SourceThrottled),
        (http("SignIn", 503), SourceUnavailable),
        (http("SignIn", 404), WarehouseUnusable),
        (http("SignIn", 302, {"Location": "https://127.0.0.1:1/elsewhere"}), WarehouseUnusable),
        (http("SignIn", 200, body=b"<html>welcome</html>"), SourceCredentials),
        (http("SignIn", 200, body=b'{"no":"token"}'), SourceCredentials),
        (http("SignIn", 400, body=b'{"error":"invalid_client"}'), SourceCredentials),
        (drop_before("SignIn"), SourceUnreachable),
    ],
    ids=["429", "503", "404", "redirect", "web page", "no token", "400", "dropped"],
)
def test_a_failed_sign_in_is_named(
    secure: Secure, certificate: Certificate, fault: Fault, name: type[SourceError]
) -> None:
    server = secure(fault, client=CLIENT)

    with _principal(server, certificate.ca) as warehouse, pytest.raises(name) as caught:
        warehouse.fetch(ROWS)

    assert type(caught.value) is name
    assert server.calls == ["SignIn"]
    assert CLIENT[1] not in _everything(caught.value)


def test_a_wrong_secret_is_named_and_not_repeated(secure: Secure, certificate: Certificate) -> None:
    server = secure(client=CLIENT)
    secret = "".join(["not-the", "-secret"])

    with _principal(server, certificate.ca, secret=secret) as warehouse, pytest.raises(SourceCredentials) as caught:
        warehouse.fetch(ROWS)

    assert "Client authentication failed" in caught.value.message
    assert server.calls == ["SignIn"]
    assert secret not in _everything(caught.value)


def test_a_sign_in_at_a_host_with_an_unknown_authority_is_named(secure: Secure) -> None:
    server = secure(client=CLIENT)

    with _principal(server, None) as warehouse, pytest.raises(SourceUnreachable) as caught:
        warehouse.fetch(ROWS)

    assert "certificate" in caught.value.message
    assert server.requests == []


def test_secrets_that_a_server_repeats_are_taken_out(secure: Secure, certificate: Certificate) -> None:
    issued = "issued-token-1"
    basic = base64.b64encode(":".join(CLIENT).encode()).decode()
    echo = {"x-databricks-reason-phrase": f"seen {issued} and Bearer abcdefgh12345 and {CLIENT[1]} and Basic {basic}"}
    server = secure(http("OpenSession", 403, echo), client=CLIENT, issued=[issued])

    with _principal(server, certificate.ca) as warehouse, pytest.raises(SourceCredentials) as caught:
        warehouse.fetch(ROWS)

    assert "seen *** and *** and *** and ***" in caught.value.message
    for secret in (CLIENT[1], basic, "abcdefgh12345"):
        assert secret not in str(caught.value)
