"""All budgets: how much is used, where they end, and the buttons to change them."""

from collections.abc import Mapping, Sequence
from itertools import count

import streamlit as st

from costpulse_app import charts, formats, parts
from costpulse_app.filters import View
from costpulse_app.forecast import budget_form, budgets_upload, figures, reads, scopes
from costpulse_app.forecast.figures import Bullet
from costpulse_app.forecast.reads import BudgetPeriod
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_assets.allocation.budgets import StoredBudget
from costpulse_assets.allocation.text_files import plain_number
from costpulse_assets.analysis.series import Scope
from costpulse_assets.periods import Period

_numbers = count(1)
_MOST_BULLETS = 12
_CAP = 150.0


def show(made: Frame, version: Version) -> None:
    """Draw the tab."""
    budgets = reads.budgets(version)
    periods = reads.budget_periods(version)
    current = reads.current(periods)
    buttons(budgets)
    editing: tuple[str, StoredBudget | None, int] | None = st.session_state.get("editing_budget")
    if editing is not None:
        # As it was when the dialog opened: what somebody else changes meanwhile is found when it is saved.
        what, budget, number = editing
        if what == "delete" and budget is not None:
            deleting(budget, sum(each.budget_id == budget.id for each in periods))
        else:
            budget_form.dialog(made, version, budget, number)
    if budgets:
        bars(made, budgets, current)
        listing(made, budgets, current)
    else:
        st.info(
            "There is no budget yet. Create one here, or write budgets into a file and run `costpulse apply FILE`.",
            icon=":material/savings:",
        )
    with st.expander("Budgets as a CSV file", key="budgets_file"), parts.panel("budgets_file"):
        budgets_upload.show(budgets)
    history(made, budgets, periods)


def buttons(budgets: Sequence[StoredBudget]) -> None:
    """New, and what can be done with one of them."""
    edits = parts.only("edit budgets")
    with st.container(horizontal=True, vertical_alignment="bottom", key="budget_buttons"):
        st.button(
            "New budget",
            icon=":material/add:",
            key="new_budget",
            on_click=open_form,
            args=["edit", None],
            shortcut="N",
            **edits,
        )
        if budgets:
            of_id = {each.id: each for each in budgets}
            chosen = st.selectbox(
                "Choose a budget",
                list(of_id),
                format_func=lambda budget_id: of_id[budget_id].document.name,
                key="chosen_budget",
                label_visibility="collapsed",
                width=300,
            )
            st.button("Edit", key="edit_budget", on_click=open_form, args=["edit", of_id[chosen]], **edits)
            st.button("Delete", key="delete_budget", on_click=open_form, args=["delete", of_id[chosen]], **edits)


def bars(made: Frame, budgets: Sequence[StoredBudget], current: Mapping[int, BudgetPeriod]) -> None:
    """A bar per budget that runs: used, pace, projected end, limit."""
    running = [
        (budget, status)
        for budget in budgets
        if budget.document.is_active and (status := current.get(budget.id)) is not None and status.state == "running"
    ]
    if not running:
        st.caption("No budget has a period that runs and was looked at: the next run does that.")
        return
    running.sort(key=lambda each: (-(each[1].probability_exceeded or 0), -each[1].used_share))
    shown = running[:_MOST_BULLETS]
    said = "Share of the amount, the most probable to be exceeded first."
    if len(running) > len(shown):
        said += f" {len(running) - len(shown)} more are in the table."
    st.caption(formats.plain(said))
    look = charts.palette(st.context.theme.type)
    with st.container(key="bullets"):
        st.plotly_chart(
            figures.bullets([_bullet(made, budget, status) for budget, status in shown], look=look),
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key="bullets_chart",
            alt="Budgets: share used, share of the period that is over, and projected end, bars",
        )


def _bullet(made: Frame, budget: StoredBudget, status: BudgetPeriod) -> Bullet:
    amount = float(status.amount)
    projected = status.projected_usd
    words = (
        f"<b>{formats.no_html(budget.document.name)}</b><br>"
        f"{status.used_share:.1%} of {formats.money(status.amount, made.currency)} used, "
        f"{status.elapsed_share:.1%} of {formats.days(status.period)} is over"
    )
    if projected is not None:
        words += (
            f"<br>ends at {formats.money(projected, made.currency)} "
            f"({formats.money(status.lower_bound, made.currency)} to "
            f"{formats.money(status.upper_bound, made.currency)}), exceeded with "
            f"{formats.no_html(scopes.probability(status.probability_exceeded))}"
        )
    return Bullet(
        name=budget.document.name,
        used=status.used_share,
        elapsed=status.elapsed_share,
        projected=None if projected is None else float(projected) / amount,
        lower=None if status.lower_bound is None else float(status.lower_bound) / amount,
        upper=None if status.upper_bound is None else float(status.upper_bound) / amount,
        words=words,
    )


def listing(made: Frame, budgets: Sequence[StoredBudget], current: Mapping[int, BudgetPeriod]) -> None:
    """Every budget in a table."""
    rows = [_row(made, budget, current.get(budget.id)) for budget in budgets]
    money = parts.money_column(made.currency)
    st.session_state["budgets_shown"] = [
        (Scope(budget.document.scope_type, budget.scope_id), current.get(budget.id)) for budget in budgets
    ]
    parts.table(
        rows,
        key="budgets",
        alt="All budgets with what is used, projected and probable",
        columns={
            "Name": st.column_config.TextColumn(width="medium"),
            "Amount": money,
            "Projected": money,
            "Used %": st.column_config.ProgressColumn(
                format="%.1f%%", min_value=0, max_value=_CAP, help="The bar ends at 150%."
            ),
            "Breach day": st.column_config.DateColumn(
                format="YYYY-MM-DD", help="First day with a probability of one half or more that it is exceeded by then"
            ),
        },
        on_select=_open_budget,
        height="content",
    )
    st.caption("Choose a row to open its cost in the cost explorer.")
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        "budgets.csv",
        "text/csv",
        icon=":material/download:",
        key="budgets_csv",
        on_click="ignore",
    )
    notes = [
        f"{budget.document.name}: {status.note}"
        for budget in budgets
        if budget.document.is_active and (status := current.get(budget.id)) is not None and status.note
    ]
    notes += [
        f"{budget.document.name}: was not looked at yet; the next run does that."
        for budget in budgets
        if budget.document.is_active and budget.id not in current
    ]
    if notes:
        st.markdown("\n".join(f"- {formats.plain(note)}" for note in notes))


def _open_budget() -> None:
    """What a budget is for, in the days of its period, in the cost explorer."""
    chosen = st.session_state["budgets"].selection.rows
    if not chosen:
        return
    made = parts.frame()
    scope, status = st.session_state["budgets_shown"][chosen[0]]
    narrowed = scopes.narrowed(made.filters, scope)
    if status is not None and status.period_start <= made.newest:
        narrowed = narrowed.on(Period(status.period_start, min(status.period_end, made.newest)))
    parts.open_explorer(narrowed, View(by="sku" if scope.type == "product" else "product"))


def _row(made: Frame, budget: StoredBudget, status: BudgetPeriod | None) -> dict[str, object]:
    document = budget.document
    scope = Scope(document.scope_type, budget.scope_id)
    name, kind = scopes.name(made.names, scope), scopes.kind(scope)
    # What is shown of a period that is over is what it was, so it is not taken for the present.
    status = status if status is not None and document.is_active and status.state != "ended" else None
    return {
        "Name": document.name,
        "Used %": None if status is None else status.used_share * 100,
        "Breach probability": scopes.probability(None if status is None else status.probability_exceeded),
        "Amount": document.amount,
        "Projected": None if status is None else status.projected_usd,
        "Breach day": None if status is None else status.breach_date,
        "Scope": f"{kind}: {name}" if kind else name,
        "Period": formats.days(status.period) if status is not None else document.period,
        "Alerts at": alerts_in_words(budget),
        "Owner": document.owner,
        "On": "yes" if document.is_active else "no",
    }


def alerts_in_words(budget: StoredBudget) -> str:
    """`50, 80, 100%; projected 100%`."""
    document = budget.document
    said = []
    if document.thresholds:
        said.append(", ".join(plain_number(each) for each in document.thresholds) + "%")
    if document.projected_threshold is not None:
        said.append(f"projected {plain_number(document.projected_threshold)}%")
    return "; ".join(said) or "never"


def history(made: Frame, budgets: Sequence[StoredBudget], periods: Sequence[BudgetPeriod]) -> None:
    """The periods that are over, of all budgets, deleted ones too."""
    known = {each.id for each in budgets}
    over = [each for each in periods if each.state == "ended"]
    if not over:
        return
    over.sort(key=lambda each: (-each.period_end.toordinal(), each.budget_name.lower()))
    money = parts.money_column(made.currency)
    with st.expander(f"Periods that are over: {len(over)}", key="budget_history"):
        parts.table(
            [
                {
                    "Name": each.budget_name + ("" if each.budget_id in known else " (deleted)"),
                    "Period": formats.days(each.period),
                    "Amount": each.amount,
                    "Cost": each.spent_usd,
                    "Used %": each.used_share * 100,
                    "Exceeded": "yes" if each.spent_usd > each.amount else "no",
                }
                for each in over
            ],
            key="budget_periods",
            alt="Past periods of budgets with amount and cost",
            columns={
                "Name": st.column_config.TextColumn(width="medium"),
                "Amount": money,
                "Cost": money,
                "Used %": st.column_config.NumberColumn(format="%.1f%%"),
            },
        )


@st.dialog("Delete budget", on_dismiss=lambda: close())
def deleting(budget: StoredBudget, periods: int) -> None:
    """Asks before a budget goes; what was found about it stays."""
    kept = f" What was found about its {formats.count(periods, 'period')} is kept." if periods else ""
    st.markdown(
        formats.plain(
            f"Deletes the budget “{budget.document.name}” of "
            f"{formats.money_to_the_cent(budget.document.amount)} a {budget.document.period}"
            f"{' period' if budget.document.period == 'custom' else ''}.{kept}"
        )
    )
    with st.container(horizontal=True):
        if st.button("Keep it", type="primary", key="keep_budget"):
            close()
            st.rerun()
        delete = st.button("Delete budget", key="delete_budget_really")
    if delete:
        with parts.panel("delete_budget"):
            budget_form.delete(budget)
            close()
            st.rerun()


def open_form(what: str, budget: StoredBudget | None) -> None:
    """In a callback: the next run opens the dialog."""
    st.session_state["editing_budget"] = (what, budget, next(_numbers))


def close() -> None:
    """The next run opens no dialog."""
    st.session_state.pop("editing_budget", None)
