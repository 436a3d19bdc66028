import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costpulse_app import formats
from costpulse_assets.periods import Period
from costpulse_assets.reports.formats.text_cells import harmless


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("812.4", "$812.40"),
        ("0", "$0.00"),
        ("0.001", "<$0.01"),
        ("-0.001", ">-$0.01"),
        ("0.005", "$0.01"),
        ("999.995", "$1,000"),
        ("58411.5", "$58,412"),
        ("999999.5", "$1.00M"),
        ("1240000", "$1.24M"),
        ("-12.3", "-$12.30"),
        ("-1240000", "-$1.24M"),
    ],
)
def test_money_on_cards(amount: str, shown: str) -> None:
    assert formats.money(Decimal(amount)) == shown


def test_unknown_money_is_a_dash_and_never_zero() -> None:
    assert formats.money(None) == formats.money_to_the_cent(None) == formats.dbus(None) == "-"
    assert formats.percent(None) == "-"


def test_money_to_the_cent_keeps_every_cent() -> None:
    assert formats.money_to_the_cent(Decimal("1234567.895")) == "$1,234,567.90"
    assert formats.money_to_the_cent(Decimal("-0.4"), "EUR") == "-€0.40"
    assert formats.money_to_the_cent(Decimal("3"), "CHF") == "CHF 3.00"


def test_dbus_have_one_decimal_and_their_unit() -> None:
    assert formats.dbus(Decimal("1234.54")) == "1,234.5 DBU"
    assert formats.dbus(Decimal("1236000")) == "1.24M DBU"


@pytest.mark.parametrize(
    ("now", "then", "shown"),
    [
        ("106.6", "100", "+6.6%"),
        ("97", "100", "-3.0%"),
        ("100.01", "100", "0.0%"),
        ("5", "0", "new"),
        ("0", "0", ""),
        ("5", "0.5", "+$4.50"),
        ("0.1", "0.5", "-$0.40"),
        ("5000", "100", ">999%"),
        ("-5", "-10", "+50.0%"),
        (None, "10", ""),
        ("10", None, ""),
    ],
)
def test_a_change_in_words(now: str | None, then: str | None, shown: str) -> None:
    assert formats.delta(now and Decimal(now), then and Decimal(then)) == shown


def test_days_in_words() -> None:
    assert formats.days(Period(date(2026, 11, 1), date(2026, 11, 22))) == "1-22 Nov 2026"
    assert formats.days(Period(date(2026, 10, 24), date(2026, 11, 22))) == "24 Oct - 22 Nov 2026"
    assert formats.days(Period(date(2025, 12, 24), date(2026, 1, 22))) == "24 Dec 2025 - 22 Jan 2026"
    assert formats.days(Period(date(2026, 11, 1), date(2026, 11, 1))) == "1 Nov 2026"
    assert formats.short_days(Period(date(2026, 10, 24), date(2026, 11, 2))) == "24 Oct-2 Nov"


def test_times_are_shown_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    assert formats.moment(datetime(2026, 11, 23, 1, 5, tzinfo=east)) == "22 Nov 2026, 16:05 UTC"
    assert formats.moment(datetime(2026, 11, 22, 14, 5, tzinfo=UTC)) == "22 Nov 2026, 14:05 UTC"


def test_an_age_has_one_unit() -> None:
    assert formats.age(timedelta(minutes=12)) == "12 min"
    assert formats.age(timedelta(hours=31)) == "31 h"
    assert formats.age(timedelta(hours=75)) == "3 days"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum", "  =1", "\t=1", "\r=1"])
def test_text_that_a_spreadsheet_would_calculate_is_neutralised_in_csv(name: str) -> None:
    (_, row) = csv.reader(io.StringIO(formats.csv_text(["Name"], [{"Name": name}]).removeprefix("\ufeff"), newline=""))
    assert row == ["'" + name.lstrip("\t\r")]


def test_a_column_named_by_a_tag_key_is_neutralised_in_csv() -> None:
    assert formats.csv_text(["=key"], []).removeprefix("\ufeff") == "'=key\r\n"


def test_a_negative_number_stays_a_number_in_csv() -> None:
    assert formats.csv_cell(Decimal("-1.050")) == "-1.05"
    assert formats.csv_cell(Decimal("1E+3")) == "1000"
    assert formats.csv_cell(Decimal("0E-18")) == "0"
    assert formats.csv_cell(None) == ""
    assert formats.csv_cell(date(2026, 11, 1)) == "2026-11-01"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), min_size=2, max_size=2))
def test_csv_gives_back_every_text_as_cells_hold_it(texts: list[str]) -> None:
    written = formats.csv_text(["a", "b"], [dict(zip("ab", texts, strict=True))]).removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert rows[1] == [harmless(text) for text in texts]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**15), max_value=10**15))
def test_csv_gives_back_every_digit(amount: Decimal) -> None:
    assert Decimal(formats.csv_cell(amount)) == amount


def test_markdown_and_html_in_names_stay_text() -> None:
    assert formats.plain("<b>*x*</b> $1 [a](b)") == r"\<b\>\*x\*\<\/b\> \$1 \[a\]\(b\)"
    assert formats.no_html("<b>&") == "&lt;b&gt;&amp;"
