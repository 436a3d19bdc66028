"""The days around an event: what they cost, what was normal, and which of them stand out."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import plotly.graph_objects as go

from costpulse_app import charts, formats
from costpulse_app.anomalies.reads import Event, JudgedDay
from costpulse_app.charts import Palette

#: A bar that is alone in its series would have no width.
_BAR = timedelta(days=0.85) / timedelta(milliseconds=1)
_SYMBOLS = {"critical": "diamond-open", "high": "triangle-up-open", "medium": "circle-open"}


def around(
    days: Sequence[JudgedDay],
    event: Event,
    *,
    currency: str,
    look: Palette,
    height: int,
    is_small: bool = False,
    without: tuple[str, Mapping[date, Decimal]] | None = None,
) -> go.Figure:
    """Bars of cost, days of the event in the colour of its severity, over the range that was normal.

    Each bar carries its day as customdata, so that a click can be followed.

    Args:
        days: oldest first.
        event: what is drawn.
        currency: of the amounts.
        look: the palette.
        height: in pixels.
        is_small: without legend and with fewer marks.
        without: what the scope cost without its main cause, and what that is called.
    """
    tint = {"critical": look.critical, "high": look.high, "medium": look.medium}[event.severity]
    known = [day for day in days if day.lower is not None and day.upper is not None]
    figure = go.Figure()
    for name, inside, colour in (("Cost", False, look.other), (event.kind.capitalize(), True, tint)):
        shown = [day for day in days if (day.usage_date in event.days) is inside]
        if not shown:
            continue
        figure.add_bar(
            name=name,
            x=[day.usage_date for day in shown],
            y=[day.actual for day in shown],
            width=_BAR,
            customdata=[_told(day, currency) for day in shown],
            marker={
                "color": colour,
                "line": {"width": 0},
                "pattern": {
                    "shape": ["/" if day.is_provisional else "" for day in shown],
                    "solidity": 0.35,
                    "size": 6,
                    "fgcolor": look.ground,
                    "bgcolor": colour,
                    "fillmode": "replace",
                },
            },
            hovertemplate="<b>%{customdata[1]}</b>, expected %{customdata[2]}<br>normal: %{customdata[3]}"
            "<br>%{customdata[4]}<extra></extra>",
        )
    band = {"mode": "lines", "hoverinfo": "skip", "line": {"width": 1, "color": look.muted, "shape": "hvh"}}
    dates = [day.usage_date for day in known]
    figure.add_scatter(x=dates, y=[day.lower for day in known], showlegend=False, **band)
    figure.add_scatter(
        name="Normal range",
        x=dates,
        y=[day.upper for day in known],
        fill="tonexty",
        fillcolor=_faint(look.muted),
        **band,
    )
    if without:
        figure.add_scatter(
            name=formats.no_html(without[0]),
            x=[day.usage_date for day in days if day.usage_date in without[1]],
            y=[float(without[1][day.usage_date]) for day in days if day.usage_date in without[1]],
            mode="lines",
            line={"width": 2, "dash": "dot", "color": look.text},
            hoverinfo="skip",
        )
    sign = 1 if event.direction == "up" else -1
    marked = [
        day
        for day in days
        if day.usage_date in event.days
        and day.severity is not None
        and (day.expected is None or (day.actual - day.expected) * sign > 0)
    ] or [day for day in days if day.usage_date == event.recognised_on]
    figure.add_scatter(
        name="Stands out",
        x=[day.usage_date for day in marked],
        y=[day.actual for day in marked],
        mode="markers",
        marker={
            "symbol": [_SYMBOLS[day.severity or event.severity] for day in marked],
            "size": 9 if is_small else 13,
            "color": look.text,
            "line": {"width": 2, "color": look.text},
        },
        hoverinfo="skip",
        cliponaxis=False,
    )
    figure.update_layout(barmode="overlay")
    charts.dress(figure, look, height, "cost", currency)
    figure.update_layout(showlegend=not is_small)
    figure.update_xaxes(tickformat="%d %b", nticks=4 if is_small else None)
    figure.update_yaxes(rangemode="tozero", nticks=3 if is_small else 5)
    return figure


def _told(day: JudgedDay, currency: str) -> tuple[str, ...]:
    def money(amount: float | None) -> str:
        return formats.money(None if amount is None else Decimal(repr(amount)), currency)

    normal = "not known yet" if day.upper is None else f"{money(day.lower)} to {money(day.upper)}"
    said = f"{day.usage_date:%A}, {formats.day(day.usage_date)}"
    if day.is_provisional:
        said += "<br>not final"
    return day.usage_date.isoformat(), money(day.actual), money(day.expected), normal, said


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"
