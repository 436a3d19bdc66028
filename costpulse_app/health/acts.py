"""The two runs that an admin starts from the page: the buttons, and the dialogs that say what will happen."""

from datetime import date, timedelta

import streamlit as st

from costpulse_app import formats, parts
from costpulse_app.health import reads, starting, state, words
from costpulse_app.health.starting import MOST_DAYS, Plan
from costpulse_app.parts import Frame
from costpulse_assets.errors import CostPulseError

#: Days that the dialog begins with.
_USUAL_DAYS = 3


def buttons(dagster: reads.Dagster) -> None:
    """Both acts; without Dagster there is nothing to start."""
    away = dagster.problem is not None
    how = parts.only("start runs") or (
        {"disabled": True, "help": "Dagster does not answer: nothing can be started from here."} if away else {}
    )
    with st.container(horizontal=True, key="health_acts", gap="small"):
        st.button(
            "Run now", key="run_now", icon=":material/play_arrow:", on_click=state.open_form, args=["run now"], **how
        )
        st.button(
            "Collect days again",
            key="collect_days",
            icon=":material/event_repeat:",
            on_click=state.open_form,
            args=["collect days again"],
            **how,
        )


def dialogs(made: Frame) -> None:
    """The dialog that is open."""
    opened = state.opened_form()
    if opened is None:
        return
    if opened.act == "run now":
        _run_now(opened)
    else:
        _collect_days(made, opened)


@st.dialog("Run now", on_dismiss=state.close_form)
def _run_now(opened: state.Form) -> None:
    key = f"run_{opened.number}"
    try:
        plan = starting.plan_run_now(reads.client())
    except CostPulseError as error:
        _refused(error, key)
        return
    st.markdown(
        formats.plain(
            f"Does now what the schedule does: looks at {formats.days(plan.days)} and collects the days that changed, "
            "the state of resources and their use, and makes everything anew that follows from them."
        )
    )
    st.caption("It starts your SQL warehouse, as every collection does.")
    _confirm(plan, key, "Start the run")


@st.dialog("Collect days again", on_dismiss=state.close_form)
def _collect_days(made: Frame, opened: state.Form) -> None:
    key = f"collect_{opened.number}"
    st.markdown(
        formats.plain(
            "Reads these usage days anew from Databricks, whether they changed or not, replaces them as a whole, and "
            f"makes everything anew that follows from them. At most {MOST_DAYS} days at once."
        )
    )
    usual = (max(made.newest - timedelta(days=_USUAL_DAYS - 1), min(made.days)), made.newest)
    left, right = st.columns(2)
    with left:
        first = st.date_input("First day (UTC)", usual[0], key=f"{key}_first", format="YYYY-MM-DD")
    with right:
        last = st.date_input("Last day (UTC)", usual[1], key=f"{key}_last", format="YYYY-MM-DD")
    if not isinstance(first, date) or not isinstance(last, date):
        st.caption("Choose both days.")
        return
    client = reads.client()
    try:
        plan = starting.plan_days_again(client, first, last)
        expected = reads.estimate(plan.days)
        last_runs = client.last_runs(limit=3)
    except CostPulseError as error:
        _refused(error, key)
        return
    st.markdown(f"**{formats.plain(words.estimated(expected, len(plan.days), last_runs))}**")
    _confirm(plan, key, f"Collect {formats.count(len(plan.days), 'day')} again")


def _confirm(plan: Plan, key: str, label: str) -> None:
    with st.container(horizontal=True, key=f"{key}_buttons"):
        # The safe one is the primary one.
        if st.button("Cancel", type="primary", key=f"{key}_cancel"):
            state.close_form()
            st.rerun()
        wanted = st.button(label, key=f"{key}_start", icon=":material/play_arrow:", **parts.only("start runs"))
    if not wanted:
        return
    try:
        starting.start(reads.client(), plan)
    except CostPulseError as error:
        _refused(error, key)
        return
    reads.forget_dagster()
    state.close_form()
    st.session_state["said"] = (
        f"{words.KINDS[plan.kind]}: asked for, {formats.days(plan.days)}. How far it is stands below; you may leave "
        "this page."
    )
    st.rerun()


def _refused(error: CostPulseError, key: str) -> None:
    with st.container(border=True, key=f"{key}_faults"):
        st.markdown(":red[:material/error: **Not started.**]")
        st.markdown(formats.plain(f"{error.message} {error.next_step}"))
