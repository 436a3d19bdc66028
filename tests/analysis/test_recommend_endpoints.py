"""Serving endpoints that nobody calls any more: said only where the bill has shown requests before."""

import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.analysis.recommendation_run import find
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from tests.conftest import database as database_of_its_own

TYPE = RECOMMENDATION_TYPES["unused_endpoint"]
LAST = date(2026, 11, 22)
FIRST = LAST - timedelta(days=29)
WORKSPACE = "1001"
MADE = datetime(2026, 1, 1, tzinfo=UTC)


class Books:
    """The bill of endpoints, typed by hand; days count from the first one of the window."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._rows: list[tuple[str, dict[str, Any]]] = []

    def endpoint(self, name: str = "scores", **more: Any) -> None:
        """One of the list."""
        row = {
            "workspace_id": WORKSPACE, "endpoint_name": name, "creator": "ada@example.com", "served_entity_count": 1,
            "entity_names": ["main.models.scores"], "change_time": MADE, "connection": "here",
        }  # fmt: skip
        self._rows.append(("serving_endpoints", row | more))

    def bill(
        self,
        days: Iterable[int],
        quantity: str = "240",
        *,
        product: str = "MODEL_SERVING",
        usage_type: str = "COMPUTE_TIME",
        unit: str = "DBU",
        name: str = "scores",
        rate: str = "0.07",
    ) -> None:
        """Usage of these days under a key of its own."""
        dates = [FIRST + timedelta(days=day) for day in days]
        key = uuid.uuid4()
        self._rows.append(
            (
                "cost_keys",
                {
                    "key_id": key, "workspace_id": WORKSPACE, "product": product, "usage_type": usage_type,
                    "endpoint_name": name, "first_usage_date": min(dates), "last_usage_date": max(dates),
                },
            )
        )  # fmt: skip
        for usage_date in dates:
            self._rows.append(
                (
                    "daily_key_costs",
                    {
                        "usage_date": usage_date, "key_id": key, "sku_name": "INFERENCE", "usage_unit": unit,
                        "usage_quantity": quantity, "dbu_count": quantity if unit == "DBU" else None,
                        "cost_usd": Decimal(quantity) * Decimal(rate), "unpriced_quantity": 0, "record_count": 1,
                    },
                )
            )  # fmt: skip

    def requests(self, days: Iterable[int], **more: Any) -> None:
        """What the gateway in front of it records."""
        self.bill(days, "0.5", product="AI_GATEWAY", usage_type="API_OPERATION", **more)

    def said(self) -> list[dict[str, Any]]:
        """What is found."""
        with self.database.writing() as connection:
            connection.execute("truncate costpulse.serving_endpoints, costpulse.cost_keys, costpulse.daily_key_costs")
            for table, row in self._rows:
                names, values = ", ".join(row), ", ".join(f"%({name})s" for name in row)
                connection.execute(f"insert into costpulse.{table} ({names}) values ({values})".encode(), row)
        with self.database.transaction() as connection:
            find(connection, [TYPE], Period(FIRST, LAST), today=LAST + timedelta(days=2))
            return connection.execute("select * from found_recommendations").fetchall()


@pytest.fixture(scope="module")
def emptied(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """One database for all tests of this file; each begins with empty tables."""
    with database_of_its_own(postgres_server, template=migrated_template) as url:
        yield Database(url)


@pytest.fixture
def books(emptied: Database) -> Books:
    """Empty ones."""
    return Books(emptied)


def test_an_endpoint_whose_requests_ceased_costs_all_that_it_costs_for_nothing(books: Books) -> None:
    books.endpoint()
    books.bill(range(-60, -40), "400")
    books.bill(range(-40, 30))
    books.requests(range(-60, -40))
    (found,) = books.said()
    assert found["saving_usd"] == found["resource_cost_usd"] == 30 * 240 * Decimal("0.07")
    assert (found["resource_type"], found["resource_id"], found["person"]) == ("endpoint", "scores", "ada@example.com")
    assert found["title"] == 'Delete "scores": no request in 70 days'
    assert found["calculation"] == "30 days x 16.80 USD/day = 504.00 USD"
    assert found["command"] == "DELETE /api/2.0/serving-endpoints/scores"
    assert found["confidence"] == "medium"
    assert set(found["evidence"]) == set(TYPE.evidence)


def test_where_only_the_records_may_have_been_turned_off_little_is_sure(books: Books) -> None:
    books.endpoint()
    books.bill(range(-60, 30))
    books.requests(range(-60, -40))
    (found,) = books.said()
    assert found["confidence"] == "low"
    assert "turned off" in found["confidence_reason"]


def test_a_provisioned_endpoint_whose_requests_were_never_metered_is_not_judged(books: Books) -> None:
    """Compute at one level day and night is what a busy endpoint of a fixed size looks like, too."""
    books.endpoint()
    books.bill(range(-60, 30))
    assert books.said() == []


@pytest.mark.parametrize("asked", [range(-60, 5), [*range(-60, -40), 29]], ids=["until then", "once since"])
def test_an_endpoint_that_was_asked_in_the_window_is_in_use(books: Books, asked: Iterable[int]) -> None:
    books.endpoint()
    books.bill(range(-60, 30))
    books.requests(asked)
    assert books.said() == []


def test_requests_of_a_few_days_do_not_show_that_they_are_metered(books: Books) -> None:
    books.endpoint()
    books.bill(range(-60, 30))
    books.requests(range(-60, -54))
    assert books.said() == []


def test_an_endpoint_that_scales_with_somebodys_load_is_in_use(books: Books) -> None:
    books.endpoint()
    books.bill(range(-60, 30))
    books.bill(range(0, 30, 7), "24")
    books.requests(range(-60, -40))
    assert books.said() == []


def test_an_endpoint_that_scales_to_zero_costs_nothing_while_it_is_not_asked(books: Books) -> None:
    books.endpoint()
    books.bill([*range(-60, -40), *range(0, 30, 2)])
    books.requests(range(-60, -40))
    assert books.said() == []


def test_an_endpoint_that_is_billed_by_tokens_alone_is_paid_for_use(books: Books) -> None:
    books.endpoint()
    books.bill(range(-60, -40), usage_type="TOKEN", unit="TOKEN")
    assert books.said() == []


def test_tokens_that_ceased_are_requests_that_ceased(books: Books) -> None:
    books.endpoint()
    books.bill(range(-60, 30))
    books.bill(range(-60, -40), "90000", usage_type="TOKEN", unit="TOKEN", rate="0.0000001")
    assert len(books.said()) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"delete_time": datetime(2026, 11, 23, 9, tzinfo=UTC)},
        {"change_time": datetime.combine(FIRST + timedelta(days=3), datetime.min.time(), UTC)},
        {"endpoint_name": "another"},
    ],
    ids=["deleted yesterday", "made anew in the window", "not in the list"],
)
def test_an_endpoint_that_is_gone_new_or_unknown_is_not_judged(books: Books, given: dict[str, Any]) -> None:
    books.endpoint(**given)
    books.bill(range(-60, 30))
    books.requests(range(-60, -40))
    assert books.said() == []


def test_a_change_since_the_last_request_may_have_turned_off_its_records(books: Books) -> None:
    books.endpoint(change_time=datetime.combine(FIRST - timedelta(days=20), datetime.min.time(), UTC))
    books.bill(range(-60, -40), "400")
    books.bill(range(-40, 30))
    books.requests(range(-60, -40))
    (found,) = books.said()
    assert found["confidence"] == "low"


def test_the_same_name_in_another_workspace_is_another_endpoint(books: Books) -> None:
    books.endpoint(workspace_id="2002")
    books.bill(range(-60, 30))
    books.requests(range(-60, -40))
    assert books.said() == []


def test_provisional_days_are_never_read(books: Books) -> None:
    books.endpoint()
    books.bill(range(-60, 30))
    books.requests([*range(-60, -40), 30, 31])
    assert len(books.said()) == 1
