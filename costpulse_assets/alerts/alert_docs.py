"""The page about alerts, made from the declarations of their types and the channels.

Written by `python -m costpulse_assets.alerts.alert_docs > docs/alerts.md`.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertType, Threshold
from costpulse_assets.alerts.channels.answers import MessageLinks
from costpulse_assets.alerts.channels.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, Payload, payload
from costpulse_assets.alerts.links import LINK_LIFE
from costpulse_assets.alerts.message import Cause, Figure, Message, Point, Series
from costpulse_assets.alerts.outbox import GIVE_UP_AFTER, LEASE, MOST_SINGLE
from costpulse_assets.markdown import anchor, bullets, paragraph, table
from costpulse_assets.settings import Settings

#: Messages that have a picture as a mail beside that of Slack.
_MAILS = ("budget_threshold", "digest")

_EXAMPLE = Message(
    title="Budget Data Platform: 83 % of $12,000 is spent",
    text="By the end of Mon 23 Nov 2026, $9,960 of $12,000 were spent.",
    severity="warning",
    figures=(Figure(label="Spent", text="$9,960 of $12,000, 83 %"),),
    causes=(Cause(kind="product", name="JOBS", usd=Decimal("3377.10")),),
    series=Series(label="Spent a day", points=(Point(day=date(2026, 11, 23), value=Decimal("621.4")),)),
    owner="lead@example.com",
)
_RECEIVER = f'''
```python
import hashlib, hmac, time


def is_genuine(headers: dict[str, str], body: bytes, secret: str) -> bool:
    timestamp = headers["{TIMESTAMP_HEADER}"]
    expected = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = abs(time.time() - int(timestamp)) < 300
    return fresh and hmac.compare_digest(headers["{SIGNATURE_HEADER}"], f"sha256={{expected}}")
```
'''.strip()


def documentation(types: Mapping[str, AlertType] = ALERT_TYPES) -> str:
    """The text of docs/alerts.md.

    Args:
        types: what is described, in this order.
    """
    return (
        "\n\n".join(
            (
                "# Alerts",
                paragraph(
                    "What CostPulse tells, whom, and how often. This page is made from the declarations in "
                    "`costpulse_assets/alerts/`. An alert watches one scope for one type of finding; it is edited on "
                    "the page Alerts, or as a file with `costpulse export` and `costpulse apply`."
                ),
                table(
                    ("type", "watches", "severity", "looked at"),
                    (
                        (
                            f"[{kind.title}](#{anchor(kind.title)}), `{kind.name}`",
                            ", ".join(kind.scopes),
                            kind.severity,
                            "every few minutes" if kind.watched_by == "clock" else "when its tables are new",
                        )
                        for kind in types.values()
                    ),
                ),
                *_once(),
                *_ways(),
                *_webhook(),
                *_outcomes(),
                *_trying(),
                *(part for kind in types.values() for part in _type(kind)),
            )
        )
        + "\n"
    )


def _once() -> Iterable[str]:
    yield "## What is told, and when"
    yield bullets(
        "**Once.** A finding has a key: alert, scope, period or event, threshold, whether it begins or ends, and the "
        "number of the reminder. A key is written once, with its messages, in one transaction; the same finding is "
        "never told twice, however often it is looked at. What ended is told only where its beginning was.",
        "**Final days only.** Days that are still coming in are not judged, so that nothing is told that is not true "
        "the day after.",
        "**From its first day on.** A new alert is silent about what was before `watches_from`, by default the day it "
        "was made.",
        "**The highest threshold speaks.** Where one day reaches several, one message tells the highest; the others "
        "are kept as `covered`.",
        "**Cooldown.** `cooldown_minutes` is the least time between two different findings of one alert and scope; "
        "what comes earlier waits.",
        "**Quiet hours.** Between `quiet_from` and `quiet_until` (UTC) what is not critical waits.",
        "**Muted.** Until `muted_until` findings are kept as `muted` and told to nobody.",
        "**Owner.** Messages name the alert's owner, else that of the budget, the event or the resource. Slack "
        "mentions people by their address where the bot may look them up; names that come from the source never call "
        "anybody.",
        "**Nowhere to go.** A finding without a channel is kept as `shown`: the page Alerts has it.",
    )


def _ways() -> Iterable[str]:
    timeout = Settings.model_fields["alert_timeout_seconds"].default
    yield "## Where it goes"
    yield table(
        ("channel", "leads to", "needs"),
        (
            ("`slack`", "the channel of the incoming webhook", "`COSTPULSE_SLACK_WEBHOOK_URL`"),
            (
                "`slack:#finops`, `slack:C0123456789`, `slack:U0123456789`",
                "a channel or person, by the bot",
                "`COSTPULSE_SLACK_BOT_TOKEN`",
            ),
            ("`email:lead@example.com`", "one address", "`COSTPULSE_SMTP_URL`, `COSTPULSE_SMTP_FROM`"),
            ("`webhook`, `webhook:pager`", "a server of yours, by its name", "`COSTPULSE_WEBHOOKS`"),
            ("`routed`", "wherever the routes lead; that is also what an alert without channels does", ""),
        ),
    )
    yield paragraph(
        "Routes are chosen by the finding's team: its own routes, else those of its cost centre, else those of "
        "neither; each from its `minimum_severity` on. Without any, it goes to `slack`, or with a bot to "
        "`COSTPULSE_SLACK_CHANNEL`. Budgets name recipients of their own, who are told as well."
    )
    yield "\n".join(
        (
            "```yaml",
            "alert_routes:",
            '  - {team: Data Platform, channel: "slack:#data-platform"}',
            '  - {team: Data Platform, minimum_severity: critical, channel: "webhook:pager"}',
            '  - {cost_center: CC-100, channel: "email:controller@example.com"}',
            '  - {channel: "slack:#finops"}',
            "```",
        )
    )
    yield bullets(
        "**Slack, webhook.** Make an app with an incoming webhook and copy its address. It posts to one channel.",
        "**Slack, bot.** Give the app the scope `chat:write`, and `users:read` with `users:read.email` if owners are "
        "to be mentioned; invite the bot to its channels. A layout that Slack refuses is sent once more as plain text.",
        "**Mail.** `smtp://` needs STARTTLS (on this machine itself it does not), `smtps://` is encrypted from the "
        "start; the certificate is checked, against `COSTPULSE_SMTP_CA_FILE` if that is set. Mails have a text and an "
        "HTML part, no pictures and nothing that is loaded. Mails of one message have one Message-ID.",
        f"**All.** An answer is waited for {timeout} s (`COSTPULSE_ALERT_TIMEOUT_SECONDS`). Names are cut to what a "
        "channel can show, with head and tail kept, and are text there, never markup. In Slack, `*`, `~`, backticks "
        "and underscores at the edge of a word look as they are and are other letters; in mails and JSON they are "
        "themselves.",
        "**Links** lead to the very view, at `COSTPULSE_APP_URL`. Those that acknowledge or mute are signed, work once "
        f"and for {LINK_LIFE.days} days, and change nothing before somebody clicks the button in the app.",
    )
    yield paragraph("`costpulse doctor` looks at all of these settings without sending anything.")


def _webhook() -> Iterable[str]:
    yield "## Signed JSON"
    yield paragraph(
        "A webhook gets `POST` with `Content-Type: application/json`. Any answer from 200 to 299 means that it has the "
        "message; redirects are not followed."
    )
    yield "\n".join(
        (
            "```sh",
            """COSTPULSE_WEBHOOKS='[{"name": "pager", "url": "https://pager.example.com/alerts", "secret": "..."}]'""",
            "```",
        )
    )
    yield table(
        ("header", "value"),
        (
            (f"`{TIMESTAMP_HEADER}`", "seconds since 1970 when it was sent"),
            (
                f"`{SIGNATURE_HEADER}`",
                "`sha256=` and the HMAC-SHA256, in hexadecimal digits, of timestamp, a point and the body, by the "
                "webhook's `secret` (at least 16 characters)",
            ),
        ),
    )
    yield table(
        ("field", "meaning"),
        ((f"`{name}`", str(field.description)) for name, field in Payload.model_fields.items()),
    )
    yield paragraph(
        "Amounts are text, so that no digit is lost; days are `YYYY-MM-DD` in UTC. The same message can come again: "
        "after an answer of 5xx, which is taken for a failure, or when somebody has it sent again. Drop what has an "
        "`idempotency_key` that you have seen."
    )
    links = MessageLinks(
        *(f"https://costs.example.com/{path}" for path in ("forecast?tab=budgets", "alerts?act=...", "alerts?act=..."))
    )
    example: Any = json.loads(
        payload(
            _EXAMPLE,
            links,
            key="4 | team:3 | budget:4:2026-11-01 | 80 | firing | 0 > webhook:pager",
            now=datetime(2026, 11, 24, 14, 5, tzinfo=UTC),
        )
    )
    yield f"```json\n{json.dumps(example, indent=2)}\n```"
    yield "Is it really from CostPulse?"
    yield _RECEIVER


def _outcomes() -> Iterable[str]:
    seconds = Settings.model_fields["deliver_seconds"].default
    yield "## What becomes of a message"
    yield paragraph(
        f"Messages wait in `alert_outbox`. A sensor looks for them every {seconds} s (`COSTPULSE_DELIVER_SECONDS`), "
        "takes one at a time, and writes down that it did before it sends anything; `costpulse deliver` does one such "
        "round and exits. The page Alerts shows every message with its outcome and what the channel said."
    )
    yield table(
        ("outcome", "when", "then"),
        (
            ("delivered", "the channel said that it has it", "nothing more"),
            (
                "refused",
                "the same would be refused again: a status of 3xx or 4xx, no such channel, the bot is not in it, a "
                "webhook that was removed, a mail server's 5xx, a setting that is missing",
                "shown; sent again when somebody says so. Refused for the credential (401, 403, a revoked token, a "
                "wrong password): sent again by itself once another one is configured",
            ),
            (
                "failed",
                "nothing was sent, or the channel said to come later: 408, 425, 429, 5xx, a mail server's 4xx, no "
                "connection, no name in the DNS, no TLS, no answer while connecting",
                f"tried again after 30 s, then twice as long each time, at most an hour, or as long as `Retry-After` "
                f"asks; refused after {GIVE_UP_AFTER.days} days",
            ),
            (
                "unknown",
                "it was sent and nobody answered: a time-out or a lost connection after the whole message was handed "
                f"over, or a process that died while it sent ({LEASE.seconds // 60} minutes later)",
                "shown, as it may have arrived; sent again only when somebody says so",
            ),
        ),
    )
    yield paragraph(
        f"When a channel was away for long and more than {MOST_SINGLE} messages wait for it, one message carries their "
        "titles."
    )


def _trying() -> Iterable[str]:
    yield "## Trying an alert"
    yield bullets(
        "`costpulse alert test NAME`, and *Send a test* on the page Alerts, send one message that is marked as a test "
        "and print what the channel answers.",
        "The form of an alert shows what it would have told in the last 90 days before it is saved; "
        "`costpulse alert preview NAME` does the same for one that is saved. Nothing is sent or written.",
    )


def _type(kind: AlertType) -> Iterable[str]:
    yield f"## {kind.title}"
    how = f"`sql/{kind.statement}.sql`" if kind.has_statement else "without a statement of its own"
    yield paragraph(
        f"Type `{kind.name}`: {how}. It watches {', '.join(kind.scopes)}; its values are in {kind.value_unit}."
    )
    yield f"![The message in Slack](images/alert-{kind.name}.png)"
    if kind.name in _MAILS:
        yield f"![The same as a mail](images/alert-{kind.name}-mail.png)"
    yield from (
        paragraph(f"**{heading}** {text}")
        for heading, text in (("Fires.", kind.fires), ("Silent.", kind.silent), ("Once.", kind.once))
    )
    if kind.no_dry_run:
        yield paragraph(f"**No dry run.** {kind.no_dry_run}")
    fields = [*_threshold(kind.threshold), *_options(kind)]
    if fields:
        yield table(("field", "default", "meaning"), fields)
    yield table(("evidence", "meaning"), ((f"`{name}`", meaning) for name, meaning in kind.evidence.items()))


def _threshold(threshold: Threshold | None) -> Iterable[tuple[str, str, str]]:
    if threshold is None:
        return
    if threshold.default is not None:
        default = f"{_number(threshold.default)} {threshold.unit}"
    else:
        default = threshold.otherwise or "none: it is required"
    bounds = f"{_number(threshold.minimum)} to {_number(threshold.maximum)} {threshold.unit}"
    yield "`threshold_value`", default, f"{threshold.label}; {bounds}."


def _options(kind: AlertType) -> Iterable[tuple[str, str, str]]:
    for name, field in kind.options.model_fields.items():
        yield f"`options.{name}`", _default(field.default), f"{field.title}. {field.description}"


def _default(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value) or "none"
    if isinstance(value, Decimal):
        return f"`{_number(value)}`"
    return "empty" if value in ("", None) else f"`{value}`"


def _number(value: Decimal) -> str:
    return f"{value:,f}"


if __name__ == "__main__":
    sys.stdout.write(documentation())
