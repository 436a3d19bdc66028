"""Figures. Floats live here and nowhere else; every exact amount is in the table beside its figure.

A colour belongs to a name, not to a rank. Other is always last, on top, with dots; days that are not final are
hatched, so that colour is never the only carrier.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

import plotly.graph_objects as go

from costpulse_app import formats
from costpulse_assets.costs.spend import Bin, Measure


@dataclass(frozen=True)
class Palette:
    """Colours of one theme; contrast was checked against its ground."""

    series: tuple[str, ...]
    other: str
    text: str
    muted: str
    grid: str
    ground: str
    primary: str
    critical: str
    #: Also: cost went up.
    high: str
    medium: str
    #: Also: cost went down.
    good: str


LIGHT = Palette(
    series=("#1B4AA0", "#EC5A13", "#209B72", "#A3608F", "#7F76F2", "#5C4E2B", "#45072F"),
    other="#7B8794",
    text="#17202B",
    muted="#56626F",
    grid="#E4E9EF",
    ground="#FFFFFF",
    primary="#0B5CAB",
    critical="#B3261E",
    high="#B54708",
    medium="#8A6100",
    good="#0B6E4F",
)
DARK = Palette(
    series=("#5473C8", "#B79F3A", "#59CDC1", "#F1688E", "#A7ABFF", "#D4DDA4", "#7C7437"),
    other="#7C8998",
    text="#E6EBF1",
    muted="#9DAABA",
    grid="#232E3B",
    ground="#10161F",
    primary="#7DB8FF",
    critical="#FF8A80",
    high="#FFB067",
    medium="#F2CF5B",
    good="#5FD3A2",
)

#: Each family of products keeps one colour in the whole app; serverless stands beside its classic sibling.
_PRODUCT_SLOTS = {
    "JOBS": 0,
    "ALL_PURPOSE": 1,
    "INTERACTIVE": 1,
    "SQL": 2,
    "DLT": 3,
    "LAKEFLOW_CONNECT": 3,
    "MODEL_SERVING": 4,
    "DEFAULT_STORAGE": 5,
}

CONFIG = {"displayModeBar": False, "responsive": True}
#: Of charts that are looked at only.
STILL = CONFIG | {"staticPlot": True}


@dataclass(frozen=True)
class Series:
    """One colour of a stacked chart: amounts by bin; `group_id` None is Other."""

    group_id: str | None
    name: str
    amounts: Mapping[date, Decimal | None]


@dataclass(frozen=True)
class StandOut:
    """An anomaly on the chart of its days: where it begins, how grave it is, and what the hover says."""

    id: int
    day: date
    severity: str
    words: str


@dataclass(frozen=True)
class Remark:
    """What somebody wrote on a day; the number is the one in the list below the chart."""

    number: int
    day: date
    words: str


#: Stand first in the customdata of marks that are not cost.
EVENT, REMARK = "event", "remark"
#: Shape and word say how grave it is; colour only supports them.
_SEVERITY_SHAPES = {"critical": "diamond-open", "high": "triangle-up-open", "medium": "circle-open"}


def palette(theme: str | None) -> Palette:
    """The colours of the viewer's theme."""
    return DARK if theme == "dark" else LIGHT


def colours(ids: Sequence[str], dimension: str, known: Sequence[str], colours_of: Palette) -> dict[str, str]:
    """A colour for each of at most thirty ids, the same in every chart that shows the same names.

    Args:
        ids: what the chart shows.
        dimension: products have fixed colours, teams go by order of creation.
        known: ids of the dimension in their lasting order, where there is one.
        colours_of: the palette.
    """
    size = len(colours_of.series)
    wanted = {
        group: _PRODUCT_SLOTS.get(group.removesuffix("_SERVERLESS"), 6)
        if dimension == "product"
        else (known.index(group) if group in known else zlib.crc32(group.encode())) % size
        for group in ids
    }
    taken: dict[str, str] = {}
    free = list(range(size))
    # Every name that can have its own colour has it; only then those whose colour is taken get the next free one.
    in_order = sorted(ids, key=lambda group: (group.endswith("_SERVERLESS"), group))
    first_come = {slot: group for group in reversed(in_order) for slot in [wanted[group]]}
    for group in sorted(in_order, key=lambda group: first_come[wanted[group]] != group):
        if not free:
            free = list(range(size))
        slot = min(free, key=lambda slot: (slot - wanted[group]) % size)
        free.remove(slot)
        taken[group] = colours_of.series[slot]
    return taken


def stacked_bars(
    series: Sequence[Series],
    bins: Sequence[date],
    *,
    bin: Bin,
    colour: Mapping[str, str],
    not_final: Mapping[date, str],
    measure: Measure,
    currency: str,
    look: Palette,
    height: int = 340,
) -> go.Figure:
    """Cost by day, week or month, stacked; the first series is at the bottom.

    Each bar carries (group id, first day of the bin) as customdata, so that a click can be followed.

    Args:
        series: largest first, Other (group_id None) last.
        bins: first day of every bin, gaps included.
        bin: the width of a bar.
        colour: by group id.
        not_final: bins that hold days that are not final, with the words for the hover.
        measure: what the amounts are.
        currency: of the amounts.
        look: the palette.
        height: in pixels.
    """
    figure = go.Figure()
    totals = {day: sum((s.amounts.get(day) or Decimal(0) for s in series), Decimal(0)) for day in bins}
    for one in series:
        amounts = [one.amounts.get(day) for day in bins]
        other = one.group_id is None
        tint = look.other if other else colour[one.group_id or ""]
        figure.add_bar(
            name=_shortened(one.name),
            x=list(bins),
            y=[None if amount is None else float(amount) for amount in amounts],
            customdata=[
                (
                    one.group_id if one.group_id is not None else "",
                    day.isoformat(),
                    formats.measured(amount, measure, currency),
                    formats.percent(amount / totals[day] if amount is not None and totals[day] else None),
                    _when(day, bin) + (f"<br>{not_final[day]}" if day in not_final else ""),
                )
                for day, amount in zip(bins, amounts, strict=True)
            ],
            marker={
                "color": tint,
                "line": {"color": look.ground, "width": 0.5},
                "pattern": {
                    "shape": ["/" if day in not_final else ("." if other else "") for day in bins],
                    "solidity": 0.35,
                    "size": 6,
                    "fgcolor": look.ground,
                    "bgcolor": tint,
                    "fillmode": "replace",
                },
            },
            hovertemplate=(
                "<b>%{customdata[2]}</b>  %{customdata[3]}<br>"
                f"{formats.no_html(one.name)}<br>%{{customdata[4]}}<extra></extra>"
            ),
        )
    figure.update_layout(barmode="relative", bargap=0.18 if len(bins) <= 45 else 0.06)
    dress(figure, look, height, measure, currency)
    figure.update_xaxes(tickformat={"day": "%d %b", "week": "%d %b", "month": "%b %Y"}[bin])
    if len(bins) <= 8:
        figure.update_xaxes(tickmode="array", tickvals=list(bins))
    return figure


def totals(series: Sequence[Series]) -> dict[date, Decimal]:
    """The height of each bar that has an amount."""
    heights: dict[date, Decimal] = {}
    for one in series:
        for day, amount in one.amounts.items():
            heights[day] = heights.get(day, Decimal(0)) + (amount or Decimal(0))
    return heights


def mark_events(
    figure: go.Figure, events: Sequence[StandOut], heights: Mapping[date, Decimal], *, look: Palette
) -> None:
    """A ring on the bar with which each anomaly begins; (EVENT, its id) is the customdata."""
    if not events:
        return
    tints = {"critical": look.critical, "high": look.high, "medium": look.medium}
    figure.add_scatter(
        name="Anomaly",
        x=[event.day for event in events],
        y=[float(heights.get(event.day, Decimal(0))) for event in events],
        mode="markers",
        marker={
            "symbol": [_SEVERITY_SHAPES[event.severity] for event in events],
            "size": 14,
            "color": [tints[event.severity] for event in events],
            "line": {"width": 3, "color": [tints[event.severity] for event in events]},
        },
        customdata=[(EVENT, str(event.id), formats.no_html(event.words)) for event in events],
        hovertemplate="%{customdata[2]}<extra></extra>",
        cliponaxis=False,
    )


def mark_remarks(
    figure: go.Figure, remarks: Sequence[Remark], heights: Mapping[date, Decimal], *, look: Palette
) -> None:
    """A thin rule on each day with a remark, its numbers on top; the hover says what was written."""
    if not remarks:
        return
    of_day: dict[date, list[Remark]] = {}
    for remark in remarks:
        of_day.setdefault(remark.day, []).append(remark)
    top = float(max(heights.values(), default=Decimal(0))) * 1.06 or 1.0
    for day in of_day:
        figure.add_shape(
            type="line", x0=day, x1=day, y0=0, y1=top, line={"width": 1, "dash": "dot", "color": look.muted}
        )
    figure.add_scatter(
        name="Remark",
        x=list(of_day),
        y=[top] * len(of_day),
        mode="markers+text",
        marker={"symbol": "square", "size": 18, "color": look.ground, "line": {"width": 1, "color": look.muted}},
        text=[",".join(str(remark.number) for remark in of_that) for of_that in of_day.values()],
        textfont={"color": look.text, "size": 11},
        textposition="middle center",
        customdata=[
            (REMARK, day.isoformat(), "<br>".join(formats.no_html(remark.words) for remark in of_that))
            for day, of_that in of_day.items()
        ],
        hovertemplate="%{customdata[2]}<extra></extra>",
        cliponaxis=False,
    )


def cumulative_line(
    now: Mapping[date, Decimal],
    before: Sequence[Decimal],
    *,
    final_to: date | None,
    before_name: str,
    measure: Measure,
    currency: str,
    look: Palette,
) -> go.Figure:
    """The running total; solid to the last final day, dotted after it, the compared period in grey.

    Args:
        now: amount per day, in order.
        before: amounts of the compared period, day by day; empty for none.
        final_to: last final day.
        before_name: legend entry of the compared period.
        measure: what the amounts are.
        currency: of the amounts.
        look: the palette.
    """
    days = list(now)
    running = _running(list(now.values()))
    final = sum(1 for day in days if final_to is not None and day <= final_to)
    figure = go.Figure()
    if before:
        figure.add_scatter(
            name=before_name,
            x=days[: len(before)],
            y=[float(amount) for amount in _running(before)[: len(days)]],
            mode="lines",
            line={"color": look.other, "width": 2},
            customdata=[formats.measured(amount, measure, currency) for amount in _running(before)[: len(days)]],
            hovertemplate=f"<b>%{{customdata}}</b><br>{before_name}<extra></extra>",
        )
    for name, part, dash in (
        ("This period", slice(0, final), "solid"),
        ("Not final", slice(max(final - 1, 0), len(days)), "dot"),
    ):
        shown = days[part]
        if not shown or (name == "Not final" and final == len(days)):
            continue
        figure.add_scatter(
            name=name,
            x=shown,
            y=[float(amount) for amount in running[part]],
            mode="lines+markers" if len(shown) == 1 else "lines",
            line={"color": look.series[0], "width": 3, "dash": dash},
            customdata=[
                (formats.measured(amount, measure, currency), formats.day(day))
                for day, amount in zip(shown, running[part], strict=True)
            ],
            hovertemplate=f"<b>%{{customdata[0]}}</b><br>{name}, to %{{customdata[1]}}<extra></extra>",
        )
    dress(figure, look, 340, measure, currency)
    figure.update_xaxes(tickformat="%d %b")
    figure.update_yaxes(rangemode="tozero")
    return figure


def sparkline(values: Sequence[float], look: Palette) -> go.Figure:
    """The course of a headline figure: a line without axes, from its lowest to its highest value."""
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or abs(high) * 0.08 or 1.0
    return go.Figure(
        go.Scatter(y=list(values), mode="lines", line={"color": look.muted}, fill="tozeroy", fillcolor=look.grid),
        {
            "height": 56,
            "margin": {"l": 0, "r": 0, "t": 2, "b": 2},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "showlegend": False,
            "xaxis": {"visible": False, "fixedrange": True},
            "yaxis": {"visible": False, "fixedrange": True, "range": [low - room, high + room]},
        },
    )


@dataclass(frozen=True)
class Bar:
    """One horizontal bar, with the amount it is compared with."""

    group_id: str
    name: str
    amount: Decimal | None
    before: Decimal | None


def ranked_bars(
    bars: Sequence[Bar], *, colour: Mapping[str, str], measure: Measure, currency: str, look: Palette
) -> go.Figure:
    """Horizontal bars, largest on top; a tick marks the compared period."""
    shown = list(reversed(bars))
    rows = list(range(len(shown)))
    hover = [
        (
            bar.group_id,
            "",
            formats.no_html(bar.name),
            formats.measured(bar.amount, measure, currency),
            formats.measured(bar.before, measure, currency),
            formats.delta(bar.amount, bar.before, measure, currency) or "no change",
        )
        for bar in shown
    ]
    figure = go.Figure()
    figure.add_bar(
        name="Month to date",
        orientation="h",
        x=[float(bar.amount or 0) for bar in shown],
        y=rows,
        customdata=hover,
        marker={"color": [colour.get(bar.group_id, look.other) for bar in shown]},
        hovertemplate=(
            "<b>%{customdata[3]}</b>  %{customdata[5]}<br>%{customdata[2]}<br>"
            "same days last month: %{customdata[4]}<extra></extra>"
        ),
    )
    figure.add_scatter(
        name="Same days last month",
        x=[None if bar.before is None else float(bar.before) for bar in shown],
        y=rows,
        mode="markers",
        marker={"symbol": "line-ns", "size": 18, "line": {"width": 3, "color": look.text}, "color": look.text},
        hoverinfo="skip",
    )
    # The amounts stand clear of bar and tick.
    figure.add_scatter(
        x=[max(float(bar.amount or 0), float(bar.before or 0), 0.0) for bar in shown],
        y=rows,
        mode="text",
        text=["  " + formats.measured(bar.amount, measure, currency) for bar in shown],
        textposition="middle right",
        textfont={"color": look.text},
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )
    dress(figure, look, max(150, 60 + 34 * len(bars)), measure, currency)
    figure.update_layout(bargap=0.35, hovermode="closest")
    figure.update_xaxes(
        showgrid=True, gridcolor=look.grid, tickformat="~s", tickprefix=prefix(measure, currency), nticks=5
    )
    # Room for the labels outside the longest bar.
    longest = max((float(bar.amount or 0) for bar in shown), default=0.0)
    marks = max((float(bar.before or 0) for bar in shown), default=0.0)
    if max(longest, marks) > 0:
        lowest = min((float(bar.amount or 0) for bar in shown), default=0.0)
        figure.update_xaxes(range=[min(lowest * 1.1, 0), max(longest * 1.25, marks * 1.25)])
    figure.update_yaxes(
        showgrid=False,
        tickmode="array",
        tickvals=rows,
        ticktext=[_shortened(bar.name, 26) for bar in shown],
        tickformat=None,
        tickprefix="",
        rangemode="normal",
        zeroline=False,
    )
    return figure


def bins_of(first: date, last: date, bin: Bin) -> list[date]:
    """The first day of every bin that the days touch: weeks begin on Monday, months on the first."""
    if bin == "day":
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if bin == "week":
        monday = first - timedelta(days=first.weekday())
        return [monday + timedelta(weeks=n) for n in range((last - monday).days // 7 + 1)]
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [date(month // 12, month % 12 + 1, 1) for month in months]


def _when(day: date, bin: Bin) -> str:
    if bin == "day":
        return f"{day:%A}, {formats.day(day)}"
    return f"week from {formats.day(day)}" if bin == "week" else f"{day:%B %Y}"


def _running(amounts: Sequence[Decimal]) -> list[Decimal]:
    total, running = Decimal(0), []
    for amount in amounts:
        total += amount
        running.append(total)
    return running


def prefix(measure: Measure, currency: str) -> str:
    """What stands before the numbers of an axis."""
    return "" if measure == "dbu" else formats.symbol(currency)


def _shortened(name: str, length: int = 32) -> str:
    short = name if len(name) <= length else f"{name[: length - 1]}…"
    return formats.no_html(short)


def dress(figure: go.Figure, look: Palette, height: int, measure: Measure, currency: str) -> None:
    """What all figures share; what a figure sets for itself counts more."""
    figure.update_layout(template=_template(look, prefix(measure, currency)), height=height)


@cache
def _template(look: Palette, tick_prefix: str) -> go.layout.Template:
    """Made once: plotly takes ten times as long to set the same on each figure."""
    return go.layout.Template(
        layout={
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": look.text, "size": 13, "family": '"Source Sans", sans-serif'},
            "legend": {
                "orientation": "h",
                "yanchor": "top",
                "y": -0.12,
                "xanchor": "left",
                "x": 0,
                "traceorder": "normal",
                "font": {"color": look.text},
            },
            "hoverlabel": {"bgcolor": look.ground, "bordercolor": look.grid, "font": {"color": look.text}},
            "dragmode": False,
            "clickmode": "event+select",
            "showlegend": True,
            "xaxis": {
                "showgrid": False,
                "color": look.muted,
                "linecolor": look.grid,
                "automargin": True,
                "fixedrange": True,
                "ticklabelstandoff": 4,
            },
            "yaxis": {
                "gridcolor": look.grid,
                "zerolinecolor": look.muted,
                "color": look.muted,
                "nticks": 5,
                "tickformat": "~s",
                "tickprefix": tick_prefix,
                "automargin": True,
                "fixedrange": True,
                "ticklabelstandoff": 6,
            },
        },
        data={"bar": [{"type": "bar", "selected": {}, "unselected": {"marker": {"opacity": 0.6}}}]},
    )
