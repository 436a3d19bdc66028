"""How an answer leaves: a page of rows as JSON or CSV, with a cursor, an ETag, and kept until the data changes."""

import base64
import binascii
import csv
import hashlib
import io
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

import anyio.to_thread
import psycopg
from fastapi import Request
from fastapi.responses import Response
from psycopg.rows import dict_row
from pydantic import BaseModel, Field, PlainSerializer, TypeAdapter, ValidationError, WithJsonSchema

from costpulse_app import db
from costpulse_app.api.access import Access, readers
from costpulse_app.api.problems import Refused, responses
from costpulse_app.api.questions import Listing, Question, canonical
from costpulse_assets.periods import Period, last_final_day
from costpulse_assets.reports.formats.text_cells import harmless
from costpulse_assets.resources.database import Row as DatabaseRow
from costpulse_assets.resources.database import run
from costpulse_assets.resources.open_source import current_time

Connection = psycopg.Connection[DatabaseRow]
Row = TypeVar("Row")
Key = tuple[Any, ...]

_MOST_BYTES_KEPT = 32 * 2**20
_VERSION = version("costpulse")


def plain(value: Decimal) -> str:
    """All digits of an amount, and no exponent."""
    return format(value, "f")


#: An exact number: a string in JSON, for a double would not hold its digits.
Exact = Annotated[
    Decimal,
    PlainSerializer(plain, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["1234.560000000000000000"]}),
]
Usd = Annotated[Exact, Field(description="USD, exact.")]


class PeriodShown(BaseModel):
    """The UTC days that an answer is of, and which of them may be judged."""

    first: date = Field(serialization_alias="from", description="First UTC day.")
    last: date = Field(serialization_alias="to", description="Last UTC day, included.")
    last_final_day: date | None = Field(description="Up to here days are final; null: none is.")
    is_provisional: bool = Field(description="Days of the period that have data are not final.")


class Answer(BaseModel):
    """One page: rows, and where the next one begins."""

    data: list[Any]
    next_cursor: str | None = Field(None, description="Cursor of the next page; null: this is the last one.")


AnswerT = TypeVar("AnswerT", bound=Answer)


@dataclass(frozen=True)
class Found(Generic[AnswerT]):
    """A page as it was read; `next_key` is the key of its last row, None where no row follows."""

    answer: AnswerT
    next_key: Key | None = None


@dataclass(frozen=True)
class Days:
    """Which days there are, and which of them are final."""

    states: dict[date, bool]
    today: date

    @property
    def newest(self) -> date:
        """The newest day with data; today while there is none."""
        return max(self.states, default=self.today)

    @property
    def last_final(self) -> date | None:
        """See `last_final_day`."""
        return last_final_day(self.states.items())

    def is_provisional(self, period: Period) -> bool:
        """Whether days of the period that have data are not final."""
        final = self.last_final
        return any(day in period and (final is None or day > final) for day in self.states)

    def shown(self, period: Period) -> PeriodShown:
        """The period as answers show it."""
        return PeriodShown(
            first=period.first,
            last=period.last,
            last_final_day=self.last_final,
            is_provisional=self.is_provisional(period),
        )


def read_days(connection: Connection) -> Days:
    """See `Days`."""
    states = {row["usage_date"]: row["is_provisional"] for row in run(connection, "app/completeness")}
    return Days(states, current_time(db.settings()).date())


def cut(rows: Iterable[Row], key: Callable[[Row], Key], after: Key | None, limit: int) -> tuple[list[Row], Key | None]:
    """The rows of a page and the key to go on from; rows come in any order, keys are unique and stay."""
    kept = sorted((row for row in rows if after is None or key(row) > after), key=key)
    return kept[:limit], key(kept[limit - 1]) if len(kept) > limit else None


def first_of(rows: Sequence[Row], key: Callable[[Row], Key], limit: int) -> tuple[list[Row], Key | None]:
    """The same of rows that the database has cut already, at one more than the limit."""
    return list(rows[:limit]), key(rows[limit - 1]) if len(rows) > limit else None


async def answered(
    request: Request,
    seen: Access,
    question: Question,
    read: Callable[[Connection, Key | None], Found[Any]],
    *,
    key: type | None = None,
) -> Response:
    """The answer to a question: not modified, kept from before, or read now.

    Args:
        request: for its address and If-None-Match.
        seen: who asks, and the version of the data.
        question: checked.
        read: reads the page after a key (None: the first) on a connection that sees what `seen` may.
        key: the type of keys, a tuple; None: there is one page.
    """
    after = _key_of(request, question, key)
    tag = _tag(request, seen, question)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    asked = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    kept = _kept.get(tag)
    if kept is None:

        def make() -> _Kept:
            with db.reading(seen.scope) as connection:
                connection.row_factory = dict_row
                found = read(connection, after)
            return _written(request, question, found)

        kept = await anyio.to_thread.run_sync(make, limiter=readers)
        _kept.put(tag, kept)
    return Response(kept.body, media_type=kept.media_type, headers=headers | kept.headers)


def documented(answer: type[Answer], *more: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route for the OpenAPI document."""
    headers = {
        "ETag": {
            "description": "Changes whenever the answer may; send it back as If-None-Match.",
            "schema": {"type": "string"},
        }
    }
    return {
        200: {
            "description": "One page.",
            "model": answer,
            "headers": headers
            | {"Link": {"description": 'rel="next": the next page, if there is one.', "schema": {"type": "string"}}},
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        304: {"description": "Nothing changed since If-None-Match.", "headers": headers},
        **responses(404, 409, *more),
    }


@dataclass(frozen=True)
class _Kept:
    body: bytes
    media_type: str
    headers: dict[str, str]


class _Answers:
    """The newest answers, up to a number of bytes; only the event loop's thread comes here."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def get(self, tag: str) -> _Kept | None:
        kept = self._kept.get(tag)
        if kept is not None:
            self._kept.move_to_end(tag)
        return kept

    def put(self, tag: str, kept: _Kept) -> None:
        before = self._kept.pop(tag, None)
        self._kept[tag] = kept
        self._bytes += len(kept.body) - (len(before.body) if before else 0)
        while self._bytes > _MOST_BYTES_KEPT:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.body)

    def forget(self) -> None:
        self._kept.clear()
        self._bytes = 0


_kept = _Answers()
forget = _kept.forget


def _tag(request: Request, seen: Access, question: Question) -> str:
    """As strong as the version: the same tag is the same bytes."""
    text = json.dumps([_VERSION, request.scope["path"], canonical(question), seen.scope, seen.version], default=str)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _written(request: Request, question: Question, found: Found[Any]) -> _Kept:
    cursor = None if found.next_key is None else _cursor_of(request, question, found.next_key)
    headers = {}
    if cursor is not None:
        asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        headers["Link"] = f'<{request.scope["path"]}?{urlencode([*asked, ("cursor", cursor)])}>; rel="next"'
    if question.format == "csv":
        return _Kept(_csv(found.answer).encode(), "text/csv; charset=utf-8", headers)
    answer = found.answer.model_copy(update={"next_cursor": cursor})
    return _Kept(answer.model_dump_json(by_alias=True).encode(), "application/json", headers)


def _csv(answer: Answer) -> str:
    (row,) = type(answer).model_fields["data"].annotation.__args__  # type: ignore[union-attr]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = list(row.model_fields)
    writer.writerow(names)
    writer.writerows([_cell(getattr(each, name)) for name in names] for each in answer.data)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return harmless(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


# --- cursors: the key of the last row, and which question it belongs to


def _digest(request: Request, question: Question) -> str:
    asked = [request.scope["path"], canonical(question, "cursor", "limit", "format")]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]


def _cursor_of(request: Request, question: Question, key: Key) -> str:
    text = json.dumps([_digest(request, question), *key], default=_json_value, ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _json_value(value: Any) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


def _key_of(request: Request, question: Question, key: type | None) -> Key | None:
    if not isinstance(question, Listing) or question.cursor is None or key is None:
        return None
    try:
        text = base64.b64decode(question.cursor + "=" * (-len(question.cursor) % 4), altchars=b"-_", validate=True)
        digest, *values = json.loads(text)
        if digest != _digest(request, question):
            raise ValueError
        # As JSON: a list becomes a tuple, and days and amounts are written as text.
        found: Key = TypeAdapter(key).validate_json(json.dumps(values))
    except (ValueError, TypeError, RecursionError, binascii.Error, ValidationError) as error:
        raise Refused(
            404,
            "There is no page behind this cursor.",
            next_step="Take next_cursor of the page before, and ask for the same with it; or begin again without one.",
        ) from error
    return found
