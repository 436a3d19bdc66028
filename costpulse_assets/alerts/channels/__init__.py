"""Ways out: `Channels` hands a message to Slack, a mail server or a webhook and says what came of it."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from costpulse_assets.alerts.channels.answers import Answer, MessageLinks, not_configured
from costpulse_assets.alerts.channels.email import Mail, MailServer, sender_of
from costpulse_assets.alerts.channels.slack_blocks import USER_ID
from costpulse_assets.alerts.channels.text import printable
from costpulse_assets.alerts.channels.webhook import JsonWebhook
from costpulse_assets.alerts.message import Message
from costpulse_assets.channel_addresses import ChannelAddress
from costpulse_assets.settings import Settings

if TYPE_CHECKING:
    from costpulse_assets.alerts.channels.slack import SlackBot, SlackWebhook

#: Time-outs are of one step; a server that says a little all the time is left after so many of them.
_MOST_TIMEOUTS = 10

__all__ = ["Answer", "Channels", "ConfiguredChannel", "MessageLinks", "open_channels"]


@dataclass(frozen=True)
class ConfiguredChannel:
    """A way out that the settings name.

    Attributes:
        kind: slack, email or webhook.
        target: what stands behind the colon if only one thing can; empty otherwise.
        text: what is set, without any secret.
        problem: why nothing would leave; empty: nothing is known to be wrong.
    """

    kind: Literal["slack", "email", "webhook"]
    target: str
    text: str
    problem: str = ""


class Channels:
    """Every way out that is configured."""

    def __init__(self, settings: Settings) -> None:
        """Look at the settings; nothing is sent.

        Args:
            settings: addresses, keys and time-outs.
        """
        timeout = settings.alert_timeout_seconds
        self._settings = settings
        self._slack_webhook: SlackWebhook | None = None
        self._slack_bot: SlackBot | None = None
        self._mail: Mail | None = None
        if settings.slack_webhook_url is not None and not _slack_webhook_problem(settings):
            from costpulse_assets.alerts.channels import slack  # its client takes long to load

            self._slack_webhook = slack.SlackWebhook(settings.slack_webhook_url.get_secret_value(), timeout)
        if settings.slack_bot_token is not None and not _slack_bot_problem(settings):
            from costpulse_assets.alerts.channels import slack

            self._slack_bot = slack.SlackBot(
                settings.slack_bot_token.get_secret_value(), settings.slack_api_url, timeout
            )
        if settings.smtp_url is not None and not _mail_problem(settings):
            server = MailServer.parse(settings.smtp_url.get_secret_value())
            self._mail = Mail(server, sender_of(server, settings.smtp_from) or "", timeout, settings.smtp_ca_file)
        self._webhooks = {
            webhook.name: JsonWebhook(
                webhook.name, webhook.url.get_secret_value(), webhook.secret.get_secret_value(), timeout
            )
            for webhook in settings.webhooks
        }

    def send(self, channel: str, message: Message, links: MessageLinks, *, key: str) -> Answer:
        """Hand over one message, once; never raises.

        Args:
            channel: slack, slack:#channel, email:address, webhook or webhook:name.
            message: what it says, names as they are at the source.
            links: for its buttons.
            key: the same for the same message: Message-ID of the mail, `idempotency_key` of the JSON.
        """
        try:
            address = ChannelAddress.parse(channel)
        except ValueError as error:
            return Answer("refused", f"{error}."[:300], code="bad_channel")
        answers: list[Answer] = []
        thread = threading.Thread(
            target=lambda: answers.append(self._guarded(address, message, links, key)), name=channel, daemon=True
        )
        thread.start()
        patience = _MOST_TIMEOUTS * self._settings.alert_timeout_seconds
        thread.join(patience)
        if answers:
            return answers[0]
        return Answer("unknown", f"No answer was complete after {patience} s; it may have arrived.", code="too_slow")

    def credential(self, channel: str) -> str | None:
        """Fingerprint of what a channel is signed in with; None: it is not configured, or no channel."""
        try:
            address = ChannelAddress.parse(channel)
        except ValueError:
            return None
        settings = self._settings
        parts: tuple[str, ...] | None = None
        if address.kind == "slack":
            secret = settings.slack_bot_token if address.target else settings.slack_webhook_url
            parts = None if secret is None else (secret.get_secret_value(),)
        elif address.kind == "email":
            parts = None if settings.smtp_url is None else (settings.smtp_url.get_secret_value(),)
        elif webhook := next((each for each in settings.webhooks if each.name == self._webhook_name(address)), None):
            parts = (webhook.url.get_secret_value(), webhook.secret.get_secret_value())
        if parts is None:
            return None
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:12]

    def configured(self) -> list[ConfiguredChannel]:
        """What the settings name, in the order webhook of Slack, bot, mail, webhooks."""
        settings = self._settings
        made = []
        if settings.slack_webhook_url is not None:
            text = f"Incoming webhook, {_masked(settings.slack_webhook_url.get_secret_value())}"
            made.append(ConfiguredChannel("slack", "", text, _slack_webhook_problem(settings)))
        if settings.slack_bot_token is not None:
            text = f"Bot token, {_masked(settings.slack_bot_token.get_secret_value())}"
            made.append(ConfiguredChannel("slack", settings.slack_channel or "", text, _slack_bot_problem(settings)))
        if settings.smtp_url is not None:
            made.append(ConfiguredChannel("email", "", _mail_text(settings), _mail_problem(settings)))
        for webhook in settings.webhooks:
            host = urlsplit(webhook.url.get_secret_value()).hostname
            text = f"By {host}, key {_masked(webhook.secret.get_secret_value())}"
            made.append(ConfiguredChannel("webhook", webhook.name, text))
        return made

    def _guarded(self, address: ChannelAddress, message: Message, links: MessageLinks, key: str) -> Answer:
        try:
            return self._send(address, printable(message), links, key)
        except Exception as error:  # it may have left before that, and the next message is another one
            return Answer(
                "unknown", f"The message could not be handled ({type(error).__name__}).", code="unexpected_fault"
            )

    def _send(self, address: ChannelAddress, message: Message, links: MessageLinks, key: str) -> Answer:
        if address.kind == "email":
            if self._mail is None:
                return not_configured(_mail_problem(self._settings) or "COSTPULSE_SMTP_URL is not set.")
            return self._mail.send(address.target, message, links, key=key)
        if address.kind == "webhook":
            webhook = self._webhooks.get(self._webhook_name(address))
            if webhook is None:
                return not_configured(f"COSTPULSE_WEBHOOKS has no webhook {address.target}".rstrip() + ".")
            return webhook.send(message, links, key=key)
        if address.target:
            if self._slack_bot is None:
                return not_configured(_slack_bot_problem(self._settings) or "COSTPULSE_SLACK_BOT_TOKEN is not set.")
            return self._slack_bot.send(address.target, message, links, self._owner_id(message.owner))
        if self._slack_webhook is None:
            return not_configured(_slack_webhook_problem(self._settings) or "COSTPULSE_SLACK_WEBHOOK_URL is not set.")
        return self._slack_webhook.send(message, links, self._owner_id(message.owner))

    def _owner_id(self, owner: str | None) -> str | None:
        """Slack's id of whoever is to be mentioned: it is one already, or a bot can look up the address."""
        if owner is None or USER_ID.fullmatch(owner):
            return owner
        return self._slack_bot.user_id(owner) if self._slack_bot else None

    def _webhook_name(self, address: ChannelAddress) -> str:
        """The only one needs no name."""
        webhooks = self._settings.webhooks
        return webhooks[0].name if not address.target and len(webhooks) == 1 else address.target


@contextmanager
def open_channels(settings: Settings) -> Iterator[Channels]:
    """The ways out for one round of delivery."""
    yield Channels(settings)


def _slack_webhook_problem(settings: Settings) -> str:
    if settings.slack_webhook_url is None:
        return ""
    try:
        parts = urlsplit(settings.slack_webhook_url.get_secret_value())
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.path.strip("/")
    except ValueError:
        usable = False
    return "" if usable else "COSTPULSE_SLACK_WEBHOOK_URL is not the address of a webhook."


def _slack_bot_problem(settings: Settings) -> str:
    token = settings.slack_bot_token
    if token is None or re.fullmatch(r"xox[\x21-\x7e]{5,}", token.get_secret_value()):
        return ""
    return "COSTPULSE_SLACK_BOT_TOKEN does not have the form of a token, xoxb-..."


def _mail_problem(settings: Settings) -> str:
    if settings.smtp_url is None:
        return ""
    try:
        server = MailServer.parse(settings.smtp_url.get_secret_value())
    except ValueError as error:
        return f"COSTPULSE_SMTP_URL cannot be used: {str(error).replace('It', 'it', 1)}"
    if sender_of(server, settings.smtp_from) is None:
        return "COSTPULSE_SMTP_FROM is not set, and the user of the mail server is no address."
    if settings.smtp_ca_file is not None and not settings.smtp_ca_file.is_file():
        return f"COSTPULSE_SMTP_CA_FILE: there is no file {settings.smtp_ca_file}."
    return ""


def _mail_text(settings: Settings) -> str:
    try:
        server = MailServer.parse(settings.smtp_url.get_secret_value() if settings.smtp_url else "")
    except ValueError:
        return "Mail server"
    return f"{server.host}:{server.port}, from {sender_of(server, settings.smtp_from) or 'nobody'}"


def _masked(secret: str) -> str:
    """Enough to tell two of them apart, and no more."""
    return f"set, ends in …{secret[-4:]}" if len(secret) >= 20 else "set"
