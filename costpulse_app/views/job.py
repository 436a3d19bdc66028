"""Job: what it costs, why that changed, how its runs went."""

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.jobs import detail, ignored, state


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    parts.title("Job", "What does a run of this job cost, and why did that change?", made)
    choice = state.opened()
    with parts.panel("job"):
        said = ignored.sentence(made)
        if said:
            st.caption(formats.plain(said))
        detail.show(made, choice)
    filters.close_session(made.filters, None, state.keep_opened(choice))


if __name__ == "__main__":
    show()
