"""Team: one team with those below it, in figures that add up; nobody learns of teams that are not theirs."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from costpulse_app import charts, formats
from tests.app.books import Books
from tests.app.conftest import TODAY, LookedAtBy, Opener
from tests.app.test_anomalies_page import add_cause, add_event
from tests.app.test_bridge import write as write_bridge
from tests.app.test_pages import metric, texts
from tests.app.test_recommendations_page import add as add_recommendation
from tests.conftest import database

PAGE = "views/team.py"
FINAL = TODAY - timedelta(days=2)
MONTH = (date(2026, 11, 1), FINAL)
BEFORE = (date(2026, 10, 1), date(2026, 10, 22))
HOSTILE = "<b>Risk</b> *x* $1$"
NOBODYS = "There is no such team, or it is not yours to see."


def the_books() -> Books:
    """Data platform with the team Risk below it, Growth apart from them, and a little that is nobody's."""
    made = Books(
        workspaces={"100": "northwind-prod"},
        teams=["Data platform", HOSTILE, "Growth"],
        provisional={TODAY: Decimal("0.38"), TODAY - timedelta(days=1): Decimal("0.96")},
    )
    for back in range(60):
        day = TODAY - timedelta(days=back)
        made.add(day, "100.25", job_id="1", job_name="<b>nightly</b> load", team=1)
        made.add(day, f"{20 + back}.10", product="SQL", sku="SQL_PRO", warehouse_id="abcdef123456", team=2)
        made.add(day, "500", product="AI", sku="AI_SKU", team=3)
        made.add(day, "7")
    return made


def cost(first: date, last: date, *teams: int) -> Decimal:
    rows = [row for row in the_books().rows if first <= row["usage_date"] <= last and row["team_id"] in teams]
    return sum((row["cost_usd"] for row in rows), Decimal(0))


def fill(url: str) -> None:
    the_books().write(url)
    with psycopg.connect(url) as connection:
        connection.execute(
            "update costpulse.teams set parent_team_id = 1, department = 'Finance <i>', cost_center = 'cc-1' "
            "where id = 2"
        )
        connection.execute(
            "insert into costpulse.team_members (team_id, email, role) values (1, 'ada@example.com', 'owner')"
        )
        connection.execute(
            "insert into costpulse.allocation_rules (name, team_id, rule_type, conditions, priority) overriding system "
            "value values ('Nightly jobs', 1, 'job_match', '{\"jobs\": [\"nightly*\"]}', 10), "
            "('Never met', 1, 'job_match', '{\"jobs\": [\"x*\"]}', 20)"
        )
        for team, method, rule, amount in ((1, "rule", 1, "100.25"), (2, "user", None, "50"), (3, "tag", None, "500")):
            connection.execute(
                "insert into costpulse.cost_allocations (usage_date, team_id, rule_id, method, workspace_id, sku_name, "
                "product, total_cost, list_cost_usd, breakdown) values (%s, %s, %s, %s, '100', 'S', 'JOBS', %s, %s, "
                "'{}')",
                [FINAL, team, rule, method, amount, amount],
            )
        connection.execute(
            "insert into costpulse.budgets (name, scope_type, scope_id, period, amount) values "
            "('Platform', 'team', '1', 'month', 6000), ('Of Growth', 'team', '3', 'month', 9)"
        )
        connection.execute(
            "insert into costpulse.budget_status (budget_id, budget_name, scope_type, scope_id, period, amount, "
            "period_start, period_end, data_until, state, spent_usd, provisional_usd, used_share, elapsed_share, "
            "projected_usd, lower_bound, upper_bound, level, probability_exceeded, breach_date) select id, name, "
            "scope_type, scope_id, period, amount, '2026-11-01', '2026-11-30', %s, 'running', 3300, 0, 0.55, 0.73, "
            "6100, 6000, 6200, 0.95, 0.64, '2026-11-29' from costpulse.budgets",
            [FINAL],
        )
    write_bridge(url, scope_type="team", scope_id="1")
    add_event(url, 1, scope_type="job", scope_id="100/1", start_date=date(2026, 11, 18), severity="high")
    add_cause(url, 1, "team", "1", "1500", "500", rank=1)
    add_event(url, 2, scope_type="team", scope_id="3", start_date=date(2026, 11, 18))
    add_cause(url, 2, "team", "3", "1500", "500", rank=1)
    add_recommendation(url, 1, saving=Decimal(120))
    add_recommendation(url, 2, saving=Decimal(80), team_id=2, title=HOSTILE)
    add_recommendation(url, 3, saving=Decimal(900), team_id=3)


@pytest.fixture(scope="module")
def filled(postgres_server: str, migrated_template: str) -> Iterator[str]:
    with database(postgres_server, template=migrated_template) as url:
        fill(url)
        yield url


def table(test: AppTest, *columns: str) -> list[dict[str, Any]]:
    (found,) = [frame.value for frame in test.dataframe if set(columns) <= set(frame.value.columns)]
    return list(found[list(columns)].to_dict("records"))


def test_the_figures_are_of_the_team_and_all_below_it(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, id="1")
    assert not test.exception
    assert test.title[0].value == "Data platform"
    now, then = cost(*MONTH, 1, 2), cost(*BEFORE, 1, 2)
    assert metric(test, "Month to date").value == formats.money(now)
    assert metric(test, "Month to date").delta == formats.delta(now, then)
    assert metric(test, "Change").value == formats.money(now - then)
    assert metric(test, "Budget used").value == "55.0%"
    assert "64% probable to be exceeded, from 29 Nov 2026 on" in texts(test)
    total = cost(TODAY - timedelta(days=59), TODAY, 1, 2)
    assert f"26 Sep - 24 Nov 2026: {formats.money_to_the_cent(total)}, of which" in texts(test)


def test_the_teams_right_below_are_listed_each_alone(app: Opener, filled: str) -> None:
    listed = table(app(filled, PAGE, id="1"), "Team", "Month to date", "Change", "Before")
    assert [row["Team"] for row in listed] == ["Data platform itself", HOSTILE]
    assert [row["Month to date"] for row in listed] == [cost(*MONTH, 1), cost(*MONTH, 2)]
    assert sum(row["Month to date"] for row in listed) == cost(*MONTH, 1, 2)


def test_the_bridge_is_that_of_the_team_whatever_the_filters_say(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, id="1", team="3", product="AI")
    assert "1-22 Oct 2026: $1,000.10. 1-22 Nov 2026: $1,250.35, +$250.25 (+25.0%)." in texts(test)
    assert metric(test, "Month to date").value == formats.money(cost(*MONTH, 1, 2))


def test_what_was_found_is_listed_for_the_team_alone(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, id="1")
    (event,) = table(test, "What", "Difference", "Severity")
    assert (event["Difference"], event["Severity"]) == (Decimal(1000), "High")
    savings = table(test, "Recommendation", "Saving per month")
    assert [row["Saving per month"] for row in savings] == [Decimal(120), Decimal(80)]
    assert savings[1]["Recommendation"] == HOSTILE
    assert "$200.00 per month in 2 recommendations" in texts(test)
    assert [row["Name"] for row in table(test, "Name", "Breach probability")] == ["Platform"]


def test_what_feeds_it_adds_up_and_rules_without_cost_are_named_too(app: Opener, filled: str) -> None:
    feeds = table(app(filled, PAGE, id="1"), "Name", "How", "Month to date", "Before")
    assert feeds[0]["Name"] == "Nightly jobs"
    assert feeds[0]["How"]
    assert [row["Month to date"] for row in feeds] == [Decimal("100.25"), Decimal(50), None]
    assert feeds[2]["Name"] == "Never met"


def test_members_and_place_are_named_and_nothing_is_markup(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, id="1")
    assert [row["E-mail or application id"] for row in table(test, "E-mail or application id")] == ["ada@example.com"]
    below = app(filled, PAGE, id="2")
    assert not below.exception
    assert below.title[0].value != HOSTILE
    assert formats.plain(HOSTILE) == below.title[0].value
    assert "Department: Finance <i>; Cost centre: cc-1" in texts(below)


@pytest.mark.parametrize("number", ["1", "3", "999", "-1", "x", "1,2", "'; --", "²"])
def test_a_team_that_is_not_there_and_one_of_others_are_told_alike(
    number: str, app: Opener, filled: str, looked_at_by: LookedAtBy
) -> None:
    looked_at_by("viewer", "2")
    test = app(filled, PAGE, id=number)
    assert not test.exception
    assert [info.value for info in test.info] == [NOBODYS]
    assert "Data platform" not in texts(test)
    assert [formats.plain(HOSTILE)] == [link.label for link in test.page_link]


def test_who_sees_one_team_gets_its_page_with_its_own_rows(app: Opener, filled: str, looked_at_by: LookedAtBy) -> None:
    looked_at_by("viewer", "2")
    test = app(filled, PAGE, id="2")
    assert not test.exception
    assert metric(test, "Month to date").value == formats.money(cost(*MONTH, 2))
    assert [row["Saving per month"] for row in table(test, "Recommendation", "Saving per month")] == [Decimal(80)]
    assert not test.error


def test_a_click_on_a_team_leads_to_it_and_one_on_an_anomaly_to_its_detail(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, id="1")
    test.session_state["go_to"] = ("team", {"id": ["2"]})
    assert test.run().title[0].value == formats.plain(HOSTILE)
    test.session_state["go_to"] = ("anomalies", {"id": ["1"]})
    assert test.run().title[0].value == "Anomalies"


def test_an_anomaly_is_a_ring_on_its_bar_with_its_shape() -> None:
    day = date(2026, 11, 18)
    look = charts.LIGHT
    series = [charts.Series("JOBS", "Jobs", {day: Decimal(40)}), charts.Series(None, "Other", {day: Decimal(2)})]
    figure = charts.stacked_bars(
        series, [day], bin="day", colour={"JOBS": "#000"}, not_final={}, measure="cost", currency="USD", look=look
    )
    marks = [charts.StandOut(7, day, "critical", "<b>Critical</b>"), charts.StandOut(8, day, "medium", "m")]
    charts.mark_events(figure, marks, charts.totals(series), look=look)
    (drawn,) = [trace for trace in figure.data if trace.name == "Anomaly"]
    assert list(drawn.y) == [42.0, 42.0]
    assert list(drawn.marker.symbol) == ["diamond-open", "circle-open"]
    assert tuple(drawn.customdata[0]) == (charts.EVENT, "7", "&lt;b&gt;Critical&lt;/b&gt;")
