"""Every message arrives exactly once, or is unknown and shown: a thousand schedules of crashes, rivals and outages."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from random import Random

import pytest

from costpulse_assets.alerts.channels.answers import Answer
from costpulse_assets.alerts.deliver import Round
from tests.alerts.outbox import (
    DELIVERED,
    FAILED,
    LOST,
    NOON,
    KeptDatabase,
    ScriptedChannels,
    evaluate,
    make_alert,
    one_round,
    outbox,
)

CHANNELS = ("slack", "email:lead@example.com")
ANSWERS = {
    DELIVERED: 24,
    FAILED: 3,
    Answer("failed", "429.", retry_after=90): 2,
    LOST: 2,
    Answer("refused", "400."): 1,
}
REVOKED = Answer("refused", "The token was revoked.", credentials=True)
BUG = RuntimeError("a bug of the channel")
WAITS = (timedelta(seconds=20), timedelta(minutes=2), timedelta(minutes=6), timedelta(minutes=40), timedelta(days=1))
#: Transactions of a round: 0 prepares; 1, 3, ... claim a message; 2, 4, ... settle it.
CRASHES = {
    "in the preparation": (0, "before"),
    "before the claim is committed": (1, "before"),
    "after the claim": (1, "after"),
    "before the settlement is committed": (2, "before"),
    "after the settlement": (2, "after"),
}
AFTER_THE_POST = "after the post"


class Crash(BaseException):
    """The process is gone: nothing of ours runs any more."""


class Schedule:
    """One random history of evaluations, rounds of two deliverers, and everything that goes wrong."""

    def __init__(self, seed: int, databases: tuple[KeptDatabase, KeptDatabase], seen: Counter[str]) -> None:
        self.random = Random(seed)
        self.databases = databases
        self.seen = seen
        self.now = NOON
        self.channels = ScriptedChannels(arrives_without_answer=lambda: self.random.random() < 0.5)
        self.told: set[str] = set()
        self.findings = 0

    def run(self) -> None:
        self.evaluate()
        actions = (self.evaluate, self.round, self.round, self.wait, self.break_or_mend, self.long_outage)
        for _ in range(self.random.randint(1, 3)):
            self.random.choice(actions)()
        self.seen["left to the end"] += self.unsettled()
        self.come_to_rest()

    def evaluate(self, database: KeptDatabase | None = None) -> None:
        """New findings, and those of before once more: of another evaluation, or of the same one run again."""
        self.findings += self.random.choice((1, 1, 2))
        keys = [f"finding {number}" for number in range(self.findings)]
        for each in [database] if database else self.databases[: self.random.randint(1, 2)]:
            evaluate(each, keys, CHANNELS, now=self.now)
        self.told |= {f"{key} > {channel}" for key in keys for channel in CHANNELS}

    def round(self) -> None:
        """A round of one of the deliverers, which may die in it, and the other may work at any moment of it."""
        mine, other = self.random.sample(self.databases, 2)
        weights = list(ANSWERS.values())
        self.channels.script = self.random.choices([*ANSWERS, BUG], [*weights, 1], k=16)
        hooks: dict[tuple[int, str], Callable[[], None]] = {}
        message = 2 * self.random.randrange(3)
        crash = self.random.choice((*CRASHES, AFTER_THE_POST, None, None))
        posts = 0

        def die() -> None:
            self.seen[str(crash)] += 1
            raise Crash

        def in_the_hands_of_the_channel() -> None:
            nonlocal posts
            posts += 1
            if crash == AFTER_THE_POST and posts == message // 2 + 1:
                die()
            if posts == with_rival:
                self.rival(other)

        with_rival = self.random.randrange(6)
        if self.random.random() < 0.3:
            moment = 2 * self.random.randrange(3) + 1, self.random.choice(("before", "after"))
            hooks[moment] = partial(self.rival, other)
        if crash in CRASHES:
            number, side = CRASHES[crash]
            hooks[(number + message if number else 0, side)] = die
        self.channels.meanwhile = in_the_hands_of_the_channel
        try:
            with mine.hooked(hooks):
                done = one_round(mine, self.channels, self.now, retry_failed=self.random.random() < 0.3, limit=8)
        except Crash:
            pass
        else:
            self.note(done)
        finally:
            self.channels.meanwhile = lambda: None

    def rival(self, other: KeptDatabase) -> None:
        """A round of the other deliverer while the first is in the middle of one; there may be something new for it."""
        self.channels.meanwhile = lambda: None
        if self.random.random() < 0.3:
            self.evaluate(other)
        # Sometimes so much later that the first is taken for dead.
        now = self.now + self.random.choice((timedelta(0), timedelta(0), timedelta(minutes=6)))
        done = one_round(other, self.channels, now, retry_failed=self.random.random() < 0.3, limit=5)
        self.seen["messages of a rival"] += len(done.deliveries)

    def wait(self) -> None:
        self.now += self.random.choice(WAITS)

    def break_or_mend(self) -> None:
        """An outage of a channel, a revoked token, or the end of all that."""
        if self.channels.broken:
            self.mend()
            return
        channel = self.random.choice(CHANNELS)
        self.channels.broken[channel] = self.random.choice((FAILED, REVOKED, REVOKED))

    def long_outage(self) -> None:
        """So long that what waits goes out as one message, unless the outage goes on."""
        self.channels.broken[self.random.choice(CHANNELS)] = FAILED
        self.findings += 3
        for _ in range(2):
            self.evaluate()
            self.round()
            self.now += timedelta(minutes=40)
        if self.random.random() < 0.7:
            self.mend()
            self.round()

    def mend(self) -> None:
        if REVOKED in self.channels.broken.values():
            self.channels.token += " again"
        self.channels.broken.clear()

    def come_to_rest(self) -> None:
        """Everything works again, and both deliverers run until nothing is left to do."""
        self.mend()
        self.channels.script = []
        for turn in range(12):
            self.now += timedelta(hours=1)
            mine, other = self.databases[turn % 2], self.databases[1 - turn % 2]
            if turn < 3 and self.random.random() < 0.3:
                self.channels.meanwhile = partial(self.rival, other)
            self.note(one_round(mine, self.channels, self.now))
            if not self.unsettled():
                return
        raise AssertionError("it does not come to rest")

    def note(self, done: Round) -> None:
        self.seen.update({name: getattr(done, name) for name in ("bundled", "retried", "expired", "late")})

    def unsettled(self) -> int:
        return sum(row["state"] in ("waiting", "sending", "failed") for row in outbox(self.databases[0]).values())

    def check(self) -> None:
        rows = {key: row for key, row in outbox(self.databases[0]).items() if row["purpose"] == "finding"}
        assert rows.keys() == self.told
        assert self.channels.arrived.keys() <= self.told
        for key, row in rows.items():
            times = self.channels.arrived[key]
            assert (row["state"], times) in {("delivered", 1), ("refused", 0), ("unknown", 0), ("unknown", 1)}, key
            assert row["answer"], key
            self.seen[f"{row['state']}, arrived {times}"] += 1


@pytest.fixture
def databases(database_url: str) -> Iterator[tuple[KeptDatabase, KeptDatabase]]:
    """Those of two processes."""
    pair = KeptDatabase(database_url), KeptDatabase(database_url)
    with pair[0].transaction() as connection:
        make_alert(connection)
    yield pair
    for database in pair:
        database.close()


def test_every_message_arrives_exactly_once_or_is_shown_as_unknown_in_a_thousand_schedules(databases):
    seen: Counter[str] = Counter()
    for seed in range(1_000):
        schedule = Schedule(seed, databases, seen)
        try:
            schedule.run()
            schedule.check()
        except BaseException as failure:
            failure.add_note(f"seed {seed}")
            raise
        with databases[0].transaction() as connection:
            connection.execute("delete from costpulse.alert_outbox")
            connection.execute("delete from costpulse.alert_history")
    # The schedules were about something: everything that can happen has happened, often.
    often = (
        *CRASHES,
        AFTER_THE_POST,
        "messages of a rival",
        "bundled",
        "retried",
        "expired",
        "late",
        "left to the end",
    )
    assert all(seen[name] >= 20 for name in often), seen
    ends = ("delivered, arrived 1", "refused, arrived 0", "unknown, arrived 0", "unknown, arrived 1")
    assert all(seen[name] > 50 for name in ends), seen
    assert seen["delivered, arrived 1"] > 0.7 * sum(seen[name] for name in ends), seen
