"""Daily cost of everything that is watched or planned for, as one matrix: what detection and forecasts start from."""

import io
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from costpulse_assets.periods import last_final_day
from costpulse_assets.resources.database import Connection, run
from costpulse_assets.resources.sql_files import load_sql

ScopeType = Literal["everything", "workspace", "product", "team", "sku", "job", "warehouse", "cluster", "tag"]
SCOPE_TYPES: tuple[ScopeType, ...] = get_args(ScopeType)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose cost a series is.

    Attributes:
        type: kind of scope; a team stands for itself and the teams below it.
        id: '' for everything; workspace id ('' for what has none); product; team id or 'unallocated'; SKU name;
            workspace id/job id; workspace id/warehouse id; workspace id/cluster id of an all-purpose cluster; key=value
            of a tag.
    """

    type: ScopeType
    id: str = ""

    def __str__(self) -> str:
        return f"{self.type} {self.id}".rstrip()


@dataclass(frozen=True)
class DailySeries:
    """Daily cost per scope.

    Attributes:
        frame: days x scopes, USD as float64. The index has every day from the first to the last collected one. A day
            without cost is 0 where it was collected; NaN is a day that was not, or one before the scope's first cost.
        final_until: last final day; what later days hold is not all of it. None: no day is final yet.
    """

    frame: pd.DataFrame
    final_until: date | None

    @property
    def final(self) -> pd.DataFrame:
        """The rows of final days."""
        if self.final_until is None:
            return self.frame.iloc[:0]
        return self.frame.loc[: pd.Timestamp(self.final_until)]


def read_series(
    connection: Connection,
    *,
    scope_types: Collection[ScopeType],
    days: int,
    minimum_spend: Decimal = Decimal(0),
    tags: Collection[str] = (),
) -> DailySeries:
    """Reads the daily cost of all scopes of these types.

    Args:
        connection: any connection that may read the roll-ups.
        scope_types: which kinds; tags read the widest roll-up.
        days: length of the window that ends with the newest collected day.
        minimum_spend: USD; jobs, warehouses and clusters that never cost this much in 30 days are left out.
        tags: key=value of each tag that is wanted; only with scope type tag.
    """
    known = {row["usage_date"]: row["is_provisional"] for row in run(connection, "app/completeness")}
    if not known:
        return DailySeries(pd.DataFrame(index=pd.DatetimeIndex([], name="usage_date")), None)
    last = max(known)
    first = max(min(known), last - timedelta(days=days - 1))
    table = _read(
        connection,
        {
            "first": first,
            "last": last,
            "scope_types": list(scope_types),
            "minimum_spend": minimum_spend,
            "tags": list(tags),
        },
    )
    frame = _matrix(table, first, last)
    collected = np.array([day.date() in known for day in frame.index])
    missing = np.isnan(frame.to_numpy(dtype=float))
    begun = np.maximum.accumulate(~missing, axis=0)
    frame = frame.mask(begun & collected[:, None] & missing, 0.0)
    return DailySeries(frame, last_final_day(known.items()))


def _read(connection: Connection, parameters: dict[str, Any]) -> pa.Table:
    # Hundreds of thousands of rows: as CSV into Arrow, not one by one into Python.
    statement = f"copy ({load_sql('transform/daily_series')}) to stdout (format csv, header)"
    buffer = io.BytesIO()
    with psycopg.ClientCursor(connection).copy(statement.encode(), parameters) as copy:
        for chunk in copy:
            buffer.write(chunk)
    types = {"scope_type": pa.string(), "scope_id": pa.string(), "usage_date": pa.date32(), "cost_usd": pa.float64()}
    return csv.read_csv(
        pa.BufferReader(buffer.getvalue()),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )


def _matrix(table: pa.Table, first: date, last: date) -> pd.DataFrame:
    index = pd.date_range(first, last, freq="D", name="usage_date")
    # The type has no space, so the first one ends it.
    named = pc.binary_join_element_wise(table["scope_type"], table["scope_id"], " ").combine_chunks()
    encoded = named.dictionary_encode()
    scopes = []
    for name in encoded.dictionary.to_pylist():
        scope_type, _, scope_id = name.partition(" ")
        scopes.append(Scope(scope_type, scope_id))
    values = np.full((len(index), len(scopes)), np.nan)
    rows = (table["usage_date"].combine_chunks().to_numpy(zero_copy_only=False) - np.datetime64(first)).astype(int)
    values[rows, encoded.indices.to_numpy()] = table["cost_usd"].to_numpy()
    order = sorted(range(len(scopes)), key=lambda at: (SCOPE_TYPES.index(scopes[at].type), scopes[at].id))
    columns = pd.Index([scopes[at] for at in order], dtype=object, tupleize_cols=False, name="scope")
    return pd.DataFrame(values[:, order], index=index, columns=columns)
