"""What the forms of the page have in common."""

from collections.abc import Sequence

import streamlit as st

from costpulse_app import formats, people
from costpulse_app.settings_page.state import close_forms
from costpulse_assets.people import RIGHTS, Right


def refused(faults: Sequence[str]) -> None:
    """All that is wrong, at once; what was typed stays."""
    with st.container(border=True, key="settings_problems"):
        st.markdown(":red[:material/error: **Not saved; nothing was changed.**]")
        st.markdown("\n".join(f"- {formats.plain(fault)}" for fault in faults))


def done(said: str) -> None:
    """Close the dialog and say what was done."""
    close_forms()
    st.session_state["said"] = said
    st.rerun()


def cancel(key: str, label: str = "Cancel", *, is_primary: bool = False) -> None:
    """The button that closes the dialog and changes nothing."""
    if st.button(label, key=key, type="primary" if is_primary else "secondary"):
        close_forms()
        st.rerun()


def may(right: Right) -> bool:
    """Whether the viewer has the right; else the tab says which role does, and draws nothing more."""
    person = people.current()
    if person.may(right):
        return True
    st.info(
        f"To {right} takes the role {RIGHTS[right].replace('_', ' ')}; yours is {person.role.replace('_', ' ')}. "
        "Ask an admin for it.",
        icon=":material/lock:",
    )
    return False
