"""Tables from spreadsheets: read by their columns or refused with every line, and never a formula when written."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costpulse_assets.allocation.csv_tables import read_table, write_table
from costpulse_assets.errors import BadInput

COLUMNS = ("team", "email", "role")
REQUIRED = COLUMNS[:2]

#: All that a CSV file in UTF-8 can hold, and often what spreadsheets take for something else.
CELLS = st.text(
    st.one_of(
        st.sampled_from("=+-@'\t\r\n \",;a"),
        st.characters(exclude_categories=("Cs",), exclude_characters="\0"),
    ),
    min_size=1,
).filter(str.strip)


def read(text: str) -> list[dict[str, str | None]]:
    rows: list[dict[str, str | None]] = read_table(
        text.encode(), "t.csv", COLUMNS, required=REQUIRED, at_most=100
    ).value
    return rows


@given(st.lists(st.fixed_dictionaries({"team": CELLS, "email": CELLS, "role": st.none() | CELLS})))
def test_what_is_written_reads_back_and_starts_no_formula(rows: list[dict[str, str | None]]) -> None:
    text = write_table(COLUMNS, rows)
    assert read(text) == rows
    for cells in list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))[1:]:
        assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@") or cell[:1] in ("\t", "\r")]


@pytest.mark.parametrize(
    ("cell", "written"),
    [("=1+1", "'=1+1"), ("-5", "'-5"), ("'=1", "''=1"), ("'quoted'", "'quoted'"), ("a=1", "a=1"), (" @x", "' @x")],
)
def test_an_apostrophe_stands_before_what_looks_like_a_formula_and_before_nothing_else(cell: str, written: str) -> None:
    text = write_table(COLUMNS, [{"team": cell, "email": "a", "role": None}])
    assert text == f"\ufeffteam,email,role\r\n{written},a,\r\n"
    assert read(text)[0]["team"] == cell


def test_a_formula_that_somebody_typed_is_taken_as_text() -> None:
    assert read("team,email\n=A1,'=A1\n") == [{"team": "=A1", "email": "=A1"}]


@pytest.mark.parametrize("text", ['role;email;team\r\n;a;"x,y"\r\n', '\ufeff role ,email,team\n\n,a,"x,y"\n,,\n'])
def test_columns_come_in_any_order_and_blank_lines_say_nothing(text: str) -> None:
    assert read(text) == [{"role": None, "email": "a", "team": "x,y"}]


def test_a_row_is_known_by_the_line_where_it_begins() -> None:
    table = read_table(b'team,email\n"a\nb",c\n\nd,e\n', "t.csv", COLUMNS, required=REQUIRED, at_most=100)
    assert [table.where((row, "team")) for row in range(2)] == ["t.csv, line 2", "t.csv, line 5"]


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (b"", ["line 1: column 'team' is missing", "column 'email' is missing"]),
        (b"team,name,email\n", ["line 1: column 'name' is not known here: known are team, email or role"]),
        (b"team,email,team\n", ["line 1: column 'team' is there twice"]),
        (b"team,email\nEtl\nEtl,a,b\n", ["line 2: row has 1 values instead of 2", "line 3: row has 3 values"]),
        (b"team,email\nCaf\xe9,a\n", ["line 2: the byte 0xe9 is not UTF-8"]),
        (b"team,email\nE\0tl,a\n", ["line 2: row holds a character that cannot be stored"]),
        (b'team,email\n"Etl,a\n', ["line 2: unexpected end of data"]),
    ],
)
def test_what_is_no_such_table_is_refused_with_every_line(content: bytes, reasons: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        read_table(content, "t.csv", COLUMNS, required=REQUIRED, at_most=100)
    said = refused.value.message.replace("column team", "column 'team'").replace("column email", "column 'email'")
    assert [reason for reason in reasons if reason not in said] == []
