"""The API as one ASGI application: routes below /api/v1, problems for whatever fails, and its OpenAPI document."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException

from costpulse_app.api import account, costs, findings, plans, problems
from costpulse_assets.errors import CostPulseError


class _Api(FastAPI):
    """FastAPI, with what its OpenAPI document leaves out."""

    def openapi(self) -> dict[str, Any]:
        """The document, with the schema of problems."""
        if self.openapi_schema is None:
            document = super().openapi()
            problem = TypeAdapter(problems.Problem).json_schema(ref_template="#/components/schemas/{model}")
            schemas = document["components"]["schemas"]
            schemas.update(problem.pop("$defs"), Problem=problem)
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
        return super().openapi()


def build() -> FastAPI:
    """The application; it holds no connection of its own."""
    api = _Api(
        title="CostPulse",
        version=version("costpulse"),
        description="What Databricks costs, who spends it, whether that is normal, and what to do about it. Read-only. "
        "Days are UTC days, amounts are USD. Amounts and quantities are strings, for a double would not hold their "
        "digits.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    router = APIRouter(prefix="/api/v1")
    for subject in (costs, findings, plans, account):
        router.include_router(subject.router)
    api.include_router(router)
    api.add_exception_handler(problems.Refused, problems.refused)
    api.add_exception_handler(HTTPException, problems.http_error)
    api.add_exception_handler(RequestValidationError, problems.invalid)
    api.add_exception_handler(CostPulseError, problems.named)
    api.add_exception_handler(Exception, problems.unexpected)
    return api


api = build()
