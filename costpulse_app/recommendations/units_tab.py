"""What one of something costs: a job run, a query, an hour of a warehouse, a person who works."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import streamlit as st

from costpulse_app import charts, formats, parts, queries
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_app.recommendations import chart, reads, words
from costpulse_app.recommendations.reads import ResourceUnitCost, UnitCost
from costpulse_assets.costs.spend import NONE
from costpulse_assets.periods import Period


def show(made: Frame, version: Version, unit: str) -> None:
    """Draw the tab."""
    last, workspaces = made.last_final, made.filters.ids("workspace")
    if last is None:
        st.info("No day is final yet.", icon=":material/hourglass_top:")
        return
    found = reads.unit_costs(version, last, workspaces)
    if not found:
        st.info(
            "Nothing is counted for these workspaces yet, or it is not yours to see: what one costs is known for the "
            "whole account, not by team.",
            icon=":material/info:",
        )
        return
    window = Period(date.fromordinal(last.toordinal() - reads.UNIT_DAYS + 1), last)
    weeks = reads.unit_cost_weeks(version, last, workspaces)
    st.caption(
        f"{formats.days(window)} against the {reads.UNIT_DAYS} days before, final days only: cost divided by number, "
        "both added up first. Units overlap and are not to be added up. Of the filters, only workspaces apply."
    )
    overview(made, found, weeks)
    st.segmented_control(
        "Unit", list(words.UNITS), format_func=words.UNITS.__getitem__, key="r_unit", required=True, width="content"
    )
    trend(made, unit, weeks.get(unit, {}))
    dearest(made, version, unit, reads.dearest(version, unit, last, workspaces))


def each(amount: Decimal | None, currency: str) -> str:
    """The cost of one; what is small keeps its digits: $0.0042."""
    if amount is None or abs(amount) >= 1 or amount == 0:
        return formats.money(amount, currency)
    if abs(amount) < Decimal("0.0001"):
        return f"<{formats.symbol(currency)}0.0001"
    return f"{formats.symbol(currency)}{amount.quantize(Decimal('0.0001')):f}"


def overview(made: Frame, found: Mapping[str, UnitCost], weeks: Mapping[str, Mapping[date, Decimal | None]]) -> None:
    """Every unit in one line, with its trend."""
    rows = []
    for name, label in words.UNITS.items():
        one = found.get(name)
        if one is None:
            continue
        rows.append(
            {
                "Cost of one": f"{label}{' and day' if name == 'active user' else ''}",
                "Now": each(one.each, made.currency),
                "Before": each(one.each_before, made.currency),
                "Change": _change(one),
                "Cost": one.cost_usd,
                "Number": round(one.units, 1),
                # Floats in pictures only; the exact figures are beside it.
                "By week": [float(amount) for amount in weeks.get(name, {}).values() if amount is not None],
            }
        )
    parts.table(
        rows,
        key="units_rows",
        alt="What one of each unit costs now and before",
        columns={
            "Now": st.column_config.TextColumn(alignment="right"),
            "Before": st.column_config.TextColumn(alignment="right"),
            "Change": st.column_config.TextColumn(alignment="right"),
            "Cost": parts.money_column(made.currency),
            "Number": st.column_config.NumberColumn(format="localized"),
            "By week": st.column_config.LineChartColumn(width="medium", y_min=0),
        },
        height="content",
    )
    st.caption(
        "Runs cost what is billed for them, or their share by time of what they shared; a successful run bears the "
        "failed ones. A query bears the idle time of its warehouse. An active user bears the whole bill of the day: "
        "machines have no users."
    )


def trend(made: Frame, unit: str, weeks: Mapping[date, Decimal | None]) -> None:
    """The chosen unit by week."""
    st.subheader(f"Cost {words.PER[unit]}, by week", anchor=False)
    if len(weeks) < 2:
        st.caption("There are fewer than two whole weeks of it.")
        return
    written = {week: each(amount, made.currency) for week, amount in weeks.items()}
    st.plotly_chart(
        chart.by_week(
            weeks,
            per=words.PER[unit],
            each=written,
            currency=made.currency,
            look=charts.palette(st.context.theme.type),
        ),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key=f"unit_chart_{unit}",
        alt=f"Cost {words.PER[unit]} by week, line",
    )
    with st.expander("Show as table", key="weeks_table"):
        parts.table(
            [{"Week from": week, f"Cost {words.PER[unit]}": written[week]} for week in reversed(written)],
            key=f"weeks_rows_{unit}",
            alt=f"Cost {words.PER[unit]} by week",
        )


def dearest(made: Frame, version: Version, unit: str, found: list[ResourceUnitCost]) -> None:
    """The resources whose unit costs most, by name, and as a file."""
    kind = "workspaces" if unit == "active user" else "warehouses" if unit in ("query", "warehouse hour") else "jobs"
    st.subheader(f"Dearest {kind} {words.PER[unit]}", anchor=False)
    if not found:
        st.caption("There was none in these days.")
        return
    names = _names(made, version, found)
    label = kind.removesuffix("s").capitalize()
    rows = [
        {
            label: name,
            "Workspace": made.names.one("workspace", one.workspace_id),
            "Cost of one": one.each,
            "Before": one.each_before,
            "Change": _change(one),
            "Cost": one.cost_usd,
            "Number": one.units,
        }
        for one, name in zip(found, names, strict=True)
    ]
    exact = st.column_config.NumberColumn(format="%.4f", help=f"In {made.currency}.")
    parts.table(
        rows,
        key=f"dearest_{unit}",
        alt=f"{kind.capitalize()} with the highest cost {words.PER[unit]}",
        columns={
            label: st.column_config.TextColumn(width="medium"),
            "Cost of one": exact,
            "Before": exact,
            "Change": st.column_config.TextColumn(alignment="right"),
            "Cost": parts.money_column(made.currency),
            "Number": st.column_config.NumberColumn(format="localized"),
        },
        height="content",
    )
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        f"cost-per-{unit.replace(' ', '-')}.csv",
        "text/csv",
        icon=":material/download:",
        key=f"dearest_csv_{unit}",
        on_click="ignore",
    )


def _names(made: Frame, version: Version, found: list[ResourceUnitCost]) -> list[str]:
    if found[0].resource_type == "workspace":
        return [made.names.one("workspace", one.workspace_id) for one in found]
    dimension = found[0].resource_type
    ids = [NONE if one.resource_id is None else f"{one.workspace_id or ''}/{one.resource_id}" for one in found]
    known = queries.resource_names(version, dimension, tuple(sorted(set(ids) - {NONE})))
    called = made.names.all(dimension, [(group, known.get(group)) for group in ids])
    return ["Runs without a job" if group == NONE else called[group] for group in ids]


def _change(one: UnitCost) -> str:
    return formats.delta(one.each, one.each_before) if _is_large(one) else _small_change(one)


def _is_large(one: UnitCost) -> bool:
    return one.each_before is None or abs(one.each_before) >= 1


def _small_change(one: UnitCost) -> str:
    # A price of cents has a change worth saying, unlike a total of cents.
    if one.each is None or not one.each_before:
        return ""
    return formats.signed_percent((one.each - one.each_before) / abs(one.each_before))
