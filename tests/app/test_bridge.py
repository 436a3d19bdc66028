"""The change bridge of the Overview: steps that add up, of the scope that is asked for, with causes by name."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from costpulse_app import charts, formats
from costpulse_app.forecast.figures import Step, waterfall
from costpulse_assets.costs.change_bridge import PARTS
from tests.app.books import Books
from tests.app.conftest import Opener
from tests.app.test_allocation_page import table
from tests.app.test_pages import query, texts

HOSTILE = "<b>nightly</b> load"
THEN, NOW = Decimal("1000.10"), Decimal("1250.35")
CAUSES: dict[str, list[dict[str, str]]] = {
    "price": [{"type": "sku", "id": "PREMIUM_JOBS", "amount_usd": "40.5"}],
    "volume": [
        {"type": "job", "id": "100/1", "amount_usd": "300"},
        {"type": "user", "id": "100/ada@example.com", "amount_usd": "-60"},
        {"type": "endpoint", "id": "100/chat", "amount_usd": "20"},
        {"type": "warehouse", "id": "100/abcdef123456", "amount_usd": "10"},
    ],
    "ended": [{"type": "product", "id": "/DEFAULT_STORAGE", "amount_usd": "-70.25"}],
    "restatements": [{"type": "metastore", "id": "100/7e4a1f95-6f29-b1e4-1c59-04ee0fa8f43b", "amount_usd": "-0.25"}],
}
AMOUNTS = {"price": "40.5", "volume": "280.25", "ended": "-70.25", "restatements": "-0.25"}


def write(
    url: str, comparison: str = "month to date", scope_type: str = "everything", scope_id: str = "", times: int = 1
) -> None:
    """A bridge by hand, every amount so many times."""
    now = (date(2026, 11, 1), date(2026, 11, 22))
    then = (date(2026, 10, 1), date(2026, 10, 22))
    if comparison == "last month":
        then, now = (date(2026, 9, 1), date(2026, 9, 30)), (date(2026, 10, 1), date(2026, 10, 31))
    with psycopg.connect(url) as connection:
        for part in PARTS:
            detail: dict[str, Any] = {"causes": 0, "largest": []}
            if part in CAUSES:
                detail = {"causes": len(CAUSES[part]) + (5 if part == "volume" else 0), "largest": CAUSES[part]}
            if part == "volume":
                detail["days_usd"] = "33.3"
            connection.execute(
                "insert into costpulse.change_bridge (comparison, scope_type, scope_id, then_first, then_last, "
                "now_first, now_last, part, amount_usd, then_usd, now_usd, detail) "
                "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    comparison, scope_type, scope_id, *then, *now, part, Decimal(AMOUNTS.get(part, "0")) * times,
                    THEN * times, NOW * times, json.dumps(detail),
                ],
            )  # fmt: skip


@pytest.fixture
def filled(books: Books, database_url: str) -> str:
    books.write(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from) "
            "values ('100', 'job', '1', %s, '2026-01-01')",
            [HOSTILE],
        )
    return database_url


def test_the_amounts_of_this_file_add_up() -> None:
    assert sum(map(Decimal, AMOUNTS.values())) == NOW - THEN


def test_the_bridge_leads_from_one_total_to_the_other_with_causes_by_name(app: Opener, filled: str) -> None:
    write(filled)
    test = app(filled)
    assert not test.exception
    said = texts(test)
    assert "1-22 Oct 2026: $1,000.10. 1-22 Nov 2026: $1,250.35, +$250.25 (+25.0%). The parts add up to that." in said
    assert "**Price +$40.50**: list prices changed. Largest: PREMIUM_JOBS +$40.50." in said
    assert (
        "**Volume +$280.25**: more or less was used. The number of days makes +$33.30. Largest: "
        f"job {HOSTILE} +$300.00, ada@example.com -$60.00, endpoint chat +$20.00, 6 more."
    ) in said
    assert "**Ended -$70.25**" in said
    assert "Storage of Account level -$70.25" in said
    assert "metastore …a8f43b -$0.25" in said
    # Parts of zero are left out.
    assert "Discount" not in said
    assert "Moved" not in said


def test_the_table_of_causes_adds_up_to_the_difference(app: Opener, filled: str) -> None:
    write(filled)
    lines = table(app(filled), "Part", "Cause", "Adds")
    assert sum(line["Adds"] for line in lines) == NOW - THEN
    assert {line["Part"] for line in lines} == {"Price", "Volume", "Ended", "Corrections"}
    assert {"Part": "Volume", "Cause": "5 more", "Adds": Decimal("10.25")} in lines


def test_the_switch_shows_the_last_full_month(app: Opener, filled: str) -> None:
    write(filled)
    write(filled, "last month", times=2)
    test = app(filled)
    test.segmented_control(key="bridge_of").set_value("last month").run()
    assert "1-30 Sep 2026: $2,000.20. 1-31 Oct 2026: $2,500.70" in texts(test)
    assert sum(line["Adds"] for line in table(test, "Part", "Cause", "Adds")) == 2 * (NOW - THEN)


def test_a_comparison_that_was_not_made_is_not_offered(app: Opener, filled: str) -> None:
    write(filled, "last month")
    test = app(filled)
    assert test.segmented_control(key="bridge_of").options == ["Last full month"]
    assert "1-31 Oct 2026" in texts(test)


@pytest.mark.parametrize(
    ("chosen", "scope_type", "scope_id"),
    [
        ({"ws": "100"}, "workspace", "100"),
        ({"ws": "~"}, "workspace", ""),
        ({"team": "2"}, "team", "2"),
        ({"team": "~"}, "team", "unallocated"),
        ({"product": "JOBS"}, "product", "JOBS"),
    ],
)
def test_the_bridge_is_of_the_one_scope_that_is_chosen(
    chosen: dict[str, str], scope_type: str, scope_id: str, app: Opener, filled: str
) -> None:
    write(filled)
    write(filled, scope_type=scope_type, scope_id=scope_id, times=3)
    said = texts(app(filled, **chosen))
    assert formats.money_to_the_cent(NOW * 3) in said
    assert formats.money_to_the_cent(NOW) not in said


@pytest.mark.parametrize(
    "chosen",
    [{"ws": ["100", "200"]}, {"ws": "100", "product": "JOBS"}, {"sku": "SQL_PRO"}, {"tag": "env=prod"}],
)
def test_other_filters_are_told_what_the_bridge_is_made_for(
    chosen: dict[str, str | list[str]], app: Opener, filled: str
) -> None:
    write(filled)
    test = app(filled, **chosen)
    assert not test.exception
    assert "The bridge is made for everything, a workspace, a team or a product." in texts(test)
    assert query(test)


def test_a_team_says_that_those_below_it_are_in_it_and_the_list_price_that_it_is_not(app: Opener, filled: str) -> None:
    write(filled, scope_type="team", scope_id="1")
    assert "With the teams below it." not in texts(app(filled, team="1"))
    with psycopg.connect(filled) as connection:
        connection.execute("update costpulse.teams set parent_team_id = 1, updated_at = now() where id = 2")
    assert "With the teams below it." in texts(app(filled, team="1"))
    assert "the bridge is made at that alone" in texts(app(filled, team="1", basis="list"))


def test_a_bridge_that_is_not_there_is_said(app: Opener, filled: str) -> None:
    assert "There is no bridge of this yet" in texts(app(filled))


def test_the_figure_begins_and_ends_at_the_totals() -> None:
    steps = [Step("Price", Decimal("-5"), "<b>x</b>"), Step("Volume", Decimal("12"), "")]
    figure = waterfall(
        ("October", Decimal("100")), steps, ("November", Decimal("107")), currency="USD", look=charts.LIGHT
    )
    drawn = figure.to_dict()
    bars, then, now = drawn["data"]
    assert bars["base"] + sum(bars["y"]) == now["y"][0]
    assert (then["x"], then["y"]) == (["October"], [100.0])
    assert drawn["layout"]["xaxis"]["categoryarray"] == ["October", "Price", "Volume", "November"]
    low, high = drawn["layout"]["yaxis"]["range"]
    assert low < 95 < 107 < high
