"""One recommendation: what it is worth and why, how to do it and undo it, its cost by day, and what was decided."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import streamlit as st

from costpulse_app import charts, formats, parts, queries
from costpulse_app.filters import Filters, View
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_app.recommendations import actions, chart, reads, words
from costpulse_app.recommendations.reads import Detail, Outcome, Recommendation
from costpulse_app.recommendations.state import open_one
from costpulse_assets.costs.spend import Selection
from costpulse_assets.periods import Period

#: Days before those that the saving rests on, for the chart.
_DAYS_BEFORE = 30


def show(made: Frame, version: Version, number: int) -> None:
    """Draw the detail."""
    st.button("All recommendations", key="back", icon=":material/arrow_back:", on_click=open_one, args=[None])
    one = next((each for each in reads.recommendations(version) if each.id == number), None)
    more = reads.detail(version, number) if one is not None else None
    if one is None or more is None:
        # The same whether it never was or is out of the viewer's scope.
        st.info("There is no such recommendation, or it is not yours to see.", icon=":material/search_off:")
        return
    outcomes = [each for each in reads.outcomes(version) if each.recommendation_id == number]
    heading(made, one, more)
    figures(made, one, more, outcomes)
    actions.buttons([one], key="detail")
    left, right = st.columns(2, gap="large")
    with left:
        reasons(made, one, more)
    with right:
        instructions(one, more)
    with parts.panel("trend"):
        trend(made, one, outcomes[0] if outcomes else None)
    decisions(made, one, reads.history(version, number))


def heading(made: Frame, one: Recommendation, more: Detail) -> None:
    """What to do, to what, whose it is and how it stands."""
    declared = words.declared(one)
    name = words.resource_names(made, [one])[one.resource_type, one.resource]
    st.subheader(formats.plain(one.title), anchor=False)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge(words.SEVERITIES[one.severity], icon=words.SHAPES[one.severity], color=words.COLOURS[one.severity])
        st.badge(f"{words.CONFIDENCES[one.confidence]} confidence", icon=":material/verified:", color="gray")
        if declared:
            st.badge(f"{words.LEVELS[declared.effort]} effort", icon=":material/construction:", color="gray")
            st.badge(f"{words.LEVELS[declared.risk]} risk", icon=":material/warning:", color="gray")
        if one.status != "open":
            st.badge(formats.plain(words.status(one)), color="blue")
        if one.assigned_to:
            st.badge(formats.plain(one.assigned_to), icon=":material/person:", color="gray")
    workspace = made.names.one("workspace", one.workspace_id)
    # As code: what looks like an address would become a link.
    owner = f" of `{one.person.replace('`', '')}`" if one.person else ""
    about = f"{words.kind(one)}: {words.RESOURCES[one.resource_type].lower()} {name}"
    st.caption(
        formats.plain(about)
        + owner
        + formats.plain(
            f" in {workspace}; team {words.team(made, one.team_id)}. Cost of {formats.days(one.window)}, found first "
            f"on {formats.day(one.found_first_at.date())}."
        )
    )
    if one.gone_at is not None:
        st.caption(formats.plain(f"Not found any more since {formats.moment(one.gone_at)}."))
    if more.status_reason:
        st.caption(formats.plain(f"{one.status.capitalize()}: {more.status_reason}"))
    if more.note:
        st.caption(formats.plain(f"Note: {more.note}"))


def figures(made: Frame, one: Recommendation, more: Detail, outcomes: Sequence[Outcome]) -> None:
    """What it adds, what it saves on its own, what is billed, and apart from these what is no rate of this bill."""
    days = f"{formats.days(one.window)}."
    counted = "already in the saving of another on the same resource" if not one.estimated_savings else "per month"
    share = one.standalone_savings / one.resource_cost_usd if one.resource_cost_usd else None
    with parts.cards("cards"):
        _money_card(made, "counted_saving", one.estimated_savings, days, [counted])
        _money_card(made, "own_saving", one.standalone_savings, days, [f"{formats.percent(share)} of what it costs"])
        _money_card(made, "bearer_cost", one.resource_cost_usd, days, [f"of the {one.bearer_type}, in these 30 days"])
        if one.wasted_usd is not None:
            _money_card(made, "wasted", one.wasted_usd, days, ["gone already; in no saving"])
        if more.vm_savings is not None:
            at = "estimate" if more.vm_savings_source == "estimate" else "at your machine prices"
            _money_card(made, "vm_saving", more.vm_savings, days, [f"{at}; in no other figure"])
        if outcomes:
            newest = outcomes[0]
            between = words.between(
                newest.saving_per_30_days_lower_usd, newest.saving_per_30_days_upper_usd, made.currency
            )
            _money_card(
                made,
                "measured_saving",
                newest.saving_per_30_days_usd,
                f"Measured to {formats.day(newest.measured_on)}.",
                [words.VERDICTS[newest.verdict], *([between] if newest.saving_per_30_days_usd is not None else [])],
            )


def _money_card(made: Frame, metric: str, amount: Decimal | None, days: str, notes: Sequence[str]) -> None:
    parts.card(
        made,
        metric,
        formats.money(amount, made.currency),
        full=formats.money_to_the_cent(amount, made.currency),
        days=days,
        notes=notes,
    )


def reasons(made: Frame, one: Recommendation, more: Detail) -> None:
    """The figures it rests on, the calculation, how sure it is, and what would make it wrong."""
    declared = words.declared(one)
    st.subheader("What it rests on", anchor=False)
    described = declared.evidence if declared else {}
    names = [*(name for name in described if name in more.evidence), *sorted(more.evidence.keys() - described)]
    # Text that wraps: a table of cells would cut what the figures mean.
    lines = [
        f"| {formats.plain(described.get(name, name.replace('_', ' ')))} "
        f"| {formats.plain(words.figure(name, more.evidence[name], made.currency))} |"
        for name in names
    ]
    st.markdown("\n".join(["| Figure | Value |", "| :--- | ---: |", *lines]))
    st.markdown("**Saving on its own**")
    st.code(more.calculation, language=None, wrap_lines=True)
    if declared:
        with st.popover("Formula", icon=":material/function:", type="tertiary", key="formula"):
            st.markdown(formats.plain(declared.saving))
    st.markdown(f"**{words.CONFIDENCES[one.confidence]} confidence.** {formats.plain(more.confidence_reason)}")
    if declared:
        st.markdown("**What would make it wrong**")
        st.markdown(formats.plain(declared.wrong_when))


def instructions(one: Recommendation, more: Detail) -> None:
    """The exact change, how to take it back, and the ids."""
    declared = words.declared(one)
    st.subheader("How to do it", anchor=False)
    if more.setting is not None:
        old = "not set" if more.setting_from is None else more.setting_from
        st.markdown(f"**{formats.plain(more.setting)}**: {formats.plain(f'{old} → {more.setting_to}')}")
    if declared:
        st.markdown(formats.plain(declared.change))
    if more.command:
        st.code(more.command, language="bash", wrap_lines=True)
        st.caption("CostPulse never runs it.")
    if declared:
        st.markdown("**How to undo it**")
        st.markdown(formats.plain(declared.undo))
    st.markdown(f"**Id of the {words.RESOURCES[one.resource_type].lower()}**")
    st.code(one.resource_id, language=None)


def trend(made: Frame, one: Recommendation, outcome: Outcome | None) -> None:
    """What is billed by day, before and after."""
    st.subheader(f"Cost of the {one.bearer_type} by day", anchor=False)
    changed = outcome.changed_on if outcome is not None else one.done_on
    if outcome is not None:
        st.markdown(formats.plain(outcome.sentence))
    elif changed is not None:
        st.caption("Not measured yet: the comparison begins on the day after the change, with final days.")
    by_day(made, one.bearer_type, one.bearer, one.window, changed, outcome)


def by_day(
    made: Frame, bearer_type: str, bearer: str, window: Period, changed: date | None, outcome: Outcome | None
) -> None:
    """The cost of what is billed by day, as a chart and a table, and the way on to the cost explorer.

    Args:
        made: the frame.
        bearer_type: what is billed.
        bearer: workspace/id of it.
        window: the days that the saving rests on, or that it is compared with.
        changed: day of the change; None: it was not changed.
        outcome: what was measured of the change.
    """
    first = window.first - timedelta(days=_DAYS_BEFORE)
    if changed is not None:
        first = min(first, changed - timedelta(days=_DAYS_BEFORE))
    period = Period(first, max(made.newest, window.last))
    selection = Selection(((bearer_type, (bearer,)),))
    found = queries.by_bin(made.version, period, "day", None, (), "", selection, "cost")
    costs: dict[date, Decimal | None] = {row.bin: row.amount for row in found}
    if not costs:
        st.caption("No cost by day is kept of these days.")
        return
    st.plotly_chart(
        chart.before_and_after(
            costs,
            window,
            changed_on=changed,
            outcome=outcome,
            last_final=made.last_final,
            currency=made.currency,
            look=charts.palette(st.context.theme.type),
        ),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="trend_chart",
        alt=f"Daily cost of the {bearer_type}, bars, {formats.days(period)}",
    )
    with st.expander("Show as table", key="trend_table"):
        parts.table(
            [
                {"Day": day, "Final": "yes" if made.is_final(day) else "no", "Cost": cost}
                for day, cost in reversed(costs.items())
            ],
            key="trend_rows",
            alt=f"Daily cost of the {bearer_type}",
            columns={"Cost": parts.money_column(made.currency)},
        )
    st.button(
        "Open in the cost explorer",
        key="explore",
        type="tertiary",
        icon=":material/query_stats:",
        on_click=parts.open_explorer,
        args=[Filters().on(window).with_only(bearer_type, [bearer]), View(by="sku")],
    )


def decisions(made: Frame, one: Recommendation, history: Sequence[reads.Decision]) -> None:
    """Who decided what and when; runs too, where they changed the status."""
    st.subheader("History", anchor=False)
    lines = [formats.plain(f"{formats.moment(one.found_first_at)}: found by a run")]
    lines += [
        formats.plain(f"{formats.moment(each.changed_at)}: {each.actor} {words.decision(each)}") for each in history
    ]
    st.markdown("\n".join(f"- {line}" for line in lines))
    with st.popover("Link", icon=":material/link:", key="link"):
        st.markdown("Opens this recommendation.")
        st.code(parts.link("recommendations", {"id": [str(one.id)]}), language=None, wrap_lines=True)
