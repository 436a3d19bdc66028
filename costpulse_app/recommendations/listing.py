"""The list: four figures, savings by kind, then every recommendation, the largest that is sure first."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from statistics import median
from typing import Any
from zlib import crc32

import pandas as pd
import streamlit as st

from costpulse_app import charts, db, formats, parts
from costpulse_app.parts import Frame
from costpulse_app.recommendations import actions, chart, words
from costpulse_app.recommendations.chart import KindSaving
from costpulse_app.recommendations.reads import Outcome, Recommendation
from costpulse_app.recommendations.state import STATUSES, TABS, Choice, open_one
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.resources.open_source import current_time

#: Days for which a change counts in the headline.
_PROVED_DAYS = 90
_CHART, _ROW_BUTTON = "kinds_chart", "recommendation_opened"


def headline(made: Frame, choice: Choice, found: Sequence[Recommendation], outcomes: Sequence[Outcome]) -> None:
    """Possible, accepted, proved, median age; what was wasted stands apart."""
    taken = [one for one in found if choice.takes(one)]
    opened = [one for one in taken if one.status == "open"]
    accepted = [one for one in taken if one.status == "accepted"]
    today = current_time(db.settings()).date()
    ages = [words.days_known(one, today) for one in opened]
    wasted = wasted_once(opened)
    days = f"{formats.days(opened[0].window)}." if opened else "The last 30 final days."
    late = sum(one.due_date is not None and one.due_date < today for one in accepted)
    with parts.cards("cards"):
        _saving_card(
            made,
            "possible_saving",
            opened,
            days,
            [
                f"per month, {formats.count(len(opened), 'recommendation')}; each saving is counted once",
                *([f"apart from it: {formats.money(wasted, made.currency)} wasted, gone already"] if wasted else []),
            ],
        )
        _saving_card(
            made,
            "accepted_saving",
            accepted,
            days,
            [
                f"per month, {formats.count(len(accepted), 'recommendation')} not done yet"
                if accepted
                else "Nothing is accepted and waits to be done",
                *([f"{late} past the due date"] if late else []),
            ],
        )
        _proved_card(made, outcomes)
        parts.card(
            made,
            "open_age",
            f"{_number(median(ages))} days" if ages else formats.UNKNOWN,
            days="Open recommendations that the filters let through.",
            notes=[f"the oldest: {formats.count(max(ages), 'day')}"] if ages else [],
        )


def _saving_card(made: Frame, metric: str, of: Sequence[Recommendation], days: str, notes: Sequence[str]) -> None:
    saving = total(of)
    parts.card(
        made,
        metric,
        formats.money(saving, made.currency),
        full=formats.money_to_the_cent(saving, made.currency),
        days=days,
        notes=notes,
    )


def _proved_card(made: Frame, outcomes: Sequence[Outcome]) -> None:
    since = current_time(db.settings()).date() - timedelta(days=_PROVED_DAYS)
    measured = [one for one in outcomes if one.changed_on > since]
    proved = [one for one in measured if one.counts]

    def together(amounts: Sequence[Decimal | None]) -> Decimal:
        return sum((amount for amount in amounts if amount is not None), Decimal(0))

    saving = together([one.saving_per_30_days_usd for one in proved])
    lower = together([one.saving_per_30_days_lower_usd for one in proved])
    upper = together([one.saving_per_30_days_upper_usd for one in proved])
    notes = [f"{len(proved)} of {formats.count(len(measured), 'change')} proved"] if measured else ["Not measured yet"]
    if proved:
        notes.insert(0, f"per month, {words.between(lower, upper, made.currency)}")
    parts.card(
        made,
        "proved_saving",
        formats.money(saving, made.currency) if measured else formats.UNKNOWN,
        full=formats.money_to_the_cent(saving, made.currency) if proved else None,
        days=f"Changes of the last {_PROVED_DAYS} days.",
        notes=notes,
    )


def total(of: Sequence[Recommendation]) -> Decimal:
    """What they save together per month: their parts add up, savings on their own do not."""
    return sum((one.estimated_savings for one in of), Decimal(0))


def wasted_once(of: Sequence[Recommendation]) -> Decimal:
    """What was wasted in the window; where several types speak of one billed resource, the largest says it."""
    by_bearer: dict[tuple[str, str], dict[str, Decimal]] = {}
    for one in of:
        if one.wasted_usd is not None:
            by_type = by_bearer.setdefault((one.bearer_type, one.bearer), {})
            by_type[one.type] = by_type.get(one.type, Decimal(0)) + one.wasted_usd
    return sum((max(by_type.values()) for by_type in by_bearer.values()), Decimal(0))


def show(made: Frame, choice: Choice, found: Sequence[Recommendation]) -> None:
    """Draw the list."""
    controls()
    taken = [one for one in found if choice.takes(one)]
    listed = sorted(
        (one for one in taken if choice.status in ("all", one.status)),
        key=lambda one: (
            -one.estimated_savings * words.WEIGHTS[one.confidence],
            -one.standalone_savings * words.WEIGHTS[one.confidence],
            one.id,
        ),
    )
    kinds(made, taken)
    if listed:
        table(made, listed)
    else:
        nothing(made, choice, found)
    checks(is_open=not found)


def controls() -> None:
    """Status, kind and smallest confidence."""
    with st.container(horizontal=True, key="controls", vertical_alignment="bottom", gap="small"):
        st.segmented_control(
            "Status", list(STATUSES), format_func=STATUSES.__getitem__, key="r_status", required=True, width="content"
        )
        st.multiselect(
            "Kind",
            list(RECOMMENDATION_TYPES),
            format_func=lambda name: RECOMMENDATION_TYPES[name].title,
            key="r_kinds",
            placeholder="All",
            width=300,
        )
        st.selectbox(
            "Confidence",
            list(words.CONFIDENCES),
            format_func={"high": "High only", "medium": "Medium or high", "low": "Any"}.__getitem__,
            key="r_least",
            width=180,
        )


def kinds(made: Frame, taken: Sequence[Recommendation]) -> None:
    """Savings per month by kind, of what is open and what is accepted."""
    by_type: dict[str, list[Recommendation]] = {}
    for one in taken:
        if one.status in ("open", "accepted"):
            by_type.setdefault(one.type, []).append(one)
    shown = sorted(
        (
            KindSaving(
                name,
                words.kind(of[0]),
                total([one for one in of if one.status == "open"]),
                total([one for one in of if one.status == "accepted"]),
            )
            for name, of in by_type.items()
        ),
        key=lambda kind: (-kind.open - kind.accepted, kind.title),
    )
    if len(shown) < 2 or not any(kind.open + kind.accepted for kind in shown):
        return
    st.subheader("Savings per month by kind", anchor=False)
    st.caption("Where two kinds act on the same cost, only the larger saving counts. Choose a bar to see its rows.")
    st.plotly_chart(
        chart.by_kind(
            [kind for kind in shown if kind.open + kind.accepted],
            currency=made.currency,
            look=charts.palette(st.context.theme.type),
        ),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key=_CHART,
        on_select=_take_kind,
        selection_mode="points",
        alt="Savings per month by kind of recommendation, bars",
    )
    with st.expander("Show as table", key="kinds_table"):
        parts.table(
            [
                {"Kind": kind.title, "Open": kind.open, "Accepted": kind.accepted, "Rows": len(by_type[kind.type])}
                for kind in shown
            ],
            key="kinds_rows",
            alt="Savings per month by kind of recommendation",
            columns=dict.fromkeys(("Open", "Accepted"), parts.money_column(made.currency)),
        )


def table(made: Frame, listed: Sequence[Recommendation]) -> None:
    """All of them; a button opens one, ticked rows of one kind are decided about together."""
    st.subheader("Recommendations", anchor=False)
    st.caption(
        "Largest saving first, where medium confidence counts by half and low by a quarter. Savings per month add up; "
        "those on their own do not: they are what is saved if nothing else is done."
    )
    rows = table_rows(made, listed)
    st.session_state["recommendations_listed"] = listed
    bar = st.container(key="bulk")
    money = parts.money_column(made.currency)
    chosen = st.dataframe(
        pd.DataFrame([{"": ":material/manage_search: Details"} | row for row in rows], dtype=object),
        column_config={
            "": st.column_config.ButtonColumn(
                "", type="tertiary", key=_ROW_BUTTON, on_click=_open_row, width=100, alignment="left"
            ),
            "Recommendation": st.column_config.TextColumn(width="large"),
            "Resource": st.column_config.TextColumn(width="medium"),
            "Saving per month": money,
            "On its own": money,
            "Age": st.column_config.NumberColumn(format="%d days"),
        },
        hide_index=True,
        width="stretch",
        height="auto",
        placeholder=formats.UNKNOWN,
        key=table_key([one.id for one in listed]),
        alt="Recommendations, the largest sure saving first",
        on_select="rerun",
        selection_mode="multi-row",
    )
    with bar:
        bulk(made, [listed[row] for row in chosen.selection.rows if row < len(listed)])
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        "recommendations.csv",
        "text/csv",
        icon=":material/download:",
        key="recommendations_csv",
        on_click="ignore",
    )


def table_key(ids: Sequence[int]) -> str:
    """Other rows are another table: what was ticked in it is not ticked in this one."""
    return f"recommendations_{crc32(repr(list(ids)).encode())}"


def table_rows(made: Frame, listed: Sequence[Recommendation]) -> list[dict[str, Any]]:
    """The rows of the table and of the file; names are text, money is exact."""
    today = current_time(db.settings()).date()
    names = words.resource_names(made, listed)
    rows = []
    for one in listed:
        declared = words.declared(one)
        rows.append(
            {
                "Recommendation": one.title,
                "Saving per month": one.estimated_savings,
                "Confidence": words.CONFIDENCES[one.confidence],
                "Resource": f"{words.RESOURCES[one.resource_type]} {names[one.resource_type, one.resource]}",
                "Team": words.team(made, one.team_id),
                "Effort": words.LEVELS[declared.effort] if declared else formats.UNKNOWN,
                "Risk": words.LEVELS[declared.risk] if declared else formats.UNKNOWN,
                "On its own": one.standalone_savings,
                "Evidence": formats.days(one.window),
                "Age": words.days_known(one, today),
                "Status": words.status(one),
                "Assigned to": one.assigned_to,
            }
        )
    return rows


def bulk(made: Frame, chosen: Sequence[Recommendation]) -> None:
    """What can be done about the ticked rows."""
    if not chosen:
        st.caption("Tick rows of one kind to decide about them together.")
        return
    said = f"{formats.count(len(chosen), 'row')}, {formats.money(total(chosen), made.currency)} per month"
    if len({one.type for one in chosen}) > 1:
        st.caption(formats.plain(f"{said}. They are of several kinds: tick rows of one kind only."))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{formats.plain(said)}**", width="content")
        actions.buttons(chosen, key="bulk")


def nothing(made: Frame, choice: Choice, found: Sequence[Recommendation]) -> None:
    """An empty list says what was checked, not nothing."""
    checked = formats.count(len(RECOMMENDATION_TYPES), "check")
    if any(choice.status in ("all", one.status) for one in found):
        st.info("No recommendation of this list passes the filters above.", icon=":material/filter_alt:")
    elif found:
        ran = max(one.gone_at or one.found_at for one in found)
        when = f"; {checked} ran on {formats.day(ran.date())}" if choice.status == "open" else ""
        st.info(f"Nothing is {STATUSES[choice.status].lower()}{when}.", icon=":material/check:")
    elif made.last_final is None:
        st.info(
            f"Nothing is said yet: {checked} run as soon as a day is final.",
            icon=":material/hourglass_top:",
        )
    else:
        st.info(
            f"Nothing found; {checked} run with every collection, on the 30 days to {formats.day(made.last_final)}.",
            icon=":material/check:",
        )


def checks(*, is_open: bool) -> None:
    """What is looked for, and from which numbers on."""
    ours = db.settings().recommendation_thresholds
    with st.expander(
        f"The {len(RECOMMENDATION_TYPES)} checks and their thresholds",
        expanded=is_open,
        icon=":material/checklist:",
        key="checks",
    ):
        st.caption(
            "Nothing below "
            + formats.plain(formats.money(db.settings().recommendation_minimum_saving))
            + " per month is said. What was not measured is unknown, and unknown is not idle."
        )
        parts.table(
            [
                {
                    "Check": kind.title,
                    "About": words.RESOURCES[kind.resource_type],
                    "Threshold": each.description if each else None,
                    "Value": None if each is None else _value(ours.get(kind.name, {}).get(each.name, each.default)),
                    "Unit": each.unit if each else None,
                }
                for kind in RECOMMENDATION_TYPES.values()
                for each in kind.thresholds or (None,)
            ],
            key="checks_rows",
            alt="What is looked for, with the numbers that decide",
            columns={"Threshold": st.column_config.TextColumn(width="large")},
        )


def _value(value: Decimal) -> str:
    return f"{value.normalize():,f}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _open_row() -> None:
    click = st.session_state[_ROW_BUTTON]
    listed: Sequence[Recommendation] = st.session_state["recommendations_listed"]
    if click is not None and click["row"] < len(listed):
        open_one(listed[click["row"]].id)


def _take_kind() -> None:
    told = parts.clicked(_CHART)
    if told is not None:
        st.session_state["r_kinds"] = [told[0]]
        st.session_state["r_tab"] = TABS["list"]
