"""The change bridge: why a period did not cost what the one before did, as a waterfall with its causes by name."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from costpulse_app import charts, formats, parts, queries
from costpulse_app.forecast import figures, outlook, reads, scopes
from costpulse_app.forecast.figures import Step
from costpulse_app.forecast.reads import BridgeRow
from costpulse_app.parts import Frame
from costpulse_assets.analysis.series import Scope
from costpulse_assets.costs.change_bridge import PARTS, STORED_SCOPES, Part
from costpulse_assets.costs.spend import NAMED_BY_COLLECTION
from costpulse_assets.periods import Period

#: In the order in which they are drawn; the words below the steps, and what each means.
NAMES: Mapping[Part, tuple[str, str]] = {
    "price": ("Price", "List prices changed"),
    "discount": ("Discount", "What is paid of the list price changed"),
    "volume": ("Volume", "More or less was used"),
    "mix": ("Mix", "Dearer or cheaper things were used"),
    "new": ("New", "Resources of this period only"),
    "ended": ("Ended", "Resources of the period before only"),
    "ownership": ("Moved", "Cost moved between teams"),
    "restatements": ("Corrections", "Corrected by Databricks later"),
}
_COMPARISONS = {"month to date": "Month to date", "last month": "Last full month"}
_IN_HOVER = 3
#: Ids that are longer are shown by their end.
_LONGEST = 30


def show(made: Frame, scope: Scope | None = None) -> None:
    """Draw the panel, for a scope; else for everything or the one workspace, team or product of the filters."""
    st.subheader("Why it changed", anchor=False)
    scope = scope or scopes.chosen(made.filters)
    if scope is None or scope.type not in STORED_SCOPES:
        st.caption("The bridge is made for everything, a workspace, a team or a product.")
        return
    # The same words on both prices: the bridge is made at one.
    priced = outlook.at_your_price(made)
    rows = reads.bridge(reads.version(made.version), scope)
    if not rows:
        st.caption(
            "There is no bridge of this yet: it needs all days of both periods to be final, and a run that makes it."
        )
        return
    kept = [comparison for comparison in _COMPARISONS if any(row.comparison == comparison for row in rows)]
    chosen = st.segmented_control(
        "Which periods",
        kept,
        format_func=_COMPARISONS.__getitem__,
        default=kept[0],
        required=True,
        key="bridge_of",
        label_visibility="collapsed",
    )
    parts_of_it = [row for row in rows if row.comparison == chosen]
    below = scope.type == "team" and scope.id in reads.teams_with_teams_below(made.version)
    waterfall(priced, parts_of_it, with_teams_below=below, at_list=made.filters.basis == "list")


def waterfall(made: Frame, rows: Sequence[BridgeRow], *, with_teams_below: bool, at_list: bool) -> None:
    """One comparison: the totals in words, the steps, and their causes below."""
    of_part = {row.part: row for row in rows}
    shown = [of_part[part] for part in PARTS if part in of_part and of_part[part].amount_usd]
    then, now = Period(rows[0].then_first, rows[0].then_last), Period(rows[0].now_first, rows[0].now_last)
    then_usd, now_usd = rows[0].then_usd, rows[0].now_usd
    st.caption(formats.plain(_sentence(made, then, now, then_usd, now_usd, with_teams_below, at_list)))
    if not shown:
        st.caption("Nothing changed.")
        return
    causes = {row.part: _causes(made, row) for row in shown}
    steps = [Step(NAMES[_part(row)][0], row.amount_usd, _hover(made, row, causes[row.part])) for row in shown]
    look = charts.palette(st.context.theme.type)
    with st.container(key="bridge"):
        st.plotly_chart(
            figures.waterfall(
                (_label(then), then_usd), steps, (_label(now), now_usd), currency=made.currency, look=look
            ),
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key="bridge_chart",
            alt=f"Change bridge from {formats.days(then)} to {formats.days(now)}, waterfall",
        )
    st.markdown("\n".join(f"- {_in_words(made, row, causes[row.part])}" for row in shown))
    with st.expander("Show as table", key="bridge_table"):
        rows_of_causes = [line for row in shown for line in _lines(row, causes[row.part])]
        parts.table(
            rows_of_causes,
            key="bridge_rows",
            alt="Parts of the change with their largest causes",
            columns={
                "Cause": st.column_config.TextColumn(width="large"),
                "Adds": parts.money_column(made.currency),
            },
        )
        st.download_button(
            "Download CSV",
            formats.csv_text(rows_of_causes[0], rows_of_causes),
            "change-bridge.csv",
            "text/csv",
            icon=":material/download:",
            key="bridge_csv",
            on_click="ignore",
        )


def _lines(row: BridgeRow, causes: Sequence[tuple[str, Decimal]]) -> list[dict[str, object]]:
    """The largest causes of a part and the rest of it: together they are the part."""
    name = NAMES[_part(row)][0]
    rest = row.amount_usd - sum((amount for _, amount in causes), Decimal(0))
    others = int(row.detail["causes"]) - len(causes)
    lines: list[dict[str, object]] = [{"Part": name, "Cause": cause, "Adds": amount} for cause, amount in causes]
    if others > 0 or rest:
        lines.append({"Part": name, "Cause": f"{others} more", "Adds": rest})
    return lines


def _sentence(
    made: Frame, then: Period, now: Period, then_usd: Decimal, now_usd: Decimal, with_teams_below: bool, at_list: bool
) -> str:
    change = now_usd - then_usd
    share = formats.change_share(now_usd, then_usd)
    percent = f" ({formats.signed_percent(share)})" if share is not None else ""
    said = (
        f"{formats.days(then)}: {formats.money_to_the_cent(then_usd, made.currency)}. {formats.days(now)}: "
        f"{formats.money_to_the_cent(now_usd, made.currency)}, "
        f"{'+' if change > 0 else ''}{formats.money_to_the_cent(change, made.currency)}{percent}. "
        "The parts add up to that."
    )
    if with_teams_below:
        said += " With the teams below it."
    if at_list:
        said += " At your price: the bridge is made at that alone."
    return said


def _label(period: Period) -> str:
    return f"{period.first:%B}" if _is_whole_month(period) else formats.short_days(period)


def _is_whole_month(period: Period) -> bool:
    return period.first.day == 1 and len(period) >= 28 and (period.last.month == period.first.month)


def _part(row: BridgeRow) -> Part:
    return next(part for part in PARTS if part == row.part)


def _causes(made: Frame, row: BridgeRow) -> list[tuple[str, Decimal]]:
    """Name and amount of each of the largest causes."""
    return [(_name(made, cause), Decimal(cause["amount_usd"])) for cause in row.detail["largest"]]


def _name(made: Frame, cause: Mapping[str, Any]) -> str:
    """What a cause is called; ids of all but SKUs are workspace/resource."""
    kind, full = str(cause["type"]), str(cause["id"])
    workspace, _, resource = full.partition("/")
    if kind == "sku":
        return full
    if kind in NAMED_BY_COLLECTION:
        found = queries.resource_names(made.version, kind, (full,)).get(full)
        return f"{kind} {made.names.one(kind, full, found)}"
    if kind == "product":
        return f"{made.names.one('product', resource)} of {made.names.one('workspace', workspace or None)}"
    if kind == "user":
        return resource
    called = resource if len(resource) <= _LONGEST else formats.unnamed(resource)
    return f"{kind.replace('_', ' ').lower()} {called}"


def _hover(made: Frame, row: BridgeRow, causes: Sequence[tuple[str, Decimal]]) -> str:
    name, meaning = NAMES[_part(row)]
    lines = [f"<b>{name} {_signed(made, row.amount_usd)}</b>", meaning]
    lines += [f"{formats.no_html(cause)}: {_signed(made, amount)}" for cause, amount in causes[:_IN_HOVER]]
    return "<br>".join(lines)


def _in_words(made: Frame, row: BridgeRow, causes: Sequence[tuple[str, Decimal]]) -> str:
    """A part with its meaning and its largest causes, as Markdown."""
    name, meaning = NAMES[_part(row)]
    named = [f"{cause} {_signed(made, amount)}" for cause, amount in causes[:_IN_HOVER]]
    more = int(row.detail["causes"]) - len(named)
    if more > 0:
        named.append(f"{more} more")
    days = Decimal(row.detail.get("days_usd", "0"))
    of_days = f" The number of days makes {_signed(made, days)}." if days else ""
    head = formats.plain(f"{name} {_signed(made, row.amount_usd)}")
    return f"**{head}**: " + formats.plain(f"{meaning[0].lower()}{meaning[1:]}.{of_days} Largest: {', '.join(named)}.")


def _signed(made: Frame, amount: Decimal) -> str:
    return f"{'+' if amount > 0 else ''}{formats.money(amount, made.currency)}"
