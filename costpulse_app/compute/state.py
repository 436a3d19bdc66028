"""What the viewer chose on the pages about machines, in the URL like all filters, and the ways between these pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from costpulse_app.compute.words import KINDS, STATES
from costpulse_app.filters import Filters, Query

LIST = "views/compute.py"
#: The detail page of each kind of id.
DETAILS = {"cluster": "views/cluster.py", "warehouse": "views/warehouse.py"}
_PARAMETERS = ("kind", "state", "idle")


@dataclass(frozen=True)
class Choice:
    """Which machines are listed; empty tuples are all."""

    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    is_mostly_idle: bool = False

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> "Choice":
        """Read query parameters; whatever is not valid is left out."""
        return cls(
            tuple(name for name in KINDS if name in query.get("kind", ())),
            tuple(name for name in STATES if name in query.get("state", ())),
            list(query.get("idle", ()))[:1] == ["mostly"],
        )

    def to_query(self) -> Query:
        """The query parameters that give the same choice; defaults are left out."""
        query: Query = {}
        if self.kinds:
            query["kind"] = list(self.kinds)
        if self.states:
            query["state"] = list(self.states)
        if self.is_mostly_idle:
            query["idle"] = ["mostly"]
        return query


def current() -> Choice:
    """The choice of this run; an opened, shared or gone-back-to URL counts more than what was chosen before."""
    state = st.session_state
    url = {name: st.query_params.get_all(name) for name in _PARAMETERS if name in st.query_params}
    # The browser's Back from a machine meets an address of this page with the machine's parameters first.
    is_back = "id" in st.query_params and "compute_choice" in state
    if url != state.get("compute_url") and not is_back:
        choice = Choice.from_query(url)
        _show(choice)
        return choice
    if "c_kinds" not in state:
        # Widgets that were not drawn have been forgotten.
        kept: Choice = state["compute_choice"] if "compute_choice" in state else Choice()
        _show(kept)
        return kept
    return Choice(tuple(state["c_kinds"]), tuple(state["c_states"]), bool(state["c_idle"]))


def keep(choice: Choice) -> Query:
    """At the end of a run: remember the choice; returns its part of the URL."""
    st.session_state["compute_choice"] = choice
    st.session_state["compute_url"] = choice.to_query()
    return choice.to_query()


def put(choice: Choice) -> None:
    """In a callback: list these."""
    _show(choice)


def opened() -> str:
    """The id that the URL of a detail page names; empty where it names none that can be."""
    group = st.query_params.get("id", "")
    return group if "/" in group and "\x00" not in group else ""


def open_machine(machine_type: str, group: str) -> None:
    """In a callback: show the page of a machine.

    Args:
        machine_type: cluster or warehouse.
        group: workspace/id.
    """
    st.session_state["compute_go"] = (machine_type, group)


def follow(chosen: Filters) -> None:
    """Before a page is drawn: go where a callback wanted to go, with the filters."""
    wanted = st.session_state.pop("compute_go", None)
    if wanted is not None:
        machine_type, group = wanted
        st.switch_page(DETAILS[machine_type], query_params=chosen.to_query() | {"id": [group]})


def back(chosen: Filters) -> None:
    """Go to the list as it was left, with the filters."""
    kept: Choice = st.session_state.get("compute_choice", Choice())
    st.switch_page(LIST, query_params=chosen.to_query() | kept.to_query())


def _show(choice: Choice) -> None:
    """Set the widgets; only before they are drawn, or in a callback."""
    st.session_state.update(c_kinds=list(choice.kinds), c_states=list(choice.states), c_idle=choice.is_mostly_idle)
