"""The figures of the page: savings by kind, the cost of what is billed before and after, and what one costs by week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import plotly.graph_objects as go

from costpulse_app import charts, formats
from costpulse_app.charts import Palette
from costpulse_app.recommendations.reads import Outcome
from costpulse_assets.periods import Period

#: A bar that is alone in its series would have no width.
_BAR = timedelta(days=0.85) / timedelta(milliseconds=1)


@dataclass(frozen=True)
class KindSaving:
    """Savings per month of one kind of recommendation: open, and accepted but not done."""

    type: str
    title: str
    open: Decimal
    accepted: Decimal


def by_kind(kinds: Sequence[KindSaving], *, currency: str, look: Palette) -> go.Figure:
    """Horizontal bars, largest on top; each carries its type as customdata, so that a click can be followed."""
    shown = list(reversed(kinds))
    rows = list(range(len(shown)))
    figure = go.Figure()
    for name, tint, pattern, amounts in (
        ("Open", look.series[0], "", [one.open for one in shown]),
        ("Accepted, not done yet", look.good, "/", [one.accepted for one in shown]),
    ):
        if name != "Open" and not any(amounts):
            continue
        figure.add_bar(
            name=name,
            orientation="h",
            x=[float(amount) for amount in amounts],
            y=rows,
            customdata=[
                (one.type, formats.money(amount, currency), formats.no_html(one.title))
                for one, amount in zip(shown, amounts, strict=True)
            ],
            marker={
                "color": tint,
                "pattern": {
                    "shape": pattern,
                    "solidity": 0.35,
                    "size": 6,
                    "fgcolor": look.ground,
                    "bgcolor": tint,
                    "fillmode": "replace",
                },
            },
            hovertemplate=f"<b>%{{customdata[1]}}</b> per month<br>%{{customdata[2]}}<br>{name}<extra></extra>",
        )
    totals = [float(one.open + one.accepted) for one in shown]
    figure.add_scatter(
        x=totals,
        y=rows,
        mode="text",
        text=["  " + formats.money(one.open + one.accepted, currency) for one in shown],
        textposition="middle right",
        textfont={"color": look.text},
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )
    charts.dress(figure, look, max(150, 70 + 34 * len(shown)), "cost", currency)
    figure.update_layout(barmode="stack", bargap=0.35, hovermode="closest", showlegend=len(figure.data) > 2)
    # Room for the amounts outside the longest bar.
    figure.update_xaxes(
        showgrid=True,
        gridcolor=look.grid,
        tickformat="~s",
        tickprefix=charts.prefix("cost", currency),
        nticks=5,
        range=[0, max(totals, default=0.0) * 1.2 or 1],
    )
    figure.update_yaxes(
        showgrid=False,
        tickmode="array",
        tickvals=rows,
        ticktext=[formats.no_html(one.title) for one in shown],
        tickformat=None,
        tickprefix="",
        zeroline=False,
    )
    return figure


def before_and_after(
    costs: Mapping[date, Decimal | None],
    window: Period,
    *,
    changed_on: date | None,
    outcome: Outcome | None,
    last_final: date | None,
    currency: str,
    look: Palette,
) -> go.Figure:
    """Cost by day: days the saving rests on, the day of the change, and what it would have cost without it.

    Args:
        costs: of what is billed, by day, oldest first.
        window: the days that the saving rests on.
        changed_on: when it was changed; None: it was not.
        outcome: what was measured; None: nothing yet.
        last_final: later days are hatched.
        currency: of the amounts.
        look: the palette.
    """
    figure = go.Figure()
    is_before = changed_on is not None and window.last < changed_on
    rests = f"The {len(window)} days before" if is_before else "Days the saving rests on"

    def part(day: date) -> str:
        if changed_on is not None and day > changed_on:
            return "After the change"
        return rests if day in window else "Other days"

    for name, tint in (
        ("Other days", look.other),
        (rests, look.series[0]),
        ("After the change", look.good),
    ):
        days = [day for day in costs if part(day) == name]
        if not days:
            continue
        figure.add_bar(
            name=name,
            x=days,
            y=[None if (cost := costs[day]) is None else float(cost) for day in days],
            width=_BAR,
            customdata=[(formats.money(costs[day], currency), f"{day:%A}, {formats.day(day)}") for day in days],
            marker={
                "color": tint,
                "pattern": {
                    "shape": ["/" if last_final is None or day > last_final else "" for day in days],
                    "solidity": 0.35,
                    "size": 6,
                    "fgcolor": look.ground,
                    "bgcolor": tint,
                    "fillmode": "replace",
                },
            },
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
        )
    if outcome is not None and outcome.measured_from is not None and outcome.counterfactual_usd is not None:
        _counterfactual(figure, outcome, outcome.measured_from, currency, look)
    charts.dress(figure, look, 300, "cost", currency)
    if changed_on is not None and costs and changed_on >= min(costs):
        figure.add_vline(x=changed_on.isoformat(), line={"color": look.text, "width": 1.5, "dash": "dash"})
        figure.add_annotation(
            x=changed_on.isoformat(), y=1, yref="paper", text="changed", showarrow=False, xanchor="right", xshift=-5,
            font={"color": look.text},
        )  # fmt: skip
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(tickformat="%d %b")
    figure.update_yaxes(rangemode="tozero")
    return figure


def _counterfactual(figure: go.Figure, outcome: Outcome, first: date, currency: str, look: Palette) -> None:
    """What a day would have cost without the change, on average, with its interval."""

    def a_day(amount: Decimal | None) -> float:
        return float((amount or Decimal(0)) / max(outcome.days_after, 1))

    ends = [first, outcome.measured_on]
    line = {"mode": "lines", "hoverinfo": "skip", "line": {"width": 0}}
    figure.add_scatter(x=ends, y=[a_day(outcome.counterfactual_lower_usd)] * 2, showlegend=False, **line)
    figure.add_scatter(
        name="95 of 100 cases",
        x=ends,
        y=[a_day(outcome.counterfactual_upper_usd)] * 2,
        fill="tonexty",
        fillcolor=_faint(look.muted),
        **line,
    )
    mean = (outcome.counterfactual_usd or Decimal(0)) / max(outcome.days_after, 1)
    figure.add_scatter(
        name="Without the change, mean per day",
        x=ends,
        y=[a_day(outcome.counterfactual_usd)] * 2,
        mode="lines",
        line={"width": 2, "dash": "dash", "color": look.text},
        hovertemplate=f"<b>{formats.money(mean, currency)}</b> a day without the change<extra></extra>",
    )


def by_week(
    weeks: Mapping[date, Decimal | None], *, per: str, each: Mapping[date, str], currency: str, look: Palette
) -> go.Figure:
    """What one costs, by week that is over.

    Args:
        weeks: by Monday; None: there was none that week.
        per: what the amount is per, for the hover.
        each: the amounts as they are written.
        currency: of the amounts.
        look: the palette.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=list(weeks),
        y=[None if amount is None else float(amount) for amount in weeks.values()],
        mode="lines+markers",
        line={"color": look.series[0], "width": 3},
        marker={"size": 6, "color": look.series[0]},
        customdata=[(each[week], formats.day(week)) for week in weeks],
        hovertemplate=f"<b>%{{customdata[0]}}</b> {per}<br>week from %{{customdata[1]}}<extra></extra>",
        showlegend=False,
    )
    charts.dress(figure, look, 280, "cost", currency)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(tickformat="%d %b")
    figure.update_yaxes(rangemode="tozero", tickformat="~g" if _small(weeks) else "~s")
    return figure


def _small(weeks: Mapping[date, Decimal | None]) -> bool:
    return max((amount for amount in weeks.values() if amount is not None), default=Decimal(0)) < 10


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"
