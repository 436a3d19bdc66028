"""Anomalies: what was not normal, how much it was, why, and whether somebody looks after it."""

from dataclasses import replace

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.anomalies import detail, listing, state
from costpulse_app.parts import Frame


def show() -> None:
    """Draw the page."""
    whole = parts.frame()
    # Days are judged by what they cost the customer; figures at list price would not be those that were judged.
    made = replace(whole, filters=replace(whole.filters, basis="price"))
    choice = state.current()
    parts.title("Anomalies", "What was not normal, how much, why, and is it handled?", made)
    said = st.session_state.pop("said", None)
    if said:
        st.success(formats.plain(said), icon=":material/check:")
    with parts.panel("anomalies"):
        if choice.event is not None:
            detail.show(made, choice.event)
        else:
            _filters_that_do_not_apply(whole)
            parts.crumbs(made, None)
            listing.show(made, choice)
    filters.close_session(whole.filters, None, state.keep(choice))


def _filters_that_do_not_apply(whole: Frame) -> None:
    ignored = [*(["list price"] if whole.filters.basis == "list" else []), *(["tags"] if whole.selection.tags else [])]
    if ignored:
        st.caption(f"{' and '.join(ignored).capitalize()} do not apply here: what is judged is your price, by scope.")


if __name__ == "__main__":
    show()
