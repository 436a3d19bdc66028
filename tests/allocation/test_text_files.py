"""Files as people type them: values stay text, places have lines, and what is not as it looks is refused."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.allocation.text_files import read_weights, read_yaml, write_yaml
from costpulse_assets.errors import BadInput


def test_every_value_of_a_yaml_file_stays_as_it_was_typed() -> None:
    file = read_yaml(b"a: 0123\nb: [12:30, 1_000, yes, 2026-01-01, 33.30]\nc: null\nd: 'null'\ne:\n", "a.yaml")
    assert file.value == {
        "a": "0123",
        "b": ["12:30", "1_000", "yes", "2026-01-01", "33.30"],
        "c": None,
        "d": "null",
        "e": None,
    }


def test_a_byte_order_mark_is_no_part_of_a_file() -> None:
    assert read_yaml(b"\xef\xbb\xbfa: 1\n", "a.yaml").value == {"a": "1"}


def test_every_part_of_a_yaml_file_is_known_by_its_line() -> None:
    file = read_yaml(b"a: 1\n\nb:\n  - c: 2\n    d:\n      - 3\n      - 4\n", "a.yaml")
    assert file.where(("a",)) == "a.yaml, line 1"
    assert file.where(("b",)) == "a.yaml, line 3"
    assert file.where(("b", 0)) == "a.yaml, line 4"
    assert file.where(("b", 0, "d")) == "a.yaml, line 5"
    assert file.where(("b", 0, "d", 1)) == "a.yaml, line 7"


def test_what_is_missing_is_where_it_is_missing() -> None:
    file = read_yaml(b"a: 1\nb:\n  - c: 2\n", "a.yaml")
    assert file.where(("b", 0, "name")) == "a.yaml, line 3"
    assert file.where(("name",)) == "a.yaml, line 1"
    assert read_yaml(b"", "a.yaml").where(("name",)) == "a.yaml"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: 2\na: 3\n", "a.yaml, line 3: the key 'a' is there twice"),
        (b"a: &x 1\nb: *x\n", "a.yaml, line 2: aliases are not accepted"),
        (b"a: !!python/object:os.system x\n", "a.yaml, line 1: the tag 'tag:yaml.org,2002:python/object:os.system'"),
        (b"a: !mine x\n", "a.yaml, line 1: the tag '!mine' means nothing here"),
        (b"a: 1\n[b, c]: 2\n", "a.yaml, line 2: a key must be one word"),
        (b"a: 1\n---\na: 2\n", "a.yaml, line 2: expected a single document"),
        (b"a: 1\nb: [1\n", "a.yaml, line 3: while parsing a flow sequence"),
        (b"a: 1\nb: \x01\n", "a.yaml, line 2: the character '\\x01' is not allowed in YAML"),
        (b'a: 1\nb: "\\0"\n', "a.yaml, line 2: '\\x00' holds a character that cannot be stored"),
        (b'a: 1\nb: "\\ud800"\n', "a.yaml, line 2: '\\ud800' holds a character that cannot be stored"),
        (b"a: 1\nb: caf\xe9\n", "a.yaml, line 2: the byte 0xe9 is not UTF-8"),
        ("a: 1\n".encode("utf-16"), "a.yaml, line 1: the byte 0xff is not UTF-8"),
        (b"[" * 5_000, "a.yaml: it is nested too deeply"),
    ],
)
def test_a_yaml_file_that_is_not_what_it_looks_like_is_refused_with_its_line(content: bytes, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_yaml(content, "a.yaml")
    assert refused.value.message.startswith(message)
    assert "nothing was changed" in refused.value.next_step


def test_numbers_are_written_with_every_digit_and_no_idle_zeros() -> None:
    values = [Decimal("33.300"), Decimal("100.000"), Decimal("1E+2"), Decimal("-0.000000000000000001"), 7]
    exact = Decimal("12345678901234567890.123456789012345678")
    assert write_yaml([*values, exact]) == (
        "- 33.3\n- 100\n- 100\n- -0.000000000000000001\n- 7\n- 12345678901234567890.123456789012345678\n"
    )


def test_text_that_looks_like_something_else_is_quoted() -> None:
    text = write_yaml({"a": ["0123", "yes", "null", "2026-01-01", "*@partner.example", ""], "b": date(2026, 1, 1)})
    assert text == (
        "a:\n  - '0123'\n  - 'yes'\n  - 'null'\n  - '2026-01-01'\n  - '*@partner.example'\n  - ''\nb: 2026-01-01\n"
    )


_storable = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)


@settings(deadline=None)
@given(st.recursive(_storable, lambda part: st.lists(part, max_size=3) | st.dictionaries(_storable, part, max_size=3)))
def test_any_text_reads_back_as_it_was_written(value: Any) -> None:
    assert read_yaml(write_yaml(value).encode(), "a.yaml").value == value


# --- weights

HEADING = b"team,weight,valid_from,valid_to\n"


def test_a_table_of_weights_is_read_row_by_row_with_or_without_a_byte_order_mark() -> None:
    rows = b'Finance,60,2026-01-01,\r\n\r\n"Growth, paid", 0.5 ,,2026-03-31\r\n'
    expected = [
        {"team": "Finance", "weight": "60", "valid_from": "2026-01-01", "valid_to": None},
        {"team": "Growth, paid", "weight": "0.5", "valid_from": None, "valid_to": "2026-03-31"},
    ]
    for mark in (b"", b"\xef\xbb\xbf"):
        file = read_weights(mark + HEADING + rows, "w.csv")
        assert file.value == expected
        assert [file.where((row, "weight")) for row in range(2)] == ["w.csv, line 2", "w.csv, line 4"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "w.csv, line 1: it is '' instead of 'team,weight,valid_from,valid_to'"),
        (b"team;weight;valid_from;valid_to\n", "w.csv, line 1: it is 'team;weight;valid_from;valid_to' instead of"),
        (HEADING + b"Finance,60\n", "w.csv, line 2: it has 2 values instead of 4"),
        (HEADING + b"Finance,60,,\nRisk,1,,,5\n", "w.csv, line 3: it has 5 values instead of 4"),
        (HEADING + b"Finance,60,,\nCaf\xe9,1,,\n", "w.csv, line 3: the byte 0xe9 is not UTF-8"),
        (HEADING + b'"Finance"x,60,,\n', "w.csv, line 2: ',' expected after '\"'"),
        (HEADING + b'"Finance,60,,\n', "w.csv, line 2: unexpected end of data"),
        (HEADING + b"Fin\0ance,60,,\n", "w.csv, line 2: it holds a character that cannot be stored"),
    ],
)
def test_a_table_that_is_not_one_of_weights_is_refused_with_its_line(content: bytes, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_weights(content, "w.csv")
    assert refused.value.message.startswith(message)
