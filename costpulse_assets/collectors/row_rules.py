"""Which rows of the source are acceptable, as pure functions on Arrow batches.

A row that breaks a rule is not dropped: it goes to `rejected_rows` with its reason and is counted.
"""

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

#: What `cost_records` can hold; the same bounds stand as CHECK constraints in the migration.
MAX_QUANTITY = Decimal("1e14")
MAX_RATE = Decimal("1e6")

REQUIRED = (
    "usage_date",
    "ingestion_date",
    "record_type",
    "key_id",
    "sku_name",
    "product",
    "usage_unit",
    "usage_quantity",
)


def reasons(batch: pa.RecordBatch) -> pa.Array | None:
    """Why each row is not acceptable (null: it is), or None when all are."""
    found: pa.Array | None = None
    for name in REQUIRED:
        column = batch.column(name)
        if column.null_count:
            found = _mark(found, pc.is_null(column), f"{name} is missing")
    quantity, rate = batch.column("usage_quantity"), batch.column("dbu_rate")
    if _outside(quantity, -MAX_QUANTITY, MAX_QUANTITY):
        too_large = pc.fill_null(pc.greater(pc.abs(quantity), _decimal(MAX_QUANTITY, quantity)), False)
        found = _mark(found, too_large, f"usage_quantity is beyond {MAX_QUANTITY:,.0f}")
    if _outside(rate, Decimal(0), MAX_RATE):
        refused = pc.or_(pc.less(rate, _decimal(Decimal(0), rate)), pc.greater(rate, _decimal(MAX_RATE, rate)))
        found = _mark(found, pc.fill_null(refused, False), f"list price is not between 0 and {MAX_RATE:,.0f}")
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            # PostgreSQL has no NUL in text, and its jsonb none as an escape.
            needle = "\\u0000" if name == "tags" else "\x00"
            hit = pc.match_substring(column, needle)
            if pc.any(hit).as_py():
                found = _mark(found, pc.fill_null(hit, False), f"{name} contains a NUL character")
    return found


def _outside(column: pa.Array, low: Decimal, high: Decimal) -> bool:
    bounds = pc.min_max(column).as_py()
    return bounds["min"] is not None and (bounds["min"] < low or bounds["max"] > high)


def _decimal(value: Decimal, column: pa.Array) -> pa.Scalar:
    return pa.scalar(value, type=column.type)


def _mark(found: pa.Array | None, hit: pa.Array, reason: str) -> pa.Array:
    """The first reason of a row stays."""
    if found is None:
        found = pa.nulls(len(hit), pa.string())
    return pc.if_else(pc.and_(hit, pc.is_null(found)), pa.scalar(reason), found)
