"""Signed JSON: what arrives is what docs/alerts.md promises, and every answer has one outcome."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from costpulse_assets.alerts.channels import Answer, Channels, open_channels
from costpulse_assets.alerts.channels.answers import seconds_to_wait
from costpulse_assets.alerts.channels.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, Payload
from costpulse_assets.alerts.message import Cause, Message, Section
from costpulse_assets.errors import BadSettings
from costpulse_assets.settings import Settings, load_settings
from tests.alerts.messages import HOSTILE, LINKS, message, named
from tests.alerts.servers import SECRET, Step, WebhookServer, free_port, make_certificate, rate_limited, status


@pytest.fixture(scope="module")
def running() -> Iterator[WebhookServer]:
    with WebhookServer() as server:
        yield server


@pytest.fixture
def server(running: WebhookServer) -> WebhookServer:
    running.script([])
    running.received.clear()
    return running


@pytest.fixture
def channels(server: WebhookServer) -> Iterator[Channels]:
    with open_channels(settings({"name": "pager", "url": server.endpoint})) as channels:
        yield channels


def settings(*webhooks: dict[str, str]) -> Settings:
    given = [{"secret": SECRET} | each for each in webhooks]
    return Settings(_env_file=None, webhooks=json.dumps(given), alert_timeout_seconds=1)  # type: ignore[call-arg]


def post(channels: Channels, said: Message | None = None, channel: str = "webhook:pager") -> Answer:
    return channels.send(channel, said or message(), LINKS, key="7 | team:3 > webhook:pager")


def test_the_receiver_can_tell_that_it_is_ours(server: WebhookServer, channels: Channels) -> None:
    assert post(channels).outcome == "delivered"
    (request,) = server.received
    timestamp = request.headers[TIMESTAMP_HEADER.lower()]
    expected = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + request.body, hashlib.sha256).hexdigest()
    assert request.headers[SIGNATURE_HEADER.lower()] == f"sha256={expected}"
    assert abs(datetime.now(UTC) - datetime.fromtimestamp(int(timestamp), UTC)) < timedelta(minutes=5)
    assert request.headers["content-type"] == "application/json"


def test_the_body_holds_every_documented_field_and_no_other(server: WebhookServer, channels: Channels) -> None:
    said = message(sections=(Section(title="Spend", lines=("up",)),), is_test=True)
    post(channels, said)
    body = server.received[0].json
    assert body.keys() == Payload.model_fields.keys()
    assert body["idempotency_key"] == "7 | team:3 > webhook:pager"
    assert body["links"] == {"open": LINKS.open, "acknowledge": LINKS.acknowledge, "mute": LINKS.mute}
    assert body["causes"][0] == {"name": "nightly_load", "kind": "job", "usd": "812.40", "note": "new"}
    assert body["series"]["points"][0] == {"day": "2026-11-01", "value": "300"}
    assert (body["version"], body["is_test"], body["severity"]) == (1, True, "warning")
    assert Payload.model_validate_json(server.received[0].body).sections == said.sections


def test_no_digit_of_an_amount_is_lost(server: WebhookServer, channels: Channels) -> None:
    exact = Decimal("12345678901234567890.123456789012345678")
    post(channels, message(causes=(Cause(name="all", usd=exact), Cause(name="round", usd=Decimal("1E+3")))))
    assert [cause["usd"] for cause in server.received[0].json["causes"]] == [str(exact), "1000"]


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_of_the_source_is_text_and_nothing_else(server: WebhookServer, channels: Channels, name: str) -> None:
    assert post(channels, named(name)).outcome == "delivered"
    (request,) = server.received
    assert request.body.isascii()
    assert request.json.keys() == Payload.model_fields.keys()
    assert len(request.body) < 20_000
    assert not any(ord(letter) < 32 for letter in request.json["title"])


@pytest.mark.parametrize(
    ("step", "outcome", "credentials"),
    [
        ("ok", "delivered", False),
        (status(200), "delivered", False),
        (status(202), "delivered", False),
        (status(301), "refused", False),
        (status(307), "refused", False),
        (status(400), "refused", False),
        (status(401), "refused", True),
        (status(403), "refused", True),
        (status(404), "refused", False),
        (status(410), "refused", False),
        (status(408), "failed", False),
        (status(425), "failed", False),
        (rate_limited(7), "failed", False),
        (status(500), "failed", False),
        (status(503), "failed", False),
        ("silent", "unknown", False),
        ("close", "unknown", False),
    ],
)
def test_every_answer_has_one_outcome(
    server: WebhookServer, channels: Channels, step: Step, outcome: str, credentials: bool
) -> None:
    if not isinstance(step, str):
        step.headers["Location"] = f"{server.url}/elsewhere"
    server.script([step])
    answer = post(channels)
    assert (answer.outcome, answer.credentials) == (outcome, credentials)
    assert len(server.received) == 1
    assert answer.retry_after == (7.0 if step == rate_limited(7) or "429" in answer.code else None)
    assert SECRET not in answer.text
    assert server.endpoint not in answer.text


def test_what_fails_before_it_is_sent_is_failed(server: WebhookServer, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    assert certificate.ca.exists()
    addresses = {
        "connection_refused": f"http://127.0.0.1:{free_port()}/",
        "dns": "http://no-such-host.invalid/",
        "tls": f"https://127.0.0.1:{server.port}/",
    }
    with open_channels(settings(*({"name": name, "url": url} for name, url in addresses.items()))) as channels:
        for name in addresses:
            answer = post(channels, channel=f"webhook:{name}")
            assert (answer.outcome, answer.code) == ("failed", name)
    assert server.received == []


def test_a_server_that_answers_without_an_end_is_left(server: WebhookServer, channels: Channels) -> None:
    server.script(["drip"])
    answer = post(channels)
    assert (answer.outcome, answer.code) == ("unknown", "too_slow")


def test_the_only_webhook_needs_no_name(server: WebhookServer, channels: Channels) -> None:
    assert post(channels, channel="webhook").outcome == "delivered"
    assert channels.credential("webhook") == channels.credential("webhook:pager") is not None
    pair = ({"name": "pager", "url": server.endpoint}, {"name": "desk", "url": server.endpoint})
    with open_channels(settings(*pair)) as two:
        assert post(two, channel="webhook").code == "not_configured"
        assert two.credential("webhook") is None
        assert post(two, channel="webhook:none").code == "not_configured"
        assert [each.target for each in two.configured()] == ["pager", "desk"]
        assert not any(SECRET in each.text for each in two.configured())


def test_another_secret_is_another_credential(server: WebhookServer, channels: Channels) -> None:
    changed = {"name": "pager", "url": server.endpoint, "secret": f"{SECRET}2"}
    with open_channels(settings(changed)) as renewed:
        assert renewed.credential("webhook:pager") != channels.credential("webhook:pager")


def test_how_long_to_wait_is_seconds_or_a_date() -> None:
    assert seconds_to_wait("120") == 120
    assert seconds_to_wait("1.5") == 1.5
    assert 50 < (seconds_to_wait(format_datetime(datetime.now(UTC) + timedelta(minutes=1))) or 0) <= 60
    assert seconds_to_wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert seconds_to_wait("soon") is seconds_to_wait(None) is seconds_to_wait("-3") is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("{}", "must be a JSON list"),
        ("[", "is not JSON"),
        ([{"name": "a", "url": "https://a.example", "secret": "short"}], "at least 16"),
        ([{"name": "A B", "url": "https://a.example", "secret": SECRET}], "small letters"),
        ([{"name": "a", "url": "ftp://a.example", "secret": SECRET}], "https://"),
        ([{"name": "a", "url": "https://me:too@a.example", "secret": SECRET}], "without a user"),
        ([{"name": "a", "url": "https://a.example", "secret": SECRET}] * 2, "name of its own"),
        ([{"name": "a", "url": "https://a.example"}], "required"),
    ],
)
def test_a_webhook_that_cannot_work_is_refused_at_start(value: Any, why: str) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    with pytest.raises(BadSettings) as refused:
        load_settings(_env_file=None, webhooks=text)
    assert why in refused.value.message
    assert SECRET not in refused.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slack_channel", "finops"),
        ("smtp_from", "CostPulse"),
        ("smtp_from", "a@example.com\nBcc: b@example.com"),
        ("app_url", "costpulse.example.com"),
        ("app_url", "https://user:password@costpulse.example.com"),
        ("slack_api_url", "slack.com"),
        ("alert_timeout_seconds", 0),
        ("deliver_seconds", 0),
    ],
)
def test_a_setting_of_messages_that_cannot_work_is_refused_at_start(name: str, value: Any) -> None:
    with pytest.raises(BadSettings, match=f"COSTPULSE_{name.upper()}"):
        load_settings(_env_file=None, **{name: value})


def test_the_address_of_the_app_is_that_of_its_port_until_there_is_a_public_one() -> None:
    assert Settings(_env_file=None, app_port=8600).app_address == "http://127.0.0.1:8600"  # type: ignore[call-arg]
    public = Settings(_env_file=None, app_url="https://costs.example.com/pulse/")  # type: ignore[call-arg]
    assert public.app_address == "https://costs.example.com/pulse"
