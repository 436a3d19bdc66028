"""Alert routes as documents: where findings of a team, of a cost centre, or of neither go.

The routes of a finding's team count, else those of its cost centre, else those of neither; of these every one from
its severity on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from psycopg.types.json import Jsonb
from pydantic import AfterValidator, BaseModel, ConfigDict

from costpulse_assets.allocation.alerts import Severity, bad_channel, expect_actor, unknown_team
from costpulse_assets.allocation.rule_types.declaration import Text
from costpulse_assets.channel_addresses import ROUTED, ChannelAddress
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, run

_OptionalText = Annotated[Text | None, AfterValidator(lambda text: text or None)]


def _channel(text: str) -> str:
    """Written in one way where it is a channel; what is none stays, for `alert_route_faults` to name."""
    try:
        return str(ChannelAddress.parse(text))
    except ValueError:
        return text


class AlertRouteDocument(BaseModel):
    """A route of a team (by name), a cost centre or neither; it may be nonsense, `alert_route_faults` tells."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    team: _OptionalText = None
    cost_center: _OptionalText = None
    minimum_severity: Severity = "info"
    channel: Annotated[Text, AfterValidator(_channel)]

    def __str__(self) -> str:
        whose = self.team or (f"cost center {self.cost_center}" if self.cost_center else "all others")
        return f"{whose}, from {self.minimum_severity}: {self.channel}"


@dataclass(frozen=True)
class StoredAlertRoute:
    """A row of the database."""

    id: int
    document: AlertRouteDocument


@dataclass(frozen=True)
class AlertRouteFault:
    """One thing that is wrong with one of several routes."""

    #: Which of them, from 0.
    index: int
    #: The route in words.
    name: str
    #: Field of the document.
    field: str
    #: A sentence with the way out.
    message: str


class BadAlertRoutes(BadInput):
    """Routes are refused; `faults` lists all that is wrong, the message has each on a line."""

    def __init__(self, faults: Sequence[AlertRouteFault]) -> None:
        self.faults = tuple(faults)
        several = len({fault.index for fault in faults}) > 1
        lines = [f"Route of {fault.name}: {fault.message}" if several else fault.message for fault in faults]
        super().__init__("\n".join(lines), next_step="Correct it and try again; nothing was changed.")


class AlertRouteChangedMeanwhile(BadInput):
    """Somebody else changed or deleted the route after it was read."""


def stored_alert_routes(connection: Connection) -> list[StoredAlertRoute]:
    """What the database holds: routes of teams by name, of cost centres, of neither."""
    return [
        StoredAlertRoute(
            row["id"],
            AlertRouteDocument.model_validate({name: row[name] for name in AlertRouteDocument.model_fields}),
        )
        for row in run(connection, "app/alert_routes")
    ]


def alert_route_faults(
    documents: Sequence[AlertRouteDocument], *, teams: Sequence[str], cost_centers: Sequence[str | None]
) -> list[AlertRouteFault]:
    """Everything that is wrong with these routes taken together; empty if they may be saved.

    Args:
        documents: all routes there shall be.
        teams: names of the teams there will be.
        cost_centers: those of these teams.
    """
    found = []
    for index, document in enumerate(documents):
        said = [
            *_whose_faults(document, teams, cost_centers),
            *(("channel", message) for message in _channel_faults(document.channel)),
        ]
        if document in documents[:index]:
            said.append(("channel", "The same route is there already: keep one."))
        found += [AlertRouteFault(index, str(document), field, message) for field, message in said]
    return found


def save_alert_route(
    connection: Connection, document: AlertRouteDocument, seen: StoredAlertRoute | None = None
) -> None:
    """Saves one route, in the caller's transaction, in which `costpulse.actor` is set.

    Args:
        connection: with an open transaction.
        document: what it shall be.
        seen: the route it takes the place of, as its editor saw it; None: a new one.

    Raises:
        BadAlertRoutes: something is wrong with it; nothing was changed.
        AlertRouteChangedMeanwhile: somebody else changed or deleted it; nothing was changed.
    """
    others = [each.document for each in _locked(connection, seen) if each != seen]
    known = run(connection, "app/alert_route_targets")
    faults = alert_route_faults(
        [*others, document],
        teams=[row["team"] for row in known],
        cost_centers=[row["cost_center"] for row in known],
    )
    mine = [fault for fault in faults if fault.index == len(others)]
    if mine:
        raise BadAlertRoutes(mine)
    replace_alert_routes(connection, [*others, document])


def delete_alert_route(connection: Connection, seen: StoredAlertRoute) -> None:
    """Deletes a route, in the caller's transaction, in which `costpulse.actor` is set.

    Raises:
        AlertRouteChangedMeanwhile: somebody else changed or deleted it; nothing was changed.
    """
    replace_alert_routes(connection, [each.document for each in _locked(connection, seen) if each != seen])


def replace_alert_routes(connection: Connection, documents: Sequence[AlertRouteDocument]) -> None:
    """Makes the database hold these and nothing else; what is there already keeps its row.

    Needs `costpulse.actor` in the transaction, and documents without faults.
    """
    team_ids = {row["team"]: row["team_id"] for row in run(connection, "app/alert_route_targets")}
    rows = [
        {
            "team_id": None if document.team is None else team_ids[document.team],
            "cost_center": document.cost_center,
            "minimum_severity": document.minimum_severity,
            "channel": document.channel,
            "position": position,
        }
        for position, document in enumerate(documents)
    ]
    run(connection, "app/save_alert_routes", {"routes": Jsonb(rows)})


def _locked(connection: Connection, seen: StoredAlertRoute | None) -> list[StoredAlertRoute]:
    """All routes, with nobody else changing them, and the one that is edited as its editor saw it."""
    expect_actor(connection)
    connection.execute("lock table costpulse.alert_routes in share row exclusive mode")
    stored = stored_alert_routes(connection)
    if seen is not None and seen not in stored:
        raise AlertRouteChangedMeanwhile(
            "Somebody changed or deleted the route; reload to see it.",
            next_step="Reload, make your change there, and save.",
        )
    return stored


def _whose_faults(
    document: AlertRouteDocument, teams: Sequence[str], cost_centers: Sequence[str | None]
) -> Iterator[tuple[str, str]]:
    team, cost_center = document.team, document.cost_center
    if team is not None and cost_center is not None:
        yield "cost_center", "A route is for a team or for a cost center: leave one out."
    if team is not None:
        yield from (("team", message) for message in unknown_team(team, teams))
    if cost_center is not None and cost_center not in cost_centers:
        yield "cost_center", f"No team has the cost center {cost_center}: nothing would ever go this way."


def _channel_faults(channel: str) -> Iterator[str]:
    if channel == ROUTED:
        yield f"Channel {ROUTED} is what alerts say: a route must say where to."
    else:
        yield from bad_channel(channel)
