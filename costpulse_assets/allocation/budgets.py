"""Budgets as documents: whose cost, over which period, how much, and when somebody wants to be told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Any, Literal

from psycopg.types.json import Jsonb
from pydantic import AfterValidator, BaseModel, ConfigDict

from costpulse_assets.allocation.rule_types.declaration import Text
from costpulse_assets.allocation.text_files import plain_number
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, run

ScopeType = Literal["everything", "team", "workspace", "product", "tag"]
PeriodKind = Literal["month", "quarter", "year", "custom"]

#: Scope of type team for what no team owns.
UNALLOCATED = "unallocated"
#: Percent of the amount.
LOWEST_THRESHOLD, HIGHEST_THRESHOLD, MOST_THRESHOLDS = 1, 500, 6

_LONGEST_NAME, _LONGEST_TEXT = 80, 200
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)
_AMOUNT_LIMIT = Decimal(10) ** 16

_OptionalText = Annotated[Text | None, AfterValidator(lambda text: text or None)]


class BudgetDocument(BaseModel):
    """A budget; it may be nonsense, `budget_faults` tells.

    `scope` is the name of a team (or unallocated), the id of a workspace, a product, or key=value of a tag. Periods of
    month, quarter and year are counted from starts_on, or are those of the calendar; custom is once. Days are
    inclusive, amounts in USD per period, thresholds in percent of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: Text
    scope_type: ScopeType = "everything"
    scope: Text = ""
    period: PeriodKind = "month"
    starts_on: date | None = None
    ends_on: date | None = None
    amount: Decimal
    thresholds: tuple[Decimal, ...] = (Decimal(50), Decimal(80), Decimal(100))
    projected_threshold: Decimal | None = Decimal(100)
    owner: _OptionalText = None
    recipients: tuple[Text, ...] = ()
    is_active: bool = True

    def clashes_with(self, other: "BudgetDocument") -> bool:
        """Whether both say how much may be spent for one scope in the same kind of period and on a common day."""
        return (
            self.is_active
            and other.is_active
            and (self.scope_type, self.scope, self.period) == (other.scope_type, other.scope, other.period)
            and (self.starts_on or date.min) <= (other.ends_on or date.max)
            and (other.starts_on or date.min) <= (self.ends_on or date.max)
        )


@dataclass(frozen=True)
class StoredBudget:
    """A row of the database: the document, and what the form needs to save it again."""

    id: int
    #: Given back when it is saved: another one means that somebody changed it meanwhile.
    version: int
    updated_at: datetime
    #: As in the tables: the id of a team, not its name.
    scope_id: str
    document: BudgetDocument


@dataclass(frozen=True)
class BudgetFault:
    """One thing that is wrong with one of several budgets."""

    #: Which of them, from 0.
    index: int
    name: str
    #: Field of the document.
    field: str
    #: A sentence with the way out.
    message: str


class BadBudgets(BadInput):
    """Budgets are refused; `faults` lists all that is wrong, the message has each on a line."""

    def __init__(self, faults: Sequence[BudgetFault]) -> None:
        self.faults = tuple(faults)
        several = len({fault.index for fault in faults}) > 1
        lines = [f"Budget {fault.name!r}: {fault.message}" if several else fault.message for fault in faults]
        super().__init__("\n".join(lines), next_step="Correct it and try again; nothing was changed.")


class BudgetChangedMeanwhile(BadInput):
    """Somebody else changed or deleted the budget after it was read."""


def stored_budgets(connection: Connection) -> list[StoredBudget]:
    """What the database holds, by name."""
    return [
        StoredBudget(
            **{name: row[name] for name in ("id", "version", "updated_at", "scope_id")},
            document=BudgetDocument.model_validate(
                {name: row[name] for name in BudgetDocument.model_fields if name in row}
            ),
        )
        for row in run(connection, "app/budgets")
    ]


def budget_faults(
    documents: Sequence[BudgetDocument], connection: Connection, *, teams: Sequence[str] | None = None
) -> list[BudgetFault]:
    """Everything that is wrong with these budgets taken together; empty if they may be saved.

    A workspace or product is only known to be wrong where the bill of the database has some.

    Args:
        documents: all budgets there shall be.
        connection: to look the scopes up.
        teams: names of the teams there will be; None: those of the database.
    """
    known = _scopes(connection)
    if teams is not None:
        known["team"] = {name: name for name in teams}
    found = []
    for index, document in enumerate(documents):
        others = [*enumerate(documents[:index])]
        said = [
            *_name_faults(document, [other.name for _, other in others]),
            *_scope_faults(document, known),
            *_period_faults(document),
            *_amount_faults(document),
            *_threshold_faults(document),
            *_people_faults(document),
        ]
        if any(document.clashes_with(other) for _, other in others):
            said.append(("scope", "A budget for this scope and period exists: edit it."))
        found += [BudgetFault(index, document.name, field, message) for field, message in said]
    return found


def save_budget(
    connection: Connection,
    document: BudgetDocument,
    actor: str,
    *,
    budget_id: int | None = None,
    version: int | None = None,
) -> StoredBudget:
    """Saves one budget, new or changed, in the caller's transaction.

    Args:
        connection: with an open transaction.
        document: what it shall be.
        actor: who does it, for the audit log.
        budget_id: the budget that is changed; None: a new one.
        version: the version that was edited; None: whatever is there.

    Returns:
        The budget as it is stored.

    Raises:
        BadBudgets: something is wrong with it; nothing was changed.
        BudgetChangedMeanwhile: somebody else changed or deleted it; nothing was changed.
    """
    stored = _locked(connection, actor, budget_id, version)
    others = [each for each in stored if each.id != budget_id]
    faults = budget_faults([*(each.document for each in others), document], connection)
    mine = [fault for fault in faults if fault.index == len(others)]
    if mine:
        raise BadBudgets(mine)
    _replace(connection, [*((each.id, each.document) for each in others), (budget_id, document)])
    name = document.name.lower()
    return next(each for each in stored_budgets(connection) if each.document.name.lower() == name)


def delete_budget(connection: Connection, budget_id: int, actor: str, *, version: int | None = None) -> None:
    """Deletes a budget, in the caller's transaction; what was found about its past periods stays.

    Raises:
        BudgetChangedMeanwhile: somebody else changed or deleted it; nothing was changed.
    """
    stored = _locked(connection, actor, budget_id, version)
    _replace(connection, [(each.id, each.document) for each in stored if each.id != budget_id])


def replace_budgets(connection: Connection, documents: Sequence[BudgetDocument]) -> None:
    """Makes the database hold these and nothing else; what has the same name keeps its row and its id.

    Needs `costpulse.actor` in the transaction, and documents without faults.
    """
    ids = {each.document.name.lower(): each.id for each in stored_budgets(connection)}
    _replace(connection, [(ids.get(each.name.lower()), each) for each in documents])


def _locked(connection: Connection, actor: str, budget_id: int | None, version: int | None) -> list[StoredBudget]:
    """All budgets, with nobody else changing them, and the one that is edited as its editor saw it."""
    if not actor.strip():
        raise BadInput("Nobody is named who changes the budget.", next_step="Give the name that the audit log shows.")
    connection.execute("lock table costpulse.budgets in share row exclusive mode")
    stored = stored_budgets(connection)
    current = next((each for each in stored if each.id == budget_id), None)
    if budget_id is not None and (current is None or version not in (None, current.version)):
        changes = run(connection, "app/budget_last_change", {"id": budget_id})
        by = f" by {changes[0]['actor']} at {changes[0]['changed_at']:%d %b %Y, %H:%M} UTC" if changes else ""
        raise BudgetChangedMeanwhile(
            f"{'Deleted' if current is None else 'Changed'}{by}; reload to see it.",
            next_step="Reload, make your change there, and save.",
        )
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor.strip()])
    return stored


def _replace(connection: Connection, wanted: Sequence[tuple[int | None, BudgetDocument]]) -> None:
    teams = {name: scope_id for scope_id, name in _scopes(connection)["team"].items()}
    rows = []
    for position, (budget_id, document) in enumerate(wanted):
        row = document.model_dump(mode="json", exclude={"scope"})
        scope_id = teams.get(document.scope, UNALLOCATED) if document.scope_type == "team" else document.scope
        rows.append(row | {"id": budget_id, "scope_id": scope_id, "position": position})
    run(connection, "app/save_budgets", {"budgets": Jsonb(rows)})


def _scopes(connection: Connection) -> dict[str, dict[str, str]]:
    """By type: the name of every scope id there is."""
    found: dict[str, dict[str, str]] = {"team": {}, "workspace": {}, "product": {}}
    for row in run(connection, "app/budget_scopes"):
        found[row["scope_type"]][row["scope_id"]] = row["name"]
    return found


_Said = Iterator[tuple[str, str]]


def _name_faults(document: BudgetDocument, others: Sequence[str]) -> _Said:
    if not document.name:
        yield "name", "Name is missing."
    elif len(document.name) > _LONGEST_NAME:
        yield "name", f"Name must have at most {_LONGEST_NAME} characters."
    for other in others:
        if other.lower() == document.name.lower():
            yield "name", f"A budget named {other} exists already."


def _scope_faults(document: BudgetDocument, known: Mapping[str, Mapping[str, str]]) -> _Said:
    scope = document.scope
    if document.scope_type == "everything":
        if scope:
            yield "scope", f"Everything needs no scope: leave {scope} out, or say what it is."
    elif not scope:
        yield "scope", f"Name the {document.scope_type}."
    elif document.scope_type == "tag":
        key, _, value = scope.partition("=")
        if not key or not value:
            yield "scope", "Write the tag as key=value."
    elif document.scope_type == "team":
        names = [*known["team"].values(), UNALLOCATED]
        if scope not in names:
            folded = {name.casefold(): name for name in names}
            close = get_close_matches(scope.casefold(), folded, n=1)
            yield (
                "scope",
                f"There is no team {scope}" + (f": write {folded[close[0]]} if you mean that." if close else "."),
            )
    else:
        there = known[document.scope_type]
        if there and scope not in there:
            ids = [scope_id for scope_id, name in there.items() if name and name.casefold() == scope.casefold()]
            way_out = f": write its id, {ids[0]}." if len(ids) == 1 else " on the bill."
            yield "scope", f"There is no {document.scope_type} {scope}{way_out}"


def _period_faults(document: BudgetDocument) -> _Said:
    first, last = document.starts_on, document.ends_on
    for field, day in (("starts_on", first), ("ends_on", last)):
        if day is not None and not _FIRST_DAY <= day <= _LAST_DAY:
            yield field, f"{day} is out of range: days lie between {_FIRST_DAY} and {_LAST_DAY}."
        if day is None and document.period == "custom":
            yield field, f"A custom period needs its {'first' if field == 'starts_on' else 'last'} day."
    if first is not None and last is not None and last < first:
        yield "ends_on", f"Ends on {last}, before it begins on {first}."
    if first is not None and first.day != 1 and document.period != "custom":
        yield "starts_on", f"A {document.period} begins on the first of a month, not on {first}."


def _amount_faults(document: BudgetDocument) -> _Said:
    if not document.amount > 0:
        yield "amount", "Amount must be above 0."
    elif document.amount >= _AMOUNT_LIMIT:
        yield "amount", "Amount must have at most 16 digits before the point."
    elif document.amount != round(document.amount, 2):
        yield "amount", "Amount must have at most two decimals."


def _threshold_faults(document: BudgetDocument) -> _Said:
    thresholds = document.thresholds
    between = f"between {LOWEST_THRESHOLD} and {HIGHEST_THRESHOLD} percent"
    if len(thresholds) > MOST_THRESHOLDS:
        yield "thresholds", f"There can be at most {MOST_THRESHOLDS} thresholds, not {len(thresholds)}."
    if not all(LOWEST_THRESHOLD <= each <= HIGHEST_THRESHOLD for each in thresholds):
        yield "thresholds", f"Thresholds must lie {between}."
    yield from (("thresholds", f"{each} is listed twice.") for each in _twice(thresholds, plain_number))
    if any(after < before for before, after in pairwise(thresholds)):
        yield "thresholds", "Thresholds must be in ascending order."
    projected = document.projected_threshold
    if projected is not None and not LOWEST_THRESHOLD <= projected <= HIGHEST_THRESHOLD:
        yield "projected_threshold", f"The threshold of the projection must lie {between}."


def _people_faults(document: BudgetDocument) -> _Said:
    if document.owner and len(document.owner) > _LONGEST_TEXT:
        yield "owner", f"Owner must have at most {_LONGEST_TEXT} characters."
    if not all(1 <= len(each) <= _LONGEST_TEXT for each in document.recipients):
        yield "recipients", f"A recipient must have 1 to {_LONGEST_TEXT} characters."
    yield from (("recipients", f"{each} is listed twice.") for each in _twice(document.recipients, str.casefold))


def _twice(values: Sequence[Any], words: Callable[[Any], str]) -> list[str]:
    said = [words(value) for value in values]
    return sorted({each for each in said if said.count(each) > 1}, key=said.index)
