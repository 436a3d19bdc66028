"""Remarks on days: what may be written, and who reads, writes and deletes which, by rules of the database too."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date

import psycopg
import pytest
from psycopg.rows import dict_row

from costpulse_assets.annotations import LONGEST_NOTE, Annotation, add_annotation, annotations, delete_annotation
from costpulse_assets.errors import BadInput, NotAllowed
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection

ADA, BOB, FAY = "ada@example.com", "bob@example.com", "fay@example.com"
DAY = date(2026, 11, 18)
WEEK = Period(date(2026, 11, 16), date(2026, 11, 22))


@pytest.fixture
def url(database_url: str) -> str:
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into costpulse.teams (name) values ('Data'), ('Risk'), ('Growth')")
    return database_url


@contextmanager
def acting(url: str, actor: str, scope: str) -> Iterator[Connection]:
    """As the app acts for somebody; committed at the end."""
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection, connection:
        connection.execute("set role costpulse_app")
        connection.execute(
            "select set_config('costpulse.scope', %s, true), set_config('costpulse.actor', %s, true)", [scope, actor]
        )
        yield connection


def write(url: str, actor: str, scope: str, note: str, team: int | None, day: date = DAY) -> int:
    with acting(url, actor, scope) as connection:
        return add_annotation(connection, day, note, team)


def seen(url: str, scope: str, teams: list[int] | None = None) -> list[str]:
    with acting(url, BOB, scope) as connection:
        return [one.note for one in annotations(connection, WEEK, teams)]


def test_people_read_what_is_for_everybody_and_for_their_own_teams(url: str) -> None:
    write(url, FAY, "all", "price change", None)
    write(url, ADA, "1,2", "reload", 2)
    write(url, FAY, "all", "launch", 3)
    write(url, FAY, "all", "later", None, date(2026, 11, 23))
    assert seen(url, "all") == ["price change", "reload", "launch"]
    assert seen(url, "2") == ["price change", "reload"]
    assert seen(url, "3,1") == ["price change", "launch"]
    assert seen(url, "") == ["price change"]
    assert seen(url, "all", [2]) == ["price change", "reload"]
    assert seen(url, "all", []) == ["price change"]


def test_a_remark_keeps_its_day_text_team_and_author(url: str) -> None:
    number = write(url, ADA, "2", "  two\n spaces ", 2)
    with acting(url, ADA, "2") as connection:
        assert annotations(connection, WEEK) == [Annotation(number, DAY, "two spaces", 2, ADA)]


@pytest.mark.parametrize(
    ("note", "day"),
    [("", DAY), (" \n ", DAY), ("x" * (LONGEST_NOTE + 1), DAY), ("x", date(1999, 12, 31)), ("x", date(2100, 1, 1))],
)
def test_what_cannot_be_written_is_refused(note: str, day: date, url: str) -> None:
    with pytest.raises(BadInput):
        write(url, FAY, "all", note, None, day)


def test_all_faults_are_said_at_once(url: str) -> None:
    with pytest.raises(BadInput, match=r"Write a text\. 1999-12-31 is out of range"):
        write(url, FAY, "all", "", None, date(1999, 12, 31))


@pytest.mark.parametrize("team", [None, 3, 999])
def test_who_sees_some_teams_writes_about_these_alone(team: int | None, url: str) -> None:
    with pytest.raises(NotAllowed):
        write(url, ADA, "1,2", "beyond", team)
    assert seen(url, "all") == []


def test_own_remarks_are_deleted_by_their_author_others_by_who_sees_everything(url: str) -> None:
    adas, fays = write(url, ADA, "1,2", "mine", 2), write(url, FAY, "all", "hers", 2)
    for actor, scope, number in ((BOB, "2", adas), (ADA, "1,2", fays), (ADA, "1", adas)):
        with pytest.raises(NotAllowed), acting(url, actor, scope) as connection:
            delete_annotation(connection, number, is_own=False)
    # A right that goes by the author stays with the author, whatever they see.
    with pytest.raises(NotAllowed), acting(url, BOB, "all") as connection:
        delete_annotation(connection, adas, is_own=True)
    with acting(url, ADA, "1,2") as connection:
        delete_annotation(connection, adas, is_own=True)
    with acting(url, BOB, "all") as connection:
        delete_annotation(connection, fays, is_own=False)
    assert seen(url, "all") == []
    with pytest.raises(NotAllowed), acting(url, ADA, "1,2") as connection:
        delete_annotation(connection, adas, is_own=True)


@pytest.mark.parametrize(
    "values",
    ["'x', null, 'ada@example.com'", "'x', 3, 'ada@example.com'", "'x', 2, 'bob@example.com'"],
    ids=["for everybody", "of another team", "in another name"],
)
def test_the_database_refuses_what_is_beyond_who_sees_some_teams(values: str, url: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(url, ADA, "1,2") as connection:
        connection.execute(
            "insert into costpulse.annotations (usage_date, note, team_id, author) values "
            f"('2026-11-18', {values})".encode()
        )


def test_the_database_lets_nobody_change_a_remark_or_delete_those_of_others(url: str) -> None:
    write(url, FAY, "all", "hers", 2)
    write(url, FAY, "all", "for all", None)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(url, FAY, "all") as connection:
        connection.execute("update costpulse.annotations set note = 'x'")
    for scope in ("2", ""):
        with acting(url, ADA, scope) as connection:
            assert connection.execute("delete from costpulse.annotations").rowcount == 0


def test_every_change_is_in_the_audit_log_by_name(url: str) -> None:
    number = write(url, ADA, "2", "mine", 2)
    with acting(url, ADA, "2") as connection:
        delete_annotation(connection, number, is_own=True)
    with closing(psycopg.connect(url)) as connection:
        logged = connection.execute(
            "select actor, action from costpulse.audit_log where table_name = 'annotations' order by id"
        ).fetchall()
    assert logged == [(ADA, "insert"), (ADA, "delete")]
