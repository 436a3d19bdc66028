"""What can be asked: the parameters that routes share, checked before anything is read.

The OpenAPI document says exactly what is accepted, so that nothing well formed is refused as malformed.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from costpulse_app.api.problems import contradiction
from costpulse_assets.periods import Period

#: Largest bigint.
LAST_ID = 2**63 - 1
_DAYS_BY_DEFAULT = 30

_DAY_PATTERN = (
    r"^20[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)$"
    r"|^20([02468][048]|[13579][26])-02-29$"
)
_CURSOR_PATTERN = r"^[A-Za-z0-9_-]{1,4000}$"


def _day(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
        return date.fromisoformat(value)
    raise ValueError("write a day from 2000 to 2099 as 2026-11-01")


def _text(value: str) -> str:
    # Neither can be a part of any text in the database.
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("holds a character that no text may have")
    return value


Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": _DAY_PATTERN}),
]
Text = Annotated[
    str,
    AfterValidator(_text),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 1000, "pattern": r"^[^\x00]+$"}),
    Field(min_length=1, max_length=1000),
]
#: A text of a cursor: empty where there is none.
KeyText = Annotated[str, AfterValidator(_text)]
#: Empty for everything.
ScopeId = Annotated[
    str,
    AfterValidator(_text),
    WithJsonSchema({"type": "string", "maxLength": 1000, "pattern": r"^[^\x00]*$"}),
    Field(max_length=1000),
]
#: Id of a team, or ~ for what has none.
TeamId = Annotated[str, Field(pattern=r"^(~|[0-9]{1,18})$")]
Id = Annotated[int, Field(ge=1, le=LAST_ID)]
Texts = Annotated[list[Text] | None, Field(max_length=100)]
TeamIds = Annotated[list[TeamId] | None, Field(max_length=100)]


class Question(BaseModel):
    """What every route takes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    format: Literal["json", "csv"] = Field("json", description="csv: the rows of `data` alone, with a header.")


class Listing(Question):
    """Rows that come in pages."""

    limit: int = Field(100, ge=1, le=1000, description="Most rows of a page.")
    cursor: str | None = Field(
        None,
        pattern=_CURSOR_PATTERN,
        description="`next_cursor` of the page before; everything else as before, but for limit and format.",
    )


class InPeriod(Listing):
    """Rows of a period of UTC days."""

    first: Day | None = Field(
        None,
        alias="from",
        description=f"First UTC day, included. Default: {_DAYS_BY_DEFAULT} days up to `to`.",
    )
    last: Day | None = Field(None, alias="to", description="Last UTC day, included. Default: the newest day with data.")

    def period(self, newest: date) -> Period:
        """The days that are meant, given the newest with data.

        Raises:
            Refused: it ends before it begins.
        """
        last = self.last or max(newest, self.first or newest)
        return in_order(self.first or last - timedelta(days=_DAYS_BY_DEFAULT - 1), last)


QuestionT = TypeVar("QuestionT", bound=BaseModel)


def parsed(model: type[QuestionT]) -> Callable[[Request], Awaitable[QuestionT]]:
    """The dependency that reads a question from the query of a request.

    FastAPI can do that as well, and takes most of the time of an answer for it.

    Raises:
        RequestValidationError: a parameter is unknown, not of its form, or there twice though it is no list.
    """
    lists = {parameter["name"] for parameter in _parameters(model) if parameter["schema"].get("type") == "array"}

    async def question(request: Request) -> QuestionT:
        given: dict[str, Any] = {}
        for name, value in request.query_params.multi_items():
            if name in lists:
                given.setdefault(name, []).append(value)
            else:
                given[name] = [given[name], value] if name in given else value
        try:
            return model.model_validate(given, by_alias=True, by_name=False)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            raise RequestValidationError([{**fault, "loc": ("query", *fault["loc"])} for fault in faults]) from error

    return question


def described(model: type[BaseModel]) -> dict[str, Any]:
    """The same parameters for the OpenAPI document."""
    return {"parameters": _parameters(model)}


def _parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    found = []
    for name, schema in model.model_json_schema().get("properties", {}).items():
        # What may be left out is no null.
        (kind,) = [kind for kind in schema.pop("anyOf", [schema]) if kind != {"type": "null"}]
        if schema.get("default", "") is None:
            del schema["default"]
        description = schema.pop("description")
        schema = {**schema, **kind}
        schema.pop("description", None)
        schema.pop("title", None)
        found.append({"name": name, "in": "query", "required": False, "description": description, "schema": schema})
    return found


def in_order(first: date, last: date) -> Period:
    """The period.

    Raises:
        Refused: it ends before it begins.
    """
    if last < first:
        raise contradiction(
            f"The period ends on {last}, before it begins on {first}.", "Give `from` and `to` in their order."
        )
    return Period(first, last)


def canonical(question: Question, *left_out: str) -> dict[str, Any]:
    """The parameters as plain values: equal for equal questions."""
    return question.model_dump(mode="json", exclude=set(left_out))


class NoParameters(BaseModel):
    """Of a route that takes none."""

    model_config = ConfigDict(extra="forbid")
