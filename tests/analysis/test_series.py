"""The daily series of every scope: what they hold, where they begin, and what is missing."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from costpulse_assets.analysis.series import DailySeries, Scope, read_series
from costpulse_assets.resources.database import Database
from tests.app.books import Books

FIRST = date(2026, 5, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(10)]


@pytest.fixture
def books() -> Books:
    """Ten days; Data is above Etl; the second job begins on the fourth day and ends on the sixth."""
    books = Books(teams=["Data", "Etl"], workspaces={"100": "prod", "200": "dev"})
    for day in DAYS:
        books.add(day, "10", team=1, job_id="1", tags={"team": "data", "odd=key": "x"})
        books.add(day, "4", team=None, workspace=None, product="NETWORKING", sku="EGRESS")
    for day in DAYS[3:6]:
        books.add(day, "2.5", team=2, workspace="200", job_id="2", tags={"team": "etl=1"})
    books.add(DAYS[4], "100", team=2, workspace="200", warehouse_id="w", product="SQL", sku="SQL")
    books.add(DAYS[5], None, team=2, workspace="200", product="AI", sku="UNPRICED")
    books.provisional = {DAYS[9]: Decimal("0.4")}
    return books


def read(url: str, *scope_types: str, **arguments: object) -> DailySeries:
    with Database(url).transaction() as connection:
        return read_series(connection, scope_types=scope_types, days=400, **arguments)  # type: ignore[arg-type]


def of(series: DailySeries, kind: str, name: str = "") -> list[float]:
    return series.frame[Scope(kind, name)].tolist()  # type: ignore[arg-type]


def test_without_collected_days_there_is_nothing_to_judge(database_url: str) -> None:
    series = read(database_url, "everything", "job")
    assert series.frame.empty
    assert series.final_until is None
    assert series.final.empty


def test_every_kind_of_scope_adds_up_to_everything(books: Books, database_url: str) -> None:
    books.write(database_url)
    series = read(database_url, "everything", "workspace", "product", "sku", "team")
    everything = np.array(of(series, "everything"))
    assert everything.sum() == float(books.total())
    for kind in ("workspace", "product", "sku"):
        parts = series.frame[[scope for scope in series.frame.columns if scope.type == kind]]
        assert parts.sum(axis=1).tolist() == pytest.approx(everything.tolist())
    assert of(series, "workspace", "") == [4.0] * 10


def test_a_team_has_what_the_teams_below_it_have(books: Books, database_url: str) -> None:
    books.write(database_url)
    with Database(database_url).transaction() as connection:
        connection.execute("update costpulse.teams set parent_team_id = 1 where id = 2")
    series = read(database_url, "team")
    assert sum(of(series, "team", "1")) == 100 + 7.5 + 100
    assert np.nansum(of(series, "team", "2")) == 107.5
    assert of(series, "team", "unallocated") == [4.0] * 10


def test_a_scope_begins_with_its_first_cost_and_is_zero_after_its_last(books: Books, database_url: str) -> None:
    books.write(database_url)
    second = of(read(database_url, "job"), "job", "200/2")
    assert np.isnan(second[:3]).all()
    assert second[3:] == [2.5, 2.5, 2.5, 0, 0, 0, 0]


def test_a_day_that_was_not_collected_is_missing_not_zero(books: Books, database_url: str) -> None:
    books.rows = [row for row in books.rows if row["usage_date"] != DAYS[7]]
    books.write(database_url)
    series = read(database_url, "everything")
    assert series.frame.index[7].date() == DAYS[7]
    assert np.isnan(of(series, "everything")[7])
    assert series.final_until == DAYS[6]


def test_days_that_are_not_final_are_there_and_told_apart(books: Books, database_url: str) -> None:
    books.write(database_url)
    series = read(database_url, "everything")
    assert series.final_until == DAYS[8]
    assert len(series.frame) == 10
    assert len(series.final) == 9


def test_what_has_no_price_has_no_series(books: Books, database_url: str) -> None:
    books.write(database_url)
    assert Scope("sku", "UNPRICED") not in read(database_url, "sku").frame.columns


def test_days_of_which_nothing_has_a_price_have_no_series(database_url: str) -> None:
    books = Books()
    books.add(DAYS[0], None)
    books.add(DAYS[1], None)
    books.write(database_url)
    series = read(database_url, "everything", "job")
    assert series.frame.shape == (2, 0)
    assert series.final_until == DAYS[1]


def test_small_jobs_and_warehouses_are_left_out(books: Books, database_url: str) -> None:
    books.write(database_url)
    series = read(database_url, "job", "warehouse", "workspace", minimum_spend=Decimal(50))
    resources = [scope for scope in series.frame.columns if scope.type in ("job", "warehouse")]
    assert resources == [Scope("job", "100/1"), Scope("warehouse", "200/w")]
    assert Scope("workspace", "200") in series.frame.columns


def test_a_cluster_is_all_purpose_and_nobody_elses(books: Books, database_url: str) -> None:
    compute = {"workspace": "100", "product": "ALL_PURPOSE", "sku": "ALL_PURPOSE", "cluster_id": "c"}
    for day in DAYS[2:]:
        books.add(day, "7", user_email="ana@example.com", **compute)
        books.add(day, "3", user_email="leo@example.com", **compute)
        books.add(day, "1", **compute | {"cluster_id": "small"})
        books.add(day, "20", job_id="3", **compute | {"cluster_id": "of a job"})
        books.add(day, "20", cluster_id="of a job too", job_id="1")
        books.add(day, "20", product="DLT", sku="DLT", cluster_id="of a pipeline", pipeline_id="p")
    books.write(database_url)
    series = read(database_url, "cluster", minimum_spend=Decimal(50))
    assert list(series.frame.columns) == [Scope("cluster", "100/c")]
    assert np.isnan(of(series, "cluster", "100/c")[:2]).all()
    assert of(series, "cluster", "100/c")[2:] == [10.0] * 8
    assert Scope("cluster", "100/small") in read(database_url, "cluster").frame.columns


def test_what_resources_cost_is_checked_against_their_keys(books: Books, database_url: str) -> None:
    books.add(DAYS[1], "7", product="ALL_PURPOSE", sku="ALL_PURPOSE", cluster_id="c")
    books.add(DAYS[1], None, workspace="200", job_id="3", sku="UNPRICED")
    books.write(database_url)

    def differences() -> list[tuple[str, date]]:
        found = Database(database_url).rows("checks/daily_key_costs_conserve", {"days": DAYS})
        return [(row["sku_name"], row["usage_date"]) for row in found if row["sku_name"] in kinds]

    kinds = ("job", "warehouse", "cluster")
    assert differences() == []
    for kind, day in zip(kinds, (DAYS[0], DAYS[4], DAYS[1]), strict=True):
        with Database(database_url).transaction() as connection:
            connection.execute(
                "update costpulse.daily_resource_costs set cost_usd = cost_usd + 1e-18 "
                "where scope_type = %s and usage_date = %s",
                [kind, day],
            )
    assert sorted(differences()) == [("cluster", DAYS[1]), ("job", DAYS[0]), ("warehouse", DAYS[4])]


def test_a_tag_is_split_at_its_first_equals_sign(books: Books, database_url: str) -> None:
    books.write(database_url)
    series = read(database_url, "tag", tags=["team=data", "team=etl=1", "team=nobody"])
    assert of(series, "tag", "team=data") == [10.0] * 10
    assert np.nansum(of(series, "tag", "team=etl=1")) == 7.5
    assert Scope("tag", "team=nobody") not in series.frame.columns


def test_the_window_ends_with_the_newest_day(books: Books, database_url: str) -> None:
    books.write(database_url)
    with Database(database_url).transaction() as connection:
        series = read_series(connection, scope_types=["everything"], days=4)
    assert [moment.date() for moment in series.frame.index] == DAYS[6:]
