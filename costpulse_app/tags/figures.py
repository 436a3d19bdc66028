"""Figures of tag compliance: shares of 100 %, and the score by day. Word, pattern and colour say the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import plotly.graph_objects as go

from costpulse_app import formats
from costpulse_app.charts import Palette, dress

_LONGEST_NAME = 26
#: Share of a bar that has room for its percentage.
_ROOM = 0.07
_ROW, _AROUND = 34, 74
#: In the order of the bar: how a part is drawn; the colour is one of the palette.
_LOOKS = {
    "Compliant": ("good", ""),
    "Valid": ("good", ""),
    "Wrong value": ("medium", "/"),
    "Some keys missing": ("muted", ""),
    "Untagged": ("critical", ""),
    "Missing": ("critical", ""),
}


@dataclass(frozen=True)
class Parts:
    """One bar: amounts by part, in USD, all at least 0 and together above 0."""

    id: str
    name: str
    amounts: Mapping[str, Decimal]


def whole_bars(bars: Sequence[Parts], *, currency: str, look: Palette) -> go.Figure:
    """A horizontal bar of 100 % for each, the first on top.

    Each part carries (id of the bar, part) as customdata, so that a click can be followed.

    Args:
        bars: all with the same parts.
        currency: of the amounts.
        look: the palette.
    """
    figure = go.Figure()
    shown = list(reversed(bars))
    rows = list(range(len(shown)))
    totals = [sum(bar.amounts.values(), Decimal(0)) for bar in shown]
    for part in bars[0].amounts:
        tint, shape = _LOOKS[part]
        colour = getattr(look, tint)
        shares = [bar.amounts[part] / total for bar, total in zip(shown, totals, strict=True)]
        figure.add_bar(
            name=part,
            orientation="h",
            x=[float(share) for share in shares],
            y=rows,
            text=[formats.percent(share) if share >= _ROOM else "" for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": look.ground},
            customdata=[
                (bar.id, part, formats.no_html(bar.name), formats.money(bar.amounts[part], currency),
                 formats.percent(share))
                for bar, share in zip(shown, shares, strict=True)
            ],
            marker={
                "color": colour,
                "line": {"color": look.ground, "width": 1},
                "pattern": {
                    # Sparse: percentages are read on it.
                    "shape": shape, "solidity": 0.1, "size": 12, "fgcolor": look.ground, "bgcolor": colour,
                    "fillmode": "replace",
                },
            },
            hovertemplate="<b>%{customdata[4]}</b>  %{customdata[3]}<br>%{customdata[1]}<br>%{customdata[2]}"
            "<extra></extra>",
        )  # fmt: skip
    dress(figure, look, _AROUND + _ROW * len(bars), "cost", currency)
    figure.update_layout(barmode="stack", bargap=0.3, hovermode="closest", margin={"r": 28})
    figure.update_layout(legend={"y": -60 / (_ROW * len(bars) + 20)})
    figure.update_xaxes(range=[0, 1], tickformat=".0%", tickprefix="", tickvals=[0, 0.25, 0.5, 0.75, 1])
    figure.update_yaxes(
        showgrid=False,
        tickmode="array",
        tickvals=rows,
        ticktext=[_shortened(bar.name) for bar in shown],
        tickformat=None,
        tickprefix="",
        zeroline=False,
    )
    return figure


def score_line(
    days: Sequence[date],
    by_cost: Sequence[Decimal | None],
    by_resource: Sequence[Decimal | None],
    *,
    look: Palette,
) -> go.Figure:
    """The score by day from 0 to 100 %; a day without a score is a gap."""
    figure = go.Figure()
    for name, shares, line in (
        ("By resources", by_resource, {"color": look.other, "width": 2, "dash": "dot"}),
        ("By dollars", by_cost, {"color": look.good, "width": 3}),
    ):
        figure.add_scatter(
            name=name,
            x=list(days),
            y=[None if share is None else float(share) for share in shares],
            mode="lines+markers" if len(days) == 1 else "lines",
            line=line,
            customdata=[
                (formats.percent(share), formats.day(day)) for share, day in zip(shares, days, strict=True)
            ],
            hovertemplate=f"<b>%{{customdata[0]}}</b> {name.lower()}<br>%{{customdata[1]}}<extra></extra>",
        )  # fmt: skip
    dress(figure, look, 280, "cost", "USD")
    figure.update_layout(legend={"traceorder": "reversed"})
    figure.update_xaxes(tickformat="%d %b")
    figure.update_yaxes(range=[0, 1.03], tickformat=".0%", tickprefix="", tickvals=[0, 0.25, 0.5, 0.75, 1])
    return figure


def _shortened(name: str) -> str:
    return formats.no_html(name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…")
