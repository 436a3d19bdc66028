"""What the viewer chose on the page Reports: the report that is open; and the dialog that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import streamlit as st

from costpulse_app.filters import Query
from costpulse_assets.reports.report_request import ReportType

_numbers = count(1)
_PARAMETERS = ("id",)
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Choice:
    """The report whose detail is open; None: the list."""

    number: int | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> "Choice":
        """Read query parameters; whatever is not valid is left out."""
        text = (query.get("id") or [""])[0]
        # What no row can have is told like what none has.
        return cls(min(int(text), _LARGEST_ID) if text.isascii() and text.isdigit() and len(text) < 20 else None)

    def to_query(self) -> Query:
        """The query parameters that give the same choice."""
        return {} if self.number is None else {"id": [str(self.number)]}


@dataclass(frozen=True)
class Form:
    """The dialog that is open: its number, so that each begins anew, and the type it begins with."""

    number: int
    report_type: ReportType


def current() -> Choice:
    """The choice of this run; an opened, shared or gone-back-to URL counts more than what was chosen before."""
    url = {name: st.query_params.get_all(name) for name in _PARAMETERS if name in st.query_params}
    if url != st.session_state.get("reports_url"):
        close_form()
        return Choice.from_query(url)
    kept: Choice = st.session_state["reports_choice"]
    return kept


def keep(choice: Choice) -> Query:
    """At the end of a run: remember the choice; returns its part of the URL."""
    st.session_state["reports_choice"] = choice
    st.session_state["reports_url"] = choice.to_query()
    return choice.to_query()


def open_one(number: int | None) -> None:
    """In a callback, or before a rerun: show one report, or the list again."""
    st.session_state["reports_choice"] = Choice(number)
    close_form()


def open_form(report_type: ReportType = "showback") -> None:
    """In a callback: the next run opens the dialog."""
    st.session_state["report_form"] = Form(next(_numbers), report_type)


def opened_form() -> Form | None:
    """The dialog that is open."""
    opened: Form | None = st.session_state.get("report_form")
    return opened


def close_form() -> None:
    """No dialog is open any more; what was typed is dropped."""
    st.session_state.pop("report_form", None)
