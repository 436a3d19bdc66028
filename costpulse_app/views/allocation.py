"""Teams & allocation: who pays for what, why, and what another rule would do."""

from contextlib import suppress
from datetime import date

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.allocation import draft as drafts
from costpulse_app.allocation import rules_tab, share_tab, statement_tab, teams_tab, why_tab
from costpulse_app.filters import Filters
from costpulse_app.parts import Frame

#: Tabs by the value of the URL's parameter `tab`.
_TABS = {"allocation": "Allocation", "rules": "Rules", "teams": "Teams", "statement": "Statement", "why": "Why"}


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    _take_tab_of_url()
    parts.title("Teams & allocation", "Who pays for what, why, and what would another rule do?", made)
    _filters_that_do_not_apply(made)
    said = st.session_state.pop("said", None)
    if said:
        st.success(formats.plain(said), icon=":material/check:")
    with parts.panel("rules_read"):
        draft = drafts.current(made)
        if draft.changes:
            st.caption("Rules have unsaved changes: see the tab Rules or Teams.")
        tabs = st.tabs(list(_TABS.values()), key="tab", on_change="rerun")
        # Only the open tab is made.
        for name, tab in zip(_TABS, tabs, strict=True):
            if not tab.open:
                continue
            with tab:
                match name:
                    case "allocation":
                        share_tab.show(made, draft)
                    case "rules":
                        rules_tab.show(made, draft)
                    case "teams":
                        teams_tab.show(made, draft)
                    case "statement":
                        statement_tab.show(made)
                    case _:
                        why_tab.show(made)
            filters.close_session(made.filters, None, {} if name == "allocation" else {"tab": [name]})


def _take_tab_of_url() -> None:
    """The tab that a link names, once: afterwards the viewer's choice counts."""
    wanted = st.query_params.get("tab")
    if wanted in _TABS and wanted != st.session_state.get("tab_taken"):
        st.session_state["tab"] = _TABS[wanted]
        with suppress(ValueError):
            st.session_state["month"] = date.fromisoformat(f"{st.query_params.get('month')}-01")
    st.session_state["tab_taken"] = wanted


def _filters_that_do_not_apply(made: Frame) -> None:
    if made.filters.selection != Filters().selection:
        st.caption("This page is about the whole account: filters do not apply here, the price basis does.")


if __name__ == "__main__":
    show()
