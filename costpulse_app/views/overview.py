"""Overview: what we spend, whether it changed, and what to look at first."""

import streamlit as st

from costpulse_app import bridge, filters, parts
from costpulse_app.alerts import reads as alert_reads
from costpulse_app.annotations import listing
from costpulse_app.anomalies import reads as anomaly_reads
from costpulse_app.forecast import outlook, reads, scopes
from costpulse_app.forecast.outlook import Outlook
from costpulse_app.overview import answers, attention, breakdown, cards, movers, small_cards, trend
from costpulse_app.overview.sums import total
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_app.recommendations import reads as recommendation_reads
from costpulse_assets.analysis.series import Scope
from costpulse_assets.costs.spend import Windows
from costpulse_assets.periods import Period, month_to_date, previous_comparable

_BREAKDOWNS = ("workspace", "product", "sku", "user", "team")
_MOVERS = ("team", "workspace", "product", "sku", "user", "job")


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    filters.close_session(made.filters, None)
    parts.title("Overview", "What do we spend, and what changed?", made)
    parts.crumbs(made, None)
    teams = listing.of_filters(made)
    if made.last_final is None:
        st.info("No day is final yet: figures that judge or compare follow with the first final day.")
        with parts.panel("trend"):
            trend.show(made, made.period, teams=teams)
        return
    month = month_to_date(made.last_final)
    windows = Windows(month, made.last_final, previous_comparable(month))
    with parts.panel("matches"):
        if total(made, windows) is None and total(made, Windows(made.period, made.last_final)) is None:
            parts.nothing_matches(made)
            return
    found, budget = None, None
    with parts.panel("month_forecast"):
        version = reads.version(made.version)
        found = forecast(made, version)
        budget = reads.budget_of(version, scopes.chosen(made.filters)) if found else None
    with parts.panel("cards"):
        cards.show(made, made.last_final, windows, found, budget)
    with parts.panel("attention"):
        look_at(made, windows)
    with parts.panel("unpriced"):
        parts.unpriced_note(made, Period(windows.period.first, made.newest))
    with parts.panel("trend"):
        trend.show(made, made.period, found=found, teams=teams)
    with parts.panel("bridge"):
        bridge.show(made)
    with parts.panel("movers"):
        movers.show(made, made.last_final, windows, _MOVERS)
    with parts.panel("breakdown"):
        breakdown.show(made, windows, _BREAKDOWNS)


def look_at(made: Frame, windows: Windows) -> None:
    """The second row of figures, what needs attention, and what is asked most: about everything, at your price."""
    whole = attention.everything(made)
    events = anomaly_reads.events(Period(min(made.days), made.newest), whole.selection)
    opened = [one for one in events if one.is_open]
    of_recommendations = recommendation_reads.version(made.version)
    savings = [one for one in recommendation_reads.recommendations(of_recommendations) if one.status == "open"]
    savings.sort(key=lambda one: (-one.estimated_savings, one.id))
    with parts.panel("small_cards"):
        small_cards.show(whole, windows, events=opened, open_savings=savings)
    with parts.panel("attention_lines"):
        messages = alert_reads.summary()
        attention.show(made, attention.lines(whole, windows, events=opened, open_savings=savings, messages=messages))
    with parts.panel("answers"):
        version = reads.version(made.version)
        scope = Scope("everything")
        answers.show(
            whole,
            windows,
            found=outlook.read(whole, version, scope),
            budget=reads.budget_of(version, scope),
            events=events,
            open_savings=savings,
        )


def forecast(made: Frame, version: Version) -> Outlook | None:
    """The newest forecast of exactly the rows that the page is about, at the price that it is in; else None."""
    scope = scopes.chosen(made.filters)
    if scope is None or made.filters.basis == "list":
        return None
    # The other figures of the page are of the team alone, a forecast is of all below it too.
    if scope.type == "team" and scope.id in reads.teams_with_teams_below(version):
        return None
    return outlook.read(made, version, scope)


if __name__ == "__main__":
    show()
