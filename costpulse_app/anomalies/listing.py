"""The list: four figures, then the events of each state as cards, the largest difference first."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median

import streamlit as st

from costpulse_app import charts, db, filters, formats, parts
from costpulse_app.anomalies import actions, chart, reads, scorecard, words
from costpulse_app.anomalies.reads import Cause, Event, JudgedDay, Summary
from costpulse_app.anomalies.state import TABS, Choice, open_event
from costpulse_app.anomalies.words import ScopeNames
from costpulse_app.filters import Filters
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import DIMENSIONS
from costpulse_assets.resources.open_source import current_time

_CARDS = 8
#: Days that a small chart shows around an event.
_BEFORE, _AFTER = 21, 7
_WHAT = {
    "open": "Nobody has said yet what they were; sorted by dollars off.",
    "ongoing": "Open, and still going on after more than a week.",
    "resolved": "Fixed, planned, too small, data faults, or no anomaly at all.",
    "expected": "Planned: others of the same scope and direction that begin by that day are expected too.",
}


def show(made: Frame, choice: Choice) -> None:
    """Draw the list."""
    summary = reads.summary(current_time(db.settings()))
    found = reads.events(made.period, made.selection)
    taken = [event for event in found if choice.takes(event)]
    headline(made, taken, summary)
    controls()
    if summary.judged_at is None:
        never_judged(made)
        return
    if datetime.now(UTC) - summary.judged_at > timedelta(hours=db.settings().stale_after_hours):
        st.warning(
            f"Not checked since {formats.moment(summary.judged_at)}. Nothing is closed by itself.",
            icon=":material/schedule:",
        )
    others = summary.open - sum(event.is_open for event in found)
    if others > 0 and made.selection == Filters().selection:
        with st.container(horizontal=True, vertical_alignment="center", key="others"):
            have = "1 other open anomaly has" if others == 1 else f"{others} other open anomalies have"
            st.caption(f"{have} no day in this period.", width="content")
            st.button("Show 12 months", key="show_others", type="tertiary", on_click=_widen, args=[made.filters])
    tabs = st.tabs(list(TABS.values()), key="a_tab", on_change="rerun")
    for name, tab in zip(TABS, tabs, strict=True):
        if tab.open:
            with tab:
                st.caption(_WHAT[name])
                of_tab = [event for event in taken if _belongs(event, name)]
                if of_tab:
                    cards(made, of_tab)
                else:
                    nothing(made, found, taken, name, summary)
    scorecard.show(made)


def headline(made: Frame, taken: Sequence[Event], summary: Summary) -> None:
    """Open, above expected, found within, false alarms."""
    opened = [event for event in taken if event.is_open]
    more = sum((event.impact_usd for event in opened if event.impact_usd > 0), Decimal(0))
    less = sum((event.impact_usd for event in opened if event.impact_usd < 0), Decimal(0))
    grave = [
        f"{number} {name}" for name in words.SEVERITIES if (number := sum(event.severity == name for event in opened))
    ]
    delays = [(event.recognised_on - event.start_date).days for event in taken if event.gone_at is None]
    delay = None if not delays else median(delays)
    period = f"Events with a day in {formats.days(made.period)} that the filters let through."
    long = sum(event.is_long for event in opened)
    with parts.cards("cards"):
        parts.card(
            made,
            "open_anomalies",
            f"{len(opened):,}",
            days=period,
            notes=[*([", ".join(grave)] if grave else []), *([f"{long} for more than a week"] if long else [])],
        )
        parts.card(
            made,
            "anomaly_excess",
            formats.money(more, made.currency),
            full=formats.money_to_the_cent(more, made.currency),
            days=period,
            notes=[f"and {formats.money(-less, made.currency)} below"] if less else [],
        )
        parts.card(
            made,
            "found_within",
            formats.UNKNOWN if delay is None else "Same day" if delay == 0 else f"{_number(delay)} days",
            days=period,
            notes=[f"median of {len(delays)}"] if delays else [],
        )
        parts.card(
            made,
            "false_alarms",
            formats.percent(Decimal(summary.wrong) / summary.decided) if summary.decided else formats.UNKNOWN,
            days="Decided in the last 90 days, whatever the filters.",
            notes=[f"{summary.wrong} of {summary.decided} decided" if summary.decided else "Nothing decided yet"],
        )


def controls() -> None:
    """Severity, kind of scope and smallest difference."""
    with st.container(horizontal=True, key="controls", vertical_alignment="bottom", gap="small"):
        st.multiselect(
            "Severity",
            list(words.SEVERITIES),
            format_func=words.SEVERITIES.__getitem__,
            key="a_severity",
            placeholder="All",
            width=220,
        )
        st.multiselect(
            "Kind of scope",
            list(words.SCOPES),
            format_func=words.SCOPES.__getitem__,
            key="a_scope",
            placeholder="All",
            width=220,
        )
        st.number_input("At least, in USD", 0, 10**12, step=100, key="a_minimum", width=160)


def cards(made: Frame, shown: Sequence[Event]) -> None:
    """One card per event, and all of them as a table."""
    names = words.scope_names(made, [(event.scope_type, event.scope_id) for event in shown])
    limit = st.session_state.get("a_cards", _CARDS)
    first = shown[:limit]
    ids = [event.id for event in first]
    causes, days = reads.causes(ids, ranks=3), reads.days(ids, before=_BEFORE, after=_AFTER)
    for event in first:
        card(made, event, names, causes.get(event.id, []), days.get(event.id, []))
    if len(shown) > limit:
        st.button(f"Show {min(_CARDS, len(shown) - limit)} more", key="more_cards", on_click=_more, args=[limit])
    with st.expander("Show as table", key="events_table"):
        table(made, shown, names)


def card(made: Frame, event: Event, names: ScopeNames, causes: Sequence[Cause], days: Sequence[JudgedDay]) -> None:
    """What, when, how much, why, and what can be done."""
    with st.container(border=True, key=f"event_{event.id}"):
        left, right = st.columns([3, 2], gap="medium")
        with left:
            badges(event)
            st.markdown(f"**{formats.plain(names.titled(event))}**")
            st.markdown(money_line(made, event))
            drivers(made, event, causes)
            with st.container(horizontal=True, gap="small"):
                st.button(
                    "Details",
                    key=f"details_{event.id}",
                    icon=":material/manage_search:",
                    on_click=open_event,
                    args=[event.id],
                )
                if event.status == "open":
                    actions.acknowledge_button(event, names.titled(event))
        with right:
            if days:
                st.plotly_chart(
                    chart.around(
                        days,
                        event,
                        currency=made.currency,
                        look=charts.palette(st.context.theme.type),
                        height=170,
                        is_small=True,
                    ),
                    width="stretch",
                    config=charts.CONFIG,
                    theme=None,
                    key=f"chart_{event.id}",
                    alt=f"Daily cost of {names.titled(event)} around the {event.kind}, bars over the normal range",
                )


def badges(event: Event) -> None:
    """Severity, kind and status in words and shapes."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge(
            words.SEVERITIES[event.severity], icon=words.SHAPES[event.severity], color=words.COLOURS[event.severity]
        )
        st.badge(
            words.kind(event),
            icon=":material/trending_up:" if event.direction == "up" else ":material/trending_down:",
            color="gray",
        )
        if event.status != "open":
            st.badge(formats.plain(words.status(event)), color="blue")
        if event.assigned_to:
            st.badge(formats.plain(event.assigned_to), icon=":material/person:", color="gray")
        if event.is_provisional:
            st.badge("Not final", icon=":material/hourglass_top:", color="yellow")


def money_line(made: Frame, event: Event) -> str:
    """+$2,120 (+208.0%): $3,140 instead of $1,020. 20 Nov 2026."""
    change = words.change(event)
    share = f" ({formats.plain(change)})" if change else ""
    cost, usual = (
        formats.plain(formats.money(amount, made.currency)) for amount in (event.actual_usd, event.expected_usd)
    )
    off = formats.plain(words.signed(event.impact_usd, made.currency))
    return f"**{off}**{share}: {cost} instead of {usual}  \n:gray[{formats.plain(words.when(event))}]"


def drivers(made: Frame, event: Event, causes: Sequence[Cause]) -> None:
    """The largest parts of the difference with their dollars."""
    top = words.top_causes(event, causes)
    if not top:
        st.caption("No single cause: the difference is spread.")
        return
    if (top[0].share or 0) < 0.5:
        st.caption("Spread; the largest parts:")
    lines = []
    for cause in top:
        label, name = DIMENSIONS[cause.dimension].label, words.cause_name(made, cause)
        off, share = words.signed(cause.difference_usd, made.currency), formats.percent(cause.share)
        said = "new, " if cause.is_new else "gone, " if cause.is_gone else ""
        lines.append(f"- {label} **{formats.plain(name)}**: {formats.plain(f'{off} ({said}{share})')}")
    st.markdown("\n".join(lines))


def table(made: Frame, shown: Sequence[Event], names: ScopeNames) -> None:
    """All events of the tab, exactly."""
    rows: list[Mapping[str, object]] = [
        {
            "Scope": words.SCOPES[event.scope_type],
            "Name": names(event.scope_type, event.scope_id),
            "Kind": words.kind(event),
            "Severity": words.SEVERITIES[event.severity],
            "First day": event.start_date,
            "Last day": event.last_date,
            "Ongoing": "yes" if event.end_date is None else "no",
            "Cost": event.actual_usd,
            "Expected": event.expected_usd,
            "Difference": event.impact_usd,
            "Status": words.status(event),
            "Assigned to": event.assigned_to,
        }
        for event in shown
    ]
    money = parts.money_column(made.currency)
    parts.table(
        rows,
        key="events_rows",
        alt="All anomalies of this list, largest difference first",
        columns={
            "Name": st.column_config.TextColumn(width="medium"),
            "Cost": money,
            "Expected": money,
            "Difference": money,
        },
    )
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        "anomalies.csv",
        "text/csv",
        icon=":material/download:",
        key="events_csv",
        on_click="ignore",
    )


def nothing(made: Frame, found: Sequence[Event], taken: Sequence[Event], tab: str, summary: Summary) -> None:
    """An empty tab says what was checked, not nothing."""
    if any(_belongs(event, tab) for event in found):
        st.info("No anomaly of this list passes the filters above.", icon=":material/filter_alt:")
    elif taken:
        st.info(f"Nothing is {TABS[tab].lower()} in this period.", icon=":material/check:")
    else:
        series = f"{summary.series or 0:,} series {'was' if summary.series == 1 else 'were'}"
        checked = f", last on {formats.day(summary.judged_at.date())}" if summary.judged_at else ""
        st.info(
            f"No anomaly in this period. {series} checked{checked}.",
            icon=":material/check:",
        )


def never_judged(made: Frame) -> None:
    """Nothing was judged so far: why, and what brings it."""
    final = sum(not state.is_provisional for state in made.days.values())
    st.info(
        "Nothing has been judged yet: every run looks for anomalies, in series that have 21 final days. "
        f"There {'is' if final == 1 else 'are'} {formats.count(final, 'final day')} so far.",
        icon=":material/hourglass_top:",
    )


def _belongs(event: Event, tab: str) -> bool:
    if tab == "ongoing":
        return event.is_long
    return event.is_open if tab == "open" else event.status == tab


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _more(limit: int) -> None:
    st.session_state["a_cards"] = limit + _CARDS


def _widen(chosen: Filters) -> None:
    filters.put(Filters(range="12m", selection=chosen.selection, basis=chosen.basis))
