"""Jobs that keep failing: what of it a repair saves, who bears it, and when nothing is said."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.analysis.recommendation_run import find
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from tests.conftest import database as database_of_its_own

TYPE = RECOMMENDATION_TYPES["failed_runs"]
LAST = date(2026, 11, 22)
FIRST = LAST - timedelta(days=29)
WORKSPACE = "1001"

_EMPTY = """
truncate
    costpulse.job_runs, costpulse.jobs, costpulse.job_run_usage, costpulse.cluster_daily, costpulse.warehouse_daily
"""


@dataclass
class Books:
    """Runs of jobs typed by hand, and the bill of what they ran on."""

    database: Database
    rows: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def job(self, job: str = "7", **more: Any) -> None:
        """A job of the list."""
        row = {
            "workspace_id": WORKSPACE, "job_id": job, "name": f"job {job}", "owner": "ada@example.com",
            "change_time": datetime(2026, 1, 1, tzinfo=UTC), "connection": "here",
        }  # fmt: skip
        self.rows.append(("jobs", row | more))

    def run(
        self,
        day: float,
        result: str | None = "SUCCEEDED",
        *,
        cost: str | None = "10",
        failed: str | None = None,
        job: str | None = "7",
        attempts: int = 1,
        billed: bool = True,
        **more: Any,
    ) -> None:
        """A run that ends on the day it begins, at noon or as much later as the day has a fraction."""
        is_lost = result in ("FAILED", "TIMED_OUT", "ERROR")
        begins = datetime.combine(FIRST, time(12), UTC) + timedelta(days=day)
        usage_date = begins.date()
        row = {
            "workspace_id": WORKSPACE, "job_id": job, "run_id": f"r{len(self.rows)}", "job_name": "as it was",
            "owner": "run-as@example.com", "first_usage_date": usage_date, "last_usage_date": usage_date,
            "started_at": begins, "ended_at": begins + timedelta(hours=1), "duration_seconds": 3600,
            "attempts": attempts, "result_state": result, "cost_basis": "billed" if billed else "apportioned",
            "cost_usd": cost, "failed_cost_usd": cost if is_lost else (failed or "0") if cost else None,
        }  # fmt: skip
        self.rows.append(("job_runs", row | more))
        if billed and cost:
            self.rows.append(
                (
                    "job_run_usage",
                    {
                        "usage_date": usage_date, "workspace_id": WORKSPACE, "job_id": job, "run_id": row["run_id"],
                        "sku_name": "JOBS", "usage_unit": "DBU", "is_serverless": False, "dbu_rate": 1,
                        "usage_quantity": cost, "effective_rate": 1, "record_count": 1,
                    },
                )
            )  # fmt: skip

    def said(self, **thresholds: str) -> list[dict[str, Any]]:
        """What is found, the largest saving first."""
        with self.database.writing() as connection:
            connection.execute(_EMPTY)
            for table, row in self.rows:
                names, values = ", ".join(row), ", ".join(f"%({name})s" for name in row)
                connection.execute(f"insert into costpulse.{table} ({names}) values ({values})".encode(), row)
        given = {TYPE.name: {name: Decimal(value) for name, value in thresholds.items()}}
        with self.database.transaction() as connection:
            find(connection, [TYPE], Period(FIRST, LAST), given, today=LAST + timedelta(days=2))
            return connection.execute("select * from found_recommendations order by saving_usd desc").fetchall()


@pytest.fixture(scope="module")
def emptied(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """One database for all tests of this file; each begins with empty tables."""
    with database_of_its_own(postgres_server, template=migrated_template) as url:
        yield Database(url)


@pytest.fixture
def books(emptied: Database) -> Books:
    """Empty ones."""
    return Books(emptied)


def a_month_of(books: Books, *, repaired: int = 0, lost: int = 0, **more: Any) -> None:
    """A run a day: some repaired after an attempt of 6 USD, some lost, spread over the month; the rest succeed."""
    bad = {int(29 * n / (repaired + lost)): n for n in range(repaired + lost)}
    for day in range(30):
        if day not in bad:
            books.run(day, **more)
        elif bad[day] < repaired:
            books.run(day, cost="16", failed="6", attempts=2, **more)
        else:
            books.run(day, "FAILED", cost="9", **more)


def test_what_failed_before_a_repair_is_saved_in_full(books: Books) -> None:
    books.job()
    a_month_of(books, repaired=4)
    (found,) = books.said()
    assert (found["saving_usd"], found["wasted_usd"]) == (24, 24)
    assert found["resource_cost_usd"] == 26 * 10 + 4 * 16
    assert (found["bearer_type"], found["bearer_id"], found["person"]) == ("job", "7", "ada@example.com")
    assert found["title"] == 'Repair "job 7": 4 of 30 runs failed at least once'
    assert found["confidence"] == "high"
    assert found["setting"] is None
    assert set(found["evidence"]) == set(TYPE.evidence)


def test_a_lost_run_saves_only_what_a_success_in_its_place_would_not_cost(books: Books) -> None:
    books.job()
    a_month_of(books, lost=5)
    # 9 USD are lost five times, but a success costs 10.
    assert books.said() == []
    for day in (3, 9, 20):
        books.run(day + 0.1, "TIMED_OUT", cost="25")
    (found,) = books.said()
    assert (found["saving_usd"], found["wasted_usd"]) == (3 * (25 - 10), 5 * 9 + 3 * 25)
    assert (
        found["calculation"]
        == "120.00 USD of failed attempts - 75.00 USD that a success in their place would cost = 45.00 USD"
    )


def test_a_lost_run_that_is_run_again_at_once_is_saved_in_full(books: Books) -> None:
    books.job()
    for day in range(30):
        if day in (4, 14, 24):
            books.run(day, "FAILED", cost="9")
            books.run(day + 0.1)
        else:
            books.run(day)
    (found,) = books.said()
    assert (found["saving_usd"], found["wasted_usd"]) == (27, 27)


def test_a_job_that_never_succeeds_is_to_be_paused_and_saves_all(books: Books) -> None:
    books.job(paused=False)
    for day in range(0, 30, 3):
        books.run(day, "FAILED", cost="4")
    (found,) = books.said()
    assert (found["saving_usd"], found["resource_cost_usd"]) == (40, 40)
    assert (found["setting"], found["setting_from"], found["setting_to"]) == ("paused", "false", "true")
    assert found["title"] == 'Pause "job 7" until it is repaired: none of 10 runs succeeded'
    assert found["confidence"] == "medium"


@pytest.mark.parametrize(("failures", "days"), [(2, 2), (6, 2)])
def test_a_few_failures_or_one_bad_day_are_no_pattern(books: Books, failures: int, days: int) -> None:
    books.job()
    for number in range(failures):
        books.run(10 + number % days + number / 100, cost="16", failed="6", attempts=2)
    for day in range(10):
        books.run(day)
    assert books.said() == []
    assert len(books.said(minimum_failures="2", minimum_days="2")) == 1


def test_cancelled_and_never_started_runs_are_not_failures(books: Books) -> None:
    books.job()
    for day in range(30):
        books.run(day)
        books.run(day + 0.1, "CANCELLED", cost="16", failed="6", attempts=2)
        books.run(day + 0.2, "SKIPPED", cost=None, duration_seconds=0)
        books.run(day + 0.3, "BLOCKED", cost=None, duration_seconds=0)
        # Still running, after an attempt that failed: nobody knows yet how it ends.
        books.run(day + 0.4, None, cost="16", failed="6", attempts=1)
    assert [row for row in books.said() if row["evidence"]["failures"]] == []


def test_a_job_that_has_run_well_for_long_is_repaired(books: Books) -> None:
    books.job()
    for day in range(8):
        books.run(day, cost="16", failed="6", attempts=2)
    for day in range(8, 12):
        books.run(day)
    assert len(books.said()) == 1
    for day in range(12, 30):
        books.run(day)
    assert books.said() == []


@pytest.mark.parametrize("gone", [{"delete_time": datetime(2026, 11, 23, 8, tzinfo=UTC)}, {"paused": True}])
def test_a_deleted_or_paused_job_fails_no_more(books: Books, gone: dict[str, Any]) -> None:
    books.job(**gone)
    a_month_of(books, repaired=6)
    assert books.said() == []


def test_a_renamed_job_goes_by_its_present_name_and_an_unknown_one_by_that_of_its_last_run(books: Books) -> None:
    books.job(name="new")
    a_month_of(books, repaired=6)
    a_month_of(books, repaired=6, job="8")
    assert {row["resource_id"]: row["resource_name"] for row in books.said()} == {"7": "new", "8": "as it was"}
    assert {row["person"] for row in books.said()} == {"ada@example.com", "run-as@example.com"}


def test_a_job_on_a_shared_cluster_saves_on_the_cluster_and_little_is_sure(books: Books) -> None:
    books.job()
    a_month_of(books, repaired=5, billed=False, cluster_id="c1", compute_type="cluster")
    for day in range(30):
        books.rows.append(
            (
                "cluster_daily",
                {
                    "usage_date": FIRST + timedelta(days=day), "workspace_id": WORKSPACE, "cluster_id": "c1",
                    "cost_usd": 50,
                },
            )
        )  # fmt: skip
    (found,) = books.said()
    assert (found["resource_type"], found["resource_id"]) == ("job", "7")
    assert (found["bearer_type"], found["bearer_id"], found["resource_cost_usd"]) == ("cluster", "c1", 1500)
    assert (found["saving_usd"], found["confidence"]) == (30, "low")


def test_a_job_on_a_warehouse_saves_on_the_warehouse(books: Books) -> None:
    books.job()
    a_month_of(books, repaired=5, billed=False, warehouse_id="w1", compute_type="warehouse")
    books.rows.append(
        ("warehouse_daily", {"usage_date": LAST, "workspace_id": WORKSPACE, "warehouse_id": "w1", "cost_usd": 12})
    )
    (found,) = books.said()
    # Never more than the warehouse costs.
    assert (found["bearer_type"], found["bearer_id"], found["saving_usd"]) == ("warehouse", "w1", 12)


def test_runs_on_several_computes_have_nobody_to_save_on(books: Books) -> None:
    books.job()
    a_month_of(books, repaired=5, billed=False, compute_type="cluster")
    assert books.said() == []


def test_a_job_that_moved_saves_where_most_of_it_lies(books: Books) -> None:
    books.job()
    a_month_of(books, repaired=5)
    for day in (2, 12, 22):
        books.run(day + 0.2, cost="5", failed="2", attempts=2, billed=False, cluster_id="c1")
    books.rows.append(
        ("cluster_daily", {"usage_date": LAST, "workspace_id": WORKSPACE, "cluster_id": "c1", "cost_usd": 500})
    )
    (found,) = books.said()
    assert (found["bearer_type"], found["saving_usd"], found["wasted_usd"]) == ("job", 30, 30)


def test_runs_outside_of_the_window_or_without_a_price_are_left_out(books: Books) -> None:
    books.job()
    for day in (-3, -2, -1, 30, 31):
        books.run(day, cost="16", failed="6", attempts=2)
    books.run(0, cost="16", failed="6", attempts=2, first_usage_date=FIRST - timedelta(days=1))
    for day in range(5):
        books.run(day + 0.3, "FAILED", cost=None)
    assert books.said() == []


def test_a_run_that_no_job_is_known_of_is_nobodys_advice(books: Books) -> None:
    a_month_of(books, repaired=6, job=None)
    assert books.said() == []
