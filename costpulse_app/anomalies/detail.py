"""One event: its days, its causes, what was corrected since, what is rolled up under it, and what was decided."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import streamlit as st

from costpulse_app import charts, filters, formats, parts, queries
from costpulse_app.anomalies import actions, chart, listing, reads, words
from costpulse_app.anomalies.reads import Cause, Event, JudgedDay
from costpulse_app.anomalies.state import open_event
from costpulse_app.anomalies.words import ScopeNames
from costpulse_app.filters import Filters, View
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import DIMENSIONS
from costpulse_assets.periods import Period

_BEFORE, _AFTER = 42, 14
#: Where little or nothing was spent, the days before show what is missing.
_DAYS_BEFORE_A_DROP = 7
_CHART = "detail_chart"
#: A cause of at least this share is told apart in the chart.
_MAIN = 0.5


def show(made: Frame, number: int) -> None:
    """Draw the detail."""
    st.button("All anomalies", key="back", icon=":material/arrow_back:", on_click=open_event, args=[None])
    event, below = reads.event(number)
    if event is None:
        # The same whether it never was or is out of the viewer's scope.
        st.info("There is no such anomaly, or it is not yours to see.", icon=":material/search_off:")
        return
    parent = reads.event(event.parent_id)[0] if event.parent_id is not None else None
    shown = [event, *below, *([parent] if parent else [])]
    names = words.scope_names(made, [(one.scope_type, one.scope_id) for one in shown])
    causes = reads.causes([event.id]).get(event.id, [])
    days = reads.days([event.id], before=_BEFORE, after=_AFTER).get(event.id, [])
    st.session_state["anomaly_shown"] = event
    heading(made, event, names, parent)
    figures(made, event, causes)
    actions.buttons(event, names.titled(event))
    st.subheader("Day by day", anchor=False)
    around(made, event, names, days, words.top_causes(event, causes))
    drivers(made, event, causes)
    rolled_up(made, below, names)
    decisions(made, event)


def heading(made: Frame, event: Event, names: ScopeNames, parent: Event | None) -> None:
    """What it is, and under what it is rolled up."""
    st.subheader(formats.plain(names.titled(event)), anchor=False)
    listing.badges(event)
    st.markdown(listing.money_line(made, event))
    if parent is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Part of a larger one:", width="content")
            st.button(
                formats.plain(f"{names.titled(parent)}, {parent.kind}"),
                key="parent",
                type="tertiary",
                on_click=open_event,
                args=[parent.id],
            )
    if event.status == "expected" and event.reason:
        st.caption(formats.plain(f"Expected because: {event.reason}"))
    if event.gone_at is not None:
        st.caption(
            formats.plain(
                f"Not unusual any more since {formats.moment(event.gone_at)}: the bill was corrected, or a setting "
                "or a decision changed."
            )
        )


def figures(made: Frame, event: Event, causes: Sequence[Cause]) -> None:
    """Difference, price against use."""
    dimension = causes[0].dimension if causes else None
    whole = [cause for cause in causes if cause.dimension == dimension]
    price = sum((cause.price_effect_usd for cause in whole), Decimal(0))
    use = sum((cause.volume_effect_usd for cause in whole), Decimal(0))
    days = f"{formats.days(event.days)}."
    with parts.cards("cards"):
        parts.card(
            made,
            "anomaly_difference",
            words.signed(event.impact_usd, made.currency),
            full=formats.money_to_the_cent(event.impact_usd, made.currency),
            days=days,
            notes=[
                f"{formats.money(event.actual_usd, made.currency)} instead of "
                f"{formats.money(event.expected_usd, made.currency)}"
            ],
        )
        parts.card(
            made,
            "anomaly_price_effect",
            words.signed(price, made.currency) if whole else formats.UNKNOWN,
            full=formats.money_to_the_cent(price, made.currency) if whole else None,
            days=days,
            notes=["other rates for the same SKUs"],
        )
        parts.card(
            made,
            "anomaly_use_effect",
            words.signed(use, made.currency) if whole else formats.UNKNOWN,
            full=formats.money_to_the_cent(use, made.currency) if whole else None,
            days=days,
            notes=["more use" if use > 0 else "less use"] if use else [],
        )


def around(made: Frame, event: Event, names: ScopeNames, days: Sequence[JudgedDay], top: Sequence[Cause]) -> None:
    """The chart with and without the main cause, what was corrected since, and the same as a table."""
    if not days:
        st.caption("The days of this event are not kept any more.")
        return
    st.caption("Choose a bar to open that day in the cost explorer.")
    st.plotly_chart(
        chart.around(
            days,
            event,
            currency=made.currency,
            look=charts.palette(st.context.theme.type),
            height=340,
            without=without(made, event, days, top),
        ),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key=_CHART,
        on_select=_open_day,
        selection_mode="points",
        alt=f"Daily cost of {names.titled(event)} around the {event.kind}, bars over the normal range",
    )
    correction(made, event, days)
    with st.expander("Show as table", key="days_table"):
        rows: list[Mapping[str, object]] = [
            {
                "Day": day.usage_date,
                "Final": "no" if day.is_provisional else "yes",
                "Cost": day.actual,
                "First known as": day.first_actual,
                "Expected": day.expected,
                "Normal from": day.lower,
                "Normal to": day.upper,
                "Stands out": words.SEVERITIES[day.severity] if day.severity else "",
            }
            for day in days
        ]
        money = parts.money_column(made.currency)
        parts.table(
            rows,
            key="days_rows",
            alt="Daily cost around the anomaly, and what was normal",
            columns=dict.fromkeys(("Cost", "First known as", "Expected", "Normal from", "Normal to"), money),
        )
        st.download_button(
            "Download CSV",
            formats.csv_text(rows[0], rows),
            f"anomaly-{event.id}.csv",
            "text/csv",
            icon=":material/download:",
            key="days_csv",
            on_click="ignore",
        )


def without(
    made: Frame, event: Event, days: Sequence[JudgedDay], top: Sequence[Cause]
) -> tuple[str, Mapping[date, Decimal]] | None:
    """What the scope would have cost without the cause that makes up most of the event, up to the last final day."""
    final = [day.usage_date for day in days if not day.is_provisional]
    if not final or not top or (top[0].share or 0) < _MAIN:
        return None
    period = Period(min(final), max(final))
    whole, part = (
        {
            row.bin: row.amount or Decimal(0)
            for row in queries.by_bin(made.version, period, "day", None, (), "", selection, "cost")
        }
        for selection in (explorer_view(event, cause, None)[0].selection for cause in (None, top[0]))
    )
    return f"Without {words.cause_name(made, top[0])}", {
        day: amount - part.get(day, Decimal(0)) for day, amount in whole.items()
    }


def correction(made: Frame, event: Event, days: Sequence[JudgedDay]) -> None:
    """What its days cost when they were first final, where the bill was corrected since."""
    final = [day for day in days if day.usage_date in event.days and day.first_actual is not None]
    before = sum((Decimal(repr(day.first_actual)) for day in final), Decimal(0))
    now = sum((Decimal(repr(day.actual)) for day in final), Decimal(0))
    if abs(now - before) >= Decimal("0.01"):
        st.caption(
            formats.plain(
                f"The bill was corrected since: its days were {formats.money(before, made.currency)}, "
                f"now {formats.money(now, made.currency)}."
            )
        )


def drivers(made: Frame, event: Event, causes: Sequence[Cause]) -> None:
    """The parts of the difference by any dimension, which add up to it, and the way to the rows."""
    st.subheader("Where the difference is", anchor=False)
    # A workspace is all of itself; a team holds the teams below it.
    known = [
        name
        for name in DIMENSIONS
        if (name != event.scope_type or name == "team")
        and any(cause.dimension == name and cause.rank for cause in causes)
    ]
    best = words.best_dimension(event, causes)
    if not known:
        st.caption("Its causes are worked out by the next run.")
        return
    by = st.segmented_control(
        "By",
        known,
        format_func=lambda name: DIMENSIONS[name].label,
        default=best or known[0],
        required=True,
        key=f"causes_by_{event.id}",
        label_visibility="collapsed",
    )
    shown = [cause for cause in causes if cause.dimension == by]
    st.session_state["causes_shown"] = shown
    top = words.top_causes(event, causes)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="causes_head"):
        st.caption("Parts of the difference; choose a row to open it in the cost explorer.", width="content")
        st.button(
            "Open in the cost explorer",
            key="explore",
            type="tertiary",
            icon=":material/query_stats:",
            on_click=_explore,
            args=[event, top[0] if top else None, None],
        )
    money = parts.money_column(made.currency)
    labels = [words.cause_name(made, cause) for cause in shown]
    parts.table(
        [
            {
                DIMENSIONS[by].label: label,
                "Cost": cause.actual_usd,
                "Expected": cause.expected_usd,
                "Difference": cause.difference_usd,
                "Share": None if cause.share is None else cause.share * 100,
                "By price": cause.price_effect_usd,
                "By use": cause.volume_effect_usd,
                "Note": "new" if cause.is_new else "gone" if cause.is_gone else "",
            }
            for cause, label in zip(shown, labels, strict=True)
        ],
        key=f"causes_{event.id}_{by}",
        alt=f"Parts of the difference by {DIMENSIONS[by].label.lower()}",
        columns={
            DIMENSIONS[by].label: st.column_config.TextColumn(width="medium"),
            "Share": st.column_config.NumberColumn(format="%.1f%%"),
            **dict.fromkeys(("Cost", "Expected", "Difference", "By price", "By use"), money),
        },
        on_select=_open_cause,
        height="content",
    )


def rolled_up(made: Frame, below: Sequence[Event], names: ScopeNames) -> None:
    """Events of smaller scopes with the same cause."""
    if not below:
        return
    st.subheader(f"Rolled up under it: {len(below)}", anchor=False)
    st.caption("Smaller scopes that went the same way at the same time. Decisions hold for them too.")
    money = parts.money_column(made.currency)
    parts.table(
        [
            {
                "Scope": words.SCOPES[one.scope_type],
                "Name": names(one.scope_type, one.scope_id),
                "Kind": words.kind(one),
                "Severity": words.SEVERITIES[one.severity],
                "First day": one.start_date,
                "Last day": one.last_date,
                "Cost": one.actual_usd,
                "Expected": one.expected_usd,
                "Difference": one.impact_usd,
            }
            for one in below
        ],
        key="below_table",
        alt="Events of smaller scopes that are rolled up under this one",
        columns={
            "Name": st.column_config.TextColumn(width="medium"),
            **dict.fromkeys(("Cost", "Expected", "Difference"), money),
        },
    )


def decisions(made: Frame, event: Event) -> None:
    """Who decided what and when, and what it taught the detector."""
    st.subheader("History", anchor=False)
    lines = [
        formats.plain(
            f"{formats.moment(event.detected_at)}: found with the cost of {formats.day(event.recognised_on)} "
            f"(method {event.method}, sensitivity {event.sensitivity:.2g})"
        )
    ]
    lines += [
        formats.plain(f"{formats.moment(one.changed_at)}: {one.actor} {words.decision(one)}")
        for one in reads.history(event.id)
    ]
    st.markdown("\n".join(f"- {line}" for line in lines))
    lesson = next(
        (one for one in reads.taught() if (one.scope_type, one.scope_id) == (event.scope_type, event.scope_id)), None
    )
    if lesson is not None:
        least = (
            f" Nothing up to {formats.money(lesson.minimum_impact_usd, made.currency)} is shown."
            if lesson.minimum_impact_usd is not None
            else ""
        )
        st.caption(
            formats.plain(
                f"The detector is less sensitive for this series ({lesson.factor * 100:.0f}% of what is set), because: "
                f"{lesson.reason}.{least}"
            )
        )
    with st.popover("Link", icon=":material/link:", key="link"):
        st.markdown("Opens this anomaly.")
        st.code(parts.link("anomalies", {"id": [str(event.id)]}), language=None, wrap_lines=True)


def explorer_view(event: Event, cause: Cause | None, day: date | None) -> tuple[Filters, View]:
    """The event's cost in the cost explorer: its scope, its days or one of them, narrowed to a cause.

    Args:
        event: whose days and scope.
        cause: the part that is wanted; None for all of it.
        day: one day; None for all days of the event.
    """
    period = event.days
    if event.direction == "down":
        period = Period(period.first - timedelta(days=_DAYS_BEFORE_A_DROP), period.last)
    chosen = Filters().on(period if day is None else Period(day, day))
    if event.scope_type != "everything":
        chosen = chosen.with_only(event.scope_type, reads.filter_ids(event.scope_type, event.scope_id))
    if cause is None or cause.value_id is None:
        return chosen, View(by=(cause and cause.dimension) or ("sku" if event.scope_type == "product" else "product"))
    (group, *_) = reads.filter_ids("", cause.value_id)
    return filters.drilled(chosen, View(by=cause.dimension), group)


def _explore(event: Event, cause: Cause | None, day: date | None) -> None:
    parts.open_explorer(*explorer_view(event, cause, day))


def _open_day() -> None:
    told = parts.clicked(_CHART)
    if told is not None:
        _explore(st.session_state["anomaly_shown"], None, date.fromisoformat(told[0]))


def _open_cause() -> None:
    event: Event = st.session_state["anomaly_shown"]
    shown: list[Cause] = st.session_state["causes_shown"]
    rows = st.session_state[f"causes_{event.id}_{shown[0].dimension}"].selection.rows
    if rows:
        _explore(event, shown[rows[0]], None)
