"""Team: what one team costs, why that changed, what it is made of, and whose turn it is."""

from dataclasses import replace
from datetime import timedelta

import streamlit as st

from costpulse_app import bridge, filters, formats, parts
from costpulse_app.allocation.reads import Rules
from costpulse_app.filters import Filters
from costpulse_app.forecast import outlook
from costpulse_app.forecast import reads as forecast_reads
from costpulse_app.overview import breakdown, movers, trend
from costpulse_app.parts import Frame
from costpulse_app.team import findings, headline, ownership, reads
from costpulse_app.team.reads import Team
from costpulse_assets.analysis.series import Scope
from costpulse_assets.costs.spend import Windows
from costpulse_assets.periods import Period, month_to_date, previous_comparable

_MADE_OF = ("product", "workspace", "job", "cluster", "warehouse", "user")
_MOVERS = ("workspace", "product", "sku", "user", "job")
_TREND_DAYS = 90


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    asked = st.query_params.get("id", "")
    filters.close_session(made.filters, None, {"id": [asked]} if asked else {})
    with parts.panel("team"):
        stored = reads.rules(made.version)
        team = reads.team(made.names, stored, asked)
        if team is None:
            _none(made, asked)
            return
        # The page is about the team whatever the filter bar says, at its price; a team stands for those below it.
        chosen = Filters(basis=made.filters.basis).with_only("team", team.family)
        _team(replace(made, filters=chosen), team, stored)


def _none(made: Frame, asked: str) -> None:
    parts.title("Team", "What does one team cost, and why?", made)
    if asked:
        # The same whether it never was or is out of the viewer's scope.
        st.info("There is no such team, or it is not yours to see.", icon=":material/search_off:")
    mine = [team for team in made.names.ids("team") if reads.is_in_scope(team)]
    for team in sorted(mine, key=lambda team: made.names.one("team", team).casefold()):
        st.page_link(
            "views/team.py",
            label=formats.plain(made.names.one("team", team)),
            icon=":material/groups:",
            query_params={"id": team},
        )
    if not mine:
        st.caption("There is no team yet: Teams & allocation is where teams are made.")


def _team(made: Frame, team: Team, stored: Rules) -> None:
    parts.title(
        formats.plain(team.document.name), "What does this team cost, why did that change, and what can be done?", made
    )
    headline.who(made, team)
    st.caption("This page is about the whole team: of the filters only the price applies here.")
    scope = Scope("team", team.id)
    version = forecast_reads.version(made.version)
    period = Period(max(made.newest - timedelta(days=_TREND_DAYS - 1), min(made.days)), made.newest)
    if made.last_final is None:
        st.info("No day is final yet: figures that judge or compare follow with the first final day.")
        with parts.panel("trend"):
            trend.show(made, period, teams=team.family)
        return
    month = month_to_date(made.last_final)
    windows = Windows(month, made.last_final, previous_comparable(month))
    found, budget = None, None
    with parts.panel("team_forecast"):
        found = outlook.read(made, version, scope)
        budget = forecast_reads.budget_of(version, scope)
    with parts.panel("cards"):
        headline.cards(made, made.last_final, windows, found, budget)
    events = []
    with parts.panel("team_events"):
        events = findings.events(made, period)
    with parts.panel("trend"):
        at_list = made.filters.basis == "list"
        trend.show(
            made,
            period,
            found=None if at_list else found,
            events=findings.marks(made, events, period),
            teams=team.family,
            team=team.id,
        )
    with parts.panel("bridge"):
        bridge.show(made, scope)
    with parts.panel("breakdown"):
        breakdown.show(made, windows, _MADE_OF, key="team_made_of")
    with parts.panel("movers"):
        movers.show(made, made.last_final, windows, _MOVERS)
    with parts.panel("team_anomalies"):
        findings.anomalies(made, events)
    with parts.panel("team_budgets"):
        findings.budgets(outlook.at_your_price(made), version, team)
    with parts.panel("team_recommendations"):
        findings.recommendations(made, team)
    with parts.panel("team_below"):
        ownership.below(made, team, windows)
    with parts.panel("team_rules"):
        ownership.rules(made, team, stored, windows)
    with parts.panel("team_members"):
        ownership.members(team)


if __name__ == "__main__":
    show()
