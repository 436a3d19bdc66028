"""When an alert would have fired: a chart of 90 days, the count, and the list."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import plotly.graph_objects as go
import streamlit as st

from costpulse_app import charts, formats, parts
from costpulse_app.alerts import words
from costpulse_app.charts import Palette
from costpulse_app.parts import Frame
from costpulse_assets.alerts.replay import Replay
from costpulse_assets.periods import Period

#: Days that are asked.
DAYS = 90
_BAR = timedelta(days=0.85) / timedelta(milliseconds=1)


def show(made: Frame, replay: Replay) -> None:
    """Draw it; a type whose past cannot be asked says why."""
    if replay.reason:
        st.info(formats.plain(replay.reason), icon=":material/history_toggle_off:")
        return
    days = Counter(one.day for one in replay.fired if one.phase == "firing")
    findings = days.total()
    st.markdown(f"**{formats.plain(sentence(findings, len(days), len(replay.fired) - findings))}**")
    if len(days) > DAYS / 2:
        st.warning(
            f"This would have fired on {len(days)} of {DAYS} days. Raise the threshold, or save anyway.",
            icon=":material/notification_important:",
        )
    if not days:
        return
    st.plotly_chart(
        chart(days, replay.days, look=charts.palette(st.context.theme.type)),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="would_have_fired",
        alt=f"Findings by day, bars, {DAYS} days",
    )
    parts.table(
        [
            {
                "Day": one.day,
                "What it would have said": one.title,
                "About": one.scope_name,
                "Value": words.amount(one.value, replay.unit, made.currency),
            }
            for one in sorted(replay.fired, key=lambda one: one.day, reverse=True)
        ],
        key="would_have_fired_rows",
        alt="What the alert would have said, newest day first",
        columns={
            "Day": st.column_config.DateColumn(format="YYYY-MM-DD"),
            "What it would have said": st.column_config.TextColumn(width="large"),
        },
    )


def sentence(findings: int, days: int, ends: int) -> str:
    """How often it would have spoken.

    Args:
        findings: how often it would have fired, reminders counted.
        days: on how many days that was.
        ends: how often it would have told that something is over.
    """
    if not findings:
        return f"It would not have fired in the last {DAYS} days."
    also = f", and told {formats.count(ends, 'end')}" if ends else ""
    return f"It would have fired {formats.count(findings, 'time')} on {days} of the last {DAYS} days{also}."


def chart(days: Mapping[date, int], asked: Period, *, look: Palette) -> go.Figure:
    """A bar per day on which it would have spoken.

    Args:
        days: findings by day.
        asked: the days that were looked at.
        look: the palette.
    """
    shown: Sequence[date] = sorted(days)
    figure = go.Figure()
    figure.add_bar(
        name="Findings",
        x=list(shown),
        y=[days[day] for day in shown],
        width=_BAR,
        customdata=[(formats.count(days[day], "finding"), formats.day(day)) for day in shown],
        marker={"color": look.high},
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
    )
    charts.dress(figure, look, 170, "dbu", "")
    figure.update_layout(showlegend=False)
    figure.update_xaxes(range=[asked.first - timedelta(days=1), asked.last + timedelta(days=1)], tickformat="%d %b")
    figure.update_yaxes(range=[0, max(days.values()) * 1.15], dtick=max(1, max(days.values()) // 3), tickformat="d")
    return figure
