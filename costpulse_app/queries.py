"""Every read of the pages: cached until new data is materialized, never by a timer.

The first argument of each cached function is the version of the data and of what the viewer may see; a new one makes
every answer new. Answers are shared by all viewers who see the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import people
from costpulse_assets.costs import spend
from costpulse_assets.costs.spend import Bin, BinSpend, GroupSpend, Measure, Selection, Unpriced, Windows
from costpulse_assets.periods import Period
from costpulse_assets.resources.sql_files import load_sql

Version = tuple[Any, ...]
_ENTRIES = 1_000
#: Groups that are named in a table and offered as filter values; further ones are summed up in one row.
LARGEST = 500


@dataclass(frozen=True)
class DayState:
    """How much of a usage day is in (0..1), whether it may be judged, and up to which hour it is in, where known."""

    share_in: Decimal
    is_provisional: bool
    in_until: datetime | None


@dataclass(frozen=True)
class SourceNotRead:
    """A source and connection whose last reading failed, is not granted, or was stopped; times are UTC."""

    source: str
    connection: str
    state: str
    message: str | None
    next_step: str | None
    attempted_at: datetime
    succeeded_at: datetime | None


def version() -> tuple[Version, datetime | None]:
    """The version of the data that the viewer sees, and when the source was last read; asked once per rerun."""
    (row,) = _rows("app/data_version")
    loaded_at = row.pop("loaded_at")
    # What is kept for one viewer is never shown to another who sees less, or more.
    return (people.current().scope, *row.values()), loaded_at


def is_read_only() -> bool:
    """Whether the database may only be read: a standby, or one that was set so; asked once per rerun."""
    (row,) = _rows("app/read_only")
    return bool(row["is_read_only"])


@st.cache_data(show_spinner=False, max_entries=4)
def days(version: Version) -> dict[date, DayState]:
    """Every collected day, oldest first."""
    return {
        row["usage_date"]: DayState(row["share_in"], row["is_provisional"], row["in_until"])
        for row in _rows("app/completeness")
    }


@st.cache_data(show_spinner=False, max_entries=4)
def names(version: Version) -> dict[tuple[str, str], str | None]:
    """(dimension, id) to name, for workspaces and teams; teams in order of creation."""
    return {(row["dimension"], row["id"]): row["name"] for row in _rows("app/names")}


@st.cache_data(show_spinner=False, max_entries=4)
def products(version: Version) -> list[str]:
    """Every product seen."""
    return [row["product"] for row in _rows("app/products")]


@st.cache_data(show_spinner=False, max_entries=4)
def tag_pairs(version: Version) -> list[tuple[str, str]]:
    """Tag keys and values to choose from."""
    return [(row["key"], row["value"]) for row in _rows("app/tag_pairs")]


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def resource_names(version: Version, dimension: str, ids: tuple[str, ...]) -> dict[str, str]:
    """See `spend.resource_names`."""
    with people.reading() as connection:
        return spend.resource_names(connection, dimension, ids)


@st.cache_data(show_spinner=False, max_entries=4)
def sources_not_read(version: Version) -> list[SourceNotRead]:
    """The sources whose last reading did not go through, by name."""
    return [SourceNotRead(**row) for row in _rows("app/sources_not_read")]


@st.cache_data(show_spinner=False, max_entries=4)
def self_cost(version: Version, day: date) -> Decimal | None:
    """What CostPulse's own queries cost on a day, in USD; None where that is not known."""
    (row,) = _rows("app/self_cost", {"day": day})
    cost: Decimal | None = row["cost_usd"]
    return cost


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def by_group(
    version: Version,
    windows: Windows,
    by: str | None,
    tag_key: str,
    selection: Selection,
    measure: Measure,
    limit: int | None = None,
) -> list[GroupSpend]:
    """See `spend.spend_by_group`."""
    with people.reading() as connection:
        return spend.spend_by_group(
            connection, windows, by=by, tag_key=tag_key, selection=selection, measure=measure, limit=limit
        )


def every_group(windows: Windows, by: str, tag_key: str, selection: Selection, measure: Measure) -> list[GroupSpend]:
    """All groups, however many, for a file; not kept, so that nobody's memory holds them."""
    with people.reading() as connection:
        return spend.spend_by_group(connection, windows, by=by, tag_key=tag_key, selection=selection, measure=measure)


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def by_bin(
    version: Version,
    period: Period,
    bin: Bin,
    by: str | None,
    named: tuple[str, ...],
    tag_key: str,
    selection: Selection,
    measure: Measure,
) -> list[BinSpend]:
    """See `spend.spend_by_bin`."""
    with people.reading() as connection:
        return spend.spend_by_bin(
            connection,
            period,
            bin=bin,
            by=by,
            named=named,
            tag_key=tag_key,
            selection=selection,
            measure=measure,
        )


@st.cache_data(show_spinner=False, max_entries=_ENTRIES)
def without_price(version: Version, period: Period, selection: Selection) -> list[Unpriced]:
    """See `spend.spend_without_price`."""
    with people.reading() as connection:
        return spend.spend_without_price(connection, period, selection=selection)


def _rows(statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters).fetchall()
