"""What most people ask first, each answered in a line that opens the page with the rest."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import streamlit as st

from costpulse_app import filters, formats, queries
from costpulse_app.anomalies import words as anomaly_words
from costpulse_app.anomalies.reads import Event
from costpulse_app.forecast import outlook
from costpulse_app.forecast.outlook import Outlook
from costpulse_app.forecast.reads import BudgetPeriod
from costpulse_app.overview import lines
from costpulse_app.overview.sums import moved
from costpulse_app.parts import Frame
from costpulse_app.recommendations.reads import Recommendation
from costpulse_assets.costs.spend import Selection, Windows
from costpulse_assets.periods import Period, whole_month

_BEST = 3
_WEEK = timedelta(days=6)


def show(
    whole: Frame,
    windows: Windows,
    *,
    found: Outlook | None,
    budget: BudgetPeriod | None,
    events: Sequence[Event],
    open_savings: Sequence[Recommendation],
) -> None:
    """Draw the lines.

    Args:
        whole: everything that the viewer may see, at their price.
        windows: the month to date and what it is compared with.
        found: the forecast of everything.
        budget: and its budget.
        events: of everything, largest first.
        open_savings: recommendations that are open, largest saving first.
    """
    assert windows.last_final is not None
    st.subheader("Asked most", anchor=False)
    with st.container(key="answers", gap="xxsmall"):
        lines.draw("answer_landing", _month(whole, found, budget), ":material/trending_up:", "forecast", {})
        team = _grown_most(whole, windows)
        if team is not None:
            lines.draw("answer_team", team[1], ":material/groups:", "team", {"id": [team[0]]})
        said, query = _spike(whole, events, windows.last_final)
        lines.draw("answer_spike", said, ":material/notification_important:", "anomalies", query)
        lines.draw("answer_savings", _savings(whole, open_savings), ":material/content_cut:", "recommendations", {})
        lines.draw("answer_why", "Why is a cost in a team?", ":material/help:", "allocation", {"tab": ["why"]})
        lines.draw("answer_complete", _complete(whole), ":material/monitor_heart:", "health", {})


def _month(whole: Frame, found: Outlook | None, budget: BudgetPeriod | None) -> str:
    if found is None:
        return "Where will the month land? There is no forecast yet."
    said = outlook.sentence(whole, found)
    if budget is None or budget.period != whole_month(found.landing.month):
        return f"{said} It has no budget."
    share = found.landing.predicted_cost / budget.amount
    return f"{said} That is {formats.percent(share)} of the budget."


def _grown_most(whole: Frame, windows: Windows) -> tuple[str, str] | None:
    """Id of the team whose cost grew most, and the sentence; None: none grew."""
    groups = queries.by_group(whole.version, windows, "team", "", Selection(), "cost")
    grown = [group for group in groups if group.group_id is not None and moved(group) > 0]
    if not grown:
        return None
    most = max(grown, key=lambda group: (moved(group), group.group_id))
    share = formats.change_share(most.final_amount, most.before_amount)
    percent = f" ({formats.signed_percent(share)})" if share is not None else ""
    name = whole.names.one("team", most.group_id)
    against = f" against {formats.short_days(windows.before)}" if windows.before else ""
    said = f"{name} grew most: {anomaly_words.signed(moved(most), whole.currency)}{percent}{against}. Why?"
    return most.group_id or "", said


def _spike(whole: Frame, events: Sequence[Event], final: date) -> tuple[str, filters.Query]:
    """The largest event of the last seven final days that cost more than expected."""
    week = Period(final - _WEEK, final)
    days = formats.short_days(week)
    dearer = [one for one in events if one.direction == "up" and one.start_date <= final]
    began = [one for one in dearer if one.start_date >= week.first]
    going_on = [one for one in dearer if one.last_date >= week.first]
    if not going_on:
        return f"No spike in {days}.", {}
    largest = max(began or going_on, key=lambda one: one.impact_usd)
    names = anomaly_words.scope_names(whole, [(largest.scope_type, largest.scope_id)])
    amount = anomaly_words.signed(largest.impact_usd, whole.currency)
    head = f"The spike of {days}" if began else f"No spike began in {days}; still going on"
    return f"{head}: {names.titled(largest)}, {amount}.", {"id": [str(largest.id)]}


def _savings(whole: Frame, found: Sequence[Recommendation]) -> str:
    best = [one for one in found if one.estimated_savings > 0][:_BEST]
    if not best:
        return "No open saving."
    amounts = ", ".join(formats.money(one.estimated_savings, whole.currency) for one in best)
    together: Decimal = sum((one.estimated_savings for one in found), Decimal(0))
    head = "The best saving" if len(best) == 1 else f"The {len(best)} best savings"
    return f"{head}: {amounts} per month, of {formats.money(together, whole.currency)} in all."


def _complete(whole: Frame) -> str:
    assert whole.last_final is not None
    said = f"Data is complete to {formats.day(whole.last_final)}"
    later = [f"{formats.short_day(day)} is {whole.share_in(day)}" for day in whole.days if not whole.is_final(day)]
    missing = queries.sources_not_read(whole.version)
    more = [*later[-2:], *([f"{formats.count(len(missing), 'source')} not read"] if missing else [])]
    return f"{said}{'; ' if more else ''}{', '.join(more)}."
