"""The outbox as a state machine: how a message goes from waiting to its last state, whatever dies on the way.

    waiting --claim--> sending --settle--> delivered | refused | failed | unknown
    failed --claim, when due--> sending         unknown, refused --requeue, by a person--> waiting
    sending --the lease ran out--> unknown      refused for a credential that is another one now --> waiting

A claim is committed before anything is posted, so that a message that may have been posted is never waiting: whoever
dies in between leaves it sending, and then unknown, which a person sees and nobody sends again by himself. Every
function works in the caller's transaction.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from costpulse_assets.alerts.channels.answers import Answer
from costpulse_assets.alerts.message import Message, Section, Severity
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, Row, run

#: A process that has not settled a message after this time is taken for dead; far longer than any channel may take.
LEASE = timedelta(minutes=5)
#: A message that fails for so long is given up.
GIVE_UP_AFTER = timedelta(days=3)
#: After an answer that does not say whether the message arrived, its channel is left alone for so long.
PAUSE_AFTER_UNKNOWN = timedelta(minutes=5)
#: Above this number, messages for a channel that has failed for LONG_OUTAGE arrive as one.
MOST_SINGLE = 5
LONG_OUTAGE = timedelta(minutes=30)

_FIRST_BACKOFF, _LONGEST_BACKOFF = timedelta(seconds=30), timedelta(hours=1)
#: A test is left to whoever asked for it; if he does not come back, it goes with the others.
_TEST_PATIENCE = timedelta(minutes=2)
#: Titles in a bundle; channels cut long texts anyway.
_MOST_LINES = 100
_HEADINGS: dict[Severity, str] = {"critical": "Critical", "warning": "Warning", "info": "For information"}


@dataclass(frozen=True)
class Claimed:
    """A message that this process, and no other, sends now.

    Attributes:
        id: row of alert_outbox.
        claim: of this try; settles it.
        key: dedup_key.
        channel: where to.
        attempts: tries, this one included.
        content: the message as it is stored.
        history_id: the finding; None: a bundle or a test.
        can_be_acknowledged: whether acknowledging the finding makes sense.
    """

    id: int
    claim: UUID
    key: str
    channel: str
    attempts: int
    content: dict[str, Any]
    history_id: int | None
    can_be_acknowledged: bool


def claim(
    connection: Connection,
    *,
    now: datetime,
    limit: int,
    lease: timedelta = LEASE,
    only: int | None = None,
    channels_left_out: Collection[str] = (),
    retry_failed_before: datetime | None = None,
) -> list[Claimed]:
    """Takes messages to send, critical ones and those with fewest tries first; commit before sending them.

    Args:
        connection: with an open transaction.
        now: what is due at this time.
        limit: at most so many.
        lease: how long they are ours.
        only: this message alone, whether due or not.
        channels_left_out: channels that get nothing now.
        retry_failed_before: what failed before this time is due whatever its backoff; None: it waits for that.
    """
    rows = run(
        connection,
        "transform/outbox_claim",
        {
            "now": now,
            "limit": limit,
            "lease_until": now + lease,
            "only": only,
            "channels_left_out": list(channels_left_out),
            "retry_failed_before": retry_failed_before,
        },
    )
    for row in rows:
        if row["purpose"] == "bundle":
            _write_bundle(connection, row)
    return [
        Claimed(
            **{name: row[name] for name in ("id", "claim", "channel", "attempts", "content", "history_id")},
            key=row["dedup_key"],
            can_be_acknowledged=bool(row["can_be_acknowledged"]),
        )
        for row in rows
    ]


def settle(
    connection: Connection, claimed: Claimed, answer: Answer, *, now: datetime, credential: str | None = None
) -> bool:
    """Writes down what came of a message, and of what it carried.

    Args:
        connection: with an open transaction.
        claimed: from `claim`.
        answer: of the channel.
        now: when it answered.
        credential: fingerprint of what the channel was addressed with.

    Returns:
        False: the lease had run out, the message is unknown or somebody sent it again, and nothing was changed.
    """
    asked = timedelta(seconds=answer.retry_after or 0)
    wait_until = None
    if answer.outcome == "failed" and asked:
        wait_until = now + asked
    elif answer.outcome == "unknown":
        wait_until = now + PAUSE_AFTER_UNKNOWN
    settled = run(
        connection,
        "transform/outbox_settle",
        {
            "claim": claimed.claim,
            "outcome": answer.outcome,
            "now": now,
            "due_at": now + max(backoff(claimed.attempts), asked),
            "wait_until": wait_until,
            "give_up_from": now - GIVE_UP_AFTER,
            "gave_up": f"Gave up after {GIVE_UP_AFTER.days} days.",
            "answer": answer.text,
            "credential": credential if answer.outcome == "refused" and answer.credentials else None,
        },
    )
    return bool(settled)


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many tries in vain: 30 s, then twice as long each time, at most an hour."""
    return min(_FIRST_BACKOFF * (1 << min(attempts - 1, 12)), _LONGEST_BACKOFF)


def expire_leases(connection: Connection, *, now: datetime) -> int:
    """What processes took and did not settle in time becomes unknown, with what it carried; how many messages."""
    answer = "The process that sent it did not come back: it may have arrived."
    lost = run(connection, "transform/outbox_expire_leases", {"now": now, "answer": answer})
    return sum(row["purpose"] != "bundle" for row in lost)


def retry_with_new_credentials(
    connection: Connection, credential: Callable[[str], str | None], *, now: datetime
) -> int:
    """What was refused for its credential waits again if there is another one now; how many messages.

    Args:
        connection: with an open transaction.
        credential: channel -> fingerprint of the credential that is configured; None: there is none.
        now: when it is due.
    """
    retried = 0
    for refused in run(connection, "transform/outbox_refused_credentials"):
        if credential(refused["channel"]) not in (None, refused["credential"]):
            again = run(connection, "transform/outbox_retry_refused", {**refused, "now": now})
            retried += sum(row["purpose"] != "bundle" for row in again)
    return retried


def bundle(connection: Connection, *, now: datetime) -> int:
    """More than a handful of messages for a channel that has long been failing become one; how many were put there.

    What comes later joins as long as it was not delivered. The content is written when the bundle is claimed.
    """
    parameters = {"now": now, "failing_before": now - LONG_OUTAGE, "most_single": MOST_SINGLE}
    return len(run(connection, "transform/outbox_bundles", parameters))


def requeue(connection: Connection, outbox_id: int, actor: str) -> None:
    """Has a message sent again that was refused, failed, or is unknown: a person has looked whether it arrived.

    A bundle takes with it what it carried; what waits in a bundle is sent with that.

    Args:
        connection: as the owner or the app, with an open transaction.
        outbox_id: row of alert_outbox.
        actor: who asks, for the row and the audit log.

    Raises:
        BadInput: it is not there, was delivered, or is on its way.
    """
    _name_actor(connection, actor)
    if not run(connection, "transform/outbox_requeue", {"id": outbox_id, "actor": actor.strip()}):
        raise BadInput(
            f"Message {outbox_id} cannot be sent again: it is not there, was delivered, or is on its way.",
            next_step="Reload the list of messages.",
        )


def queue_test(connection: Connection, *, alert_name: str, channel: str, message: Message, actor: str) -> int:
    """Writes a marked message that tries a channel; `deliver_round(..., only=id)` sends it.

    Args:
        connection: as the owner or the app, with an open transaction.
        alert_name: what is tried.
        channel: where to.
        message: as it would be sent; it is marked here.
        actor: who asks, for the row and the audit log.

    Returns:
        Its row of alert_outbox. A test that fails is not tried again.
    """
    _name_actor(connection, actor)
    marked = message.model_copy(update={"is_test": True})
    parameters = {
        "alert_name": alert_name,
        "severity": message.severity,
        "channel": channel,
        "content": Jsonb(marked.model_dump(mode="json")),
        "patience": _TEST_PATIENCE,
        "actor": actor.strip(),
    }
    return int(run(connection, "transform/outbox_queue_test", parameters)[0]["id"])


def bundled_message(rows: Collection[Row]) -> Message:
    """One message that says what many would have said.

    Args:
        rows: severity, created_at and title of each, the most severe and oldest first; none is left where a person
            had each sent on its own.
    """
    if not rows:
        return Message(title="Nothing is left to say", text="Each message was sent on its own.", severity="info")
    times = [row["created_at"] for row in rows]
    lines: dict[Severity, list[str]] = {severity: [] for severity in _HEADINGS}
    for row in list(rows)[:_MOST_LINES]:
        lines[row["severity"]].append(f"{row['created_at']:%d %b, %H:%M} UTC: {row['title']}")
    left_out = len(rows) - _MOST_LINES
    return Message(
        title=f"{len(rows)} messages waited until this channel could be reached",
        text=f"They were found from {min(times):%d %b %Y, %H:%M} to {max(times):%d %b %Y, %H:%M} UTC.",
        severity=next(row["severity"] for row in rows),
        sections=tuple(
            Section(title=_HEADINGS[severity], lines=tuple(titles)) for severity, titles in lines.items() if titles
        ),
        notes=(f"{left_out} more are in CostPulse.",) if left_out > 0 else (),
    )


def _write_bundle(connection: Connection, row: Row) -> None:
    """Puts into a claimed bundle what it carries now."""
    messages = run(connection, "transform/outbox_bundle_messages", {"id": row["id"]})
    message = bundled_message(messages)
    row["content"] = message.model_dump(mode="json")
    content = {"id": row["id"], "severity": message.severity, "content": Jsonb(row["content"])}
    run(connection, "transform/outbox_write_bundle", content)


def _name_actor(connection: Connection, actor: str) -> None:
    if not actor.strip():
        raise BadInput("Nobody is named who asks for it.", next_step="Say who acts: it is written down.")
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor.strip()])
