"""Messages by hand, channels that follow a script and count what arrives, and a database to crash at."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg.types.json import Jsonb

from costpulse_assets.alerts.channels.answers import Answer, MessageLinks
from costpulse_assets.alerts.deliver import Round, deliver_round
from costpulse_assets.alerts.message import Message, Severity
from costpulse_assets.resources.database import Connection, Database, named_database_errors

APP_URL = "https://costpulse.example.com"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

DELIVERED = Answer("delivered", "Arrived.")
FAILED = Answer("failed", "503.")
LOST = Answer("unknown", "No answer.")

_EVALUATE = """
with found as (
    insert into costpulse.alert_history (
        alert_id, triggered_at, status, message, finding_key, alert_type, severity, scope_type, scope_id, scope_name,
        subject, phase, reminder, occurred_on, evidence, content
    )
    select
        a.id, %(now)s, 'told', f.key, f.key, a.alert_type, %(severity)s, 'everything', '', 'Everything', f.key,
        %(phase)s, 0, '2026-11-22', '{}', f.content
    from unnest(%(keys)s::text[], %(contents)s::jsonb[]) as f (key, content)
    cross join (select id, alert_type from costpulse.alerts order by id limit 1) as a
    on conflict (finding_key) do nothing
    returning id, finding_key, content
)
insert into costpulse.alert_outbox (dedup_key, history_id, purpose, severity, channel, content, created_at, due_at)
select f.finding_key || ' > ' || c.channel, f.id, 'finding', %(severity)s, c.channel, f.content, %(now)s, %(due_at)s
from found as f
cross join unnest(%(channels)s::text[]) as c (channel)
on conflict (dedup_key) do nothing
"""


def make_alert(connection: Connection) -> None:
    """The alert that all findings are of."""
    connection.execute(
        "insert into costpulse.alerts (name, alert_type, watches_from) values ('Spikes', 'cost_spike', '2026-01-01')"
    )


def evaluate(
    database: Database,
    keys: Sequence[str],
    channels: Sequence[str] = ("slack",),
    *,
    now: datetime = NOON,
    due_at: datetime | None = None,
    severity: Severity = "warning",
    phase: str = "firing",
) -> None:
    """What an evaluation writes, in its own transaction; the key is the title of the message."""
    contents = [Jsonb(Message(title=key, text=".", severity=severity).model_dump(mode="json")) for key in keys]
    with database.transaction() as connection:
        connection.execute(
            _EVALUATE,
            {
                "keys": list(keys),
                "contents": contents,
                "channels": list(channels),
                "now": now,
                "due_at": due_at or now,
                "severity": severity,
                "phase": phase,
            },
        )


def outbox(database: Database) -> dict[str, dict[str, Any]]:
    """Every row by its dedup_key."""
    with database.transaction() as connection:
        return {row["dedup_key"]: row for row in connection.execute("select * from costpulse.alert_outbox").fetchall()}


def states(database: Database) -> dict[str, str]:
    return {key: row["state"] for key, row in outbox(database).items() if row["purpose"] != "bundle"}


@dataclass
class ScriptedChannels:
    """Answers as the script says, then with "delivered"; what arrived is counted by dedup_key, bundles opened."""

    script: list[Answer | Exception] = field(default_factory=list)
    #: Channels that answer otherwise than the script.
    broken: dict[str, Answer] = field(default_factory=dict)
    token: str = "first"
    arrived: Counter[str] = field(default_factory=Counter)
    sent: list[tuple[str, Message, MessageLinks]] = field(default_factory=list)
    #: Called with the message in the channel's hands: another process may do something now.
    meanwhile: Callable[[], None] = lambda: None
    #: Whether what gets no answer has arrived.
    arrives_without_answer: Callable[[], bool] = lambda: True

    def send(self, channel: str, message: Message, links: MessageLinks, *, key: str) -> Answer:
        answer = self.broken.get(channel) or (self.script.pop(0) if self.script else DELIVERED)
        self.sent.append((channel, message, links))
        in_doubt = isinstance(answer, Exception) or answer.outcome == "unknown"
        if self.arrives_without_answer() if in_doubt else answer.outcome == "delivered":
            titles = [line.partition(" UTC: ")[2] for section in message.sections for line in section.lines]
            self.arrived.update(f"{title} > {channel}" for title in titles or [message.title])
        self.meanwhile()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def credential(self, channel: str) -> str | None:
        return self.token


class KeptDatabase(Database):
    """One connection for all transactions, as opening one takes longest, and hooks at their ends.

    `hooks` maps (number of the transaction, before or after its commit) to what happens there.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._connection = self._connect()
        self._connection.autocommit = True
        # The server does not die here: who commits has committed. And the same few statements run thousands of times.
        self._connection.execute("set synchronous_commit = off; set plan_cache_mode = force_generic_plan")
        self.hooks: Mapping[tuple[int, str], Callable[[], None]] = {}
        self._number = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        number, self._number = self._number, self._number + 1
        with named_database_errors(), self._connection.transaction():
            yield self._connection
            self._reach(number, "before")
        self._reach(number, "after")

    @contextmanager
    def hooked(self, hooks: Mapping[tuple[int, str], Callable[[], None]]) -> Iterator[None]:
        """Hooks of a round: transaction 0 prepares, then each message has one to claim and one to settle it."""
        self.hooks, self._number = hooks, 0
        try:
            yield
        finally:
            self.hooks = {}

    def close(self) -> None:
        self._connection.close()

    def _reach(self, number: int, side: str) -> None:
        self.hooks.get((number, side), lambda: None)()


def one_round(database: Database, channels: ScriptedChannels, now: datetime = NOON, **options: Any) -> Round:
    return deliver_round(database, channels, app_url=APP_URL, now=now, **options)
