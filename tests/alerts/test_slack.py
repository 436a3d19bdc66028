"""Slack by webhook and by bot: what arrives, what a name can do there, and what every answer means."""

import logging
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costpulse_assets.alerts.channels import Answer, Channels, MessageLinks, open_channels
from costpulse_assets.alerts.channels.slack_blocks import BLOCKS, FIELDS, blocks, mrkdwn, plain_text
from costpulse_assets.alerts.channels.text import cut, fitted, printable, sparkline
from costpulse_assets.alerts.message import Cause, Figure, Message, Section
from costpulse_assets.settings import Settings
from tests.alerts.block_schema import calls, faults, texts
from tests.alerts.messages import HOSTILE, LINKS, message, named
from tests.alerts.servers import TOKEN, SlackServer, Step, error, rate_limited, status

NAMES = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
#: By webhook and by bot.
WAYS = pytest.mark.parametrize("channel", ["slack", "slack:#finops"])


@pytest.fixture(scope="module")
def server() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def slack(server: SlackServer) -> SlackServer:
    server.script([])
    server.received.clear()
    server.channels, server.people, server.token = None, {}, TOKEN
    return server


def settings(slack: SlackServer, **changes: Any) -> Settings:
    given = {
        "slack_webhook_url": slack.webhook_url,
        "slack_bot_token": TOKEN,
        "slack_api_url": slack.api_url,
        "alert_timeout_seconds": 1,
    }
    return Settings(_env_file=None, **(given | changes))  # type: ignore[call-arg]


@pytest.fixture
def channels(slack: SlackServer) -> Iterator[Channels]:
    with open_channels(settings(slack)) as channels:
        yield channels


def post(channels: Channels, channel: str, said: Message | None = None) -> Answer:
    return channels.send(channel, said or message(), LINKS, key="finding > slack")


# --- what arrives


@WAYS
def test_a_message_arrives_with_its_figures_causes_chart_and_buttons(
    slack: SlackServer, channels: Channels, channel: str
) -> None:
    assert post(channels, channel).outcome == "delivered"
    (body,) = slack.messages
    assert faults(body["blocks"]) == []
    shown = "\n".join(text["text"] for text in texts(body["blocks"]))
    for part in (
        "Budget Data Platform: 83 % of $12,000 is spent",
        "*Spent*\n$9,960 of $12,000",
        "• job nightly_load: +$812.40, new",
        "• job old_report: -$40.00",
        "Sun 1 Nov 2026 ▅",
        "highest $487.00 on Thu 12 Nov 2026, last $474.00, compared with $400.00",
        "Owner: lead@example.com",
        "The last two days are not final.",
    ):
        assert part in shown
    (actions,) = [block for block in body["blocks"] if block["type"] == "actions"]
    assert {button["text"]["text"]: button["url"] for button in actions["elements"]} == {
        "Open in CostPulse": LINKS.open,
        "Acknowledge": LINKS.acknowledge,
        "Mute": LINKS.mute,
    }
    assert body["text"].startswith("🟠 Budget Data Platform")
    assert body["unfurl_links"] is False
    assert body.get("channel") == ("#finops" if channel != "slack" else None)


def test_a_test_is_marked(slack: SlackServer, channels: Channels) -> None:
    post(channels, "slack", message(is_test=True, severity="critical"))
    (body,) = slack.messages
    assert body["blocks"][0]["text"]["text"] == "🔴 [Test] Budget Data Platform: 83 % of $12,000 is spent"


def test_nothing_to_acknowledge_is_no_button(slack: SlackServer, channels: Channels) -> None:
    channels.send("slack", message(), MessageLinks("http://127.0.0.1:8501/alerts"), key="digest")
    (actions,) = [block for block in slack.messages[0]["blocks"] if block["type"] == "actions"]
    assert [button["text"]["text"] for button in actions["elements"]] == ["Open in CostPulse"]


@WAYS
def test_the_owner_is_mentioned_where_the_bot_finds_the_address(
    slack: SlackServer, channels: Channels, channel: str
) -> None:
    slack.people = {"lead@example.com": "U0AAAAAAA"}
    assert post(channels, channel).outcome == "delivered"
    assert post(channels, channel).outcome == "delivered"
    assert [calls(body["blocks"]) for body in slack.messages] == [["@U0AAAAAAA"]] * 2
    lookups = [each for each in slack.received if each.path.endswith("users.lookupByEmail")]
    assert len(lookups) == 1


def test_an_id_is_mentioned_without_a_bot(slack: SlackServer) -> None:
    with open_channels(settings(slack, slack_bot_token=None)) as channels:
        post(channels, "slack", message(owner="U0BBBBBBB"))
    assert calls(slack.messages[0]["blocks"]) == ["@U0BBBBBBB"]


@pytest.mark.parametrize("step", [status(500), error("missing_scope"), "silent", "close"])
def test_a_message_without_a_mention_is_better_than_none(slack: SlackServer, channels: Channels, step: Step) -> None:
    slack.people = {"lead@example.com": "U0AAAAAAA"}
    slack.script([step])
    assert post(channels, "slack:#finops").outcome == "delivered"
    assert calls(slack.messages[0]["blocks"]) == []


@pytest.mark.parametrize("owner", ["!channel", "<@U0123456789>", "@channel", "data platform", "a@b@c", "S0123456789"])
def test_nobody_is_called_by_what_is_no_address(slack: SlackServer, channels: Channels, owner: str) -> None:
    post(channels, "slack:#finops", message(owner=owner))
    assert len(slack.received) == 1
    assert calls(slack.messages[0]["blocks"]) == []


@WAYS
def test_a_refused_layout_is_sent_once_more_as_plain_text(slack: SlackServer, channels: Channels, channel: str) -> None:
    slack.script([error("invalid_blocks", 400 if channel == "slack" else 200)])
    answer = post(channels, channel, message(owner=None))
    assert (answer.outcome, answer.code) == ("delivered", "plain_text")
    first, second = slack.messages
    assert "blocks" in first
    assert "blocks" not in second
    assert second["mrkdwn"] is False
    for part in ("83 % of $12,000", "Spent: $9,960 of $12,000", "job nightly_load: +$812.40", LINKS.open, LINKS.mute):
        assert part in second["text"]


@WAYS
def test_plain_text_that_is_refused_as_well_is_not_sent_a_third_time(
    slack: SlackServer, channels: Channels, channel: str
) -> None:
    http = 400 if channel == "slack" else 200
    slack.script([error("invalid_blocks", http), error("invalid_blocks", http)])
    answer = post(channels, channel, message(owner=None))
    assert (answer.outcome, answer.code) == ("refused", "invalid_blocks")
    assert len(slack.messages) == 2


# --- what a name can do


@NAMES
@WAYS
def test_a_name_of_the_source_is_text_and_nothing_else(
    slack: SlackServer, channels: Channels, channel: str, name: str
) -> None:
    assert post(channels, channel, named(name)).outcome == "delivered"
    (body,) = slack.messages
    assert faults(body["blocks"]) == []
    assert calls(body["blocks"]) == []
    for text in (body["text"], *(each["text"] for each in texts(body["blocks"]))):
        assert "<" not in text
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)
        assert not re.search(r"@(channel|here|everyone)\b", text)
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", text)
    for text in texts(body["blocks"]):
        if text["type"] == "mrkdwn" and not text["text"].startswith("```"):
            assert text["text"].count("*") in (0, 2)  # the label in bold is ours
            assert not re.search(r"[`~]|(?<!\w)_|_(?!\w)", text["text"])


@NAMES
def test_plain_text_escapes_names_too(name: str) -> None:
    text = plain_text(printable(named(name)), LINKS)
    assert len(text) <= 4_000
    assert re.findall(r"<[^>]*>", text) == [f"<{LINKS.open}>", f"<{LINKS.acknowledge}>", f"<{LINKS.mute}>"]


def test_a_name_with_underscores_within_stays_as_it_is() -> None:
    assert mrkdwn("etl_nightly_load_2") == "etl_nightly_load_2"


def test_a_long_name_keeps_its_head_and_its_tail(slack: SlackServer, channels: Channels) -> None:
    post(channels, "slack", message(title="first " + "x" * 10_000 + " last"))
    header = slack.messages[0]["blocks"][0]["text"]["text"]
    assert len(header) == 150
    assert header.startswith("🟠 first x")
    assert header.endswith("x last")
    assert "…" in header


def test_a_long_digest_fits_into_one_message(slack: SlackServer, channels: Channels) -> None:
    causes = tuple(Cause(name=f"job <{n}> " + "n" * 180, kind="job", usd=Decimal(n)) for n in range(40))
    sections = tuple(Section(title=f"Part {n}", lines=("& " * 300,) * 60, causes=causes) for n in range(60))
    figures = tuple(Figure(label=f"{n}", text="<>" * 500) for n in range(60))
    assert post(channels, "slack", message(sections=sections, figures=figures)).outcome == "delivered"
    (body,) = slack.messages
    assert len(body["blocks"]) <= BLOCKS
    assert max(len(block.get("fields", ())) for block in body["blocks"]) == FIELDS
    assert sum(len(text["text"]) for text in texts(body["blocks"])) < 13_000
    assert any(text["text"].endswith(" more") for text in texts(body["blocks"]))


@given(text=st.text(), limit=st.integers(1, 60))
def test_a_text_that_is_cut_has_its_length_and_its_ends(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert len(short) <= limit
    assert short == text if len(text) <= limit else short.startswith(text[: (limit - 1) // 2])
    assert len(fitted(text, limit, mrkdwn)) <= limit


@given(
    text=st.text(),
    lines=st.lists(st.text(), max_size=5),
    figures=st.lists(st.tuples(st.text(), st.text()), max_size=25),
)
def test_slack_takes_every_message(text: str, lines: list[str], figures: list[tuple[str, str]]) -> None:
    said = message(
        title=text,
        text=text,
        figures=tuple(Figure(label=label, text=value) for label, value in figures),
        causes=(Cause(name=text, usd=Decimal(1)),),
        sections=(Section(title=text, lines=tuple(lines)),),
        notes=tuple(lines),
        owner=text or None,
    )
    made = blocks(printable(said), LINKS)
    assert faults(made) == []
    assert calls(made) == []


def test_days_without_cost_and_credits_are_bars_too() -> None:
    series = message().series
    assert series is not None
    flat = [point.model_copy(update={"value": Decimal(0)}) for point in series.points[:3]]
    assert sparkline(series.model_copy(update={"points": tuple(flat)})).splitlines()[0].split()[4] == "▁▁▁"
    values = (Decimal(-10), Decimal(0), Decimal(60))
    credits = tuple(point.model_copy(update={"value": value}) for point, value in zip(flat, values, strict=True))
    assert sparkline(series.model_copy(update={"points": credits})).splitlines()[0].split()[4] == "▁▂█"


# --- what an answer means


CODES = [
    # outcome, credentials, step of the webhook, step of the bot
    ("delivered", False, "ok", "ok"),
    ("failed", False, status(500), status(500)),
    ("failed", False, status(502, "<html>bad gateway</html>"), status(502, "<html>bad gateway</html>")),
    ("failed", False, status(503), error("service_unavailable")),
    ("failed", False, rate_limited(30), rate_limited(30)),
    ("failed", False, status(429), error("ratelimited")),
    ("failed", False, status(408), status(408)),
    ("refused", False, error("invalid_payload", 400), error("invalid_arguments")),
    ("refused", False, error("channel_not_found", 404), error("channel_not_found")),
    ("refused", False, error("no_service", 404), error("not_in_channel")),
    ("refused", False, error("channel_is_archived", 410), error("is_archived")),
    ("refused", False, error("no_text", 400), error("msg_too_long")),
    ("refused", False, status(301), status(404)),
    ("refused", True, error("invalid_token", 403), error("invalid_auth")),
    ("refused", True, error("action_prohibited", 403), error("token_revoked")),
    ("refused", True, status(401), error("account_inactive")),
    ("refused", True, status(403), status(403)),
    ("unknown", False, status(200, "<html>welcome</html>"), status(200, "<html>welcome</html>")),
    ("unknown", False, "silent", "silent"),
    ("unknown", False, "close", "close"),
    ("unknown", False, "silent", error("internal_error")),
    ("unknown", False, "close", error("fatal_error")),
]


@pytest.mark.parametrize(("outcome", "credentials", "webhook", "bot"), CODES)
def test_every_answer_has_one_outcome(
    slack: SlackServer, channels: Channels, outcome: str, credentials: bool, webhook: Step, bot: Step
) -> None:
    for channel, step in (("slack", webhook), ("slack:#finops", bot)):
        slack.received.clear()
        slack.script([step])
        answer = post(channels, channel, message(owner=None))
        assert (answer.outcome, answer.credentials) == (outcome, credentials), answer
        assert len(slack.messages) == 1
        assert answer.text.endswith(".")
        assert not any(secret in answer.text for secret in (TOKEN, "abcdefghijklmnop", "welcome", "gateway"))


@WAYS
def test_a_rate_limit_is_left_to_the_outbox(slack: SlackServer, channels: Channels, channel: str) -> None:
    slack.script([rate_limited(30)])
    answer = post(channels, channel, message(owner=None))
    assert (answer.outcome, answer.retry_after) == ("failed", 30.0)
    slack.script([rate_limited("soon")])
    assert post(channels, channel, message(owner=None)).retry_after is None


@WAYS
def test_a_moment_is_waited_for_at_once_and_only_once(slack: SlackServer, channels: Channels, channel: str) -> None:
    slack.script([rate_limited(0)])
    assert post(channels, channel, message(owner=None)).outcome == "delivered"
    assert len(slack.messages) == 2
    slack.script([rate_limited(0), rate_limited(0)])
    assert post(channels, channel, message(owner=None)).outcome == "failed"
    assert len(slack.messages) == 4


@WAYS
def test_nobody_there_means_nothing_was_sent(slack: SlackServer, channels: Channels, channel: str) -> None:
    with slack.down():
        answer = post(channels, channel, message(owner=None))
    assert (answer.outcome, answer.code) == ("failed", "connection_refused")


@pytest.mark.parametrize(
    ("address", "code"), [("https://127.0.0.1:{port}", "tls"), ("http://no-such-host.invalid", "dns")]
)
def test_failures_before_the_message_was_sent_are_told_apart(slack: SlackServer, address: str, code: str) -> None:
    base = address.format(port=slack.port)
    with open_channels(settings(slack, slack_webhook_url=f"{base}/services/x", slack_api_url=f"{base}/api")) as there:
        for channel in ("slack", "slack:#finops"):
            answer = post(there, channel, message(owner=None))
            assert (answer.outcome, answer.code) == ("failed", code), answer
    assert slack.received == []


def test_a_redirect_is_not_followed_to_a_welcome_page(slack: SlackServer, channels: Channels) -> None:
    moved = status(302)
    moved.headers["Location"] = f"{slack.url}/elsewhere"
    slack.script([moved])
    assert post(channels, "slack", message(owner=None)).outcome == "unknown"


def test_a_revoked_token_is_refused_until_it_is_another(slack: SlackServer, channels: Channels) -> None:
    slack.token = "xoxb-another-token-1"
    answer = post(channels, "slack:#finops", message(owner=None))
    assert (answer.outcome, answer.credentials, answer.code) == ("refused", True, "invalid_auth")
    with open_channels(settings(slack, slack_bot_token=slack.token)) as renewed:
        assert post(renewed, "slack:#finops", message(owner=None)).outcome == "delivered"
        assert renewed.credential("slack:#finops") != channels.credential("slack:#finops")
        assert renewed.credential("slack") == channels.credential("slack")


@pytest.mark.parametrize(
    ("changes", "channel", "named_setting"),
    [
        ({"slack_webhook_url": None}, "slack", "COSTPULSE_SLACK_WEBHOOK_URL"),
        ({"slack_webhook_url": "hooks.slack.com/services/x"}, "slack", "COSTPULSE_SLACK_WEBHOOK_URL"),
        ({"slack_bot_token": None}, "slack:#finops", "COSTPULSE_SLACK_BOT_TOKEN"),
        ({"slack_bot_token": "xoxb-ümlaut-ümlaut"}, "slack:#finops", "COSTPULSE_SLACK_BOT_TOKEN"),
        ({"slack_webhook_url": "http://127.0.0.1:9/ü b"}, "slack", "its address"),
    ],
)
def test_what_is_not_configured_is_refused_by_the_name_of_the_setting(
    slack: SlackServer, changes: dict[str, Any], channel: str, named_setting: str
) -> None:
    with open_channels(settings(slack, **changes)) as channels:
        answer = post(channels, channel)
        assert (answer.outcome, answer.code) == ("refused", "not_configured")
        assert named_setting in answer.text
    assert slack.messages == []


def test_what_is_no_channel_is_refused(channels: Channels) -> None:
    assert post(channels, "pigeon:home").outcome == "refused"
    assert channels.credential("pigeon:home") is None


def test_secrets_reach_neither_the_log_nor_the_list_of_channels(
    slack: SlackServer, channels: Channels, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.script([status(500), "close", status(500)])
    for channel in ("slack", "slack:#finops", "slack"):
        post(channels, channel, message(owner=None))
    shown = caplog.text + repr(channels.configured())
    assert TOKEN not in shown
    assert "abcdefghijklmnop" not in shown
    assert "ends in …mnop" in shown
