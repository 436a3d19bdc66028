"""Statements on warehouses: when they kept one busy, and whose they were."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from costpulse_assets.collectors.queries import QUERY_ACTIVITY, WAREHOUSE_QUERIES
from costpulse_assets.collectors.regional import collect_days
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.sql_files import SQL_DIR, load_sql
from tests.small_account import MONDAY, SmallAccount
from tests.warehouse_account import add_query, at, source

HOUR = 3_600_000


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        yield account


def rows_of(account: SmallAccount, table: str, *, days: int = 1) -> list[dict[str, Any]]:
    """Rows of the days from MONDAY on, in order."""
    window = {"from_date": MONDAY, "to_date": MONDAY + timedelta(days=days - 1)}
    rows = account.fetch(load_sql(f"collect/{table}"), window).read_all().to_pylist()
    return sorted(rows, key=lambda row: (row["usage_date"], row["usage_hour"], str(row["executions"])))


def busy(account: SmallAccount, *, days: int = 1) -> dict[tuple[int, int], tuple[int, int]]:
    """Busy milliseconds and statements received, by day (counted from MONDAY) and hour."""
    return {
        ((row["usage_date"] - MONDAY).days, row["usage_hour"]): (row["busy_ms"], row["executions"])
        for row in rows_of(account, "warehouse_queries", days=days)
    }


def test_a_statement_is_cut_at_every_hour_and_at_midnight_and_counted_where_it_began(account: SmallAccount) -> None:
    add_query(account, at(22.5), at(25, seconds=1.5))
    assert busy(account, days=2) == {(0, 22): (1_800_000, 1), (0, 23): (HOUR, 0), (1, 0): (HOUR, 0), (1, 1): (1500, 0)}
    activity = rows_of(account, "query_activity", days=2)
    assert [row["execution_ms"] for row in activity] == [1_800_000, HOUR, HOUR, 1500]
    assert [row["executions"] for row in activity] == [1, 0, 0, 0]


def test_a_statement_from_before_the_window_counts_in_it_until_it_ends(account: SmallAccount) -> None:
    add_query(account, at(20, day=-2), at(0.5), read_bytes=77)
    assert busy(account) == {(0, 0): (1_800_000, 0)}
    assert [row["read_bytes"] for row in rows_of(account, "query_activity")] == [0]


def test_statements_at_once_keep_a_warehouse_busy_once_and_execute_side_by_side(account: SmallAccount) -> None:
    add_query(account, at(1), at(1.5))
    add_query(account, at(1.25), at(1.75))
    add_query(account, at(1.3), at(1.4))
    add_query(account, at(1.9), at(1.95))
    assert busy(account) == {(0, 1): (45 * 60_000 + 3 * 60_000, 4)}
    assert sum(row["execution_ms"] for row in rows_of(account, "query_activity")) == (30 + 30 + 6 + 3) * 60_000


def test_the_fetch_of_a_result_counts_and_the_wait_for_compute_does_not(account: SmallAccount) -> None:
    add_query(
        account, at(1), at(1, seconds=100), waiting_for_compute_duration_ms=40_000, result_fetch_duration_ms=5_000
    )
    assert busy(account) == {(0, 1): (65_000, 1)}
    assert rows_of(account, "query_activity")[0]["execution_ms"] == 65_000


def test_a_wait_across_the_hour_leaves_the_statement_where_it_was_received(account: SmallAccount) -> None:
    add_query(account, at(1.99), at(2.05), waiting_for_compute_duration_ms=60_000)
    assert busy(account) == {(0, 1): (0, 1), (0, 2): (156_000, 0)}


def test_a_statement_without_an_end_ends_with_its_last_update(account: SmallAccount) -> None:
    add_query(account, at(1), None, update_time=at(1, seconds=7))
    add_query(account, at(2), None, execution_status="FAILED")
    assert busy(account) == {(0, 1): (7000, 1), (0, 2): (0, 1)}


@pytest.mark.parametrize(
    ("leaves", "kind"),
    [
        ({}, "other"),
        ({"job_id": "1", "notebook_id": "2"}, "job"),
        ({"pipeline_id": "1"}, "pipeline"),
        ({"dashboard_id": "1"}, "dashboard"),
        ({"legacy_dashboard_id": "1", "sql_query_id": "2"}, "dashboard"),
        ({"alert_id": "1", "sql_query_id": "2"}, "alert"),
        ({"genie_space_id": "1"}, "genie"),
        ({"notebook_id": "1"}, "notebook"),
        ({"sql_query_id": "1"}, "sql_query"),
        ({"job_run_id": "1"}, "other"),
    ],
)
def test_the_kind_of_source_is_read_off_the_ids_and_not_off_the_structs_around_them(
    account: SmallAccount, leaves: dict[str, str], kind: str
) -> None:
    add_query(account, at(1), at(2), query_source=source(**leaves))
    assert {row["source_kind"] for row in rows_of(account, "query_activity")} == {kind}


def test_a_statement_without_any_source_struct_is_of_another_source(account: SmallAccount) -> None:
    add_query(account, at(1), at(1.1), query_source=None)
    assert [row["source_kind"] for row in rows_of(account, "query_activity")] == ["other"]


def test_our_own_statements_are_told_by_their_tag(account: SmallAccount) -> None:
    for number, tags in enumerate(({"app": "costpulse"}, {"app": "else"}, {"other": "costpulse"}, {"app": None}, None)):
        add_query(account, at(number), at(number + 0.5), query_tags=tags)
    assert [row["is_costpulse"] for row in rows_of(account, "query_activity")] == [True, False, False, False, False]


def test_statements_are_counted_by_who_ran_them_from_where(account: SmallAccount) -> None:
    add_query(account, at(1), at(1.1), total_task_duration_ms=50, read_bytes=10, from_result_cache=True)
    add_query(account, at(1.2), at(1.3), total_task_duration_ms=7, read_bytes=1, execution_status="FAILED")
    add_query(account, at(1), at(1.1), user=None, executed_as="a service principal", client_application=None)
    named, other = sorted(rows_of(account, "query_activity"), key=lambda row: -row["executions"])
    assert (named["executed_by"], named["client_application"]) == ("ada@example.com", "Databricks SQL")
    assert (named["executions"], named["task_ms"], named["read_bytes"]) == (2, 57, 11)
    assert (named["failed_count"], named["cached_count"]) == (1, 1)
    assert (other["executed_by"], other["client_application"], other["executions"]) == ("a service principal", None, 1)


def test_serverless_statements_have_no_warehouse_and_keep_none_busy(account: SmallAccount) -> None:
    add_query(account, at(1), at(1.5), warehouse=None)
    assert busy(account) == {}
    assert [row["warehouse_id"] for row in rows_of(account, "query_activity")] == [None]


def test_two_spellings_of_a_hashed_address_are_both_stored(account: SmallAccount, database_url: str) -> None:
    database = Database(database_url)
    add_query(account, at(1), at(1.5), user="Ada@example.com")
    add_query(account, at(1), at(1.5), user="ada@example.com")
    for table in (QUERY_ACTIVITY, WAREHOUSE_QUERIES):
        collect_days(
            database, account, table, [MONDAY],
            identities=Identities(SecretStr("a key of sixteen")), now=at(day=1), settle_days=2, chunk_days=31,
        )  # fmt: skip
    with database.transaction() as connection:
        stored = connection.execute(
            "select sum(executions) as executions, count(distinct executed_by) as people from costpulse.query_activity"
        ).fetchone()
    assert stored == {"executions": 2, "people": 1}


def test_no_statement_of_ours_reads_texts_errors_or_parameters_of_queries() -> None:
    for path in (SQL_DIR / "collect").glob("*.sql"):
        text = path.read_text(encoding="utf-8").lower()
        for column in ("statement_text", "error_message", "query_parameters", "session_id"):
            assert column not in text, path


moments = st.integers(-100_000_000, 3 * 86_400_000)
spans = st.one_of(st.integers(0, 5_000), st.integers(0, 20_000_000))
some_queries = st.lists(st.tuples(moments, spans, spans, st.integers(0, 4000), st.booleans()), max_size=20)


@settings(max_examples=60, deadline=None)
@given(queries=some_queries)
def test_busy_and_executing_time_add_up_to_what_the_statements_say(
    queries: list[tuple[int, int, int, int, bool]],
) -> None:
    """Times in milliseconds from MONDAY: start, wait, execution, fetch; on one of two warehouses."""
    window = 2 * 86_400_000
    pieces: dict[str, list[tuple[int, int]]] = {"wh-1": [], "wh-2": []}
    received: Counter[str] = Counter()
    with SmallAccount() as account:
        for start, wait, execution, fetch, second in queries:
            warehouse = "wh-2" if second else "wh-1"
            add_query(
                account, moment(start), moment(start + wait + execution), warehouse=warehouse,
                waiting_for_compute_duration_ms=wait or None, result_fetch_duration_ms=fetch or None,
            )  # fmt: skip
            received[warehouse] += 0 <= start < window
            pieces[warehouse].append((max(start + wait, 0), min(start + wait + execution + fetch, window)))
        busy_rows = rows_of(account, "warehouse_queries", days=2)
        activity = rows_of(account, "query_activity", days=2)

    for warehouse, cut in pieces.items():
        mine = [row for row in busy_rows if row["warehouse_id"] == warehouse]
        assert all(0 <= row["busy_ms"] <= HOUR for row in mine)
        assert sum(row["busy_ms"] for row in mine) == length_of_union(cut)
        assert sum(row["executions"] for row in mine) == received[warehouse]
        theirs = [row for row in activity if row["warehouse_id"] == warehouse]
        assert sum(row["execution_ms"] for row in theirs) == sum(max(end - start, 0) for start, end in cut)
        assert sum(row["executions"] for row in theirs) == received[warehouse]


def moment(milliseconds: int) -> datetime:
    return at() + timedelta(milliseconds=milliseconds)


def length_of_union(pieces: list[tuple[int, int]]) -> int:
    """Milliseconds that at least one piece covers, one edge after the other."""
    edges = sorted({edge for piece in pieces for edge in piece})
    return sum(
        later - edge for edge, later in pairwise(edges) if any(start <= edge and later <= end for start, end in pieces)
    )
