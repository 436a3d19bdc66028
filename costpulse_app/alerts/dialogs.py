"""The dialogs of the page: a form of an alert, mute, delete, send a test, send again; and what they write."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from costpulse_app import formats, parts, people
from costpulse_app.alerts import alert_form, route_form, sending
from costpulse_app.alerts.reads import Alert, Line, OnItsWay
from costpulse_app.alerts.state import close_form
from costpulse_app.parts import Frame
from costpulse_assets.allocation.alert_routes import StoredAlertRoute
from costpulse_assets.allocation.alerts import (
    MOST_DAYS_MUTED,
    AlertChangedMeanwhile,
    delete_alert,
    mute_alert,
    save_alert,
    stored_alerts,
)
from costpulse_assets.resources.database import Connection, run

#: A mute lasts for so long, where nothing else is chosen.
_MUTED_DAYS = 7


@dataclass(frozen=True)
class Dialog:
    """The dialog that is open: "edit", "mute", "delete" or "test" of an alert, "resend" of a line, "route".

    Without an alert, or a route: a new one.
    """

    what: str
    number: int
    alert: Alert | None = None
    line: Line | None = None
    route: StoredAlertRoute | None = None


def show(made: Frame, alerts: list[Alert]) -> None:
    """Draw the one that is open, if one is."""
    opened: Dialog | None = st.session_state.get("alert_dialog")
    match opened:
        case None:
            return
        # As it was when the dialog opened: what somebody else changes meanwhile is found when it is saved.
        case Dialog("edit", number, alert):
            alert_form.dialog(made, alerts, alert, number)
        case Dialog("mute", _, Alert() as alert):
            _muting(alert)
        case Dialog("delete", _, Alert() as alert):
            _deleting(alert)
        case Dialog("test", number, Alert() as alert):
            _testing(alert, alerts, number)
        case Dialog("resend", number, line=Line() as line):
            _sending_again(line, number)
        case Dialog("route", number, route=route):
            route_form.dialog(route, alert_form.known_channels(alerts), number)


@st.dialog("Mute alert", on_dismiss=close_form)
def _muting(one: Alert) -> None:
    st.markdown(f"**{formats.plain(one.name)}**")
    st.caption("What it finds meanwhile is written down and shown in the history; nobody is told, then or later.")
    today = datetime.now(UTC).date()
    with st.form("mute_form", border=False):
        until = st.date_input(
            "Until (last UTC day)",
            today + timedelta(days=_MUTED_DAYS),
            key="mute_until",
            help=f"At most {MOST_DAYS_MUTED} days ahead.",
        )
        send = _send_or_cancel("Mute", key="mute_send")
    if send and isinstance(until, date):
        with parts.panel("mute"):
            mute(one, end_of(until))
            close_form()
            st.rerun()


@st.dialog("Delete alert", on_dismiss=close_form)
def _deleting(one: Alert) -> None:
    st.markdown(
        formats.plain(f"Deletes “{one.name}”: it is not evaluated any more.")
        + (" It has a history, so it can only be switched off." if one.last_fired_at else "")
    )
    with st.container(horizontal=True):
        if st.button("Keep it", type="primary", key="keep_alert"):
            close_form()
            st.rerun()
        delete = st.button("Delete alert", key="delete_alert_really")
    if delete:
        with parts.panel("delete_alert"):
            with people.acting("edit alerts") as connection:
                delete_alert(connection, one.id, one.version)
            _done(f"Deleted the alert “{one.name}”.")


@st.dialog("Send test", on_dismiss=close_form)
def _testing(one: Alert, alerts: list[Alert], number: int) -> None:
    st.markdown(f"**{formats.plain(one.name)}**")
    st.caption("A real message, marked as a test. It changes nothing about what the alert has told or will tell.")
    known = list(dict.fromkeys([*sending.channels_of(one), *alert_form.known_channels(alerts)]))
    channel = st.selectbox(
        "To",
        known,
        index=0 if known else None,
        key=f"test_{number}_channel",
        accept_new_options=True,
        placeholder="slack:#channel, email:name@example.com or webhook:name",
    )
    with st.container(horizontal=True, gap="small"):
        send = st.button("Send test", type="primary", key=f"test_{number}_send", disabled=not channel)
        if st.button("Close", key=f"test_{number}_close"):
            close_form()
            st.rerun()
    if send and channel:
        with parts.panel("test"), st.spinner("Waiting for the answer ..."):
            answered(sending.send_trial(one, channel))


@st.dialog("Send again", on_dismiss=close_form)
def _sending_again(line: Line, number: int) -> None:
    st.markdown(f"**{formats.plain(line.message)}**, {formats.plain(f'to {line.channel}')}")
    st.markdown(
        "It is unknown whether it arrived: **it may arrive twice**."
        if line.state == "unknown"
        else "It was not delivered; with what was refused, look first whether its cause is gone."
    )
    if line.answer:
        st.caption(formats.plain(f"The last answer: {line.answer}"))
    with st.container(horizontal=True, gap="small"):
        if st.button("Do not send", key=f"resend_{number}_not", type="primary"):
            close_form()
            st.rerun()
        send = st.button("Send again", key=f"resend_{number}_send")
    if send and line.message_id is not None:
        with parts.panel("resend"), st.spinner("Waiting for the answer ..."):
            answered(sending.send_again(line.message_id))


def answered(found: OnItsWay) -> None:
    """The answer of a channel, in place."""
    said = formats.plain(found.answer or "The channel gave no answer.")
    match found.state:
        case "delivered":
            st.success(f"Delivered to {formats.plain(found.channel)}. {said}", icon=":material/check:")
        case "unknown":
            st.warning(f"It is unknown whether it arrived. {said}", icon=":material/help:")
        case "waiting" | "sending":
            st.info("It is on its way: another process sends it.", icon=":material/schedule_send:")
        case _:
            st.error(f"Not delivered. {said}", icon=":material/error:")


def end_of(until: date) -> datetime:
    """All of that day; of the last one that a mute can reach, as much of it as there is."""
    end = datetime.combine(until, time(23, 59, 59), tzinfo=UTC)
    latest = datetime.now(UTC) + timedelta(days=MOST_DAYS_MUTED)
    return latest.replace(microsecond=0) if latest < end and latest.date() == until else end


def mute(one: Alert, until: datetime | None) -> None:
    """Nobody is told of its findings until a moment; None: they are told again."""
    with people.acting("edit alerts") as connection:
        _expect_as_shown(connection, one)
        mute_alert(connection, one.id, until)
    st.session_state["said"] = (
        f"“{one.name}” is muted until {formats.moment(until)}." if until else f"“{one.name}” tells again."
    )


def _expect_as_shown(connection: Connection, one: Alert) -> None:
    """Somebody else's mute, or their limit, is not changed by who has not seen it."""
    connection.execute("select from costpulse.alerts where id = %s for update", [one.id])
    if any(each.id == one.id and each.version != one.version for each in stored_alerts(connection)):
        last = run(connection, "app/alert_last_change", {"id": one.id})[0]
        raise AlertChangedMeanwhile(
            f"Changed by {last['actor']} at {formats.moment(last['changed_at'])}; reload to see it.",
            next_step="Then mute it, if you still want to.",
        )


def switch(one: Alert) -> None:
    """On, or off."""
    document = alert_form.document_of(one).model_copy(update={"is_active": not one.is_active})
    with people.acting("edit alerts") as connection:
        save_alert(connection, document, id=one.id, version=one.version)
    st.session_state["said"] = f"“{one.name}” is switched {'off' if one.is_active else 'on'}."


def _send_or_cancel(label: str, *, key: str) -> bool:
    """The two buttons at the end of a form; Cancel closes it."""
    with st.container(horizontal=True, gap="small"):
        send = st.form_submit_button(label, type="primary", key=key)
        if st.form_submit_button("Cancel", key=f"{key}_not"):
            close_form()
            st.rerun()
    return send


def _done(said: str) -> None:
    close_form()
    st.session_state["said"] = said
    st.rerun()
