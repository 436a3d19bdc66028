"""The dialog of one budget: typed, previewed on past periods, checked and saved as a whole or not at all."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import formats, parts, people, queries
from costpulse_app.forecast import reads, scopes
from costpulse_app.forecast.expectation import expected
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_assets.allocation.budgets import (
    UNALLOCATED,
    BadBudgets,
    BudgetChangedMeanwhile,
    BudgetDocument,
    StoredBudget,
    budget_faults,
    delete_budget,
    save_budget,
    stored_budgets,
)
from costpulse_assets.allocation.text_files import plain_number
from costpulse_assets.analysis.budgets import period_of, periods_of
from costpulse_assets.analysis.forecast_issues import LEVEL
from costpulse_assets.analysis.series import Scope
from costpulse_assets.periods import Period

_SCOPES = {
    "everything": "Everything",
    "team": "Team (with the teams below it)",
    "workspace": "Workspace",
    "product": "Product",
    "tag": "Tag",
}
_PERIODS = {"month": "Every month", "quarter": "Every quarter", "year": "Every year", "custom": "Once, from and to"}
_NOUNS = {"month": "month", "quarter": "quarter", "year": "year"}
_GROUPED = re.compile(r"^\d{1,3}(,\d{3})+(\.\d*)?$")
#: Past months a preview looks at.
_MONTHS = 12


@dataclass(frozen=True)
class Typed:
    """What the form holds; `unreadable` has a sentence for each field of the document that is no number."""

    document: BudgetDocument
    scope: Scope
    unreadable: Mapping[str, str]


@st.dialog("Budget", width="medium", on_dismiss=lambda: _close())
def dialog(made: Frame, version: Version, budget: StoredBudget | None, number: int) -> None:
    """New or changed; stays open with what was typed until it can be saved."""
    typed = _inputs(made, version, budget, f"budget_{number}")
    if not typed.unreadable:
        with parts.panel("budget_preview"), st.container(border=True, key="budget_preview", gap="xsmall"):
            for sentence in preview(made, version, typed.document, typed.scope):
                st.markdown(formats.plain(sentence))
    with st.container(horizontal=True):
        save = st.button(
            "Create budget" if budget is None else "Save budget", type="primary", key=f"budget_{number}_save"
        )
        if st.button("Cancel", key=f"budget_{number}_cancel"):
            _close()
            st.rerun()
    if not save:
        return
    with parts.panel("save_budget"):
        problems = _problems(typed, budget) or _saved(typed.document, budget)
        if not problems:
            _close()
            st.rerun()
        with st.container(border=True, key="budget_problems"):
            st.markdown(":red[:material/error: **Not saved; nothing was changed.**]")
            st.markdown("\n".join(f"- {formats.plain(one)}" for one in problems))


def delete(budget: StoredBudget) -> None:
    """Deletes it, in the name of the viewer.

    Raises:
        BudgetChangedMeanwhile: somebody else changed it since it was read.
    """
    with people.acting("edit budgets") as connection:
        delete_budget(connection, budget.id, people.current().name, version=budget.version)
    st.session_state["said"] = f"Deleted the budget “{budget.document.name}”. Its past periods are kept."


def preview(made: Frame, version: Version, document: BudgetDocument, scope: Scope) -> list[str]:
    """What past periods, and the forecast, say about an amount."""
    if made.last_final is None or document.amount <= 0:
        return ["A preview follows when there is an amount above 0 and a final day."]
    said = [_past(made, version, document, scope)]
    period = period_of(document, made.newest) if _has_its_days(document) else None
    found = expected(made, version, scope, period, document.amount) if period is not None else None
    if period is not None and found is not None:
        when = f", from {formats.day(found.breach_date)} on" if found.breach_date else ""
        said.append(
            f"{_called(period)} is expected to cost {formats.money(found.projected, made.currency)} "
            f"({LEVEL:.0%}: {formats.money(found.lower, made.currency)} to "
            f"{formats.money(found.upper, made.currency)}): probability that this is exceeded "
            f"{scopes.probability(found.probability)}{when}."
        )
    return said


def _has_its_days(document: BudgetDocument) -> bool:
    """Whether its days make sense; what is wrong with them is said when it is saved."""
    first, last = document.starts_on, document.ends_on
    if document.period == "custom":
        return first is not None and last is not None and first <= last
    return first is None or (first.day == 1 and (last is None or first <= last))


def _past(made: Frame, version: Version, document: BudgetDocument, scope: Scope) -> str:
    assert made.last_final is not None
    first_day = min(made.days)
    if document.period == "custom":
        days = Period(max(first_day, made.last_final - timedelta(days=29)), made.last_final)
        spent = sum(reads.costs(version, scope, days).values(), Decimal(0))
        return f"{formats.days(days)} cost {formats.money(spent, made.currency)}."
    year_ago = made.last_final - timedelta(days=366)
    # As if it had always been there.
    always = document.model_copy(update={"starts_on": None, "ends_on": None})
    over = [
        period
        for period in periods_of(always, Period(max(year_ago, first_day), made.last_final))
        if period.first >= first_day and period.last <= made.last_final
    ][-_MONTHS:]
    noun = _NOUNS[document.period]
    if not over:
        return f"No whole {noun} was collected yet that it could be compared with."
    costs = reads.costs(version, scope, Period(over[0].first, over[-1].last))
    spent_in = [sum((costs.get(day, Decimal(0)) for day in period), Decimal(0)) for period in over]
    exceeded = sum(spent > document.amount for spent in spent_in)
    most = max(range(len(over)), key=spent_in.__getitem__)
    if len(over) == 1:
        verdict = "would have been exceeded" if exceeded else "would not have been exceeded"
        return f"{_called(over[0])} cost {formats.money(spent_in[0], made.currency)}: this {verdict}."
    return (
        f"Would have been exceeded in {exceeded} of the last {formats.count(len(over), noun)}; the most was "
        f"{formats.money(spent_in[most], made.currency)} in {_called(over[most])}."
    )


def _called(period: Period) -> str:
    return f"{period.first:%B %Y}" if len(period) <= 31 else formats.days(period)


def _inputs(made: Frame, version: Version, budget: StoredBudget | None, key: str) -> Typed:
    given = budget.document if budget is not None else None
    name = st.text_input("Name", given.name if given else "", key=f"{key}_name", max_chars=80)
    scope_type = st.selectbox(
        "Whose cost",
        list(_SCOPES),
        index=list(_SCOPES).index(given.scope_type) if given else 0,
        format_func=_SCOPES.__getitem__,
        key=f"{key}_scope_type",
    )
    scope = _scope_input(made, scope_type, budget, key)
    with st.container(horizontal=True):
        period = st.selectbox(
            "Period",
            list(_PERIODS),
            index=list(_PERIODS).index(given.period) if given else 0,
            format_func=_PERIODS.__getitem__,
            key=f"{key}_period",
            width=190,
        )
        amount = st.text_input(
            f"Amount in {made.currency}",
            plain_number(given.amount) if given else "",
            key=f"{key}_amount",
            placeholder="12500.00",
            width=190,
        )
    with st.container(horizontal=True):
        optional = "" if period == "custom" else " (optional)"
        first = st.date_input(f"First day{optional}", given.starts_on if given else None, key=f"{key}_first", width=190)
        last = st.date_input(f"Last day{optional}", given.ends_on if given else None, key=f"{key}_last", width=190)
    with st.container(horizontal=True):
        thresholds = st.text_input(
            "Tell at, in percent used",
            ", ".join(plain_number(each) for each in given.thresholds) if given else "50, 80, 100",
            key=f"{key}_thresholds",
            width=190,
        )
        projected = st.text_input(
            "Tell at, in percent projected",
            (plain_number(given.projected_threshold) if given.projected_threshold is not None else "")
            if given
            else "100",
            key=f"{key}_projected",
            help="Empty: never.",
            width=190,
        )
    owner = st.text_input("Owner (optional)", (given and given.owner) or "", key=f"{key}_owner")
    recipients = st.text_area(
        "Who is told (optional)",
        "\n".join(given.recipients) if given else "",
        key=f"{key}_recipients",
        help="One a line.",
        height=70,
    )
    is_active = st.toggle("On", given.is_active if given else True, key=f"{key}_on")

    unreadable: dict[str, str] = {}
    written = {
        "amount": ([amount], "Write the amount as a number, as in 12500 or 12500.50."),
        "thresholds": (
            [part for part in re.split(r"[,;\s]+", thresholds) if part],
            "Write the percentages as numbers with commas between them, as in 50, 80, 100.",
        ),
        "projected_threshold": (
            [projected] if projected.strip() else [],
            "Write the percentage of the projection as a number, as in 100, or leave it empty.",
        ),
    }
    numbers: dict[str, list[Decimal]] = {}
    for field, (texts, otherwise) in written.items():
        read = [_number(text) for text in texts]
        numbers[field] = [number for number in read if number is not None]
        if None in read:
            unreadable[field] = otherwise
    document = BudgetDocument(
        name=name,
        scope_type=scope.type,
        scope=_name_of(made, scope),
        period=period,
        starts_on=_day(first),
        ends_on=_day(last),
        amount=next(iter(numbers["amount"]), Decimal(1)),
        thresholds=tuple(numbers["thresholds"]),
        projected_threshold=next(iter(numbers["projected_threshold"]), None),
        owner=owner,
        recipients=tuple(line.strip() for line in recipients.splitlines() if line.strip()),
        is_active=is_active,
    )
    return Typed(document, scope, unreadable)


def _scope_input(made: Frame, scope_type: str, budget: StoredBudget | None, key: str) -> Scope:
    given = budget.scope_id if budget is not None and budget.document.scope_type == scope_type else ""
    match scope_type:
        case "everything":
            return Scope("everything")
        case "tag":
            typed = st.text_input(
                "Tag", given, key=f"{key}_tag", placeholder="project=atlas", help="Written as key=value."
            )
            return Scope("tag", typed.strip())
        case "team":
            options = [*made.names.ids("team"), UNALLOCATED]
        case "workspace":
            options = made.names.ids("workspace")
        case _:
            options = queries.products(made.version)
    if given and given not in options:
        options = [*options, given]
    chosen = st.selectbox(
        _SCOPES[scope_type].partition(" (")[0],
        options,
        index=options.index(given) if given in options else None,
        format_func=lambda scope_id: scopes.name(made.names, Scope(scope_type, scope_id)),  # type: ignore[arg-type]
        placeholder="Choose one",
        key=f"{key}_{scope_type}",
    )
    return Scope(scope_type, chosen or "")  # type: ignore[arg-type]


def _name_of(made: Frame, scope: Scope) -> str:
    """As documents have it: teams by name, everything else by id."""
    if scope.type == "team" and scope.id not in ("", UNALLOCATED):
        return scopes.name(made.names, scope)
    return scope.id


def _number(text: str) -> Decimal | None:
    """A number as people write it; None where it is none."""
    plain = text.strip().removeprefix("$").removesuffix("%").strip()
    if _GROUPED.match(plain):
        plain = plain.replace(",", "")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _day(chosen: Any) -> date | None:
    return chosen if isinstance(chosen, date) else None


def _problems(typed: Typed, budget: StoredBudget | None) -> list[str]:
    """What is not a number, and then everything else that is wrong too."""
    if not typed.unreadable:
        return []
    with people.reading() as connection:
        connection.row_factory = dict_row
        others = [each.document for each in stored_budgets(connection) if budget is None or each.id != budget.id]
        faults = budget_faults([*others, typed.document], connection)
    found = [fault for fault in faults if fault.index == len(others) and fault.field not in typed.unreadable]
    return [*(fault.message for fault in found), *typed.unreadable.values()]


def _saved(document: BudgetDocument, budget: StoredBudget | None) -> list[str]:
    """Saves it in the name of the viewer; what is wrong with it, in which case nothing was changed."""
    try:
        with people.acting("edit budgets") as connection:
            save_budget(
                connection,
                document,
                people.current().name,
                budget_id=None if budget is None else budget.id,
                version=None if budget is None else budget.version,
            )
    except BadBudgets as refused:
        return [fault.message for fault in refused.faults]
    except BudgetChangedMeanwhile as refused:
        return [refused.message]
    st.session_state["said"] = (
        f"{'Created' if budget is None else 'Saved'} the budget “{document.name}”. Where it stands, and how "
        "probable it is that it is exceeded, is calculated by the next run."
    )
    return []


def _close() -> None:
    st.session_state.pop("editing_budget", None)
