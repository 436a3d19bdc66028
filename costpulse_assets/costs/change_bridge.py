"""Why a period did not cost what another one did: the difference split into parts that add up to it.

What each part means, and a worked example, are in docs/methods.md; `sql/transform/stage_change_bridge.sql` makes them,
for every scope at once. Two comparisons are kept in `change_bridge`; any other is asked for by `change_bridge`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, get_args

import psycopg

from costpulse_assets.errors import BadInput
from costpulse_assets.periods import (
    Period,
    first_of_previous_month,
    last_final_day,
    month_to_date,
    previous_comparable,
    whole_month,
)
from costpulse_assets.resources.database import Connection, Database, Row, expect_no_rows, run
from costpulse_assets.resources.sql_files import load_sql

Part = Literal["price", "discount", "volume", "mix", "new", "ended", "ownership", "restatements"]
ScopeType = Literal["everything", "workspace", "sku", "team", "product", "job", "warehouse"]
Comparison = Literal["month to date", "last month"]

#: In the order in which they are drawn.
PARTS: tuple[Part, ...] = get_args(Part)
#: What is kept in change_bridge.
STORED_SCOPES: tuple[ScopeType, ...] = ("everything", "workspace", "team", "product")

CHANGE_BRIDGE = "change_bridge"
CHECK = "checks/change_bridge_adds_up"


@dataclass(frozen=True)
class Cause:
    """What a part comes from, in USD: a SKU (type "sku") for price and discount, else a resource.

    The id of a resource is workspace/resource; types are job, pipeline, warehouse, endpoint, cluster, what Databricks
    calls a resource of another kind, user (usage of no resource) and product (of nobody).
    """

    type: str
    id: str
    amount_usd: Decimal


@dataclass(frozen=True)
class BridgePart:
    """One part of a difference, in USD.

    `then_usd` and `now_usd` are the cost of the scope in both periods: the amounts of all parts add up to
    now_usd - then_usd. `causes` counts the SKUs or resources it comes from, `largest` names up to five of them.
    `days_usd`, of volume only, is how much of it comes from the number of days.
    """

    part: Part
    amount_usd: Decimal
    then_usd: Decimal
    now_usd: Decimal
    causes: int = 0
    largest: tuple[Cause, ...] = ()
    days_usd: Decimal | None = None


@dataclass(frozen=True)
class Compared:
    """A comparison that is kept: the earlier period, the later one, and why it cannot be made (None: it can)."""

    comparison: Comparison
    then: Period
    now: Period
    waits_for: str | None = None


def change_bridge(
    connection: Connection, *, scope_type: ScopeType, scope_id: str = "", then: Period, now: Period
) -> list[BridgePart]:
    """The parts of the difference between the cost of two periods.

    Args:
        connection: with an open transaction, as the owner: the app may not read cost_records.
        scope_type: what is compared. A team is compared with the teams below it.
        scope_id: "" for everything; the workspace ("" is the account level), SKU or product; the team's id, or
            "unallocated"; workspace/job, workspace/warehouse.
        then: the earlier period.
        now: the later period; the two may differ in length, and may overlap.

    Returns:
        All parts in the order of PARTS; zeros where the scope has no cost in either period.

    Raises:
        BadInput: there is no such type of scope.
    """
    if scope_type not in get_args(ScopeType):
        raise BadInput(
            f"There is no change bridge of a {scope_type}.",
            next_step=f"Choose one of {', '.join(get_args(ScopeType))}.",
        )
    found = _read(connection, then, now, [scope_type], scope_id)
    nothing = [BridgePart(part, Decimal(0), Decimal(0), Decimal(0)) for part in PARTS]
    return found.get((scope_type, scope_id), nothing)


def change_bridges(
    connection: Connection, *, scope_types: Sequence[ScopeType], then: Period, now: Period
) -> dict[tuple[ScopeType, str], list[BridgePart]]:
    """As `change_bridge`, of all scopes of these types that have cost in either period, made at once."""
    return _read(connection, then, now, scope_types, None)


def comparisons(days: Iterable[tuple[date, bool]]) -> list[Compared]:
    """What can be compared: month to date, and the last full month, each with the month before.

    Args:
        days: (usage_date, is_provisional) of every collected day, in any order.

    Returns:
        Both comparisons, nothing while no day is final. One with a day that is missing or not final cannot be made:
        what is not there would be taken for what has ended.
    """
    provisional = dict(days)
    final = last_final_day(provisional.items())
    if final is None:
        return []
    this_month = month_to_date(final)
    full = whole_month(final) if whole_month(final).last == final else whole_month(first_of_previous_month(final))
    found: list[Compared] = []
    periods: tuple[tuple[Comparison, Period, Period], ...] = (
        ("month to date", previous_comparable(this_month), this_month),
        ("last month", whole_month(first_of_previous_month(full.first)), full),
    )
    for comparison, then, now in periods:
        missing = [day for day in (*then, *now) if provisional.get(day) is not False]
        waits_for = f"{len(missing)} days that are missing or not final, the first {missing[0]}" if missing else None
        found.append(Compared(comparison, then, now, waits_for))
    return found


def rebuild_change_bridge(database: Database) -> list[Compared]:
    """Brings `change_bridge` up to date, in one transaction; what nothing has changed of is left as it is.

    Returns:
        The comparisons, with those that could not be made.

    Raises:
        InvariantBroken: parts would not add up to the difference in daily_costs; everything is as it was before.
    """
    with database.writing() as connection:
        days = run(connection, "app/completeness")
        found = comparisons((day["usage_date"], day["is_provisional"]) for day in days)
        made = [compared for compared in found if compared.waits_for is None]
        kept = _kept(connection, made)
        connection.execute("delete from costpulse.change_bridge where comparison <> all(%s)", [kept])
        for compared in made:
            if compared.comparison not in kept:
                with _bridged(connection, compared.then, compared.now, STORED_SCOPES, None) as periods:
                    run(connection, "transform/change_bridge", periods | {"comparison": compared.comparison})
        expect_no_rows(connection, CHECK, {}, otherwise="The change bridge would not add up to daily_costs")
    return found


def _kept(connection: Connection, made: Sequence[Compared]) -> list[str]:
    """The comparisons that would be the same again."""
    if run(connection, CHECK):
        # Teams have other teams below them now, or something was written by hand.
        return []
    periods = {
        "then_firsts": [compared.then.first for compared in made],
        "then_lasts": [compared.then.last for compared in made],
        "now_firsts": [compared.now.first for compared in made],
        "now_lasts": [compared.now.last for compared in made],
    }
    rows = run(
        connection,
        "transform/change_bridge_kept",
        {"comparisons": [compared.comparison for compared in made], **periods},
    )
    return [row["comparison"] for row in rows]


def _read(
    connection: Connection, then: Period, now: Period, scope_types: Sequence[ScopeType], scope_id: str | None
) -> dict[tuple[ScopeType, str], list[BridgePart]]:
    found: dict[tuple[ScopeType, str], list[BridgePart]] = {}
    # The caller may ask for more in the same transaction: nothing that is made for the answer stays.
    with connection.transaction(force_rollback=True), _bridged(connection, then, now, scope_types, scope_id):
        for row in run(connection, "transform/bridged"):
            found.setdefault((row["scope_type"], row["scope_id"]), []).append(_part(row))
    for parts in found.values():
        parts.sort(key=lambda part: PARTS.index(part.part))
    return found


@contextmanager
def _bridged(
    connection: Connection, then: Period, now: Period, scope_types: Sequence[ScopeType], scope_id: str | None
) -> Iterator[dict[str, date]]:
    """The temporary view `bridged` of the scopes, inside the block; gives the periods as parameters."""
    periods = {"then_first": then.first, "then_last": then.last, "now_first": now.first, "now_last": now.last}
    # A view keeps no parameters: they are written into it, quoted by the driver.
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(
            load_sql("transform/stage_change_bridge").encode(),
            {**periods, "scope_types": list(scope_types), "scope_id": scope_id},
        )
    yield periods
    connection.execute("drop view pg_temp.bridged")


def _part(row: Row) -> BridgePart:
    detail = row["detail"]
    return BridgePart(
        part=row["part"],
        amount_usd=row["amount_usd"],
        then_usd=row["then_usd"],
        now_usd=row["now_usd"],
        causes=detail["causes"],
        largest=tuple(Cause(cause["type"], cause["id"], Decimal(cause["amount_usd"])) for cause in detail["largest"]),
        days_usd=Decimal(detail["days_usd"]) if "days_usd" in detail else None,
    )
