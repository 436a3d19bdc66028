"""Which team it is, and the figures of its month."""

from datetime import date, timedelta

import streamlit as st

from costpulse_app import formats, parts
from costpulse_app.forecast import outlook, scopes
from costpulse_app.forecast.outlook import Outlook
from costpulse_app.forecast.reads import BudgetPeriod
from costpulse_app.overview.cards import SPARK_DAYS, month_forecast
from costpulse_app.overview.sums import as_of, by_day, total
from costpulse_app.parts import Frame
from costpulse_app.team.reads import Team
from costpulse_assets.costs.spend import Windows
from costpulse_assets.periods import Period


def who(made: Frame, team: Team) -> None:
    """Owner, cost centre, what is above it, and the ways on."""
    document = team.document
    said = [
        ("Department", document.department),
        ("Cost centre", document.cost_center),
        ("Manager", document.manager_email),
    ]
    # As code: what looks like an address would become a link, too pale to be read.
    words = [
        f"{label}: `{value.replace('`', '')}`" if "@" in value else formats.plain(f"{label}: {value}")
        for label, value in said
        if value
    ]
    if len(team.family) > 1:
        words.append(f"with {formats.count(len(team.family) - 1, 'team')} below it, whose cost is in all figures here")
    if words:
        st.caption("; ".join(words))
    with st.container(horizontal=True, gap="small", key="team_links"):
        if team.parent is not None:
            st.page_link(
                "views/team.py",
                label=f"Above it: {formats.plain(made.names.one('team', team.parent))}",
                icon=":material/arrow_upward:",
                query_params={"id": team.parent},
            )
        month = (made.last_final or made.newest).strftime("%Y-%m")
        st.page_link(
            "views/allocation.py",
            label="Statement of the month",
            icon=":material/receipt_long:",
            query_params={"tab": "statement", "month": month},
        )
        st.page_link(
            "views/allocation.py",
            label="Why is a cost here?",
            icon=":material/help:",
            query_params={"tab": "why"},
        )
        st.page_link(
            "views/explorer.py",
            label="Everything of it in the cost explorer",
            icon=":material/query_stats:",
            query_params=made.filters.to_query(),
        )
    with st.popover("Link", icon=":material/link:", key="team_link", type="tertiary"):
        st.markdown("Opens this team; its number is the last part.")
        st.code(parts.link("team", {"id": [team.id]}), language=None, wrap_lines=True)


def cards(made: Frame, final: date, windows: Windows, found: Outlook | None, budget: BudgetPeriod | None) -> None:
    """Month to date, its change, where the month lands, and the budget."""
    period, before, currency = windows.period, windows.before, made.currency
    assert before is not None
    days = by_day(made, Period(final - timedelta(days=SPARK_DAYS - 1), made.newest))
    spark = [float(days.get(day) or 0) for day in Period(final - timedelta(days=SPARK_DAYS - 1), final)]
    row = total(made, windows)
    spent, then = (row.final_amount, row.before_amount) if row else (None, None)
    # Days of the new month have begun to arrive while the newest final day is still in the month before.
    between_months = (made.newest.year, made.newest.month) != (final.year, final.month)
    open_days = Period(made.newest.replace(day=1) if between_months else period.first, made.newest)
    open_note = parts.not_final_note(made, open_days, days, made.measure)
    aged = as_of(made, final)
    covered = f"{formats.days(period)}, compared with {formats.days(before)}."
    with parts.cards("cards"):
        parts.card(
            made,
            "month_to_date",
            formats.money(spent, currency),
            full=formats.money_to_the_cent(spent, currency),
            days=covered,
            delta=formats.delta(spent, then, made.measure, currency),
            against=f"vs {formats.short_days(before)}",
            spark=spark,
            notes=[formats.days(period), *([open_note] if open_note else []), *aged],
        )
        change = formats.change(spent, then)
        parts.card(
            made,
            "change",
            f"{'+' if change and change > 0 else ''}{formats.money(change, currency)}",
            full=formats.money_to_the_cent(change, currency),
            days=covered,
            notes=[f"against {formats.money(then, currency)} in {formats.short_days(before)}", *aged],
        )
        if found is not None:
            month_forecast(outlook.at_your_price(made), found, budget)
        else:
            parts.card(made, "month_forecast", formats.UNKNOWN, days="", notes=["No forecast of this team yet"])
        _budget(outlook.at_your_price(made), budget)


def _budget(made: Frame, budget: BudgetPeriod | None) -> None:
    if budget is None:
        parts.card(made, "budget_used", formats.UNKNOWN, days="", notes=["No budget of this team runs"])
        return
    notes = [f"of {formats.money(budget.amount, made.currency)}, {formats.days(budget.period)}"]
    if budget.spent_usd > budget.amount:
        notes.append("exceeded")
    elif budget.probability_exceeded is not None:
        when = f", from {formats.day(budget.breach_date)} on" if budget.breach_date else ""
        notes.append(f"{scopes.probability(budget.probability_exceeded)} probable to be exceeded{when}")
    parts.card(
        made,
        "budget_used",
        f"{budget.used_share:.1%}",
        full=f"{formats.money_to_the_cent(budget.spent_usd, made.currency)} of "
        f"{formats.money_to_the_cent(budget.amount, made.currency)}",
        days=f"{budget.budget_name}: {formats.days(budget.period)}, final days to {formats.day(budget.data_until)}.",
        notes=notes,
    )
