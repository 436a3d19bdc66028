"""What would find an owner for the largest unallocated cost, each accepted by one click."""

import streamlit as st

from costpulse_app import formats, parts, people
from costpulse_app.allocation import draft as drafts
from costpulse_app.allocation import reads
from costpulse_app.allocation.draft import Draft
from costpulse_assets.allocation.suggestions import Suggestion, accept
from costpulse_assets.errors import CostPulseError


def show(draft: Draft) -> None:
    """Draw the suggestions."""
    st.subheader("Suggestions", anchor=False)
    if people.current().scope != "all":
        st.caption("They are about the cost of all teams, and shown to those who see every team.")
        return
    found = reads.suggested()
    if not found:
        st.caption("None: nothing is in sight that would find an owner for unallocated cost.")
        return
    st.caption(
        formats.plain(
            f"What would find an owner for unallocated cost of {formats.day(found[0].from_date)} to "
            f"{formats.day(found[0].to_date)}. Accepting saves it at once."
        )
    )
    for one in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"suggestion_{one.id}"):
            st.markdown(_in_words(one))
            # What is edited was read before: saving it afterwards would be refused.
            blocked = bool(draft.changes)
            if st.button(
                "Accept",
                key=f"accept_{one.id}",
                **(
                    parts.only("edit rules")
                    or {"disabled": blocked, "help": "Save or discard the draft first." if blocked else None}
                ),
            ):
                _accept(one)


def _in_words(one: Suggestion) -> str:
    what = f"rule “{one.document.name}”" if one.kind == "rule" else f"a {one.kind}"
    new = " (a new team)" if one.is_new_team else ""
    takes = f", and takes {formats.money(one.moved_usd)} from other teams" if one.moved_usd else ""
    said = formats.plain(f": {what} claims {formats.money(one.unallocated_usd)}{takes}. {one.reason}")
    return f"**{formats.plain(one.team_name)}**{new}{said}"


def _accept(one: Suggestion) -> None:
    try:
        with people.acting("edit rules") as connection:
            accept(connection, one.id, people.current().name, identities=drafts.identities())
    except CostPulseError as error:
        st.error(formats.plain(f"{error.message} {error.next_step}"))
        return
    st.session_state["said"] = f"Saved for {one.team_name}. The days that it concerns are re-allocated by the next run."
    st.rerun()
