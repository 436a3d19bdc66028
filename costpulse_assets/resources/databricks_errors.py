"""Turns whatever the Databricks connector lets escape into a named SourceError with a next step.

The connector raises three families: its own `databricks.sql.exc.Error`, raw `urllib3` errors, and plain
`AssertionError`, `RuntimeError`, `ImportError` or `OSError`. `classify` is the only function that knows them.
No message repeats a secret or a value of a statement's parameters.
"""

import re
from collections.abc import Iterable, Iterator

import pyarrow as pa
import urllib3.exceptions as http
from databricks.sql import exc
from thrift.Thrift import TException

from costpulse_assets.errors import (
    SourceCredentials,
    SourceError,
    SourceForbidden,
    SourceInconsistent,
    SourceSqlError,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
    SourceUnreachable,
    WarehouseUnusable,
)

_TRY_LATER = "Nothing was changed; run the same command again later."
_WAREHOUSE_STATE = "Look at the warehouse's state in Databricks, then run the same command again."
_HTTP_PATH = (
    "Copy the host and the HTTP path from the warehouse's page, tab Connection details, "
    "to COSTPULSE_DATABRICKS_HOST and COSTPULSE_DATABRICKS_HTTP_PATH."
)
_OTHER_TYPE = "Choose another warehouse: type Serverless, Pro or Classic, and give its HTTP path."
_CREDENTIALS = (
    "Make a new token (COSTPULSE_DATABRICKS_TOKEN), or check COSTPULSE_DATABRICKS_CLIENT_ID and "
    "COSTPULSE_DATABRICKS_CLIENT_SECRET and that the service principal is assigned to the workspace."
)
_CLOCK = "Set this machine's clock (NTP); if the clock is right, make a new token."
_CAN_USE = "Give the user or service principal of CostPulse the permission CAN USE on the SQL warehouse."
_CLOUD_FETCH = (
    "Allow this machine to reach the workspace's cloud storage, or set COSTPULSE_DATABRICKS_USE_CLOUD_FETCH=false."
)
_NETWORK = "Check the host name, the network route, the firewall and the proxy variables."
_CA_FILE = "Put the certificate authority of your proxy or private host into COSTPULSE_DATABRICKS_CA_FILE."
_SHORTER = "Raise COSTPULSE_STATEMENT_TIMEOUT_SECONDS, lower COSTPULSE_COLLECT_CHUNK_DAYS, or use a larger warehouse."

_ERROR_CLASS = re.compile(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]|^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+):")
_SYSTEM_OBJECT = re.compile(r"`?system`?\.`?(\w+)`?")
_TOKENS = re.compile(r"(?i:bearer|basic)\s+[\w.~+/=-]{8,}|dapi[0-9a-f]{8,}[\w-]*|eyJ[\w-]+\.[\w-]+\.[\w-]*")

_MISSING_CLASSES = (
    "TABLE_OR_VIEW_NOT_FOUND",
    "SCHEMA_NOT_FOUND",
    "CATALOG_NOT_FOUND",
    "NO_SUCH_CATALOG_EXCEPTION",
    "INSUFFICIENT_PERMISSIONS",
    "INSUFFICIENT_PRIVILEGES",
    "PERMISSION_DENIED",
    "UNAUTHORIZED_ACCESS",
)
_MISSING_TEXT = re.compile(r"does not have (USE|SELECT|permission|privilege)|insufficient privileges", re.I)
_BUSY = re.compile(r"RESOURCE_EXHAUSTED|could not be scheduled|too many (requests|queries|concurrent)", re.I)
_TIMED_OUT = re.compile(r"TIMEOUT_EXCEEDED|STATEMENT_TIMEOUT|timed out|time ?out exceeded", re.I)
_CANCELLED = re.compile(r"OPERATION_CANCELED|QUERY_CANCELED|was cancell?ed|unexpectedly closed", re.I)
_LOST = re.compile(r"Invalid (Session|Operation)Handle|session .*(expired|closed)", re.I)
_UNSUPPORTED = re.compile(r"expected server to use a protocol version|KP001", re.I)
_CLOCK_TEXT = re.compile(r"clock|not yet valid|issued in the future|\b(iat|nbf)\b", re.I)
_WAREHOUSE_GRANT = re.compile(r"(authorized|permission|permitted).*(warehouse|endpoint)|PERMISSION_DENIED", re.I | re.S)


def classify(error: BaseException, *, host: str = "Databricks", hide: Iterable[str] = ()) -> SourceError:
    """Name a failure of the connector.

    Args:
        error: what was caught around a call of the connector or while signing in.
        host: the host to name in messages.
        hide: secrets and parameter values, which must not appear in the message even if the server repeats them.

    Returns:
        One of the SourceError classes; `retryable` says whether repeating the whole statement may help.
    """
    chain = list(_chain(error))

    def first(*kinds: type[BaseException]) -> BaseException | None:
        return next((link for link in chain if isinstance(link, kinds)), None)

    if isinstance(named := first(SourceError), SourceError):
        return named
    text = _text_of(error, tuple(hide))
    if first(ImportError, exc.ReydenThriftUnsupportedError):
        return WarehouseUnusable(
            f"The SQL warehouse on {host} is of a type that this connection cannot use (Real-Time).",
            next_step=_OTHER_TYPE,
        )
    if _is_download(chain):
        return _of_a_download(chain, text)
    if first(exc.MaxRetryDurationError):
        return SourceThrottled(
            f"{host} is busy and asked us to wait longer than the time for retries.", next_step=_TRY_LATER
        )
    status = _status(chain)
    if status is not None and status >= 400:
        return of_status(status, text, host=host)
    if first(http.HTTPError):
        return _of_the_network(chain, host)
    if first(TException, EOFError):
        return WarehouseUnusable(
            f"What answers at {host} does not speak the protocol of a SQL warehouse.", next_step=_HTTP_PATH
        )
    if first(AssertionError, RuntimeError, exc.DataError, pa.ArrowInvalid):
        return SourceInconsistent(
            f"The result from {host} is not what was announced: {text or 'rows are missing'}.", next_step=_TRY_LATER
        )
    if (broken := first(OSError)) is not None:
        return unreachable(broken, host=host)
    if first(exc.InterfaceError):
        return SourceUnavailable(f"The connection to {host} was closed in the meantime.", next_step=_TRY_LATER)
    if first(exc.Error):
        return _of_the_statement(text)
    return SourceError(
        f"Reading from {host} failed in an unexpected way ({type(error).__name__}: {text}).",
        next_step="Run the same command again; if it happens again, report this text.",
    )


def of_status(status: int, text: str, *, host: str) -> SourceError:
    """Name a refused HTTP request.

    Args:
        status: HTTP status, 400 or above.
        text: the reason, already free of secrets; may be empty.
        host: who refused.
    """
    because = f": {text}" if text else ""
    said = f"{host} refused the request (HTTP {status}{because})."
    if status == 429:
        return SourceThrottled(f"{host} asked us to slow down (HTTP 429{because}).", next_step=_TRY_LATER)
    if status in (401, 403):
        if _CLOCK_TEXT.search(text):
            return SourceCredentials(said, next_step=_CLOCK)
        if status == 403 and _WAREHOUSE_GRANT.search(text):
            return SourceForbidden(said, next_step=_CAN_USE)
        if "IP" in text and "blocked" in text:
            return SourceForbidden(said, next_step="Add this machine's address to the workspace's IP access list.")
        return SourceCredentials(said, next_step=_CREDENTIALS)
    if status == 404:
        return WarehouseUnusable(f"There is no SQL warehouse at this HTTP path on {host}.", next_step=_HTTP_PATH)
    if status >= 500:
        return SourceUnavailable(f"{host} cannot serve now (HTTP {status}{because}).", next_step=_WAREHOUSE_STATE)
    return SourceSqlError(said, next_step=_HTTP_PATH)


def unreachable(reason: BaseException, *, host: str) -> SourceUnreachable:
    """Name a failed connection: DNS, route, TLS, proxy.

    Args:
        reason: the innermost error of the network library.
        host: the host that was tried.
    """
    text = str(reason)
    lowered = f"{type(reason).__name__} {text}".lower()
    if "certificate" in lowered or "ssl" in lowered:
        refused = SourceUnreachable(f"The TLS certificate of {host} was not accepted.", next_step=_CA_FILE)
        refused.retryable = False
        return refused
    if "nameresolution" in lowered or "gaierror" in lowered or "name or service" in lowered:
        return SourceUnreachable(f"The host name {host} is not known.", next_step=_NETWORK)
    if "refused" in lowered:
        return SourceUnreachable(f"{host} refuses connections on this port.", next_step=_NETWORK)
    if "proxy" in lowered:
        return SourceUnreachable(f"The proxy on the way to {host} failed.", next_step=_NETWORK)
    if "timeout" in lowered or "timed out" in lowered:
        return SourceUnreachable(f"{host} does not answer in time.", next_step=_NETWORK)
    return SourceUnreachable(f"The connection to {host} broke ({type(reason).__name__}).", next_step=_NETWORK)


def timed_out(host: str, seconds: float) -> SourceTimeout:
    """The error of a statement that was given up after `seconds` of waiting."""
    return SourceTimeout(
        f"{host} did not finish the statement within {seconds:.0f} seconds; it was cancelled.", next_step=_SHORTER
    )


def ended_early(host: str, state: str) -> SourceError:
    """The error of a statement whose final state (CANCELLED, FAILED) is not success.

    The connector ignores this state and would go on and read the rows that happen to be there.
    """
    if state == "CANCELLED":
        return SourceUnavailable(f"The statement was cancelled on {host}.", next_step=_WAREHOUSE_STATE)
    return SourceTimeout(f"The warehouse on {host} stopped the statement before its end.", next_step=_SHORTER)


def redact(text: str, hide: Iterable[str] = ()) -> str:
    """One line of foreign text without secrets and parameter values, at most 300 characters."""
    line = " ".join(text.split("== SQL")[0].split())
    for secret in sorted(filter(None, hide), key=len, reverse=True):
        line = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", line)
    line = _TOKENS.sub("***", line).strip(" :.")
    return line if len(line) <= 300 else line[:299] + "…"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it carries: causes, contexts, urllib3 reasons, connector originals; outermost first."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        link = waiting.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]


def _text_of(error: BaseException, hide: tuple[str, ...]) -> str:
    if isinstance(error, exc.RequestError) and error.context:
        # The message itself carries a parser's complaint about the body, which says nothing to anybody.
        return redact(str(error.context.get("error-message") or ""), hide)
    # The connector's __str__ returns its message, which may be None.
    return redact(str(error.args[0] or "") if error.args else "", hide)


def _status(chain: list[BaseException]) -> int | None:
    """The HTTP status that ended it; the connector's own note of it is stale unless the reply was read."""
    for link in chain:
        if isinstance(link, http.ResponseError) and (found := re.search(r"too many (\d{3})", str(link))):
            return int(found[1])
    for link in chain:
        if isinstance(link, exc.RequestError) and (code := link.context.get("http-code")):
            return int(code)
    return None


def _is_download(chain: list[BaseException]) -> bool:
    """Whether it happened on the way to a result file: only those go through the connector's second client."""
    return any(
        isinstance(link, exc.Error) and str(link.args[0]).startswith(("HTTP request ", "CloudFetch link"))
        for link in chain
        if link.args
    )


def _of_a_download(chain: list[BaseException], text: str) -> SourceError:
    if "expired" in text:
        return SourceInconsistent("The links to the result files have expired.", next_step=_TRY_LATER)
    if (found := re.search(r"HTTP (\d{3})|too many (\d{3})", text)) is not None:
        status = found[1] or found[2]
        return SourceUnavailable(f"The cloud storage refused a result file (HTTP {status}).", next_step=_CLOUD_FETCH)
    if any(isinstance(link, http.ProtocolError) for link in chain) and not any(
        isinstance(link, http.MaxRetryError) for link in chain
    ):
        return SourceInconsistent("A result file arrived incomplete.", next_step=_TRY_LATER)
    return SourceUnreachable("The cloud storage with the result files cannot be reached.", next_step=_CLOUD_FETCH)


def _of_the_network(chain: list[BaseException], host: str) -> SourceError:
    if any(isinstance(link, http.ReadTimeoutError) for link in chain):
        return SourceUnavailable(f"{host} took the request but does not answer.", next_step=_WAREHOUSE_STATE)
    gave_up = any(isinstance(link, http.MaxRetryError) for link in chain)
    if not gave_up and any(isinstance(link, http.ProtocolError) for link in chain):
        return SourceInconsistent(f"A reply of {host} was cut off.", next_step=_TRY_LATER)
    reasons = [link for link in chain if not isinstance(link, http.MaxRetryError)]
    return unreachable(reasons[0] if reasons else chain[0], host=host)


def _of_the_statement(text: str) -> SourceError:
    """What the server said about the statement, session or operation."""
    found = _ERROR_CLASS.search(text)
    name = (found[1] or found[2]) if found else ""
    if name.split(".")[0] in _MISSING_CLASSES or _MISSING_TEXT.search(text):
        return SourceForbidden(f"Databricks does not show what the statement reads: {text}.", next_step=_grants(text))
    if _UNSUPPORTED.search(text):
        return WarehouseUnusable(f"This warehouse cannot be used: {text}.", next_step=_OTHER_TYPE)
    if _BUSY.search(text):
        return SourceThrottled(f"The warehouse is full: {text}.", next_step=_TRY_LATER)
    if _TIMED_OUT.search(text):
        return SourceTimeout(f"The warehouse stopped the statement: {text}.", next_step=_SHORTER)
    if _LOST.search(text) or _CANCELLED.search(text) or name == "INTERNAL_ERROR":
        return SourceUnavailable(f"The warehouse dropped the statement: {text}.", next_step=_WAREHOUSE_STATE)
    return SourceSqlError(
        f"Databricks refused the statement: {text or 'no reason given'}.",
        next_step="Report this text: the statements of CostPulse should run on every SQL warehouse. "
        "A system table may have changed.",
    )


def _grants(text: str) -> str:
    found = _SYSTEM_OBJECT.search(text)
    schema = f"system.{found[1]}" if found else "system.billing"
    return (
        f"As an admin run GRANT USE CATALOG ON CATALOG system TO `<principal>`, GRANT USE SCHEMA ON SCHEMA {schema} "
        f"TO `<principal>` and GRANT SELECT ON SCHEMA {schema} TO `<principal>`; if the schema does not exist, "
        "an account admin enables it first."
    )
