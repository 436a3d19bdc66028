"""Tables that people edit in a spreadsheet, as CSV: what was written reads back as the same, and starts no formula.

A spreadsheet takes text that begins with = + - or @ for a formula, so such text is written behind an apostrophe, and
one that stands there is left out when the table is read. So is any text that would look like it, whatever it begins
with: reading undoes writing.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from costpulse_assets.allocation.problems import BadRuleSet, Problem
from costpulse_assets.allocation.rule_types.declaration import any_of, refusals
from costpulse_assets.allocation.text_files import Place, TextFile, decoded
from costpulse_assets.errors import BadInput

T = TypeVar("T")

_FORMULA = re.compile(r"'*(\s*[=+\-@]|[\t\r])")


def read_table(content: bytes, name: str, columns: Sequence[str], *, required: Sequence[str], at_most: int) -> TextFile:
    """Rows of a CSV file with a heading, as a list of dicts from column to text; an empty cell is None.

    Columns may come in any order, separated by commas or semicolons. Each row is one place of the file.

    Args:
        content: CSV in UTF-8.
        name: what the file is called in messages.
        columns: all that may be there.
        required: those that must be there.
        at_most: rows that are accepted: what is done with them must end while somebody waits.

    Raises:
        BadInput: it is not UTF-8 or not such a table, with every line that is wrong.
    """
    text = decoded(content, name)
    heading = text.partition("\n")[0]
    delimiter = ";" if ";" in heading and "," not in heading else ","
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    found: list[dict[str, str | None]] = []
    places: dict[Place, str] = {}
    wrong: list[Problem] = []
    try:
        names = [cell.strip() for cell in next(rows, [])]
        wrong += _wrong_columns(f"{name}, line 1", names, columns, required)
        line = rows.line_num
        for cells in [] if wrong else rows:
            # A cell may go on over several lines: the row is where it begins.
            where, line = f"{name}, line {line + 1}", rows.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                wrong.append(Problem(where, "row", "", f"has {len(cells)} values instead of {len(names)}"))
            elif "\0" in "".join(cells):
                wrong.append(Problem(where, "row", "", "holds a character that cannot be stored"))
            else:
                places[len(found),] = where
                found.append({column: _value(cell) for column, cell in zip(names, cells, strict=True)})
    except csv.Error as error:
        raise BadInput(
            f"{name}, line {rows.line_num}: {error}.", next_step="Correct it; nothing was changed."
        ) from error
    if wrong:
        raise BadRuleSet(wrong)
    if len(found) > at_most:
        raise BadInput(
            f"{name} has {len(found):,} rows: at most {at_most:,} are accepted.",
            next_step="Make several files of it; nothing was changed.",
        )
    return TextFile(name, found, places)


def write_table(columns: Sequence[str], rows: Iterable[Mapping[str, str | None]]) -> str:
    """The CSV text of rows, with a byte order mark by which spreadsheets know the encoding; None is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return "\ufeff" + text.getvalue()


def fitted(model: TypeAdapter[T], table: TextFile) -> T:
    """The rows of a table as documents.

    Raises:
        BadRuleSet: with file, line, column, value and reason of everything that does not fit.
    """
    try:
        return model.validate_python(table.value)
    except ValidationError as error:
        wrong = []
        for one in refusals(error):
            row, _, column = one.field.partition(".")
            wrong.append(Problem(table.where((int(row),)), column, one.value, one.reason))
        raise BadRuleSet(wrong) from error


def _wrong_columns(where: str, names: Sequence[str], columns: Sequence[str], required: Sequence[str]) -> list[Problem]:
    wrong = [
        Problem(where, "column", name, f"is not known here: known are {any_of(columns)}")
        for name in dict.fromkeys(names)
        if name not in columns
    ]
    wrong += [Problem(where, "column", name, "is there twice") for name in columns if names.count(name) > 1]
    return wrong + [Problem(where, "column", name, "is missing") for name in required if name not in names]


def _value(cell: str) -> str | None:
    if not cell.strip():
        return None
    return cell[1:] if cell[0] == "'" and _FORMULA.match(cell, 1) else cell


def _cell(value: str | None) -> str:
    if value is None:
        return ""
    return f"'{value}" if _FORMULA.match(value) else value
