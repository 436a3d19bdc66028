"""The runs that go on, looked at every other second until they end, and how those that people started went."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import streamlit as st

from costpulse_app import formats, parts
from costpulse_app.dagster_client import DagsterClient, Run, RunFailure
from costpulse_app.health import reads, state, words
from costpulse_app.health.reads import Going, Problem, Request
from costpulse_assets.errors import CostPulseError

_SECONDS = 2
#: How an ended run went is told for so long.
_TOLD_FOR = timedelta(days=1)
#: Who waits longer in the queue waits for other runs, or for a daemon that is not there.
_PATIENCE = timedelta(seconds=60)


def show(problem: Problem | None) -> None:
    """Draw it; while a run goes on it draws itself anew, and the whole page once that has ended.

    Args:
        problem: why Dagster did not answer just now; None: it did.
    """
    client = reads.client()
    requests = _lately()
    going = reads.going(client, requests) if problem is None else Going(problem, (), {})
    if not going.active:
        _draw(client, requests, going)
        return
    before = _state(going)

    @st.fragment(run_every=_SECONDS)
    def look() -> None:
        with parts.panel("progress"):
            now_requests = _lately()
            now_going = reads.going(client, now_requests)
            if _state(now_going) != before and now_going.problem is None and state.opened_form() is None:
                # What is in a dialog is not taken away while it is typed.
                reads.forget_dagster()
                st.rerun()
            _draw(client, now_requests, now_going)

    look()


def _lately() -> list[Request]:
    """What was asked for in the last day."""
    return [one for one in reads.requests() if reads.now() - one.requested_at < _TOLD_FOR]


def _state(going: Going) -> list[str]:
    return sorted(one.run_id for one in going.active)


def _draw(client: DagsterClient, requests: Sequence[Request], going: Going) -> None:
    now = reads.now()
    of_id = {one.id: one for one in requests}
    active = {run.request for run in going.active}
    ended = [one for one in requests if one.id not in active]
    if not going.active and not ended:
        return
    with st.container(border=True, key="health_progress", gap="small"):
        for run in going.active:
            _active(client, run, of_id.get(run.request or 0), now)
        for request in ended:
            _ended(client, request, going, now)


def _active(client: DagsterClient, run: Run, request: Request | None, now: datetime) -> None:
    st.markdown(f":material/sync: **{formats.plain(words.what(run, request))}**")
    if run.steps:
        st.progress((run.steps_done + run.steps_failed) / run.steps, text=formats.plain(words.progress(run, now)))
    else:
        st.markdown(formats.plain(words.progress(run, now)))
    if run.started_at is None and now - run.created_at > _PATIENCE:
        st.caption(
            "Nothing has taken it up yet: Dagster makes other runs first, or its daemon is not running "
            "(`costpulse up`, or the service daemon)."
        )
    else:
        st.caption("You may leave this page and come back.")
    _link(client, run.run_id)


def _ended(client: DagsterClient, request: Request, going: Going, now: datetime) -> None:
    run = going.ended.get(request.id)
    name = f"{words.KINDS[request.kind]} ({formats.days(request.days)}), started by {request.requested_by}"
    name += f", {words.clock(request.requested_at, now)}"
    if request.problem is not None:
        icon, said = ":red[:material/error:]", f"Not started. {request.problem}"
    elif going.problem is not None:
        icon, said = ":material/cloud_off:", "How it went is not known as long as Dagster does not answer."
    elif run is None:
        icon = ":material/help:"
        said = (
            "Dagster does not know this run any more."
            if request.run_id
            else "Whether it was started is not known: look at the runs in Dagster."
        )
    else:
        icon = ":green[:material/check:]" if run.status == "SUCCESS" else ":red[:material/error:]"
        said = words.outcome(run, _failure(client.address, run.run_id) if run.status == "FAILURE" else None)
    st.markdown(f"{icon} **{formats.plain(name)}**: {formats.plain(said)}")
    if run is not None:
        _link(client, run.run_id)


def _link(client: DagsterClient, run_id: str) -> None:
    st.link_button(
        "Open the run in Dagster",
        client.run_link(run_id),
        icon=":material/open_in_new:",
        type="tertiary",
        key=f"run_link_{run_id}",
    )


@st.cache_data(show_spinner=False, max_entries=50)
def _failure(address: str, run_id: str) -> RunFailure | None:
    """What went wrong; a run that has ended does not change."""
    try:
        return DagsterClient(address).failure(run_id)
    except CostPulseError:
        return None
