"""The dialog of one route: whose findings go where, from which severity on."""

from collections.abc import Sequence

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import formats, people
from costpulse_app.alerts import reads, words
from costpulse_app.alerts.state import close_form
from costpulse_assets.alerts.message import SEVERITIES
from costpulse_assets.allocation.alert_routes import (
    AlertRouteChangedMeanwhile,
    AlertRouteDocument,
    StoredAlertRoute,
    save_alert_route,
)
from costpulse_assets.errors import CostPulseError
from costpulse_assets.resources.database import run

#: Whose findings: ("team" or "cost_center", name), or of everybody else.
Whose = tuple[str, str]
_OTHERS: Whose = ("others", "")


@st.dialog("Route", on_dismiss=close_form)
def dialog(route: StoredAlertRoute | None, channels: Sequence[str], number: int) -> None:
    """New or changed; stays open with what was typed until it can be saved."""
    key = f"route_{number}"
    given = route.document if route is not None else None
    targets = offered(given)
    of = targets.index(_whose(given)) if given is not None else 0
    whose = st.selectbox("Findings of", targets, index=of, format_func=_label, key=f"{key}_whose")
    severity = st.selectbox(
        "From severity",
        list(SEVERITIES),
        index=list(SEVERITIES).index(given.minimum_severity) if given is not None else 0,
        format_func=words.SEVERITIES.__getitem__,
        key=f"{key}_severity",
    )
    known = list(dict.fromkeys([*channels, *([given.channel] if given is not None else [])]))
    channel = st.selectbox(
        "Go to",
        known,
        index=known.index(given.channel) if given is not None else None,
        key=f"{key}_channel",
        accept_new_options=True,
        placeholder="slack:#channel, email:name@example.com or webhook:name",
    )
    with st.container(horizontal=True, gap="small"):
        save = st.button("Create route" if route is None else "Save route", type="primary", key=f"{key}_save")
        if st.button("Cancel", key=f"{key}_cancel"):
            close_form()
            st.rerun()
    if not save:
        return
    kind, name = whose
    document = AlertRouteDocument(
        team=name if kind == "team" else None,
        cost_center=name if kind == "cost_center" else None,
        minimum_severity=severity,
        channel=channel or "",
    )
    try:
        with people.acting("edit alerts") as connection:
            save_alert_route(connection, document, route)
    except CostPulseError as error:
        st.error(formats.plain(refusal(error, route)), icon=":material/error:")
        return
    close_form()
    st.session_state["said"] = f"Saved the route {words.route(document)}."
    st.rerun()


def refusal(error: CostPulseError, route: StoredAlertRoute | None) -> str:
    """Why a route was not saved or deleted, with the name of whoever was first."""
    if not isinstance(error, AlertRouteChangedMeanwhile) or route is None:
        return f"{error.message} {error.next_step}"
    last = reads.route_last_change(route.id)
    return f"Changed by {last[0]} at {formats.moment(last[1])}; reload to see it." if last else error.message


def offered(given: AlertRouteDocument | None) -> list[Whose]:
    """Everybody else, every team, every cost centre, and what the route has."""
    with people.reading() as connection:
        connection.row_factory = dict_row
        rows = run(connection, "app/alert_route_targets")
    teams: list[Whose] = [("team", row["team"]) for row in rows]
    centers: list[Whose] = [("cost_center", row["cost_center"]) for row in rows if row["cost_center"]]
    return list(dict.fromkeys([_OTHERS, *teams, *sorted(centers), *([_whose(given)] if given is not None else [])]))


def _whose(document: AlertRouteDocument) -> Whose:
    if document.team is not None:
        return ("team", document.team)
    return ("cost_center", document.cost_center) if document.cost_center is not None else _OTHERS


def _label(whose: Whose) -> str:
    kind, name = whose
    return {"team": f"Team {name}", "cost_center": f"Cost center {name}"}.get(kind, "Everybody else")
