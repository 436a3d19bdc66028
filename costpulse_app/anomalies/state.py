"""What the viewer chose on the page Anomalies: tab, filters and the event that is open, in the URL like all filters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import streamlit as st

from costpulse_app.anomalies.reads import Event
from costpulse_app.anomalies.words import SCOPES, SEVERITIES
from costpulse_app.filters import Query

#: Tabs by the value of the URL's parameter `status`.
TABS = {"open": "Open", "ongoing": "Ongoing", "resolved": "Resolved", "expected": "Expected"}
_PARAMETERS = ("status", "severity", "scope", "min", "id")
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Choice:
    """The tab, which events are listed, and the one whose detail is open."""

    tab: str = "open"
    severities: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    minimum: int = 0
    event: int | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> "Choice":
        """Read query parameters; whatever is not valid is left out."""

        def number(name: str) -> int | None:
            text = (query.get(name) or [""])[0]
            return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None

        tab = (query.get("status") or ["open"])[0]
        event = number("id")
        return cls(
            tab if tab in TABS else "open",
            tuple(name for name in SEVERITIES if name in query.get("severity", ())),
            tuple(name for name in SCOPES if name in query.get("scope", ())),
            min(number("min") or 0, 10**12),
            # What no event can have is told like what none has.
            None if event is None else min(event, _LARGEST_ID),
        )

    def to_query(self) -> Query:
        """The query parameters that give the same choice; defaults are left out."""
        query: Query = {}
        if self.tab != "open":
            query["status"] = [self.tab]
        if self.severities:
            query["severity"] = list(self.severities)
        if self.scopes:
            query["scope"] = list(self.scopes)
        if self.minimum:
            query["min"] = [str(self.minimum)]
        if self.event is not None:
            query["id"] = [str(self.event)]
        return query

    def takes(self, event: Event) -> bool:
        """Whether the event is large and grave enough, and of a kind that is asked for."""
        return (
            (not self.severities or event.severity in self.severities)
            and (not self.scopes or event.scope_type in self.scopes)
            and abs(event.impact_usd) >= Decimal(self.minimum)
        )


def current() -> Choice:
    """The choice of this run; an opened, shared or gone-back-to URL counts more than what was chosen before."""
    state = st.session_state
    url = {name: st.query_params.get_all(name) for name in _PARAMETERS if name in st.query_params}
    if url != state.get("anomalies_url"):
        choice = Choice.from_query(url)
        state.pop("anomaly_form", None)
        _show(choice)
        return choice
    kept: Choice = state["anomalies_choice"]
    if kept.event is not None or "a_tab" not in state:
        # Widgets that were not drawn have been forgotten.
        _show(kept)
        return kept
    return replace(
        kept,
        tab=next(name for name, label in TABS.items() if label == state["a_tab"]),
        severities=tuple(state["a_severity"]),
        scopes=tuple(state["a_scope"]),
        minimum=int(state["a_minimum"] or 0),
    )


def keep(choice: Choice) -> Query:
    """At the end of a run: remember the choice; returns its part of the URL."""
    st.session_state["anomalies_choice"] = choice
    st.session_state["anomalies_url"] = choice.to_query()
    return choice.to_query()


def open_event(number: int | None) -> None:
    """In a callback: show the detail of an event, or the list again."""
    state = st.session_state
    state["anomalies_choice"] = replace(state["anomalies_choice"], event=number)
    if number is None:
        _show(state["anomalies_choice"])


def _show(choice: Choice) -> None:
    """Set the widgets; only before they are drawn, or in a callback."""
    st.session_state.update(
        a_tab=TABS[choice.tab],
        a_severity=list(choice.severities),
        a_scope=list(choice.scopes),
        a_minimum=choice.minimum,
    )
