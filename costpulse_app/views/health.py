"""Data health: whether the numbers can be trusted, up to which day, and what to do where they cannot."""

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.health import acts, books, headline, progress, reads, state


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    choice = state.current()
    parts.title("Data health", "Can I trust the numbers, and up to which day?", made)
    st.caption("The filters above do not apply here: it is about all data.")
    said = st.session_state.pop("said", None)
    if said:
        st.success(formats.plain(said), icon=":material/check:")
    now = reads.now()
    dagster = reads.dagster()
    with parts.panel("sources"):
        sources = reads.sources()
        headline.sentences(made, sources, dagster, now)
    with parts.panel("acts"):
        acts.buttons(dagster)
    with parts.panel("progress"):
        progress.show(dagster.problem)
    with parts.panel("figures"):
        headline.cards(made, reads.sources(), now)
    left, right = st.columns(2)
    with left, parts.panel("arrivals"):
        books.arrivals(made)
    with right, parts.panel("calendar"):
        books.calendar(made)
    with parts.panel("corrections"):
        books.restatements(made)
    with parts.panel("source_table"):
        listed = reads.sources()
        books.sources(listed, choice.source, now)
        books.permissions(listed)
    with parts.panel("checks"):
        books.checks(dagster)
    with parts.panel("assets"):
        books.assets(dagster, choice.asset, now)
    with parts.panel("dialogs"):
        acts.dialogs(made)
    filters.close_session(made.filters, None, state.keep(choice))


if __name__ == "__main__":
    show()
