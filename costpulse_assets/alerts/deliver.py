"""Rounds of delivery: take what is due, one message at a time, hand it to its channel, write down the answer."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import ValidationError

from costpulse_assets.alerts.channels.answers import Answer, MessageLinks
from costpulse_assets.alerts.links import Links, signing_key, view_url
from costpulse_assets.alerts.message import Message
from costpulse_assets.alerts.outbox import (
    Claimed,
    bundle,
    claim,
    expire_leases,
    retry_with_new_credentials,
    settle,
)
from costpulse_assets.resources.database import Database

#: After so many failures in a row a channel gets nothing more in this round.
_MOST_FAILURES = 2


class Sender(Protocol):
    """What delivery needs of channels."""

    def send(self, channel: str, message: Message, links: MessageLinks, *, key: str) -> Answer:
        """Hand a message to a channel and say what came of it."""
        ...

    def credential(self, channel: str) -> str | None:
        """Fingerprint of what the channel is addressed with; None: it is not configured."""
        ...


@dataclass(frozen=True)
class Delivery:
    """One message of a round.

    Attributes:
        outbox_id: row of alert_outbox.
        channel: where to.
        title: of the message.
        answer: of the channel.
        is_late: the lease had run out before the answer; the message is unknown, whatever the answer.
    """

    outbox_id: int
    channel: str
    title: str
    answer: Answer
    is_late: bool


@dataclass(frozen=True)
class Round:
    """What one round did.

    Attributes:
        deliveries: the messages that were tried, in order.
        expired: messages that another process took and did not settle: they are unknown now.
        bundled: messages that go out as one, as their channel had been failing.
        retried: messages that wait again, as the credential that was refused is another one now.
    """

    deliveries: tuple[Delivery, ...] = ()
    expired: int = 0
    bundled: int = 0
    retried: int = 0

    @property
    def delivered(self) -> int:
        """Messages that their channel accepted."""
        return self._with("delivered")

    @property
    def refused(self) -> int:
        """Messages that their channel will not take; they are shown."""
        return self._with("refused")

    @property
    def failed(self) -> int:
        """Messages that did not go out and are tried again."""
        return self._with("failed")

    @property
    def unknown(self) -> int:
        """Messages of which nobody knows whether they arrived; they are shown."""
        return self._with("unknown") + self.late + self.expired

    @property
    def late(self) -> int:
        """Messages whose answer came after their lease."""
        return sum(delivery.is_late for delivery in self.deliveries)

    def summary(self) -> str:
        """All counts that are not zero: "3 delivered, 1 failed"; empty: nothing was to do."""
        names = ("delivered", "refused", "failed", "unknown", "late", "bundled", "retried")
        return ", ".join(f"{count} {name}" for name in names if (count := getattr(self, name)))

    def _with(self, outcome: str) -> int:
        return sum(delivery.answer.outcome == outcome and not delivery.is_late for delivery in self.deliveries)


def deliver_round(
    database: Database,
    channels: Sender,
    *,
    app_url: str,
    now: datetime,
    limit: int = 50,
    only: int | None = None,
    retry_failed: bool = False,
    seconds: float | None = None,
) -> Round:
    """Sends what is due, one message at a time; a process that dies leaves at most one message unknown.

    A channel that fails twice in a row, asks to wait or does not say whether a message arrived gets nothing more in
    this round; the others go on.

    Args:
        database: as the owner; with `only`, also as the app with a person who acts.
        channels: the ways out.
        app_url: address of the app, for the links.
        now: the present time, by a clock that runs.
        limit: at most so many messages.
        only: this message alone, whether due or not, and nothing else is done.
        retry_failed: what failed before this round is tried now, unless its channel asked to wait.
        seconds: no message is begun later than this after the start.

    Returns:
        What was done.

    Raises:
        DatabaseUnavailable: the database went away; what was being sent becomes unknown.
    """
    started = time.monotonic()

    def elapsed() -> float:
        return time.monotonic() - started

    expired = bundled = retried = 0
    if only is None:
        with database.transaction() as connection:
            expired = expire_leases(connection, now=now)
            retried = retry_with_new_credentials(connection, channels.credential, now=now)
            bundled = bundle(connection, now=now)
    deliveries: list[Delivery] = []
    failures: Counter[str] = Counter()
    left_out: set[str] = set()
    key: bytes | None = None
    while len(deliveries) < limit and (seconds is None or elapsed() < seconds):
        with database.transaction() as connection:
            claims = claim(
                connection,
                now=now + timedelta(seconds=elapsed()),
                limit=1,
                only=only,
                channels_left_out=left_out,
                retry_failed_before=now if retry_failed else None,
            )
            # Links to act are for findings; a test needs no key, which only the owner can make.
            if key is None and any(claimed.history_id is not None for claimed in claims):
                key = signing_key(connection)
        if not claims:
            break
        delivery = _deliver(database, channels, claims[0], app_url, key, lambda: now + timedelta(seconds=elapsed()))
        deliveries.append(delivery)
        answer = delivery.answer
        failures[delivery.channel] = failures[delivery.channel] + 1 if answer.outcome == "failed" else 0
        if answer.outcome == "unknown" or answer.retry_after or failures[delivery.channel] >= _MOST_FAILURES:
            left_out.add(delivery.channel)
        if only is not None:
            break
    return Round(tuple(deliveries), expired=expired, bundled=bundled, retried=retried)


def _deliver(
    database: Database,
    channels: Sender,
    claimed: Claimed,
    app_url: str,
    key: bytes | None,
    clock: Callable[[], datetime],
) -> Delivery:
    title, answer = _send(channels, claimed, app_url, key, clock())
    with database.transaction() as connection:
        settled = settle(connection, claimed, answer, now=clock(), credential=channels.credential(claimed.channel))
    return Delivery(claimed.id, claimed.channel, title, answer, is_late=not settled)


def _send(channels: Sender, claimed: Claimed, app_url: str, key: bytes | None, now: datetime) -> tuple[str, Answer]:
    try:
        message = Message.model_validate(claimed.content)
    except ValidationError:
        return claimed.key, Answer("refused", "What is stored is not a message: it was made by another version.")
    try:
        return message.title, channels.send(
            claimed.channel, message, _links(claimed, message, app_url, key, now), key=claimed.key
        )
    except Exception as error:  # whatever a channel does wrong, others go on, and nothing is sent twice
        return message.title, Answer(
            "unknown", f"Sending broke off ({type(error).__name__}): it may have arrived.", code="error"
        )


def _links(claimed: Claimed, message: Message, app_url: str, key: bytes | None, now: datetime) -> MessageLinks:
    if key is None or claimed.history_id is None:
        return MessageLinks(open=view_url(app_url, message.view))
    links = Links(app_url, key)
    return MessageLinks(
        open=links.view(message.view),
        acknowledge=links.action(claimed.history_id, "acknowledge", now) if claimed.can_be_acknowledged else None,
        mute=links.action(claimed.history_id, "mute", now),
    )
