"""The list of reports, what can be done with one of them, and, where there is none, what there could be."""

from collections.abc import Sequence
from datetime import date
from typing import cast

import pandas as pd
import streamlit as st

from costpulse_app import db, formats, parts, people
from costpulse_app.alerts.words import moment_column
from costpulse_app.allocation import reads as allocation_reads
from costpulse_app.parts import Frame
from costpulse_app.reports import asking, download, progress, words
from costpulse_app.reports.reads import StoredReport
from costpulse_app.reports.state import open_form, open_one
from costpulse_assets.reports.report_request import REPORT_TYPES, ReportFormat, ReportType
from costpulse_assets.reports.requests import TYPE_TITLES

_ROW_BUTTON = "report_opened"
#: Title, what it answers, and the request of one click.
_OFFERS: tuple[tuple[str, str, ReportType, ReportFormat], ...] = (
    *((TYPE_TITLES[each], words.ANSWERS[each], each, asking.USUAL_FORMATS[each]) for each in REPORT_TYPES),
    ("The bill in FOCUS", words.GOOD_FOR["focus"], "showback", "focus"),
)
_OFFERS_IN_A_ROW = 3
_NOT_OF_ALL = "It holds the cost of all teams: choose New report, and one of yours."


def show(made: Frame, reports: Sequence[StoredReport]) -> None:
    """Draw the list."""
    st.caption(
        "The filters above do not apply here: a report has a period and a team of its own, and tells list price and "
        "your price apart."
    )
    buttons(reports)
    progress.show()
    if reports:
        table(reports)
    else:
        offers(made)
    schedules()
    programs()


def buttons(reports: Sequence[StoredReport]) -> None:
    """New, and what can be done with one of them."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="report_buttons", gap="small"):
        only = parts.only("ask for reports")
        st.button("New report", icon=":material/add:", key="new_report", on_click=open_form, shortcut="N", **only)
        if not reports:
            return
        of_id = {one.id: one for one in reports}
        if st.session_state.get("chosen_report") not in of_id:
            st.session_state["chosen_report"] = next(
                (one.id for one in reports if one.status == "ready"), reports[0].id
            )
        number = st.selectbox(
            "Choose a report",
            list(of_id),
            format_func=lambda each: f"{of_id[each].name} ({words.FORMATS[of_id[each].format]}, {each})",
            key="chosen_report",
            label_visibility="collapsed",
            width=420,
        )
        one = of_id[number]
        problem = download.button(one, key="download_report")
        st.button("Details", key="open_report", icon=":material/manage_search:", on_click=open_one, args=[one.id])
        if not one.is_pending:
            # What the viewer saw: by now another may stand in its place.
            st.button(
                "Run again", key="run_again", icon=":material/replay:", on_click=asking.remember, args=[one], **only
            )
    if problem:
        st.warning(formats.plain(problem), icon=":material/file_present:")
    asking.ask_remembered()


def table(reports: Sequence[StoredReport]) -> None:
    """Every report, newest first; a button opens one."""
    st.session_state["reports_listed"] = [one.id for one in reports]
    if reports[0].found > len(reports):
        st.caption(f"The newest {len(reports):,} of {reports[0].found:,}.")
    st.dataframe(
        pd.DataFrame([{"": ":material/manage_search: Details"} | row for row in rows(reports)], dtype=object),
        column_config={
            "": st.column_config.ButtonColumn(
                "", type="tertiary", key=_ROW_BUTTON, on_click=_open_row, width=100, alignment="left"
            ),
            "Report": st.column_config.TextColumn(width=320),
            "Asked": moment_column("Asked (UTC)"),
            "Rows": st.column_config.NumberColumn(format="localized"),
            "Kept until": moment_column("Kept until (UTC)"),
            "Problem": st.column_config.TextColumn(width="large"),
        },
        hide_index=True,
        width="stretch",
        height="auto",
        placeholder=formats.UNKNOWN,
        key="reports",
        alt="All reports with their state, period, team, format, size and checksum, newest first",
    )


def rows(reports: Sequence[StoredReport]) -> list[dict[str, object]]:
    """The rows of the table."""
    return [
        {
            "Report": one.name,
            "State": words.STATES[one.status],
            "Format": words.FORMATS[one.format],
            "Asked": one.requested_at,
            "By": one.requested_by,
            "Rows": one.row_count,
            "Size": None if one.size_bytes is None else words.size(one.size_bytes),
            "Checksum": None if one.checksum is None else one.checksum[:8],
            "Not final": None if one.is_provisional is None else ("yes" if one.is_provisional else "no"),
            "Period": formats.days(one.period),
            "Team": words.team(one),
            "Type": TYPE_TITLES[one.report_type],
            "Kept until": one.expires_at if one.status == "ready" else None,
            "Problem": one.problem,
        }
        for one in reports
    ]


def offers(made: Frame) -> None:
    """What each type is for, with one click each."""
    st.info(
        "No report was made yet. Each of these is made with one click; New report lets you choose days, team and "
        "format. The same is done by `costpulse report`.",
        icon=":material/description:",
    )
    closed = list(allocation_reads.closings())
    with st.container(key="report_offers"):
        for first in range(0, len(_OFFERS), _OFFERS_IN_A_ROW):
            offers_of_row = _OFFERS[first : first + _OFFERS_IN_A_ROW]
            for column, each in zip(st.columns(_OFFERS_IN_A_ROW), offers_of_row, strict=True):
                with column, st.container(border=True, height="stretch", gap="small"):
                    _offer(made, closed, each)


def _offer(made: Frame, closed: list[date], offered: tuple[str, str, ReportType, ReportFormat]) -> None:
    title, answer, report_type, report_format = offered
    request = asking.usual_request(made, report_type, report_format, closed)
    st.markdown(f"**{formats.plain(title)}**")
    st.caption(formats.plain(answer))
    st.space("stretch")
    if request is None:
        said = "No month is closed yet."
    else:
        not_final = words.not_final(made.not_final(request.period))
        said = f"{formats.days(request.period)}, as {words.FORMATS[report_format]}. {not_final}"
    st.caption(formats.plain(said.strip()))
    sees_all = people.current().scope == "all"
    wanted = st.button(
        "Make it",
        key=f"offer_{report_type}_{report_format}",
        icon=":material/note_add:",
        **(
            parts.only("ask for reports")
            or {"disabled": request is None or not sees_all, "help": None if sees_all else _NOT_OF_ALL}
        ),
    )
    if wanted and request is not None:
        with parts.panel("offers"):
            asking.ask(request)
            st.rerun()


def schedules() -> None:
    """What is made without being asked for, as the settings have it."""
    planned = db.settings().report_schedules
    with st.expander(
        f"Scheduled reports: {len(planned)}" if planned else "Scheduled reports: none",
        icon=":material/event_repeat:",
        key="report_schedules",
    ):
        st.caption(
            "Set by the environment variable `COSTPULSE_REPORT_SCHEDULES` (docs/reports.md), and not changed here. "
            "Monthly: as soon as the month is closed. Weekly: the week before, as soon as its days are final."
        )
        if planned:
            parts.table(
                [
                    {
                        "Type": TYPE_TITLES[cast(ReportType, each.type)],
                        "Format": words.FORMATS[cast(ReportFormat, each.format)],
                        "Every": each.every.capitalize(),
                        "Team": each.team or "All teams",
                        "Told": ", ".join(each.channels) or "Nobody",
                    }
                    for each in planned
                ],
                key="report_schedule_rows",
                alt="Scheduled reports: type, format, how often, whose, and who is told",
            )


def programs() -> None:
    """Other ways to the same figures."""
    with st.expander("For programs: JSON API, SQL views, FOCUS, invoices", icon=":material/api:", key="programs"):
        st.markdown(
            "- **JSON API**: costs, allocations, budgets and reports, read-only, under `/api/v1` of this address, with "
            "a description in OpenAPI; who may read is decided by tokens of `costpulse token create` (docs/api.md).\n"
            "- **SQL views** for BI tools, such as `costpulse.v_costs`, for the role `costpulse_reader` "
            "(docs/bi-views.md).\n"
            "- **FOCUS**: the bill by months in the FinOps Open Cost and Usage Specification, 1.2 to 1.4, checked "
            "against its rules before it is handed out (docs/focus.md).\n"
            "- **Invoices**: `costpulse reconcile FILE` compares our months with an invoice or a usage download and "
            "explains the difference (docs/reconcile.md).\n"
            "- **Command line**: `costpulse report TYPE --format F --from D --to D --output FILE` (docs/reports.md)."
        )


def _open_row() -> None:
    click = st.session_state[_ROW_BUTTON]
    listed: Sequence[int] = st.session_state["reports_listed"]
    if click is not None and click["row"] < len(listed):
        open_one(listed[click["row"]])
