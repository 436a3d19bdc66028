"""Remarks below a chart of days: numbered as on the chart, with a small form for a new one."""

from collections.abc import Sequence
from datetime import date

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import charts, formats, parts, people
from costpulse_app.parts import Frame
from costpulse_app.team.reads import is_in_scope
from costpulse_assets.annotations import LONGEST_NOTE, Annotation, add_annotation, annotations, delete_annotation
from costpulse_assets.costs.spend import NONE
from costpulse_assets.errors import CostPulseError
from costpulse_assets.people import Right
from costpulse_assets.periods import Period

#: What is for everybody, or somebody else's, is for those who share with everybody.
_FOR_ALL: Right = "share views"
_POPOVER, _DAY, _NOTE, _TEAM = "remark_new", "remark_day", "remark_note", "remark_team"
_SHOWN = 5


def read(period: Period, teams: Sequence[str] | None) -> list[Annotation]:
    """The remarks on these days. Not cached: what somebody writes shows at once, and remarks are few.

    Args:
        period: first and last day.
        teams: ids whose remarks are wanted beside those for everybody; None: all that may be seen.
    """
    ids = None if teams is None else [int(team) for team in teams if team.isdecimal()]
    with people.reading() as connection:
        connection.row_factory = dict_row
        return annotations(connection, period, ids)


def of_filters(made: Frame) -> Sequence[str] | None:
    """Whose remarks the filter bar asks for, as `read` takes it."""
    chosen = made.filters.ids("team")
    return [team for team in chosen if team != NONE] if chosen else None


def on_chart(made: Frame, remarks: Sequence[Annotation]) -> list[charts.Remark]:
    """The same as marks, in the same numbers as in the list."""
    return [
        charts.Remark(number, one.usage_date, f"{number}. {_sentence(made, one)}")
        for number, one in enumerate(remarks, 1)
    ]


def show(made: Frame, period: Period, remarks: Sequence[Annotation], *, team: str | None = None) -> None:
    """The list, and the form for a new one.

    Args:
        made: the frame.
        period: the days of the chart.
        remarks: as `read` gave them.
        team: the team that a new one is about, unless another is chosen.
    """
    fault = st.session_state.pop("remark_fault", None)
    with st.container(key="remarks", gap="xsmall"):
        if len(remarks) > _SHOWN:
            with st.expander(f"{len(remarks)} remarks on these days", key="remarks_all"):
                _lines(made, remarks)
        else:
            _lines(made, remarks)
        with st.popover(
            "Add a remark",
            icon=":material/edit_note:",
            type="tertiary",
            key=_POPOVER,
            on_change="rerun",
            **parts.only("annotate days"),
        ) as popover:
            if popover.open:
                _form(made, period, team)
        if fault:
            st.error(formats.plain(fault), icon=":material/error:")


def _lines(made: Frame, remarks: Sequence[Annotation]) -> None:
    person = people.current()
    for number, one in enumerate(remarks, 1):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"remark_{one.id}"):
            st.caption(formats.plain(f"{number}. {_sentence(made, one)}"), width="content")
            is_own = one.author == person.name and person.may("annotate days")
            if is_own or person.may(_FOR_ALL):
                st.button(
                    "Delete",
                    key=f"remark_delete_{one.id}",
                    type="tertiary",
                    icon=":material/delete:",
                    on_click=_delete,
                    args=[one, is_own],
                )


def _sentence(made: Frame, one: Annotation) -> str:
    whom = "everybody" if one.team_id is None else made.names.one("team", str(one.team_id))
    return f"{formats.day(one.usage_date)}: {one.note} (for {whom}, by {one.author})"


def _form(made: Frame, period: Period, team: str | None) -> None:
    person = people.current()
    teams: list[str | None] = [each for each in made.names.ids("team") if is_in_scope(each)]
    if person.may(_FOR_ALL):
        teams = [None, *teams]
    if not teams:
        st.markdown("There is no team of yours to write about.")
        return
    with st.form("remark", border=False):
        st.date_input(
            "Day (UTC)",
            min(period.last, made.newest),
            min_value=min(made.days),
            max_value=made.newest,
            key=_DAY,
        )
        st.text_input("What happened", key=_NOTE, max_chars=LONGEST_NOTE)
        st.selectbox(
            "For",
            teams,
            index=teams.index(team) if team in teams else 0,
            format_func=lambda each: "Everybody" if each is None else made.names.one("team", each),
            key=_TEAM,
        )
        st.form_submit_button("Add remark", type="primary", key="remark_add", on_click=_add)


def _add() -> None:
    state = st.session_state
    day: date = state[_DAY]
    team: str | None = state[_TEAM]
    try:
        with people.acting(_FOR_ALL if team is None else "annotate days") as connection:
            add_annotation(connection, day, state[_NOTE], None if team is None else int(team))
    except CostPulseError as error:
        state["remark_fault"] = f"{error.message} {error.next_step}"
        return
    state[_NOTE] = ""
    state[_POPOVER] = False
    st.toast(f"The remark on {formats.day(day)} is written.", icon=":material/check:")


def _delete(one: Annotation, is_own: bool) -> None:
    try:
        with people.acting("annotate days" if is_own else _FOR_ALL) as connection:
            delete_annotation(connection, one.id, is_own=is_own)
    except CostPulseError as error:
        st.session_state["remark_fault"] = f"{error.message} {error.next_step}"
        return
    st.toast(f"The remark on {formats.day(one.usage_date)} is deleted.", icon=":material/check:")
