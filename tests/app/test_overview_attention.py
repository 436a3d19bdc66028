"""Overview: what needs attention first, and what most people ask, each one click from the page that has the rest."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from costpulse_app import formats
from costpulse_app.overview import attention
from costpulse_app.overview.attention import KINDS, Line
from tests.app.books import Books
from tests.app.conftest import TODAY, LookedAtBy, Opener
from tests.app.test_anomalies_page import add_cause, add_event
from tests.app.test_pages import metric, query, texts
from tests.app.test_recommendations_page import add as add_recommendation
from tests.conftest import database

FINAL = TODAY - timedelta(days=2)
HOSTILE = "<b>Growth</b> *x* $1$"


def the_books(*, loaded_at: datetime | None = None, is_quiet: bool = False) -> Books:
    """Growth grows fastest; some cost is nobody's and grows, one SKU has no price, unless it is quiet."""
    made = Books(
        workspaces={"100": "northwind-prod"},
        teams=["Data platform", HOSTILE],
        provisional={TODAY: Decimal("0.38"), TODAY - timedelta(days=1): Decimal("0.96")},
        loaded_at=loaded_at or datetime.now(UTC),
    )
    for back in range(60):
        day = TODAY - timedelta(days=back)
        made.add(day, "100", job_id="1", team=1)
        made.add(day, "10" if is_quiet else f"{100 - back}", product="SQL", sku="SQL_PRO", team=2)
        if not is_quiet:
            made.add(day, f"{160 - back}")
            made.add(day, None, sku="PRICELESS_SKU", unit="TOKEN", team=1)
    return made


def add_budget(url: str, name: str, scope_type: str, scope_id: str, projected: int, probability: float) -> None:
    """A budget of $6,000 that runs, with where it ends."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into costpulse.budgets (name, scope_type, scope_id, period, amount) values (%s, %s, %s, 'month', "
            "6000)",
            [name, scope_type, scope_id],
        )
        connection.execute(
            "insert into costpulse.budget_status (budget_id, budget_name, scope_type, scope_id, period, amount, "
            "period_start, period_end, data_until, state, spent_usd, provisional_usd, used_share, elapsed_share, "
            "projected_usd, lower_bound, upper_bound, level, probability_exceeded) select id, name, scope_type, "
            "scope_id, period, amount, '2026-11-01', '2026-11-30', %s, 'running', 3300, 0, 0.55, 0.73, %s, 1, 9999, "
            "0.95, %s from costpulse.budgets where name = %s",
            [FINAL, projected, probability, name],
        )


def fill(url: str, books: Books) -> None:
    books.write(url)
    add_event(url, 1, scope_type="job", scope_id="100/1", start_date=date(2026, 11, 18), severity="high")
    add_cause(url, 1, "team", "1", "1500", "500", rank=1)
    add_event(url, 2, scope_type="team", scope_id="2", start_date=date(2026, 10, 18), actual_usd=Decimal(3500))
    add_event(
        url,
        3,
        start_date=date(2026, 9, 30),
        status="resolved",
        resolution="fixed",
        actual_usd=Decimal(99500),
        decided_by="ada@example.com",
    )
    add_budget(url, "Platform", "team", "1", 6400, 0.64)
    add_budget(url, "Safe", "everything", "", 5000, 0.1)
    for number, saving, team in ((1, 700, 1), (2, 650, 2), (3, 80, 1), (4, 10, 1)):
        add_recommendation(url, number, saving=Decimal(saving), team_id=team)
    add_recommendation(
        url, 5, saving=Decimal(900), status="accepted", decided_by="ada@example.com", decided_at=datetime.now(UTC)
    )


@pytest.fixture(scope="module")
def filled(postgres_server: str, migrated_template: str) -> Iterator[str]:
    with database(postgres_server, template=migrated_template) as url:
        fill(url, the_books())
        yield url


def lines(test: AppTest, part: str = "attention") -> dict[str, str]:
    """The sentences of a part of the page by key, in their order."""
    return {each.key: each.label.replace("\\", "") for each in test.button if each.key.startswith(f"{part}_")}


def test_the_most_money_comes_first_and_each_line_opens_its_thing(app: Opener, filled: str) -> None:
    test = app(filled)
    assert not test.exception
    said = list(lines(test).values())
    assert len(said) == 6
    assert said[0].startswith(f"Team {HOSTILE}: +$3,000 above what was expected, spike, 18 Oct 2026")
    assert said[1].startswith("Job …1: +$1,000 above what was expected, spike, 18 Nov 2026")
    assert said[2] == 'Stop "cluster 1": saves $700.00 per month.'
    assert said[3].startswith("Unallocated cost grew by $682.00 to ")
    assert said[4] == "Budget Platform of $6,000 will be exceeded with a probability of 64%, by $400.00."
    assert said[5] == "1 SKU without a price, in no amount: PRICELESS_SKU."
    for number, (title, parameters) in enumerate(
        [
            ("Anomalies", {"id": ["2"]}),
            ("Anomalies", {"id": ["1"]}),
            ("Recommendations", {"id": ["1"]}),
            ("Teams & allocation", {}),
            ("Forecast & budgets", {"team": ["1"], "tab": ["budgets"]}),
        ]
    ):
        there = app(filled).button(key=f"attention_{number}").click().run()
        assert not there.exception
        assert (there.title[0].value, query(there)) == (title, parameters)
    there = app(filled).button(key="attention_5").click().run()
    assert there.title[0].value == "Cost explorer"
    assert (query(there)["sku"], query(there)["by"]) == (["PRICELESS_SKU"], ["sku"])


def test_what_is_left_out_is_counted(app: Opener, filled: str) -> None:
    assert "more open savings." in texts(app(filled))


def test_filters_change_no_line_and_the_page_says_so(app: Opener, filled: str) -> None:
    all_lines = lines(app(filled))
    test = app(filled, team="1", basis="list")
    assert lines(test) == all_lines
    assert "filters do not apply to these lines" in texts(test)


def test_the_small_cards_count_what_is_open(app: Opener, filled: str) -> None:
    test = app(filled)
    assert metric(test, "Open anomalies").value == "2"
    assert "$4,000 above expected" in texts(test)
    assert metric(test, "Possible saving").value == "$1,440"
    assert metric(test, "Tagged share").value == "-"
    nobodys = sum((Decimal(160 - (TODAY - FINAL).days - back) for back in range(22)), Decimal(0))
    assert metric(test, "Unallocated").value == formats.money(nobodys)


def test_the_six_questions_are_answered_in_links(app: Opener, filled: str) -> None:
    test = app(filled)
    found = lines(test, "answer")
    # Each day of the month costs $31 more than the same one of the month before.
    assert f"{HOSTILE} grew most: +{formats.money(Decimal(22 * 31))}" in found["answer_team"]
    assert found["answer_spike"] == "The spike of 16-22 Nov: Job …1, +$1,000."
    assert found["answer_savings"] == "The 3 best savings: $700.00, $650.00, $80.00 per month, of $1,440 in all."
    assert found["answer_complete"] == "Data is complete to 22 Nov 2026; 23 Nov is 96% in, 24 Nov is 38% in."
    for key, title, parameters in (
        ("landing", "Forecast & budgets", {}),
        ("team", formats.plain(HOSTILE), {"id": ["2"]}),
        ("spike", "Anomalies", {"id": ["1"]}),
        ("savings", "Recommendations", {}),
        ("why", "Teams & allocation", {"tab": ["why"]}),
        ("complete", "Data health", {}),
    ):
        there = app(filled).button(key=f"answer_{key}").click().run()
        assert not there.exception
        assert (there.title[0].value, query(there)) == (title, parameters)


def test_who_sees_one_team_gets_its_lines_alone(app: Opener, filled: str, looked_at_by: LookedAtBy) -> None:
    looked_at_by("viewer", "2")
    test = app(filled)
    assert not test.exception
    assert not test.error
    said = "\n".join(lines(test).values())
    assert "+$3,000 above what was expected" in said
    assert 'Stop "cluster 2"' in said
    for of_others in ("Job …1", "cluster 1", "Unallocated", "Platform"):
        assert of_others not in said
    assert metric(test, "Possible saving").value == "$650.00"


def test_a_bill_that_is_late_comes_first_with_what_is_missing(app: Opener, database_url: str) -> None:
    fill(database_url, the_books(loaded_at=datetime.now(UTC) - timedelta(days=3, hours=1)))
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into costpulse.collection_status (source, connection, state, message, next_step, attempted_at) "
            "values ('jobs', 'main', 'failed', 'No answer.', 'Wait.', now())"
        )
    found = lines(app(database_url))
    week = sum(Decimal(100 + 100 - back + 160 - back) for back in range(2, 9))
    missing = formats.money(week / 7 * 3)
    assert list(found.values())[:2] == [
        f"The bill was read last 3 days ago: about {missing} of cost is not here yet.",
        "1 source not read: jobs (No answer.).",
    ]
    assert len(found) == 6
    there = app(database_url).button(key="attention_0").click().run()
    assert there.title[0].value == "Data health"


def test_nothing_to_do_is_said(app: Opener, database_url: str) -> None:
    the_books(is_quiet=True).write(database_url)
    test = app(database_url)
    assert not test.exception
    assert any("Nothing needs attention" in each.value for each in test.success)
    assert list(lines(test, "answer")) == [
        "answer_landing", "answer_spike", "answer_savings", "answer_why", "answer_complete"
    ]  # fmt: skip
    assert lines(test, "answer")["answer_spike"] == "No spike in 16-22 Nov."
    assert lines(test) == {}


found_lines = st.lists(
    st.builds(
        Line,
        st.sampled_from(list(KINDS)),
        st.just("words"),
        st.none() | st.decimals(-(10**6), 10**6, places=2),
        st.just("health"),
        st.just({}),
    ),
    max_size=15,
)


@given(found_lines)
def test_at_most_six_lines_sources_first_then_by_money_and_none_is_forgotten(found: list[Line]) -> None:
    shown, left_out = attention.chosen(found)
    assert len(shown) == min(len(shown), attention.LINES)
    kinds = {line.kind for line in found}
    assert {line.kind for line in shown} == kinds or len(shown) == attention.LINES
    assert ("source" in kinds) == any(line.kind == "source" for line in shown)
    order = [(line.kind != "source", -abs(line.amount) if line.amount is not None else 1) for line in shown]
    assert order == sorted(order)
    assert sum(int(words.split()[0].replace(",", "")) for words in left_out) == len(found) - len(shown)
