"""What people decide about events: who may, what is asked for, what is written down, and what the detector learns."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from costpulse_assets.analysis.anomaly_status import acknowledge, assign, expect, reopen, resolve
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Database
from tests.analysis.anomaly_books import Account, day, noon
from tests.conftest import database as database_of_its_own

TODAY = noon(99).date()
WHY = "The yearly load ran"


@pytest.fixture
def account(database_url: str) -> Account:
    """A hundred days with a spike of one job on the ninety-first, judged."""
    account = Account(Database(database_url), factors={("etl", 90): 4.0})
    account.write()
    account.detect()
    return account


@pytest.fixture(scope="module")
def untouched(postgres_server: str, migrated_template: str) -> Iterator[Account]:
    """The same, for tests that change nothing."""
    with database_of_its_own(postgres_server, template=migrated_template) as url:
        account = Account(Database(url), factors={("etl", 90): 4.0})
        account.write()
        account.detect()
        yield account


def decided(account: Account) -> tuple[Any, ...]:
    event = account.one()
    return event["status"], event["resolution"], event["reason"], event["decided_by"]


def test_a_decision_survives_the_next_run_and_holds_for_what_is_rolled_up(account: Account) -> None:
    event = account.one()
    acknowledge(account.database, [event["id"]], actor="ada", reason=" looking at it ")
    account.factors["etl", 91] = 4.0
    account.write()
    account.detect()
    assert account.one()["end_date"] == day(91)
    assert account.one()["id"] == event["id"]
    assert decided(account) == ("acknowledged", None, "looking at it", "ada")
    under = account.query("select status from costpulse.anomalies where parent_id = %s", event["id"])
    assert under
    assert {row["status"] for row in under} == {"acknowledged"}


def test_every_decision_is_in_the_audit_log_with_who_made_it(account: Account) -> None:
    event = account.one()
    resolve(account.database, [event["id"]], actor="ada", resolution="fixed")
    reopen(account.database, [event["id"]], actor="ben")
    assign(account.database, [event["id"]], actor="cleo", to=" dan@x.example ")
    rows = account.query(
        "select actor, before ->> 'status' as before, after ->> 'status' as after, after ->> 'assigned_to' as assigned "
        "from costpulse.audit_log where table_name = 'anomalies' and row_id = %s order by id",
        str(event["id"]),
    )
    assert [tuple(row.values()) for row in rows] == [
        ("ada", "open", "resolved", None),
        ("ben", "resolved", "open", None),
        ("cleo", "open", "open", "dan@x.example"),
    ]


@pytest.mark.parametrize(
    ("decide", "message"),
    [
        (lambda d, i: expect(d, i, actor="a", reason="short", until=date.max, today=TODAY), "at least ten characters"),
        (lambda d, i: expect(d, i, actor="a", reason=WHY, until=TODAY, today=TODAY), "must lie after today"),
        (lambda d, i: resolve(d, i, actor="a", resolution="expected", reason=" " * 12), "at least ten characters"),
        (lambda d, i: resolve(d, i, actor="a", resolution="not an anomaly"), "at least ten characters"),
        (lambda d, i: resolve(d, i, actor="a", resolution="no longer there"), "cannot be resolved as"),
        (lambda d, i: acknowledge(d, [*i, 999_999], actor="a"), "no anomaly 999999"),
        (lambda d, i: acknowledge(d, i, actor=" "), "Nobody is named"),
        (lambda d, i: assign(d, i, actor="a", to=" "), "Nobody is named"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_changed(untouched: Account, decide: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        decide(untouched.database, [untouched.one()["id"]])
    assert decided(untouched) == ("open", None, None, None)
    assert untouched.query("select count(*) as n from costpulse.audit_log where table_name = 'anomalies'") == [{"n": 0}]


def test_what_is_expected_until_a_day_is_born_expected_up_to_then(account: Account) -> None:
    until = day(104)
    expect(account.database, [account.one()["id"]], actor="ada", reason=WHY, until=until, today=TODAY)
    account.factors |= {("etl", 104): 4.0, ("etl", 109): 4.0}
    account.days = 112
    account.write()
    account.detect()
    events = {event["start_date"]: event for event in account.shown()}
    assert list(events) == [day(90), day(104), day(109)]
    born = events[day(104)]
    assert (born["status"], born["reason"], born["expected_until"], born["decided_by"]) == (
        ("expected", WHY, until, "pipeline")
    )
    assert events[day(109)]["status"] == "open"


def test_what_goes_on_after_the_day_it_was_expected_until_is_open_again(account: Account) -> None:
    account.factors |= {("etl", number): 4.0 for number in range(90, 112)}
    account.write()
    account.detect()
    event = account.one()
    assert event["end_date"] is None
    expect(account.database, [event["id"]], actor="ada", reason=WHY, until=day(103), today=TODAY)
    account.days = 100
    account.detect()
    assert account.one()["status"] == "expected"
    account.days = 106
    account.write()
    assert account.detect().reopened > 0
    assert (account.one()["id"], account.one()["status"]) == (event["id"], "open")


def test_what_is_not_an_anomaly_makes_the_detector_quieter_for_that_scope_alone(account: Account) -> None:
    event = account.one()
    resolve(account.database, [event["id"]], actor="ada", resolution="not an anomaly", reason=WHY)
    account.detect()
    (taught,) = account.query("select * from costpulse.series_sensitivity")
    assert (taught["scope_type"], taught["scope_id"]) == (event["scope_type"], event["scope_id"])
    assert taught["factor"] == pytest.approx(0.85)
    assert taught["reason"] == "1 not an anomaly in the last 180 days"
    assert account.one()["sensitivity"] == pytest.approx(0.85)
    reopen(account.database, [event["id"]], actor="ada")
    account.detect()
    assert account.query("select * from costpulse.series_sensitivity") == []
    assert account.one()["sensitivity"] == 1


def test_what_is_too_small_is_not_shown_the_next_time(account: Account) -> None:
    event = account.one()
    resolve(account.database, [event["id"]], actor="ada", resolution="too small")
    account.factors["etl", 105] = 3.5
    account.days = 108
    account.write()
    account.detect()
    (taught,) = account.query("select * from costpulse.series_sensitivity")
    assert taught["minimum_impact_usd"] == event["impact_usd"]
    later = account.query(
        "select id from costpulse.anomalies where scope_type = %s and scope_id = %s and start_date = %s",
        event["scope_type"],
        event["scope_id"],
        day(105),
    )
    assert later == []
    # It is what somebody decided that stays, even if it would not be found any more.
    assert account.shown()[0]["resolution"] == "too small"


def as_app(account: Account, statement: str, *, scope: str | None, actor: str | None = None) -> list[Any]:
    with psycopg.connect(account.database.url) as connection:
        connection.execute("set local role costpulse_app")
        if scope is not None:
            connection.execute("select set_config('costpulse.scope', %s, true)", [scope])
        if actor is not None:
            connection.execute("select set_config('costpulse.actor', %s, true)", [actor])
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_a_viewer_of_a_team_sees_its_events_with_their_causes_and_nothing_else(untouched: Account) -> None:
    def seen(scope: str | None) -> list[Any]:
        return as_app(untouched, "select distinct scope_type, scope_id from costpulse.anomalies", scope=scope)

    assert len(seen("all")) > 1
    assert seen("1") == [("team", "1")]
    assert seen("2") == []
    assert seen(None) == []
    for table in ("anomaly_days", "anomaly_causes"):
        everything = as_app(untouched, f"select count(*) from costpulse.{table}", scope="all")[0][0]
        of_team = as_app(untouched, f"select count(*) from costpulse.{table}", scope="1")[0][0]
        assert 0 < of_team < everything
        assert as_app(untouched, f"select count(*) from costpulse.{table}", scope="2") == [(0,)]


def test_the_app_changes_what_people_decide_and_says_who_did(account: Account) -> None:
    decide = "update costpulse.anomalies set status = 'acknowledged', decided_by = 'ada' where scope_type = 'team'"
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"costpulse\.actor"):
        as_app(account, decide, scope="1")
    as_app(account, decide + " returning id", scope="1", actor="ada")
    as_app(account, "update costpulse.anomalies set status = 'acknowledged', decided_by = 'x'", scope="2", actor="ada")
    (count,) = account.query("select count(*) as n from costpulse.anomalies where status = 'acknowledged'")
    assert count["n"] == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_app(account, "update costpulse.anomalies set severity = 'medium'", scope="all", actor="ada")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_app(account, "select * from costpulse.detector_states", scope="all")


def test_decisions_older_than_half_a_year_teach_nothing(account: Account) -> None:
    resolve(account.database, [account.one()["id"]], actor="ada", resolution="not an anomaly", reason=WHY)
    with account.database.transaction() as connection:
        connection.execute(
            "update costpulse.anomalies set decided_at = %s where decided_by = 'ada'",
            [noon(99) - timedelta(days=181)],
        )
    account.detect()
    assert account.query("select * from costpulse.series_sensitivity") == []
