"""What the viewer chose on the page Recommendations: tab, filters and the one that is open, in the URL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from costpulse_app.filters import Query
from costpulse_app.recommendations.reads import Recommendation
from costpulse_app.recommendations.words import CONFIDENCES, UNITS
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES

#: Tabs by the value of the URL's parameter `tab`.
TABS = {"list": "What to change", "proved": "What it saved", "units": "Unit costs"}
#: By the value of the URL's parameter `status`.
STATUSES = {
    "open": "Open",
    "accepted": "Accepted",
    "done": "Done",
    "dismissed": "Dismissed",
    "expired": "Expired",
    "all": "All",
}
_PARAMETERS = ("tab", "status", "kind", "sure", "id", "unit")
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Choice:
    """The tab, which recommendations are listed, the one whose detail is open, and the unit that is looked at."""

    tab: str = "list"
    status: str = "open"
    kinds: tuple[str, ...] = ()
    least: str = "low"
    number: int | None = None
    unit: str = "job run"

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> "Choice":
        """Read query parameters; whatever is not valid is left out."""

        def one(name: str, known: Mapping[str, str], otherwise: str) -> str:
            value = (query.get(name) or [otherwise])[0]
            return value if value in known else otherwise

        text = (query.get("id") or [""])[0]
        return cls(
            one("tab", TABS, "list"),
            one("status", STATUSES, "open"),
            tuple(name for name in RECOMMENDATION_TYPES if name in query.get("kind", ())),
            one("sure", CONFIDENCES, "low"),
            # What no recommendation can have is told like what none has.
            min(int(text), _LARGEST_ID) if text.isascii() and text.isdigit() and len(text) < 20 else None,
            one("unit", UNITS, "job run"),
        )

    def to_query(self) -> Query:
        """The query parameters that give the same choice; defaults are left out."""
        query: Query = {}
        for name, value, default in (
            ("tab", self.tab, "list"),
            ("status", self.status, "open"),
            ("sure", self.least, "low"),
            ("unit", self.unit, "job run"),
        ):
            if value != default:
                query[name] = [value]
        if self.kinds:
            query["kind"] = list(self.kinds)
        if self.number is not None:
            query["id"] = [str(self.number)]
        return query

    def takes(self, one: Recommendation) -> bool:
        """Whether it is of a kind that is asked for, and sure enough; its status does not matter here."""
        ranks = list(CONFIDENCES)
        return (not self.kinds or one.type in self.kinds) and ranks.index(one.confidence) <= ranks.index(self.least)


def current() -> Choice:
    """The choice of this run; an opened, shared or gone-back-to URL counts more than what was chosen before."""
    state = st.session_state
    url = {name: st.query_params.get_all(name) for name in _PARAMETERS if name in st.query_params}
    if url != state.get("recommendations_url"):
        choice = Choice.from_query(url)
        state.pop("recommendation_form", None)
        _show(choice)
        return choice
    kept: Choice = state["recommendations_choice"]
    if kept.number is not None or "r_tab" not in state:
        # Widgets that were not drawn have been forgotten.
        _show(kept)
        return kept
    kept = replace(kept, tab=next(name for name, label in TABS.items() if label == state["r_tab"]))
    if "r_status" in state:
        kept = replace(kept, status=state["r_status"], kinds=tuple(state["r_kinds"]), least=state["r_least"])
    if "r_unit" in state:
        kept = replace(kept, unit=state["r_unit"])
    # Those of the tabs that were closed.
    _show(kept)
    return kept


def keep(choice: Choice) -> Query:
    """At the end of a run: remember the choice; returns its part of the URL."""
    st.session_state["recommendations_choice"] = choice
    st.session_state["recommendations_url"] = choice.to_query()
    return choice.to_query()


def open_one(number: int | None) -> None:
    """In a callback: show the detail of a recommendation, or the list again."""
    chosen = replace(st.session_state["recommendations_choice"], number=number)
    st.session_state["recommendations_choice"] = chosen
    st.session_state.pop("recommendation_form", None)
    if number is None:
        _show(chosen)


def _show(choice: Choice) -> None:
    """Set the widgets; only before they are drawn, or in a callback."""
    st.session_state.update(
        r_tab=TABS[choice.tab],
        r_status=choice.status,
        r_kinds=list(choice.kinds),
        r_least=choice.least,
        r_unit=choice.unit,
    )
