"""Overview: what needs attention first, and what most people ask, each one click from the page that has the rest."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs

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
from tests.app.test_pages import metric, texts
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


def links(test: AppTest, part: str) -> list[tuple[str, str, dict[str, list[str]]]]:
    """Words, page and parameters of the links of a part of the page."""
    found = [
        (link.label.replace("\\", ""), link.proto.page, parse_qs(link.proto.query_string)) for link in test.page_link
    ]
    split = next(number for number, (words, *_) in enumerate(found) if words.startswith("Where will the month land?"))
    return found[:split] if part == "attention" else found[split:]


def test_the_most_money_comes_first_and_each_line_opens_its_thing(app: Opener, filled: str) -> None:
    test = app(filled)
    assert not test.exception
    found = links(test, "attention")
    assert [(page, query) for _, page, query in found[:-1]] == [
        ("anomalies", {"id": ["2"]}),
        ("anomalies", {"id": ["1"]}),
        ("recommendations", {"id": ["1"]}),
        ("allocation", {}),
        ("forecast", {"team": ["1"], "tab": ["budgets"]}),
    ]
    _, page, query = found[-1]
    assert (page, query["sku"], query["by"]) == ("explorer", ["PRICELESS_SKU"], ["sku"])
    said = [words for words, *_ in found]
    assert any("+$3,000 above what was expected" in words and HOSTILE in words for words in said)
    assert any("Budget Platform of $6,000 will be exceeded with a probability of 64%, by $400.00." in w for w in said)
    assert any("1 SKU without a price, in no amount: PRICELESS_SKU." in words for words in said)
    assert not any("Safe" in words or "99,000" in words for words in said)


def test_what_is_left_out_is_counted(app: Opener, filled: str) -> None:
    assert "more open savings." in texts(app(filled))


def test_filters_change_no_line_and_the_page_says_so(app: Opener, filled: str) -> None:
    all_lines = links(app(filled), "attention")
    test = app(filled, team="1", basis="list")
    assert links(test, "attention") == all_lines
    assert "filters do not apply to these lines" in texts(test)


def test_the_small_cards_count_what_is_open(app: Opener, filled: str) -> None:
    test = app(filled)
    assert metric(test, "Open anomalies").value == "2"
    assert "$4,000 above expected" in texts(test)
    assert metric(test, "Possible").value == "$1,440"
    assert metric(test, "Tagged share").value == "-"
    nobodys = sum((Decimal(160 - (TODAY - FINAL).days - back) for back in range(22)), Decimal(0))
    assert metric(test, "Unallocated").value == formats.money(nobodys)


def test_the_six_questions_are_answered_in_links(app: Opener, filled: str) -> None:
    found = {page: (words, query) for words, page, query in links(app(filled), "answers")}
    assert set(found) == {"forecast", "team", "anomalies", "recommendations", "allocation", "health"}
    # Each day of the month costs $31 more than the same one of the month before.
    grown = Decimal(22 * 31)
    assert found["team"][1] == {"id": ["2"]}
    assert f"{HOSTILE} grew most: +{formats.money(grown)}" in found["team"][0]
    assert found["anomalies"] == ("The spike of 16-22 Nov: Job …1, +$1,000.", {"id": ["1"]})
    assert found["recommendations"][0] == "The 3 best savings: $700.00, $650.00, $80.00 per month, of $1,440 in all."
    assert found["allocation"][1] == {"tab": ["why"]}
    assert found["health"][0] == "Data is complete to 22 Nov 2026; 23 Nov is 96% in, 24 Nov is 38% in."


def test_who_sees_one_team_gets_its_lines_alone(app: Opener, filled: str, looked_at_by: LookedAtBy) -> None:
    looked_at_by("viewer", "2")
    test = app(filled)
    assert not test.exception
    assert not test.error
    pages = [(page, query) for _, page, query in links(test, "attention")]
    assert ("anomalies", {"id": ["2"]}) in pages
    assert ("recommendations", {"id": ["2"]}) in pages
    assert ("anomalies", {"id": ["1"]}) not in pages
    assert "allocation" not in [page for page, _ in pages]
    assert metric(test, "Possible").value == "$650.00"


def test_a_bill_that_is_late_comes_first_with_what_is_missing(app: Opener, database_url: str) -> None:
    fill(database_url, the_books(loaded_at=datetime.now(UTC) - timedelta(days=3, hours=1)))
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into costpulse.collection_status (source, connection, state, message, next_step, attempted_at) "
            "values ('jobs', 'main', 'failed', 'No answer.', 'Wait.', now())"
        )
    found = links(app(database_url), "attention")
    week = sum(Decimal(100 + 100 - back + 160 - back) for back in range(2, 9))
    missing = formats.money(week / 7 * 3)
    assert found[0] == (
        f"The bill was read last 3 days ago: about {missing} of cost is not here yet.",
        "health",
        {"source": ["cost_records"]},
    )
    assert found[1] == ("1 source not read: jobs (No answer.).", "health", {"source": ["jobs"]})
    assert len(found) == 6


def test_nothing_to_do_is_said(app: Opener, database_url: str) -> None:
    the_books(is_quiet=True).write(database_url)
    test = app(database_url)
    assert not test.exception
    assert any("Nothing needs attention" in each.value for each in test.success)
    assert [page for _, page, _ in links(test, "answers")] == [
        "forecast", "anomalies", "recommendations", "allocation", "health"
    ]  # fmt: skip
    assert "No spike in 16-22 Nov." in [words for words, *_ in links(test, "answers")]


found_lines = st.lists(
    st.builds(
        Line,
        st.sampled_from(list(KINDS)),
        st.just("words"),
        st.none() | st.decimals(-(10**6), 10**6, places=2),
        st.just("health"),
        st.just({}),
    ),
    max_size=30,
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
