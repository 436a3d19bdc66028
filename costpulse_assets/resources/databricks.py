"""The source of a real account: a Databricks SQL warehouse, through `databricks-sql-connector`.

Every call of the connector runs in a helper thread, so that no hanging peer, endless result or Ctrl-C can hold
the caller: the connector's own limits end only single requests.
"""

import logging
import socket
import ssl
import threading
import time
import urllib.request
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self, TypeVar

import pyarrow as pa
from databricks.sql.client import Connection as SqlConnection
from databricks.sql.types import SSLOptions

from costpulse_assets.errors import BadSettings, SourceCredentials, SourceError, SourceForbidden, SourceSqlError
from costpulse_assets.resources.databricks_auth import ServicePrincipal
from costpulse_assets.resources.databricks_errors import classify, ended_early, timed_out, unreachable
from costpulse_assets.resources.source import Parameter
from costpulse_assets.settings import Connection

_log = logging.getLogger(__name__)
_Value = TypeVar("_Value")


class DatabricksWarehouse:
    """Runs statements on one SQL warehouse; connects at the first fetch and keeps one connection.

    A connection that failed is thrown away and the next fetch opens a new one. Two threads must not share
    an instance.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        statement_timeout_seconds: int = 900,
        retry_duration_seconds: int = 300,
        retry_attempts: int = 10,
        retry_delay_seconds: int = 10,
        socket_timeout_seconds: int = 180,
        close_timeout_seconds: float = 5.0,
        page_rows: int = 20_000,
        connection_uri: str | None = None,
    ) -> None:
        """Keep the settings; nothing is sent yet.

        Args:
            connection: where the warehouse is and how to sign in.
            statement_timeout_seconds: longest run of one statement, enforced by the warehouse; the time spent
                waiting for one fetch is limited to this plus `retry_duration_seconds`.
            retry_duration_seconds: longest retrying of one request; a cold warehouse needs some minutes.
            retry_attempts: retries of one request, 1 to 60.
            retry_delay_seconds: the connector sleeps at least this long before each retry of a refused
                request, whatever the server asks for; 5 is its minimum.
            socket_timeout_seconds: silence after which a peer counts as dead; must exceed the time that
                the warehouse holds a request.
            close_timeout_seconds: longest time `close` may take.
            page_rows: rows per request, and so the size of the pages in memory.
            connection_uri: complete URL instead of host, port and path (plain HTTP to a local server).

        Raises:
            BadSettings: the CA file cannot be read.
        """
        if connection.ca_file is not None and not connection.ca_file.is_file():
            raise BadSettings(
                f"The CA file {connection.ca_file} does not exist.",
                next_step="Correct COSTPULSE_DATABRICKS_CA_FILE or unset it.",
            )
        self.name = connection.name
        self._host = connection.host
        self._principal = ServicePrincipal(connection) if connection.client_id is not None else None
        self._secrets = [
            secret.get_secret_value() for secret in (connection.token, connection.client_secret) if secret is not None
        ]
        self._page_rows = page_rows
        self._patience_seconds = float(statement_timeout_seconds + retry_duration_seconds)
        self._close_seconds = close_timeout_seconds
        self._session: _Session | None = None
        self._arguments: dict[str, Any] = {
            "server_hostname": connection.host,
            "http_path": connection.http_path,
            "session_configuration": {"STATEMENT_TIMEOUT": str(statement_timeout_seconds), "TIMEZONE": "UTC"},
            "query_tags": {"app": "costpulse"},
            "user_agent_entry": f"CostPulse/{version('costpulse')}",
            "enable_telemetry": False,
            "use_cloud_fetch": connection.use_cloud_fetch,
            # Each download holds a whole file in memory.
            "max_download_threads": 4,
            "_port": connection.port,
            "_socket_timeout": socket_timeout_seconds,
            "_retry_delay_max": retry_delay_seconds,
            "_retry_stop_after_attempts_count": retry_attempts,
            "_retry_stop_after_attempts_duration": retry_duration_seconds,
        }
        if self._principal is not None:
            self._arguments["credentials_provider"] = self._principal
        elif connection.token is not None:
            self._arguments["access_token"] = connection.token.get_secret_value()
        if connection.ca_file is not None:
            self._arguments["_tls_trusted_ca_file"] = str(connection.ca_file)
        if connection_uri is not None:
            self._arguments["_connection_uri"] = connection_uri

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader:
        """Run one read-only statement and stream its result, page by page.

        The statement may reach the warehouse more than once when a reply is lost. Iterating the reader (and
        `read_next_batch`, `read_all`) raises the SourceError itself; a consumer that takes the reader over
        Arrow's C interface, such as DuckDB, wraps it in an error of its own.

        Args:
            statement: Databricks SQL with parameters as `:name`.
            parameters: values by parameter name; a datetime without time zone is UTC.

        Returns:
            A reader with the result's schema, also when there are no rows.

        Raises:
            SourceError: one of its subclasses, with a next step.
        """
        values = dict(parameters or {})
        waiting = _Waiting(self._patience_seconds, hide=_texts(values))
        reused = self._session is not None
        try:
            session, cursor, first = self._start(statement, values, waiting)
        except SourceCredentials:
            # The connector keeps a token for up to an hour; a new connection signs in again.
            if self._principal is None or not reused:
                raise
            session, cursor, first = self._start(statement, values, waiting)
        pages = _Pages(self._pages(session, cursor, first, waiting))
        return pa.RecordBatchReader.from_batches(first.schema, pages)

    def close(self) -> None:
        """Close the connection; never raises and takes at most `close_timeout_seconds`."""
        session, self._session = self._session, None
        if session is not None:
            session.end(self._close_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(
        self, statement: str, values: dict[str, Parameter], waiting: "_Waiting"
    ) -> tuple["_Session", Any, pa.Table]:
        """Connect if necessary, execute, and wait for the first page, which brings the schema."""
        if self._session is None:
            arguments = self._arguments

            def open_session() -> _Session:
                if "_connection_uri" not in arguments:
                    _expect_known_host(self._host, arguments["_port"], arguments.get("_tls_trusted_ca_file"))
                return _Session(_Connection(**arguments))

            opened = self._wait_for(open_session, waiting, late=_Session.cut)
            self._session = opened
            # An adapter that nobody closed would otherwise send its last request while the interpreter ends.
            opened.at_exit = weakref.finalize(self, opened.cut)
        session = self._session
        cursor = session.connection.cursor(arraysize=self._page_rows, buffer_size_bytes=32 << 20)

        def first_page() -> pa.Table:
            cursor.execute(statement, values or None)
            state = cursor.active_result_set.status.name
            if state in ("CANCELLED", "FAILED"):
                raise ended_early(self._host, state)
            return cursor.fetchmany_arrow(self._page_rows)

        return session, cursor, self._wait_for(first_page, waiting, session, cursor)

    def _pages(self, session: "_Session", cursor: Any, page: pa.Table, waiting: "_Waiting") -> Iterator[pa.RecordBatch]:
        schema = page.schema

        def next_page() -> pa.Table:
            # Files from cloud storage may differ in nullability or metadata, never in type.
            return cursor.fetchmany_arrow(self._page_rows).cast(schema)

        try:
            while page.num_rows > 0:
                yield from page.to_batches()
                del page
                page = self._wait_for(next_page, waiting, session, cursor)
        finally:
            # After an error the session has ended already. A reader given up halfway ends here.
            if not session.ended:
                self._finish(session, cursor)

    def _finish(self, session: "_Session", cursor: Any) -> None:
        """Free the result on the server; a server that does not even do this loses the connection."""
        closing = _in_background(cursor.close)
        wait([closing], timeout=self._close_seconds)
        if not closing.done() or closing.exception() is not None:
            self._drop(session)

    def _drop(self, session: "_Session", cursor: Any = None) -> None:
        if self._session is session:
            self._session = None
        session.end(self._close_seconds, cancel=cursor)

    def _wait_for(
        self,
        call: Callable[[], _Value],
        waiting: "_Waiting",
        session: "_Session | None" = None,
        cursor: Any = None,
        *,
        late: Callable[[_Value], None] | None = None,
    ) -> _Value:
        """The value of a call of the connector, or its classified error.

        Args:
            call: runs in another thread.
            waiting: how long the caller may still wait.
            session: the connection in use, if there is one already: ended on every error but one of the statement.
            cursor: the cursor in use: cancelled on timeout, closed on every error.
            late: what to do with a value that arrives after the caller has left.
        """
        outcome = _in_background(call)
        started = time.monotonic()
        try:
            wait([outcome], timeout=waiting.seconds_left)
        finally:
            waiting.seconds_left -= time.monotonic() - started
            # Asked once: ending the session below makes the call fail, which must not hide the reason.
            finished = outcome.done()
            if not finished:
                if late is not None:
                    outcome.add_done_callback(lambda it: None if it.exception() is not None else late(it.result()))
                if session is not None:
                    self._drop(session, cursor)
        if not finished:
            raise timed_out(self._host, self._patience_seconds)
        error = outcome.exception()
        if error is None:
            return outcome.result()
        # Raised outside of an except block: the connector's own error may quote what must stay secret.
        secrets = [*self._secrets, self._principal.token if self._principal is not None else ""]
        named = classify(error, host=self._host, hide=[*secrets, *waiting.hide])
        if session is not None:
            if isinstance(named, SourceSqlError | SourceForbidden):
                self._finish(session, cursor)
            else:
                self._drop(session)
        if isinstance(named, SourceCredentials) and self._principal is not None and session is not None:
            # A new connection signs in again, so repeating the statement may succeed.
            named.retryable = True
        raise named


class _Waiting:
    """How long one fetch may still wait for the warehouse, and what its messages must not repeat.

    The time that the consumer takes between pages does not count.
    """

    def __init__(self, seconds_left: float, hide: list[str]) -> None:
        self.seconds_left = seconds_left
        self.hide = hide


class _Connection(SqlConnection):
    """The connector's connection without its destructor.

    The destructor sends requests whenever garbage is collected, even while the interpreter ends, and fails on a
    connection that never came to be. `_Session` ends every connection.
    """

    def __del__(self) -> None:
        """Send nothing."""


class _Pages:
    """The pages of one result; after an error every further call repeats it, so that nobody reads a silent end."""

    def __init__(self, pages: Iterator[pa.RecordBatch]) -> None:
        self._pages = pages
        self._repeat: Callable[[], SourceError] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> pa.RecordBatch:
        if self._repeat is not None:
            raise self._repeat()
        try:
            return next(self._pages)
        except SourceError as error:
            # Not the error itself: its traceback leads to the reader, a circle through C++ that is never collected.
            self._repeat = partial(type(error), error.message, next_step=error.next_step)
            raise


class _Session:
    """One connection of the connector, and the two ways to end it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.ended = False
        self.at_exit: weakref.finalize[..., DatabricksWarehouse] | None = None

    def end(self, seconds: float, cancel: Any = None) -> None:
        """Say goodbye to the server for at most `seconds`, then cut.

        Args:
            seconds: the connector alone would try for minutes when the server is ill.
            cancel: a cursor whose statement is still running.
        """
        self.ended = True

        def goodbye() -> None:
            if cancel is not None:
                with suppress(Exception):
                    cancel.cancel()
            self.connection.close()

        farewell = _in_background(goodbye)
        wait([farewell], timeout=seconds)
        if not farewell.done():
            _log.warning("The warehouse did not confirm the end of the session within %s seconds.", seconds)
        elif (error := farewell.exception()) is not None:
            _log.warning("The warehouse did not end the session properly (%s).", type(error).__name__)
        self.cut()

    def cut(self) -> None:
        """Close the sockets and send nothing more, also from calls still running in other threads."""
        self.ended = True
        if self.at_exit is not None:
            self.at_exit.detach()
        # No public way: the pool's requests, retries and polls then fail at once with ClosedPoolError.
        self.connection.session.backend._transport._THttpClient__pool.close()  # noqa: SLF001
        self.connection.http_client.close()


def _expect_known_host(host: str, port: int, ca_file: str | None) -> None:
    """Look the name up and shake hands once: the connector would retry a mistyped or untrusted host for minutes.

    Raises:
        SourceUnreachable: not retryable where the name server says that there is no such name, or where the
            certificate is not trusted.
    """
    if "https" in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return  # the proxy knows the name, and has a certificate of its own
    named = None
    try:
        with (
            socket.create_connection((host, port), timeout=10) as plain,
            # As the connector trusts.
            SSLOptions(tls_trusted_ca_file=ca_file).create_ssl_context().wrap_socket(plain, server_hostname=host),
        ):
            return
    except socket.gaierror as error:
        named = unreachable(error, host=host)
        named.retryable = error.errno != socket.EAI_NONAME
    except ssl.SSLCertVerificationError as error:
        named = unreachable(error, host=host)
    except OSError:
        return  # whatever else it is, the connector meets it again and knows whether to wait
    raise named  # outside the handler: the cause would hang on to it otherwise


def _texts(values: Mapping[str, Parameter]) -> list[str]:
    """How parameter values may be quoted by the server; true, false and null give nothing away."""
    return [str(value) for value in values.values() if value is not None and not isinstance(value, bool)]


def _in_background(call: Callable[[], _Value]) -> Future[_Value]:
    """Run a call in a thread of its own, which does not keep the interpreter from ending."""
    outcome: Future[_Value] = Future()

    def run() -> None:
        try:
            value = call()
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(value)

    threading.Thread(target=run, name="databricks-call", daemon=True).start()
    return outcome
