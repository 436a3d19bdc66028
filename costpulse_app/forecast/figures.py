"""Figures of forecasts and budgets; a forecast is dashed with its band, what is not final is dotted or hatched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from math import sqrt

import plotly.graph_objects as go

from costpulse_app import formats
from costpulse_app.charts import Palette, dress
from costpulse_app.forecast.reads import Day, Landing, Week

_HATCHED = {"shape": "/", "solidity": 0.35, "size": 6, "fillmode": "replace"}
_BAND_OPACITY = 0.3
_DAY = timedelta(days=1)
#: Stands in the customdata of a day that is forecast.
TO_COME = "to come"


def cumulative_month(
    landing: Landing,
    now: Mapping[date, Decimal],
    before: Mapping[date, Decimal],
    days: Sequence[Day],
    *,
    budget: Decimal | None,
    currency: str,
    look: Palette,
) -> go.Figure:
    """The running total of a month: final days, the forecast of the others with its band, the month before in grey.

    Args:
        landing: where the month will be.
        now: cost of its final days.
        before: cost of the days of the month before.
        days: the forecast of the days after `landing.data_until`, to the end of the month.
        budget: amount of its budget, if there is one.
        currency: of the amounts.
        look: the palette.
    """
    figure = go.Figure()
    first = landing.month
    last = days[-1].forecast_date if days else landing.data_until
    if before:
        running = list(accumulate(before[day] for day in sorted(before)))
        shown = [first + _DAY * n for n in range(min(len(running), (last - first).days + 1))]
        figure.add_scatter(
            name=f"{min(before):%B}",
            x=shown,
            y=[float(amount) for amount in running[: len(shown)]],
            mode="lines",
            line={"color": look.other, "width": 2},
            customdata=[
                (formats.money(amount, currency), formats.day(day))
                for amount, day in zip(running, sorted(before), strict=True)
            ][: len(shown)],
            hovertemplate="<b>%{customdata[0]}</b><br>to %{customdata[1]}<extra></extra>",
        )
    known = sorted(now)
    spent = list(accumulate(now[day] for day in known))
    if spent:
        figure.add_scatter(
            name=f"{first:%B}, final days",
            x=known,
            y=[float(amount) for amount in spent],
            mode="lines+markers" if len(spent) == 1 else "lines",
            line={"color": look.series[0], "width": 3},
            customdata=[
                (formats.money(amount, currency), formats.day(day)) for amount, day in zip(spent, known, strict=True)
            ],
            hovertemplate="<b>%{customdata[0]}</b><br>to %{customdata[1]}<extra></extra>",
        )
    if days:
        start = float(landing.spent_usd)
        ahead = [start + amount for amount in accumulate(float(day.predicted_cost) for day in days)]
        # What it adds up to is stored, how it gets there is in proportion to the bands of the days.
        spread = list(accumulate(float(day.upper_bound - day.lower_bound) ** 2 for day in days))
        grown = [sqrt(part / spread[-1]) if spread[-1] else 0.0 for part in spread]
        below, above = ahead[-1] - float(landing.lower_bound), float(landing.upper_bound) - ahead[-1]
        x = [landing.data_until, *(day.forecast_date for day in days)] if spent else [d.forecast_date for d in days]
        lower = [value - below * share for value, share in zip(ahead, grown, strict=True)]
        upper = [value + above * share for value, share in zip(ahead, grown, strict=True)]
        middle = ahead
        if spent:
            lower, middle, upper = [start, *lower], [start, *ahead], [start, *upper]
        _band(figure, x, lower, upper, f"{landing.level:.0%} band", look)
        figure.add_scatter(
            name="Forecast",
            x=x,
            y=middle,
            mode="lines",
            line={"color": look.series[0], "width": 3, "dash": "dash"},
            customdata=[(formats.money(Decimal(value), currency), formats.day(day)) for value, day in
                        zip(middle, x, strict=True)],
            hovertemplate="<b>%{customdata[0]}</b><br>forecast, to %{customdata[1]}<extra></extra>",
        )  # fmt: skip
    dress(figure, look, 340, "cost", currency)
    figure.update_xaxes(tickformat="%d %b", range=[first - _DAY / 2, last + _DAY / 2])
    figure.update_yaxes(rangemode="tozero")
    if budget is not None:
        figure.add_hline(
            y=float(budget),
            line={"color": look.text, "width": 1.5, "dash": "dot"},
            annotation={
                "text": f"Budget {formats.money(budget, currency)}",
                "xanchor": "left",
                "font": {"color": look.text},
            },
            annotation_position="top left",
        )
    return figure


def daily(
    costs: Mapping[date, Decimal],
    days: Sequence[Day],
    *,
    not_final: Mapping[date, str],
    level: float,
    currency: str,
    look: Palette,
) -> go.Figure:
    """Cost by day as bars, and the days to come as a dashed line with its band.

    Args:
        costs: every day to show, zeros included.
        days: the forecast, from the day after the last final one.
        not_final: days that are not final, with the words for the hover.
        level: of the band.
        currency: of the amounts.
        look: the palette.
    """
    figure = go.Figure()
    for name, is_final in (("Cost", True), ("Not final", False)):
        shown = [day for day in costs if (day not in not_final) == is_final]
        if not shown:
            continue
        figure.add_bar(
            name=name,
            x=shown,
            y=[float(costs[day]) for day in shown],
            marker={
                "color": look.series[0],
                "pattern": {} if is_final else {**_HATCHED, "fgcolor": look.ground, "bgcolor": look.series[0]},
            },
            customdata=[
                (
                    formats.money(costs[day], currency),
                    f"{day:%A}, {formats.day(day)}" + (f"<br>{not_final[day]}" if day in not_final else ""),
                )
                for day in shown
            ],
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
        )
    dress(figure, look, 340, "cost", currency)
    figure.update_layout(bargap=0.18)
    figure.update_xaxes(tickformat="%d %b")
    forecast_line(figure, days, level=level, currency=currency, look=look)
    return figure


def forecast_line(figure: go.Figure, days: Sequence[Day], *, level: float, currency: str, look: Palette) -> None:
    """Adds the days to come: a dashed line, its band, and a rule that says from when on it is a forecast.

    The first of its customdata is TO_COME, so that a click is not taken for one on a bar.
    """
    if not days:
        return
    x = [day.forecast_date for day in days]
    _band(
        figure,
        x,
        [float(day.lower_bound) for day in days],
        [float(day.upper_bound) for day in days],
        f"{level:.0%} band",
        look,
    )
    figure.add_scatter(
        name="Forecast",
        x=x,
        y=[float(day.predicted_cost) for day in days],
        mode="lines+markers" if len(days) == 1 else "lines",
        line={"color": look.text, "width": 2.5, "dash": "dash"},
        customdata=[
            (
                TO_COME,
                formats.money(day.predicted_cost, currency),
                f"{day.forecast_date:%A}, {formats.day(day.forecast_date)}",
                f"{formats.money(day.lower_bound, currency)} to {formats.money(day.upper_bound, currency)}",
            )
            for day in days
        ],
        hovertemplate=("<b>%{customdata[1]}</b> forecast<br>%{customdata[3]}<br>%{customdata[2]}<extra></extra>"),
    )
    figure.add_vline(
        x=x[0] - _DAY / 2,
        line={"color": look.muted, "width": 1},
    )
    figure.add_annotation(
        x=x[0] - _DAY / 2,
        y=1,
        yref="paper",
        xanchor="right",
        yanchor="bottom",
        showarrow=False,
        text=f"Forecast from {formats.short_day(x[0])}",
        font={"color": look.muted, "size": 12},
    )
    figure.update_layout(margin={"t": 24})


def said_and_cost(weeks: Sequence[Week], costs: Sequence[Decimal], *, currency: str, look: Palette) -> go.Figure:
    """Per week: what was said about its seven days before they came, and what they cost; backtests are hatched."""
    figure = go.Figure()
    labels = [f"{formats.short_day(week.data_until + _DAY)}" for week in weeks]
    for name, is_backtest in (("Forecast", False), ("Backtest", True)):
        shown = [at for at, week in enumerate(weeks) if week.is_backtest == is_backtest]
        if not shown:
            continue
        figure.add_bar(
            name=name,
            x=[labels[at] for at in shown],
            y=[float(weeks[at].predicted_cost) for at in shown],
            offsetgroup="said",
            marker={
                "color": look.series[0],
                "pattern": {**_HATCHED, "fgcolor": look.ground, "bgcolor": look.series[0]} if is_backtest else {},
            },
            customdata=[
                (
                    formats.money(weeks[at].predicted_cost, currency),
                    formats.delta(weeks[at].predicted_cost, costs[at], "cost", currency) or "no difference",
                )
                for at in shown
            ],
            hovertemplate=(
                f"<b>%{{customdata[0]}}</b>  %{{customdata[1]}} against the cost<br>{name}, "
                "seven days from %{x}<extra></extra>"
            ),
        )
    figure.add_bar(
        name="Cost",
        x=labels,
        y=[float(amount) for amount in costs],
        offsetgroup="cost",
        marker={"color": look.other},
        customdata=[formats.money(amount, currency) for amount in costs],
        hovertemplate="<b>%{customdata}</b><br>cost of seven days from %{x}<extra></extra>",
    )
    dress(figure, look, 280, "cost", currency)
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=labels)
    return figure


@dataclass(frozen=True)
class Bullet:
    """One budget: everything as a share of its amount, with the words for the hover."""

    name: str
    used: float
    elapsed: float
    projected: float | None
    lower: float | None
    upper: float | None
    words: str


def bullets(budgets: Sequence[Bullet], *, look: Palette) -> go.Figure:
    """Per budget: used as a bar, the pace as a tick, the projected end as a diamond with its band, a rule at 100%."""
    shown = list(reversed(budgets))
    rows = list(range(len(shown)))
    # What is beyond is cut, and said in the hover.
    reach = min(max([1.15, *(max(each.used, each.upper or 0) * 1.05 for each in shown)]), 2.0)
    figure = go.Figure()
    figure.add_bar(
        name="Used",
        orientation="h",
        x=[min(each.used, reach) for each in shown],
        y=rows,
        marker={"color": [look.high if each.used > 1 else look.series[0] for each in shown]},
        customdata=[each.words for each in shown],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.add_scatter(
        name="Share of the period that is over",
        x=[each.elapsed for each in shown],
        y=rows,
        mode="markers",
        marker={"symbol": "line-ns", "size": 20, "line": {"width": 3, "color": look.text}, "color": look.text},
        hoverinfo="skip",
    )
    ends = [(row, each) for row, each in enumerate(shown) if each.projected is not None]
    figure.add_scatter(
        name="Projected end, with its band",
        x=[min(each.projected or 0, reach) for _, each in ends],
        y=[row for row, _ in ends],
        mode="markers",
        marker={
            "symbol": "diamond",
            "size": 12,
            "color": [look.high if (each.projected or 0) > 1 else look.good for _, each in ends],
            "line": {"color": look.ground, "width": 1.5},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max(min(each.upper or 0, reach) - min(each.projected or 0, reach), 0) for _, each in ends],
            "arrayminus": [max(min(each.projected or 0, reach) - (each.lower or 0), 0) for _, each in ends],
            "color": look.muted,
            "thickness": 2,
            "width": 5,
        },
        hoverinfo="skip",
    )
    dress(figure, look, max(170, 90 + 38 * len(shown)), "cost", "USD")
    figure.update_layout(bargap=0.45, hovermode="closest")
    figure.add_vline(x=1, line={"color": look.text, "width": 1.5, "dash": "dot"})
    figure.update_xaxes(
        showgrid=True, gridcolor=look.grid, tickformat=".0%", tickprefix="", nticks=6, range=[0, reach], zeroline=False
    )
    figure.update_yaxes(
        showgrid=False,
        tickmode="array",
        tickvals=rows,
        ticktext=[formats.no_html(each.name if len(each.name) <= 26 else f"{each.name[:25]}…") for each in shown],
        tickformat=None,
        tickprefix="",
        zeroline=False,
    )
    return figure


@dataclass(frozen=True)
class Step:
    """One step of a change bridge, with the words for the hover."""

    name: str
    amount: Decimal
    words: str


def waterfall(
    then: tuple[str, Decimal], steps: Sequence[Step], now: tuple[str, Decimal], *, currency: str, look: Palette
) -> go.Figure:
    """From one total to the other in steps; the axis need not start at zero, so totals are lines, not bars."""
    figure = go.Figure()
    start = float(then[1])
    levels = [start, *accumulate((float(step.amount) for step in steps), initial=start)]
    figure.add_waterfall(
        base=start,
        x=[step.name for step in steps],
        y=[float(step.amount) for step in steps],
        measure=["relative"] * len(steps),
        increasing={"marker": {"color": look.high}},
        decreasing={"marker": {"color": look.good}},
        connector={"line": {"color": look.muted, "width": 1, "dash": "dot"}},
        text=[_signed(step.amount, currency) for step in steps],
        textposition="outside",
        textfont={"color": look.text},
        cliponaxis=False,
        customdata=[step.words for step in steps],
        hovertemplate="%{customdata}<extra></extra>",
        name="Parts",
    )
    for name, total in (then, now):
        figure.add_scatter(
            x=[name],
            y=[float(total)],
            mode="markers",
            marker={"symbol": "line-ew", "size": 46, "line": {"width": 4, "color": look.muted}, "color": look.muted},
            hovertemplate=f"<b>{formats.money_to_the_cent(total, currency)}</b><br>{name}<extra></extra>",
            name=name,
        )
        figure.add_annotation(
            x=name,
            y=float(total),
            text=formats.money(total, currency),
            showarrow=False,
            yshift=12,
            font={"color": look.text},
        )
    dress(figure, look, 320, "cost", currency)
    room = max(max(levels) - min(levels), abs(start) * 0.01, 1.0) * 0.22
    names = [then[0], *(step.name for step in steps), now[0]]
    figure.update_layout(showlegend=False, margin={"t": 20}, waterfallgap=0.35)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=names, range=[-0.6, len(names) - 0.4])
    figure.update_yaxes(range=[min(levels) - room, max(levels) + room], rangemode="normal")
    return figure


def _signed(amount: Decimal, currency: str) -> str:
    return f"{'+' if amount > 0 else ''}{formats.money(amount, currency)}"


def _band(
    figure: go.Figure, x: Sequence[date], lower: Sequence[float], upper: Sequence[float], name: str, look: Palette
) -> None:
    edge = {"mode": "lines", "line": {"width": 0, "color": look.series[0]}, "hoverinfo": "skip"}
    figure.add_scatter(x=list(x), y=list(lower), showlegend=False, name="", **edge)
    figure.add_scatter(
        x=list(x),
        y=list(upper),
        name=name,
        fill="tonexty",
        fillcolor=_transparent(look.series[0], _BAND_OPACITY),
        **edge,
    )


def _transparent(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
