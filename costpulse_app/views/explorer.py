"""Cost explorer: where exactly the money went, by anything."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import streamlit as st

from costpulse_app import charts, filters, formats, parts, queries
from costpulse_app.annotations import listing
from costpulse_app.filters import TOPS, Filters, View
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import DIMENSIONS, NONE, Dimension, GroupSpend, Measure, Windows
from costpulse_assets.periods import Period, preceding, previous_comparable

_AMOUNTS: Mapping[Measure, str] = {"cost": "Cost", "list": "List cost", "dbu": "DBU"}
_SHAPES = {"day": "Day", "week": "Week", "month": "Month", "cumulative": "Cumulative"}
_COMPARES = {"previous": "Period before", "month": "Month before", "none": "Nothing"}


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    parts.title("Cost explorer", "Where exactly did the money go?", made)
    view = controls(made)
    measure: Measure = "list" if view.measure == "cost" and made.measure == "list" else view.measure
    windows = _windows(made, view)
    with parts.panel("explorer"):
        groups = queries.by_group(
            made.version, windows, view.by, view.tag_key, made.selection, measure, queries.LARGEST
        )
        if not any(group.in_period for group in groups):
            parts.nothing_matches(made)
        else:
            rest = groups.pop() if groups[-1].further else None
            labels = put_in_order(made, view, measure, groups)
            headline(made, view, windows, measure)
            parts.unpriced_note(made, made.period)
            chart(made, view, windows, measure, groups, rest, labels)
            all_groups(made, view, windows, measure, groups, rest, labels)
    filters.close_session(made.filters, view)


def put_in_order(made: Frame, view: View, measure: Measure, groups: list[GroupSpend]) -> dict[str | None, str]:
    """The largest group first; returns what the groups are called."""
    labels = made.names.all(view.by, [(group.group_id, group.group_name) for group in groups])
    groups.sort(key=lambda group: (-(group.amount(measure) or 0), labels[group.group_id]))
    return labels


def controls(made: Frame) -> View:
    """Grouping, width of the bars, measure, comparison, number of named groups, more filters, link."""
    state = st.session_state
    keys = sorted({key for key, _ in queries.tag_pairs(made.version)})
    if state["v_by"] == "tag" and state["v_key"] not in keys:
        state["v_key"] = keys[0] if keys else None
    with st.container(horizontal=True, key="controls", vertical_alignment="bottom", gap="small"):
        st.selectbox(
            "Group by",
            list(DIMENSIONS),
            format_func=lambda name: DIMENSIONS[name].label,
            key="v_by",
            width=135,
        )
        if state["v_by"] == "tag":
            st.selectbox("Tag key", keys, key="v_key", width=170, placeholder="No tags yet")
        st.segmented_control("Bars", list(_SHAPES), format_func=_SHAPES.__getitem__, key="v_bin", required=True)
        st.segmented_control(
            "Measure", list(_AMOUNTS), format_func=_AMOUNTS.__getitem__, key="v_measure", required=True
        )
        st.selectbox("Compare with", list(_COMPARES), format_func=_COMPARES.__getitem__, key="v_compare", width=150)
        st.selectbox("Top", TOPS, key="v_top", width=80)
    view = filters.taken_view()
    with st.container(horizontal=True, key="way", vertical_alignment="center", gap="small"):
        parts.crumbs(made, view)
        more_filters(made, view)
        with st.popover("Link", icon=":material/link:", key="link"):
            st.markdown("Opens the same view again. Presets such as “Last 30 days” roll on.")
            st.code(parts.link("explorer", made.filters.to_query() | view.to_query()), language=None, wrap_lines=True)
    return view


def more_filters(made: Frame, view: View) -> None:
    """Narrow to values of the dimensions that have no place in the filter bar."""
    with st.popover("Filter", icon=":material/filter_alt:", key="more"):
        dimension = st.selectbox(
            "Narrow by",
            [name for name in filters.PARAMETERS if name not in filters.IN_THE_BAR],
            format_func=lambda name: DIMENSIONS[name].label,
            key="more_dimension",
        )
        others = made.filters.with_only(dimension, []).selection
        windows = Windows(made.period, made.last_final)
        groups = queries.by_group(made.version, windows, dimension, "", others, "cost", queries.LARGEST)
        groups = [group for group in groups if not group.further]
        labels = made.names.all(dimension, [(group.group_id, group.group_name) for group in groups])
        groups.sort(key=lambda group: (-(group.cost_usd or 0), labels[group.group_id]))
        known = [group.group_id or NONE for group in groups]
        taken = made.filters.ids(dimension)
        known += [group for group in taken if group not in known]
        names = {group or NONE: label for group, label in labels.items()}
        chosen = st.multiselect(
            DIMENSIONS[dimension].label,
            known,
            default=list(taken),
            format_func=lambda group: names.get(group, made.names.one(dimension, group)),
            # A new key for other filters: the default is taken only by a new widget.
            key=f"more_{dimension}_{hash(made.filters)}",
            placeholder="All",
        )
        st.button(
            "Apply",
            key="more_apply",
            type="primary",
            disabled=tuple(chosen) == taken,
            on_click=filters.put,
            args=[made.filters.with_only(dimension, chosen)],
        )


def headline(made: Frame, view: View, windows: Windows, measure: Measure) -> None:
    """Total, per day, change, share of the account."""
    (total,) = queries.by_group(made.version, windows, None, "", made.selection, measure)
    amount = total.amount(measure)
    period, before = windows.period, windows.before
    open_days = made.not_final(period)
    final_days = _final_part(made, period)
    so_far = None
    if open_days and amount is not None:
        so_far = amount - (total.final_amount or Decimal(0))
    words = _words(made, measure)
    basis = f"Total {_AMOUNTS[measure].lower() if measure != 'dbu' else 'DBUs'} of {formats.days(period)}."
    with parts.cards("cards"):
        parts.card(
            made,
            "total",
            words(amount),
            full=_exact(amount, measure, made.currency),
            days=basis,
            notes=[f"of which {words(so_far)} on {formats.count(len(open_days), 'day')} not final"]
            if open_days
            else [formats.days(period)],
        )
        per_day = total.final_amount / len(final_days) if total.final_amount is not None and final_days else None
        parts.card(
            made,
            "per_day",
            words(per_day),
            days=f"{formats.days(final_days)}." if final_days else "No day of the period is final.",
            notes=[formats.count(len(final_days), "final day") if final_days else "no final day"],
        )
        difference = formats.change(total.final_amount, total.before_amount) if before and final_days else None
        signed = "" if difference is None else ("+" if difference > 0 else "")
        parts.card(
            made,
            "change",
            f"{signed}{words(difference)}",
            full=_exact(difference, measure, made.currency),
            days=f"{formats.days(final_days)} against {formats.days(before)}."
            if before and final_days
            else "Nothing to compare with.",
            delta=formats.delta(total.final_amount, total.before_amount, measure, made.currency)
            if difference is not None
            else "",
            against=f"vs {formats.short_days(before)}" if before else "",
            notes=[] if difference is not None else [_why_no_change(made, view, windows)],
            good_when_down=measure != "dbu",
        )
        (account,) = queries.by_group(
            made.version, Windows(period, made.last_final), None, "", filters.Filters().selection, measure
        )
        whole = account.amount(measure)
        share = amount / whole if amount is not None and whole else None
        parts.card(
            made,
            "share",
            formats.percent(share),
            days=f"Of {words(whole)} in {formats.days(period)}.",
            notes=[f"of {words(whole)}"],
        )


def chart(
    made: Frame,
    view: View,
    windows: Windows,
    measure: Measure,
    groups: Sequence[GroupSpend],
    rest: GroupSpend | None,
    labels: Mapping[str | None, str],
) -> None:
    """Stacked bars of the named groups and Other, or the running total."""
    period = windows.period
    look = charts.palette(st.context.theme.type)
    title = f"{_AMOUNTS[measure]} by {_by_words(view)}, per {view.bin}"
    if view.shape == "cumulative":
        title = f"{_AMOUNTS[measure]}, running total"
    st.subheader(formats.plain(title), anchor=False)
    if view.shape == "cumulative":
        cumulative(made, windows, measure, look)
        return
    real = [group.group_id for group in groups if group.group_id is not None and group.amount(measure) is not None]
    named = real[: view.top]
    without = any(group.group_id is None and group.amount(measure) is not None for group in groups)
    rows = queries.by_bin(
        made.version,
        period,
        view.bin,
        view.by,
        (*named, *([NONE] if without else [])),
        view.tag_key,
        made.selection,
        measure,
    )
    colour = charts.colours(named, view.by, made.names.ids(view.by), look) | {NONE: look.other}
    series = [
        charts.Series(
            group,
            labels[None if group == NONE else group],
            {row.bin: row.amount for row in rows if row.group_id == group},
        )
        for group in (*named, *([NONE] if without else []))
    ]
    if len(real) > len(named) or (rest and rest.amount(measure) is not None):
        series.append(
            charts.Series(
                None,
                "Other" if rest else f"Other ({len(real) - len(named)})",
                {row.bin: row.amount for row in rows if row.group_id is None},
            )
        )
    figure = charts.stacked_bars(
        series,
        charts.bins_of(period.first, period.last, view.bin),
        bin=view.bin,
        colour=colour,
        not_final=_not_final_bins(made, period, view),
        measure=measure,
        currency=made.currency,
        look=look,
    )
    # A week or month has no day to write on.
    remarks = listing.read(period, listing.of_filters(made)) if view.bin == "day" else []
    charts.mark_remarks(figure, listing.on_chart(made, remarks), charts.totals(series), look=look)
    with st.container(key="chart"):
        st.plotly_chart(
            figure,
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key=_key("chart", made, view),
            on_select=_drill_bar,
            selection_mode="points",
            alt=f"{title}, stacked bars, {formats.days(period)}",
        )
    if view.bin == "day":
        listing.show(made, period, remarks)


def cumulative(made: Frame, windows: Windows, measure: Measure, look: charts.Palette) -> None:
    """The running total of the period over the one it is compared with."""

    def by_day(period: Period) -> dict[date, Decimal]:
        rows = queries.by_bin(made.version, period, "day", None, (), "", made.selection, measure)
        amounts = {row.bin: row.amount or Decimal(0) for row in rows}
        return {day: amounts.get(day, Decimal(0)) for day in period}

    before = windows.before
    figure = charts.cumulative_line(
        by_day(windows.period),
        list(by_day(before).values()) if before else [],
        final_to=made.last_final,
        before_name=formats.days(before) if before else "",
        measure=measure,
        currency=made.currency,
        look=look,
    )
    with st.container(key="chart"):
        st.plotly_chart(
            figure,
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key="chart_cumulative",
            alt=f"Running total, line, {formats.days(windows.period)}",
        )


def all_groups(
    made: Frame,
    view: View,
    windows: Windows,
    measure: Measure,
    groups: Sequence[GroupSpend],
    rest: GroupSpend | None,
    labels: Mapping[str | None, str],
) -> None:
    """All groups, not only the named ones, the smallest in one row when they are many; as CSV every one."""
    shown = _shown(groups)
    total = _total([*shown, rest] if rest else shown, measure)
    dimension = DIMENSIONS[view.by]
    rows = [table_row(made, view, windows, measure, group, labels[group.group_id], total) for group in shown]
    st.session_state["groups_shown"] = [group.group_id or NONE for group in shown]
    count = len(shown)
    if rest:
        count += rest.further
        further = f"{rest.further:,} further {_noun(dimension, rest.further)}"
        rows.append(table_row(made, view, windows, measure, rest, further, total))
    st.subheader("All groups", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", key="table_head"):
        st.caption(
            formats.plain(
                f"{count:,} {_noun(dimension, count)}, "
                f"total {_exact(total, measure, made.currency)}. Choose a row to go one level down."
            )
        )
        st.download_button(
            "Download CSV",
            # Asked for on click only.
            partial(csv_file, made, view, windows, measure),
            f"costpulse-{view.by}-{windows.period.first}-{windows.period.last}.csv",
            "text/csv",
            icon=":material/download:",
            key="csv",
            on_click="ignore",
        )
    name = _name_column(view)
    against = formats.short_days(windows.before) if windows.before else ""
    final = _final_part(made, windows.period)
    judged = f"Final days ({formats.short_days(final)}) against {against}" if final else "No final day"
    money = parts.money_column(made.currency)
    amount = parts.amount_column(measure, made.currency)
    parts.table(
        [{column: _for_screen(column, value) for column, value in row.items()} for row in rows],
        key=_key("groups", made, view),
        alt=f"All {dimension.plural}: {_AMOUNTS[measure]}, share and change, {formats.days(windows.period)}",
        columns={
            name: st.column_config.TextColumn(width="medium"),
            "Id": None,
            _AMOUNTS["cost"]: money,
            _AMOUNTS["list"]: money,
            _AMOUNTS["dbu"]: st.column_config.NumberColumn(format="%,.1f"),
            "Not final": parts.amount_column(measure, made.currency, "What days that are not final hold so far"),
            "Share": st.column_config.ProgressColumn(format="%.1f%%", min_value=0, max_value=100, width=130),
            "Before": parts.amount_column(measure, made.currency, against),
            "Change": parts.amount_column(measure, made.currency, judged),
            "Change %": st.column_config.NumberColumn(format="%.1f%%", help=judged),
        }
        | {_AMOUNTS[measure]: amount},
        on_select=_drill_row,
    )


def csv_file(made: Frame, view: View, windows: Windows, measure: Measure) -> str:
    """The rows of the table with every group by name."""
    groups = queries.every_group(windows, view.by, view.tag_key, made.selection, measure)
    labels = put_in_order(made, view, measure, groups)
    shown = _shown(groups)
    total = _total(shown, measure)
    rows = [table_row(made, view, windows, measure, group, labels[group.group_id], total) for group in shown]
    return formats.csv_text(rows[0], rows)


def table_row(
    made: Frame,
    view: View,
    windows: Windows,
    measure: Measure,
    group: GroupSpend,
    label: str,
    total: Decimal | None,
) -> dict[str, object]:
    """One row of the table and of the CSV, exact values."""
    amount = group.amount(measure)
    row: dict[str, object] = {_name_column(view): label, _AMOUNTS[measure]: amount}
    if made.not_final(windows.period):
        row["Not final"] = None if amount is None else amount - (group.final_amount or Decimal(0))
    row["Share"] = amount / total if amount is not None and total else None
    if windows.before is not None:
        # A group that is on one side only began or ended: nothing is its other side. Unknown stays unknown.
        began, ended = group.before_amount is None, group.final_amount is None
        change = None
        if not (began and ended):
            change = (group.final_amount or Decimal(0)) - (group.before_amount or Decimal(0))
        share = formats.change_share(group.final_amount or Decimal(0), group.before_amount)
        row |= {
            "Before": group.before_amount,
            "Change": change,
            "Change %": None if share is None else share * 100,
        }
    row |= {_AMOUNTS[other]: group.amount(other) for other in _AMOUNTS if other != measure}
    row["Id"] = group.group_id or ""
    return row


def _drill_bar() -> None:
    made, view = parts.frame(), filters.taken_view()
    point = parts.clicked(_key("chart", made, view))
    if point is None or point[0] == charts.REMARK:
        return
    if not point[0]:
        st.toast("Other is many groups: choose one in the table, or name more of them.")
        return
    _drill(made.filters, view, point[0])


def _drill_row() -> None:
    made, view = parts.frame(), filters.taken_view()
    rows = st.session_state[_key("groups", made, view)].selection.rows
    if not rows:
        return
    shown = st.session_state["groups_shown"]
    if rows[0] == len(shown):
        st.toast("That row is many groups: filter to fewer of them, or find them in the CSV.")
        return
    _drill(made.filters, view, shown[rows[0]])


def _drill(chosen: Filters, view: View, group_id: str) -> None:
    narrowed, deeper = filters.drilled(chosen, view, group_id)
    filters.put(narrowed)
    filters.put_view(deeper)


def _windows(made: Frame, view: View) -> Windows:
    """The period, and as many days of the compared one as the period has final days."""
    final = _final_part(made, made.period)
    before = None
    if final is not None and view.compare == "previous":
        whole = preceding(made.period)
        before = Period(whole.first, whole.first + timedelta(days=len(final) - 1))
    elif final is not None and view.compare == "month":
        before = previous_comparable(final)
    return Windows(made.period, made.last_final, before)


def _final_part(made: Frame, period: Period) -> Period | None:
    if made.last_final is None or made.last_final < period.first:
        return None
    return Period(period.first, min(period.last, made.last_final))


def _not_final_bins(made: Frame, period: Period, view: View) -> dict[date, str]:
    """Bins with days that are not final, and how the hover says so."""
    words: dict[date, list[date]] = {}
    for day in made.not_final(period):
        words.setdefault(charts.bins_of(day, day, view.bin)[0], []).append(day)
    return {
        first: f"not final, {made.share_in(days[0])}"
        if view.bin == "day"
        else f"{formats.count(len(days), 'day')} of it not final"
        for first, days in words.items()
    }


def _why_no_change(made: Frame, view: View, windows: Windows) -> str:
    if view.compare == "none":
        return "no comparison chosen"
    if _final_part(made, windows.period) is None:
        return "no day of the period is final"
    return "no data for the days before"


def _words(made: Frame, measure: Measure):  # type: ignore[no-untyped-def]
    return lambda amount: formats.measured(amount, measure, made.currency)


def _exact(amount: Decimal | None, measure: Measure, currency: str) -> str:
    return formats.dbus(amount) if measure == "dbu" else formats.money_to_the_cent(amount, currency)


def _by_words(view: View) -> str:
    return f"tag {view.tag_key}" if view.by == "tag" else DIMENSIONS[view.by].label.lower().replace("sku", "SKU")


def _name_column(view: View) -> str:
    return view.tag_key or "Tag" if view.by == "tag" else DIMENSIONS[view.by].label


def _for_screen(column: str, value: object) -> object:
    """Shares are drawn, not counted with: floats there, in percent; exact values elsewhere."""
    return float(value * 100) if column == "Share" and isinstance(value, Decimal) else value


def _noun(dimension: Dimension, count: int) -> str:
    return dimension.plural if count != 1 else dimension.label.lower()


def _shown(groups: Sequence[GroupSpend]) -> list[GroupSpend]:
    return [group for group in groups if group.in_period or group.before_amount is not None]


def _total(groups: Sequence[GroupSpend], measure: Measure) -> Decimal | None:
    known = [amount for group in groups if (amount := group.amount(measure)) is not None]
    return sum(known, Decimal(0)) if known else None


def _key(name: str, made: Frame, view: View) -> str:
    """A new key for other filters or other data, so that nothing stays selected."""
    return f"{name}_{hash((made.filters, view, made.version))}"


if __name__ == "__main__":
    show()
