"""Data health: what it says of sources and days, what a scoped viewer sees of it, and the runs that people start."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import streamlit as st
from psycopg import sql
from psycopg.rows import dict_row
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

from costpulse_app import db, people
from costpulse_app.dagster_client import RANGE_END_TAG, RANGE_START_TAG, REQUEST_TAG
from costpulse_app.health.state import Choice
from costpulse_assets.errors import DatabaseRefused
from costpulse_assets.people import Person
from costpulse_assets.resources.sql_files import load_sql
from tests.app.books import Books
from tests.app.conftest import ENTRY, TODAY, Opener
from tests.app.test_dagster_client import serving
from tests.app.test_pages import metric, query, texts
from tests.conftest import database

PAGE = "views/health.py"
FINAL = TODAY - timedelta(days=2)
HOSTILE = "<b>=cmd()</b> *x* $1$ [l](http://e.example)"
#: Nobody listens there: the port is the discard service's.
NOBODY = "http://127.0.0.1:9"
RUN = "11111111-2222-3333-4444-555555555555"
HOUR = timedelta(hours=1)


def rows(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def change(url: str, statement: str, *parameters: Any) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), parameters)


def add_source(url: str, source: str, state: str = "ok", *, connection: str = "eu", ago: timedelta = HOUR) -> None:
    """How a source was read last; one that failed was read a week ago."""
    now = datetime.now(UTC)
    failed = state != "ok"
    change(
        url,
        "insert into costpulse.collection_status (source, connection, state, message, next_step, attempted_at, "
        "succeeded_at) values (%s, %s, %s, %s, %s, %s, %s)",
        *(source, connection, state, f"{source} said {HOSTILE}." if failed else None),
        *("GRANT SELECT ON TABLE system.query.history." if failed else None, now - ago),
        now - timedelta(days=7) if failed else now - ago,
    )


def add_correction(url: str, day: date, on: date, quantity: str, kind: str = "RETRACTION") -> None:
    """A line of the bill at $10 a unit."""
    change(
        url,
        "insert into costpulse.cost_records (usage_date, ingestion_date, record_type, key_id, sku_name, product, "
        "usage_unit, usage_quantity, dbu_rate, effective_rate, record_count) "
        "values (%s, %s, %s, %s, 'SKU', 'JOBS', 'DBU', %s, 10, 10, 1)",
        *(day, on, kind, uuid4(), quantity),
    )


def fill(url: str) -> None:
    """Sixty-five days, a hole, two not final, one corrected, one marked; sources in most states; loads."""
    books = Books(
        workspaces={"100": "northwind-prod"},
        teams=["Data platform", "Risk"],
        provisional={TODAY: Decimal("0.38"), TODAY - timedelta(days=1): Decimal("0.96")},
    )
    hole = TODAY - timedelta(days=60)
    for back in range(65):
        day = TODAY - timedelta(days=back)
        if day != hole:
            books.add(day, "100.25", team=1)
            books.add(day, "50", team=2, product="SQL", sku="SQL_PRO")
            books.add(day, None, product="AI", sku="PRICELESS_SKU", unit="TOKEN", quantity="5")
    books.write(url)
    change(
        url,
        "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, record_count, "
        "newest_ingestion_date, collected_at, changed_at) select 'cost_records', usage_date, sum(record_count), "
        "sum(usage_quantity), sum(record_count), usage_date, %s, %s from costpulse.daily_sku_costs group by usage_date",
        *(datetime.now(UTC) - HOUR, datetime.now(UTC) - HOUR),
    )
    change(
        url, "update costpulse.completeness as c set cost_usd = d.cost_usd, expected_cost = d.cost_usd / c.share_in "
        "from (select usage_date, sum(cost_usd) as cost_usd from costpulse.daily_costs group by usage_date) as d "
        "where d.usage_date = c.usage_date",
    )  # fmt: skip
    corrected, marked = TODAY - timedelta(days=20), TODAY - timedelta(days=10)
    change(
        url, "update costpulse.collected_days set newest_ingestion_date = %s where usage_date = %s",
        corrected + timedelta(days=5), corrected,
    )  # fmt: skip
    add_correction(url, corrected, corrected + timedelta(days=5), "-1.5")
    add_correction(url, corrected, corrected + timedelta(days=5), "0.25", kind="RESTATEMENT")
    # Came with the usage itself: nobody had seen another figure.
    add_correction(url, corrected, corrected + timedelta(days=1), "-1")
    change(
        url, "update costpulse.collected_days set recollect_reason = 'a list price changed' where usage_date = %s",
        marked,
    )  # fmt: skip
    for source in ("cost_records", "list_prices", "workspaces", "clusters"):
        add_source(url, source)
    add_source(url, "query_activity", "not available")
    add_source(url, "jobs", connection="us", ago=timedelta(hours=30))
    # Each of twenty days: half is in when it ends, three quarters six hours later, all after a day.
    change(
        url,
        "insert into costpulse.collection_log (source, usage_date, loaded_at, source_rows, source_quantity, cost_usd, "
        "run_id) select 'cost_records', c.usage_date, l.at, 100, 1, c.cost_usd * l.share, l.at::text "
        "from costpulse.completeness as c "
        "cross join (values (-6, 0.25), (0, 0.5), (6, 0.75), (24, 1)) as v (hours, share) "
        "cross join lateral (select (c.usage_date + 1)::timestamp at time zone 'UTC' + v.hours * interval '1 hour' "
        "as at, v.share) as l where c.usage_date between %s and %s",
        *(TODAY - timedelta(days=27), TODAY - timedelta(days=8)),
    )


@pytest.fixture(scope="module")
def template(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """The database of `filled`, to be cloned: nobody is connected to it."""
    with database(postgres_server, template=migrated_template) as url:
        fill(url)
        name = urlsplit(url).path.removeprefix("/")
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            # TimescaleDB's scheduler connects to every database it may; a template must be left alone.
            admin.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        yield name


@pytest.fixture
def filled(postgres_server: str, template: str) -> Iterator[str]:
    with database(postgres_server, template=template) as url:
        yield url


@pytest.fixture(autouse=True)
def _dagster_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTPULSE_DAGSTER_URL", NOBODY)


@pytest.fixture(scope="module")
def page(postgres_server: str, template: str) -> Iterator[AppTest]:
    """The page as it is, opened once for all tests that only read it; without Dagster."""
    with database(postgres_server, template=template) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COSTPULSE_TODAY", TODAY.isoformat())
        patch.setenv("COSTPULSE_DATABASE_URL", url)
        patch.setenv("COSTPULSE_DAGSTER_URL", NOBODY)
        st.cache_data.clear()
        st.cache_resource.clear()
        test = AppTest.from_file(str(ENTRY), default_timeout=60)
        yield test.switch_page(PAGE).run()
        st.cache_data.clear()
        st.cache_resource.clear()


def everything_said(test: AppTest) -> str:
    """What the page says, the texts beside progress bars and of what went well included."""
    bars = [one.proto.text for one in test.get("progress")]
    return "\n".join([texts(test), *(text.replace("\\", "") for text in [*bars, *(one.value for one in test.success)])])


def table(test: AppTest, *columns: str) -> list[dict[str, Any]]:
    """The rows of the one table that has these columns."""
    (frame,) = [one.value for one in test.dataframe if set(columns) <= set(one.value.columns)]
    return list(frame[list(columns)].to_dict("records"))


# --- what it says


def test_it_says_one_sentence_for_the_bill_for_what_is_late_and_for_the_rest(page: AppTest) -> None:
    test = page
    assert not test.exception
    said = texts(test)
    assert "Usage, over eu: final to 22 Nov, 23 Nov 96% in, 24 Nov 38% in, last load " in said
    assert "next not known" in said
    assert "Query activity, over eu: last read " in said
    assert "It is not granted." in said
    assert "Jobs, over us: last read " in said
    assert "eu: 3 other sources read" in said
    assert metric(test, "Late sources").value == "2"
    assert metric(test, "Final to").value == "22 Nov"


def test_dagster_away_is_said_and_everything_of_our_own_is_there(page: AppTest) -> None:
    test = page
    said = texts(test)
    assert "Dagster does not answer." in said
    assert f"Nobody answers at {NOBODY}" in said
    assert test.button(key="run_now").disabled
    assert test.button(key="collect_days").disabled
    assert {"cost_records", "clusters", "completeness"} <= {row["Asset"] for row in table(test, "Asset", "Rows")}
    assert metric(test, "Control totals").value == "Match"


def test_days_without_control_totals_are_counted_and_the_first_is_named(app: Opener, filled: str) -> None:
    change(filled, "update costpulse.collected_days set source_rows = source_rows + 1 where usage_date = %s", FINAL)
    change(filled, "update costpulse.collected_days set source_quantity = 1 where usage_date = %s", TODAY)
    test = app(filled, PAGE)
    assert metric(test, "Control totals").value == "2 days differ"
    assert "first 22 Nov: see sql/checks/control_totals.sql" in texts(test)


def test_conservation_is_broken_by_the_last_digit_and_says_so(app: Opener, filled: str) -> None:
    change(filled, "delete from costpulse.daily_costs")
    change(filled, "delete from costpulse.cost_allocations")
    test = app(filled, PAGE)
    assert metric(test, "Conservation").value == "$0.00"
    change(
        filled,
        "insert into costpulse.daily_costs (usage_date, sku_name, product, usage_unit, usage_quantity, cost_usd, "
        "unpriced_quantity, record_count) values (%s, 'S', 'JOBS', 'DBU', 1, 0.000000000000000001, 0, 1)",
        FINAL,
    )
    test = app(filled, PAGE)
    assert metric(test, "Conservation").value == "<$0.01"
    assert "1 day do not add up, first 22 Nov" in texts(test)


def test_corrections_are_counted_two_days_after_the_usage_and_add_up(page: AppTest) -> None:
    test = page
    assert metric(test, "Days restated").value == "1"
    assert "-$12.50 in all" in texts(test)
    (month,) = table(test, "Month", "Days corrected", "Added", "Taken off", "Net")
    assert (month["Month"], month["Days corrected"], month["Net"]) == ("2026-11", 1, Decimal("-12.5"))


def test_every_day_has_its_state_and_the_reason(page: AppTest) -> None:
    found = {row["Day"]: row for row in table(page, "Day", "State", "Reason")}
    assert len(found) == 65
    assert found[TODAY]["State"] == "Not final"
    assert found[TODAY]["Reason"] == "Not final, 38% in."
    assert found[TODAY - timedelta(days=60)]["State"] == "Missing"
    corrected = found[TODAY - timedelta(days=20)]
    assert corrected["State"] == "Restated"
    assert corrected["Reason"] == "Corrected by Databricks on 9 Nov: -$12.50."
    assert found[TODAY - timedelta(days=10)]["Reason"] == "To be collected again: a list price changed."
    assert found[FINAL]["Reason"] == "Final."


def test_the_arrival_curve_is_what_the_log_saw(page: AppTest) -> None:
    found = table(page, "Day", "Hours after the day", "Share in", "Days")
    settled = {row["Hours after the day"]: row for row in found if row["Day"] == "settled days"}
    assert {hours: settled[hours]["Share in"] for hours in (-4, 0, 4, 8, 24)} == {
        -4: "25.0%", 0: "50.0%", 4: "50.0%", 8: "75.0%", 24: "100.0%",
    }  # fmt: skip
    assert settled[0]["Days"] == 20
    assert -8 not in settled
    assert {row["Day"] for row in found} == {"settled days", "2026-11-24", "2026-11-23"}


def test_without_a_log_the_days_of_ingestion_make_the_curve(app: Opener, filled: str) -> None:
    change(filled, "delete from costpulse.collection_log")
    for back in range(8, 18):
        day = TODAY - timedelta(days=back)
        add_correction(filled, day, day, "3", kind="ORIGINAL")
        add_correction(filled, day, day + timedelta(days=1), "1", kind="ORIGINAL")
    found = table(app(filled, PAGE), "Day", "Hours after the day", "Share in", "Days")
    settled = {row["Hours after the day"]: row["Share in"] for row in found if row["Day"] == "settled days"}
    assert settled == {0: "75.0%", 24: "100.0%", 48: "100.0%", 72: "100.0%", 96: "100.0%"}


def test_permissions_say_what_is_missing_what_breaks_and_the_grant(page: AppTest) -> None:
    first, *others = table(page, "Table", "Granted", "Without it", "Grant")
    assert (first["Table"], first["Granted"]) == ("system.query.history", "no")
    assert "GRANT SELECT ON TABLE system.query.history" in first["Grant"]
    assert "cannot be told apart by user" in first["Without it"]
    granted = {row["Table"]: row["Granted"] for row in others}
    assert granted["system.billing.usage"] == "yes"
    assert granted["system.serving.served_entities"] == "not read yet"


def test_nothing_from_the_data_is_markdown_or_a_formula(app: Opener, filled: str) -> None:
    change(
        filled, "update costpulse.collection_status set message = %s, connection = '=1+1' where state <> 'ok'", HOSTILE
    )
    test = app(filled, PAGE)
    for element in test.markdown:
        assert "<b>=cmd()" not in element.value
        assert "](http" not in element.value


def test_every_table_is_a_file_whose_cells_no_spreadsheet_takes_for_a_formula(
    monkeypatch: pytest.MonkeyPatch, app: Opener, filled: str
) -> None:
    files: dict[str, bytes] = {}
    add = MediaFileManager.add

    def keep(manager: MediaFileManager, data: bytes | str, mimetype: str, *arguments: Any, **more: Any) -> Any:
        files[more.get("file_name") or ""] = data if isinstance(data, bytes) else data.encode()
        return add(manager, data, mimetype, *arguments, **more)

    monkeypatch.setattr(MediaFileManager, "add", keep)
    change(filled, "update costpulse.collection_status set connection = '=1+1' where state <> 'ok'")
    app(filled, PAGE)
    names = {"arrivals", "days", "corrections", "sources", "permissions", "assets"}
    assert {f"data-health-{name}.csv" for name in names} <= set(files)
    read = list(csv.DictReader(io.StringIO(files["data-health-sources.csv"].decode("utf-8-sig"))))
    assert [row["Connection"] for row in read if row["Table"] == "query_activity"] == ["'=1+1"]
    (month,) = csv.DictReader(io.StringIO(files["data-health-corrections.csv"].decode("utf-8-sig")))
    assert month["Net"] == "-12.5"


def test_what_is_typed_narrows_the_tables_and_is_in_the_url(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, source="query", asset="cost_")
    assert [row["Table"] for row in table(test, "Table", "State", "Next step")] == ["query_activity"]
    assert [row["Asset"] for row in table(test, "Asset", "Freshness")] == ["cost_records"]
    test.text_input(key="h_source").set_value("jobs").run()
    assert query(test) == {"source": ["jobs"], "asset": ["cost_"]}
    assert [row["Table"] for row in table(test, "Table", "State", "Next step")] == ["jobs"]


@pytest.mark.parametrize("choice", [Choice(), Choice("a b", "ü"), Choice(asset="x")])
def test_a_choice_comes_back_from_its_url(choice: Choice) -> None:
    assert Choice.from_query(choice.to_query()) == choice


def test_stale_data_is_said_and_stays(app: Opener, filled: str) -> None:
    change(filled, "update costpulse.collected_days set collected_at = now() - interval '4 days'")
    change(filled, "update costpulse.collection_status set succeeded_at = now() - interval '4 days'")
    test = app(filled, PAGE)
    assert metric(test, "Late sources").value == "6"
    assert texts(test).count("Late.") == 6
    assert {row["Freshness"] for row in table(test, "Asset", "Freshness") if row["Asset"] == "cost_records"} == {
        "stale"
    }


def test_one_panel_that_fails_leaves_the_rest(app: Opener, filled: str) -> None:
    change(filled, "revoke select on costpulse.day_arrivals from costpulse_app")
    test = app(filled, PAGE)
    assert not test.exception
    assert test.button(key="again_arrivals")
    assert "Reference" in texts(test)
    assert metric(test, "Final to").value == "22 Nov"
    assert table(test, "Day", "State", "Reason")


def test_an_empty_database_shows_the_first_command(app: Opener, database_url: str) -> None:
    test = app(database_url, PAGE)
    assert not test.exception
    assert "costpulse up" in texts(test)


def _first_steps() -> None:
    from costpulse_app.health import first_steps

    first_steps.show()


def test_before_there_is_data_the_doctor_and_what_was_tried_come_first(
    monkeypatch: pytest.MonkeyPatch, app: Opener, database_url: str
) -> None:
    add_source(database_url, "cost_records", "failed")
    app(database_url, PAGE)
    test = AppTest.from_function(_first_steps).run()
    assert not test.exception
    said = texts(test)
    assert "Usage, over eu" in said
    assert "costpulse doctor" in said
    assert "costpulse up --demo" in said


# --- who sees what


@pytest.fixture
def as_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "LOCAL_ADMIN", Person("ada@example.com", "viewer", "2"))


@pytest.mark.usefixtures("as_viewer")
def test_a_viewer_of_some_teams_sees_how_far_the_data_is_and_no_money_of_others(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    assert not test.exception
    assert "Usage, over eu: final to 22 Nov" in texts(test)
    assert metric(test, "Days restated").value == "1"
    assert "12.50" not in texts(test)
    assert "CostPulse itself" not in [one.label for one in test.metric]
    found = {row["Day"]: row["Reason"] for row in table(test, "Day", "State", "Reason")}
    assert found[TODAY - timedelta(days=20)] == "Corrected by Databricks on 9 Nov."
    assert [row["Net"] for row in table(test, "Month", "Net")] == [None]
    assert any(row["Share in"] == "50.0%" for row in table(test, "Day", "Share in", "Days"))
    assert test.button(key="run_now").disabled
    assert "takes the role admin" in test.button(key="run_now").help


def test_the_database_itself_keeps_amounts_and_lines_from_the_app(app: Opener, filled: str) -> None:
    app(filled, PAGE)
    for statement in (
        "select cost_usd from costpulse.collection_log",
        "select source_quantity from costpulse.collection_log",
        "select row_content from costpulse.rejected_rows",
    ):
        with pytest.raises(DatabaseRefused), db.reading("all") as connection:
            connection.execute(statement.encode())
    with db.reading("2") as connection:
        amounts = connection.execute("select cost_usd from costpulse.restatements").fetchall()
        assert amounts == [(None,)]
        assert connection.execute("select count(*) from costpulse.day_arrivals").fetchone() != (0,)


def ask(scope: str, actor: str, asked_by: str) -> int:
    parameters = {"kind": "run now", "first": FINAL, "last": TODAY, "requested_by": asked_by}
    with db.writing(actor, scope) as connection:
        (row,) = connection.execute(load_sql("app/health_request_insert").encode(), parameters).fetchall()
    return int(row["id"])


def test_a_run_is_asked_for_in_ones_own_name_by_who_sees_everything(app: Opener, filled: str) -> None:
    app(filled, PAGE)
    for scope, actor in (("2", "ada"), ("", "ada"), ("all", "bob")):
        with pytest.raises(DatabaseRefused):
            ask(scope, actor, "ada")
    number = ask("all", "ada", "ada")
    with db.writing("bob", "all") as connection:
        connection.execute("update costpulse.run_requests set problem = 'x' where id = %s", [number])
    assert rows(filled, "select problem from costpulse.run_requests") == [{"problem": None}]
    with pytest.raises(DatabaseRefused), db.writing("ada", "all") as connection:
        connection.execute("update costpulse.run_requests set requested_by = 'eve'")
    with db.reading("2") as connection:
        assert connection.execute("select count(*) from costpulse.run_requests").fetchone() == (0,)
    assert rows(filled, "select actor, action from costpulse.audit_log where table_name = 'run_requests'") == [
        {"actor": "ada", "action": "insert"}
    ]


# --- what is started


class FakeDagster:
    """Answers of Dagster as a test needs them, over a real socket; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.runs: dict[str, dict[str, Any]] = {}
        self.refuses_launch: str | None = None
        self.address = ""

    def add_run(self, run_id: str = RUN, status: str = "STARTED", **tags: str) -> None:
        created = datetime.now(UTC).timestamp() - 90
        self.runs[run_id] = {
            "runId": run_id,
            "status": status,
            "jobName": "cost_cycle",
            "creationTime": created,
            "startTime": None if status == "QUEUED" else created + 5,
            "endTime": created + 65 if status in ("SUCCESS", "FAILURE", "CANCELED") else None,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
            "stepStats": [
                {"stepKey": "cost_records", "status": "SUCCESS", "startTime": 1.0, "endTime": 2.0},
                {"stepKey": "daily_costs", "status": "IN_PROGRESS", "startTime": 2.0, "endTime": None},
            ],
            "executionPlan": {"steps": [{"key": name} for name in ("cost_records", "daily_costs", "x", "y")]},
        }

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        name = query.split()[1].split("(")[0]
        self.asked.append((name, variables))
        return dict([getattr(self, f"_{name.lower()}")(variables)])

    def _workspace(self, variables: dict[str, Any]) -> tuple[str, Any]:
        tick = datetime.now(UTC).timestamp() + 3600
        schedule = {
            "name": "collect_trailing_days", "pipelineName": "cost_cycle", "scheduleState": {"status": "RUNNING"},
            "futureTicks": {"results": [{"timestamp": tick}]},
        }  # fmt: skip
        loaded = {
            "__typename": "RepositoryLocation", "name": "costpulse",
            "repositories": [{"name": "__repository__", "schedules": [schedule]}],
        }  # fmt: skip
        entry = {"name": "costpulse", "loadStatus": "LOADED", "locationOrLoadError": loaded}
        return "workspaceOrError", {"locationEntries": [entry]}

    def _node(self, name: str, *checks: tuple[str, bool, str]) -> dict[str, Any]:
        at = datetime.now(UTC).timestamp() - 600
        return {
            "assetKey": {"path": [name]}, "groupName": "collectors", "isExecutable": True, "jobNames": ["cost_cycle"],
            "dependedByKeys": [{"path": ["daily_costs"]}] if name == "cost_records" else [],
            "freshnessStatusInfo": {"freshnessStatus": "HEALTHY"},
            "assetMaterializations": [
                {
                    "timestamp": str(at * 1000), "runId": RUN, "stepStats": {"startTime": at - 125, "endTime": at},
                    "metadataEntries": [{"label": "dagster/row_count", "intValue": 7}],
                }
            ],
            "assetChecksOrError": {
                "checks": [
                    {
                        "name": check, "description": f"About {check}.", "blocking": True,
                        "executionForLatestMaterialization": {
                            "status": "SUCCEEDED" if passed else "FAILED", "timestamp": at, "runId": RUN,
                            "evaluation": {"success": passed, "severity": severity},
                        },
                    }
                    for check, passed, severity in checks
                ]
            },
        }  # fmt: skip

    def _assets(self, variables: dict[str, Any]) -> tuple[str, Any]:
        return "assetNodes", [
            self._node("daily_costs", ("adds_up_to_cost_records", False, "ERROR")),
            self._node(
                "cost_records", ("control_totals_match", True, "ERROR"), ("unpriced_share", False, "WARN")
            ),
        ]  # fmt: skip

    _graph = _assets

    def _partitions(self, variables: dict[str, Any]) -> tuple[str, Any]:
        days = [(TODAY - timedelta(days=back)).isoformat() for back in reversed(range(60))]
        return "assetNodeOrError", {"__typename": "AssetNode", "partitionKeys": days}

    def _runs(self, variables: dict[str, Any]) -> tuple[str, Any]:
        wanted = variables["filter"]
        found = [
            run
            for run in self.runs.values()
            if run["status"] in wanted.get("statuses", [run["status"]])
            and all(tag in run["tags"] for tag in wanted.get("tags", []))
        ]
        return "runsOrError", {"__typename": "Runs", "results": found}

    def _run(self, variables: dict[str, Any]) -> tuple[str, Any]:
        found = self.runs.get(variables["id"])
        return "runOrError", {"__typename": "Run", **found} if found else {"__typename": "RunNotFoundError"}

    def _events(self, variables: dict[str, Any]) -> tuple[str, Any]:
        said = {"description": "x", "metadataEntries": [
            {"label": "what happened", "text": f"The warehouse is gone {HOSTILE}"},
            {"label": "next step", "text": "Start it."},
        ]}  # fmt: skip
        event = {
            "__typename": "ExecutionStepFailureEvent", "message": "m", "stepKey": "cost_records",
            "error": {"message": "E"}, "failureMetadata": said,
        }  # fmt: skip
        return "logsForRun", {"__typename": "EventConnection", "events": [event], "cursor": "1", "hasMore": False}

    def _tick(self, variables: dict[str, Any]) -> tuple[str, Any]:
        tags = {
            RANGE_START_TAG: (TODAY - timedelta(days=39)).isoformat(), RANGE_END_TAG: TODAY.isoformat(),
            "costpulse/only_changed": "true", "dagster/schedule_name": "collect_trailing_days",
        }  # fmt: skip
        request = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        return "scheduleDryRun", {"evaluationResult": {"runRequests": [request]}}

    def _launch(self, variables: dict[str, Any]) -> tuple[str, Any]:
        if self.refuses_launch:
            return "launchRun", {"__typename": "PythonError", "message": self.refuses_launch}
        tags = {tag["key"]: tag["value"] for tag in variables["parameters"]["executionMetadata"]["tags"]}
        self.add_run(RUN, "QUEUED", **tags)
        return "launchRun", {"__typename": "LaunchRunSuccess", "run": self.runs[RUN]}


@pytest.fixture
def dagster(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDagster]:
    fake = FakeDagster()

    def answer(body: bytes) -> tuple[int, bytes]:
        asked = json.loads(body)
        return 200, json.dumps({"data": fake.answer(asked["query"], asked["variables"])}).encode()

    with serving(answer) as address:
        fake.address = address
        monkeypatch.setenv("COSTPULSE_DAGSTER_URL", address)
        yield fake


def audited(url: str) -> list[tuple[str, str, str | None]]:
    found = rows(
        url,
        "select actor, action, after ->> 'run_id' as run from costpulse.audit_log where table_name = 'run_requests' "
        "order by id",
    )
    return [(row["actor"], row["action"], row["run"]) for row in found]


def test_dagster_adds_the_next_run_durations_and_checks_failed_ones_first(
    app: Opener, filled: str, dagster: FakeDagster
) -> None:
    test = app(filled, PAGE)
    assert not test.exception
    assert "next not known" not in texts(test)
    assert "does not answer" not in texts(test)
    found = table(test, "Result", "Asset", "Look at")
    assert [(row["Result"], row["Look at"]) for row in found] == [
        ("Failed", "sql/checks/daily_costs_conserve.sql"),
        ("Warns", "sql/checks/unpriced_skus.sql"),
        ("Passed", "sql/checks/control_totals.sql"),
    ]
    assets = {row["Asset"]: row for row in table(test, "Asset", "Duration", "Checks passed", "Rows", "Next")}
    assert assets["cost_records"]["Duration"] == "2 min 5 s"
    assert assets["cost_records"]["Checks passed"] == "1 of 2"
    assert assets["daily_costs"]["Rows"] == 7
    assert assets["daily_costs"]["Next"] is not None


def test_days_are_collected_again_with_what_follows_and_the_start_is_audited(
    app: Opener, filled: str, dagster: FakeDagster
) -> None:
    test = app(filled, PAGE)
    test.button(key="collect_days").click().run()
    assert not test.exception
    said = texts(test)
    assert "3 days, about 9 rows of the source, time not known" in said
    assert not [name for name, _ in dagster.asked if name == "Launch"]
    (start,) = [button for button in test.button if button.label == "Collect 3 days again"]
    start.click().run()
    assert not test.exception
    ((_, launched),) = [one for one in dagster.asked if one[0] == "Launch"]
    selector = launched["parameters"]["selector"]
    assert selector["assetSelection"] == [{"path": ["cost_records"]}, {"path": ["daily_costs"]}]
    tags = {tag["key"]: tag["value"] for tag in launched["parameters"]["executionMetadata"]["tags"]}
    (request,) = rows(filled, "select * from costpulse.run_requests")
    assert tags == {RANGE_START_TAG: "2026-11-22", RANGE_END_TAG: "2026-11-24", REQUEST_TAG: str(request["id"])}
    assert (request["kind"], request["requested_by"], request["run_id"]) == ("collect days again", "local admin", RUN)
    assert audited(filled) == [("local admin", "insert", None), ("local admin", "update", RUN)]
    assert "Collect days again: asked for, 22-24 Nov 2026." in everything_said(test)
    assert "Queued for " in everything_said(test)


def test_run_now_asks_for_what_the_schedule_would(app: Opener, filled: str, dagster: FakeDagster) -> None:
    test = app(filled, PAGE)
    test.button(key="run_now").click().run()
    (start,) = [button for button in test.button if button.label == "Start the run"]
    start.click().run()
    ((_, launched),) = [one for one in dagster.asked if one[0] == "Launch"]
    assert "assetSelection" not in launched["parameters"]["selector"]
    tags = {tag["key"]: tag["value"] for tag in launched["parameters"]["executionMetadata"]["tags"]}
    assert tags["costpulse/only_changed"] == "true"
    assert tags[RANGE_END_TAG] == "2026-11-24"
    assert "dagster/schedule_name" not in tags


def test_days_that_cannot_be_collected_are_refused_before_anything_is_asked(
    app: Opener, filled: str, dagster: FakeDagster
) -> None:
    test = app(filled, PAGE)
    test.button(key="collect_days").click().run()
    for first, last, why in (
        (TODAY - timedelta(days=31), TODAY, "These are 32 days, more than 31."),
        (TODAY, TODAY - timedelta(days=1), "2026-11-23 lies before 2026-11-24."),
        (TODAY - timedelta(days=80), TODAY - timedelta(days=79), "Dagster has no partition for 2026-09-05."),
    ):
        test.date_input[0].set_value(first)
        test.date_input[1].set_value(last).run()
        assert not test.exception
        assert why in texts(test)
        assert not [button for button in test.button if button.key.endswith("_start")]


def test_a_run_over_the_same_days_refuses_another(app: Opener, filled: str, dagster: FakeDagster) -> None:
    test = app(filled, PAGE)
    test.button(key="collect_days").click().run()
    dagster.add_run("other", "STARTED", **{RANGE_START_TAG: "2026-11-24", RANGE_END_TAG: "2026-11-30"})
    (start,) = [button for button in test.button if button.label == "Collect 3 days again"]
    start.click().run()
    assert "A run of cost_cycle over 2026-11-24 to 2026-11-30 is going on already" in texts(test)
    assert rows(filled, "select * from costpulse.run_requests") == []
    assert not [name for name, _ in dagster.asked if name == "Launch"]


def test_somebody_who_is_just_starting_one_refuses_another(app: Opener, filled: str, dagster: FakeDagster) -> None:
    test = app(filled, PAGE)
    test.button(key="collect_days").click().run()
    ask("all", "ada", "ada")
    (start,) = [button for button in test.button if button.label == "Collect 3 days again"]
    start.click().run()
    assert "ada is starting a run over 2026-11-22 to 2026-11-24." in texts(test)
    assert len(rows(filled, "select * from costpulse.run_requests")) == 1


def test_a_refused_start_says_why_and_keeps_its_line(app: Opener, filled: str, dagster: FakeDagster) -> None:
    dagster.refuses_launch = f"DagsterError: no disk {HOSTILE}"
    test = app(filled, PAGE)
    test.button(key="run_now").click().run()
    (start,) = [button for button in test.button if button.label == "Start the run"]
    start.click().run()
    assert not test.exception
    assert "Dagster said no (PythonError): DagsterError: no disk" in texts(test)
    (request,) = rows(filled, "select run_id, problem from costpulse.run_requests")
    assert request["run_id"] is None
    assert "no disk" in request["problem"]


def test_a_right_that_was_lost_meanwhile_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, app: Opener, filled: str, dagster: FakeDagster
) -> None:
    test = app(filled, PAGE)
    test.button(key="run_now").click().run()
    (start,) = [button for button in test.button if button.label == "Start the run"]
    monkeypatch.setattr(people, "LOCAL_ADMIN", Person("ada@example.com", "finops"))
    start.click().run()
    assert not [name for name, _ in dagster.asked if name == "Launch"]
    assert rows(filled, "select * from costpulse.run_requests") == []


def test_a_run_that_goes_on_shows_its_steps_and_who_started_it_also_when_the_answer_was_lost(
    app: Opener, filled: str, dagster: FakeDagster
) -> None:
    app(filled, PAGE)
    number = ask("all", HOSTILE, HOSTILE)
    dagster.add_run(
        RUN, "STARTED", **{REQUEST_TAG: str(number), RANGE_START_TAG: "2026-11-22", RANGE_END_TAG: "2026-11-24"}
    )
    test = app(filled, PAGE)
    assert not test.exception
    said = everything_said(test)
    assert "Run now (22-24 Nov 2026), started by <b>=cmd()</b>" in said
    assert "1 of 4 steps done; now daily_costs." in said
    (link,) = [one.proto for one in test.get("link_button")]
    assert link.url == f"{dagster.address}/runs/{RUN}"


def test_how_a_run_ended_is_said_in_words(app: Opener, filled: str, dagster: FakeDagster) -> None:
    app(filled, PAGE)
    said = {
        "SUCCESS": "Succeeded after 1 min 0 s, 1 step.",
        "FAILURE": "Failed after 1 min 0 s in cost_records: The warehouse is gone <b>=cmd()</b>",
        "CANCELED": "Cancelled after 1 min 0 s. What was made before it ended stays.",
    }
    for status in said:
        dagster.add_run(f"run-{status}", status, **{REQUEST_TAG: str(ask("all", "ada", "ada"))})
    ask("all", "ada", "ada")
    test = app(filled, PAGE)
    for words in said.values():
        assert words in texts(test)
    assert "Whether it was started is not known: look at the runs in Dagster." in texts(test)
    assert "<b>" not in "".join(one.value for one in test.markdown)


def test_a_run_whose_dagster_is_away_is_not_called_anything(app: Opener, filled: str) -> None:
    app(filled, PAGE)
    ask("all", "ada", "ada")
    test = app(filled, PAGE)
    assert "How it went is not known as long as Dagster does not answer." in texts(test)
