"""Everything that goes wrong, as application/problem+json (RFC 9457)."""

import logging
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from costpulse_app.db import QueryTooSlow
from costpulse_assets.errors import BadInput, CostPulseError

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger("costpulse_app")


class Fault(BaseModel):
    """One parameter that was not accepted."""

    parameter: str = Field(description="Its name, or where it was.")
    reason: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """What went wrong, and what to do about it."""

    type: str = Field("about:blank", description="Always about:blank: the status says what it is.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="HTTP status.")
    detail: str = Field(description="What happened, in a sentence.")
    next_step: str | None = Field(None, description="What the caller can do.")
    faults: list[Fault] | None = Field(None, description="The parameters that were not accepted.")


class Refused(Exception):
    """An answer of the API that is none: raised anywhere below a route."""

    def __init__(
        self, status: int, detail: str, *, next_step: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.next_step = next_step
        self.headers = headers


def contradiction(detail: str, next_step: str) -> Refused:
    """Every parameter is well formed, but not together."""
    return Refused(409, detail, next_step=next_step)


def responses(*more: int) -> dict[int | str, dict[str, Any]]:
    """The problems that every route may answer with, and some more, for the OpenAPI document."""
    reasons = {
        401: "The token is missing, wrong, expired or revoked.",
        403: "The token is for some teams, and this knows no teams.",
        404: "There is no page behind the cursor, or no such thing for this token.",
        409: "The parameters contradict each other, such as a period that ends before it begins.",
        422: "A parameter is unknown or not of its form.",
        429: "Too many requests in this minute.",
        500: "A fault of CostPulse.",
        503: "The database does not answer, or not in time.",
    }
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": reason, "content": content}
        for status, reason in reasons.items()
        if status in (401, 422, 429, 500, 503, *more)
    }


async def refused(request: Request, error: Exception) -> Response:
    """Of `Refused`."""
    assert isinstance(error, Refused)
    return _answer(error.status, error.detail, next_step=error.next_step, headers=error.headers)


async def http_error(request: Request, error: Exception) -> Response:
    """Of what the router itself says: no such address, no such method."""
    assert isinstance(error, HTTPException)
    details = {
        404: "There is nothing at this address.",
        405: "The API is read-only: send a GET request.",
    }
    return _answer(
        error.status_code,
        details.get(error.status_code, str(error.detail)),
        next_step="See /api/v1/openapi.json." if error.status_code in details else None,
        headers=error.headers,
    )


async def invalid(request: Request, error: Exception) -> Response:
    """Of parameters that are unknown or not of their form; what was sent is not repeated."""
    assert isinstance(error, RequestValidationError)
    faults = [
        Fault(parameter=".".join(map(str, fault["loc"][1:])) or str(fault["loc"][0]), reason=fault["msg"])
        for fault in error.errors()
    ]
    names = ", ".join(dict.fromkeys(ascii(fault.parameter)[1:-1][:100] for fault in faults))
    return _answer(
        422,
        f"Not accepted: {names}.",
        next_step="See faults, and /api/v1/openapi.json for what each parameter takes.",
        faults=faults,
    )


async def named(request: Request, error: Exception) -> Response:
    """Of failures that CostPulse names."""
    assert isinstance(error, CostPulseError)
    if isinstance(error, BadInput):
        return _answer(409, error.message, next_step=error.next_step)
    if not isinstance(error, QueryTooSlow):
        _log.error("The API cannot answer: %s", error)
    return _answer(503, error.message, next_step=error.next_step, headers={"Retry-After": "10"})


async def unexpected(request: Request, error: Exception) -> Response:
    """Of everything else; the server logs it, the caller sees a reference alone."""
    reference = uuid.uuid4().hex[:8]
    _log.error("A request of the API failed, reference %s", reference)
    return _answer(
        500,
        f"CostPulse failed to answer; the log has the reason under the reference {reference}.",
        next_step="Report it with the reference.",
    )


def _answer(
    status: int,
    detail: str,
    *,
    next_step: str | None = None,
    faults: list[Fault] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, next_step=next_step, faults=faults)
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )
