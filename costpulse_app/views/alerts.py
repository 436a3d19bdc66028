"""Alerts: what is watched, who is told, and whether it arrived."""

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.alerts import (
    alerts_tab,
    channels_tab,
    detail,
    dialogs,
    headline,
    history_tab,
    reads,
    signed_link,
    state,
)
from costpulse_app.alerts.reads import Alert
from costpulse_app.alerts.state import Choice
from costpulse_app.parts import Frame


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    choice = state.current()
    parts.title("Alerts", "What is watched, who is told, and did it arrive?", made)
    said = st.session_state.pop("said", None)
    if said:
        st.success(formats.plain(said), icon=":material/check:")
    with parts.panel("alerts"):
        alerts = reads.alerts()
        if choice.token is not None and not signed_link.show(made, choice.token):
            # What the link was about may be there.
            choice = state.without_link(choice)
        if choice.token is None and choice.number is not None:
            detail.show(made, choice.number)
        elif choice.token is None:
            tabs(made, choice, alerts)
        dialogs.show(made, alerts)
    filters.close_session(made.filters, None, state.keep(choice))


def tabs(made: Frame, choice: Choice, alerts: list[Alert]) -> None:
    """The headline, and the tab that is open."""
    st.caption("The filters above do not apply here: alerts have scopes of their own.")
    headline.show(alerts, reads.summary())
    # Only the open tab is made.
    for name, tab in zip(state.TABS, st.tabs(list(state.TABS.values()), key="al_tab", on_change="rerun"), strict=True):
        if not tab.open:
            continue
        with tab, parts.panel(name):
            if name == "alerts":
                alerts_tab.show(made, alerts)
            elif name == "history":
                history_tab.show(made, choice, alerts)
            else:
                channels_tab.show()


if __name__ == "__main__":
    show()
