"""Overview: what we spend, whether it changed, and what to look at first."""

from datetime import date, timedelta
from decimal import Decimal

import streamlit as st

from costpulse_app import bridge, charts, filters, formats, parts, queries
from costpulse_app.filters import View
from costpulse_app.forecast import figures, outlook, outlook_tab, reads, scopes
from costpulse_app.forecast.outlook import Outlook
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import DIMENSIONS, NONE, GroupSpend, Windows
from costpulse_assets.periods import (
    Period,
    first_of_previous_month,
    month_to_date,
    previous_comparable,
    run_rate,
    same_weekdays,
    whole_month,
)

_BREAKDOWNS = ("workspace", "product", "sku", "user", "team")
_MOVER_KINDS = ("workspace", "product", "sku", "user", "job")
_BARS = 10
_MOVERS = 10
_SPARK_DAYS = 30


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    filters.close_session(made.filters, None)
    parts.title("Overview", "What do we spend, and what changed?", made)
    parts.crumbs(made, None)
    if made.last_final is None:
        st.info("No day is final yet: figures that judge or compare follow with the first final day.")
        with parts.panel("trend"):
            trend(made)
        return
    month = month_to_date(made.last_final)
    windows = Windows(month, made.last_final, previous_comparable(month))
    with parts.panel("matches"):
        if _total(made, windows) is None and _total(made, Windows(made.period, made.last_final)) is None:
            parts.nothing_matches(made)
            return
    found = None
    with parts.panel("month_forecast"):
        found = forecast(made)
    with parts.panel("cards"):
        headline(made, made.last_final, windows, found)
    with parts.panel("unpriced"):
        parts.unpriced_note(made, Period(windows.period.first, made.newest))
    with parts.panel("trend"):
        trend(made, found)
    with parts.panel("bridge"):
        bridge.show(made)
    with parts.panel("movers"):
        movers(made, made.last_final, windows)
    with parts.panel("breakdown"):
        breakdown(made, windows)


def forecast(made: Frame) -> Outlook | None:
    """The newest forecast of exactly the rows that the page is about, at the price that it is in; else None."""
    scope = scopes.chosen(made.filters)
    if scope is None or made.filters.basis == "list":
        return None
    version = reads.version(made.version)
    # The other figures of the page are of the team alone, a forecast is of all below it too.
    if scope.type == "team" and scope.id in reads.teams_with_teams_below(version):
        return None
    return outlook.read(made, version, scope)


def headline(made: Frame, final: date, windows: Windows, found: Outlook | None) -> None:
    """The four cards: month to date, month forecast (a run-rate where there is none), DBUs, last final day."""
    month, before = windows.period, windows.before
    recent = Period(final - timedelta(days=_SPARK_DAYS - 1), made.newest)
    cost_by_day = _by_day(made, recent)
    dbus_by_day = _by_day(made, recent, dbus=True)
    total = _total(made, windows)
    dbus = _total(made, windows, dbus=True)
    last_month = whole_month(first_of_previous_month(final))
    whole = _total(made, Windows(last_month, last_month.last))

    compared = f"vs {formats.short_days(before)}" if before else ""
    covered = f"{formats.days(month)}, compared with {formats.days(before)}." if before else ""
    spark = [float(cost_by_day.get(day) or 0) for day in recent if day <= final]
    dbu_spark = [float(dbus_by_day.get(day) or 0) for day in recent if day <= final]
    money = made.currency
    # Days of the new month have begun to arrive while the newest final day is still in the month before.
    between_months = (made.newest.year, made.newest.month) != (final.year, final.month)
    open_days = Period(made.newest.replace(day=1) if between_months else month.first, made.newest)
    open_note = parts.not_final_note(made, open_days, cost_by_day, made.measure)
    as_of = _as_of(made, final)

    with parts.cards("cards"):
        spent = total.final_amount if total else None
        then = total.before_amount if total else None
        if between_months:
            for metric in ("month_to_date", *(() if found else ("run_rate",))):
                parts.card(
                    made,
                    metric,
                    formats.UNKNOWN,
                    days=f"{made.newest:%B %Y} has no final day yet.",
                    notes=["No final day yet this month", open_note],
                )
            if found:
                _month_forecast(made, found)
        else:
            parts.card(
                made,
                "month_to_date",
                formats.money(spent, money),
                full=formats.money_to_the_cent(spent, money),
                days=covered,
                delta=formats.delta(spent, then, made.measure, money),
                against=compared,
                spark=spark,
                notes=[*([open_note] if open_note else []), *as_of],
            )
            rate = None if spent is None else run_rate(spent, final)
            last = whole.final_amount if whole else None
            if found:
                _month_forecast(made, found)
            else:
                parts.card(
                    made,
                    "run_rate",
                    formats.money(rate, money),
                    full=formats.money_to_the_cent(rate, money),
                    days=f"{formats.days(month)} carried on to the end of {final:%B}.",
                    delta=formats.delta(rate, last, made.measure, money),
                    against=f"vs {last_month.first:%B}",
                    notes=[
                        f"Not a forecast: {formats.money(spent, money)} in {formats.count(final.day, 'day')}, "
                        f"carried on evenly",
                        *as_of,
                    ],
                )
        used = dbus.final_amount if dbus else None
        parts.card(
            made,
            "dbus",
            formats.dbus(used),
            days=covered,
            delta=formats.delta(used, dbus.before_amount if dbus else None, "dbu"),
            against=compared,
            spark=dbu_spark,
            notes=as_of,
            good_when_down=False,
        )
        on_day = cost_by_day.get(final)
        weekdays = [cost_by_day.get(day) for day in same_weekdays(final) if day in made.days]
        priced = [amount for amount in weekdays if amount is not None]
        usual = sum(priced, Decimal(0)) / len(priced) if len(priced) == len(same_weekdays(final)) else None
        parts.card(
            made,
            "last_final_day",
            formats.money(on_day, money),
            full=formats.money_to_the_cent(on_day, money),
            days=f"{final:%A}, {formats.day(final)}, compared with the four {final:%A}s before"
            + (f" (mean {formats.money(usual, money)})." if usual is not None else "."),
            delta=formats.delta(on_day, usual, made.measure, money),
            against=f"vs {final:%A}s",
            spark=spark,
            notes=[f"{final:%A}, {formats.day(final)}", *as_of],
        )


def _month_forecast(made: Frame, found: Outlook) -> None:
    """Where the month lands, with its band, and how much of the budget that is."""
    landing, currency = found.landing, made.currency
    aged = outlook.made_on(made, landing)
    budget = reads.budget_of(reads.version(made.version), scopes.chosen(made.filters))
    notes = [outlook.band(made, landing)]
    if budget is not None and budget.period == whole_month(landing.month):
        notes.append(f"{formats.percent(landing.predicted_cost / budget.amount)} of the budget")
    parts.card(
        made,
        "month_forecast",
        formats.money(landing.predicted_cost, currency),
        full=formats.money_to_the_cent(landing.predicted_cost, currency),
        days=f"{landing.month:%B %Y}, from what was final on {formats.day(landing.data_until)}.",
        delta=formats.delta(landing.predicted_cost, found.month_before, "cost", currency),
        against=f"vs {first_of_previous_month(landing.month):%B}",
        notes=[*notes, *([aged] if aged else _as_of(made, landing.data_until))],
    )


def trend(made: Frame, found: Outlook | None = None) -> None:
    """Daily cost by product in the chosen period; days not final are hatched, days to come are a dashed line."""
    period = made.period
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
    with st.container(key="trend"):
        st.plotly_chart(
            figure,
            width="stretch",
            config=charts.CONFIG,
            key=_key("trend", made),
            on_select=_open_bar,
            selection_mode="points",
            alt=f"Daily cost by product, stacked bars, {formats.days(period)}"
            + (", and the forecast of the days to come, dashed" if to_come else ""),
        )
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


def breakdown(made: Frame, windows: Windows) -> None:
    """Who spent the month to date: the ten largest, Other, and a tick for the same days last month."""
    st.subheader("Month to date by", anchor=False)
    by = st.segmented_control(
        "Month to date by",
        _BREAKDOWNS,
        format_func=lambda name: DIMENSIONS[name].label,
        default=_BREAKDOWNS[0],
        required=True,
        key="breakdown_by",
        label_visibility="collapsed",
    )
    groups = queries.by_group(made.version, windows, by, "", made.selection, made.measure)
    if not groups:
        st.caption("No cost in these days.")
        return
    labels = made.names.all(by, [(group.group_id, group.group_name) for group in groups])
    groups.sort(key=lambda group: (-(group.final_amount or 0), labels[group.group_id]))
    shown, rest = groups[:_BARS], groups[_BARS:]
    bars = [
        charts.Bar(group.group_id or NONE, labels[group.group_id], group.final_amount, group.before_amount)
        for group in shown
    ]
    look = charts.palette(st.context.theme.type)
    colour = charts.colours([bar.group_id for bar in bars if bar.group_id != NONE], by, made.names.ids(by), look)
    if by != "product":
        # One colour: here the length says it all, and names stand at the bars.
        colour = dict.fromkeys(colour, look.series[0])
    if rest:
        bars.append(charts.Bar("", f"Other ({len(rest)})", _sum(rest, "final_amount"), _sum(rest, "before_amount")))
    total = formats.money_to_the_cent(_sum(groups, "final_amount"), made.currency)
    st.caption(
        formats.plain(
            f"{formats.days(windows.period)}: {total}. The tick marks "
            f"{formats.short_days(windows.before) if windows.before else ''}."
        )
    )
    with st.container(key="breakdown"):
        st.plotly_chart(
            charts.ranked_bars(bars, colour=colour, measure=made.measure, currency=made.currency, look=look),
            width="stretch",
            config=charts.CONFIG,
            key=_key(f"breakdown_{by}", made),
            on_select=_open_group,
            selection_mode="points",
            alt=f"Month to date by {DIMENSIONS[by].label.lower()}, bars, {formats.days(windows.period)}",
        )


def movers(made: Frame, final: date, windows: Windows) -> None:
    """What changed most, up or down, in dollars."""
    st.subheader("Biggest movers", anchor=False)
    found = []
    for kind in _MOVER_KINDS:
        groups = queries.by_group(made.version, windows, kind, "", made.selection, made.measure)
        labels = made.names.all(kind, [(group.group_id, group.group_name) for group in groups])
        # "No job" and the like are not things that move.
        found += [
            (kind, labels[group.group_id], group, _moved(group))
            for group in groups
            if group.group_id is not None and _moved(group)
        ]
    found.sort(key=lambda mover: (-abs(mover[3]), mover[1]))
    found = found[:_MOVERS]
    if not found:
        st.caption("Nothing changed between the two periods.")
        return
    recent = Period(final - timedelta(days=_SPARK_DAYS - 1), final)
    lines: dict[tuple[str, str], list[float]] = {}
    for kind in _MOVER_KINDS:
        ids = tuple(group.group_id or "" for of_kind, _, group, _ in found if of_kind == kind)
        if not ids:
            continue
        amounts = {
            (row.group_id, row.bin): row.amount
            for row in queries.by_bin(made.version, recent, "day", kind, ids, "", made.selection, made.measure)
        }
        for group_id in ids:
            lines[kind, group_id] = [float(amounts.get((group_id, day)) or 0) for day in recent]
    st.caption(
        formats.plain(
            f"{formats.days(windows.period)} against {formats.days(windows.before)}"
            if windows.before
            else formats.days(windows.period)
        )
    )
    rows = [
        {
            "Name": name,
            "Month to date": group.final_amount,
            "Change": moved,
            "Change %": _percent(group),
            "Kind": DIMENSIONS[kind].label,
            "Before": group.before_amount,
            "30 days": lines[kind, group.group_id or ""],
        }
        for kind, name, group, moved in found
    ]
    money = parts.money_column(made.currency)
    st.session_state["movers_shown"] = [(kind, group.group_id) for kind, _, group, _ in found]
    parts.table(
        rows,
        key=_key("movers", made),
        alt="Biggest movers: month to date against the same days of the month before",
        columns={
            "Name": st.column_config.TextColumn(width="medium"),
            "Kind": st.column_config.TextColumn(width="small"),
            "Month to date": money,
            "Before": money,
            "Change": money,
            "Change %": st.column_config.NumberColumn(format="%.1f%%"),
            "30 days": st.column_config.AreaChartColumn(width="small", help="Cost per day, final days only"),
        },
        on_select=_open_mover,
        height="content",
    )
    st.caption("Choose a row to open it in the cost explorer.")


def _open_bar() -> None:
    made = parts.frame()
    point = parts.clicked(_key("trend", made))
    if point is None or point[0] == figures.TO_COME:
        return
    group_id, day = point[0], date.fromisoformat(point[1])
    chosen = made.filters.on(Period(day, day))
    view = View(by="product")
    if group_id:
        chosen, view = filters.drilled(chosen, view, group_id)
    parts.open_explorer(chosen, view)


def _open_group() -> None:
    by = st.session_state["breakdown_by"]
    point = parts.clicked(_key(f"breakdown_{by}", parts.frame()))
    if point is not None:
        _open_month(by, point[0])


def _open_mover() -> None:
    rows = st.session_state[_key("movers", parts.frame())].selection.rows
    if rows:
        _open_month(*st.session_state["movers_shown"][rows[0]])


def _open_month(by: str, group_id: str) -> None:
    """The month to date in the explorer, narrowed to a group; an empty id shows them all."""
    made = parts.frame()
    assert made.last_final is not None
    chosen = made.filters.on(month_to_date(made.last_final))
    view = View(by=by, compare="month")
    if group_id:
        chosen, view = filters.drilled(chosen, view, group_id)
    parts.open_explorer(chosen, view)


def _key(name: str, made: Frame) -> str:
    """A new key for other filters or other data, so that nothing stays selected."""
    return f"{name}_{hash((made.filters, made.version))}"


def _by_day(made: Frame, period: Period, *, dbus: bool = False) -> dict[date, Decimal | None]:
    measure = "dbu" if dbus else made.measure
    rows = queries.by_bin(made.version, period, "day", None, (), "", made.selection, measure)
    return {row.bin: row.amount for row in rows}


def _total(made: Frame, windows: Windows, *, dbus: bool = False) -> GroupSpend | None:
    measure = "dbu" if dbus else made.measure
    rows = queries.by_group(made.version, windows, None, "", made.selection, measure)
    return rows[0] if rows else None


def _sum(groups: list[GroupSpend], field: str) -> Decimal | None:
    known = [amount for group in groups if (amount := getattr(group, field)) is not None]
    return sum(known, Decimal(0)) if known else None


def _moved(group: GroupSpend) -> Decimal:
    """The change in money; what is missing on one side was or became nothing, what has no price is left out."""
    return (group.final_amount or Decimal(0)) - (group.before_amount or Decimal(0))


def _percent(group: GroupSpend) -> float | None:
    share = formats.change_share(group.final_amount, group.before_amount)
    return None if share is None else float(share * 100)


def _as_of(made: Frame, final: date) -> list[str]:
    """Said on judged cards when the data is old."""
    return [f"as of {formats.day(final)}"] if parts.is_stale(made) else []


if __name__ == "__main__":
    show()
