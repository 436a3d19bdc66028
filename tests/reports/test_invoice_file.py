"""Reading an invoice: what is recognised, what numbers and days mean, and that nothing is left out in silence."""

import gzip
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costpulse_assets.errors import BadInput
from costpulse_assets.reports.invoice_file import Columns, FileMapping, read_invoice, read_mapping

DOWNLOAD = "workspaceId,timestamp,clusterId,clusterName,clusterNodeType,sku,dbus,machineHours,tags\n"
INVOICE = FileMapping(columns=Columns(month="Month", sku="SKU", amount="Amount"))


def written(tmp_path: Path, content: str | bytes, name: str = "invoice.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def amounts(tmp_path: Path, *values: str, mapping: FileMapping = INVOICE, delimiter: str = ";") -> list[Decimal]:
    """The amounts of one row each, as they are understood."""
    mapping = mapping.model_copy(update={"delimiter": delimiter})
    rows = "".join(f'2026-06{delimiter}S{place:03}{delimiter}"{value}"\n' for place, value in enumerate(values))
    found = read_invoice(written(tmp_path, f"Month{delimiter}SKU{delimiter}Amount\n{rows}"), mapping)
    return [row["amount"] for row in sorted(found.totals.to_pylist(), key=lambda row: row["sku_name"])]


def test_a_usage_download_is_recognised_by_its_columns_and_added_up(tmp_path):
    path = written(
        tmp_path,
        DOWNLOAD + '1001,2026-06-01T00:59:59.999Z,c-1,"a ""b"", c",m5,PREMIUM_JOBS,1.25,2,"{""a"":""b""}"\n'
        '1001,2026-06-02T23:59:59.999Z,c-1,"two\nlines",m5,PREMIUM_JOBS,1e-3,2,\n',
    )
    found = read_invoice(path, None)
    assert found.kind == "usage download of the account console"
    assert (found.mapping.measure, found.mapping.unit, found.row_count, found.places) == ("quantity", "DBU", 2, 3)
    (row,) = found.totals.to_pylist()
    assert (row["workspace"], row["sku_name"], row["quantity"]) == ("1001", "PREMIUM_JOBS", Decimal("1.251"))
    assert (row["month"], row["first_day"], row["last_day"]) == (date(2026, 6, 1), date(2026, 6, 1), date(2026, 6, 2))


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffMonth;SKU;Amount\r\n2026-06;S;12.50\r\n",
        "Month\tSKU\tAmount\n202606\tS\t12.5\n\n",
        'Month,SKU,Amount\n"2026-06-30","S","$ 12.50"\n,,\n',
        "Month|SKU|Amount\n2026-06-01T00:00:00Z|S|12.50",
    ],
)
def test_byte_order_mark_delimiter_blank_lines_and_ways_to_write_a_month_do_not_matter(tmp_path, content):
    (row,) = read_invoice(written(tmp_path, content), INVOICE).totals.to_pylist()
    assert (row["month"], row["sku_name"], row["amount"]) == (date(2026, 6, 1), "S", Decimal("12.5"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1.234,50", "7", "-0,5"], ["1234.5", "7", "-0.5"]),
        (["1,234.50", "1,234,567"], ["1234.5", "1234567"]),
        (["1.234.567", "1.234"], ["1234567", "1234"]),
        (["1.234", "0.5"], ["1.234", "0.5"]),
        (["1 234,5", "1\u00a0234,5", "1'234,5", "€ 9,99"], ["1234.5", "1234.5", "1234.5", "9.99"]),
        (["(12.50)", "12.50-", "−12.50"], ["-12.5", "-12.5", "-12.5"]),
        (["0.123456789012345678", "1e-5", "2.5E+2"], ["0.123456789012345678", "0.00001", "250"]),
    ],
)
def test_numbers_are_understood_as_the_file_writes_them(tmp_path, values, expected):
    assert amounts(tmp_path, *values) == [Decimal(value) for value in expected]


@pytest.mark.parametrize("values", [["1,500"], ["1,5", "1.5"]])
def test_a_decimal_mark_that_cannot_be_told_is_asked_for(tmp_path, values):
    with pytest.raises(BadInput) as refused:
        amounts(tmp_path, *values)
    assert "decimal" in refused.value.next_step


def test_a_decimal_mark_that_was_given_counts_and_nothing_is_bent_to_it(tmp_path):
    comma = INVOICE.model_copy(update={"decimal": ","})
    assert amounts(tmp_path, "1,500", "1.500", mapping=comma) == [Decimal("1.5"), Decimal(1500)]
    with pytest.raises(BadInput, match=r'1 row cannot be read: the amount "1\.5" \(SKU S000\)'):
        amounts(tmp_path, "1.5", mapping=comma)


def test_an_amount_may_be_list_minus_discount(tmp_path):
    mapping = FileMapping(columns=Columns(date="Day", list_amount="List", discount="Off"), date_format="%d.%m.%Y")
    path = written(tmp_path, "Day,List,Off\n24.06.2026,10.00,1.50\n")
    (row,) = read_invoice(path, mapping).totals.to_pylist()
    assert (row["amount"], row["list_amount"], row["first_day"]) == (Decimal("8.5"), 10, date(2026, 6, 24))


def test_gzip_and_a_name_that_looks_like_a_pattern_are_read(tmp_path):
    content = b"Month,SKU,Amount\n2026-06,S,1.5\n"
    written(tmp_path, b"Month,SKU,Amount\n2026-06,S,99.5\n", "a1.csv")
    for path in (written(tmp_path, content, "a[1]*'.csv"), written(tmp_path, gzip.compress(content), "x.csv.gz")):
        assert [row["amount"] for row in read_invoice(path, INVOICE).totals.to_pylist()] == [Decimal("1.5")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("Month;SKU;Amount\n", "has a heading and no rows"),
        ("Month;SKU;Amount\n2026-06;S;1.5\n2026-06;1.5\n", "line 3: it has 2 values instead of 3"),
        ("Month;SKU;Amount\n2026-06;S;1.5;9\n", "line 2: it has 4 values instead of 3"),
        ("Month;SKU;Amount\n2026-06;S;1.5\nTotal;;1.5\n", '1 row cannot be read: the month "Total"'),
        ("Month;SKU;Amount\n2026-06;S;\n", "the amount is missing"),
        ("Month;SKU;Amount\n2026-06;S;NaN\n", 'the amount "NaN"'),
        ("Month;SKU;Amount\n2026-06;S;1e30\n", 'the amount "1e30"'),
        ("Month;SKU;Amount\n2026-13;S;1.5\n", 'the month "2026-13"'),
        (b"Month;SKU;Amount\n2026-06;\xff;1.5\n", "it is not UTF-8"),
        ("Month;SKU;Amount\n2026-06;S;1.5\n".encode("utf-16"), "is no CSV in UTF-8"),
        (b"PK\x03\x04\x00\x00", "is no CSV in UTF-8"),
        ("Month;Sku name;Amount USD\n", r"no column 'SKU' \(sku\); nearest: 'Sku name'"),
        ("Month;SKU;SKU;Amount\n", r"the column 'SKU' \(sku\) is there 2 times"),
    ],
)
def test_what_is_no_invoice_is_refused_with_the_place(tmp_path, content, problem):
    with pytest.raises(BadInput, match=problem):
        read_invoice(written(tmp_path, content), INVOICE)


def test_a_file_that_is_nearly_known_is_told_what_is_missing(tmp_path):
    path = written(tmp_path, DOWNLOAD.replace("dbus", "DBUs used"))
    with pytest.raises(BadInput, match=r"nearly a file of usage download .* no 'dbus'; nearest: 'DBUs used'"):
        read_invoice(path, None)
    with pytest.raises(BadInput, match="no file that CostPulse knows; its columns are 'a', 'b'"):
        read_invoice(written(tmp_path, "a;b\n1;2\n"), None)


def test_a_file_that_is_not_there_or_damaged_is_named(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        read_invoice(tmp_path / "no.csv", None)
    with pytest.raises(BadInput, match="cannot be read"):
        read_invoice(written(tmp_path, b"\x1f\x8bbroken", "x.csv.gz"), None)


def test_a_mapping_is_yaml(tmp_path):
    found = read_mapping(
        b"columns: {date: Day, amount: Net, currency: Cur}\n"
        b"date_format: '%d.%m.%Y'\ndecimal: ','\nrates: {EUR: 1.08}\n",
        "m.yaml",
    )
    assert found == FileMapping(
        columns=Columns(date="Day", amount="Net", currency="Cur"),
        date_format="%d.%m.%Y",
        decimal=",",
        rates={"EUR": Decimal("1.08")},
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("columns: {date: D}", "columns must name amount"),
        ("columns: {amount: A}", "columns must name date or month"),
        (
            "columns: {date: D, amount: A, workspce: W}",
            "columns.workspce: is nothing that a mapping has; nearest: 'work",
        ),
        ("columns: {date: D, amount: A}\nrates: {EUR: 0}", "rates.EUR: .*greater than 0"),
        ("columns: {date: D, amount: A}\ndecimal: x", "decimal: "),
        ("- a", "is no mapping"),
        ("", "is no mapping"),
    ],
)
def test_a_mapping_with_a_fault_is_refused_by_name(content: str, problem: str):
    with pytest.raises(BadInput, match=problem) as refused:
        read_mapping(content.encode(), "m.yaml")
    told: Any = refused.value.next_step
    assert "docs/reconcile.md" in told
