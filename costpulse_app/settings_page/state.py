"""What the viewer chose on the page Settings & audit: tab, filters of the audit log and the open entry, in the URL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import streamlit as st

from costpulse_app.filters import FIRST_DAY, LAST_DAY, Query
from costpulse_assets.periods import Period

#: Tabs by the value of the URL's parameter `tab`.
TABS = {
    "prices": "Prices",
    "people": "People",
    "tokens": "API tokens",
    "settings": "Settings",
    "configuration": "Configuration",
    "audit": "Audit",
}
#: Of `who`: everybody but the pipeline, and really everybody.
PEOPLE, EVERYBODY = "", "*"
_PARAMETERS = ("tab", "who", "object", "days", "page", "entry")
_LARGEST_ID = 2**63 - 1
#: More pages than any log has that somebody leafs through.
_LAST_PAGE = 100_000


@dataclass(frozen=True)
class Choice:
    """The tab; of the audit log whose changes of what in which days, the page, and the entry that is open.

    Attributes:
        who: PEOPLE, EVERYBODY, or an actor.
        object: a table of the audit log; empty: all.
        days: UTC days; None: all.
    """

    tab: str = "prices"
    who: str = PEOPLE
    object: str = ""
    days: Period | None = None
    page: int = 1
    entry: int | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> "Choice":
        """Read query parameters; whatever is not valid is left out."""

        def one(name: str) -> str:
            return (query.get(name) or [""])[0]

        return cls(
            one("tab") if one("tab") in TABS else "prices",
            one("who"),
            one("object"),
            _days(query.get("days", ())),
            min(max(_number(one("page")) or 1, 1), _LAST_PAGE),
            _number(one("entry")),
        )

    def to_query(self) -> Query:
        """The query parameters that give the same choice; defaults are left out."""
        query: Query = {}
        if self.tab != "prices":
            query["tab"] = [self.tab]
        if self.who != PEOPLE:
            query["who"] = [self.who]
        if self.object:
            query["object"] = [self.object]
        if self.days is not None:
            query["days"] = [self.days.first.isoformat(), self.days.last.isoformat()]
        if self.page > 1:
            query["page"] = [str(self.page)]
        if self.entry is not None:
            query["entry"] = [str(self.entry)]
        return query


def current() -> Choice:
    """The choice of this run; an opened, shared or gone-back-to URL counts more than what was chosen before."""
    state = st.session_state
    url = {name: st.query_params.get_all(name) for name in _PARAMETERS if name in st.query_params}
    if url != state.get("settings_url"):
        choice = Choice.from_query(url)
        close_forms()
        _show(choice)
        return choice
    kept: Choice = state["settings_choice"]
    if "s_tab" in state:
        kept = replace(kept, tab=next(name for name, label in TABS.items() if label == state["s_tab"]))
    if "s_who" in state:
        # Another question begins on the first page of its answer.
        asked = replace(
            kept, who=state["s_who"], object=state["s_object"], days=_chosen_days(state["s_days"], kept.days)
        )
        kept = asked if asked == kept else replace(asked, page=1)
    # Widgets of the tabs that were closed have been forgotten.
    _show(kept)
    return kept


def keep(choice: Choice) -> Query:
    """At the end of a run: remember the choice; returns its part of the URL."""
    st.session_state["settings_choice"] = choice
    st.session_state["settings_url"] = choice.to_query()
    return choice.to_query()


def turn_to(page: int) -> None:
    """In a callback: another page of the audit log."""
    st.session_state["settings_choice"] = replace(st.session_state["settings_choice"], page=page)


def open_entry(number: int | None) -> None:
    """In a callback: show an entry of the audit log, or none."""
    st.session_state["settings_choice"] = replace(st.session_state["settings_choice"], entry=number)


def close_forms() -> None:
    """No dialog of the page is open any more; what was typed, and a token that was shown, is forgotten."""
    for name in ("price_dialog", "viewer_dialog", "token_dialog"):
        st.session_state.pop(name, None)


def _show(choice: Choice) -> None:
    """Set the widgets; only before they are drawn, or in a callback."""
    st.session_state.update(
        s_tab=TABS[choice.tab],
        s_who=choice.who,
        s_object=choice.object,
        s_days=() if choice.days is None else (choice.days.first, choice.days.last),
    )


def _chosen_days(chosen: tuple[date, ...], otherwise: Period | None) -> Period | None:
    # While the viewer picks the second day there is only one: what was chosen stays.
    return Period(*chosen) if len(chosen) == 2 else otherwise if chosen else None


def _number(text: str) -> int | None:
    # What no entry can have is told like what none has.
    return min(int(text), _LARGEST_ID) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _days(values: Sequence[str]) -> Period | None:
    try:
        first, last = (date.fromisoformat(value) for value in values)
        return Period(first, last) if first >= FIRST_DAY and last <= LAST_DAY else None
    except ValueError:
        return None
