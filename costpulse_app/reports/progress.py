"""Reports that are still to be made: looked at every other second until they are."""

from datetime import datetime, timedelta

import streamlit as st

from costpulse_app import formats, parts
from costpulse_app.reports import reads, state, words
from costpulse_app.reports.reads import StoredReport

#: The sensor looks every 15 seconds and a run takes some to start: who waits longer waits for nobody.
_PATIENCE = timedelta(seconds=90)
#: No report takes so long.
_LONGEST = timedelta(hours=1)
_SECONDS = 2


def show(number: int | None = None) -> None:
    """Draws what is still to be made, or that one report; the page is drawn anew as soon as it is made."""
    shown = _pending(number)
    if not shown:
        return
    states = [(one.id, one.status) for one in shown]

    @st.fragment(run_every=_SECONDS)
    def look() -> None:
        with parts.panel("progress"):
            now_pending = _pending(number)
            if [(one.id, one.status) for one in now_pending] != states and state.opened_form() is None:
                # What is in a dialog is not taken away while it is typed.
                st.rerun()
            _draw(now_pending, is_named=number is None)

    look()


def _pending(number: int | None) -> list[StoredReport]:
    return [one for one in reads.pending() if number is None or one.id == number]


def _draw(pending: list[StoredReport], *, is_named: bool) -> None:
    now = reads.now()
    with st.container(border=True, key="report_progress", gap="small"):
        for one in pending:
            if is_named:
                icon, colour = words.SHAPES[one.status], words.COLOURS[one.status]
                st.badge(words.STATES[one.status], icon=icon, color=colour)
                st.markdown(f"**{formats.plain(one.name)}**")
            st.markdown(formats.plain(words.waiting(one, now)))
            _stuck(one, now)


def _stuck(one: StoredReport, now: datetime) -> None:
    """What to do where nothing makes it."""
    if one.status == "running":
        if one.started_at is not None and now - one.started_at > _LONGEST:
            st.caption(
                "No report takes so long: its process is probably gone. The next run finds out, and says so here."
            )
    elif now - one.requested_at <= _PATIENCE:
        st.caption("Dagster takes it up within half a minute; you may leave this page.")
    else:
        st.caption(
            "Nothing has taken it up yet: Dagster makes other reports first, or its daemon is not running, or the "
            "sensor `make_requested_reports` is switched off. It is made as soon as it runs again (`costpulse up`). "
            "This makes the same at once, in a terminal where CostPulse is installed:"
        )
        st.code(words.command(one), language="bash", wrap_lines=True)
