"""Clusters & warehouses: which machines cost most, and which stand idle."""

import streamlit as st

from costpulse_app import filters, parts, people
from costpulse_app.compute import listing, state


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    state.follow(made.filters)
    choice = state.current()
    parts.title("Clusters & warehouses", "Which machines cost most, and which stand idle?", made)
    st.caption(
        "Costs follow every filter"
        + ("" if people.current().scope == "all" else " and are your teams' share")
        + "; hours, CPU and memory are those of the whole machine. State, kind and what runs now are as of now."
    )
    with parts.panel("machines"):
        parts.crumbs(made, None)
        listing.show(made, choice)
    filters.close_session(made.filters, None, state.keep(choice))


if __name__ == "__main__":
    show()
