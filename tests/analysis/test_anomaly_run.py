"""Events in the database: one for each cause, named causes that add up, and what becomes of them run after run."""

from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.analysis.anomaly_run import detect_anomalies
from costpulse_assets.resources.database import Database
from tests.analysis.anomaly_books import JOBS, Account, day, noon

SPIKE = {("etl", 90): 4.0}


@pytest.fixture
def account(database_url: str) -> Account:
    """A hundred days with a spike of one job on the ninety-first."""
    account = Account(Database(database_url), factors=dict(SPIKE))
    account.write()
    return account


def test_one_cause_is_one_event_with_everything_else_it_shows_in_under_it(account: Account) -> None:
    done = account.detect()
    event = account.one()
    assert (event["kind"], event["direction"], event["start_date"], event["end_date"]) == (
        ("spike", "up", day(90), day(90))
    )
    under = account.query("select scope_type from costpulse.anomalies where parent_id = %s", event["id"])
    assert "job" in {row["scope_type"] for row in under} | {event["scope_type"]}
    assert done.events == len(under) + 1 > 2
    assert (done.shown, done.judged, done.series) == (1, done.series, done.series)
    assert account.main_cause(event)["value_id"] == "100/etl"


def test_amounts_are_those_of_the_bill_to_the_last_digit(account: Account) -> None:
    account.detect()
    costs = {
        row["usage_date"]: row["cost_usd"]
        for row in account.query(
            "select d.usage_date, sum(d.cost_usd) as cost_usd from costpulse.daily_key_costs as d "
            "join costpulse.cost_keys as k using (key_id) where k.job_id = 'etl' group by d.usage_date"
        )
    }
    (event,) = account.query("select * from costpulse.anomalies where scope_type = 'job'")
    assert event["actual_usd"] == costs[day(90)]
    assert event["expected_usd"] == sum(costs[day(90 - 7 * week)] for week in range(1, 5)) / 4
    assert event["impact_usd"] == event["actual_usd"] - event["expected_usd"]


def test_every_dimension_splits_the_whole_event_and_more_use_is_no_higher_price(account: Account) -> None:
    account.detect()
    event = account.one()
    rows = account.query("select * from costpulse.anomaly_causes where anomaly_id = %s", event["id"])
    assert len({row["dimension"] for row in rows}) == 10
    for dimension in {row["dimension"] for row in rows}:
        parts = [row for row in rows if row["dimension"] == dimension]
        assert sum(row["difference_usd"] for row in parts) == event["impact_usd"]
        assert sum(row["share"] for row in parts) == pytest.approx(Decimal(1), abs=Decimal("0.00001"))
    assert all(row["price_effect_usd"] == 0 for row in rows)


def test_a_cause_goes_by_the_name_it_had_on_the_day(account: Account) -> None:
    with account.database.transaction() as connection:
        for name, since, until in (("load", day(0), day(92)), ("renamed", day(92), None)):
            connection.execute(
                "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from, "
                "valid_to) values ('100', 'job', 'etl', %s, %s, %s)",
                [name, since, until],
            )
    account.detect()
    assert account.main_cause(account.one())["name"] == "load"
    (of_workspace,) = account.query("select * from costpulse.anomalies where scope_type = 'workspace'")
    names = {row["value_id"]: row["name"] for row in account.causes(of_workspace, "job")}
    # Of what has no name of its own, the bill's is taken.
    assert names == {"100/etl": "load", "100/bi": "bi of the bill"}


def test_a_higher_price_is_told_apart_from_more_use(database_url: str) -> None:
    account = Account(Database(database_url), rates={80: Decimal("0.40")})
    account.write()
    account.detect()
    event = account.one()
    assert (event["scope_type"], event["kind"], event["start_date"]) == ("everything", "level shift", day(80))
    (sku,) = account.causes(event, "sku")
    assert sku["price_effect_usd"] == pytest.approx(sku["actual_usd"] * Decimal("0.375"), rel=Decimal("0.000001"))
    assert abs(sku["volume_effect_usd"]) < Decimal("0.05") * sku["price_effect_usd"]


def test_a_new_job_is_a_new_source_and_its_own_cause(database_url: str) -> None:
    account = Account(Database(database_url), begins={"scoring": 70})
    account.write()
    account.detect()
    event = account.one()
    assert (event["kind"], event["start_date"]) == ("new source", day(70))
    cause = account.main_cause(event)
    assert (cause["value_id"], cause["is_new"]) == ("200/scoring", True)


def test_what_ends_is_named_as_gone(database_url: str) -> None:
    account = Account(Database(database_url), factors={("ml", number): 0 for number in range(95, 100)})
    account.write()
    account.detect()
    event = account.one()
    assert (event["direction"], event["start_date"], event["end_date"]) == ("down", day(95), None)
    cause = account.main_cause(event)
    assert (cause["value_id"], cause["is_gone"]) == ("200/ml", True)


def test_two_causes_are_two_events(database_url: str) -> None:
    account = Account(Database(database_url), factors={("etl", 90): 4.0, ("ml", 75): 3.0})
    account.write()
    account.detect()
    assert [account.main_cause(event)["value_id"] for event in account.shown()] == ["200/ml", "100/etl"]


def everything(account: Account) -> list[dict[str, Any]]:
    """All events and causes, without when they were made."""
    rows = account.query(
        "select to_jsonb(a) - array['id', 'parent_id', 'detected_at', 'judged_at', 'causes_at', 'score', "
        "'decided_at'] || jsonb_build_object('parent', to_jsonb(p) - array['id', 'detected_at', 'judged_at', "
        "'causes_at', 'score'], 'causes', (select jsonb_agg(to_jsonb(c) - 'anomaly_id' order by c.dimension, "
        "c.value_id) from costpulse.anomaly_causes as c where c.anomaly_id = a.id)) as event "
        "from costpulse.anomalies as a left join costpulse.anomalies as p on a.parent_id = p.id"
    )
    return sorted((row["event"] for row in rows), key=str)


def test_a_second_run_judges_nothing_and_changes_nothing(account: Account) -> None:
    account.detect()
    before, ids = everything(account), account.query("select id, causes_at from costpulse.anomalies order by id")
    again = account.detect()
    assert again.days_judged == 0
    assert everything(account) == before
    assert account.query("select id, causes_at from costpulse.anomalies order by id") == ids


def test_one_more_day_is_judged_alone_and_gives_what_a_full_scan_gives(account: Account) -> None:
    account.factors |= {("ml", number): 1.7 for number in range(97, 130)}
    for account.days in (98, 99, 100, 101, 102):
        account.write()
        judged = account.detect().days_judged
        assert judged == (98 if account.days == 98 else 1)
    stepwise = everything(account)
    with account.database.transaction() as connection:
        connection.execute("truncate costpulse.anomalies, costpulse.anomaly_causes, costpulse.detector_states")
    assert account.detect().days_judged == 102
    assert everything(account) == stepwise
    assert "level shift" in {event["kind"] for event in account.shown()}


def test_another_setting_or_a_restated_day_judges_all_days_anew(account: Account) -> None:
    account.detect()
    account.factors["bi", 40] = 1.05
    account.write()
    assert account.detect().days_judged == 100
    account.settings = account.settings.model_copy(update={"anomaly_sensitivity": 0.9})
    assert account.detect().days_judged == 100


def test_a_corrected_bill_resolves_its_event_and_a_second_correction_opens_it_again(account: Account) -> None:
    account.detect()
    event = account.one()
    account.factors.clear()
    account.write()
    assert account.detect().gone > 0
    after = account.one()
    assert (after["id"], after["status"], after["resolution"]) == (event["id"], "resolved", "no longer there")
    assert after["decided_by"] == "pipeline"
    (entry,) = account.query("select actor, action from costpulse.audit_log where table_name = 'anomalies'")
    assert entry == {"actor": "pipeline", "action": "update"}
    assert account.query("select count(*) as n from costpulse.anomalies") == [{"n": 1}]

    account.factors |= SPIKE
    account.write()
    account.detect()
    again = account.one()
    assert (again["id"], again["status"], again["resolution"], again["gone_at"]) == (event["id"], "open", None, None)


def test_what_was_corrected_keeps_what_it_was_when_it_was_found(account: Account) -> None:
    account.detect()
    account.factors["etl", 90] = 3.0
    account.write()
    account.detect()
    event = account.one()
    (row,) = account.query(
        "select actual, first_actual from costpulse.anomaly_days where scope_type = %s and scope_id = %s "
        "and usage_date = %s",
        event["scope_type"],
        event["scope_id"],
        day(90),
    )
    assert row["actual"] == pytest.approx(float(event["actual_usd"]))
    assert row["first_actual"] - row["actual"] == pytest.approx(1_200 * 0.25, rel=0.1)


def test_a_day_that_is_not_final_is_an_event_once_it_is_too_high_and_keeps_its_number(account: Account) -> None:
    account.factors = {("etl", 99): 4.0, ("ml", 98): 0.1}
    account.not_final = (98, 99)
    account.write()
    account.detect()
    event = account.one()
    assert (event["start_date"], event["is_provisional"], event["end_date"]) == (day(99), True, None)
    account.not_final = ()
    account.days = 101
    account.write()
    account.detect()
    later = {row["id"]: row for row in account.shown()}
    assert (later[event["id"]]["is_provisional"], later[event["id"]]["end_date"]) == (False, day(99))
    assert {row["direction"] for row in later.values()} == {"up", "down"}


def test_old_events_stay_when_their_days_leave_the_window(account: Account) -> None:
    account.factors = {("etl", 30): 4.0, ("etl", 90): 4.0}
    account.days = 215
    account.write()
    account.detect()
    first, second = account.shown()
    account.settings = account.settings.model_copy(update={"analysis_days": 100})
    account.detect()
    assert [event["id"] for event in account.shown()] == [first["id"], second["id"]]
    assert account.shown()[0]["gone_at"] is None


def test_with_too_little_history_nothing_is_judged(database_url: str) -> None:
    account = Account(Database(database_url), days=15)
    account.write()
    done = account.detect()
    assert (done.judged, done.events) == (0, 0)
    assert done.series == len(JOBS) + 1 + 2 + 1 + 3 + 1


def test_an_empty_account_is_no_error(database_url: str) -> None:
    account = Account(Database(database_url))
    assert detect_anomalies(account.database, account.settings, now=noon(1)).final_until is None
