"""Collects `system.billing.usage` into cost_records, cost_keys, collected_days and collection_log.

The warehouse aggregates to our grain and joins the list price in force; the database makes the money. A window of
days is replaced in one transaction: delete, COPY while the result streams in, checks, books, commit. After any error
nothing of the window has changed. The control query runs before and after on the same connection: if the source moved
meanwhile the statement is repeated, twice at most, and then the moving days are kept and marked in flight.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from costpulse_assets.collectors.prices import PriceTable
from costpulse_assets.collectors.row_rules import reasons
from costpulse_assets.errors import SourceError, SourceInconsistent
from costpulse_assets.identities import Identities
from costpulse_assets.periods import Period, newest_first
from costpulse_assets.resources.database import (
    Connection,
    Database,
    copy_batches,
    delete_days,
    expect_no_rows,
    run,
)
from costpulse_assets.resources.source import Source
from costpulse_assets.resources.sql_files import load_sql

#: Name of this source in collected_days, collection_log, rejected_rows and collection_status.
SOURCE = "cost_records"

KEY_COLUMNS = (
    "key_id",
    "account_id",
    "workspace_id",
    "product",
    "usage_type",
    "is_serverless",
    "cluster_id",
    "warehouse_id",
    "job_id",
    "job_name",
    "pipeline_id",
    "endpoint_name",
    "resource_type",
    "resource_id",
    "user_email",
    "user_source",
    "tags",
)
COLUMNS = (
    "usage_date",
    "ingestion_date",
    "record_type",
    *KEY_COLUMNS,
    "cloud",
    "sku_name",
    "usage_unit",
    "usage_quantity",
    "dbu_rate",
    "effective_rate",
    "price_adjustment_id",
    "record_count",
)
GRAIN = (
    "usage_date",
    "ingestion_date",
    "record_type",
    "key_id",
    "sku_name",
    "usage_unit",
    "cloud",
    "dbu_rate",
)
#: Odd numbers that mix the four words of a key into one.
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
PRICE_POINT = ("sku_name", "usage_date", "dbu_rate")

#: Who runs or owns what costs.
IDENTITIES = ("user_email",)

#: A statement is run at most this often before its last error, or a moving day, is accepted.
ATTEMPTS = 3


class DayTotals(NamedTuple):
    """What the source holds of a day; equal totals mean an unchanged day."""

    source_rows: int
    source_quantity: Decimal
    newest_ingestion_date: date | None


NO_USAGE = DayTotals(0, Decimal(0), None)


@dataclass
class Collected:
    """What one collection did."""

    days: list[date] = field(default_factory=list)
    changed: list[date] = field(default_factory=list)
    in_flight: list[date] = field(default_factory=list)
    rows: int = 0
    rejected: int = 0

    def add(self, other: "Collected") -> None:
        """Adds the outcome of another window."""
        self.days += other.days
        self.changed += other.changed
        self.in_flight += other.in_flight
        self.rows += other.rows
        self.rejected += other.rejected


def collect(
    database: Database,
    source: Source,
    days: list[date],
    *,
    prices: PriceTable,
    chunk_days: int,
    identities: Identities,
    run_id: str | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Collected:
    """Collects these days, newest first, each chunk of days in a transaction of its own.

    Interrupted at any moment, the chunks done stay done and the rest is taken by the next collection.

    Args:
        database: where to.
        source: where from.
        days: usage dates, UTC; each is replaced as a whole.
        prices: which price table and currency to join.
        chunk_days: days per statement and transaction.
        identities: how addresses and principals are stored.
        run_id: written to collection_log.
        progress: called with one sentence per chunk.

    Raises:
        SourceError: a named failure of the source, after the restarts it allows.
        DatabaseUnavailable, DatabaseRefused, InvariantBroken: nothing of the current chunk was written.
    """
    total = Collected()
    wanted = len(set(days))
    for window in newest_first(days, at_most=chunk_days):
        outcome = _collect_window(
            database, source, window, prices=prices, identities=identities, run_id=run_id, progress=progress
        )
        total.add(outcome)
        progress(f"{len(total.days)}/{wanted} days: {window}, {outcome.rows:,} records")
    return total


def control_totals(source: Source, window: Period) -> dict[date, DayTotals]:
    """What the source holds of each day of the window now; a day without usage is absent."""
    table = source.fetch(
        load_sql("collect/control_totals"), {"from_date": window.first, "to_date": window.last}
    ).read_all()
    return {
        row["usage_date"]: DayTotals(
            row["source_rows"], row["source_quantity"] or Decimal(0), row["newest_ingestion_date"]
        )
        for row in table.to_pylist()
    }


def changed_days(database: Database, source: Source, window: Period) -> list[date]:
    """Days whose totals differ from the last collection, or that were marked to be collected again.

    Marked and in-flight days count wherever they are; a day inside the window that was never collected counts too.
    """
    known = {row["usage_date"]: row for row in database.rows("transform/collected_days_known", {"source": SOURCE})}
    totals = control_totals(source, window)
    changed = {day for day, row in known.items() if row["in_flight"] or row["recollect_reason"]}
    for day in window:
        row = known.get(day)
        if row is None or totals.get(day, NO_USAGE) != DayTotals(
            row["source_rows"], row["source_quantity"], row["newest_ingestion_date"]
        ):
            changed.add(day)
    return sorted(changed)


def reprice(database: Database, days: list[date], *, chunk_days: int) -> list[date]:
    """Makes the money of these days anew from the present price adjustments, without asking the source."""
    for window in newest_first(days, at_most=chunk_days):
        with database.writing() as connection:
            bounds = {"from_date": window.first, "to_date": window.last, "source": SOURCE}
            # Cleared first: an adjustment that changes from here on marks the day again.
            run(connection, "transform/collected_days_repriced", bounds)
            run(connection, "transform/stage_repriced_cost_records", bounds)
            delete_days(connection, "cost_records", window.first, window.last)
            run(connection, "transform/repriced_cost_records", bounds)
    return sorted(days)


def collected_days(database: Database) -> list[date]:
    """Every day collected so far."""
    return [row["usage_date"] for row in database.rows("transform/collected_days_known", {"source": SOURCE})]


def days_to_reprice(database: Database) -> list[date]:
    """Days touched by an adjustment that changed since their money was made."""
    known = database.rows("transform/collected_days_known", {"source": SOURCE})
    return [row["usage_date"] for row in known if row["reprice_reason"]]


def _collect_window(
    database: Database,
    source: Source,
    window: Period,
    *,
    prices: PriceTable,
    identities: Identities,
    run_id: str | None,
    progress: Callable[[str], None],
) -> Collected:
    """Runs the statement until it succeeds and the source stood still, at most ATTEMPTS times."""
    for attempt in range(1, ATTEMPTS + 1):
        last = attempt == ATTEMPTS
        try:
            return _replace_window(
                database, source, window, prices=prices, identities=identities, run_id=run_id, accept_moving=last
            )
        except SourceMoved as moved:
            progress(f"{window}: {moved}; the statement is repeated")
        except SourceError as error:
            if last or not error.retryable:
                raise
            progress(f"{window}: {error.message} The statement is repeated")
    raise AssertionError("the last attempt returns or raises")


class SourceMoved(Exception):
    """The control totals changed while the statement ran."""


def _replace_window(
    database: Database,
    source: Source,
    window: Period,
    *,
    prices: PriceTable,
    identities: Identities,
    run_id: str | None,
    accept_moving: bool,
) -> Collected:
    before = control_totals(source, window)
    bounds: dict[str, Any] = {"from_date": window.first, "to_date": window.last, "source": SOURCE}
    stream = _Stream(identities)
    with database.session() as beside, database.writing() as connection:
        priced_with = _adjustments_fingerprint(beside)
        delete_days(connection, "cost_records", window.first, window.last)
        run(connection, "transform/delete_rejected_rows", bounds)
        reader = source.fetch(
            prices.apply_to(load_sql("collect/cost_records")),
            {"from_date": window.first, "to_date": window.last, "currency": prices.currency},
        )
        copy_batches(
            connection,
            sql.Identifier("costpulse", "cost_records"),
            COLUMNS,
            stream.accepted(reader, beside),
        )
        run(connection, "transform/cost_keys", bounds)
        _write_rejected(connection, stream.rejected)
        if stream.may_repeat_a_grain():
            expect_no_rows(
                connection, "checks/cost_records_grain", bounds, otherwise="A grain occurs twice in cost_records"
            )
        after = control_totals(source, window)
        moving = sorted(day for day in window if before.get(day, NO_USAGE) != after.get(day, NO_USAGE))
        if moving and not accept_moving:
            raise SourceMoved(f"the source changed {len(moving)} days while they were read")
        books = run(
            connection,
            "transform/collected_days",
            {
                **bounds,
                "days": list(window),
                "source_rows": [after.get(day, NO_USAGE).source_rows for day in window],
                "source_quantities": [after.get(day, NO_USAGE).source_quantity for day in window],
                "newest_ingestion_dates": [after.get(day, NO_USAGE).newest_ingestion_date for day in window],
                "moving": moving,
                "adjustments_changed": _adjustments_fingerprint(connection) != priced_with,
                "run_id": run_id,
            },
        )
        for row in books:
            if row["is_complete"] is False:
                raise SourceInconsistent(
                    f"The result for {row['usage_date']} has {row['record_count']} rows and quantity "
                    f"{row['usage_quantity']}, the source announced {row['source_rows']} rows and quantity "
                    f"{row['source_quantity']}; nothing was written.",
                    next_step="Run it again; if it repeats, compare the day in system.billing.usage by hand.",
                )
    return Collected(
        days=list(window),
        changed=[row["usage_date"] for row in books if row["is_changed"]],
        in_flight=moving,
        rows=stream.rows,
        rejected=sum(int(row["record_count"]) for row in stream.rejected),
    )


class _Stream:
    """The result on its way into the table: rows refused are kept beside it."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self.rows = 0
        self.rejected: list[dict[str, Any]] = []
        self._grains: list[npt.NDArray[np.uint64]] = []
        self._rates: dict[tuple[str, date, Decimal | None], tuple[Decimal | None, int | None]] = {}

    def accepted(self, reader: pa.RecordBatchReader, beside: Connection) -> Iterator[pa.RecordBatch]:
        """Batches of acceptable rows with the customer's rate, ready for COPY."""
        for batch in reader:
            batch = self._identities.protect_keys(self._identities.protect(batch, IDENTITIES), "key_id")
            why = reasons(batch)
            if why is not None:
                refused = batch.append_column("reason", why).filter(pc.is_valid(why))
                self.rejected += refused.to_pylist()
                batch = batch.filter(pc.is_null(why))
            if batch.num_rows == 0:
                continue
            self.rows += batch.num_rows
            self._grains.append(_grain_hashes(batch))
            yield self._with_rates(batch, beside)

    def may_repeat_a_grain(self) -> bool:
        """False proves that no grain came twice; asking the database instead takes a tenth of the load's time."""
        ordered = np.sort(np.concatenate([np.empty(0, np.uint64), *self._grains]))
        return bool((ordered[1:] == ordered[:-1]).any())

    def _with_rates(self, batch: pa.RecordBatch, beside: Connection) -> pa.RecordBatch:
        """Appends effective_rate and price_adjustment_id, looked up once per price point."""
        codes, points = _distinct_points(batch)
        unknown = [point for point in points if point not in self._rates]
        if unknown:
            for row in run(
                beside,
                "transform/effective_rates",
                {
                    "sku_names": [point[0] for point in unknown],
                    "usage_dates": [point[1] for point in unknown],
                    "dbu_rates": [point[2] for point in unknown],
                },
            ):
                self._rates[row["sku_name"], row["usage_date"], row["dbu_rate"]] = (
                    row["effective_rate"],
                    row["price_adjustment_id"],
                )
        rates = pa.array([self._rates[point][0] for point in points], type=pa.decimal128(38, 18))
        adjustments = pa.array([self._rates[point][1] for point in points], type=pa.int64())
        return batch.append_column("effective_rate", rates.take(codes)).append_column(
            "price_adjustment_id", adjustments.take(codes)
        )


def _grain_hashes(batch: pa.RecordBatch) -> npt.NDArray[np.uint64]:
    """A number per row; rows with different numbers are different grains."""
    # A key is 32 hexadecimal digits, read as four numbers: a Python hash of each would take ten times as long.
    keys = batch.column("key_id").cast(pa.binary()).cast(pa.binary(32))
    words = np.frombuffer(keys.buffers()[1], np.uint64).reshape(-1, 4)[keys.offset : keys.offset + len(keys)]
    hashes: npt.NDArray[np.uint64] = (words * _MIX).sum(axis=1, dtype=np.uint64)
    for name in GRAIN:
        if name != "key_id":
            column = batch.column(name).dictionary_encode(null_encoding="encode")
            values = np.array([hash((name, value)) for value in column.dictionary.to_pylist()], np.int64)
            hashes ^= values[column.indices.to_numpy()].view(np.uint64)
    return hashes


def _distinct_points(batch: pa.RecordBatch) -> tuple[pa.Array, list[tuple[str, date, Decimal | None]]]:
    """The distinct price points of a batch, and for each row the position of its own."""
    sku, day, rate = (batch.column(name).dictionary_encode(null_encoding="encode") for name in PRICE_POINT)
    combined = pc.add(
        pc.multiply(
            pc.add(pc.multiply(sku.indices.cast(pa.int64()), len(day.dictionary)), day.indices.cast(pa.int64())),
            len(rate.dictionary),
        ),
        rate.indices.cast(pa.int64()),
    ).dictionary_encode()
    days, rates = len(day.dictionary), len(rate.dictionary)
    skus, dates, prices = sku.dictionary.to_pylist(), day.dictionary.to_pylist(), rate.dictionary.to_pylist()
    points = [
        (skus[code // rates // days], dates[code // rates % days], prices[code % rates])
        for code in combined.dictionary.to_pylist()
    ]
    return combined.indices, points


def _adjustments_fingerprint(connection: Connection) -> str:
    return str(run(connection, "transform/price_adjustments_fingerprint")[0]["fingerprint"])


def _write_rejected(connection: Connection, rejected: list[dict[str, Any]]) -> None:
    """Refused rows with their reason and content; NUL characters are written out so that they can be stored."""
    if not rejected:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            load_sql("transform/rejected_rows").encode(),
            [
                {
                    "source": SOURCE,
                    "usage_date": row["usage_date"],
                    "reason": row["reason"],
                    "record_count": row["record_count"],
                    "usage_quantity": None if row["usage_quantity"] is None else str(row["usage_quantity"]),
                    "row_content": json.dumps(
                        {
                            name: None if value is None else str(value).replace("\x00", "\\0")
                            for name, value in row.items()
                            if name != "reason"
                        }
                    ),
                }
                for row in rejected
            ],
        )
