"""Sums that several panels need."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from costpulse_app import formats, parts, queries
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import GroupSpend, Windows
from costpulse_assets.periods import Period


def by_day(made: Frame, period: Period, *, dbus: bool = False) -> dict[date, Decimal | None]:
    """What each day cost, or its DBUs."""
    measure = "dbu" if dbus else made.measure
    rows = queries.by_bin(made.version, period, "day", None, (), "", made.selection, measure)
    return {row.bin: row.amount for row in rows}


def total(made: Frame, windows: Windows, *, dbus: bool = False) -> GroupSpend | None:
    """Everything that is selected, in one row; None where nothing is."""
    measure = "dbu" if dbus else made.measure
    rows = queries.by_group(made.version, windows, None, "", made.selection, measure)
    return rows[0] if rows else None


def added(groups: Sequence[GroupSpend], field: str) -> Decimal | None:
    """The sum of a field; None where nothing has a price."""
    known = [amount for group in groups if (amount := getattr(group, field)) is not None]
    return sum(known, Decimal(0)) if known else None


def moved(group: GroupSpend) -> Decimal:
    """The change in money; what is missing on one side was or became nothing, what has no price is left out."""
    return (group.final_amount or Decimal(0)) - (group.before_amount or Decimal(0))


def percent(group: GroupSpend) -> float | None:
    """The same in percent of what was before."""
    share = formats.change_share(group.final_amount, group.before_amount)
    return None if share is None else float(share * 100)


def as_of(made: Frame, final: date) -> list[str]:
    """Said on judged cards when the data is old."""
    return [f"as of {formats.day(final)}"] if parts.is_stale(made) else []


def key(name: str, made: Frame) -> str:
    """A new key for other filters or other data, so that nothing stays selected."""
    return f"{name}_{hash((made.filters, made.version))}"
