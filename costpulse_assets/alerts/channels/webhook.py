"""Signed JSON to a server of yours."""

import hashlib
import hmac
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from http.client import HTTPMessage
from typing import IO, Any, Literal
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import BaseModel, Field

from costpulse_assets.alerts.channels.answers import Answer, MessageLinks, http_answer, no_http_answer
from costpulse_assets.alerts.message import Cause, Figure, Message, Section, Series, Severity

SIGNATURE_HEADER = "X-CostPulse-Signature"
TIMESTAMP_HEADER = "X-CostPulse-Timestamp"


class Links(BaseModel):
    """Addresses in the app."""

    open: str = Field(description="The view that shows it.")
    acknowledge: str | None = Field(description="Says that somebody looks after it; null: nothing to acknowledge.")
    mute: str | None = Field(description="Silences the alert; null: nothing to mute.")


class Payload(BaseModel):
    """The body of a request: what docs/alerts.md describes."""

    version: Literal[1] = Field(description="1. Fields may be added under it; none is taken away or changed.")
    idempotency_key: str = Field(description="The same for the same message, however often it comes.")
    sent_at: datetime = Field(description="When it was sent, UTC.")
    is_test: bool = Field(description="Somebody only wanted to see whether it arrives.")
    severity: Severity = Field(description="info, warning or critical.")
    title: str = Field(description="One line.")
    text: str = Field(description="A sentence or two.")
    figures: tuple[Figure, ...] = Field(description="Numbers as people read them: `label` and `text`.")
    causes: tuple[Cause, ...] = Field(
        description="What it consists of: `name`, `kind` (job, SKU, ...), `usd` (below zero: it takes away), `note`."
    )
    series: Series | None = Field(
        description="The last days: `label`, `unit` (usd, percent), `points` of `day` and `value`, and `reference`, "
        "which they are compared with, or null. Null: there are none."
    )
    sections: tuple[Section, ...] = Field(description="Of a digest: `title`, `lines` and `causes`.")
    notes: tuple[str, ...] = Field(description="Small print.")
    owner: str | None = Field(description="Whom it concerns; null: nobody was named.")
    links: Links = Field(description="`open`, `acknowledge` and `mute`; the last two need a click in the app.")


class _NoRedirect(HTTPRedirectHandler):
    """What is signed for one address is not carried to another."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


class JsonWebhook:
    """A server that takes alerts as JSON."""

    def __init__(self, name: str, url: str, secret: str, timeout: float) -> None:
        """Keep what is needed; nothing is sent.

        Args:
            name: as it is called in the settings.
            url: of the server.
            secret: key of the signature.
            timeout: seconds to connect, and to wait for each part of the answer.
        """
        self._who, self._url, self._secret, self._timeout = f"The webhook {name}", url, secret, timeout
        self._opener = build_opener(_NoRedirect())

    def send(self, message: Message, links: MessageLinks, *, key: str) -> Answer:
        """Post the message; `key` tells the receiver which messages are the same."""
        now = datetime.now(UTC)
        body = payload(message, links, key=key, now=now)
        timestamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "CostPulse",
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: f"sha256={signature(self._secret, timestamp, body)}",
        }
        try:
            request = Request(self._url, data=body, headers=headers, method="POST")  # noqa: S310 - settings allow http
            with self._opener.open(request, timeout=self._timeout) as response:
                return http_answer(self._who, response.status)
        except HTTPError as error:
            with error:
                return http_answer(self._who, error.code, retry_after=error.headers.get("Retry-After"))
        except Exception as error:
            return no_http_answer(self._who, error)


def payload(message: Message, links: MessageLinks, *, key: str, now: datetime) -> bytes:
    """The body: JSON in ASCII, amounts as text so that no digit is lost."""
    made = Payload(
        version=1,
        idempotency_key=key,
        sent_at=now,
        links=Links(open=links.open, acknowledge=links.acknowledge, mute=links.mute),
        **{name: getattr(message, name) for name in Payload.model_fields.keys() & Message.model_fields.keys()},
    )
    return json.dumps(made.model_dump(), default=_as_text).encode("ascii")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of timestamp, a point and the body, as hexadecimal digits."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _as_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
