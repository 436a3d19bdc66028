"""Delivery: what each answer of a channel leads to, and what dies, waits, is bundled or sent again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from psycopg import sql

from costpulse_assets.alerts.channels.answers import Answer
from costpulse_assets.alerts.delivery_sensor import delivery_sensor
from costpulse_assets.alerts.links import read_action, signing_key
from costpulse_assets.alerts.message import Message
from costpulse_assets.alerts.outbox import (
    GIVE_UP_AFTER,
    LEASE,
    backoff,
    bundled_message,
    claim,
    expire_leases,
    queue_test,
    requeue,
    settle,
)
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import load_settings
from tests.alerts.outbox import (
    APP_URL,
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
    states,
)
from tests.conftest import database as temporary_database

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
REVOKED = Answer("refused", "The token was revoked.", credentials=True)


@pytest.fixture(scope="module")
def shared(postgres_server: str, migrated_template: str) -> Iterator[KeptDatabase]:
    with temporary_database(postgres_server, template=migrated_template) as url:
        kept = KeptDatabase(url)
        with kept.transaction() as connection:
            make_alert(connection)
        yield kept
        kept.close()


@pytest.fixture
def database(shared: KeptDatabase) -> KeptDatabase:
    """With an alert, and without messages."""
    with shared.transaction() as connection:
        for table in ("alert_outbox", "alert_history", "audit_log"):
            connection.execute(sql.SQL("delete from costpulse.{}").format(sql.Identifier(table)))
    return shared


@pytest.fixture
def other(database: KeptDatabase) -> Database:
    """That of another process."""
    return Database(database.url)


@pytest.fixture
def channels() -> ScriptedChannels:
    return ScriptedChannels()


def test_a_message_is_delivered_once_whatever_is_evaluated_again(database, channels):
    evaluate(database, ["a"], ["slack", "email:x@example.com"])
    evaluate(database, ["a", "b"], ["slack"])
    assert one_round(database, channels).summary() == "3 delivered"
    evaluate(database, ["a", "b"], ["slack"])
    assert one_round(database, channels).summary() == ""
    assert channels.arrived == {"a > slack": 1, "a > email:x@example.com": 1, "b > slack": 1}
    row = outbox(database)["a > slack"]
    assert (row["state"], row["attempts"], row["answer"], row["claim"]) == ("delivered", 1, "Arrived.", None)
    assert row["delivered_at"] == row["settled_at"]


def test_what_is_refused_is_shown_and_not_tried_again(database, channels):
    evaluate(database, ["a"])
    channels.script = [Answer("refused", "There is no such channel.")]
    assert one_round(database, channels).refused == 1
    assert one_round(database, channels, NOON + timedelta(days=30)).deliveries == ()
    assert outbox(database)["a > slack"]["answer"] == "There is no such channel."


def test_what_failed_is_tried_again_later_and_later_and_given_up_after_three_days(database, channels):
    evaluate(database, ["a"])
    channels.broken["slack"] = FAILED
    now, waits = NOON, []
    while states(database)["a > slack"] != "refused":
        one_round(database, channels, now)
        due = outbox(database)["a > slack"]["due_at"]
        waits.append(round((due - now) / SECOND))
        assert one_round(database, channels, due - SECOND).deliveries == ()
        now = due + SECOND
    assert waits[:9] == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert NOON + GIVE_UP_AFTER < now < NOON + GIVE_UP_AFTER + 2 * HOUR
    assert outbox(database)["a > slack"]["answer"] == "Gave up after 3 days. 503."


def test_backoff_has_a_limit_however_many_tries():
    assert backoff(1) == 30 * SECOND
    assert backoff(10_000) == HOUR


def test_a_success_ends_the_count_of_days_in_vain(database, channels):
    evaluate(database, ["a"])
    channels.script = [FAILED, DELIVERED]
    one_round(database, channels)
    one_round(database, channels, NOON + MINUTE)
    assert outbox(database)["a > slack"]["failing_since"] is None


def test_a_channel_that_asks_to_wait_gets_nothing_until_then_and_others_go_on(database, channels):
    evaluate(database, ["a", "b"], ["slack", "webhook"])
    channels.broken["slack"] = Answer("failed", "429.", retry_after=600)
    assert one_round(database, channels).summary() == "2 delivered, 1 failed"
    channels.broken.clear()
    evaluate(database, ["c"], ["slack"])
    for options in ({}, {"retry_failed": True}):
        assert one_round(database, channels, NOON + 9 * MINUTE, **options).deliveries == ()
    assert one_round(database, channels, NOON + 11 * MINUTE).delivered == 3


def test_retrying_at_once_ignores_the_backoff_and_tries_nothing_twice_in_one_round(database, channels):
    evaluate(database, ["a"])
    channels.broken["slack"] = FAILED
    assert one_round(database, channels).failed == 1
    assert one_round(database, channels, NOON + SECOND).deliveries == ()
    assert one_round(database, channels, NOON + SECOND, retry_failed=True).failed == 1
    assert outbox(database)["a > slack"]["attempts"] == 2


def test_a_channel_that_is_down_costs_two_tries_a_round_and_stops_no_other(database, channels):
    evaluate(database, [f"f{number}" for number in range(5)], ["slack", "webhook"])
    channels.broken["slack"] = FAILED
    assert one_round(database, channels).summary() == "5 delivered, 2 failed"


def test_one_message_that_always_fails_stops_no_other_of_its_channel(database, channels):
    evaluate(database, ["poison"])
    channels.script = [FAILED]
    one_round(database, channels)
    evaluate(database, ["a", "b", "c"])
    channels.script = [DELIVERED, DELIVERED, DELIVERED, FAILED]
    assert one_round(database, channels, NOON + HOUR).summary() == "3 delivered, 1 failed"


def test_an_answer_that_never_came_is_unknown_and_its_channel_is_left_alone_for_a_while(database, channels):
    evaluate(database, ["a", "b"])
    channels.script = [LOST]
    assert one_round(database, channels).summary() == "1 unknown"
    assert one_round(database, channels, NOON + 4 * MINUTE).deliveries == ()
    assert one_round(database, channels, NOON + 6 * MINUTE).delivered == 1
    assert states(database) == {"a > slack": "unknown", "b > slack": "delivered"}


def test_a_channel_that_raises_leaves_its_message_unknown_and_stops_no_other(database, channels):
    evaluate(database, ["a"], ["slack"], severity="critical")
    evaluate(database, ["b"], ["webhook"])
    channels.script = [RuntimeError("secret")]
    assert one_round(database, channels).summary() == "1 delivered, 1 unknown"
    assert outbox(database)["a > slack"]["answer"] == "Sending broke off (RuntimeError): it may have arrived."


def test_what_is_stored_by_another_version_is_refused_without_being_sent(database, channels):
    evaluate(database, ["a", "b"])
    with database.transaction() as connection:
        connection.execute("update costpulse.alert_outbox set content = '{\"titel\": 1}' where dedup_key like 'a%'")
    assert one_round(database, channels).summary() == "1 delivered, 1 refused"
    assert channels.arrived == {"b > slack": 1}


def test_critical_messages_go_first_and_what_is_held_waits_for_its_time(database, channels):
    evaluate(database, ["info"], severity="info")
    evaluate(database, ["held"], due_at=NOON + HOUR)
    evaluate(database, ["critical"], severity="critical", now=NOON + MINUTE)
    done = one_round(database, channels, NOON + MINUTE)
    assert [delivery.title for delivery in done.deliveries] == ["critical", "info"]
    assert one_round(database, channels, NOON + 59 * MINUTE, retry_failed=True).deliveries == ()
    assert one_round(database, channels, NOON + HOUR).delivered == 1


def test_a_round_ends_after_its_number_of_messages_and_after_its_time(database, channels):
    evaluate(database, ["a", "b", "c"])
    assert one_round(database, channels, limit=2).delivered == 2
    assert one_round(database, channels, seconds=0).deliveries == ()
    assert one_round(database, channels, seconds=30).delivered == 1


def test_what_two_processes_claim_at_once_is_never_the_same(database, other):
    evaluate(database, [f"f{number}" for number in range(9)])
    with database.transaction() as mine, other.transaction() as theirs:
        first = claim(mine, now=NOON, limit=4)
        second = claim(theirs, now=NOON, limit=100)
    assert (len(first), len(second)) == (4, 5)
    assert len({claimed.id for claimed in first + second} | {claimed.claim for claimed in first + second}) == 18


def test_a_process_that_does_not_come_back_leaves_its_message_unknown_and_its_late_answer_changes_nothing(
    database, channels
):
    evaluate(database, ["a"])
    with database.transaction() as connection:
        (claimed,) = claim(connection, now=NOON, limit=1)
    with database.transaction() as connection:
        assert expire_leases(connection, now=NOON + LEASE) == 0
        assert expire_leases(connection, now=NOON + LEASE + SECOND) == 1
        assert expire_leases(connection, now=NOON + LEASE + SECOND) == 0
    before = outbox(database)["a > slack"]
    assert (before["state"], before["answer"]) == (
        "unknown",
        "The process that sent it did not come back: it may have arrived.",
    )
    with database.transaction() as connection:
        assert not settle(connection, claimed, DELIVERED, now=NOON + 2 * LEASE)
    assert outbox(database)["a > slack"] == before


def test_an_answer_after_its_lease_is_told(database, channels, other):
    evaluate(database, ["a"])

    def meanwhile() -> None:
        assert one_round(other, ScriptedChannels(), NOON + 2 * LEASE).summary() == "1 unknown"

    channels.meanwhile = meanwhile
    done = one_round(database, channels)
    assert (done.summary(), done.deliveries[0].is_late) == ("1 unknown, 1 late", True)
    assert states(database) == {"a > slack": "unknown"}


def test_an_answer_within_the_lease_counts_even_if_another_process_looks_meanwhile(database, channels, other):
    evaluate(database, ["a"])
    rival = ScriptedChannels()
    channels.meanwhile = lambda: one_round(other, rival, NOON + LEASE - SECOND)
    assert one_round(database, channels).summary() == "1 delivered"
    assert not rival.sent


def test_a_refused_credential_is_tried_again_with_another_one_and_only_then(database, channels):
    evaluate(database, ["a"], ["slack", "webhook"])
    channels.broken["slack"] = REVOKED
    assert one_round(database, channels).summary() == "1 delivered, 1 refused"
    assert one_round(database, channels, NOON + HOUR).deliveries == ()
    channels.broken.clear()
    assert one_round(database, channels, NOON + HOUR).deliveries == ()
    channels.token = "second"
    assert one_round(database, channels, NOON + HOUR).summary() == "1 delivered, 1 retried"
    assert channels.arrived == {"a > slack": 1, "a > webhook": 1}


def test_after_a_day_of_outage_one_message_says_it_all(database, channels):
    channels.broken["slack"] = FAILED
    for hour in range(24):
        now = NOON + hour * HOUR
        severity = "critical" if hour == 7 else "info"
        evaluate(database, [f"f{hour}", f"g{hour}"], ["slack"], now=now, severity=severity)
        for minute in range(0, 60, 10):
            one_round(database, channels, now + minute * MINUTE)
    channels.broken.clear()
    now = NOON + 24 * HOUR
    evaluate(database, ["new"], ["slack"], now=now)
    before = len(channels.sent)
    assert one_round(database, channels, now).summary() == "1 delivered, 1 bundled"
    ((_, message, links),) = channels.sent[before:]
    assert message.title == "49 messages waited until this channel could be reached"
    assert message.text == "They were found from 23 Nov 2026, 12:00 to 24 Nov 2026, 12:00 UTC."
    assert message.severity == "critical"
    assert [(section.title, len(section.lines)) for section in message.sections] == [
        ("Critical", 2),
        ("Warning", 1),
        ("For information", 46),
    ]
    assert message.sections[0].lines[0] == "23 Nov, 19:00 UTC: f7"
    assert (links.open, links.acknowledge, links.mute) == (f"{APP_URL}/alerts", None, None)
    assert set(states(database).values()) == {"delivered"}
    assert set(channels.arrived.values()) == {1}
    evaluate(database, ["later"], ["slack"], now=now)
    assert one_round(database, channels, now).summary() == "1 delivered"
    assert channels.sent[-1][1].title == "later"


def test_a_few_messages_are_not_bundled_and_neither_is_what_failed_for_a_short_time(database, channels):
    evaluate(database, [f"f{number}" for number in range(5)], ["slack"])
    evaluate(database, [f"f{number}" for number in range(6)], ["webhook"], now=NOON + 50 * MINUTE)
    channels.broken = {"slack": FAILED, "webhook": FAILED}
    for minute in (0, 50, 60):
        assert one_round(database, channels, NOON + minute * MINUTE).bundled == 0
    assert not any(row["purpose"] == "bundle" for row in outbox(database).values())


def test_each_message_of_a_bundle_is_given_up_after_three_days_of_its_own(database, channels):
    channels.broken["slack"] = FAILED
    evaluate(database, [f"old{number}" for number in range(6)])
    for now in (NOON, NOON + HOUR, NOON + 2 * HOUR, NOON + timedelta(days=2)):
        one_round(database, channels, now)
    evaluate(database, ["young"], now=NOON + timedelta(days=2))
    one_round(database, channels, NOON + timedelta(days=2, hours=1))
    one_round(database, channels, NOON + timedelta(days=3, hours=3))
    found = states(database)
    assert found.pop("young > slack") == "failed"
    assert set(found.values()) == {"refused"}
    channels.broken.clear()
    assert one_round(database, channels, NOON + timedelta(days=3, hours=5)).delivered == 1
    assert channels.arrived == {"young > slack": 1}


def bundle_that_is_lost(database: KeptDatabase, channels: ScriptedChannels) -> int:
    """Seven messages went out as one, and nobody said whether it arrived; its number."""
    channels.broken["slack"] = FAILED
    evaluate(database, [f"f{number}" for number in range(7)])
    for now in (NOON, NOON + HOUR):
        one_round(database, channels, now)
    channels.broken.clear()
    channels.script, channels.arrives_without_answer = [LOST], lambda: False
    assert one_round(database, channels, NOON + 3 * HOUR).unknown == 1
    return next(row["id"] for row in outbox(database).values() if row["purpose"] == "bundle")


def test_what_a_bundle_carried_shares_its_fate_and_can_be_sent_again_with_it_or_alone(database, channels):
    number = bundle_that_is_lost(database, channels)
    rows = outbox(database)
    assert {row["state"] for row in rows.values()} == {"unknown"}
    with database.transaction() as connection:
        requeue(connection, rows["f3 > slack"]["id"], "ada")
    # A person asks now, by the clock of the database.
    later = max(datetime.now(UTC), NOON) + timedelta(days=1)
    assert one_round(database, channels, later).summary() == "1 delivered"
    with database.transaction() as connection:
        requeue(connection, number, "ada")
    assert one_round(database, channels, later).summary() == "1 delivered"
    assert channels.sent[-1][1].title.startswith("6 messages")
    assert channels.arrived == {f"f{number} > slack": 1 for number in range(7)}
    assert set(states(database).values()) == {"delivered"}


def test_a_bundle_of_which_each_message_was_sent_alone_cannot_be_sent_again(database, channels):
    number = bundle_that_is_lost(database, channels)
    with database.transaction() as connection:
        for row in outbox(database).values():
            if row["purpose"] == "finding":
                requeue(connection, row["id"], "ada")
    with pytest.raises(BadInput), database.transaction() as connection:
        requeue(connection, number, "ada")


def test_a_bundle_is_retried_as_one_with_another_credential(database, channels):
    channels.broken["slack"] = FAILED
    evaluate(database, [f"f{number}" for number in range(7)])
    for now in (NOON, NOON + HOUR):
        one_round(database, channels, now)
    channels.broken["slack"] = REVOKED
    one_round(database, channels, NOON + 2 * HOUR)
    assert {row["state"] for row in outbox(database).values()} == {"refused"}
    channels.broken.clear()
    channels.token = "second"
    assert one_round(database, channels, NOON + 3 * HOUR).summary() == "1 delivered, 7 retried"
    assert channels.arrived == {f"f{number} > slack": 1 for number in range(7)}


def test_a_bundle_whose_process_dies_is_unknown_with_all_it_carries(database, channels):
    channels.broken["slack"] = FAILED
    evaluate(database, [f"f{number}" for number in range(7)])
    for now in (NOON, NOON + HOUR):
        one_round(database, channels, now)
    with database.transaction() as connection:
        (claimed,) = claim(connection, now=NOON + 2 * HOUR, limit=1)
        assert claimed.key.startswith("bundle/")
    assert one_round(database, channels, NOON + 3 * HOUR).expired == 7
    assert set(states(database).values()) == {"unknown"}


def test_a_long_bundle_names_the_first_hundred():
    rows = [{"severity": "info", "created_at": NOON, "title": f"t{number}"} for number in range(130)]
    message = bundled_message(rows)
    assert (len(message.sections[0].lines), message.notes) == (100, ("30 more are in CostPulse.",))


@pytest.mark.parametrize("answer", [LOST, Answer("refused", "No."), FAILED])
def test_a_person_can_have_it_sent_again_and_is_written_down(database, channels, answer):
    evaluate(database, ["a"])
    channels.script, channels.arrives_without_answer = [answer], lambda: False
    one_round(database, channels)
    number = outbox(database)["a > slack"]["id"]
    with database.transaction() as connection:
        connection.execute("set local role costpulse_app")
        connection.execute("select set_config('costpulse.scope', 'all', true)")
        requeue(connection, number, "ada")
    assert one_round(database, channels, only=number).delivered == 1
    assert outbox(database)["a > slack"]["requeued_by"] == "ada"
    with database.transaction() as connection:
        audit = connection.execute(
            "select actor, before ->> 'state' as before, after ->> 'state' as after from costpulse.audit_log "
            "where table_name = 'alert_outbox'"
        ).fetchall()
    assert audit == [{"actor": "ada", "before": answer.outcome, "after": "waiting"}]


def test_what_is_on_its_way_or_delivered_is_not_sent_again(database, channels):
    evaluate(database, ["a"])
    number = outbox(database)["a > slack"]["id"]

    def refuse(actor: str = "ada") -> None:
        with pytest.raises(BadInput), database.transaction() as connection:
            requeue(connection, number, actor)

    refuse()
    channels.meanwhile = refuse
    one_round(database, channels)
    refuse()
    refuse(" ")
    assert channels.arrived == {"a > slack": 1}


def test_a_test_is_marked_sent_by_who_asks_for_it_and_never_again(database, channels):
    evaluate(database, ["other"])
    message = Message(title="Budget", text=".", severity="critical", view="/budgets?id=3")
    numbers = []
    for answer in (DELIVERED, FAILED, REVOKED):
        with database.transaction() as connection:
            connection.execute("set local role costpulse_app")
            connection.execute("select set_config('costpulse.scope', 'all', true)")
            numbers.append(
                queue_test(connection, alert_name="Budgets", channel="slack", message=message, actor="grace")
            )
        channels.script = [answer]
        done = one_round(database, channels, only=numbers[-1])
        assert [delivery.answer for delivery in done.deliveries] == [answer]
    (_, sent, links) = channels.sent[0]
    assert sent == message.model_copy(update={"is_test": True})
    assert (links.open, links.acknowledge, links.mute) == (f"{APP_URL}/budgets?id=3", None, None)
    rows = {row["id"]: row for row in outbox(database).values()}
    assert [rows[number]["state"] for number in numbers] == ["delivered", "refused", "refused"]
    assert {rows[number]["requeued_by"] for number in numbers} == {"grace"}
    channels.token = "another"
    assert one_round(database, channels, NOON + timedelta(days=1)).summary() == "1 delivered"


def test_links_act_on_the_finding_where_that_makes_sense(database, channels):
    evaluate(database, ["begun"])
    evaluate(database, ["over"], phase="ended")
    one_round(database, channels)
    links = {message.title: links for _, message, links in channels.sent}
    rows = outbox(database)
    with database.transaction() as connection:
        key = signing_key(connection)
    for title, action, link in (
        ("begun", "acknowledge", links["begun"].acknowledge),
        ("begun", "mute", links["begun"].mute),
        ("over", "mute", links["over"].mute),
    ):
        found = read_action(link.partition("act=")[2], key, NOON)
        assert (found.history_id, found.action) == (rows[f"{title} > slack"]["history_id"], action)
    assert links["over"].acknowledge is None


def test_the_sensor_says_what_it_did_and_runs_by_default(database):
    settings = load_settings(database_url=database.url, deliver_seconds=7)
    sensor = delivery_sensor(settings)
    assert (sensor.name, sensor.minimum_interval_seconds) == ("deliver_alerts", 7)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING

    def tick() -> str:
        with dg.build_sensor_context() as context:
            result = sensor(context)
        assert isinstance(result, dg.SkipReason)
        return str(result.skip_message)

    assert tick() == "Nothing is due."
    evaluate(database, ["a"], ["webhook:nowhere"], now=NOON - timedelta(days=1_000))
    assert tick() == "1 refused."
