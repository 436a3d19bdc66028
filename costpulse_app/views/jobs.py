"""Jobs: what a run costs, which fail expensively, which got dearer."""

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.jobs import ignored, listing, state
from costpulse_app.parts import Frame


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    parts.title("Jobs", "What does a job run cost, which fail expensively, which got dearer?", made)
    choice = state.listed()
    with parts.panel("jobs"):
        said = ignored.sentence(made)
        if said:
            st.caption(formats.plain(said))
        parts.crumbs(made, None)
        _list(made, choice)
    filters.close_session(made.filters, None, state.keep_listed(choice))


def _list(made: Frame, choice: state.ListChoice) -> None:
    found = listing.read(made)
    if not found.lines:
        st.info(
            f"No job ran or cost anything between {formats.day(made.period.first)} and "
            f"{formats.day(made.period.last)} for these filters.",
            icon=":material/filter_alt:",
        )
        st.button("Clear filters", key="clear_filters", type="primary", on_click=filters.put, args=[filters.Filters()])
        return
    listing.headline(made, found)
    listing.adds_up(made, found)
    listing.controls(found.lines)
    lines = [line for line in found.lines if line.takes(choice)]
    if not lines:
        st.info("No job passes the filters above.", icon=":material/filter_alt:")
        return
    trends = listing.trends_of(made, lines)
    listing.table(made, lines, trends)
    with parts.panel("side_by_side"):
        listing.side_by_side(made, lines, trends)


if __name__ == "__main__":
    show()
