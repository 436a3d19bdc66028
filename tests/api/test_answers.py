"""How answers leave: pages that visit every row once, ETags, CSV, files, and a problem for what is not well asked."""

import base64
import io
import json
import zipfile
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from costpulse_app.api import answers
from tests.api.client import Client
from tests.api.conftest import FIRST, TODAY

ALL = {"from_": FIRST.isoformat(), "to": TODAY.isoformat()}
LISTINGS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "costs": ({"by": "job", **ALL}, ("id",)),
    "costs/trend": ({"by": "product", "top": 2, **ALL}, ("start", "id", "is_rest")),
    "allocations": (ALL, ("team_id", "method")),
    "teams": ({}, ("id",)),
    "anomalies": ({}, ("id",)),
    "recommendations": ({}, ("id",)),
    "forecasts": ({"grain": "day", "scope_type": "team"}, ("scope_id", "start")),
    "budgets": ({"periods": "all"}, ("budget_id", "period_start")),
    "clusters": ({}, ("workspace_id", "cluster_id")),
    "tags/compliance": ({"by": "day", "from_": "2026-11-01", "to": "2026-11-22"}, ("id",)),
    "reports": ({}, ("id",)),
}


# --- pages


@pytest.mark.parametrize("route", LISTINGS)
def test_pages_of_any_size_are_the_whole_listing_in_its_order(api: Client, route: str) -> None:
    parameters, key = LISTINGS[route]
    whole = api.get(f"/api/v1/{route}", limit=1000, **parameters).data
    paged = [row for page in api.pages(f"/api/v1/{route}", limit=2, **parameters) for row in page.data]
    assert len(whole) > 2
    assert paged == whole
    assert len({tuple(row[name] for name in key) for row in whole}) == len(whole)


def test_the_link_of_a_page_leads_to_the_next_one(api: Client) -> None:
    first = api.get("/api/v1/clusters", format="csv", limit=4, state="running")
    target, _, relation = first.headers["link"].partition(">; ")
    assert relation == 'rel="next"'
    path, _, query = target.removeprefix("<").partition("?")
    second = api.get(path, query=query)
    assert len(first.csv) == len(second.csv) == 4
    assert not {tuple(row.values()) for row in first.csv} & {tuple(row.values()) for row in second.csv}


def test_every_row_is_visited_once_while_rows_are_added(api: Client, url: str) -> None:
    kinds = {
        "clusters": (
            "cluster_id",
            "insert into costpulse.cluster_info (workspace_id, cluster_id, state, state_evidence, tags, "
            "never_terminates, up_hours, idle_time_hours, driver_node_hours, worker_node_hours) "
            "values ('100', %s, 'running', 'billing', '{}', true, 1, 1, 1, 1)",
        ),
        "costs": (
            "id",
            "insert into costpulse.daily_sku_costs (usage_date, sku_name, product, usage_unit, usage_quantity, "
            "cost_usd, unpriced_quantity, record_count) values ('2026-11-20', %s, 'JOBS', 'DBU', 1, 1, 0, 1)",
        ),
        "reports": (
            "id",
            "insert into costpulse.reports (name, report_type, format, status, requested_by, period_first, "
            "period_last) values (%s, 'showback', 'csv', 'requested', 'ada', '2026-10-01', '2026-10-31')",
        ),
    }
    for route, (key, statement) in kinds.items():
        parameters = {"by": "sku", **ALL} if route == "costs" else {}
        before = {row[key] for row in api.get(f"/api/v1/{route}", **parameters).data}
        visited: list[Any] = []
        for number, page in enumerate(api.pages(f"/api/v1/{route}", limit=1, **parameters)):
            visited += [row[key] for row in page.data]
            with psycopg.connect(url) as connection:
                # Some come before the row that was shown last, some after it.
                connection.execute(statement.encode(), [f"{'A' if number % 2 else 'zz'}-{number}"])
            if len(visited) > 40:  # what is always added at the end has no end
                break
        assert len(set(visited)) == len(visited), route
        assert before <= set(visited), route


def test_a_cursor_is_of_its_question_alone(api: Client) -> None:
    cursor = api.get("/api/v1/costs", by="sku", limit=1, **ALL).json["next_cursor"]
    assert len(api.get("/api/v1/costs", by="sku", limit=3, format="csv", cursor=cursor, **ALL).csv) == 3
    api.get("/api/v1/costs", by="product", cursor=cursor, **ALL).problem(404)
    api.get("/api/v1/clusters", cursor=cursor).problem(404)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [None],
        ["x"],
        [1, 2],
        [{"a": 1}],
        [10**30],
        [-1],
        ["\0"],
        "text",
        {"a": 1},
        [1.5],
        [True, "x"],
    ],
)
@pytest.mark.parametrize("route", ["reports", "clusters", "costs"])
def test_a_forged_cursor_is_refused(api: Client, values: Any, route: str) -> None:
    good = api.get(f"/api/v1/{route}", limit=1).json["next_cursor"]
    digest = json.loads(base64.urlsafe_b64decode(good + "=="))[0]
    text = json.dumps([digest, *values] if isinstance(values, list) else values)
    forged = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    found = api.get(f"/api/v1/{route}", cursor=forged)
    if route == "costs" and values == [True, "x"]:
        assert found.status == 200  # it is one
    else:
        found.problem(404)


# --- ETag


@pytest.mark.parametrize("route", [*LISTINGS, "status"])
def test_nothing_is_sent_again_until_something_changes(api: Client, route: str) -> None:
    parameters = LISTINGS.get(route, ({}, ()))[0]
    first = api.get(f"/api/v1/{route}", **parameters)
    assert first.headers["cache-control"] == "private, no-cache"
    again = api.get(f"/api/v1/{route}", headers={"if-none-match": first.headers["etag"]}, **parameters)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert api.get(f"/api/v1/{route}", **parameters).body == first.body
    other = api.get(f"/api/v1/{route}", format="csv", headers={"if-none-match": first.headers["etag"]}, **parameters)
    assert other.status == 200
    assert other.headers["etag"] != first.headers["etag"]


def test_an_answer_changes_with_what_it_is_made_of(api: Client, url: str) -> None:
    changes = {
        "costs": "update costpulse.collected_days set changed_at = now()",
        "anomalies": "update costpulse.anomalies set status = 'acknowledged', decided_by = 'ada', decided_at = now() "
        "where id = 4",
        "recommendations": "update costpulse.recommendations set status = 'accepted', decided_by = 'ada', "
        "decided_at = now() where id = 1",
        "budgets": "update costpulse.budget_status set spent_usd = 1, computed_at = clock_timestamp()",
        "reports": "update costpulse.reports set status = 'expired', file_path = null where name = 'Outside'",
        "teams": "update costpulse.teams set cost_center = 'CC 1', updated_at = clock_timestamp() where id = 2",
        "tags/compliance": "update costpulse.completeness set computed_at = clock_timestamp()",
    }
    for route, change in changes.items():
        before = api.get(f"/api/v1/{route}")
        with psycopg.connect(url) as connection:
            connection.execute(change.encode())
        after = api.get(f"/api/v1/{route}", headers={"if-none-match": before.headers["etag"]})
        assert after.status == 200, route
        assert after.headers["etag"] != before.headers["etag"], route


def test_many_at_once_get_the_same_answer(api: Client) -> None:
    found = api.get_many(["/api/v1/costs"] * 50)
    assert {one.status for one in found} == {200}
    assert len({one.body for one in found}) == 1


def test_what_is_kept_in_memory_has_a_bound(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_MOST_BYTES_KEPT", 2_000)
    for limit in range(1, 60):
        assert api.get("/api/v1/clusters", limit=limit).status == 200
    kept = answers._kept._kept.values()
    assert sum(len(one.body) for one in kept) == answers._kept._bytes <= 2_000


# --- CSV


@pytest.mark.parametrize("route", LISTINGS)
def test_csv_has_the_same_rows_as_json(api: Client, route: str) -> None:
    parameters, _ = LISTINGS[route]
    rows = api.get(f"/api/v1/{route}", **parameters).data
    found = api.get(f"/api/v1/{route}", format="csv", **parameters)
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(found.csv) == len(rows)
    for cells, row in zip(found.csv, rows, strict=True):
        assert list(cells) == list(row)
        for name, value in row.items():
            if isinstance(value, bool):
                assert cells[name] == str(value).lower()
            elif isinstance(value, int | float):
                assert Decimal(cells[name]) == Decimal(str(value))
            elif value is None:
                assert cells[name] == ""


def test_a_cell_of_csv_never_begins_a_formula_and_a_negative_amount_stays_a_number(api: Client) -> None:
    jobs = api.get("/api/v1/costs", by="job", format="csv", **ALL).csv
    assert "'=cmd()|'x'" in {row["name"] for row in jobs}
    storage = api.get("/api/v1/costs", by="sku", sku="STORAGE", format="csv", **ALL).csv
    assert storage[0]["cost_usd"].startswith("-52.5")
    assert {row["cluster_name"] for row in api.get("/api/v1/clusters", format="csv").csv} <= {"'@name", ""}
    assert {row["resource_name"] for row in api.get("/api/v1/recommendations", format="csv").csv} == {"'=1+1"}


# --- reports


def test_the_file_of_a_report_is_sent_as_it_is(api: Client) -> None:
    listed = {row["name"]: row for row in api.get("/api/v1/reports").data}
    assert listed["Waiting"]["file"] is None
    found = api.get(listed["Showback"]["file"])
    assert (found.status, found.body) == (200, b"a\n1\n")
    assert found.headers["content-disposition"] == 'attachment; filename="1-showback.csv"'
    assert found.headers["etag"] == f'"{"a" * 64}"'
    assert api.get(listed["Showback"]["file"], headers={"if-none-match": found.headers["etag"]}).status == 304
    part = api.get(listed["Showback"]["file"], headers={"range": "bytes=0-1"})
    assert (part.status, part.body) == (206, b"a\n")


def test_several_files_are_sent_as_one_zip(api: Client) -> None:
    found = api.get("/api/v1/reports/2/file")
    assert found.headers["content-disposition"] == 'attachment; filename="2-focus.zip"'
    with zipfile.ZipFile(io.BytesIO(found.body)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "2-focus/billing_period=2026-09/part.parquet": b"PAR1",
            "2-focus/metadata.json": b"{}",
        }


def test_a_file_that_is_not_there_or_lies_outside_is_no_answer(api: Client, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into costpulse.reports (name, report_type, format, status, requested_by, period_first, "
            "period_last, file_path, checksum, size_bytes, finished_at) "
            "select n, 'showback', 'csv', 'ready', 'ada', '2026-10-01', '2026-10-31', n, repeat('e', 64), 1, now() "
            "from unnest(array['gone.csv', '../secret']) as n"
        )
    listed = {row["name"]: row for row in api.get("/api/v1/reports").data}
    api.get(listed["gone.csv"]["file"]).problem(404)
    outside = api.get(listed["../secret"]["file"])
    outside.problem(409)
    assert outside.body != b"no"
    api.get("/api/v1/reports/999999/file").problem(404)


# --- what is not well asked


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("costs", "by=nothing"),
        ("costs", "by=tag:"),
        ("costs", "unknown=1"),
        ("costs", "From=2026-11-01"),
        ("costs", "limit=0"),
        ("costs", "limit=1001"),
        ("costs", "limit=" + "9" * 5000),
        ("costs", "limit=1e3"),
        ("costs", "limit="),
        ("costs", "from=yesterday"),
        ("costs", "from=1999-12-31"),
        ("costs", "to=2100-01-01"),
        ("costs", "to=9999-12-31"),
        ("costs", "from=2026-02-29"),
        ("costs", "from=20261101"),
        ("costs", "from=1700000000"),
        ("costs", "from=2026-11-01T00:00:00"),
        ("costs", "workspace=%00"),
        ("costs", "tag=a%00b%3Dc"),
        ("costs", "by=tag:a%00b"),
        ("costs", "workspace="),
        ("costs", "workspace=" + "x" * 1001),
        ("costs", "&".join(["sku=x"] * 101)),
        ("costs", "team=-1"),
        ("costs", "team=" + "9" * 19),
        ("costs", "team=1.5"),
        ("costs", "cursor=%00"),
        ("costs", "format=xml"),
        ("costs/trend", "bin=hour"),
        ("costs/trend", "top=0"),
        ("forecasts", "scope_type=galaxy"),
        ("forecasts", "scope_id=%00"),
        ("recommendations", "type=%00"),
        ("anomalies", "status=lost"),
        ("reports/0/file", ""),
        (f"reports/{2**63}/file", ""),
        ("reports/1e5/file", ""),
        ("reports/1/file", "x=1"),
        ("status", "limit=1"),
    ],
)
def test_a_parameter_that_is_unknown_or_not_of_its_form_is_named(api: Client, path: str, query: str) -> None:
    problem = api.get(f"/api/v1/{path}", query=query).problem(422)
    assert problem["faults"]
    assert len(str(problem)) < 2_000


@pytest.mark.parametrize("route", ["costs", "costs/trend", "allocations", "anomalies", "tags/compliance"])
def test_a_period_that_ends_before_it_begins_is_refused(api: Client, route: str) -> None:
    problem = api.get(f"/api/v1/{route}", from_="2026-11-02", to="2026-11-01").problem(409)
    assert "ends on 2026-11-01, before it begins on 2026-11-02" in problem["detail"]


@pytest.mark.parametrize("route", ["costs", "costs/trend", "allocations", "anomalies", "tags/compliance"])
def test_days_far_away_have_no_cost(api: Client, route: str) -> None:
    for days in ({"from_": "2000-01-01", "to": "2000-01-01"}, {"from_": "2099-12-31"}, {"to": "2000-01-01"}):
        found = api.get(f"/api/v1/{route}", **days)
        assert all(row.get("team") == "Unallocated" for row in found.data) or route == "anomalies"
    assert api.get(f"/api/v1/{route}", from_="2000-01-01", to="2099-12-31").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_the_api_is_read_only(api: Client, method: str) -> None:
    found = api.get("/api/v1/costs", method=method)
    assert "read-only" in found.problem(405)["detail"]
    assert found.headers["allow"] == "GET"


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/", "/api/v1/costs/", "/api/v2/costs", "/api/v1/reports/1"])
def test_an_address_that_is_none_is_told_so(api: Client, path: str) -> None:
    api.get(path).problem(404)
