"""Remarks on days: on the charts of Overview, Cost explorer and Team, listed below them, written in a popover."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from costpulse_app import charts
from tests.app.books import Books
from tests.app.conftest import TODAY, LookedAtBy, Opener
from tests.app.test_pages import EXPLORER, texts
from tests.conftest import database

TEAM = "views/team.py"
HOSTILE = "<b>x</b> *y* $1$ [l](http://e.example)"


@pytest.fixture(scope="module")
def account(postgres_server: str, migrated_template: str) -> Iterator[str]:
    with database(postgres_server, template=migrated_template) as url:
        made = Books(workspaces={"100": "northwind-prod"}, teams=["Data", "Risk"])
        for number in range(8):
            day = date(TODAY.year, TODAY.month, TODAY.day - number)
            made.add(day, "100", job_id="1", team=1)
            made.add(day, "10", team=2)
        made.write(url)
        yield url


@pytest.fixture
def url(account: str) -> str:
    """The account with a remark for everybody and one of each team."""
    with psycopg.connect(account) as connection:
        connection.execute("delete from costpulse.annotations")
        connection.execute(
            "insert into costpulse.annotations (usage_date, note, team_id, author) values "
            "('2026-11-20', %s, null, 'fay@example.com'), ('2026-11-21', 'of data', 1, 'ada@example.com'), "
            "('2026-11-21', 'of risk', 2, 'bob@example.com'), ('2026-01-01', 'long ago', null, 'fay@example.com')",
            [HOSTILE],
        )
    return account


def opened(test: AppTest) -> AppTest:
    test.session_state["remark_new"] = True
    test.run()
    assert not test.exception
    return test


def write(test: AppTest, note: str) -> AppTest:
    test.text_input(key="remark_note").set_value(note)
    return test.button(key="remark_add").click().run()


def stored(url: str) -> list[tuple[date, str, int | None, str]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select usage_date, note, team_id, author from costpulse.annotations where id > (select min(id) + 3 from "
            "costpulse.annotations) order by id"
        ).fetchall()


def deletable(test: AppTest) -> int:
    return sum(each.key.startswith("remark_delete_") for each in test.button)


@pytest.mark.parametrize("page", [None, EXPLORER])
def test_remarks_are_listed_under_the_trend_with_day_text_whom_and_author(
    page: str | None, app: Opener, url: str
) -> None:
    test = app(url, page)
    assert not test.exception
    said = texts(test)
    assert f"1. 20 Nov 2026: {HOSTILE} (for everybody, by fay@example.com)" in said
    assert "2. 21 Nov 2026: of data (for Data, by ada@example.com)" in said
    assert "3. 21 Nov 2026: of risk (for Risk, by bob@example.com)" in said
    assert "long ago" not in said


def test_a_filter_for_a_team_and_the_page_of_a_team_leave_those_of_others_out(app: Opener, url: str) -> None:
    for test in (app(url, team="2"), app(url, EXPLORER, team="2"), app(url, TEAM, id="2")):
        assert not test.exception
        assert "of risk" in texts(test)
        assert HOSTILE in texts(test)
        assert "of data" not in texts(test)


def test_weeks_and_months_show_none(app: Opener, url: str) -> None:
    assert "of data" not in texts(app(url, EXPLORER, bin="week"))
    assert "of data" in texts(app(url, EXPLORER, bin="day"))


def test_who_sees_one_team_reads_what_is_for_it_and_for_everybody(
    app: Opener, url: str, looked_at_by: LookedAtBy
) -> None:
    looked_at_by("viewer", "1", name="ada@example.com")
    test = app(url)
    assert "of data" in texts(test)
    assert HOSTILE in texts(test)
    assert "of risk" not in texts(test)
    # Who only reads deletes nothing, their own of better days included.
    assert deletable(test) == 0


def test_a_team_owner_writes_about_own_teams_and_deletes_own_remarks(
    app: Opener, url: str, looked_at_by: LookedAtBy
) -> None:
    looked_at_by("team_owner", "1", name="ada@example.com")
    test = opened(app(url, TEAM, id="1"))
    assert test.selectbox(key="remark_team").options == ["Data"]
    assert deletable(test) == 1
    write(test, "  a backfill ")
    assert not test.exception
    assert stored(url) == [(TODAY, "a backfill", 1, "ada@example.com")]
    assert "a backfill (for Data, by ada@example.com)" in texts(test)
    for key in [each.key for each in test.button if each.key.startswith("remark_delete_")]:
        test.button(key=key).click().run()
    assert deletable(test) == 0
    assert "of data" not in texts(test)


def test_finops_writes_for_everybody_and_deletes_any(app: Opener, url: str, looked_at_by: LookedAtBy) -> None:
    looked_at_by("finops", name="nina@example.com")
    test = opened(app(url))
    assert test.selectbox(key="remark_team").options == ["Everybody", "Data", "Risk"]
    assert deletable(test) == 3
    write(test, "new contract")
    assert stored(url) == [(TODAY, "new contract", None, "nina@example.com")]


def test_a_fault_is_said_and_nothing_is_written(app: Opener, url: str) -> None:
    test = write(opened(app(url)), " ")
    assert "Write a text." in texts(test)
    assert stored(url) == []


def test_a_right_that_was_lost_meanwhile_writes_nothing(app: Opener, url: str, looked_at_by: LookedAtBy) -> None:
    looked_at_by("finops")
    test = opened(app(url))
    test.text_input(key="remark_note").set_value("x")
    looked_at_by("viewer", "1")
    test.button(key="remark_add").click().run()
    assert "takes the role finops" in texts(test)
    assert stored(url) == []


def test_a_mark_stands_above_its_day_and_shows_nothing_of_the_text_as_html() -> None:
    day = date(2026, 11, 20)
    series = [charts.Series("JOBS", "Jobs", {day: Decimal(100)})]
    figure = charts.stacked_bars(
        series, [day], bin="day", colour={"JOBS": "#000"}, not_final={}, measure="cost", currency="USD",
        look=charts.LIGHT,
    )  # fmt: skip
    remarks = [charts.Remark(1, day, HOSTILE), charts.Remark(2, day, "second")]
    charts.mark_remarks(figure, remarks, charts.totals(series), look=charts.LIGHT)
    (drawn,) = [trace for trace in figure.data if trace.name == "Remark"]
    assert list(drawn.text) == ["1,2"]
    assert drawn.y[0] > 100
    assert "<b>" not in drawn.customdata[0][2]
    assert drawn.customdata[0][0] == charts.REMARK
    assert len(figure.layout.shapes) == 1
