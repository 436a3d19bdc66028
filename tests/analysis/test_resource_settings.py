"""The history of settings: every version that the source still tells, once, however often it is read."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.collectors.clusters import CLUSTERS
from costpulse_assets.collectors.regional import collect_state
from costpulse_assets.collectors.warehouses import WAREHOUSES
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.conftest import database as database_of_its_own
from tests.small_account import SmallAccount
from tests.small_clusters import MIDNIGHT, add_cluster
from tests.warehouse_account import add_warehouse, at

DAY = timedelta(days=1)
IN_CLEAR = Identities(None)


@pytest.fixture(scope="module")
def shared(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    with database_of_its_own(postgres_server, template=migrated_template) as url:
        yield Database(url)


@pytest.fixture
def database(shared: Database) -> Database:
    return emptied(shared)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        yield account


def emptied(database: Database) -> Database:
    with database.transaction() as connection:
        connection.execute(
            "truncate costpulse.clusters, costpulse.warehouses, costpulse.resource_settings, costpulse.resource_names"
        )
    return database


def history(database: Database, setting: str) -> list[tuple[Any, ...]]:
    with database.transaction() as connection:
        return [
            tuple(row.values())
            for row in connection.execute(
                "select resource_id, value, valid_from from costpulse.resource_settings where setting = %s "
                "order by resource_id, valid_from",
                [setting],
            )
        ]


def test_a_cluster_has_one_row_for_each_value_and_not_for_each_version(
    database: Database, account: SmallAccount
) -> None:
    for days, minutes, workers in ((0, 240, 2), (3, 240, 4), (9, 25, 4)):
        add_cluster(
            account, changed=MIDNIGHT + days * DAY, auto_termination_minutes=minutes, worker_count=workers,
            worker_node_type="m5.xlarge",
        )  # fmt: skip
    collect_state(database, account, CLUSTERS, IN_CLEAR)
    assert history(database, "auto_termination_minutes") == [("c1", "240", MIDNIGHT), ("c1", "25", MIDNIGHT + 9 * DAY)]
    assert history(database, "num_workers") == [("c1", "2", MIDNIGHT), ("c1", "4", MIDNIGHT + 3 * DAY)]
    assert history(database, "worker_node_type") == [("c1", "m5.xlarge", MIDNIGHT)]
    assert history(database, "min_workers-max_workers") == []


def test_a_cluster_that_is_made_to_scale_loses_its_number_of_workers(database: Database, account: SmallAccount) -> None:
    add_cluster(account, changed=MIDNIGHT, worker_count=8)
    add_cluster(account, changed=MIDNIGHT + DAY, min_autoscale_workers=1, max_autoscale_workers=6)
    collect_state(database, account, CLUSTERS, IN_CLEAR)
    assert history(database, "num_workers") == [("c1", "8", MIDNIGHT), ("c1", None, MIDNIGHT + DAY)]
    assert history(database, "min_workers-max_workers") == [("c1", "1-6", MIDNIGHT + DAY)]


def test_a_warehouse_has_its_size_its_auto_stop_and_its_clusters(database: Database, account: SmallAccount) -> None:
    add_warehouse(account, changed=at(day=0), warehouse_size="LARGE", auto_stop_minutes=120)
    add_warehouse(account, changed=at(day=4), warehouse_size="SMALL", auto_stop_minutes=120, max_clusters=5)
    collect_state(database, account, WAREHOUSES, IN_CLEAR)
    assert [row[1:] for row in history(database, "warehouse_size")] == [("LARGE", at()), ("SMALL", at(day=4))]
    assert [row[1:] for row in history(database, "auto_stop_minutes")] == [("120", at())]
    assert [row[1:] for row in history(database, "max_clusters")] == [("2", at()), ("5", at(day=4))]


def test_clusters_of_one_run_have_no_history(database: Database, account: SmallAccount) -> None:
    add_cluster(account, source="JOB", worker_count=8)
    collect_state(database, account, CLUSTERS, IN_CLEAR)
    assert history(database, "num_workers") == []


@settings(max_examples=8, deadline=None)
@given(
    values=st.lists(st.sampled_from([None, 0, 25, 240]), min_size=1, max_size=6),
    cuts=st.lists(st.integers(1, 6), max_size=3),
)
def test_readings_in_between_change_nothing_of_the_history(
    shared: Database, values: list[int | None], cuts: list[int]
) -> None:
    def collected(*upto: int) -> list[tuple[Any, ...]]:
        database = emptied(shared)
        with SmallAccount() as account:
            added = 0
            for last in upto:
                for number in range(added, min(last, len(values))):
                    changed: datetime = MIDNIGHT + 2 * number * DAY
                    add_cluster(account, changed=changed, auto_termination_minutes=values[number])
                added = max(added, min(last, len(values)))
                if added:
                    collect_state(database, account, CLUSTERS, IN_CLEAR)
            collect_state(database, account, CLUSTERS, IN_CLEAR)
        return history(database, "auto_termination_minutes")

    at_once = collected(len(values))
    expected, before = [], None
    for number, value in enumerate(values):
        if value != before:
            expected.append(("c1", None if value is None else str(value), MIDNIGHT + 2 * number * DAY))
        before = value
    assert at_once == expected
    assert collected(*sorted(cuts), len(values)) == expected
