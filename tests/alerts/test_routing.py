"""A finding goes where its alert, its team's routes and its budget say, and nowhere twice."""

from datetime import date
from typing import Any

import pytest

from costpulse_assets.alerts.active_alerts import ActiveAlert
from costpulse_assets.alerts.alert_types import Finding, NoOptions
from costpulse_assets.alerts.routing import Route, channels_of, default_channel
from tests.pipeline import pretend_today

ROUTES = [
    Route("warning", "slack:#data", team_id=1),
    Route("critical", "webhook:pager", team_id=1),
    Route("info", "slack:#cc", team_id=1, is_of_cost_center=True),
    Route("info", "slack:#cc", team_id=2, is_of_cost_center=True),
    Route("warning", "slack:#rest"),
]


def channels(
    *notification_channels: str,
    severity: Any = "warning",
    team_id: int | None = None,
    evidence: dict[str, Any] | None = None,
    routes: list[Route] = ROUTES,
    default: str | None = "slack",
    has_mail: bool = True,
) -> tuple[str, ...]:
    day = date(2026, 11, 24)
    alert = ActiveAlert(
        id=1,
        name="a",
        alert_type="planted",
        scope_type="everything",
        scope_id="",
        scope_name="Whole account",
        threshold_value=None,
        notification_channels=notification_channels,
        cooldown_minutes=0,
        severity=severity,
        owner=None,
        quiet_from=None,
        quiet_until=None,
        muted_until=None,
        watches_from=day,
        options=NoOptions(),
    )
    finding = Finding(
        alert_id=1,
        scope_type="everything",
        scope_id="",
        scope_name="Whole account",
        team_id=team_id,
        subject="event",
        threshold=None,
        phase="firing",
        reminder=0,
        occurred_on=day,
        current_value=None,
        expected_value=None,
        evidence=evidence or {},
    )
    return channels_of(alert, finding, routes, default, has_mail=has_mail)


@pytest.mark.parametrize(
    ("team_id", "severity", "expected"),
    [
        (1, "critical", ("slack:#data", "webhook:pager")),
        (1, "warning", ("slack:#data",)),
        (1, "info", ("slack:#cc",)),
        (2, "critical", ("slack:#cc",)),
        (3, "warning", ("slack:#rest",)),
        (None, "warning", ("slack:#rest",)),
        (None, "info", ("slack",)),
    ],
)
def test_the_routes_of_the_team_go_first_then_those_of_its_cost_centre_then_the_others(
    team_id: int | None, severity: str, expected: tuple[str, ...]
) -> None:
    assert channels(team_id=team_id, severity=severity) == expected
    assert channels("routed", team_id=team_id, severity=severity) == expected


def test_channels_of_the_alert_stand_beside_routes_and_each_is_told_once() -> None:
    assert channels("email:a@example.com", "routed", "slack:#data", team_id=1) == (
        "email:a@example.com",
        "slack:#data",
    )
    assert channels("email:a@example.com", team_id=1) == ("email:a@example.com",)


def test_without_route_and_default_nobody_is_told() -> None:
    assert channels(routes=[], default=None) == ()


def test_recipients_of_a_budget_are_told_as_well_and_what_is_no_address_stays_to_be_seen() -> None:
    evidence = {"recipients": ["lead@example.com", "slack:#data", "email:lead@example.com", "the CFO"]}
    assert channels("slack:#data", evidence=evidence) == ("slack:#data", "email:lead@example.com", "the CFO")
    assert channels("slack:#data", evidence={"recipients": None}) == ("slack:#data",)


def test_without_a_mail_server_recipients_with_an_address_are_left_to_people() -> None:
    evidence = {"recipients": ["lead@example.com", "slack:#data"]}
    assert channels("slack:#ops", evidence=evidence, has_mail=False) == ("slack:#ops", "slack:#data")
    assert channels("email:ops@example.com", has_mail=False) == ("email:ops@example.com",)


def test_the_default_is_the_webhook_before_the_channel_of_the_bot() -> None:
    day = date(2026, 11, 24)
    bot = {"slack_bot_token": "xoxb-1", "slack_channel": "#finops"}
    assert default_channel(pretend_today(day)) is None
    assert default_channel(pretend_today(day, slack_bot_token="xoxb-1")) is None
    assert default_channel(pretend_today(day, **bot)) == "slack:#finops"
    hook = "https://hooks.slack.com/services/T/B/x"
    assert default_channel(pretend_today(day, **bot, slack_webhook_url=hook)) == "slack"
