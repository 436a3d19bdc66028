"""How numbers, money, days and names are written: the only place that makes such strings.

Money is Decimal; None is unknown (no price) and is never written as zero.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from costpulse_assets.costs.spend import Measure
from costpulse_assets.periods import Period
from costpulse_assets.reports.formats.text_cells import harmless

UNKNOWN = "-"

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|>~$:<&@=/])")


def symbol(currency: str) -> str:
    """What stands before an amount: $ for USD, the code itself where there is no sign."""
    return _SYMBOLS.get(currency, f"{currency} ")


def money(amount: Decimal | None, currency: str = "USD") -> str:
    """Money on cards and in text: $812.40, $58,412, $1.24M, <$0.01, -$12.30."""
    if amount is None:
        return UNKNOWN
    sign, size, mark = ("-" if amount < 0 else ""), abs(amount), symbol(currency)
    if size == 0:
        return f"{mark}0.00"
    if size < Decimal("0.005"):
        return f"<{mark}0.01" if not sign else f">-{mark}0.01"
    if _rounded(size, 2) < 1_000:
        return f"{sign}{mark}{_rounded(size, 2)}"
    if _rounded(size, 0) < 1_000_000:
        return f"{sign}{mark}{_rounded(size, 0):,}"
    return f"{sign}{mark}{_rounded(size / 1_000_000, 2):,}M"


def money_to_the_cent(amount: Decimal | None, currency: str = "USD") -> str:
    """Money with two decimals whatever its size: tooltips and totals above a table."""
    if amount is None:
        return UNKNOWN
    return f"{'-' if amount < 0 else ''}{symbol(currency)}{_rounded(abs(amount), 2):,}"


def dbus(amount: Decimal | None) -> str:
    """DBUs on cards and in text: 1,234.5 DBU, 1.24M DBU."""
    if amount is None:
        return UNKNOWN
    if abs(amount) >= 1_000_000:
        return f"{_rounded(amount / 1_000_000, 2):,}M DBU"
    return f"{_rounded(amount, 1):,} DBU"


def measured(amount: Decimal | None, measure: Measure, currency: str = "USD") -> str:
    """An amount of the measure, as money or as DBUs."""
    return dbus(amount) if measure == "dbu" else money(amount, currency)


def change(now: Decimal | None, then: Decimal | None) -> Decimal | None:
    """Now minus then; None where either is unknown."""
    return None if now is None or then is None else now - then


def change_share(now: Decimal | None, then: Decimal | None) -> Decimal | None:
    """Change as a share of |then|; None where it says nothing: nothing before, or less than one."""
    difference = change(now, then)
    if difference is None or then is None or abs(then) < 1:
        return None
    return difference / abs(then)


def percent(share: Decimal | None) -> str:
    """A share in percent with one decimal: 34.3%, >999%."""
    if share is None:
        return UNKNOWN
    if share > Decimal("9.99"):
        return ">999%"
    return f"{_rounded(share * 100, 1)}%"


def signed_percent(share: Decimal | None) -> str:
    """A change in percent with its sign: +6.6%, -3.0%, >999%."""
    if share is None or share > Decimal("9.99"):
        return percent(share)
    rounded = _rounded(share * 100, 1)
    return f"{rounded:+}%" if rounded else "0.0%"


def delta(now: Decimal | None, then: Decimal | None, measure: Measure = "cost", currency: str = "USD") -> str:
    """A change in words for a card: +6.6%, new, or the plain difference where the base is below one."""
    difference = change(now, then)
    if difference is None:
        return ""
    if then == 0 or then is None:
        return "new" if difference else ""
    share = change_share(now, then)
    if share is None:
        return f"{'+' if difference > 0 else ''}{measured(difference, measure, currency)}"
    return signed_percent(share)


def day(value: date) -> str:
    """22 Nov 2026."""
    return f"{value.day} {value:%b %Y}"


def short_day(value: date) -> str:
    """22 Nov."""
    return f"{value.day} {value:%b}"


def days(period: Period) -> str:
    """1-22 Nov 2026; 24 Oct - 22 Nov 2026; 24 Dec 2025 - 22 Jan 2026."""
    first, last = period.first, period.last
    if first == last:
        return day(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}-{day(last)}"
    if first.year == last.year:
        return f"{short_day(first)} - {day(last)}"
    return f"{day(first)} - {day(last)}"


def short_days(period: Period) -> str:
    """The same without the year: 1-22 Oct, 24 Oct-22 Nov."""
    first, last = period.first, period.last
    if first == last:
        return short_day(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}-{short_day(last)}"
    return f"{short_day(first)}-{short_day(last)}"


def moment(value: datetime) -> str:
    """22 Nov 2026, 14:05 UTC."""
    utc = value.astimezone(UTC)
    return f"{day(utc.date())}, {utc:%H:%M} UTC"


def age(value: timedelta) -> str:
    """How long ago, in one unit: 12 min, 31 h, 3 days."""
    hours = value.total_seconds() / 3600
    if hours < 1:
        return f"{max(int(hours * 60), 0)} min"
    return f"{int(hours)} h" if hours < 48 else f"{int(hours // 24)} days"


def count(number: int, noun: str) -> str:
    """1 day, 2 days."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def unnamed(identifier: str) -> str:
    """A thing known by id only: its last six characters."""
    return f"…{identifier[-6:]}"


def plain(text: str) -> str:
    """Text that Markdown shows as it is, whatever it contains."""
    return _MARKDOWN.sub(r"\\\1", text).replace("\n", " ")


def no_html(text: str) -> str:
    """Text that a chart shows as it is: plotly reads a few HTML tags in labels."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def csv_cell(value: object) -> str:
    """One cell of a CSV file: exact numbers, ISO days, and text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}" if value.as_tuple().exponent == 0 else _without_trailing_zeros(value)
    text = harmless(value) if isinstance(value, str) else str(value)
    if any(character in text for character in ',"\r\n'):
        text = '"' + text.replace('"', '""') + '"'
    return text


def csv_text(columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A CSV file (RFC 4180, UTF-8 with a byte-order mark so that spreadsheets see the encoding)."""
    names = list(columns)
    lines = [",".join(csv_cell(name) for name in names)]
    lines += [",".join(csv_cell(row[name]) for name in names) for row in rows]
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def _without_trailing_zeros(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
