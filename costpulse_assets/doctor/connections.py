"""Checks one connection: host, sign-in, SQL warehouse, its speed, auto-stop and clock."""

import re
import socket
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version

from costpulse_assets.doctor.examination import Examination, Verdict, clock_verdict
from costpulse_assets.errors import (
    SourceCredentials,
    SourceError,
    SourceForbidden,
    SourceSqlError,
    SourceUnreachable,
)
from costpulse_assets.resources.source import Source
from costpulse_assets.resources.sql_files import load_sql
from costpulse_assets.settings import Connection

CHECKS = ("host", "sign-in", "SQL warehouse", "round trip", "clock", "auto-stop", "connector")

# DBU per hour of one cluster of a warehouse, by size.
_DBU_PER_HOUR = {
    "2X_SMALL": 4, "X_SMALL": 6, "SMALL": 12, "MEDIUM": 24, "LARGE": 40,
    "X_LARGE": 80, "2X_LARGE": 144, "3X_LARGE": 272, "4X_LARGE": 528,
}  # fmt: skip
# USD per DBU at list price in most regions: near enough to say what idle minutes cost.
_USD_PER_DBU = {"SERVERLESS": Decimal("0.70"), "PRO": Decimal("0.55"), "CLASSIC": Decimal("0.22")}

#: Minutes of auto-stop that are not worth a word: the least that pro and classic warehouses can be set to.
_SHORT_AUTO_STOP = 10
_SLOW_SECONDS = 5.0
_ROUTE_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """What a warehouse says of itself, and when by our clock."""

    principal: str
    clock: datetime
    before: datetime
    after: datetime
    seconds: float


def connection_area(name: str) -> str:
    """The area of a connection's rows."""
    return f"connection {name}"


def examine_connection(examination: Examination, connection: Connection, source: Source) -> str | None:
    """The rows of one connection.

    Returns:
        Who we are to the warehouse, as GRANT statements name it; None where it does not answer.
    """
    area = connection_area(connection.name)
    if not examination.check(area, "host", lambda: _host(connection)):
        examination.skip(area, CHECKS[1:], "The host cannot be reached.")
        return None
    answers: list[Answer] = []
    refusals: list[SourceError] = []
    examination.check(area, "sign-in", lambda: _sign_in(connection, source, answers, refusals))
    if not answers and not refusals:
        examination.skip(area, CHECKS[2:], "Without signing in it cannot be seen.")
        return None
    if not examination.check(area, "SQL warehouse", lambda: _warehouse(connection, answers, refusals)):
        examination.skip(area, CHECKS[3:], "The warehouse does not answer.")
        return None
    examination.check(area, "round trip", lambda: _round_trip(source, answers))
    last = answers[-1]
    examination.check(area, "clock", lambda: clock_verdict(last.clock, last.before, last.after, whose="the warehouse"))
    examination.check(area, "auto-stop", lambda: _auto_stop(connection, source))
    examination.check(area, "connector", _connector)
    return answers[0].principal


def _host(connection: Connection) -> Verdict:
    """Name and route; the connector would try again for minutes what is plain at once."""
    # Imported here, as it takes a second: settings and database are checked without it.
    from costpulse_assets.resources.databricks_errors import unreachable

    if "https" in urllib.request.getproxies() and not urllib.request.proxy_bypass(connection.host):
        return Verdict("ok", f"{connection.host} is reached by the proxy.")
    try:
        with socket.create_connection((connection.host, connection.port), timeout=_ROUTE_SECONDS) as reached:
            address = reached.getpeername()[0]
    except OSError as error:
        raise unreachable(error, host=connection.host) from error
    return Verdict("ok", f"{connection.host} is {address} and listens on port {connection.port}.")


def _sign_in(connection: Connection, source: Source, answers: list[Answer], refusals: list[SourceError]) -> Verdict:
    """The first statement: signs in, and wakes the warehouse."""
    try:
        answers.append(_ask(source))
    except (SourceCredentials, SourceUnreachable):
        raise
    except SourceError as error:
        refusals.append(error)  # the next row's
        return Verdict("skipped", "Not known: the warehouse refused before.")
    how = "a token" if connection.token is not None else "the secret of a service principal"
    return Verdict("ok", f"Signed in with {how} as {answers[0].principal}.")


def _warehouse(connection: Connection, answers: list[Answer], refusals: list[SourceError]) -> Verdict:
    if refusals:
        raise refusals[0]
    found = f"answered for the first time after {answers[0].seconds:.1f} s."
    warehouse_id = _warehouse_id(connection)
    if warehouse_id is None:
        return Verdict(
            "warning",
            f"What is behind {connection.http_path} {found} It is not the path of a SQL warehouse.",
            "Use a SQL warehouse, /sql/1.0/warehouses/<id>: an all-purpose cluster costs more and starts slowly.",
        )
    return Verdict("ok", f"Warehouse {warehouse_id} {found}")


def _round_trip(source: Source, answers: list[Answer]) -> Verdict:
    """One statement on a warehouse that is awake."""
    answers.append(_ask(source))
    seconds = answers[-1].seconds
    found = f"A statement without work takes {seconds * 1000:,.0f} ms."
    if seconds > _SLOW_SECONDS:
        return Verdict("warning", found, "Look for other load on the warehouse, and at the proxy on the way there.")
    return Verdict("ok", found)


def _auto_stop(connection: Connection, source: Source) -> Verdict:
    """Its size and auto-stop, from system.compute.warehouses where it can be read."""
    warehouse_id = _warehouse_id(connection)
    if warehouse_id is None:
        return Verdict("skipped", "It is not a SQL warehouse.")
    try:
        reader = source.fetch(load_sql("doctor/warehouse"), {"warehouse_id": warehouse_id})
        rows = reader.read_all().to_pylist()
    except (SourceForbidden, SourceSqlError):
        return Verdict("skipped", "Not known: system.compute.warehouses cannot be read over this connection.")
    if len(rows) != 1:
        return Verdict("skipped", f"Not known: system.compute.warehouses has {len(rows)} warehouses of this id.")
    kind, size, minutes = rows[0]["warehouse_type"], rows[0]["warehouse_size"], rows[0]["auto_stop_minutes"] or 0
    rate = _DBU_PER_HOUR.get(size, 0) * _USD_PER_DBU.get(kind, Decimal(0))  # USD per hour; 0: not known
    fix = "Set auto-stop of the warehouse to 5 minutes (serverless) or 10 minutes (pro, classic)."
    if minutes == 0:
        cost = f": about {rate * 24 * 30:,.0f} USD in 30 days at list price" if rate else ""
        return Verdict("warning", f"{kind} warehouse of size {size} that never stops{cost}.", fix)
    found = f"{kind} warehouse of size {size}, stops after {minutes} idle minutes"
    if minutes > _SHORT_AUTO_STOP:
        cost = f": about {rate * minutes / 60:,.2f} USD at list price after each collection" if rate else ""
        return Verdict("warning", f"{found}{cost}.", fix)
    return Verdict("ok", f"{found}.")


def _connector() -> Verdict:
    return Verdict("ok", f"databricks-sql-connector {version('databricks-sql-connector')}.")


def _ask(source: Source) -> Answer:
    before, started = datetime.now(UTC), time.monotonic()
    row = source.fetch(load_sql("doctor/answer")).read_all().to_pylist()[0]
    seconds = time.monotonic() - started
    clock = row["clock"] if row["clock"].tzinfo is not None else row["clock"].replace(tzinfo=UTC)
    return Answer(row["principal"], clock, before, datetime.now(UTC), seconds)


def _warehouse_id(connection: Connection) -> str | None:
    found = re.fullmatch(r"/sql/1\.0/(?:warehouses|endpoints)/([^/?]+)/?(?:\?.*)?", connection.http_path)
    return found[1] if found else None
