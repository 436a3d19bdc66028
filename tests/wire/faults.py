"""What can go wrong on the wire, as a script: each fault waits for one kind of call and happens there.

A call is named as in the protocol (OpenSession, ExecuteStatement, GetOperationStatus, FetchResults,
CloseOperation, CancelOperation, CloseSession); `File` is the making of a result file, `Download` its
download, `SignIn` the token endpoint.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

FOR_EVER = math.inf

Kind = Literal[
    "http",
    "drop_before",
    "drop_after",
    "cut",
    "hang",
    "state",
    "message",
    "early_end",
    "skip_rows",
    "empty_page",
    "forget_session",
    "forget_operation",
    "rotate_token",
    "expired_link",
    "short_file",
    "long_file",
]


@dataclass
class Fault:
    """One fault: at which call, from the how-manyth on (`after`), how often."""

    call: str
    kind: Kind
    after: int = 0
    times: float = 1
    code: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0
    text: str = ""


def http(
    call: str,
    code: int,
    headers: dict[str, str] | None = None,
    *,
    body: bytes = b"",
    after: int = 0,
    times: float = 1,
) -> Fault:
    """Answer with this status instead of doing the call."""
    return Fault(call, "http", after, times, code=code, headers=headers or {}, body=body)


def drop_before(call: str, *, after: int = 0, times: float = 1) -> Fault:
    """Close the connection before doing the call."""
    return Fault(call, "drop_before", after, times)


def drop_after(call: str, *, after: int = 0, times: float = 1) -> Fault:
    """Do the call and lose the reply."""
    return Fault(call, "drop_after", after, times)


def cut(call: str, *, after: int = 0, times: float = 1) -> Fault:
    """Do the call and send half of the reply."""
    return Fault(call, "cut", after, times)


def hang(call: str, seconds: float, *, after: int = 0, times: float = 1) -> Fault:
    """Do the call and hold the reply."""
    return Fault(call, "hang", after, times, seconds=seconds)


def state(call: str, name: str, *, after: int = 0, times: float = 1) -> Fault:
    """Report this state of the operation, such as CANCELED_STATE."""
    return Fault(call, "state", after, times, text=name)


def message(call: str, text: str, *, sql_state: str = "", after: int = 0, times: float = 1) -> Fault:
    """Refuse with ERROR_STATUS and this text (OpenSession), or end the operation with it (ExecuteStatement)."""
    return Fault(call, "message", after, times, text=text, headers={"sql_state": sql_state})


def early_end(call: str = "FetchResults", *, after: int = 0) -> Fault:
    """Say that there are no more rows although there are."""
    return Fault(call, "early_end", after)


def skip_rows(call: str = "FetchResults", *, after: int = 0) -> Fault:
    """Leave a page out."""
    return Fault(call, "skip_rows", after)


def empty_pages(call: str = "FetchResults", *, after: int = 0, times: float = FOR_EVER) -> Fault:
    """Send pages without rows that promise more."""
    return Fault(call, "empty_page", after, times)


def forget_session(call: str, *, after: int = 0) -> Fault:
    """Lose all sessions before the call."""
    return Fault(call, "forget_session", after)


def forget_operation(call: str, *, after: int = 0) -> Fault:
    """Lose all operations before the call."""
    return Fault(call, "forget_operation", after)


def rotate_token(call: str, new: str, *, after: int = 0) -> Fault:
    """Accept only another token from this call on."""
    return Fault(call, "rotate_token", after, text=new)


def expired_link(call: str = "FetchResults", *, after: int = 0) -> Fault:
    """Hand out a link whose time is over."""
    return Fault(call, "expired_link", after)


def short_file(*, after: int = 0) -> Fault:
    """Send a result file with fewer rows than announced."""
    return Fault("File", "short_file", after)


def long_file(*, after: int = 0) -> Fault:
    """Send a result file with more rows than announced."""
    return Fault("File", "long_file", after)


class Script:
    """The faults of one server: the first that fits a call happens, until it is used up."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = list(faults)
        self._lock = Lock()

    def take(self, call: str) -> Fault | None:
        """The fault of this call, if any."""
        with self._lock:
            for fault in self._faults:
                if fault.call != call or fault.times < 1:
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return fault
        return None
