"""Checks each system table that is read over a connection: readable, its columns, its newest row, and the grants."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Literal

import pyarrow as pa

from costpulse_assets.collectors.prices import choose_price_table
from costpulse_assets.collectors.system_tables import SYSTEM_TABLES, SystemTable
from costpulse_assets.doctor.examination import Examination, Verdict
from costpulse_assets.errors import (
    SourceCredentials,
    SourceError,
    SourceForbidden,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
    SourceUnreachable,
)
from costpulse_assets.resources.source import Parameter, Source
from costpulse_assets.resources.sql_files import load_sql
from costpulse_assets.settings import Settings

# The newest row is looked for among so many days: each day that is read costs.
_RECENT_DAYS = 7
# Usage arrives within a day; a day more is a weekend nobody worked.
_USAGE_MAY_BE_OLD_DAYS = 3

_CONNECTION_IS_LOST = (SourceUnavailable, SourceUnreachable, SourceCredentials, SourceThrottled)


def tables_area(name: str) -> str:
    """The area of the rows of the tables behind a connection."""
    return f"tables {name}"


def tables_of(settings: Settings, scopes: Iterable[str]) -> tuple[SystemTable, ...]:
    """The tables that a connection of these scopes (billing, regional) is read for."""
    chosen = set(scopes)
    return tuple(
        table
        for table in SYSTEM_TABLES
        if table.scope in chosen
        # With contract prices the list is not read; the row about prices says whether they can be.
        and not (table.name == "billing.list_prices" and settings.price_table == "account_prices")
    )


def examine_tables(
    examination: Examination,
    name: str,
    source: Source,
    tables: Sequence[SystemTable],
    *,
    settings: Settings,
    principal: str | None,
    today: date,
) -> None:
    """One row per table, and one about prices where bills are read.

    Args:
        examination: takes the rows.
        name: of the connection.
        source: behind it.
        tables: those to look at.
        settings: for the price table and currency.
        principal: to whom grants are to be given; None if not known.
        today: what ages are counted from.
    """
    area = tables_area(name)
    lost: list[SourceError] = []
    for table in tables:
        if lost:
            examination.skip(area, [table.full_name], "The connection was lost before.")
        else:
            examination.check(area, table.full_name, partial(_table, source, table, principal, today, lost))
    if not lost and any(table.scope == "billing" for table in tables):
        examination.check(area, f"prices in {settings.currency}", lambda: _prices(source, settings))


def _table(source: Source, table: SystemTable, principal: str | None, today: date, lost: list[SourceError]) -> Verdict:
    severity: Literal["failed", "warning"] = "failed" if table.required else "warning"
    try:
        schema = source.fetch(_about(table, "doctor/columns")).read_all().schema
        lacking = [column for column in table.columns if column not in schema.names]
        if lacking:
            return Verdict(
                severity,
                f"Readable, but it lacks {', '.join(lacking)}, which our statements use. {table.without}",
                "Databricks changes system tables: install the newest version of CostPulse, and if it repeats "
                "report the names.",
            )
        return _newest(source, table, schema, today)
    except SourceForbidden as error:
        return Verdict(severity, f"{_reason(error)} {table.without} {error.message}", _way_in(error, table, principal))
    except _CONNECTION_IS_LOST as error:
        lost.append(error)
        raise


def _newest(source: Source, table: SystemTable, schema: pa.Schema, today: date) -> Verdict:
    if table.date_column is None:
        return Verdict("ok", "Readable, with all columns we use.")
    day = today - timedelta(days=_RECENT_DAYS)
    is_date = pa.types.is_date(schema.field(table.date_column).type)
    since: Parameter = day if is_date else datetime.combine(day, time(), UTC)
    try:
        newest = source.fetch(_about(table, "doctor/newest_row"), {"since": since}).read_all()["newest"][0].as_py()
    except SourceTimeout:
        return Verdict("warning", "Readable, but its newest row was not found in time.", "Use a larger warehouse.")
    if newest is None:
        found, age = f"no {table.date_column} in {_RECENT_DAYS} days", timedelta.max
    else:
        found, age = f"newest {table.date_column} {newest:%Y-%m-%d}", today - (newest if is_date else newest.date())
    found = f"Readable, with all columns we use; {found}."
    if table.name == "billing.usage" and age > timedelta(days=_USAGE_MAY_BE_OLD_DAYS):
        return Verdict(
            "warning",
            f"{found} Usage normally arrives within a day.",
            "See in Databricks whether the account had usage since; if it had, ask Databricks about the delay.",
        )
    return Verdict("ok", found)


def _prices(source: Source, settings: Settings) -> Verdict:
    chosen = choose_price_table(source, settings.price_table, settings.currency)
    return Verdict("ok", f"system.billing.{chosen.name} has prices in {chosen.currency} and is the one we use.")


def _about(table: SystemTable, statement: str) -> str:
    """A statement of sql/doctor about another table: names out of our own list, never a value from outside."""
    text = load_sql(statement).replace("system.billing.usage", table.full_name)
    return text.replace("usage_date", table.date_column) if table.date_column is not None else text


def _reason(error: SourceForbidden) -> str:
    """What Databricks' words mean; a table that is not granted may be said not to exist."""
    if "SCHEMA_NOT_FOUND" in error.message or "CATALOG_NOT_FOUND" in error.message:
        return "The schema is not enabled, or not shown to us."
    if "NOT_FOUND" in error.message:
        return "Not to be seen: the schema is not enabled, the table is not granted, or this region lacks it."
    return "Not granted."


def _way_in(error: SourceForbidden, table: SystemTable, principal: str | None) -> str:
    grants = f"An account and metastore admin runs: {'; '.join(table.grants(principal))}."
    return f"{table.enabling} {grants}" if "NOT_FOUND" in error.message else grants
