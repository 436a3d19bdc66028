"""Checks how alerts would leave, by their settings alone: no message is sent."""

import re
from urllib.parse import urlsplit

from pydantic import SecretStr

from costpulse_assets.addresses import is_loopback
from costpulse_assets.alerts.channels.email import MailServer, sender_of
from costpulse_assets.doctor.examination import Examination, Verdict
from costpulse_assets.settings import Settings

AREA = "alerts"
CHECKS = ("Slack webhook", "Slack bot token", "e-mail (SMTP)", "webhooks")

_NOT_CONFIGURED = "Not configured."


def examine_channels(examination: Examination, settings: Settings) -> None:
    """One row per way out."""
    looks = (
        lambda: _webhook(settings.slack_webhook_url),
        lambda: _bot_token(settings),
        lambda: _smtp(settings),
        lambda: _webhooks(settings),
    )
    for name, look in zip(CHECKS, looks, strict=True):
        examination.check(AREA, name, look)


def _webhook(url: SecretStr | None) -> Verdict:
    if url is None:
        return Verdict("skipped", _NOT_CONFIGURED)
    fix = "Copy the webhook's URL from Slack, https://hooks.slack.com/services/..., to COSTPULSE_SLACK_WEBHOOK_URL."
    scheme, host, path = _parts(url)
    if scheme not in ("http", "https") or not host or path in ("", "/"):
        return Verdict("failed", "It is not the URL of a webhook.", fix)
    if scheme == "http" and not is_loopback(host):
        return Verdict("warning", f"Messages to {host} would go unencrypted, and so would the key in the URL.", fix)
    return Verdict("ok", f"Configured, by {host}; nothing was sent.")


def _bot_token(settings: Settings) -> Verdict:
    token, channel = settings.slack_bot_token, settings.slack_channel
    if token is None:
        if channel is None:
            return Verdict("skipped", _NOT_CONFIGURED)
        return Verdict(
            "warning",
            f"{channel} is the bot's channel, and there is no token of a bot.",
            "Copy the Bot User OAuth Token of your Slack app to COSTPULSE_SLACK_BOT_TOKEN.",
        )
    if not re.fullmatch(r"xoxb-[\w-]{10,}", token.get_secret_value(), re.ASCII):
        return Verdict(
            "failed",
            "It does not have the form of a bot token, xoxb-...",
            "Copy the Bot User OAuth Token of your Slack app to COSTPULSE_SLACK_BOT_TOKEN.",
        )
    where = f"what has no channel of its own goes to {channel}" if channel else "it posts to channels that alerts name"
    return Verdict("ok", f"Configured, and of a bot token's form; {where}. Nothing was sent.")


def _smtp(settings: Settings) -> Verdict:
    if settings.smtp_url is None:
        return Verdict("skipped", _NOT_CONFIGURED)
    try:
        server = MailServer.parse(settings.smtp_url.get_secret_value())
    except ValueError as error:
        return Verdict(
            "failed",
            str(error),
            "Write COSTPULSE_SMTP_URL as smtp://user:password@host:587, or smtps:// on port 465, percent-encoded.",
        )
    sender = sender_of(server, settings.smtp_from)
    if sender is None:
        return Verdict(
            "warning",
            f"Mails by {server.host}:{server.port} have no sender, and none would leave.",
            "Write the sender's address to COSTPULSE_SMTP_FROM.",
        )
    if settings.smtp_ca_file is not None and not settings.smtp_ca_file.is_file():
        return Verdict(
            "failed", f"There is no file {settings.smtp_ca_file}.", "Correct COSTPULSE_SMTP_CA_FILE, or leave it out."
        )
    return Verdict("ok", f"Configured, by {server.host}:{server.port} from {sender}; nothing was sent.")


def _webhooks(settings: Settings) -> Verdict:
    if not settings.webhooks:
        return Verdict("skipped", _NOT_CONFIGURED)
    addresses = {webhook.name: urlsplit(webhook.url.get_secret_value()) for webhook in settings.webhooks}
    names = ", ".join(f"{name} at {address.hostname}" for name, address in addresses.items())
    open_ways = [
        name
        for name, address in addresses.items()
        if address.scheme == "http" and not is_loopback(address.hostname or "")
    ]
    if open_ways:
        return Verdict(
            "warning",
            f"Messages to {', '.join(open_ways)} would go unencrypted, the links to acknowledge included.",
            "Write their addresses in COSTPULSE_WEBHOOKS with https://.",
        )
    return Verdict("ok", f"Configured: {names}; nothing was sent.")


def _parts(url: SecretStr) -> tuple[str, str, str]:
    """Scheme, host and path; empty ones where it is not a URL."""
    try:
        parts = urlsplit(url.get_secret_value())
    except ValueError:
        return "", "", ""
    return parts.scheme, parts.hostname or "", parts.path
