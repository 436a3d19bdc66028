"""What people do about an event: acknowledge, resolve, expect, assign, reopen. Each is audited and survives runs."""

from collections.abc import Callable
from datetime import timedelta

import streamlit as st

from costpulse_app import db, deciding, formats, parts, people
from costpulse_app.anomalies import words
from costpulse_app.anomalies.reads import Event
from costpulse_assets.analysis import anomaly_status
from costpulse_assets.analysis.anomaly_status import RESOLUTIONS
from costpulse_assets.resources.database import Connection, Database, run
from costpulse_assets.resources.open_source import current_time

#: A plan, where nobody says how long it lasts.
_PLAN_DAYS = 14


def acknowledge_button(event: Event, name: str) -> None:
    """Somebody has seen it and looks into it."""
    if st.button(
        "Acknowledge",
        key=f"acknowledge_{event.id}",
        icon=":material/visibility:",
        **parts.only("decide on findings"),
    ):
        _save(
            event,
            lambda database: anomaly_status.acknowledge(database, [event.id], actor=people.current().name),
            f"{name}: acknowledged.",
        )


def buttons(event: Event, name: str) -> None:
    """All that can be done about the event in its state; what holds for it holds for what is rolled up under it."""
    with st.container(horizontal=True, gap="small", key="actions"):
        if event.status == "open":
            acknowledge_button(event, name)
        if event.is_open:
            _form_button(event, "resolve", "Resolve", ":material/check:")
            _form_button(event, "expect", "Expected until", ":material/event_available:")
        if event.status != "open" and st.button(
            "Reopen", key="reopen", icon=":material/undo:", **parts.only("decide on findings")
        ):
            _save(
                event,
                lambda database: anomaly_status.reopen(database, [event.id], actor=people.current().name),
                f"{name}: open again.",
            )
        _form_button(event, "assign", "Assign", ":material/person:")
    # As it was when the form opened: what somebody else decides meanwhile is found when it is saved.
    form, shown = st.session_state.get("anomaly_form", (None, None))
    if shown is not None and shown.id == event.id:
        match form:
            case "resolve":
                _resolve(shown, name)
            case "expect":
                _expect(shown, name)
            case "assign":
                _assign(shown, name)


def _form_button(event: Event, form: str, label: str, icon: str) -> None:
    # In the session, not from the button's own run: the form stays open while what was typed is refused.
    st.button(
        label,
        key=form,
        icon=icon,
        on_click=_open_form,
        args=[form, event],
        **parts.only("decide on findings"),
    )


def _open_form(form: str, event: Event) -> None:
    st.session_state["anomaly_form"] = (form, event)


def close_form() -> None:
    """No form is open any more; what was typed is dropped."""
    st.session_state.pop("anomaly_form", None)


@st.dialog("Resolve anomaly", on_dismiss=close_form)
def _resolve(event: Event, name: str) -> None:
    _what(event, name)
    with st.form("resolve_form", border=False):
        resolution = st.radio("What was it?", RESOLUTIONS, format_func=words.RESOLUTIONS.__getitem__, key="resolve_how")
        reason = st.text_area(
            "Why",
            key="resolve_reason",
            max_chars=1_000,
            help="Needed where it was expected or no anomaly. Expected, too small and not an anomaly make the detector "
            "less sensitive for this series.",
        )
        send = _send_or_cancel("Resolve anomaly", key="resolve_send")
    if send:
        _save(
            event,
            lambda database: anomaly_status.resolve(
                database, [event.id], actor=people.current().name, resolution=resolution, reason=reason
            ),
            f"{name}: resolved as {resolution}.",
        )


@st.dialog("Expected until a day", on_dismiss=close_form)
def _expect(event: Event, name: str) -> None:
    _what(event, name)
    st.caption(
        "Anomalies of this scope and direction that begin by that day are expected too, and open again after it."
    )
    today = current_time(db.settings()).date()
    with st.form("expect_form", border=False):
        until = st.date_input("Until (last UTC day)", today + timedelta(days=_PLAN_DAYS), key="expect_until")
        reason = st.text_area("Why", key="expect_reason", max_chars=1_000, help="What is planned, for whom.")
        send = _send_or_cancel("Mark as expected", key="expect_send")
    if send:
        _save(
            event,
            lambda database: anomaly_status.expect(
                database, [event.id], actor=people.current().name, reason=reason, until=until, today=today
            ),
            f"{name}: expected until {formats.day(until)}.",
        )


@st.dialog("Assign anomaly", on_dismiss=close_form)
def _assign(event: Event, name: str) -> None:
    _what(event, name)
    with st.form("assign_form", border=False):
        to = st.text_input(
            "Who looks after it", event.assigned_to or "", key="assign_to", max_chars=200, placeholder="Nobody"
        )
        send = _send_or_cancel("Assign anomaly", key="assign_send")
    if send:
        somebody = to.strip() or None
        _save(
            event,
            lambda database: anomaly_status.assign(database, [event.id], actor=people.current().name, to=somebody),
            f"{name}: assigned to {somebody}." if somebody else f"{name}: assigned to nobody.",
        )


def _send_or_cancel(label: str, *, key: str) -> bool:
    """The two buttons at the end of a form; Cancel closes it."""
    with st.container(horizontal=True, gap="small"):
        send = st.form_submit_button(label, type="primary", key=key)
        if st.form_submit_button("Cancel", key=f"{key}_not"):
            close_form()
            st.rerun()
    return send


def _what(event: Event, name: str) -> None:
    also = f" Holds for {formats.count(event.below, 'event')} rolled up under it too." if event.below else ""
    st.markdown(formats.plain(f"{name}, {event.kind}, {formats.days(event.days)}.{also}"))


def _save(event: Event, write: Callable[[Database], None], said: str) -> None:
    """Writes unless somebody else has decided since the event was shown; what is wrong is said where it was typed."""
    if deciding.decide(lambda connection: _expect_as_shown(connection, event), write):
        close_form()
        st.session_state["said"] = said
        st.rerun()


def _expect_as_shown(connection: Connection, event: Event) -> None:
    connection.execute("select from costpulse.anomalies where id = %s for update", [event.id])
    for now in run(connection, "app/anomaly_last_change", {"id": event.id}):
        if any(now[name] != getattr(event, name) for name in ("status", "decided_at", "assigned_to")):
            raise deciding.ChangedMeanwhile(now["actor"], now["changed_at"])
