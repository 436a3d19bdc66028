"""Checks how alerts would leave, by their settings alone: no message is sent."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr

from costpulse_assets.doctor.examination import Examination, Verdict
from costpulse_assets.settings import Settings

AREA = "alerts"
CHECKS = ("Slack webhook", "Slack bot token", "e-mail (SMTP)")

_NOT_CONFIGURED = "Not configured."


def examine_channels(examination: Examination, settings: Settings) -> None:
    """One row per way out."""
    looks = (
        lambda: _webhook(settings.slack_webhook_url),
        lambda: _bot_token(settings.slack_bot_token),
        lambda: _smtp(settings.smtp_url),
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
    if scheme == "http" and not _is_loopback(host):
        return Verdict("warning", f"Messages to {host} would go unencrypted, and so would the key in the URL.", fix)
    return Verdict("ok", f"Configured, by {host}; nothing was sent.")


def _bot_token(token: SecretStr | None) -> Verdict:
    if token is None:
        return Verdict("skipped", _NOT_CONFIGURED)
    if re.fullmatch(r"xoxb-[\w-]{10,}", token.get_secret_value()):
        return Verdict("ok", "Configured, and of a bot token's form; nothing was sent.")
    return Verdict(
        "failed",
        "It does not have the form of a bot token, xoxb-...",
        "Copy the Bot User OAuth Token of your Slack app to COSTPULSE_SLACK_BOT_TOKEN.",
    )


def _smtp(url: SecretStr | None) -> Verdict:
    if url is None:
        return Verdict("skipped", _NOT_CONFIGURED)
    fix = "Write COSTPULSE_SMTP_URL as smtp://user:password@host:587, or smtps:// on port 465, percent-encoded."
    try:
        parts = urlsplit(url.get_secret_value())
        port = parts.port or (465 if parts.scheme == "smtps" else 587)
    except ValueError:
        return Verdict("failed", "It is not a URL.", fix)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        return Verdict("failed", "It is not the URL of a mail server.", fix)
    if (parts.username is None) != (parts.password is None):
        return Verdict("failed", "It has a user without a password, or a password without a user.", fix)
    return Verdict("ok", f"Configured, by {parts.hostname}:{port}; nothing was sent.")


def _parts(url: SecretStr) -> tuple[str, str, str]:
    """Scheme, host and path; empty ones where it is not a URL."""
    try:
        parts = urlsplit(url.get_secret_value())
    except ValueError:
        return "", "", ""
    return parts.scheme, parts.hostname or "", parts.path


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
