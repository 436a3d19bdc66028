"""The dialog of one alert: typed, tried on the last 90 days, then saved as a whole or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import streamlit as st
from psycopg.rows import dict_row
from pydantic import ValidationError

from costpulse_app import db, formats, parts, people
from costpulse_app.alerts import fired, option_fields, scope_input, sending, words
from costpulse_app.alerts.reads import Alert
from costpulse_app.alerts.state import close_form
from costpulse_app.parts import Frame
from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertType
from costpulse_assets.alerts.checked_alerts import check_alert
from costpulse_assets.alerts.message import SEVERITIES
from costpulse_assets.alerts.replay import Replay, would_have_fired
from costpulse_assets.allocation.alerts import LONGEST_COOLDOWN, AlertDocument, alert_faults, save_alert, stored_alerts
from costpulse_assets.allocation.rule_types.declaration import refusals
from costpulse_assets.allocation.text_files import plain_number
from costpulse_assets.channel_addresses import ROUTED
from costpulse_assets.errors import CostPulseError

#: What a field of the document is called in the form.
_FIELDS = {
    "threshold_value": "threshold",
    "notification_channels": "channel",
    "cooldown_minutes": "cooldown",
    "quiet_from": "quiet hours",
    "quiet_until": "quiet hours",
    "scope_type": "scope",
}


@dataclass(frozen=True)
class Typed:
    """What the form holds: the document, None where it is none, and what cannot be read."""

    document: AlertDocument | None
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Tried:
    """When a document would have fired."""

    document: AlertDocument
    replay: Replay


@st.dialog("Alert", width="large", on_dismiss=close_form)
def dialog(made: Frame, alerts: Sequence[Alert], one: Alert | None, number: int) -> None:
    """New or changed; stays open with what was typed until it can be saved."""
    key = f"alert_{number}"
    typed = _inputs(made, alerts, one, key)
    with st.container(horizontal=True, key="alert_dialog_buttons"):
        ask = st.button("Would it have fired?", key=f"{key}_try", icon=":material/history:")
        save = st.button("Create alert" if one is None else "Save alert", type="primary", key=f"{key}_save")
        if st.button("Cancel", key=f"{key}_cancel"):
            close_form()
            st.rerun()
    with parts.panel("alert_form"):
        document = typed.document
        if ask or save:
            faults = [*typed.faults, *(_faults(document, one) if document is not None else ())]
            if faults:
                _refused(faults)
                return
        if save and document is not None:
            refused = _saved(document, one)
            if not refused:
                close_form()
                st.rerun()
            _refused(refused)
            return
        if ask and document is not None:
            with st.spinner("Asking the last 90 days ..."):
                replay = would_have_fired(
                    people.acting_database("edit alerts"), db.settings(), document, days=fired.DAYS
                )
                st.session_state[f"{key}_tried"] = Tried(document, replay)
        tried: Tried | None = st.session_state.get(f"{key}_tried")
        if tried is None:
            return
        if document is None or _judged(tried.document) != _judged(document):
            st.caption("Changed since the last 90 days were asked.")
            return
        fired.show(made, tried.replay)


def document_of(one: Alert) -> AlertDocument:
    """An alert as a document, to be saved again."""
    return AlertDocument.model_validate(
        {name: getattr(one, name) for name in AlertDocument.model_fields if hasattr(one, name)}
    )


def known_channels(alerts: Sequence[Alert]) -> list[str]:
    """Channels to choose from: those that are configured, and those of other alerts."""
    ready = [each.address for each in sending.ways_out() if each.address is not None]
    used = [channel for alert in alerts for channel in alert.notification_channels if channel != ROUTED]
    return list(dict.fromkeys([*ready, *used]))


def _inputs(made: Frame, alerts: Sequence[Alert], one: Alert | None, key: str) -> Typed:
    kinds = sorted(ALERT_TYPES, key=lambda name: ALERT_TYPES[name].title)
    left, right = st.columns(2, gap="medium")
    with left:
        name = st.text_input("Name", one.name if one else "", key=f"{key}_name", max_chars=80)
        kind = st.selectbox(
            "Type",
            kinds,
            index=kinds.index(one.alert_type) if one and one.alert_type in kinds else 0,
            format_func=words.kind,
            key=f"{key}_type",
        )
        declared = ALERT_TYPES[kind]
        is_same = one is not None and one.alert_type == kind
        st.caption(formats.plain(f"{declared.fires} {declared.once}"))
        scope_type, scope_id = scope_input.scope_input(
            made, declared, one.scope_type if one else "everything", one.scope_id if one else "", key=key
        )
        threshold, fault = _threshold(declared, one.threshold_value if one and is_same else None, f"{key}_{kind}")
        options = option_fields.inputs(
            declared.options, one.options if one and is_same else {}, key=f"{key}_{kind}_option"
        )
    with right:
        rest = _who_is_told(alerts, one, declared, f"{key}", f"{key}_{kind}")
    fields = {
        "name": name,
        "alert_type": kind,
        "scope_type": scope_type,
        "scope": scope_input.as_document(made, scope_type, scope_id),
        "threshold_value": threshold,
        "options": options,
        # What the form does not ask for stays as it is.
        **({"watches_from": one.watches_from, "muted_until": one.muted_until} if one else {}),
        **rest,
    }
    try:
        document = AlertDocument.model_validate(fields)
    except ValidationError as error:
        said = [_in_words(refusal.field, refusal.reason) for refusal in refusals(error)]
        return Typed(None, (*fault, *said))
    return Typed(document, tuple(fault))


def _threshold(declared: AlertType, given: Decimal | None, key: str) -> tuple[Decimal | None, list[str]]:
    """The threshold, and what is wrong with it."""
    asked = declared.threshold
    if asked is None:
        return None, []
    optional = asked.default is not None or asked.otherwise
    text = st.text_input(
        asked.label
        + ("" if asked.unit.lower() in asked.label.lower() else f", in {asked.unit}")
        + (" (optional)" if optional else ""),
        "" if given is None else plain_number(given),
        key=f"{key}_threshold",
        placeholder=plain_number(asked.default) if asked.default is not None else asked.otherwise or None,
        help=f"Empty: {plain_number(asked.default) if asked.default is not None else asked.otherwise}."
        if optional
        else None,
    )
    plain = text.strip().removeprefix("$").removesuffix("%").strip()
    if not plain:
        return None, []
    try:
        number = Decimal(plain)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        return None, ["Write the threshold as a number, as in 80 or 12500.50."]
    return number, []


def _who_is_told(
    alerts: Sequence[Alert], one: Alert | None, declared: AlertType, key: str, key_of_kind: str
) -> dict[str, Any]:
    """Fields that every alert has."""
    is_same = one is not None and one.alert_type == declared.name
    severity = st.selectbox(
        "Severity",
        list(SEVERITIES),
        index=SEVERITIES.index(one.severity if one and is_same else declared.severity),
        format_func=words.SEVERITIES.__getitem__,
        key=f"{key_of_kind}_severity",
        help="Decides the route; critical never waits for the end of quiet hours.",
    )
    given = list(one.notification_channels) if one else [ROUTED]
    channels = st.multiselect(
        "Channels",
        list(dict.fromkeys([ROUTED, *known_channels(alerts), *given])),
        given,
        format_func=words.channel,
        key=f"{key}_channels",
        accept_new_options=True,
        placeholder="Where the routes lead",
        help="slack, slack:#channel, email:name@example.com, webhook:name. Empty: where the routes lead.",
    )
    cooldown = st.number_input(
        "Cooldown in minutes",
        0,
        LONGEST_COOLDOWN,
        one.cooldown_minutes if one else AlertDocument.model_fields["cooldown_minutes"].default,
        step=5,
        key=f"{key}_cooldown",
        help="Least time between two different findings of one scope; what comes earlier waits.",
    )
    owner = st.text_input(
        "Owner (optional)",
        (one and one.owner) or "",
        key=f"{key}_owner",
        help="Whom messages mention: an address, or a member id of Slack.",
    )
    with st.container(horizontal=True):
        quiet_from = st.time_input(
            "Quiet from (UTC)", one.quiet_from if one else None, key=f"{key}_quiet_from", width=150
        )
        quiet_until = st.time_input(
            "Quiet until (UTC)", one.quiet_until if one else None, key=f"{key}_quiet_until", width=150
        )
    is_active = st.toggle("On", one.is_active if one else True, key=f"{key}_on")
    return {
        "severity": severity,
        "notification_channels": tuple(channels),
        "cooldown_minutes": int(cooldown),
        "owner": owner.strip() or None,
        "quiet_from": quiet_from,
        "quiet_until": quiet_until,
        "is_active": is_active,
    }


def _judged(document: AlertDocument) -> Mapping[str, Any]:
    """What decides about when it fires: who is told, and how it is called, does not."""
    return document.model_dump(include={"alert_type", "scope_type", "scope", "threshold_value", "options"})


def _faults(document: AlertDocument, one: Alert | None) -> list[str]:
    """Everything that is wrong with it, beside the other alerts and for its type."""
    with people.reading() as connection:
        connection.row_factory = dict_row
        others = [each.document for each in stored_alerts(connection) if one is None or each.id != one.id]
        found = alert_faults([*others, document], connection)
    return [*(fault.message for fault in found if fault.index == len(others)), *check_alert(document)]


def _saved(document: AlertDocument, one: Alert | None) -> tuple[str, ...]:
    """Saves it in the name of the viewer; what is wrong with it, in which case nothing was changed."""
    try:
        with people.acting("edit alerts") as connection:
            save_alert(connection, document, id=one.id if one else None, version=one.version if one else None)
    except CostPulseError as error:
        return tuple(line for line in f"{error.message} {error.next_step}".splitlines() if line)
    st.session_state["said"] = (
        f"Created the alert “{document.name}”. It tells what comes true from today on."
        if one is None
        else f"Saved the alert “{document.name}”."
    )
    return ()


def _refused(faults: Sequence[str]) -> None:
    with st.container(border=True, key="alert_faults"):
        st.markdown(":red[:material/error: **Not saved; nothing was changed.**]")
        st.markdown("\n".join(f"- {formats.plain(one)}" for one in faults))


def _in_words(field: str, reason: str) -> str:
    name = field.split(".")[0].split("[")[0]
    said = f"{_FIELDS.get(name, name)}: {reason}"
    return said[:1].upper() + said[1:]
