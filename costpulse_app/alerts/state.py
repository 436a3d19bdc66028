"""What the viewer chose on the page Alerts: tab, filters of the history, the finding that is open, a signed link."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from costpulse_app.filters import Query

#: Tabs by the value of the URL's parameter `tab`.
TABS = {"alerts": "Alerts", "history": "History", "channels": "Channels"}
#: What the history lists, by the value of the URL's parameter `status`.
STATUSES = {
    "all": "All",
    "problems": "To look at",
    "delivered": "Delivered",
    "waiting": "On their way",
    "undelivered": "Not delivered",
    "unknown": "Unknown",
    "untold": "Not told",
}
_PARAMETERS = ("tab", "status", "alert", "id", "act")
_LARGEST_ID = 2**63 - 1
_TOKEN = re.compile(r"[A-Za-z0-9._~=-]{1,1000}")


@dataclass(frozen=True)
class Choice:
    """The tab, what the history lists, the finding whose detail is open, and the signed link that was opened."""

    tab: str = "alerts"
    status: str = "all"
    alert: int | None = None
    number: int | None = None
    token: str | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> "Choice":
        """Read query parameters; whatever is not valid is left out."""

        def one(name: str, known: Mapping[str, str], otherwise: str) -> str:
            value = (query.get(name) or [otherwise])[0]
            return value if value in known else otherwise

        token = (query.get("act") or [""])[0]
        return cls(
            one("tab", TABS, "alerts"),
            one("status", STATUSES, "all"),
            _number(query, "alert"),
            _number(query, "id"),
            # One that cannot be is told like one that is forged.
            (token if _TOKEN.fullmatch(token) else "-") if token else None,
        )

    def to_query(self) -> Query:
        """The query parameters that give the same choice; defaults are left out."""
        query: Query = {}
        if self.tab != "alerts":
            query["tab"] = [self.tab]
        if self.status != "all":
            query["status"] = [self.status]
        for name, value in (("alert", self.alert), ("id", self.number), ("act", self.token)):
            if value is not None:
                query[name] = [str(value)]
        return query


def current() -> Choice:
    """The choice of this run; an opened, shared or gone-back-to URL counts more than what was chosen before."""
    state = st.session_state
    url = {name: st.query_params.get_all(name) for name in _PARAMETERS if name in st.query_params}
    if url != state.get("alerts_url"):
        choice = Choice.from_query(url)
        close_form()
        _show(choice)
        return choice
    kept: Choice = state["alerts_choice"]
    if kept.number is not None or kept.token is not None or "al_tab" not in state:
        # Widgets that were not drawn have been forgotten.
        _show(kept)
        return kept
    kept = replace(kept, tab=next(name for name, label in TABS.items() if label == state["al_tab"]))
    if "al_status" in state:
        kept = replace(kept, status=state["al_status"])
    if "al_alert" in state:
        kept = replace(kept, alert=state["al_alert"])
    # Those of the tabs that were closed.
    _show(kept)
    return kept


def keep(choice: Choice) -> Query:
    """At the end of a run: remember the choice; returns its part of the URL."""
    st.session_state["alerts_choice"] = choice
    st.session_state["alerts_url"] = choice.to_query()
    return choice.to_query()


def open_one(number: int | None) -> None:
    """In a callback: show the detail of a finding, or the tabs again."""
    _go(replace(st.session_state["alerts_choice"], number=number, token=None))


def open_history(status: str = "all", alert: int | None = None) -> None:
    """In a callback: show the history, narrowed."""
    _go(Choice("history", status, alert))


def close_link(number: int) -> None:
    """After a signed link was used: the finding is shown, and the link is no part of the address any more."""
    st.session_state["alerts_choice"] = Choice(number=number)


def without_link(choice: Choice) -> Choice:
    """The choice that shows the history instead of a signed link that does nothing; before the tabs are drawn."""
    shown = Choice("history", choice.status, choice.alert)
    _show(shown)
    return shown


def close_form() -> None:
    """No dialog is open any more; what was typed is dropped."""
    st.session_state.pop("alert_dialog", None)


def _go(chosen: Choice) -> None:
    st.session_state["alerts_choice"] = chosen
    close_form()
    _show(chosen)


def _show(choice: Choice) -> None:
    """Set the widgets; only before they are drawn, or in a callback."""
    st.session_state.update(al_tab=TABS[choice.tab], al_status=choice.status, al_alert=choice.alert)


def _number(query: Mapping[str, Sequence[str]], name: str) -> int | None:
    text = (query.get(name) or [""])[0]
    # What no row can have is told like what none has.
    return min(int(text), _LARGEST_ID) if text.isascii() and text.isdigit() and len(text) < 20 else None
