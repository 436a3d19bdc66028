"""What is found is told once, whoever asks how often; and one alert that fails stops no other."""

import threading
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import dagster as dg
import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from costpulse_assets.alerts.active_alerts import read_alerts
from costpulse_assets.alerts.alert_types import Finding
from costpulse_assets.alerts.evaluate import record
from costpulse_assets.alerts.message import Message
from costpulse_assets.definitions import build_definitions
from costpulse_assets.errors import DatabaseUnavailable
from tests.alerts.planted import TODAY, TYPES, Planted, planted_type
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today

NOON = datetime.combine(TODAY, time(12), UTC)
ONE_DATABASE = hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


# -- once --------------------------------------------------------------------------------------------------------------


def test_a_finding_is_told_once_to_each_channel_with_what_is_known_of_it(planted: Planted) -> None:
    team = planted.insert("teams", name="Data", cost_center="cc-1")
    alert = planted.alert(notification_channels=["slack:#finops", "email:a@example.com"], owner="lead@example.com")
    amount = Decimal("1234567890.123456789012345678")
    evidence = {"spent_usd": 0.1, "causes": [{"name": "x", "usd": 3}]}
    planted.plant(
        alert,
        scope_type="team",
        scope_id=f"{team}",
        team_id=team,
        threshold=80,
        current_value=amount,
        evidence=evidence,
    )
    first, again = planted.evaluate(NOON), planted.evaluate(NOON + timedelta(hours=6))
    assert (first.alerts, first.findings, first.told, first.failed) == (1, 1, 1, ())
    assert (again.findings, again.told) == (1, 0)
    (row,) = planted.history()
    assert row["finding_key"] == f"{alert} | team:{team} | event | 80 | firing | 0"
    assert (row["status"], row["severity"], row["scope_name"], row["team_id"]) == ("told", "warning", "Data", team)
    assert (row["current_value"], row["triggered_at"], row["occurred_on"]) == (amount, NOON, TODAY)
    assert row["evidence"] == evidence
    outbox = planted.outbox()
    assert [each["channel"] for each in outbox] == ["slack:#finops", "email:a@example.com"]
    assert {each["dedup_key"] for each in outbox} == {f"{row['finding_key']} > {each['channel']}" for each in outbox}
    assert {(each["state"], each["due_at"], each["held_for"]) for each in outbox} == {("waiting", NOON, None)}
    message = Message.model_validate(outbox[0]["content"])
    assert (message.title, message.severity, message.owner) == (row["message"], "warning", "lead@example.com")


def test_amounts_of_the_evidence_keep_all_their_digits(planted: Planted) -> None:
    alert = planted.alert()
    planted.plant(alert)
    planted.rows("""update public.planted set evidence = '{"usd": 1234567890.123456789012345678}' returning 1""")
    planted.evaluate(NOON)
    (row,) = planted.rows("select evidence ->> 'usd' as usd from costpulse.alert_history")
    assert row["usd"] == "1234567890.123456789012345678"


_FINDINGS = st.lists(
    st.fixed_dictionaries(
        {
            "subject": st.sampled_from(["a", "b"]),
            "scope_id": st.sampled_from(["1", "2"]),
            "threshold": st.sampled_from([None, 50, 80, 100]),
            "phase": st.sampled_from(["firing", "firing", "firing", "ended"]),
            "reminder": st.sampled_from([0, 0, 1]),
            "occurred_on": st.sampled_from([TODAY - timedelta(days=back) for back in range(3)]),
        }
    ),
    max_size=8,
    unique_by=lambda each: (each["subject"], each["scope_id"], each["threshold"], each["phase"], each["reminder"]),
)


def says_more(other: dict[str, Any], each: dict[str, Any]) -> bool:
    """Whether a row of the history is the same as another one with a higher threshold or a later reminder."""
    if (other["subject"], other["scope_id"], other["phase"]) != (each["subject"], each["scope_id"], "firing"):
        return False
    if each["threshold"] is None or other["threshold"] is None:
        return each["threshold"] is other["threshold"] and bool(other["reminder"] > each["reminder"])
    higher, later = other["threshold"] - each["threshold"], other["reminder"] - each["reminder"]
    return bool(min(higher, later) >= 0 and max(higher, later) > 0)


@ONE_DATABASE
@given(steps=st.lists(_FINDINGS, min_size=1, max_size=4), cooldown=st.sampled_from([0, 45]), again=st.integers(1, 2))
def test_whatever_the_order_and_number_of_evaluations_a_key_is_recorded_once_and_none_is_lost(
    planted_database: Planted, steps: list[list[dict[str, Any]]], cooldown: int, again: int
) -> None:
    planted_database.clear()
    alert = planted_database.alert(cooldown_minutes=cooldown, notification_channels=["slack", "webhook"])
    keys = set()
    now = NOON
    for findings in steps:
        for each in findings:
            key = tuple(each[name] for name in ("subject", "scope_id", "threshold", "phase", "reminder"))
            if key not in keys:
                planted_database.plant(alert, **{**each, "scope_type": "tag", "scope_id": f"k={each['scope_id']}"})
            keys.add(key)
        for _ in range(again):
            assert not planted_database.evaluate(now).failed
            now += timedelta(minutes=7)
    # An end that came true before its beginning follows it one evaluation later.
    assert not planted_database.evaluate(now).failed

    history = planted_database.history()
    begun = {(each["subject"], each["scope_id"]) for each in history if each["phase"] == "firing"}
    recorded = Counter(
        (each["subject"], each["scope_id"].removeprefix("k="), each["threshold"], each["phase"], each["reminder"])
        for each in history
    )
    expected = {key for key in keys if key[3] == "firing" or (key[0], f"k={key[1]}") in begun}
    assert recorded.keys() <= expected
    assert set(recorded.values()) <= {1}
    # Only a reminder that a later one takes the place of is not written down.
    for subject, scope_id, threshold, phase, reminder in expected - recorded.keys():
        assert (threshold, phase) == (None, "firing")
        assert any(key[:4] == (subject, scope_id, None, "firing") and key[4] > reminder for key in recorded)
    # What says most was told; nothing was covered without something that says more.
    for each in history:
        more = [other for other in history if says_more(other, each)]
        if each["phase"] == "firing" and not more:
            assert each["status"] == "told"
        if each["status"] == "covered":
            assert more
    # An end is written down beside what it ends.
    over = {(each["subject"], each["scope_id"]) for each in history if each["phase"] == "ended"}
    for each in history:
        if each["phase"] == "firing":
            assert (each["ended_at"] is not None) == ((each["subject"], each["scope_id"]) in over)
    # Each told finding has one message per channel, and messages of a scope keep their distance.
    outbox = planted_database.outbox()
    told = [each["id"] for each in history if each["status"] == "told"]
    assert Counter((each["history_id"], each["channel"]) for each in outbox) == Counter(
        (id_, channel) for id_ in told for channel in ("slack", "webhook")
    )
    scope_of = {each["id"]: each["scope_id"] for each in history}
    for scope_id in {"k=1", "k=2"}:
        due = sorted({each["due_at"] for each in outbox if scope_of[each["history_id"]] == scope_id})
        assert all(later - earlier >= timedelta(minutes=cooldown) for earlier, later in pairwise(due))
        if cooldown:
            assert len(due) == sum(scope_of[id_] == scope_id for id_ in told)


def test_two_evaluations_at_once_tell_everything_once(planted: Planted) -> None:
    for number in range(5):
        alert = planted.alert(f"Alert {number}", cooldown_minutes=30)
        for subject in range(20):
            planted.plant(alert, f"event {subject}")
    start = threading.Barrier(4)
    done = []

    def one() -> None:
        start.wait()
        done.append(planted.evaluate(NOON))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.told for each in done) == [0, 0, 0, 100]
    assert [each.failed for each in done] == [()] * 4
    assert len(planted.history()) == 100
    due = Counter((each["due_at"], each["dedup_key"].split(" | ")[0]) for each in planted.outbox())
    assert len(due) == 100


# -- thresholds and ends -----------------------------------------------------------------------------------------------


def test_of_several_thresholds_the_highest_speaks_and_a_rising_one_speaks_again(planted: Planted) -> None:
    alert = planted.alert()
    for threshold in (80, 50):
        planted.plant(alert, threshold=threshold)
    first = planted.evaluate(NOON)
    assert (first.told, first.covered) == (1, 1)
    planted.plant(alert, threshold=100)
    planted.plant(alert, threshold=90)
    second = planted.evaluate(NOON)
    assert (second.told, second.covered) == (1, 1)
    statuses = {each["threshold"]: each["status"] for each in planted.history()}
    assert statuses == {50: "covered", 80: "told", 90: "covered", 100: "told"}
    assert len(planted.outbox()) == 2


def test_a_threshold_below_one_that_was_told_is_covered_by_it(planted: Planted) -> None:
    alert = planted.alert()
    planted.plant(alert, threshold=100)
    planted.evaluate(NOON)
    planted.plant(alert, threshold=90)
    assert planted.evaluate(NOON).covered == 1


def test_of_reminders_that_were_missed_the_last_one_speaks(planted: Planted) -> None:
    alert = planted.alert()
    for reminder in range(4):
        planted.plant(alert, reminder=reminder, occurred_on=TODAY - timedelta(days=7 * (3 - reminder)))
    done = planted.evaluate(NOON)
    assert (done.told, done.covered) == (1, 0)
    assert [each["reminder"] for each in planted.history()] == [3]
    assert planted.evaluate(NOON + timedelta(days=1)).told == 0
    assert len(planted.history()) == 1


def test_an_end_is_told_after_its_beginning_and_never_without_one(planted: Planted) -> None:
    alert = planted.alert()
    planted.plant(alert, "a", phase="ended")
    assert planted.evaluate(NOON).told == 0
    planted.plant(alert, "a", occurred_on=TODAY - timedelta(days=2))
    later = NOON + timedelta(hours=1)
    assert planted.evaluate(later).told == 2
    firing, ended = planted.history()
    assert (firing["phase"], ended["phase"]) == ("firing", "ended")
    assert (firing["ended_at"], ended["ended_at"]) == (later, None)
    # It matters as much as people say it does; that it is over may be said in a lower voice.
    assert [Message.model_validate(each["content"]).severity for each in (firing, ended)] == ["warning", "info"]
    assert ended["severity"] == "warning"


def test_the_end_of_what_nobody_was_told_is_told_to_nobody(planted: Planted) -> None:
    alert = planted.alert(muted_until=NOON + timedelta(minutes=1))
    planted.plant(alert)
    assert planted.evaluate(NOON).muted == 1
    planted.plant(alert, phase="ended")
    assert planted.evaluate(NOON + timedelta(hours=1)).muted == 1
    assert planted.outbox() == []


# -- when and where ----------------------------------------------------------------------------------------------------


def test_what_comes_within_the_cooldown_waits_and_another_scope_does_not(planted: Planted) -> None:
    alert = planted.alert(cooldown_minutes=60)
    planted.plant(alert, "a")
    planted.evaluate(NOON)
    planted.plant(alert, "b", occurred_on=TODAY - timedelta(days=1))
    planted.plant(alert, "c")
    planted.plant(alert, "d", scope_type="workspace", scope_id="1")
    planted.evaluate(NOON + timedelta(minutes=10))
    found = {each["dedup_key"].split(" | ")[2]: (each["due_at"], each["held_for"]) for each in planted.outbox()}
    assert found == {
        "a": (NOON, None),
        "b": (NOON + timedelta(hours=1), "cooldown"),
        "c": (NOON + timedelta(hours=2), "cooldown"),
        "d": (NOON + timedelta(minutes=10), None),
    }


def test_the_cooldown_counts_from_when_the_last_message_arrived(planted: Planted) -> None:
    alert = planted.alert(cooldown_minutes=60)
    planted.plant(alert, "a")
    planted.evaluate(NOON)
    arrived = NOON + timedelta(hours=9)
    planted.rows("update costpulse.alert_outbox set state = 'delivered', delivered_at = %s returning 1", arrived)
    planted.plant(alert, "b")
    planted.evaluate(arrived + timedelta(minutes=30))
    assert planted.outbox()[-1]["due_at"] == arrived + timedelta(hours=1)


@pytest.mark.parametrize(
    ("quiet_from", "quiet_until", "due_at"),
    [
        (time(11), time(13), NOON + timedelta(hours=1)),
        (time(20), time(13), NOON + timedelta(hours=1)),
        (time(11), time(8), NOON + timedelta(hours=20)),
        (time(13), time(14), NOON),
        (time(11), time(12), NOON),
        (time(12), time(12, 30), NOON + timedelta(minutes=30)),
    ],
)
def test_quiet_hours_hold_a_message_until_their_end(
    planted: Planted, quiet_from: time, quiet_until: time, due_at: datetime
) -> None:
    alert = planted.alert(quiet_from=quiet_from, quiet_until=quiet_until)
    planted.plant(alert)
    planted.evaluate(NOON)
    (message,) = planted.outbox()
    assert (message["due_at"], message["held_for"]) == (due_at, "quiet hours" if due_at > NOON else None)


def test_quiet_hours_do_not_hold_what_is_critical(planted: Planted) -> None:
    alert = planted.alert(quiet_from=time(11), quiet_until=time(13), severity="critical")
    planted.plant(alert)
    planted.evaluate(NOON)
    (message,) = planted.outbox()
    assert (message["due_at"], message["severity"]) == (NOON, "critical")


def test_what_quiet_hours_hold_keeps_its_distance_when_they_end(planted: Planted) -> None:
    alert = planted.alert(quiet_from=time(11), quiet_until=time(13), cooldown_minutes=30)
    for subject in "ab":
        planted.plant(alert, subject)
    planted.evaluate(NOON)
    assert [each["due_at"] for each in planted.outbox()] == [
        NOON + timedelta(hours=1),
        NOON + timedelta(hours=1, minutes=30),
    ]


def test_a_muted_alert_writes_down_what_it_finds_and_tells_nobody_ever(planted: Planted) -> None:
    alert = planted.alert(muted_until=NOON + timedelta(hours=1))
    planted.plant(alert)
    assert planted.evaluate(NOON).muted == 1
    assert planted.evaluate(NOON + timedelta(hours=2)).told == 0
    assert (planted.history()[0]["status"], planted.outbox()) == ("muted", [])


def test_without_a_channel_a_finding_is_shown_alone(planted: Planted) -> None:
    planted.plant(planted.alert(notification_channels=["routed"]))
    assert planted.evaluate(NOON).shown == 1
    assert (planted.history()[0]["status"], planted.outbox()) == ("shown", [])


def test_without_a_route_a_finding_goes_to_the_channel_of_the_settings(planted: Planted) -> None:
    planted.plant(planted.alert(notification_channels=[]))
    planted.evaluate(NOON, pretend_today(TODAY, slack_bot_token="xoxb-1", slack_channel="#finops"))
    assert [each["channel"] for each in planted.outbox()] == ["slack:#finops"]


def test_routes_of_the_team_and_of_its_cost_centre_are_found(planted: Planted) -> None:
    data = planted.insert("teams", name="Data", cost_center="cc-1")
    web = planted.insert("teams", name="Web", cost_center="cc-1")
    planted.insert("alert_routes", team_id=data, channel="slack:#data")
    planted.insert("alert_routes", cost_center="cc-1", channel="slack:#cc")
    planted.insert("alert_routes", channel="slack:#rest")
    alert = planted.alert(notification_channels=["routed"])
    for team in (data, web, None):
        planted.plant(alert, f"event of {team}", team_id=team)
    planted.evaluate(NOON)
    found = {each["content"]["title"].split()[4]: each["channel"] for each in planted.outbox()}
    assert found == {f"{data}": "slack:#data", f"{web}": "slack:#cc", "None": "slack:#rest"}


def test_the_owner_of_the_alert_is_mentioned_before_that_of_what_it_is_about(planted: Planted) -> None:
    owned, unowned = planted.alert("a", owner="alert@example.com"), planted.alert("b")
    for alert in (owned, unowned):
        planted.plant(alert, evidence={"owner": "budget@example.com", "says": "type@example.com"})
    planted.evaluate(NOON)
    assert [each["content"]["owner"] for each in planted.outbox()] == ["alert@example.com", "budget@example.com"]


def test_what_came_true_before_an_alert_began_to_watch_is_not_told(planted: Planted) -> None:
    alert = planted.alert(watches_from=TODAY)
    planted.plant(alert, "old", occurred_on=TODAY - timedelta(days=1))
    planted.plant(alert, "new")
    planted.plant(planted.alert("older"), "oldest", occurred_on=TODAY - timedelta(days=36))
    assert planted.evaluate(NOON).told == 1


# -- what fails --------------------------------------------------------------------------------------------------------


def test_one_alert_that_fails_stops_no_other_and_is_named(planted: Planted) -> None:
    planted.rows(
        "insert into costpulse.cost_keys (key_id, product, workspace_id, first_usage_date, last_usage_date) "
        "values (gen_random_uuid(), 'SQL', '1', '2026-01-01', '2026-11-24') on conflict do nothing returning 1"
    )
    good = [planted.alert(f"Good {number}") for number in range(9)]
    bad = {
        "Divides": planted.alert("Divides", options={"divisor": 0}),
        "Has bad options": planted.alert("Has bad options", options={"divisor": "many", "nonsense": 1}),
        "Cannot speak": planted.alert("Cannot speak"),
        "Overflows": planted.alert("Overflows"),
        "Below zero": planted.alert("Below zero", threshold_value=Decimal(-1)),
        "Scope gone": planted.alert("Scope gone", scope_type="workspace", scope_id="4711"),
        "Team gone": planted.alert("Team gone", scope_type="team", scope_id="99"),
        "Unknown type": planted.alert("Unknown type", "horoscope"),
        "Broken type": planted.alert("Broken type", "broken"),
    }
    for alert in (*good, *bad.values()):
        planted.plant(alert, "fine")
    planted.plant(bad["Cannot speak"], "mute", evidence={"raises": True})
    planted.plant(bad["Overflows"], "huge", current_value=Decimal(10) ** 30)
    done = planted.evaluate(NOON)
    told = {each["alert_id"] for each in planted.history() if each["status"] == "told"}
    assert told == {*good, bad["Cannot speak"]}
    assert {name for name, _ in done.failed} == set(bad)
    assert done.alerts == len(good) + len(bad)
    evaluations = planted.evaluations()
    assert {name: evaluations[name]["outcome"] for name in bad} == {
        **dict.fromkeys(bad, "failed"),
        "Scope gone": "scope gone",
        "Team gone": "scope gone",
        "Unknown type": "unknown type",
    }
    assert all(evaluations[name]["problem"] and evaluations[name]["next_step"] for name in bad)
    assert "division by zero" in evaluations["Divides"]["problem"]
    assert "divisor" in evaluations["Has bad options"]["problem"]
    assert "nobody can say this" in evaluations["Cannot speak"]["problem"]
    assert "between 0 and 1000 USD, not -1" in evaluations["Below zero"]["problem"]
    assert {evaluations[f"Good {number}"]["outcome"] for number in range(9)} == {"evaluated"}
    assert {evaluations[f"Good {number}"]["findings"] for number in range(9)} == {1}


@ONE_DATABASE
@given(
    faults=st.lists(st.sampled_from(["none", "statement", "message", "value", "options"]), min_size=1, max_size=9),
)
def test_exactly_the_alerts_with_a_fault_fail(planted_database: Planted, faults: list[str]) -> None:
    planted_database.clear()
    expected_told = set()
    for number, fault in enumerate(faults):
        options = {"statement": {"divisor": 0}, "options": {"divisor": None}}.get(fault, {})
        alert = planted_database.alert(f"{number}", options=options)
        value = Decimal(10) ** 30 if fault == "value" else Decimal(1)
        planted_database.plant(alert, evidence={"raises": fault == "message"}, current_value=value)
        if fault == "none":
            expected_told.add(alert)
    done = planted_database.evaluate(NOON)
    assert {name for name, _ in done.failed} == {f"{n}" for n, fault in enumerate(faults) if fault != "none"}
    assert {each["alert_id"] for each in planted_database.history()} == expected_told
    assert len(planted_database.outbox()) == len(expected_told)


def test_an_alert_that_was_mended_tells_what_it_could_not(planted: Planted) -> None:
    alert = planted.alert(options={"divisor": 0})
    planted.plant(alert)
    assert planted.evaluate(NOON).failed
    planted.rows("update costpulse.alerts set options = '{}' returning 1")
    assert planted.evaluate(NOON).told == 1
    evaluation = planted.evaluations()["An alert"]
    assert (evaluation["outcome"], evaluation["problem"], evaluation["next_step"]) == ("evaluated", None, None)


def test_a_threshold_whose_message_fails_leaves_the_word_to_the_next_lower_one(planted: Planted) -> None:
    alert = planted.alert()
    planted.plant(alert, threshold=80)
    planted.plant(alert, threshold=100, evidence={"raises": True})
    assert planted.evaluate(NOON).told == 1
    planted.rows("update public.planted set evidence = '{}' returning 1")
    assert planted.evaluate(NOON).told == 1
    assert [(each["threshold"], each["status"]) for each in planted.history()] == [(80, "told"), (100, "told")]


def test_a_type_that_returns_something_else_fails_alone(planted: Planted) -> None:
    planted.plant(planted.alert("Good"))
    planted.plant(planted.alert("Odd", "odd"))
    planted.plant(planted.alert("Nonsense", "planted_by_clock"), phase="nonsense")
    done = planted.evaluate(NOON)
    assert {name for name, _ in done.failed} == {"Odd", "Nonsense"}
    assert done.told == 1


def test_a_lost_connection_is_no_fault_of_an_alert_and_nothing_is_recorded(planted: Planted) -> None:
    def cut(_: Any) -> Message:
        planted.rows(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'costpulse' "
            "and datname = current_database() and pid <> pg_backend_pid()"
        )
        return Message(title="x", text="x", severity="info")

    planted.plant(planted.alert())
    with pytest.raises(DatabaseUnavailable):
        planted.evaluate(NOON, types={"planted": planted_type(message=cut)})
    assert (planted.history(), planted.evaluations()) == ([], {})
    assert planted.evaluate(NOON).told == 1


# -- who is asked ------------------------------------------------------------------------------------------------------


def test_each_is_evaluated_by_what_watches_it(planted: Planted) -> None:
    planted.plant(planted.alert("By assets"))
    planted.plant(planted.alert("By the clock", "planted_by_clock"))
    planted.plant(planted.alert("Unknown", "horoscope"))
    assert planted.evaluate(NOON, watched_by="clock").told == 1
    assert set(planted.evaluations()) == {"By the clock"}
    assert planted.evaluate(NOON, watched_by="assets").told == 1
    assert set(planted.evaluations()) == {"By assets", "By the clock", "Unknown"}


def test_an_alert_that_is_switched_off_is_not_evaluated(planted: Planted) -> None:
    planted.plant(planted.alert(is_active=False))
    assert planted.evaluate(NOON).alerts == 0


def test_findings_from_elsewhere_are_recorded_the_same_way(planted: Planted) -> None:
    planted.alert()
    with planted.database.transaction() as connection:
        alerts, _ = read_alerts(connection, TYPES)
        finding = Finding(
            alert_id=alerts[0].id,
            scope_type="everything",
            scope_id="",
            scope_name="Whole account",
            team_id=None,
            subject="failed:cost_cycle:1",
            threshold=None,
            phase="firing",
            reminder=0,
            occurred_on=TODAY,
            current_value=None,
            expected_value=None,
            evidence={"since": date(2026, 11, 23)},
        )
        first = record(connection, pretend_today(TODAY), alerts, [finding, finding], now=NOON, types=TYPES)
        second = record(connection, pretend_today(TODAY), alerts, [finding], now=NOON, types=TYPES)
    assert (first.told, second.told) == (1, 0)
    assert planted.history()[0]["evidence"] == {"since": "2026-11-23"}


# -- in Dagster --------------------------------------------------------------------------------------------------------


def test_the_asset_tells_and_names_what_failed(planted: Planted) -> None:
    planted.alert("Unknown type", "horoscope")
    planted.alert("Fine", "cost_spike")
    with ephemeral_instance() as instance:
        run = Pipeline(planted.database, None, pretend_today(TODAY), instance).run(TODAY, None, "alert_outbox")
    assert run.success
    (materialization,) = run.asset_materializations_for_node("alert_outbox")
    assert materialization.metadata["alerts"].value == 2
    assert "horoscope" in str(materialization.metadata["failed, Unknown type"].value)
    (check,) = run.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.severity) == (
        "every_alert_was_evaluated",
        False,
        dg.AssetCheckSeverity.WARN,
    )


def test_the_sensor_evaluates_an_alert_that_is_new_or_was_changed(planted: Planted) -> None:
    url = planted.database.url
    repository = build_definitions(pretend_today(TODAY, database_url=url)).get_repository_def()

    def tick() -> None:
        with dg.build_sensor_context(repository_def=repository) as context:
            assert not repository.get_sensor_def("evaluate_alerts").evaluate_tick(context).run_requests

    planted.alert("Assets", "cost_spike")
    tick()
    first = planted.evaluations()["Assets"]["evaluated_at"]
    tick()
    assert planted.evaluations()["Assets"]["evaluated_at"] == first
    planted.rows("update costpulse.alerts set updated_at = clock_timestamp() returning 1")
    tick()
    second = planted.evaluations()["Assets"]["evaluated_at"]
    assert second > first
    with psycopg.connect(url) as connection:
        connection.execute("update costpulse.alert_evaluations set evaluated_at = evaluated_at - interval '8 hours'")
        connection.execute("update costpulse.alerts set updated_at = updated_at - interval '9 hours'")
    tick()
    assert planted.evaluations()["Assets"]["evaluated_at"] > second
