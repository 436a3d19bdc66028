"""What the viewer chose on the pages Jobs and Job, in the URL like all filters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from costpulse_app.filters import Query
from costpulse_app.jobs.words import COMPUTES, RESULTS

_LIST_PARAMETERS = ("result", "runas", "compute")
_DETAIL_PARAMETERS = ("id", "run", "result", "runs_page")
_LONGEST = 200


@dataclass(frozen=True)
class ListChoice:
    """Which jobs are listed: that have runs with these results, run as these, on these computes; empty: all."""

    results: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    computes: tuple[str, ...] = ()

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> "ListChoice":
        """Read query parameters; whatever is not valid is left out."""
        return cls(
            tuple(name for name in RESULTS if name in query.get("result", ())),
            tuple(dict.fromkeys(name for name in query.get("runas", ()) if 0 < len(name) <= _LONGEST)),
            tuple(name for name in COMPUTES if name in query.get("compute", ())),
        )

    def to_query(self) -> Query:
        """The query parameters that give the same choice; defaults are left out."""
        pairs = {"result": self.results, "runas": self.owners, "compute": self.computes}
        return {name: list(values) for name, values in pairs.items() if values}


@dataclass(frozen=True)
class DetailChoice:
    """The job (workspace/job), the run that is shown, and which of its runs are listed, on which page from 1 on."""

    job: str = ""
    run: str | None = None
    results: tuple[str, ...] = ()
    page: int = 1

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> "DetailChoice":
        """Read query parameters; whatever is not valid is left out."""
        page = _first(query, "runs_page")
        return cls(
            _first(query, "id")[:_LONGEST],
            _first(query, "run")[:_LONGEST] or None,
            tuple(name for name in RESULTS if name in query.get("result", ())),
            int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 7 and int(page) else 1,
        )

    def to_query(self) -> Query:
        """The query parameters that give the same choice; defaults are left out."""
        query: Query = {"id": [self.job]} if self.job else {}
        if self.run is not None:
            query["run"] = [self.run]
        if self.results:
            query["result"] = list(self.results)
        if self.page > 1:
            query["runs_page"] = [str(self.page)]
        return query


def listed() -> ListChoice:
    """The choice of this run; an opened, shared or gone-back-to URL counts more than what was chosen before."""
    state = st.session_state
    url = _url(_LIST_PARAMETERS)
    if url != state.get("jobs_url") or "j_result" not in state:
        # Widgets that were not drawn have been forgotten.
        choice = ListChoice.from_query(url) if url != state.get("jobs_url") else state["jobs_choice"]
        state.update(j_result=list(choice.results), j_owner=list(choice.owners), j_compute=list(choice.computes))
        return choice
    return ListChoice(tuple(state["j_result"]), tuple(state["j_owner"]), tuple(state["j_compute"]))


def keep_listed(choice: ListChoice) -> Query:
    """At the end of a run: remember the choice; returns its part of the URL."""
    st.session_state.update(jobs_choice=choice, jobs_url=choice.to_query())
    return choice.to_query()


def opened() -> DetailChoice:
    """The choice of this run, likewise."""
    state = st.session_state
    url = _url(_DETAIL_PARAMETERS)
    if url != state.get("job_url"):
        choice = DetailChoice.from_query(url)
        state["job_result"] = list(choice.results)
        return choice
    kept: DetailChoice = state["job_choice"]
    if "job_result" not in state:
        state["job_result"] = list(kept.results)
    results = tuple(state["job_result"])
    return kept if results == kept.results else replace(kept, results=results, page=1)


def keep_opened(choice: DetailChoice) -> Query:
    """At the end of a run: remember the choice; returns its part of the URL."""
    st.session_state.update(job_choice=choice, job_url=choice.to_query())
    return choice.to_query()


def show_run(run: str | None) -> None:
    """In a callback: show a run, or the job again."""
    st.session_state["job_choice"] = replace(st.session_state["job_choice"], run=run)


def turn_to(page: int) -> None:
    """In a callback: another page of the runs."""
    st.session_state["job_choice"] = replace(st.session_state["job_choice"], page=page)


def _url(names: Sequence[str]) -> Query:
    return {name: st.query_params.get_all(name) for name in names if name in st.query_params}


def _first(query: Mapping[str, Sequence[str]], name: str) -> str:
    values = query.get(name, ())
    return values[0] if values else ""
