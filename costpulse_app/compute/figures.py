"""The figures of the pages about machines: use against cost, used and idle cost, and days of one machine."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from statistics import quantiles

import plotly.graph_objects as go

from costpulse_app import charts, formats
from costpulse_app.charts import Palette
from costpulse_app.compute import words
from costpulse_app.compute.reads import Machine, MachineDay

#: CPU in percent up to which use is called low.
LOW_CPU = 20
_KIND_SLOTS = {"all-purpose": 1, "job": 0, "pipeline": 3, "warehouse": 2, "other": 5}
_KIND_SYMBOLS = {"all-purpose": "circle", "job": "square", "pipeline": "diamond", "warehouse": "cross", "other": "x"}
_SOURCE_ORDER = ("job", "pipeline", "dashboard", "sql_query", "notebook", "genie", "alert", "other")


def use_against_cost(
    machines: Sequence[Machine], names: Mapping[tuple[str, str], str], *, currency: str, look: Palette
) -> go.Figure:
    """One mark per machine whose CPU was measured: CPU to the right, cost up, size by hours; each can be clicked.

    The cost axis is logarithmic: a few machines cost hundreds of times what others do.

    Args:
        machines: with cpu_percent and a positive amount.
        names: what they are called, by (cluster or warehouse, workspace/id).
        currency: of the amounts.
        look: the palette.
    """
    figure = go.Figure()
    longest = max((float(one.up_hours or 0) for one in machines), default=0.0) or 1.0
    for kind, label in words.KINDS.items():
        shown = [one for one in machines if one.kind == kind]
        if not shown:
            continue
        figure.add_scatter(
            name=label,
            mode="markers",
            x=[float(one.cpu_percent or 0) / 100 for one in shown],
            y=[float(one.amount or 0) for one in shown],
            customdata=[
                (
                    one.machine_type,
                    one.id,
                    formats.no_html(names[one.machine_type, one.id]),
                    formats.money(one.amount, currency),
                    words.percent(one.cpu_percent),
                    words.hours(one.up_hours),
                )
                for one in shown
            ],
            marker={
                "color": look.series[_KIND_SLOTS[kind]],
                "symbol": _KIND_SYMBOLS[kind],
                "size": [8 + 22 * (float(one.up_hours or 0) / longest) ** 0.5 for one in shown],
                "opacity": 0.75,
                "line": {"color": look.ground, "width": 1},
            },
            hovertemplate=(
                f"<b>%{{customdata[3]}}</b>  CPU %{{customdata[4]}}<br>%{{customdata[2]}}<br>{label}, "
                "%{customdata[5]} up<extra></extra>"
            ),
        )
    amounts = sorted(float(one.amount or 0) for one in machines)
    if len(amounts) >= 4:
        dear = quantiles(amounts, n=4)[2]
        figure.add_shape(
            type="rect",
            x0=0,
            x1=LOW_CPU / 100,
            y0=dear,
            y1=amounts[-1] * 1.5,
            line={"color": look.high, "width": 1, "dash": "dot"},
            fillcolor=look.high,
            opacity=0.1,
            layer="below",
        )
        figure.add_annotation(
            x=0.003,
            y=1,
            yref="paper",
            xanchor="left",
            yanchor="top",
            text="Low use, high cost",
            showarrow=False,
            font={"color": look.high, "size": 12},
        )
    charts.dress(figure, look, 340, "cost", currency)
    # Clear of the title of the axis.
    figure.update_layout(hovermode="closest", legend={"y": -0.24})
    figure.update_xaxes(title="CPU, mean of the period", tickformat=".0%", rangemode="tozero", showgrid=True)
    figure.update_xaxes(gridcolor=look.grid)
    figure.update_yaxes(type="log", title="Cost")
    return figure


def used_and_idle(
    machines: Sequence[Machine], names: Mapping[tuple[str, str], str], *, currency: str, look: Palette
) -> go.Figure:
    """Horizontal bars, dearest on top: used, idle, and what was not measured; each can be clicked."""
    shown = list(reversed(machines))
    rows = list(range(len(shown)))
    figure = go.Figure()
    zero = Decimal(0)
    for label, tint, pattern, amounts in (
        ("Used", look.series[0], "", [one.used_amount or zero for one in shown]),
        ("Idle", look.high, "/", [one.idle_amount or zero for one in shown]),
        ("Not measured", look.other, ".", [(one.amount or zero) - (one.measured_amount or zero) for one in shown]),
    ):
        if not any(amounts):
            continue
        figure.add_bar(
            name=label,
            orientation="h",
            x=[float(amount) for amount in amounts],
            y=rows,
            customdata=[
                (
                    one.machine_type,
                    one.id,
                    formats.no_html(names[one.machine_type, one.id]),
                    formats.money(amount, currency),
                    formats.percent(amount / one.amount if one.amount else None),
                )
                for one, amount in zip(shown, amounts, strict=True)
            ],
            marker={"color": tint, "pattern": _pattern(pattern, tint, look)},
            hovertemplate=(
                f"<b>%{{customdata[3]}}</b>  %{{customdata[4]}}<br>%{{customdata[2]}}<br>{label}<extra></extra>"
            ),
        )
    charts.dress(figure, look, max(160, 80 + 26 * len(shown)), "cost", currency)
    figure.update_layout(barmode="relative", bargap=0.3, hovermode="closest")
    figure.update_xaxes(
        showgrid=True, gridcolor=look.grid, tickformat="~s", tickprefix=charts.prefix("cost", currency), nticks=5
    )
    figure.update_yaxes(
        showgrid=False,
        tickmode="array",
        tickvals=rows,
        ticktext=[_short(names[one.machine_type, one.id]) for one in shown],
        tickformat=None,
        tickprefix="",
        zeroline=False,
    )
    return figure


def cost_by_day(
    days: Sequence[MachineDay],
    bins: Sequence[date],
    *,
    not_final: Mapping[date, str],
    anomalies: Sequence[date],
    currency: str,
    look: Palette,
) -> go.Figure:
    """Cost of one machine by day: used, idle, not measured; days of anomalies are ringed.

    Args:
        days: of the machine.
        bins: every day of the period.
        not_final: days that may not be judged, with the words for the hover.
        anomalies: first days of anomalies.
        currency: of the amounts.
        look: the palette.
    """
    by_day = {one.usage_date: one for one in days}
    figure = go.Figure()
    for label, tint, pattern in (
        ("Used", look.series[0], ""),
        ("Idle", look.high, "/"),
        ("Not measured", look.other, "."),
    ):
        amounts = [_part(by_day.get(day), label) for day in bins]
        if not any(amounts):
            continue
        figure.add_bar(
            name=label,
            x=list(bins),
            y=[None if amount is None else float(amount) for amount in amounts],
            customdata=[
                (
                    day.isoformat(),
                    formats.money(amount, currency),
                    formats.day(day) + (f"<br>{not_final[day]}" if day in not_final else ""),
                )
                for day, amount in zip(bins, amounts, strict=True)
            ],
            marker={
                "color": tint,
                "pattern": _pattern(["x" if day in not_final else pattern for day in bins], tint, look),
            },
            hovertemplate=f"<b>%{{customdata[1]}}</b><br>{label}<br>%{{customdata[2]}}<extra></extra>",
        )
    marked = [day for day in anomalies if day in by_day and by_day[day].amount is not None]
    if marked:
        figure.add_scatter(
            name="Anomaly begins",
            mode="markers",
            x=marked,
            y=[float(by_day[day].amount or 0) for day in marked],
            marker={"symbol": "diamond-open", "size": 14, "color": look.critical, "line": {"width": 2}},
            hoverinfo="skip",
        )
    charts.dress(figure, look, 280, "cost", currency)
    figure.update_layout(barmode="relative", bargap=0.18 if len(bins) <= 45 else 0.06)
    figure.update_xaxes(tickformat="%d %b")
    return figure


def hours_by_day(days: Sequence[MachineDay], bins: Sequence[date], look: Palette) -> go.Figure:
    """Hours of the whole machine by day, busy and idle; where idle time is not known, up."""
    by_day = {one.usage_date: one for one in days}
    figure = go.Figure()
    for label, tint, pattern in (
        ("Busy", look.series[0], ""),
        ("Idle", look.high, "/"),
        ("Up, idle time not known", look.other, "."),
    ):
        hours = [_hours(by_day.get(day), label) for day in bins]
        if not any(hours):
            continue
        figure.add_bar(
            name=label,
            x=list(bins),
            y=[None if value is None else float(value) for value in hours],
            customdata=[(words.hours(value), formats.day(day)) for day, value in zip(bins, hours, strict=True)],
            marker={"color": tint, "pattern": _pattern(pattern, tint, look)},
            hovertemplate=f"<b>%{{customdata[0]}}</b> {label.lower()}<br>%{{customdata[1]}}<extra></extra>",
        )
    _dress_plain(figure, look, "", " h")
    figure.update_layout(barmode="stack", bargap=0.18 if len(bins) <= 45 else 0.06)
    return figure


def utilization_by_day(days: Sequence[MachineDay], look: Palette) -> go.Figure:
    """CPU and memory by day, in percent; days without telemetry are gaps."""
    figure = go.Figure()
    shown = [one for one in days if one.cpu_percent is not None]
    for label, tint, dash, values in (
        ("CPU", look.series[0], "solid", [one.cpu_percent for one in shown]),
        ("Memory", look.series[1], "dash", [one.mem_percent for one in shown]),
    ):
        figure.add_scatter(
            name=label,
            mode="lines+markers",
            x=[one.usage_date for one in shown],
            y=[None if value is None else float(value) for value in values],
            line={"color": tint, "width": 2, "dash": dash},
            marker={"size": 5},
            customdata=[
                (words.percent(value), formats.day(one.usage_date)) for one, value in zip(shown, values, strict=True)
            ],
            hovertemplate=f"<b>%{{customdata[0]}}</b> {label}<br>%{{customdata[1]}}<extra></extra>",
        )
    _dress_plain(figure, look, ".0f", " %")
    figure.update_yaxes(range=[0, 100])
    return figure


def statements_by_day(days: Sequence[MachineDay], bins: Sequence[date], look: Palette) -> go.Figure:
    """Statements that a warehouse received by day; those that failed apart. Hover names the users."""
    by_day = {one.usage_date: one for one in days}
    figure = go.Figure()
    for label, tint, pattern in (("Statements", look.series[2], ""), ("Failed", look.critical, "/")):
        counts = [_statements(by_day.get(day), label) for day in bins]
        if not any(counts):
            continue
        figure.add_bar(
            name=label,
            x=list(bins),
            y=counts,
            customdata=[
                (formats.day(day), formats.count((by_day[day].users or 0) if day in by_day else 0, "user"))
                for day in bins
            ],
            marker={"color": tint, "pattern": _pattern(pattern, tint, look)},
            hovertemplate=f"<b>%{{y:,}}</b> {label.lower()}<br>%{{customdata[1]}}<br>%{{customdata[0]}}<extra></extra>",
        )
    _dress_plain(figure, look, "~s", "")
    figure.update_layout(barmode="stack", bargap=0.18 if len(bins) <= 45 else 0.06)
    return figure


def by_source(
    amounts: Mapping[str, Mapping[date, Decimal | None]], bins: Sequence[date], *, currency: str, look: Palette
) -> go.Figure:
    """Cost of a warehouse by what sent its statements, idle apart on top."""
    figure = go.Figure()
    order = [name for name in (*_SOURCE_ORDER, "unknown", "idle") if name in amounts]
    for place, name in enumerate(order):
        tint = {"idle": look.high, "unknown": look.other}.get(name, look.series[place % len(look.series)])
        figure.add_bar(
            name=words.SOURCES[name],
            x=list(bins),
            y=[float(amounts[name].get(day) or 0) for day in bins],
            customdata=[(formats.money(amounts[name].get(day), currency), formats.day(day)) for day in bins],
            marker={"color": tint, "pattern": _pattern({"idle": "/", "unknown": "."}.get(name, ""), tint, look)},
            hovertemplate=(f"<b>%{{customdata[0]}}</b><br>{words.SOURCES[name]}<br>%{{customdata[1]}}<extra></extra>"),
        )
    charts.dress(figure, look, 280, "cost", currency)
    figure.update_layout(barmode="relative", bargap=0.18 if len(bins) <= 45 else 0.06)
    figure.update_xaxes(tickformat="%d %b")
    return figure


def _part(day: MachineDay | None, label: str) -> Decimal | None:
    if day is None or day.amount is None:
        return None
    if day.idle_amount is None:
        return day.amount if label == "Not measured" else None
    return {"Used": day.amount - day.idle_amount, "Idle": day.idle_amount, "Not measured": None}[label]


def _statements(day: MachineDay | None, label: str) -> int | None:
    if day is None or day.executions is None:
        return None
    failed = day.failed_count or 0
    return failed if label == "Failed" else day.executions - failed


def _hours(day: MachineDay | None, label: str) -> Decimal | None:
    if day is None or day.up_hours is None:
        return None
    if day.idle_hours is None:
        return day.up_hours if label == "Up, idle time not known" else None
    parts = {"Busy": max(day.up_hours - day.idle_hours, Decimal(0)), "Idle": day.idle_hours}
    return parts.get(label)


def _pattern(shape: str | list[str], tint: str, look: Palette) -> dict[str, object]:
    return {
        "shape": shape,
        "solidity": 0.35,
        "size": 6,
        "fgcolor": look.ground,
        "bgcolor": tint,
        "fillmode": "replace",
    }


def _dress_plain(figure: go.Figure, look: Palette, tickformat: str, suffix: str) -> None:
    charts.dress(figure, look, 240, "dbu", "")
    figure.update_yaxes(tickformat=tickformat, tickprefix="", ticksuffix=suffix, rangemode="tozero")
    figure.update_xaxes(tickformat="%d %b")


def _short(name: str) -> str:
    return formats.no_html(name if len(name) <= 28 else f"{name[:27]}…")
