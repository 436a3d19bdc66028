"""Where a finding goes: the channels of its alert, the routes of its team, who its budget names."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from costpulse_assets.alerts.active_alerts import ActiveAlert
from costpulse_assets.alerts.alert_types.declaration import Finding
from costpulse_assets.alerts.message import SEVERITIES, Severity
from costpulse_assets.channel_addresses import ROUTED, ChannelAddress
from costpulse_assets.resources.database import Connection, run
from costpulse_assets.settings import Settings


@dataclass(frozen=True)
class Route:
    """A row of alert_routes, once for each team that it is for.

    Attributes:
        minimum_severity: severity from which it is used.
        channel: where to.
        team_id: the team; None: whatever has no other route.
        is_of_cost_center: it is for all teams of a cost centre: one of the team itself goes before it.
    """

    minimum_severity: Severity
    channel: str
    team_id: int | None = None
    is_of_cost_center: bool = False


def load_routes(connection: Connection) -> list[Route]:
    """The routes that people typed."""
    return [Route(**row) for row in run(connection, "transform/routes_of_findings")]


def default_channel(settings: Settings) -> str | None:
    """Where to when no route is for a finding: the webhook of Slack, else the bot's channel, else nowhere."""
    if settings.slack_webhook_url is not None:
        return "slack"
    if settings.slack_bot_token is not None and settings.slack_channel is not None:
        return f"slack:{settings.slack_channel}"
    return None


def channels_of(
    alert: ActiveAlert,
    finding: Finding,
    routes: Iterable[Route],
    default_channel: str | None,
    *,
    has_mail: bool = True,
) -> tuple[str, ...]:
    """Every channel that hears of a finding, each once.

    Routes of a severity that the alert does not have are no routes for it: what a team wants to hear from critical on
    goes, below that, where its cost centre or everybody hears of it.

    Args:
        alert: its channels, of which `routed` (or none at all) stands for the routes.
        finding: its team, and `recipients` of its evidence, who are told as well.
        routes: those there are.
        default_channel: instead of routes, if none is for it.
        has_mail: there is a mail server; without one, recipients are people that somebody else tells.

    Returns:
        Addresses as channel_addresses.py has them. What is no address stays as it was typed: its message is refused
        where everybody sees it. Empty: the finding is shown in the app alone.
    """
    found: list[str] = []
    for channel in alert.notification_channels or (ROUTED,):
        if channel == ROUTED:
            found += _routed(alert, finding, routes) or ([default_channel] if default_channel else [])
        else:
            found.append(channel)
    recipients = [_recipient(recipient) for recipient in finding.evidence.get("recipients") or ()]
    found += [recipient for recipient in recipients if has_mail or not recipient.startswith("email:")]
    return tuple(dict.fromkeys(found))


def _routed(alert: ActiveAlert, finding: Finding, routes: Iterable[Route]) -> list[str]:
    rank = SEVERITIES.index(alert.severity)
    used = [route for route in routes if SEVERITIES.index(route.minimum_severity) <= rank]
    for team_id, is_of_cost_center in ((finding.team_id, False), (finding.team_id, True), (None, False)):
        channels = [
            route.channel for route in used if (route.team_id, route.is_of_cost_center) == (team_id, is_of_cost_center)
        ]
        if channels:
            return channels
    return []


def _recipient(text: Any) -> str:
    """A mail address needs no prefix."""
    for written in (f"email:{text}", str(text)):
        try:
            return str(ChannelAddress.parse(written))
        except ValueError:
            continue
    return str(text)
