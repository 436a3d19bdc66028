"""What came of a message, in one vocabulary for every channel."""

import re
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import InvalidURL
from typing import Literal
from urllib.error import URLError

Outcome = Literal["delivered", "refused", "failed", "unknown"]

#: Nothing came of it, and the same may work later: the request was late, early, or one of too many, or a proxy of ours
#: stood in the way.
_PASSING = frozenset({407, 408, 425, 429})


@dataclass(frozen=True)
class Answer:
    """What came of one try.

    Attributes:
        outcome: delivered; refused: the same would be refused again; failed: nothing was sent for sure, later it may
            be; unknown: it was sent, and nobody said whether it arrived.
        text: one sentence about it, without any secret.
        retry_after: seconds to wait at least, where the channel said so.
        credentials: refused for what we signed in with: another credential may change it.
        code: short name of the cause, as the channel calls it.
    """

    outcome: Outcome
    text: str
    retry_after: float | None = None
    credentials: bool = False
    code: str = ""


@dataclass(frozen=True)
class MessageLinks:
    """Where the buttons of a message lead.

    Attributes:
        open: the view of the app that shows it.
        acknowledge: says that somebody looks after it; None: there is nothing to acknowledge.
        mute: silences the alert; None: there is nothing to mute.
    """

    open: str
    acknowledge: str | None = None
    mute: str | None = None

    def buttons(self) -> tuple[tuple[str, str], ...]:
        """Label and address of each."""
        pairs = (("Open in CostPulse", self.open), ("Acknowledge", self.acknowledge), ("Mute", self.mute))
        return tuple((label, address) for label, address in pairs if address)


def not_configured(what: str) -> Answer:
    """Nothing could be tried; `what` is a sentence that says which setting is missing or wrong."""
    return Answer("refused", what, code="not_configured")


def http_answer(who: str, status: int, *, retry_after: str | None = None, code: str = "") -> Answer:
    """What a status of HTTP means.

    Args:
        who: "Slack", "The webhook pager".
        status: of the answer.
        retry_after: its header of that name.
        code: what the answer calls the cause; it is shown.
    """
    said = f"{who} answered {status}" + (f" ({code})" if code else "")
    code = code or str(status)
    if 200 <= status < 300:
        return Answer("delivered", f"{said}.", code=code)
    if status == 429:
        wait = seconds_to_wait(retry_after)
        pause = "" if wait is None else f" and asks to wait {wait:.0f} s"
        return Answer("failed", f"{said}: too many messages{pause}.", retry_after=wait, code=code)
    if status >= 500 or status in _PASSING:
        return Answer("failed", f"{said}.", retry_after=seconds_to_wait(retry_after), code=code)
    if status in (401, 403):
        return Answer("refused", f"{said}: it does not let us in.", credentials=True, code=code)
    if 300 <= status < 400:
        return Answer("refused", f"{said}: it is elsewhere now; write the new address into the settings.", code=code)
    return Answer("refused", f"{said}.", code=code)


def no_http_answer(who: str, error: Exception) -> Answer:
    """What it means that no answer came.

    urllib wraps what happens until the whole request is handed over, and nothing after that, into `URLError`.
    """
    if isinstance(error, URLError):
        return not_sent(who, error.reason if isinstance(error.reason, OSError) else error)
    if isinstance(error, (InvalidURL, ValueError)) and not isinstance(error, UnicodeDecodeError):
        return not_configured(f"{who} was not asked: its address or its key has characters that cannot be sent.")
    return lost(who, error)


def not_sent(who: str, error: Exception) -> Answer:
    """A connection that did not come about, or ended before everything was sent."""
    match error:
        case socket.gaierror():
            why, code = "its name is not known to the DNS", "dns"
        case ssl.SSLCertVerificationError():
            why, code = f"its certificate is not trusted ({error.verify_message})", "tls"
        case ssl.SSLError():
            why, code = "no encrypted connection came about", "tls"
        case ConnectionRefusedError():
            why, code = "it refused the connection", "connection_refused"
        case TimeoutError():
            why, code = "it did not answer in time", "connect_timeout"
        case _:
            why, code = f"the connection failed ({type(error).__name__})", "connection_failed"
    return Answer("failed", f"{who} was not reached: {why}; nothing was sent.", code=code)


def lost(who: str, error: Exception) -> Answer:
    """Everything was sent, and then nothing was heard."""
    if isinstance(error, TimeoutError):
        return Answer(
            "unknown", f"{who} took the message and did not answer in time; it may have arrived.", code="timeout"
        )
    return Answer(
        "unknown",
        f"{who} took the message and closed the connection without an answer ({type(error).__name__}); it may have "
        "arrived.",
        code="connection_lost",
    )


def seconds_to_wait(header: str | None) -> float | None:
    """What `Retry-After` says, seconds or a date; None: nothing that can be read."""
    if header is None:
        return None
    if re.fullmatch(r"\d{1,7}(\.\d+)?", header.strip()):
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
