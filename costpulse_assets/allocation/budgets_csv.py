"""Budgets as a CSV file: a column for each field of a budget, teams by name, lists separated by semicolons.

A column that is left out has its default, and so has an empty cell of what every budget needs. An empty cell of
`thresholds` or `projected_threshold` means that nobody is told.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter, field_validator

from costpulse_assets.allocation.budgets import (
    BudgetChangedMeanwhile,
    BudgetDocument,
    StoredBudget,
    budget_faults,
    replace_budgets,
    stored_budgets,
)
from costpulse_assets.allocation.csv_tables import fitted, read_table, write_table
from costpulse_assets.allocation.plan import Change, changes_in_words
from costpulse_assets.allocation.problems import BadRuleSet, Problem
from costpulse_assets.allocation.text_files import TextFile, plain_number
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection

BUDGET_COLUMNS = tuple(BudgetDocument.model_fields)
#: Each is compared with all others.
MOST_BUDGETS = 1_000


class _BudgetRow(BudgetDocument):
    """A budget as cells hold it."""

    @field_validator("starts_on", "ends_on", mode="before")
    @classmethod
    def _day(cls, cell: str | None) -> str | None:
        # A number would be taken for seconds since 1970.
        if cell is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", cell.strip()):
            raise ValueError("must be a day such as 2026-01-31")
        return cell and cell.strip()


@dataclass(frozen=True)
class BudgetsFile:
    """What a file says; it may be nonsense, `planned_budgets` tells."""

    documents: tuple[BudgetDocument, ...]
    text: TextFile


@dataclass(frozen=True)
class BudgetsPlan:
    """What taking a file over would make of the budgets."""

    changes: tuple[Change, ...]
    #: All budgets there will be.
    documents: tuple[BudgetDocument, ...]
    #: Id and version of every budget it was made from.
    based_on: Mapping[int, int]


def read_budgets(content: bytes, name: str) -> BudgetsFile:
    """The budgets in a file; of the columns `BUDGET_COLUMNS`, name and amount must be there.

    Raises:
        BadInput: with file, line, column, value and reason of everything that does not fit.
    """
    table = read_table(content, name, BUDGET_COLUMNS, required=("name", "amount"), at_most=MOST_BUDGETS)
    text = TextFile(name, [_fields(row) for row in table.value], table.places)
    rows = fitted(TypeAdapter(tuple[_BudgetRow, ...]), text)
    return BudgetsFile(tuple(BudgetDocument.model_validate(row.model_dump()) for row in rows), text)


def budgets_text(documents: Sequence[BudgetDocument]) -> str:
    """The CSV text of budgets, which reads back as the same budgets."""
    rows = ({name: _cell(getattr(document, name)) for name in BUDGET_COLUMNS} for document in documents)
    return write_table(BUDGET_COLUMNS, rows)


def planned_budgets(connection: Connection, file: BudgetsFile, *, removes_others: bool) -> BudgetsPlan:
    """What `save_planned` would do; nothing is written.

    A budget of the same name, whatever its case, is changed; any other one is new.

    Args:
        connection: to read the budgets, and to look scopes up.
        file: what `read_budgets` read.
        removes_others: whether budgets that are not in the file go; else they stay.

    Raises:
        BadRuleSet: with file, line, column, value and reason of everything that is wrong.
    """
    stored = stored_budgets(connection)
    named = {document.name.lower() for document in file.documents}
    kept = [each.document for each in stored if not removes_others and each.document.name.lower() not in named]
    documents = (*kept, *file.documents)
    wrong = [
        _problem(file, fault.index - len(kept), fault.field, fault.message)
        for fault in budget_faults(documents, connection)
        if fault.index >= len(kept)
    ]
    if wrong:
        raise BadRuleSet(wrong)
    changes = changes_in_words(
        "budget",
        {each.document.name.lower(): each.document for each in stored},
        {document.name.lower(): document for document in documents},
        lambda document: str(document.name),
    )
    return BudgetsPlan(tuple(changes), documents, _versions(stored))


def import_budgets(
    connection: Connection, file: BudgetsFile, actor: str, *, removes_others: bool, based_on: Mapping[int, int]
) -> tuple[Change, ...]:
    """Makes the database hold the budgets of a file, in the caller's transaction; what is the same keeps its version.

    Args:
        connection: with an open transaction.
        file: what `read_budgets` read.
        actor: who does it, for the audit log.
        removes_others: as for `planned_budgets`.
        based_on: of the plan that somebody looked at.

    Returns:
        What was changed.

    Raises:
        BadRuleSet: something is wrong with the file; nothing was changed.
        BudgetChangedMeanwhile: somebody changed a budget since the plan was made; nothing was changed.
        BadInput: nobody is named as the actor.
    """
    if not actor.strip():
        raise BadInput("Nobody is named who changes the budgets.", next_step="Give the name that the audit log shows.")
    connection.execute("lock table costpulse.budgets in share row exclusive mode")
    plan = planned_budgets(connection, file, removes_others=removes_others)
    if plan.based_on != based_on:
        raise BudgetChangedMeanwhile(
            "Somebody else has changed budgets since the file was compared with them; nothing was changed.",
            next_step="Look at what the file changes now, and import it again.",
        )
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor.strip()])
    replace_budgets(connection, plan.documents)
    return plan.changes


def _versions(stored: Sequence[StoredBudget]) -> dict[int, int]:
    return {each.id: each.version for each in stored}


def _problem(file: BudgetsFile, index: int, field: str, message: str) -> Problem:
    """The sentence that the form shows, with line, column and value."""
    value = _cell(getattr(file.documents[index], field))
    subject, _, reason = message.removesuffix(".").partition(" ")
    return Problem(f"{file.text.where((index,))}, {field}{f' {value!r}' if value else ''}", subject, "", reason)


def _fields(row: Mapping[str, str | None]) -> dict[str, Any]:
    """Cells as the model takes them."""
    fields: dict[str, Any] = {name: cell for name, cell in row.items() if cell is not None}
    if "thresholds" in row:
        # Separated as people do it in the form.
        fields["thresholds"] = [part for part in re.split(r"[,;\s]+", row["thresholds"] or "") if part]
    if "recipients" in row:
        lines = csv.reader(io.StringIO(row["recipients"] or "", newline=""), delimiter=";")
        fields["recipients"] = [part for line in lines for part in line if part.strip()]
    if "projected_threshold" in row:
        fields["projected_threshold"] = row["projected_threshold"]
    return fields


def _cell(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return plain_number(value)
        case tuple():
            text = io.StringIO(newline="")
            csv.writer(text, delimiter=";").writerow([_cell(each) for each in value])
            return text.getvalue().removesuffix("\r\n") or None
        case _:
            return str(value) or None
