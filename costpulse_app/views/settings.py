"""Settings & audit: how it is set, who may do what, and who changed what."""

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.parts import Frame
from costpulse_app.settings_page import (
    audit_tab,
    configuration_tab,
    people_tab,
    prices_tab,
    settings_tab,
    state,
    tokens_tab,
)


def show() -> None:
    """Draw the page."""
    if not parts.needs("see the audit log"):
        return
    made = parts.frame()
    choice = state.current()
    parts.title("Settings & audit", "How is it set, and who changed what?", made)
    st.caption("The filters above do not apply here.")
    said = st.session_state.pop("said", None)
    if said:
        st.success(formats.plain(said), icon=":material/check:")
    tabs = st.tabs(list(state.TABS.values()), key="s_tab", on_change="rerun")
    # Only the open tab is made.
    for name, tab in zip(state.TABS, tabs, strict=True):
        if tab.open:
            with tab, parts.panel(f"settings_{name}"):
                choice = _tab(made, name, choice)
    filters.close_session(made.filters, None, state.keep(choice))


def _tab(made: Frame, name: str, choice: state.Choice) -> state.Choice:
    match name:
        case "prices":
            prices_tab.show(made)
        case "people":
            people_tab.show(made)
        case "tokens":
            tokens_tab.show(made)
        case "settings":
            settings_tab.show()
        case "configuration":
            configuration_tab.show(made)
        case _:
            return audit_tab.show(made, choice)
    return choice


if __name__ == "__main__":
    show()
