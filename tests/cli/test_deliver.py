"""`deliver`: what it prints and when it is content; processes that are killed, and two of them at once."""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from costpulse_assets.resources.database import Database
from tests.alerts.outbox import evaluate, make_alert, outbox, states
from tests.alerts.servers import SECRET, Received, Reply, WebhookServer, rate_limited, status
from tests.cli.conftest import Run
from tests.cli.processes import PATIENCE_SECONDS, Costpulse, eventually

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Database:
    database = Database(database_url)
    with database.transaction() as connection:
        make_alert(connection)
    return database


@pytest.fixture
def pager() -> Iterator[WebhookServer]:
    with WebhookServer() as server:
        yield server


def variables(database: Database, server: WebhookServer) -> dict[str, str]:
    return {
        "COSTPULSE_DATABASE_URL": database.url,
        "COSTPULSE_WEBHOOKS": json.dumps([{"name": "pager", "url": server.endpoint, "secret": SECRET}]),
        "COSTPULSE_ALERT_TIMEOUT_SECONDS": "60",
    }


def titles(server: WebhookServer) -> Counter[str]:
    return Counter(each.json["title"] for each in server.received)


def test_every_message_has_its_line_and_only_what_goes_wrong_is_a_failure(here: Run, database, pager):
    setting = variables(database, pager)
    nothing = here("deliver", **setting)
    assert (nothing.returncode, nothing.stdout) == (0, "Nothing was due.\n")
    evaluate(database, ["a"], ["webhook:pager"], now=LONG_AGO)
    evaluate(database, ["held"], ["webhook:pager"], now=LONG_AGO, due_at=datetime(2999, 1, 1, tzinfo=UTC))
    good = here("deliver", **setting)
    assert (good.returncode, good.stdout.splitlines()) == (
        0,
        [
            "delivered  webhook:pager: a",
            "1 delivered.",
            "1 left (waiting), due from 01 Jan 2999, 00:00 UTC on.",
        ],
    )
    evaluate(database, ["b"], ["webhook:pager", "webhook:nobody"], now=LONG_AGO)
    pager.script([status(500)])
    bad = here("deliver", **setting)
    assert bad.returncode == 1
    assert "failed     webhook:pager: b\n           The webhook pager answered 500" in bad.stdout
    assert "refused    webhook:nobody: b\n" in bad.stdout
    assert "1 refused, 1 failed.\n1 left (tried again), due from" in bad.stdout


def test_what_failed_is_tried_again_without_waiting_unless_the_channel_asked_for_that(here: Run, database, pager):
    evaluate(database, ["a"], ["webhook:pager"], now=LONG_AGO)
    pager.script([status(503), rate_limited(3_000)])
    setting = variables(database, pager)
    assert here("deliver", **setting).returncode == 1
    assert here("deliver", **setting).returncode == 1
    assert here("deliver", **setting).stdout.startswith("Nothing was due.\n1 left (tried again)")
    assert len(pager.received) == 2
    with database.transaction() as connection:
        connection.execute("update costpulse.alert_outbox set wait_until = now()")
    assert here("deliver", **setting).stdout == "delivered  webhook:pager: a\n1 delivered.\n"


def test_a_process_killed_before_the_answer_leaves_one_message_unknown_and_none_is_sent_twice(
    database, pager, tmp_path
):
    evaluate(database, ["a", "b"], ["webhook:pager"], now=LONG_AGO)
    pager.script(["silent"])
    costpulse = Costpulse(tmp_path / "data")
    setting = variables(database, pager)
    with costpulse.started("deliver", **setting) as process:
        assert eventually(lambda: bool(pager.received)), costpulse.output
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert states(database) == {"a > webhook:pager": "sending", "b > webhook:pager": "waiting"}
    # As long as its lease lasts nobody knows that the process is dead.
    assert costpulse("deliver", **setting).stdout == "delivered  webhook:pager: b\n1 delivered.\n"
    with database.transaction() as connection:
        connection.execute(
            "update costpulse.alert_outbox set lease_until = lease_until - %s where state = 'sending'",
            [timedelta(hours=1)],
        )
    later = costpulse("deliver", **setting)
    assert later.returncode == 1
    assert "unknown    1 were being sent when their process ended" in later.stdout
    assert costpulse("deliver", **setting).returncode == 0
    assert states(database) == {"a > webhook:pager": "unknown", "b > webhook:pager": "delivered"}
    assert titles(pager) == {"a": 1, "b": 1}


class TwoAtOnce(WebhookServer):
    """Answers nobody before two requests are there, which are of two processes: each sends one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.both = threading.Barrier(2)
        self.first_two = threading.Semaphore(2)

    def answer(self, request: Received) -> Reply:
        if self.first_two.acquire(blocking=False):
            self.both.wait(PATIENCE_SECONDS)
        return super().answer(request)


def test_two_processes_at_once_deliver_every_message_once(database, tmp_path: Path):
    keys = [f"finding {number}" for number in range(12)]
    evaluate(database, keys, ["webhook:pager"], now=LONG_AGO)
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one, other = Costpulse(tmp_path / "one" / "data"), Costpulse(tmp_path / "other" / "data")
    with TwoAtOnce() as server:
        setting = variables(database, server)
        with one.started("deliver", **setting) as first, other.started("deliver", **setting) as second:
            codes = first.wait(PATIENCE_SECONDS), second.wait(PATIENCE_SECONDS)
        assert codes == (0, 0), one.output + other.output
        assert titles(server) == dict.fromkeys(keys, 1)
    assert set(states(database).values()) == {"delivered"}
    assert {row["attempts"] for row in outbox(database).values()} == {1}
    lines = one.output.splitlines() + other.output.splitlines()
    assert sum(line.startswith("delivered") for line in lines) == len(keys)
