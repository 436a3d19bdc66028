"""Daily cost by product; days not final are hatched, days to come are a dashed line."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import partial

import streamlit as st

from costpulse_app import charts, filters, formats, parts, queries
from costpulse_app.annotations import listing
from costpulse_app.charts import StandOut
from costpulse_app.filters import View
from costpulse_app.forecast import figures, outlook_tab
from costpulse_app.forecast.outlook import Outlook
from costpulse_app.overview.sums import key as key_of
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import NONE, Windows
from costpulse_assets.periods import Period


def show(
    made: Frame,
    period: Period,
    *,
    found: Outlook | None = None,
    events: Sequence[StandOut] = (),
    teams: Sequence[str] | None = None,
    team: str | None = None,
) -> None:
    """Draw the panel.

    Args:
        made: the frame; its filters say whose cost.
        period: the days.
        found: its forecast, for a dashed line to the end of the month.
        events: anomalies to mark.
        teams: whose remarks are shown beside those for everybody; None: all that may be seen.
        team: the team that a new remark is about, unless another is chosen.
    """
    st.subheader("Daily cost by product", anchor=False)
    windows = Windows(period, made.last_final)
    groups = queries.by_group(made.version, windows, "product", "", made.selection, made.measure)
    groups = [group for group in groups if group.amount(made.measure) is not None]
    if not groups:
        parts.nothing_matches(made)
        return
    groups.sort(key=lambda group: (-(group.amount(made.measure) or 0), group.group_id or NONE))
    look = charts.palette(st.context.theme.type)
    named = [group.group_id or NONE for group in groups[: len(look.series)]]
    bins = queries.by_bin(made.version, period, "day", "product", tuple(named), "", made.selection, made.measure)
    series = [
        charts.Series(
            group,
            made.names.one("product", group),
            {row.bin: row.amount for row in bins if row.group_id == group},
        )
        for group in named
    ]
    others = len(groups) - len(named)
    if others:
        series.append(
            charts.Series(None, f"Other ({others})", {row.bin: row.amount for row in bins if row.group_id is None})
        )
    open_days = made.not_final(period)
    total = sum((row.amount or Decimal(0) for row in bins), Decimal(0))
    note = f"{formats.days(period)}: {formats.money_to_the_cent(total, made.currency)}"
    if open_days:
        so_far = sum((row.amount or Decimal(0) for row in bins if row.bin in open_days), Decimal(0))
        note += (
            f", of which {formats.money_to_the_cent(so_far, made.currency)} on "
            f"{formats.count(len(open_days), 'day')} not final (hatched)"
        )
    st.caption(formats.plain(note))
    figure = charts.stacked_bars(
        series,
        charts.bins_of(period.first, period.last, "day"),
        bin="day",
        colour=charts.colours(named, "product", (), look),
        not_final={day: f"not final, {made.share_in(day)}" for day in open_days},
        measure=made.measure,
        currency=made.currency,
        look=look,
    )
    # Days to come follow on a period that ends today, to the end of the month.
    to_come = found.days_of_month if found is not None and period.last == made.newest else []
    if found is not None and to_come:
        figures.forecast_line(figure, to_come, level=found.landing.level, currency=made.currency, look=look)
    heights = charts.totals(series)
    charts.mark_events(figure, events, heights, look=look)
    remarks = listing.read(period, teams)
    charts.mark_remarks(figure, listing.on_chart(made, remarks), heights, look=look)
    chart_key = key_of("trend", made)
    with st.container(key="trend"):
        st.plotly_chart(
            figure,
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key=chart_key,
            on_select=partial(_open_bar, chart_key, made),
            selection_mode="points",
            alt=f"Daily cost by product, stacked bars, {formats.days(period)}"
            + (", and the forecast of the days to come, dashed" if to_come else "")
            + (f", anomalies marked: {len(events)}" if events else "")
            + (f", days with remarks: {len({remark.usage_date for remark in remarks})}" if remarks else ""),
        )
    listing.show(made, period, remarks, team=team)
    with st.expander("Show as table", key="trend_table"):
        days = charts.bins_of(period.first, period.last, "day")
        rows = [
            {"Day": day, "Final": "yes" if made.is_final(day) else "no"}
            | {one.name: one.amounts.get(day) for one in series}
            for day in days
        ]
        money = {one.name: parts.money_column(made.currency) for one in series}
        parts.table(rows, key="trend_rows", alt="Daily cost by product", columns=money)
        st.download_button(
            "Download CSV",
            formats.csv_text(rows[0], rows),
            "daily-cost-by-product.csv",
            "text/csv",
            icon=":material/download:",
            key="trend_csv",
            on_click="ignore",
        )
        if to_come:
            parts.table(
                outlook_tab.daily_rows(to_come),
                key="to_come",
                alt="Forecast of the days to come with its band",
                columns=dict.fromkeys(("Forecast", "Lower", "Upper"), parts.money_column(made.currency)),
                height="content",
            )


def _open_bar(chart_key: str, made: Frame) -> None:
    point = parts.clicked(chart_key)
    if point is None or point[0] in (figures.TO_COME, charts.REMARK):
        return
    if point[0] == charts.EVENT:
        parts.open_page("anomalies", made.filters.to_query() | {"id": [point[1]]})
        return
    group_id, day = point[0], date.fromisoformat(point[1])
    chosen = made.filters.on(Period(day, day))
    view = View(by="product")
    if group_id:
        chosen, view = filters.drilled(chosen, view, group_id)
    parts.open_explorer(chosen, view)
