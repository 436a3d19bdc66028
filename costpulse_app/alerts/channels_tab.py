"""Where messages can go: what the settings have, what became of the newest message there, and the routes."""

from itertools import count

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import formats, parts, people
from costpulse_app.alerts import reads, sending, words
from costpulse_app.alerts.dialogs import Dialog, answered
from costpulse_app.alerts.reads import LastMessage
from costpulse_app.alerts.route_form import refusal
from costpulse_app.alerts.sending import WayOut
from costpulse_assets.alerts.message import Message
from costpulse_assets.allocation.alert_routes import StoredAlertRoute, delete_alert_route, stored_alert_routes
from costpulse_assets.errors import CostPulseError

_numbers = count(1)
_KINDS = {"slack": "Slack", "email": "E-mail", "webhook": "Webhook"}
_ICONS = {"slack": ":material/tag:", "email": ":material/mail:", "webhook": ":material/webhook:"}
_TEST = Message(
    title="Test of this channel", text="CostPulse can reach it: alerts will arrive here.", severity="info", is_test=True
)


def show() -> None:
    """Draw the tab."""
    with parts.panel("ways_out"):
        ways_out()
    with parts.panel("used_channels"):
        used(reads.last_messages())
    with parts.panel("routes"):
        routes()


def ways_out() -> None:
    """The channels that the settings have, each with a test."""
    st.subheader("Ways out", anchor=False)
    st.caption(
        "They are set by environment variables, `COSTPULSE_SLACK_`, `COSTPULSE_SMTP_` and `COSTPULSE_WEBHOOKS` "
        "(docs/configuration.md); secrets are never shown."
    )
    found = sending.ways_out()
    if not found:
        st.info(
            "No channel is configured: what alerts find is shown here, in the history, and told to nobody.",
            icon=":material/notifications_off:",
        )
    for place, one in enumerate(found):
        with st.container(border=True, key=f"channel_{place}", gap="small"):
            kind = one.channel.kind
            st.markdown(f"{_ICONS[kind]} **{formats.plain(_name(one))}**: {formats.plain(one.channel.text)}")
            if one.channel.problem:
                st.markdown(f":red[:material/error:] {formats.plain(one.channel.problem)}")
            _test(one, place)


def _test(one: WayOut, place: int) -> None:
    kind, address = one.channel.kind, one.address
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if address is None:
            typed = st.text_input(
                "Send a test to",
                key=f"channel_{place}_target",
                placeholder="name@example.com" if kind == "email" else "#channel",
                width=300,
            ).strip()
            address = f"{kind}:{typed}" if typed else None
        send = st.button(
            "Send test",
            key=f"channel_{place}_test",
            icon=":material/send:",
            **(parts.only("edit alerts") or {"disabled": address is None}),
        )
    if send and address is not None:
        with parts.panel(f"channel_{place}"), st.spinner("Waiting for the answer ..."):
            answered(sending.send_test(_name(one), address, _TEST))


def used(last: dict[str, LastMessage]) -> None:
    """What became of the newest message to every address."""
    if not last:
        return
    st.subheader(f"Addresses used in {reads.FIGURE_DAYS} days", anchor=False)
    parts.table(
        [
            {
                "Channel": one.channel,
                "Newest message": words.STATES[one.state],
                "When": one.at,
                "Answer": one.answer,
                "Kind": {"test": "Test", "report": "Report"}.get(one.purpose, "Finding"),
                "Delivered": one.delivered,
                "Not delivered": one.not_delivered,
            }
            for one in last.values()
        ],
        key="used_channels",
        alt="Every address that messages went to, with what became of the newest one",
        columns={
            "When": st.column_config.DatetimeColumn("When (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
            "Answer": st.column_config.TextColumn(width="large"),
        },
    )


def routes() -> None:
    """Where what is routed goes."""
    st.subheader("Routes", anchor=False)
    st.caption(
        "The routes of a finding's team count, else those of its cost center, else those of everybody else; each from "
        "its severity on. Without a route it goes to Slack, where that is configured."
    )
    if people.current().scope != "all":
        st.caption("Whom others tell is shown to those who see every team.")
        return
    with people.reading() as connection:
        connection.row_factory = dict_row
        stored = stored_alert_routes(connection)
    with st.container(horizontal=True, vertical_alignment="bottom", key="route_buttons", gap="small"):
        edits = parts.only("edit alerts")
        st.button("New route", icon=":material/add:", key="new_route", on_click=open_route, args=[None], **edits)
        if stored:
            of_id = {each.id: each for each in stored}
            number = st.selectbox(
                "Choose a route",
                list(of_id),
                format_func=lambda each: words.route(of_id[each].document),
                key="chosen_route",
                label_visibility="collapsed",
                width=360,
            )
            chosen = of_id[number]
            st.button("Edit", key="edit_route", on_click=open_route, args=[chosen], **edits)
            # What the viewer saw: by now another route may stand in its place.
            st.button("Delete", key="delete_route", on_click=_ask_to_delete, args=[chosen], **edits)
    wanted: StoredAlertRoute | None = st.session_state.pop("route_to_delete", None)
    if wanted is not None:
        _delete(wanted)
    if stored:
        parts.table(
            [
                {
                    "Findings of": words.whose(each.document),
                    "From severity": words.SEVERITIES[each.document.minimum_severity],
                    "Go to": each.document.channel,
                }
                for each in stored
            ],
            key="routes",
            alt="Routes: whose findings go where, from which severity on",
        )
    else:
        st.caption("There is no route.")


def _ask_to_delete(route: StoredAlertRoute) -> None:
    st.session_state["route_to_delete"] = route


def _delete(route: StoredAlertRoute) -> None:
    try:
        with people.acting("edit alerts") as connection:
            delete_alert_route(connection, route)
    except CostPulseError as error:
        st.error(formats.plain(refusal(error, route)), icon=":material/error:")
        return
    st.session_state["said"] = f"Deleted the route {words.route(route.document)}."
    st.rerun()


def open_route(route: StoredAlertRoute | None) -> None:
    """In a callback: the next run opens the dialog."""
    st.session_state["alert_dialog"] = Dialog("route", next(_numbers), route=route)


def _name(one: WayOut) -> str:
    return f"{_KINDS[one.channel.kind]} {one.channel.target}".strip()
