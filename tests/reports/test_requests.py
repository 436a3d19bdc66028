"""Asking for a report: what is accepted, by whom, and what the row then says."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.rows import dict_row

from costpulse_assets.errors import BadInput
from costpulse_assets.periods import Period
from costpulse_assets.reports.report_request import ReportRequest, checked_request
from costpulse_assets.reports.requests import period_words, report_name, request_report, stored_request
from costpulse_assets.resources.database import Database
from tests.reports.asking import MARCH, Desk
from tests.resources.test_roles import acting_as

HOSTILE = "../../etc/=cmd|' /C calc'!A0\u202e"


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Desk:
    desk = Desk.of(Database(database_url), tmp_path / "reports")
    desk.query("insert into costpulse.teams (name) values ('Data Platform'), ('Data Science'), ('Risk'), (%s)", HOSTILE)
    return desk


def showback(**fields: Any) -> ReportRequest:
    asked = {"report_type": "showback", "format": "csv", "first_day": MARCH, "last_day": date(2026, 3, 31)}
    return checked_request(**{**asked, **fields})


def test_a_request_becomes_a_row_that_waits_and_leaves_a_trace(desk: Desk) -> None:
    number = desk.ask(team="data platform", channels=("slack", "email:ada@example.com", "slack"), format="xlsx")
    row = desk.row(number)
    assert row["name"] == "Showback of Data Platform, March 2026"
    assert (row["status"], row["requested_by"], row["team_name"]) == ("requested", "ada@example.com", "Data Platform")
    assert row["channels"] == ["slack", "email:ada@example.com"]
    assert row["options"] == {}
    (trace,) = desk.query("select actor, row_id from costpulse.audit_log where table_name = 'reports'")
    assert trace == {"actor": "ada@example.com", "row_id": str(number)}


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("Data Plattform", "Did you mean Data Platform?"),
        ("data scienc", "Did you mean Data Science?"),
        ("Rsk", "Did you mean Risk?"),
        ("zzz", "Look at the teams on the page Allocation, or leave the team out for all of them."),
        ("'; drop table costpulse.teams; --", "Look at the teams"),
    ],
)
def test_an_unknown_team_is_named_with_the_nearest_names(desk: Desk, name: str, way_out: str) -> None:
    with pytest.raises(BadInput) as failure:
        desk.ask(team=name)
    assert failure.value.message == f"There is no team {name}."
    assert failure.value.next_step.startswith(way_out)
    assert desk.query("select from costpulse.reports") == []


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"first_day": date(2026, 4, 1)}, "the period ends on 2026-03-31, before it begins on 2026-04-01"),
        ({"format": "docx"}, "format: Input should be 'csv', 'xlsx', 'pdf', 'parquet' or 'focus'"),
        ({"report_type": "invoice"}, "report_type: Input should be 'showback'"),
        ({"team": ""}, "team: "),
        ({"first_day": None}, "first_day: "),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_anything_is_written(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadInput) as failure:
        showback(**fields)
    assert fault in failure.value.message


@pytest.mark.parametrize("channel", ["routed", "fax:1", "slack:", "email:nobody"])
def test_a_channel_that_is_none_is_refused(desk: Desk, channel: str) -> None:
    with pytest.raises(BadInput, match="is not a channel"):
        desk.ask(channels=(channel,))


def test_somebody_has_to_ask(desk: Desk) -> None:
    with pytest.raises(BadInput, match="Nobody is named"):
        desk.ask(by="  ")


def test_only_focus_has_options_of_its_own(desk: Desk) -> None:
    with desk.database.transaction() as connection:
        request = showback(format="focus", focus_version="1.2", split="team")
        number = request_report(connection, request, requested_by="ada", options={"file": "csv"})
    row = desk.row(number)
    assert row["options"] == {"focus_version": "1.2", "split": "team", "file": "csv"}
    assert row["name"] == "FOCUS 1.2, March 2026"
    assert stored_request(row) == request


def test_what_is_stored_is_what_was_asked_for(desk: Desk) -> None:
    request = showback(team="Risk", channels=("slack",), report_type="chargeback", format="pdf")
    with desk.database.transaction() as connection:
        number = request_report(connection, request, requested_by="ada")
    assert stored_request(desk.row(number)) == request


@pytest.mark.parametrize(
    ("scope", "team", "is_accepted"),
    [
        ("all", None, True),
        ("all", "Risk", True),
        ("1", "Data Platform", True),
        ("1", "Risk", False),
        ("1", None, False),
    ],
)
def test_the_app_asks_for_what_the_person_may_see(
    desk: Desk, database_url: str, scope: str, team: str | None, is_accepted: bool
) -> None:
    with acting_as(database_url, "costpulse_app", scope=scope, actor="bob@example.com") as connection:
        connection.row_factory = dict_row
        if is_accepted:
            assert request_report(connection, showback(team=team), requested_by="bob@example.com") == 1
        else:
            with pytest.raises(BadInput, match="not yours"):
                request_report(connection, showback(team=team), requested_by="bob@example.com")


def test_the_app_cannot_say_that_a_report_is_ready(desk: Desk, database_url: str) -> None:
    desk.ask()
    with (
        acting_as(database_url, "costpulse_app", scope="all", actor="eve") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("update costpulse.reports set file_path = '/etc/passwd', status = 'ready'")


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2026, 3, 1), date(2026, 3, 31), "March 2026"),
        (date(2026, 3, 1), date(2026, 5, 31), "March to May 2026"),
        (date(2025, 12, 1), date(2026, 1, 31), "December 2025 to January 2026"),
        (date(2026, 3, 2), date(2026, 3, 8), "2 to 8 Mar 2026"),
        (date(2026, 3, 30), date(2026, 4, 5), "30 Mar to 5 Apr 2026"),
        (date(2025, 12, 29), date(2026, 1, 4), "29 Dec 2025 to 4 Jan 2026"),
        (date(2026, 3, 2), date(2026, 3, 2), "2 Mar 2026"),
    ],
)
def test_a_period_is_named_as_people_say_it(first: date, last: date, words: str) -> None:
    assert period_words(Period(first, last)) == words


@given(first=st.dates(date(2000, 1, 1), date(2100, 1, 1)), length=st.integers(0, 800), other=st.integers(0, 800))
def test_two_periods_are_never_called_the_same(first: date, length: int, other: int) -> None:
    one, two = (Period(first, first + timedelta(days=days)) for days in (length, other))
    assert (period_words(one) == period_words(two)) == (one == two)


def test_the_name_says_what_whose_and_when() -> None:
    assert report_name(showback(report_type="executive"), None) == "Executive summary of all teams, March 2026"
