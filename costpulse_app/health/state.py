"""What the viewer chose on the page Data health: which sources and assets are listed; and the dialog that is open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import streamlit as st

from costpulse_app.filters import Query

_numbers = count(1)
_PARAMETERS = ("source", "asset")
Act = Literal["run now", "collect days again"]


@dataclass(frozen=True)
class Choice:
    """Part of the names that are listed; empty: all."""

    source: str = ""
    asset: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> "Choice":
        """Read query parameters."""
        found = {name: (query.get(name) or [""])[0].strip()[:80] for name in _PARAMETERS}
        return cls(**found)

    def to_query(self) -> Query:
        """The query parameters that give the same choice; defaults are left out."""
        return {name: [value] for name in _PARAMETERS if (value := getattr(self, name))}


@dataclass(frozen=True)
class Form:
    """The dialog that is open; its number lets each begin anew."""

    number: int
    act: Act


def current() -> Choice:
    """The choice of this run; an opened, shared or gone-back-to URL counts more than what was chosen before."""
    state = st.session_state
    url = {name: st.query_params.get_all(name) for name in _PARAMETERS if name in st.query_params}
    if url != state.get("health_url"):
        choice = Choice.from_query(url)
        close_form()
    else:
        choice = state.get("health_choice", Choice())
    for name in _PARAMETERS:
        # Another page drops the widgets with what was typed.
        state.setdefault(f"h_{name}", getattr(choice, name))
        if url != state.get("health_url"):
            state[f"h_{name}"] = getattr(choice, name)
    return Choice(*(state[f"h_{name}"].strip() for name in _PARAMETERS))


def keep(choice: Choice) -> Query:
    """At the end of a run: remember the choice; returns its part of the URL."""
    st.session_state["health_choice"] = choice
    st.session_state["health_url"] = choice.to_query()
    return choice.to_query()


def open_form(act: Act) -> None:
    """In a callback: the next run opens the dialog."""
    st.session_state["health_form"] = Form(next(_numbers), act)


def opened_form() -> Form | None:
    """The dialog that is open."""
    opened: Form | None = st.session_state.get("health_form")
    return opened


def close_form() -> None:
    """No dialog is open any more."""
    st.session_state.pop("health_form", None)
