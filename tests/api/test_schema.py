"""The OpenAPI document is true: requests made from it are answered as it says, and wrong ones are refused."""

import hypothesis
import pytest
import schemathesis
from schemathesis.config import GenerationConfig, SchemathesisConfig

from costpulse_app.api.server import build
from tests.api.client import Client, new_token

CONFIG = SchemathesisConfig()
CONFIG.projects.default.generation = GenerationConfig(deterministic=True, with_security_parameters=False)
# The document needs no database.
schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", build(), config=CONFIG)


@pytest.fixture(scope="module")
def token(url: str) -> str:
    return new_token(url, "schemathesis")


@schema.parametrize()
@hypothesis.settings(
    deadline=None, suppress_health_check=list(hypothesis.HealthCheck), derandomize=True, max_examples=10
)
def test_every_route_keeps_its_word(case: schemathesis.Case, token: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"})


def test_the_document_names_every_route_and_says_what_every_field_is(api: Client) -> None:
    document = api.get("/api/v1/openapi.json").json
    assert {path.removeprefix("/api/v1") for path in document["paths"]} == {
        "/allocations",
        "/anomalies",
        "/budgets",
        "/clusters",
        "/costs",
        "/costs/trend",
        "/forecasts",
        "/recommendations",
        "/reports",
        "/reports/{id}/file",
        "/status",
        "/tags/compliance",
        "/teams",
    }
    for name, model in document["components"]["schemas"].items():
        for field, described in model["properties"].items():
            plain = field in ("data", "period", "total", "measure", "grain", "scope_type", "sku_name", "usage_unit")
            assert plain or described.get("description"), f"{name}.{field}"
    for path in document["paths"].values():
        assert path["get"]["security"]
        for parameter in path["get"].get("parameters", ()):
            assert parameter["description"], parameter
            assert "null" not in str(parameter["schema"])
