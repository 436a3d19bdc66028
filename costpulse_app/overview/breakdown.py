"""Who spent the month to date, and the way from a group to its cost in the explorer."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from costpulse_app import charts, filters, formats, parts, queries
from costpulse_app.filters import View
from costpulse_app.overview.sums import added
from costpulse_app.overview.sums import key as key_of
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import DIMENSIONS, NONE, Windows
from costpulse_assets.periods import month_to_date

BARS = 10


def show(made: Frame, windows: Windows, dimensions: Sequence[str], *, key: str = "breakdown") -> None:
    """Who spent the month to date: the ten largest, Other, and a tick for the same days last month."""
    st.subheader("Month to date by", anchor=False)
    by = st.segmented_control(
        "Month to date by",
        dimensions,
        format_func=lambda name: DIMENSIONS[name].label,
        default=dimensions[0],
        required=True,
        key=f"{key}_by",
        label_visibility="collapsed",
    )
    groups = queries.by_group(made.version, windows, by, "", made.selection, made.measure)
    if not groups:
        st.caption("No cost in these days.")
        return
    labels = made.names.all(by, [(group.group_id, group.group_name) for group in groups])
    groups.sort(key=lambda group: (-(group.final_amount or 0), labels[group.group_id]))
    shown, rest = groups[:BARS], groups[BARS:]
    bars = [
        charts.Bar(group.group_id or NONE, labels[group.group_id], group.final_amount, group.before_amount)
        for group in shown
    ]
    look = charts.palette(st.context.theme.type)
    colour = charts.colours([bar.group_id for bar in bars if bar.group_id != NONE], by, made.names.ids(by), look)
    if by != "product":
        # One colour: here the length says it all, and names stand at the bars.
        colour = dict.fromkeys(colour, look.series[0])
    if rest:
        bars.append(charts.Bar("", f"Other ({len(rest)})", added(rest, "final_amount"), added(rest, "before_amount")))
    total = formats.money_to_the_cent(added(groups, "final_amount"), made.currency)
    st.caption(
        formats.plain(
            f"{formats.days(windows.period)}: {total}. The tick marks "
            f"{formats.short_days(windows.before) if windows.before else ''}."
        )
    )
    chart_key = key_of(f"{key}_{by}", made)
    with st.container(key=key):
        st.plotly_chart(
            charts.ranked_bars(bars, colour=colour, measure=made.measure, currency=made.currency, look=look),
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key=chart_key,
            on_select=partial(_open_group, chart_key, made, by),
            selection_mode="points",
            alt=f"Month to date by {DIMENSIONS[by].label.lower()}, bars, {formats.days(windows.period)}",
        )


def open_month(made: Frame, by: str, group_id: str) -> None:
    """In a callback: the month to date in the explorer, narrowed to a group; an empty id shows them all."""
    assert made.last_final is not None
    chosen = made.filters.on(month_to_date(made.last_final))
    view = View(by=by, compare="month")
    if group_id:
        chosen, view = filters.drilled(chosen, view, group_id)
    parts.open_explorer(chosen, view)


def _open_group(chart_key: str, made: Frame, by: str) -> None:
    point = parts.clicked(chart_key)
    if point is not None:
        open_month(made, by, point[0])
