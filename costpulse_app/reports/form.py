"""The dialog of a new report: what, of which days, whose, as what; asked for as a whole or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from costpulse_app import filters, formats, parts, people
from costpulse_app.alerts import alert_form
from costpulse_app.alerts import reads as alert_reads
from costpulse_app.allocation import reads as allocation_reads
from costpulse_app.parts import Frame
from costpulse_app.reports import asking, words
from costpulse_app.reports.reads import FocusFile
from costpulse_app.reports.state import Form, close_form
from costpulse_assets.channel_addresses import ChannelAddress
from costpulse_assets.errors import CostPulseError
from costpulse_assets.periods import Period, whole_month
from costpulse_assets.reports.report_request import (
    REPORT_TYPES,
    ReportFormat,
    ReportRequest,
    ReportType,
    checked_request,
)
from costpulse_assets.reports.requests import TYPE_TITLES

_FOCUS_VERSIONS = ("1.2", "1.3", "1.4")


@dataclass(frozen=True)
class Typed:
    """What the form holds: the request, None where it is none, and everything that is wrong with it."""

    request: ReportRequest | None
    faults: tuple[str, ...]
    focus_file: FocusFile = "parquet"


@st.dialog("New report", width="medium", on_dismiss=close_form)
def dialog(made: Frame, opened: Form) -> None:
    """Stays open with what was typed until it is asked for."""
    key = f"report_{opened.number}"
    typed = _inputs(made, opened.report_type, key)
    with st.container(horizontal=True, key="report_dialog_buttons"):
        ask = st.button(
            "Make report",
            type="primary",
            key=f"{key}_make",
            icon=":material/note_add:",
            **parts.only("ask for reports"),
        )
        if st.button("Cancel", key=f"{key}_cancel"):
            close_form()
            st.rerun()
    if not ask:
        return
    faults = typed.faults
    if typed.request is not None and not faults:
        try:
            asking.ask(typed.request, typed.focus_file)
        except CostPulseError as error:
            faults = (f"{error.message} {error.next_step}",)
        else:
            st.rerun()
    with st.container(border=True, key="report_faults"):
        st.markdown(":red[:material/error: **Not asked for; nothing was changed.**]")
        st.markdown("\n".join(f"- {formats.plain(one)}" for one in faults))


def _inputs(made: Frame, report_type: ReportType, key: str) -> Typed:
    report_type = st.selectbox(
        "Type",
        REPORT_TYPES,
        index=REPORT_TYPES.index(report_type),
        format_func=TYPE_TITLES.__getitem__,
        key=f"{key}_type",
    )
    st.caption(formats.plain(words.ANSWERS[report_type]))
    chosen_format = _format(report_type, f"{key}_{report_type}")
    is_focus = chosen_format == "focus"
    faults: list[str] = []
    period = _period(made, report_type, faults, is_focus=is_focus, key=key)
    options: dict[str, Any] = {}
    focus_file: FocusFile = "parquet"
    if is_focus:
        options, focus_file = _focus_options(period, key)
    else:
        team = st.selectbox(
            "Team",
            asking.teams(made),
            format_func=lambda name: name or "All teams",
            key=f"{key}_team",
            help="One team stands for itself and the teams below it; nothing of others is in the report.",
        )
        options["team"] = team or None
        if team is None:
            faults.append("A report of all teams is for those who see every team, and none is yours: ask an admin.")
    options["channels"] = _channels(faults, key)
    if period is None:
        return Typed(None, tuple(faults))
    said = words.not_final(made.not_final(period))
    if said:
        st.info(formats.plain(said), icon=":material/hourglass_top:")
    return _checked(
        {
            "report_type": report_type,
            "format": chosen_format,
            "first_day": period.first,
            "last_day": period.last,
            **options,
        },
        faults,
        focus_file,
    )


def _checked(fields: Mapping[str, Any], faults: Sequence[str], focus_file: FocusFile) -> Typed:
    try:
        return Typed(checked_request(**fields), tuple(faults), focus_file)
    except CostPulseError as error:
        return Typed(None, (*faults, error.message))


def _format(report_type: ReportType, key: str) -> ReportFormat:
    # FOCUS holds the bill itself, all teams of it, which no other type is about.
    known: list[ReportFormat] = [
        each
        for each in words.FORMATS
        if each != "focus" or (report_type in ("showback", "chargeback") and people.current().scope == "all")
    ]
    chosen: ReportFormat = st.segmented_control(
        "Format",
        known,
        default=asking.USUAL_FORMATS[report_type],
        format_func=words.FORMATS.__getitem__,
        key=f"{key}_format",
        required=True,
    )
    st.caption(formats.plain(words.GOOD_FOR[chosen]))
    return chosen


def _period(made: Frame, report_type: ReportType, faults: list[str], *, is_focus: bool, key: str) -> Period | None:
    """The days that are asked for; None, and a fault, where they are not known."""
    if report_type == "statement":
        return _closed_month(faults, key)
    period = _billing_months(made, faults, key) if is_focus else _days(made, faults, key)
    if period is not None and not any(day in period for day in made.days):
        faults.append(
            f"There is no cost from {formats.day(period.first)} to {formats.day(period.last)}: choose days from "
            f"{formats.day(min(made.days))} to {formats.day(made.newest)}."
        )
    return period


def _closed_month(faults: list[str], key: str) -> Period | None:
    closings = allocation_reads.closings()
    if not closings:
        st.info(
            "No month is closed yet: close one on Teams & allocation, tab Statement, or with `costpulse close MONTH`.",
            icon=":material/lock_open:",
        )
        faults.append("A statement is of a closed month, and none is closed yet: close one, or take another type.")
        return None
    month = st.selectbox(
        "Closed month",
        sorted(closings, reverse=True),
        format_func=lambda each: f"{each:%B %Y}, closed {formats.day(closings[each].closed_at.date())}",
        key=f"{key}_month",
    )
    return whole_month(month)


def _billing_months(made: Frame, faults: list[str], key: str) -> Period | None:
    months = sorted({day.replace(day=1) for day in made.days}, reverse=True)
    usual = min(1, len(months) - 1)
    left, right = st.columns(2)
    with left:
        first = st.selectbox("First month", months, index=usual, format_func=_month, key=f"{key}_first_month")
    with right:
        last = st.selectbox("Last month", months, index=usual, format_func=_month, key=f"{key}_last_month")
    if last < first:
        faults.append(f"The period ends with {_month(last)}, before it begins with {_month(first)}.")
        return None
    return Period(first, whole_month(last).last)


def _days(made: Frame, faults: list[str], key: str) -> Period | None:
    name = st.selectbox(
        "Period (UTC days)",
        list(filters.RANGES),
        index=list(filters.RANGES).index("last_month" if asking.has_month_before(made) else "month"),
        format_func=lambda each: "Own days" if each == "custom" else filters.RANGES[each],
        key=f"{key}_range",
    )
    if name != "custom":
        period = asking.preset(made, name)
        st.caption(formats.plain(f"{formats.days(period)}."))
        return period
    typed = st.date_input(
        "First and last day",
        (made.newest.replace(day=1), made.newest),
        key=f"{key}_days",
        min_value=filters.FIRST_DAY,
        max_value=filters.LAST_DAY,
    )
    days: Sequence[date] = typed if isinstance(typed, tuple) else ()
    if len(days) != 2:
        faults.append("Choose the first and the last day of the period.")
        return None
    return Period(*days)


def _focus_options(period: Period | None, key: str) -> tuple[dict[str, Any], FocusFile]:
    """Fields of the request, and what its files are written as."""
    left, middle, right = st.columns(3)
    with left:
        version = st.selectbox(
            "FOCUS version",
            _FOCUS_VERSIONS,
            index=_FOCUS_VERSIONS.index(ReportRequest.model_fields["focus_version"].default),
            key=f"{key}_focus_version",
        )
    with middle:
        split = st.selectbox(
            "Rows",
            list(words.SPLITS),
            format_func=words.SPLITS.__getitem__,
            key=f"{key}_split",
            help="FOCUS holds the whole bill, with the team of each row: it is never of one team.",
        )
    with right:
        # Several months are a folder of Parquet, as readers of such folders expect it.
        is_one_month = period is not None and period == whole_month(period.first)
        focus_file: FocusFile = st.selectbox(
            "File",
            [each for each in words.FOCUS_FILES if is_one_month or each == "parquet"],
            format_func=words.FOCUS_FILES.__getitem__,
            key=f"{key}_focus_file",
            disabled=not is_one_month,
            help="Of several months a folder of Parquet files, one per month; of one month Parquet or CSV.",
        )
    return {"focus_version": version, "split": split}, focus_file


def _channels(faults: list[str], key: str) -> tuple[str, ...]:
    chosen = st.multiselect(
        "Tell when it is ready",
        alert_form.known_channels(alert_reads.alerts()),
        key=f"{key}_channels",
        accept_new_options=True,
        placeholder="Nobody",
        help="slack, slack:#channel, email:name@example.com, webhook:name. They get the figures and a link.",
    )
    written = []
    for each in chosen:
        try:
            written.append(str(ChannelAddress.parse(each)))
        except ValueError:
            faults.append(
                f"“{each}” is not a channel: write slack, slack:#channel, webhook:name, or email: and an address."
            )
    return tuple(written)


def _month(month: date) -> str:
    return f"{month:%B %Y}"
