"""All budgets as a CSV file, and a file that becomes the budgets, as a whole or not at all."""

from collections.abc import Mapping, Sequence
from itertools import count

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import formats, parts, people
from costpulse_app.allocation import forms
from costpulse_assets.allocation.budgets import StoredBudget
from costpulse_assets.allocation.budgets_csv import (
    BudgetsFile,
    budgets_text,
    import_budgets,
    planned_budgets,
    read_budgets,
)
from costpulse_assets.allocation.problems import BadRuleSet
from costpulse_assets.errors import BadInput, CostPulseError

_numbers = count(1)


def show(budgets: Sequence[StoredBudget]) -> None:
    """Draw the download and the upload, what the file changes, and the button to import it."""
    key = f"budgets_{st.session_state.get('budgets_upload', 0)}"
    file = forms.upload(
        "budgets",
        budgets_text([each.document for each in budgets]),
        key=key,
        help="Columns: name, amount, and where you like scope_type (everything, team, workspace, product, tag), scope, "
        "period (month, quarter, year, custom), starts_on, ends_on, thresholds, projected_threshold, owner, "
        "recipients, is_active. Lists are separated by semicolons. A row with the name of a budget changes it.",
    )
    if file is None:
        return
    try:
        found = read_budgets(file.content, file.name)
        with people.reading() as connection:
            connection.row_factory = dict_row
            plan = planned_budgets(connection, found, removes_others=file.removes_others)
    except BadRuleSet as refused:
        forms.show_problems(refused.problems)
        return
    except BadInput as refused:
        st.error(formats.plain(f"{refused.message} {refused.next_step}"))
        return
    touched = sum(change.action != "delete" for change in plan.changes)
    forms.show_changes(
        [("", change) for change in plan.changes],
        len(found.documents) - touched,
        key=f"{key}_changes",
        alt="What the file changes",
    )
    st.button(
        "Import budgets",
        type="primary",
        key=f"{key}_take",
        **(parts.only("edit budgets") or {"disabled": not plan.changes}),
        # What the viewer saw: this run has read the budgets anew.
        on_click=_import,
        args=[found, file.removes_others, plan.based_on],
    )
    refused_before = st.session_state.pop("budgets_refused", None)
    if refused_before:
        st.error(formats.plain(refused_before))


def _import(file: BudgetsFile, removes_others: bool, based_on: Mapping[int, int]) -> None:
    """In the name of the viewer."""
    try:
        with people.acting("edit budgets") as connection:
            done = import_budgets(
                connection, file, people.current().name, removes_others=removes_others, based_on=based_on
            )
    except CostPulseError as error:
        st.session_state["budgets_refused"] = f"{error.message} {error.next_step}"
        return
    # Another uploader, which is empty.
    st.session_state["budgets_upload"] = next(_numbers)
    st.session_state["said"] = (
        f"Imported {formats.count(len(done), 'change')} of budgets. Where they stand, and how probable it is that they "
        "are exceeded, is calculated by the next run."
    )
