"""All alerts: what they watch, when they speak, how often they did, and the buttons to change them."""

from collections.abc import Sequence
from itertools import count

import streamlit as st

from costpulse_app import formats, parts, people
from costpulse_app.alerts import dialogs, reads, state, words
from costpulse_app.alerts.dialogs import Dialog
from costpulse_app.alerts.reads import FIGURE_DAYS, Alert
from costpulse_app.parts import Frame
from costpulse_assets.alerts.alert_types import ALERT_TYPES
from costpulse_assets.allocation.alerts import AlertDocument, save_alert

_numbers = count(1)
#: What most begin with, where there is no alert.
READY_MADE = (
    AlertDocument(name="Cost that is not normal", alert_type="anomaly"),
    AlertDocument(name="Budgets", alert_type="budget_threshold"),
    AlertDocument(name="No new data", alert_type="data_stale"),
)


def show(made: Frame, alerts: Sequence[Alert]) -> None:
    """Draw the tab."""
    buttons(alerts)
    if alerts:
        listing(made, alerts)
    else:
        ready_made()
    kinds(is_open=not alerts)


def buttons(alerts: Sequence[Alert]) -> None:
    """New, and what can be done with one of them."""
    now, edits = reads.now(), parts.only("edit alerts")
    what, wanted = st.session_state.pop("alert_act", (None, None))
    with st.container(horizontal=True, vertical_alignment="bottom", key="alert_buttons", gap="small"):
        st.button(
            "New alert",
            icon=":material/add:",
            key="new_alert",
            on_click=open_form,
            args=["edit", None],
            shortcut="N",
            **edits,
        )
        if not alerts:
            return
        of_id = {each.id: each for each in alerts}
        chosen = st.selectbox(
            "Choose an alert",
            list(of_id),
            format_func=lambda number: of_id[number].name,
            key="chosen_alert",
            label_visibility="collapsed",
            width=280,
        )
        one = of_id[chosen]
        st.button("Edit", key="edit_alert", on_click=open_form, args=["edit", one], **edits)
        st.button(
            "Send test", key="test_alert", icon=":material/send:", on_click=open_form, args=["test", one], **edits
        )
        if one.is_muted(now):
            st.button(
                "Unmute",
                key="unmute_alert",
                icon=":material/notifications_active:",
                on_click=_ask,
                args=["unmute", one],
                **edits,
            )
        else:
            st.button(
                "Mute until",
                key="mute_alert",
                icon=":material/notifications_off:",
                on_click=open_form,
                args=["mute", one],
                **edits,
            )
        st.button(
            "Switch off" if one.is_active else "Switch on",
            key="switch_alert",
            on_click=_ask,
            args=["switch", one],
            **edits,
        )
        st.button("Delete", key="delete_alert", on_click=open_form, args=["delete", one], **edits)
        st.button(
            "What it found", key="alert_history", type="tertiary", on_click=state.open_history, args=["all", one.id]
        )
    with parts.panel("change_alert"):
        if what == "unmute":
            dialogs.mute(wanted, None)
            st.rerun()
        if what == "switch":
            dialogs.switch(wanted)
            st.rerun()


def _ask(what: str, seen: Alert) -> None:
    # What the viewer saw: by now the list may hold others.
    st.session_state["alert_act"] = (what, seen)


def listing(made: Frame, alerts: Sequence[Alert]) -> None:
    """Every alert in a table."""
    names = words.scope_names(made, alerts)
    now = reads.now()
    rows = [
        {
            "Name": one.name,
            "Type": words.kind(one.alert_type),
            "Scope": names[one.scope_type, one.scope_id],
            "Condition": words.condition(one, made.currency),
            "Severity": words.SEVERITIES[one.severity],
            "Channels": words.channels(one.notification_channels),
            "Cooldown": words.minutes(one.cooldown_minutes),
            "Last fired": one.last_fired_at,
            f"Fired {FIGURE_DAYS} d": one.fired,
            "Muted until": one.muted_until if one.is_muted(now) else None,
            "On": "yes" if one.is_active else "no",
            "Last evaluated": one.evaluated_at,
            "Result": None if one.outcome is None else one.outcome.capitalize(),
            "Owner": one.owner,
        }
        for one in alerts
    ]
    parts.table(
        rows,
        key="alerts",
        alt="All alerts: type, scope, condition, channels, and how often they fired",
        columns={
            "Name": st.column_config.TextColumn(width="medium"),
            "Condition": st.column_config.TextColumn(width="medium"),
            "Last fired": words.moment_column("Last fired (UTC)"),
            "Muted until": words.moment_column("Muted until (UTC)"),
            "Last evaluated": words.moment_column("Last evaluated (UTC)"),
        },
        height="content",
    )
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        "alerts.csv",
        "text/csv",
        icon=":material/download:",
        key="alerts_csv",
        on_click="ignore",
    )


def ready_made() -> None:
    """Three to switch on, where there is none."""
    st.info(
        "Nothing is watched yet. Switch one of these on, create your own, or write alerts into a file and run "
        "`costpulse apply FILE`.",
        icon=":material/notifications:",
    )
    with st.container(horizontal=True, gap="small", key="ready_made"):
        for document in READY_MADE:
            declared = ALERT_TYPES.get(document.alert_type)
            if declared is None:
                continue
            with st.container(border=True, width="stretch", height="stretch", gap="small"):
                st.markdown(f"**{formats.plain(document.name)}**")
                st.caption(formats.plain(declared.fires))
                st.space("stretch")
                wanted = st.button(
                    "Switch on",
                    key=f"ready_{document.alert_type}",
                    icon=":material/add_alert:",
                    **parts.only("edit alerts"),
                )
            if wanted:
                with parts.panel("ready_made"):
                    with people.acting("edit alerts") as connection:
                        save_alert(connection, document.model_copy(update={"severity": declared.severity}))
                    st.session_state["said"] = f"Created the alert “{document.name}”. It tells what comes from now on."
                    st.rerun()


def kinds(*, is_open: bool) -> None:
    """What can be watched, and when each speaks."""
    with st.expander(
        f"The {len(ALERT_TYPES)} types of alerts", expanded=is_open, icon=":material/checklist:", key="alert_kinds"
    ):
        parts.table(
            [
                {
                    "Type": each.title,
                    "Speaks": each.fires,
                    "Once": each.once,
                    "Says nothing": each.silent,
                    "Watches": ", ".join(words.SCOPES[one].partition(" (")[0] for one in each.scopes),
                }
                for each in sorted(ALERT_TYPES.values(), key=lambda each: each.title)
            ],
            key="alert_kinds_rows",
            alt="Types of alerts: when they speak, what is told once, and what they can watch",
            columns={
                "Speaks": st.column_config.TextColumn(width="large"),
                "Once": st.column_config.TextColumn(width="large"),
                "Says nothing": st.column_config.TextColumn(width="large"),
            },
        )


def open_form(what: str, alert: Alert | None) -> None:
    """In a callback: the next run opens the dialog."""
    st.session_state["alert_dialog"] = Dialog(what, next(_numbers), alert)
