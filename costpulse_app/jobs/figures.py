"""Figures of jobs: small multiples of the largest, and the runs of one by cost and time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from costpulse_app import charts, formats
from costpulse_app.charts import Palette
from costpulse_app.jobs import words
from costpulse_app.jobs.reads import Run

_COLUMNS = 4
_LONGEST_TITLE = 26
#: Of the height of a row.
_TITLE_SHARE = 0.2
#: Shape first, colour beside it.
_SHAPES = {
    "succeeded": "circle",
    "failed": "x",
    "timed_out": "triangle-down",
    "error": "cross",
    "cancelled": "square",
    "canceled": "square",
    "skipped": "diamond-open",
    "blocked": "diamond-open",
    "no end yet": "circle-open",
    "not known": "circle-open-dot",
}
_BAD = frozenset({"failed", "timed_out", "error"})


@dataclass(frozen=True)
class Trend:
    """Cost of one job by the first day of each bin."""

    job: str
    name: str
    amounts: Mapping[date, Decimal]


def small_multiples(
    trends: Sequence[Trend],
    bins: Sequence[date],
    *,
    not_final: Mapping[date, str],
    currency: str,
    look: Palette,
) -> go.Figure:
    """One small chart a job, on one scale; customdata of a bar is (job, first day, ...).

    Args:
        trends: largest first.
        bins: first day of each bin.
        not_final: bins with days that are not final, with the words for the hover.
        currency: of the amounts.
        look: the palette.
    """
    rows = -(-len(trends) // _COLUMNS)
    axes: dict[str, object] = {}
    titles: list[dict[str, object]] = []
    bars: list[dict[str, object]] = []
    hatched = ["/" if day in not_final else "" for day in bins]
    # As plain dictionaries, which plotly checks once: its own subplots take a tenth of a second for a dozen.
    for number, trend in enumerate(trends):
        row, column = divmod(number, _COLUMNS)
        axis = str(number + 1) if number else ""
        left, top = column / _COLUMNS, 1 - row / rows
        height = (1 - _TITLE_SHARE) / rows
        axes[f"xaxis{axis}"] = {
            "domain": [left + 0.01, left + 1 / _COLUMNS - 0.01],
            "anchor": f"y{axis}",
            # Days are the same everywhere: they stand below the last chart of each column.
            "showticklabels": number + _COLUMNS >= len(trends),
        }
        axes[f"yaxis{axis}"] = {
            "domain": [top - 1 / rows + 0.02, top - 1 / rows + height - 0.02],
            "anchor": f"x{axis}",
            "showticklabels": column == 0,
            **({"matches": "y"} if number else {}),
        }
        titles.append(
            {
                "text": formats.no_html(_shortened(trend.name)),
                "x": left + 0.01,
                "y": top - 1 / rows + height - 0.01,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 12, "color": look.text},
            }
        )
        bars.append(
            {
                "type": "bar",
                "name": formats.no_html(trend.name),
                "xaxis": f"x{axis}",
                "yaxis": f"y{axis}",
                "x": list(bins),
                "y": [float(trend.amounts.get(day, 0)) for day in bins],
                "customdata": [
                    (
                        trend.job,
                        day.isoformat(),
                        formats.money(trend.amounts.get(day, Decimal(0)), currency),
                        formats.day(day) + (f"<br>{not_final[day]}" if day in not_final else ""),
                    )
                    for day in bins
                ],
                "marker": {
                    "color": look.series[0],
                    "line": {"width": 0},
                    "pattern": {
                        "shape": hatched,
                        "solidity": 0.35,
                        "size": 6,
                        "fgcolor": look.ground,
                        "bgcolor": look.series[0],
                        "fillmode": "replace",
                    },
                },
                "hovertemplate": f"<b>%{{customdata[2]}}</b><br>{formats.no_html(trend.name)}"
                "<br>%{customdata[3]}<extra></extra>",
            }
        )
    figure = go.Figure(data=bars, layout={**axes, "annotations": titles, "bargap": 0.1})
    charts.dress(figure, look, 20 + 150 * rows, "cost", currency)
    figure.update_layout(showlegend=False)
    middle = bins[len(bins) // 2]
    figure.update_xaxes(tickformat="%d %b", tickmode="array", tickvals=[bins[0], middle])
    figure.update_yaxes(rangemode="tozero", nticks=3)
    return figure


def runs(found: Sequence[Run], *, currency: str, look: Palette) -> go.Figure:
    """A dot per run by its start: cost above, with a shape for its result, and below how long it took.

    Runs without a cost are at the bottom line; those that only the bill knows stand at midnight of their first day.
    customdata of a dot is (run, ...).
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.66, 0.34], vertical_spacing=0.06)
    for result in dict.fromkeys(name for name in (*words.RESULTS, *(run.result for run in found))):
        shown = [run for run in found if run.result == result]
        if not shown:
            continue
        figure.add_scatter(
            name=words.result(result),
            x=[began(run) for run in shown],
            y=[float(run.amount or 0) for run in shown],
            mode="markers",
            marker={"symbol": _SHAPES.get(result, "star"), "size": 9, "color": _tint(result, look)},
            customdata=[
                (
                    run.run_id,
                    formats.money(run.amount, currency),
                    f"{words.result(result)}, {words.duration(run.duration_seconds) or 'time not known'}",
                    formats.moment(began(run)) if run.started_at else formats.day(run.first_usage_date),
                )
                for run in shown
            ],
            hovertemplate="<b>%{customdata[1]}</b><br>%{customdata[2]}<br>%{customdata[3]}<extra></extra>",
            row=1,
            col=1,
        )
    timed = sorted((run for run in found if run.duration_seconds is not None), key=began)
    figure.add_scatter(
        name="Duration",
        x=[began(run) for run in timed],
        y=[(run.duration_seconds or 0) / 60 for run in timed],
        mode="lines+markers" if len(timed) == 1 else "lines",
        line={"width": 2, "color": look.muted},
        customdata=[words.duration(run.duration_seconds) for run in timed],
        hovertemplate="<b>%{customdata}</b><br>%{x}<extra></extra>",
        row=2,
        col=1,
    )
    charts.dress(figure, look, 400, "cost", currency)
    figure.update_xaxes(tickformat="%d %b")
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(tickprefix="", tickformat=None, ticksuffix=" min", nticks=4, row=2, col=1)
    return figure


def began(run: Run) -> datetime:
    """When it started; the first midnight of a run that only the bill knows."""
    return run.started_at or datetime.combine(run.first_usage_date, time(), tzinfo=UTC)


def _tint(result: str, look: Palette) -> str:
    if result == "succeeded":
        return look.series[0]
    return look.critical if result in _BAD else look.medium


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_TITLE else f"{name[: _LONGEST_TITLE - 1]}…"
