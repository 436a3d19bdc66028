"""What a reader must know to use a report: which days are final, what words mean, which prices and rules it is by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version

from costpulse_assets.periods import Period, last_final_day, newest_first, whole_month
from costpulse_assets.resources.database import Connection, Row, run

#: Spans of days, and SKUs, that are named one by one.
_NAMED = 5

_DEFINITIONS = (
    (
        "Cost",
        "What usage costs at your prices: quantity times the list price, less your price adjustments. Negative amounts "
        "are corrections by Databricks.",
    ),
    ("List cost", "The same usage at list prices."),
    (
        "Unallocated",
        "Cost that no rule, split, member or tag pattern gives to a team.",
    ),
    ("Share", "Cost as a percentage of the total of this report."),
)


@dataclass(frozen=True)
class Days:
    """How far the days of a period are known.

    `not_final` are its days that may still change: not complete, or not collected although older ones are.
    `first` and `newest` are the first and last day that was ever collected, `last_final` the newest day that is final
    with all before it; None while there is none.
    """

    not_final: tuple[date, ...]
    first: date | None
    newest: date | None
    last_final: date | None

    @property
    def provisional(self) -> str | None:
        """The sentence that stands on every page; None: all days are final."""
        if not self.not_final:
            return None
        are = "is" if len(self.not_final) == 1 else "are"
        return f"{_spans(self.not_final)} {are} not final: the amounts may still change."


def read_days(connection: Connection, period: Period) -> Days:
    """How far the days of a period are known."""
    is_provisional = {row["usage_date"]: row["is_provisional"] for row in run(connection, "app/completeness")}
    first = min(is_provisional, default=None)
    not_final = tuple(day for day in period if (first is None or day >= first) and is_provisional.get(day) is not False)
    return Days(not_final, first, max(is_provisional, default=None), last_final_day(is_provisional.items()))


def notes(
    connection: Connection,
    *,
    period: Period,
    days: Days,
    unpriced: Sequence[Row],
    currency: str,
    made_at: datetime,
    definitions: Sequence[tuple[str, str]] = (),
) -> tuple[tuple[str, str], ...]:
    """Headings and texts, in the order in which they are read.

    Args:
        connection: with an open transaction.
        period: of the report.
        days: how far its days are known.
        unpriced: sku_name, usage_unit and unpriced_quantity of what has no price.
        currency: of the price table.
        made_at: when the report is made.
        definitions: words of this report alone.
    """
    fresh = run(connection, "reports/freshness")[0]
    found = [*_DEFINITIONS, *definitions, ("Usage without a price", _unpriced(unpriced))]
    found += [
        ("Price adjustments", _adjustments(run(connection, "app/price_adjustments"), period)),
        ("Currency and days", f"All amounts are in {currency}. All days are UTC days."),
        ("Freshness", _freshness(days, fresh["read_at"])),
        ("Rules of the allocation", _rules(fresh)),
        ("Made", f"{moment_words(made_at)}, by CostPulse {version('costpulse')}."),
    ]
    return tuple(found)


def day_words(day: date) -> str:
    """22 Nov."""
    return f"{day.day} {day:%b}"


def month_words(day: date) -> str:
    """Nov 2026."""
    return f"{day:%b %Y}"


def period_words(period: Period) -> str:
    """November 2026; October to November 2026; 1 to 22 November 2026; 24 December 2025 to 22 January 2026."""
    first, last = period.first, period.last
    if first == last:
        return f"{first.day} {first:%B %Y}"
    if first.day == 1 and last == whole_month(last).last:
        if (first.year, first.month) == (last.year, last.month):
            return f"{first:%B %Y}"
        return f"{first:%B}{'' if first.year == last.year else f' {first.year}'} to {last:%B %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {last.day} {last:%B %Y}"
    return f"{first.day} {first:%B}{'' if first.year == last.year else f' {first.year}'} to {last.day} {last:%B %Y}"


def moment_words(moment: datetime) -> str:
    """22 November 2026, 14:05 UTC."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


def quantity_words(quantity: Decimal) -> str:
    """A quantity to its last digit that is not zero."""
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _spans(days: Sequence[date]) -> str:
    spans = newest_first(days, at_most=len(days))[::-1]
    named = [
        period_words(span).replace(" to ", " and ") if len(span) == 2 else period_words(span) for span in spans[:_NAMED]
    ]
    further = sum(len(span) for span in spans[_NAMED:])
    return _listed(named, f"{further} other days" if further else None)


def _listed(names: Sequence[str], further: str | None = None) -> str:
    listed = [*names, *([further] if further else [])]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"


def _unpriced(rows: Sequence[Row]) -> str:
    if not rows:
        return "All usage has a price."
    named = [
        f"{quantity_words(row['unpriced_quantity'])} {row['usage_unit']} of {row['sku_name']}" for row in rows[:_NAMED]
    ]
    further = f"{len(rows) - _NAMED} others" if len(rows) > _NAMED else None
    return f"{_listed(named, further)}. There is no price for it, so it is in no amount and never counted as 0."


def _adjustments(rows: Sequence[Row], period: Period) -> str:
    in_force = [
        row
        for row in rows
        if row["valid_from"] <= period.last and (row["valid_to"] is None or row["valid_to"] >= period.first)
    ]
    named = [f"{row['sku_pattern']}: {_price(row)} {_validity(row)}" for row in in_force]
    return f"{'; '.join(named)}." if named else "None in these days: cost is list cost."


def _price(row: Row) -> str:
    if row["fixed_rate"] is not None:
        return f"{quantity_words(row['fixed_rate'])} per unit"
    return f"{quantity_words(row['percentage'])} %"


def _validity(row: Row) -> str:
    until = row["valid_to"]
    return f"from {row['valid_from']}" if until is None else f"from {row['valid_from']} to {until}"


def _freshness(days: Days, read_at: datetime | None) -> str:
    final = "No day is final yet" if days.last_final is None else f"The last final day is {days.last_final}"
    read = "no usage was read yet" if read_at is None else f"usage was last read on {moment_words(read_at)}"
    sentences = [f"{final}; {read}."]
    if days.first is not None:
        sentences.append(f"Usage was collected from {days.first} to {days.newest}.")
    return " ".join([*sentences, *([days.provisional] if days.provisional else [])])


def _rules(fresh: Row) -> str:
    if fresh["rule_version"] is None:
        return "There are no rules: all cost is Unallocated."
    return f"Version {fresh['rule_version']}, of {moment_words(fresh['rules_changed_at'])}."
