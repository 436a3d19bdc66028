"""Figures of Data health: how days arrive, the calendar of days, and what was corrected."""

from collections.abc import Sequence
from datetime import timedelta

import plotly.graph_objects as go

from costpulse_app import formats
from costpulse_app.charts import Palette, dress
from costpulse_app.health import words
from costpulse_app.health.reads import ArrivalPoint, DayBooks, MonthRestated, OpenPoint

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: Colour never stands alone: each kind of day has a shape of its own.
_SYMBOLS = {"final": "square", "restated": "diamond", "not final": "square-open", "missing": "x"}
_BASES = {"collection_log": "what our own loads saw", "ingestion_date": "the days on which Databricks recorded it"}


def basis(points: Sequence[ArrivalPoint]) -> str:
    """What the curve rests on, in words."""
    return _BASES.get(points[0].basis, points[0].basis) if points else ""


def arrival_curve(settled: Sequence[ArrivalPoint], open_days: Sequence[OpenPoint], look: Palette) -> go.Figure:
    """The share of a day that is in, by hours after it ended: median and band of settled days, and days not final.

    Args:
        settled: by hour.
        open_days: by day and hour; each day is a line with marks of its own.
        look: the palette.
    """
    figure = go.Figure()
    hours = [point.hours for point in settled]
    if settled:
        figure.add_scatter(
            name="Four of five days",
            x=[*hours, *reversed(hours)],
            y=[*(point.high for point in settled), *(point.low for point in reversed(settled))],
            mode="lines",
            fill="toself",
            fillcolor=f"rgba{(*_rgb(look.other), 0.22)}",
            line={"width": 0, "color": look.other},
            hoverinfo="skip",
        )
        figure.add_scatter(
            name="Usual",
            x=hours,
            y=[point.middle for point in settled],
            mode="lines",
            line={"color": look.series[0], "width": 3},
            customdata=[
                (f"{point.middle * 100:.0f}%", f"{point.low * 100:.0f}% to {point.high * 100:.0f}%", point.days)
                for point in settled
            ],
            hovertemplate="<b>%{customdata[0]}</b> in, %{x} h after the day<br>four of five days: %{customdata[1]}<br>"
            "%{customdata[2]} days<extra></extra>",
        )
    symbols = ("circle", "diamond", "triangle-up", "square", "cross")
    for number, day in enumerate(sorted({point.usage_date for point in open_days}, reverse=True)[: len(symbols)]):
        points = [point for point in open_days if point.usage_date == day]
        figure.add_scatter(
            name=formats.short_day(day),
            x=[float(point.hours) for point in points],
            y=[float(point.share) for point in points],
            mode="lines+markers",
            line={"color": look.medium, "width": 1, "dash": "dot"},
            marker={"color": look.medium, "symbol": symbols[number], "size": 9},
            customdata=[f"{point.share * 100:.0f}%" for point in points],
            hovertemplate=f"<b>%{{customdata}}</b> in<br>{formats.day(day)}, not final<extra></extra>",
        )
    dress(figure, look, 280, "cost", "USD")
    figure.update_yaxes(tickprefix="", tickformat=".0%", range=[0, 1.04])
    # Days that stay open for long would press the rest together.
    figure.update_xaxes(ticksuffix=" h", range=[-26, 100])
    return figure


def calendar(days: Sequence[DayBooks], currency: str, look: Palette) -> go.Figure:
    """One mark per usage day, a column per week; its reason on hover.

    Args:
        days: oldest first, missing ones included.
        currency: of the corrections.
        look: the palette.
    """
    colours = {"final": look.good, "restated": look.primary, "not final": look.medium, "missing": look.critical}
    figure = go.Figure()
    for kind in words.DAY_KINDS:
        some = [day for day in days if words.kind(day) == kind]
        if not some:
            continue
        figure.add_scatter(
            name=kind.capitalize(),
            x=[day.usage_date - timedelta(days=day.usage_date.weekday()) for day in some],
            y=[day.usage_date.weekday() for day in some],
            mode="markers",
            marker={"symbol": _SYMBOLS[kind], "size": 13, "color": colours[kind]},
            customdata=[
                (
                    day.usage_date.isoformat(),
                    f"{_WEEKDAYS[day.usage_date.weekday()]} {formats.day(day.usage_date)}",
                    formats.no_html(words.reason(day, currency)),
                )
                for day in some
            ],
            hovertemplate="<b>%{customdata[1]}</b><br>%{customdata[2]}<extra></extra>",
        )
    dress(figure, look, 240, "cost", currency)
    figure.update_xaxes(tickformat="%d %b")
    figure.update_yaxes(
        tickprefix="", tickmode="array", tickvals=list(range(7)), ticktext=list(_WEEKDAYS), range=[6.6, -0.6],
        showgrid=False, zeroline=False,
    )  # fmt: skip
    return figure


def restated_bars(months: Sequence[MonthRestated], currency: str, look: Palette) -> go.Figure:
    """What corrections added and took off, by month of usage; without amounts, the number of days corrected."""
    figure = go.Figure()
    known = all(month.cost_usd is not None for month in months)
    bars = [month.usage_month for month in months]
    if not known:
        figure.add_bar(
            name="Days corrected",
            x=bars,
            y=[month.days for month in months],
            marker={"color": look.primary},
            hovertemplate="<b>%{y}</b> days corrected<br>%{x|%b %Y}<extra></extra>",
        )
    else:
        for name, colour, pattern, amounts in (
            ("Added", look.high, "", [month.raised_usd for month in months]),
            ("Taken off", look.good, "/", [month.lowered_usd for month in months]),
        ):
            figure.add_bar(
                name=name,
                x=bars,
                y=[None if amount is None else float(amount) for amount in amounts],
                marker={
                    "color": colour,
                    "pattern": {
                        "shape": pattern,
                        "solidity": 0.35,
                        "size": 6,
                        "fgcolor": look.ground,
                        "bgcolor": colour,
                        "fillmode": "replace",
                    },
                },
                customdata=[
                    (formats.money_to_the_cent(amount, currency), formats.count(month.days, "day"))
                    for amount, month in zip(amounts, months, strict=True)
                ],
                hovertemplate=f"<b>%{{customdata[0]}}</b> {name.lower()}<br>%{{x|%b %Y}}, "
                "%{customdata[1]} corrected<extra></extra>",
            )
    dress(figure, look, 240, "cost", currency)
    figure.update_layout(barmode="relative", bargap=0.3)
    figure.update_xaxes(tickformat="%b %Y", tickmode="array", tickvals=bars)
    if not known:
        figure.update_yaxes(tickprefix="", tickformat="d")
    return figure


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
