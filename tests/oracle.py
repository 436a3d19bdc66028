"""An independent answer to "what did this usage cost": plain `Decimal` over raw usage and price rows.

It shares no code and no SQL with collectors, transforms or the demo account; it is written from
the rules of the product, slowly and plainly, so that agreement to the last digit means something.

Rows are dicts as `pyarrow.Table.to_pylist()` gives them for `select *` on `system.billing.usage` and
`system.billing.list_prices`: structs are dicts, maps are lists of pairs (or dicts), decimals are `Decimal`.

Rounding: money is made once per **cost record**, that is per usage_date x ingestion_date x record_type x
attribution key x SKU x unit x list rate: the quantities of the raw rows of one record are added exactly,
multiplied by the rate, and the product is rounded to 18 decimals, half away from zero. Sums over records are
exact. Rounding each raw row, or the day's total, would differ in the last digits. The effective rate is
round(list rate * (1 + percentage / 100), 18), rounded before it is multiplied.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

Row = Mapping[str, Any]
#: (usage_date, workspace_id or None for account-level usage, sku_name, product)
DailyKey = tuple[date, str | None, str, str]

#: Enough digits for a sum of DECIMAL(38,18) times a DECIMAL(38,18) without rounding.
_EXACT = Context(prec=120, rounding=ROUND_HALF_UP)
_STEP = Decimal("1e-18")

#: What else usage can belong to, besides cluster, warehouse, job, pipeline, endpoint: the first present wins.
_OTHER_RESOURCES = (
    ("notebook", "notebook_id"),
    ("app", "app_id"),
    ("database_instance", "database_instance_id"),
    ("clean_room", "central_clean_room_id"),
    ("table", "uc_table_name"),
    ("sharing_materialization", "sharing_materialization_id"),
    ("training_run", "run_name"),
    ("private_endpoint", "private_endpoint_name"),
    ("metastore", "metastore_id"),
    ("network_route", "destination_region"),
)


@dataclass(frozen=True)
class Totals:
    """Net totals of one day, workspace, SKU and product.

    Attributes:
        quantity: in the usage unit of the SKU, corrections included.
        dbus: the part of the quantity measured in DBU; None when nothing is.
        list_cost: at list price; None when no record has a price.
        cost: at list price after adjustments; None when no record has one.
        unpriced_quantity: the quantity of records without a cost.
        records: cost records (the grain above), not raw rows.
    """

    quantity: Decimal
    dbus: Decimal | None
    list_cost: Decimal | None
    cost: Decimal | None
    unpriced_quantity: Decimal
    records: int


def expected_daily_costs(
    usage_rows: Iterable[Row], price_rows: Iterable[Row], adjustments: Iterable[Row], *, currency: str = "USD"
) -> dict[DailyKey, Totals]:
    """Price raw usage and add it up per day, workspace, SKU and product.

    Args:
        usage_rows: rows of `system.billing.usage`.
        price_rows: rows of `system.billing.list_prices`; other currencies are passed over.
        adjustments: rows of `price_adjustments` (id, sku_pattern, percentage or fixed_rate, half-open validity).
        currency: the one currency of the answer.

    Raises:
        ValueError: two price windows of one SKU start at the same moment, so that no answer would be right.
    """
    windows = _price_windows(price_rows, currency)
    adjustments = list(adjustments)
    with localcontext(_EXACT):
        quantities: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
        for row in usage_rows:
            quantities[_record_key(row, windows)] += row["usage_quantity"]

        records: defaultdict[DailyKey, list[tuple[Any, ...]]] = defaultdict(list)
        for (usage_date, _, _, attribution, sku_name, unit, list_rate), quantity in quantities.items():
            rate = _effective_rate(list_rate, sku_name, usage_date, adjustments)
            workspace_id, product = attribution[1], attribution[2]
            records[usage_date, workspace_id, sku_name, product].append(
                (quantity, unit, _money(quantity, list_rate), _money(quantity, rate))
            )
        return {
            key: Totals(
                quantity=sum((r[0] for r in of_day), Decimal(0)),
                dbus=_sum_of_known(r[0] if r[1] == "DBU" else None for r in of_day),
                list_cost=_sum_of_known(r[2] for r in of_day),
                cost=_sum_of_known(r[3] for r in of_day),
                unpriced_quantity=sum((r[0] for r in of_day if r[3] is None), Decimal(0)),
                records=len(of_day),
            )
            for key, of_day in records.items()
        }


def _price_windows(price_rows: Iterable[Row], currency: str) -> dict[tuple[str, str, str], list[Row]]:
    """Price rows by cloud, SKU and unit, newest start first."""
    windows: defaultdict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in price_rows:
        if row["currency_code"] == currency:
            windows[row["cloud"], row["sku_name"], row["usage_unit"]].append(row)
    for (_, sku_name, _), rows in windows.items():
        rows.sort(key=lambda row: row["price_start_time"], reverse=True)
        starts = [row["price_start_time"] for row in rows]
        if len(set(starts)) < len(starts):
            raise ValueError(f"two prices of {sku_name} start at the same moment")
    return windows


def _list_rate(row: Row, windows: Mapping[tuple[str, str, str], list[Row]]) -> Decimal | None:
    """The price in force when the usage started: of the window that started last, if it has not ended."""
    for price in windows.get((row["cloud"], row["sku_name"], row["usage_unit"]), ()):
        if price["price_start_time"] <= row["usage_start_time"]:
            end = price["price_end_time"]
            if end is not None and end <= row["usage_start_time"]:
                return None
            pricing = price["pricing"]
            rate = (pricing.get("effective_list") or {}).get("default")
            rate = pricing["default"] if rate is None else rate
            return None if rate is None else _round(Decimal(rate))
    return None


def _record_key(row: Row, windows: Mapping[tuple[str, str, str], list[Row]]) -> tuple[Any, ...]:
    """The grain of a cost record; its fourth part is what cost can be attributed by."""
    features = row["product_features"] or {}
    metadata = row["usage_metadata"] or {}
    identity = row["identity_metadata"] or {}
    serverless = features.get("is_serverless")

    product = "UNKNOWN" if row["billing_origin_product"] is None else row["billing_origin_product"]
    if serverless:
        product += "_SERVERLESS"

    user = user_source = None
    for field in ("run_as", "owned_by", "created_by"):
        if identity.get(field) is not None:
            user, user_source = identity[field], field
            break

    resource = resource_type = None
    for kind, field in _OTHER_RESOURCES:
        if metadata.get(field) is not None:
            resource_type, resource = kind, metadata[field]
            if kind == "table":
                resource = (
                    metadata.get("uc_table_catalog") or "",
                    metadata.get("uc_table_schema") or "",
                    resource,
                )
            elif kind == "network_route":
                resource = (metadata.get("source_region") or "", resource)
            break

    attribution = (
        row["account_id"],
        row["workspace_id"],
        product,
        row["usage_type"],
        serverless,
        metadata.get("cluster_id"),
        metadata.get("warehouse_id"),
        metadata.get("job_id"),
        metadata.get("dlt_pipeline_id"),
        metadata.get("endpoint_name"),
        resource_type,
        resource,
        user,
        user_source,
        frozenset(dict(row["custom_tags"] or {}).items()),
    )
    return (
        row["usage_date"],
        row["ingestion_date"],
        row["record_type"],
        attribution,
        row["sku_name"],
        row["usage_unit"],
        _list_rate(row, windows),
    )


def _effective_rate(
    list_rate: Decimal | None, sku_name: str, usage_date: date, adjustments: Iterable[Row]
) -> Decimal | None:
    """The rate after the one adjustment that applies: longest literal part of the pattern, then lowest id."""
    matching = [
        a
        for a in adjustments
        if _matches(a["sku_pattern"], sku_name)
        and a["valid_from"] <= usage_date
        and (a["valid_to"] is None or usage_date < a["valid_to"])
    ]
    if not matching:
        return list_rate
    chosen = min(matching, key=lambda a: (-len(a["sku_pattern"].replace("*", "")), a["id"]))
    if chosen["fixed_rate"] is not None:
        return Decimal(chosen["fixed_rate"])
    if list_rate is None:
        return None
    return _round(list_rate * (1 + chosen["percentage"] / Decimal(100)))


def _matches(pattern: str, sku_name: str) -> bool:
    """Whether a case-insensitive pattern, in which only `*` is special, covers the whole name."""
    expression = ".*".join(re.escape(part) for part in pattern.lower().split("*"))
    return re.fullmatch(expression, sku_name.lower(), re.DOTALL) is not None


def _money(quantity: Decimal, rate: Decimal | None) -> Decimal | None:
    return None if rate is None else _round(quantity * rate)


def _round(value: Decimal) -> Decimal:
    """To 18 decimals, half away from zero (which `decimal` calls ROUND_HALF_UP, for both signs)."""
    return value.quantize(_STEP, context=_EXACT)


def _sum_of_known(values: Iterable[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None
