"""Amounts, shares and days as messages write them."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal


def usd(amount: Decimal) -> str:
    """Dollars: $812.40, $58,412, -$12.30; cents below a thousand."""
    size = abs(amount)
    sign = "-" if amount < 0 else ""
    cents = size.quantize(Decimal("0.01"), ROUND_HALF_UP)
    if cents < 1000:
        return f"{sign if cents else ''}${cents}"
    return f"{sign}${size.quantize(Decimal(1), ROUND_HALF_UP):,}"


def signed_usd(amount: Decimal) -> str:
    """A difference: +$812.40, -$58,412."""
    return usd(amount) if amount < 0 else f"+{usd(amount)}"


def percent(value: Decimal) -> str:
    """A percentage that is given as one: 83 %, 7.4 %; one decimal below ten."""
    digits = Decimal("0.1") if abs(value) < 10 else Decimal(1)
    return f"{value.quantize(digits, ROUND_HALF_UP):,} %".replace(".0 %", " %")


def day(value: date) -> str:
    """A UTC day: Mon 23 Nov 2026."""
    return f"{value:%a} {value.day} {value:%b %Y}"
