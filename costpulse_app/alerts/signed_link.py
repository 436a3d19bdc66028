"""What a link in a message asks for: shown first, done only on a click, once."""

import secrets
from datetime import UTC, date, datetime, timedelta

import streamlit as st

from costpulse_app import formats, parts, people
from costpulse_app.alerts import detail, dialogs, reads, state
from costpulse_app.alerts.reads import Line
from costpulse_app.parts import Frame
from costpulse_assets.alerts import links
from costpulse_assets.alerts.links import Action, BadLink
from costpulse_assets.allocation.alerts import MOST_DAYS_MUTED, mute_alert
from costpulse_assets.errors import BadInput
from costpulse_assets.people import Right

#: Days that a mute by a link lasts, where nothing else is chosen.
_MUTED_DAYS = 7


def show(made: Frame, token: str) -> bool:
    """Draw it, with the finding below.

    Returns:
        False: the link does nothing, which was said, and the history has to be shown.
    """
    now = datetime.now(UTC)
    try:
        # Without a key no link was ever made; one that nobody knows accepts none.
        asked = links.read_action(token, reads.signing_key() or secrets.token_bytes(32), now)
    except BadLink as refused:
        told(refused)
        return False
    found = reads.finding(asked.history_id)
    if found is None:
        st.info("What the link is about is not there any more, or not yours to see.", icon=":material/search_off:")
        return False
    one = found[1][0]
    with st.container(border=True, key="signed_link", gap="small"), parts.panel("signed_link"):
        if asked.action == "acknowledge":
            _acknowledge(token, asked, one)
        else:
            _mute(token, one)
    detail.show(made, asked.history_id, is_linked=True)
    return True


def told(refused: BadInput) -> None:
    """Why a link does nothing, in a sentence."""
    st.warning(formats.plain(f"{refused.message} {refused.next_step}"), icon=":material/link_off:")


def _acknowledge(token: str, asked: Action, one: Line) -> None:
    if one.acknowledged_by is not None:
        st.markdown(formats.plain(f"{one.acknowledged_by} looks after it already: there is nothing left to do."))
        st.button("All alerts", key="link_leave", icon=":material/arrow_back:", on_click=state.open_one, args=[None])
        return
    st.markdown(f"The link asks to acknowledge **{formats.plain(one.message)}**: that you look after it.")
    if not _is_wanted("Acknowledge", ":material/visibility:", "decide on findings"):
        return
    try:
        with people.acting("decide on findings") as connection:
            links.use_link(connection, token, people.current().name)
            detail.mark_acknowledged(connection, asked.history_id)
    except BadInput as refused:
        told(refused)
        return
    _done("Acknowledged: the audit log has your name.", asked.history_id)


def _mute(token: str, one: Line) -> None:
    st.markdown(
        f"The link asks to mute the alert **{formats.plain(one.alert_name)}**: what it finds is written down, and "
        "nobody is told."
    )
    until = st.date_input(
        "Until (last UTC day)",
        datetime.now(UTC).date() + timedelta(days=_MUTED_DAYS),
        key="link_until",
        width=220,
        help=f"At most {MOST_DAYS_MUTED} days ahead.",
    )
    if not _is_wanted("Mute", ":material/notifications_off:", "edit alerts") or not isinstance(until, date):
        return
    end = dialogs.end_of(until)
    try:
        with people.acting("edit alerts") as connection:
            links.use_link(connection, token, people.current().name)
            mute_alert(connection, one.alert_id, end)
    except BadInput as refused:
        told(refused)
        return
    _done(f"“{one.alert_name}” is muted until {formats.moment(end)}.", one.id)


def _is_wanted(label: str, icon: str, right: Right) -> bool:
    with st.container(horizontal=True, gap="small"):
        wanted = st.button(label, type="primary", key="link_do", icon=icon, **parts.only(right))
        st.button("Leave it", key="link_leave", on_click=state.open_one, args=[None])
    return wanted


def _done(said: str, number: int) -> None:
    """The link is no part of the address any more; the finding is shown."""
    state.close_link(number)
    st.session_state["said"] = said
    st.rerun()
