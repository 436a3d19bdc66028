"""Asking for a report: the row that the pipeline makes a file of."""

from datetime import date

import streamlit as st

from costpulse_app import filters, formats, parts, people
from costpulse_app.parts import Frame
from costpulse_app.reports import state
from costpulse_app.reports.reads import FocusFile, StoredReport
from costpulse_assets.periods import Period, first_of_previous_month, whole_month
from costpulse_assets.reports.report_request import ReportFormat, ReportRequest, ReportType, checked_request
from costpulse_assets.reports.requests import TYPE_TITLES, request_report

#: What is asked for with one click.
USUAL_FORMATS: dict[ReportType, ReportFormat] = {
    "showback": "xlsx",
    "chargeback": "xlsx",
    "executive": "pdf",
    "team": "xlsx",
    "statement": "pdf",
}


def ask(request: ReportRequest, focus_file: FocusFile = "parquet") -> None:
    """Asks for it in the name of the viewer and opens it.

    Raises:
        BadInput: it cannot be made: the sentence says why; nothing was written.
    """
    options = {"file": focus_file} if request.format == "focus" else None
    with people.acting("ask for reports") as connection:
        number = request_report(connection, request, requested_by=people.current().name, options=options)
    state.open_one(number)
    st.session_state["said"] = (
        f"Asked for: {TYPE_TITLES[request.report_type]}, {formats.days(request.period)}. You may leave this page."
    )


def remember(one: StoredReport) -> None:
    """In a callback: `ask_remembered` asks for the same once more."""
    st.session_state["report_again"] = one


def ask_remembered() -> None:
    """Asks for what a callback remembered; what is wrong with it is said in place."""
    one: StoredReport | None = st.session_state.pop("report_again", None)
    if one is not None:
        with parts.panel("run_again"):
            ask(one.request(), one.focus_file)
            st.rerun()


def teams(made: Frame) -> list[str]:
    """Names of the teams whose reports the viewer may ask for; empty stands for all teams together."""
    scope = people.current().scope
    names = {each: made.names.one("team", each) for each in made.names.ids("team")}
    return ["", *names.values()] if scope == "all" else [names[each] for each in scope.split(",") if each in names]


def usual_request(
    made: Frame, report_type: ReportType, report_format: ReportFormat, closed: list[date]
) -> ReportRequest | None:
    """What one click asks for; None: a statement, and no month is closed.

    Args:
        made: the frame.
        report_type: of the report.
        report_format: of the report.
        closed: the months that are closed, oldest first.
    """
    if report_type == "statement":
        if not closed:
            return None
        period = whole_month(closed[-1])
    else:
        period = usual_period(made)
    if report_format == "focus":
        period = whole_month(period.last)
    return checked_request(report_type=report_type, format=report_format, first_day=period.first, last_day=period.last)


def usual_period(made: Frame) -> Period:
    """The month before, where there is cost of all of it, else what there is of the newest one."""
    return preset(made, "last_month" if has_month_before(made) else "month")


def has_month_before(made: Frame) -> bool:
    """Whether there is data of the whole month before that of the newest day."""
    return min(made.days) <= first_of_previous_month(made.newest)


def preset(made: Frame, name: str) -> Period:
    """The days that a name of `filters.RANGES` means, cut to those with data."""
    return filters.Filters(name).period(min(made.days), made.newest)
