"""Reports: files to hand on, what became of them, and the form to ask for another."""

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.reports import detail, form, listing, reads, state


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    choice = state.current()
    parts.title("Reports", "Which numbers do I hand on, on paper or as a file?", made)
    said = st.session_state.pop("said", None)
    if said:
        st.success(formats.plain(said), icon=":material/check:")
    with parts.panel("reports"):
        if choice.number is not None:
            detail.show(choice.number)
        else:
            listing.show(made, reads.reports())
        opened = state.opened_form()
        if opened is not None:
            form.dialog(made, opened)
    filters.close_session(made.filters, None, state.keep(choice))


if __name__ == "__main__":
    show()
