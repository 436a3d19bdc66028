"""Dagster as the app asks it: a real web server with our definitions, and answers nobody should rely on."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import streamlit as st

from costpulse_app import dagster_client as client_module
from costpulse_app.dagster_client import (
    ACTIVE,
    COLLECTED,
    COST_CYCLE,
    RANGE_END_TAG,
    RANGE_START_TAG,
    SCHEDULE,
    CodeLocation,
    DagsterClient,
    DagsterNotLoaded,
    DagsterRefused,
    DagsterUnreachable,
    LaunchUnknown,
    Run,
    UnknownPartition,
    checked_days,
    dagster_address,
    days_of,
    expect_nothing_running,
    expect_partitions,
    range_tags,
)
from costpulse_app.health import starting
from costpulse_assets import jobs, schedules
from costpulse_assets.definitions import build_definitions
from costpulse_assets.errors import AlreadyRunning, BadInput
from costpulse_assets.periods import Period
from costpulse_assets.settings import Settings
from tests.cli.processes import Costpulse, eventually, free_port
from tests.conftest import database
from tests.pipeline import pretend_today

TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)
#: Enough of what follows to see that it does; all of it takes most of a minute.
SOME = (*COLLECTED, "key_allocations", "cost_allocations", "daily_costs")


@contextmanager
def serving(answer: Callable[[bytes], tuple[int, bytes]]) -> Iterator[str]:
    """A server on loopback that answers every request so; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            # Who asked may have gone meanwhile.
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: tests print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


# --- the real one


@pytest.fixture(scope="module")
def books(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """The database that runs of the server write to."""
    with database(postgres_server, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
def server(books: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Dagster's web server with our definitions over a demo account of eight days; runs start without a daemon."""
    costpulse = Costpulse(tmp_path_factory.mktemp("dagster") / "data")
    home = costpulse.home / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(
        "telemetry:\n  enabled: false\n"
        "run_coordinator:\n  module: dagster.core.run_coordinator\n  class: DefaultRunCoordinator\n"
    )
    port = free_port()
    environment = costpulse.environment(
        DAGSTER_HOME=str(home),
        COSTPULSE_DATABASE_URL=books,
        COSTPULSE_DEMO="true",
        COSTPULSE_DEMO_DAYS="8",
        PYTHONWARNINGS="ignore",
        PYTHONSAFEPATH="1",
    )
    module = ("-m", "costpulse_assets.definitions")
    with (costpulse.home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster_webserver", *module, "-h", "127.0.0.1", "-p", str(port)],
            cwd=costpulse.home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (costpulse.home / "log").read_text()[-3000:]
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/server_info", timeout=5):
            return True
        return False

    try:
        assert eventually(answers)
        yield address
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        for pid in costpulse.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def dagster(server: str) -> DagsterClient:
    return DagsterClient(server)


def test_the_names_are_those_of_the_definitions() -> None:
    definitions = build_definitions(pretend_today(TODAY))
    assert jobs.COST_CYCLE.name == COST_CYCLE
    assert (schedules.RANGE_START_TAG, schedules.RANGE_END_TAG) == (RANGE_START_TAG, RANGE_END_TAG)
    assert SCHEDULE in {schedule.name for schedule in definitions.schedules or ()}
    assert set(COLLECTED) <= {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}


def test_the_process_of_the_app_never_imports_dagster() -> None:
    code = (
        "import sys, costpulse_app.views.health, costpulse_app.dagster_client; "
        "sys.exit(any(name.split('.')[0] == 'dagster' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


def test_it_knows_the_location_its_schedules_and_the_partitions(dagster: DagsterClient) -> None:
    location = dagster.location()
    assert {one.name for one in location.schedules} == {SCHEDULE, "rescan_retention"}
    assert location.next_run is not None
    assert datetime.now(UTC) < location.next_run < datetime.now(UTC) + timedelta(hours=7)
    days = sorted(dagster.collected_days())
    assert days == [days[0] + number * DAY for number in range(8)]
    assert dagster.scheduled_tags(location) == {
        RANGE_START_TAG: days[0].isoformat(),
        RANGE_END_TAG: days[-1].isoformat(),
        "costpulse/only_changed": "true",
    }


def test_what_follows_from_the_bill_is_all_of_the_cycle_but_what_is_read_elsewhere(dagster: DagsterClient) -> None:
    found = dagster.following(COLLECTED)
    assert {*SOME, "hourly_costs", "forecasts", "alert_outbox", "completeness"} <= set(found)
    assert not {"clusters", "node_utilization", "list_prices", "reports"} & set(found)


def test_a_run_that_is_not_there_is_none(dagster: DagsterClient) -> None:
    assert dagster.run(str(uuid4())) is None
    assert dagster.run_of(987_654) is None


@pytest.fixture
def as_admin(monkeypatch: pytest.MonkeyPatch, books: str) -> Iterator[None]:
    """The app's side of a start, on the same database."""
    monkeypatch.setenv("COSTPULSE_DATABASE_URL", books)
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.mark.usefixtures("as_admin")
def test_a_started_run_replaces_its_days_and_no_others_and_refuses_a_second_one(
    dagster: DagsterClient, books: str
) -> None:
    other, _, first, last, *_, newest = sorted(dagster.collected_days())
    with psycopg.connect(books) as connection:
        for day in (first, last, other):
            connection.execute(
                "insert into costpulse.cost_records (usage_date, ingestion_date, record_type, key_id, sku_name, "
                "product, usage_unit, usage_quantity, record_count) values (%s, %s, 'ORIGINAL', %s, 'WRONG', 'JOBS', "
                "'DBU', 1, 1)",
                [day, day, uuid4()],
            )
    plan = starting.plan_days_again(dagster, first, last)
    assert set(SOME) < set(plan.assets or ())
    started = starting.start(dagster, replace(plan, assets=SOME))
    assert started.days == Period(first, last)

    with pytest.raises(AlreadyRunning, match="is going on already"):
        starting.start(dagster, starting.plan_days_again(dagster, last, newest))
    assert [one.run_id for one in dagster.active_runs()] == [started.run_id]

    seen = []

    def ended() -> bool:
        run = dagster.run(started.run_id)
        assert run is not None
        seen.append((run.status, run.steps_done, run.steps))
        return not run.is_active

    assert eventually(ended)
    assert seen[-1] == ("SUCCESS", 4, 4), dagster.failure(started.run_id)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert dagster.active_runs() == []

    with psycopg.connect(books) as connection:
        collected = connection.execute(
            "select usage_date, sum(record_count), bool_or(sku_name = 'WRONG') from costpulse.cost_records "
            "group by usage_date order by usage_date"
        ).fetchall()
        announced = dict(connection.execute("select usage_date, source_rows from costpulse.collected_days").fetchall())
        assert collected[0] == (other, 1, True)
        assert [(day, count, wrong) for day, count, wrong in collected[1:]] == [
            (day, announced[day], False) for day in (first, last)
        ]
        assert set(announced) == {first, last}
        built = connection.execute("select distinct usage_date from costpulse.daily_costs order by 1").fetchall()
        assert built == [(first,), (last,)]
        requests = connection.execute("select id, run_id, requested_by from costpulse.run_requests").fetchall()
        assert [row[1:] for row in requests] == [(started.run_id, "local admin")]
        audited = connection.execute(
            "select actor, action from costpulse.audit_log where table_name = 'run_requests' order by id"
        ).fetchall()
        assert audited == [("local admin", "insert"), ("local admin", "update")]
    again = dagster.run_of(requests[0][0])
    assert again is not None
    assert again.run_id == started.run_id
    (last_run,) = dagster.last_runs(limit=3)
    assert last_run.run_id == started.run_id

    made = {one.name: one for one in dagster.assets()}
    assert made["daily_costs"].run_id == started.run_id
    assert made["daily_costs"].seconds is not None
    assert made["forecasts"].made_at is None
    assert "cost_records" in {check.asset for one in made.values() for check in one.checks if check.passed}


def test_a_run_that_fails_says_in_which_step_and_why(dagster: DagsterClient) -> None:
    # A day before the first partition: `expect_partitions` is there so that nobody gets as far.
    first = min(dagster.collected_days())
    wrong = Period(first - 2 * DAY, first - DAY)
    run = dagster.launch(dagster.location(), tags=range_tags(wrong), assets=["cost_records"], request=4_711)

    def ended() -> bool:
        found = dagster.run(run.run_id)
        return found is not None and not found.is_active

    assert eventually(ended)
    failure = dagster.failure(run.run_id)
    assert failure is not None
    assert failure.step == "cost_records"
    assert str(wrong.first) in failure.message


def test_what_cannot_be_launched_is_refused_with_dagsters_reason(dagster: DagsterClient) -> None:
    with pytest.raises(DagsterRefused, match="Dagster said no"):
        dagster.launch(dagster.location(), tags={}, assets=["no_such_table"], request=1)
    with pytest.raises(DagsterRefused, match="time data 'nonsense'"):
        dagster.launch(
            dagster.location(),
            tags={RANGE_START_TAG: "nonsense", RANGE_END_TAG: "x"},
            assets=["cost_records"],
            request=1,
        )
    gone = CodeLocation("elsewhere", "__repository__", ())
    with pytest.raises(DagsterRefused, match="elsewhere"):
        dagster.launch(gone, tags={}, assets=None, request=1)


# --- and what answers otherwise


def answering(body: object, status: int = 200) -> Callable[[bytes], tuple[int, bytes]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _: (status, content)


def test_nobody_there_is_unreachable_with_a_next_step() -> None:
    with pytest.raises(DagsterUnreachable, match="Nobody answers at") as caught:
        DagsterClient(f"http://127.0.0.1:{free_port()}").location()
    assert "COSTPULSE_DAGSTER_URL" in caught.value.next_step
    with pytest.raises(DagsterUnreachable):
        DagsterClient("http://[not an address").location()


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    with serving(answering({"data": {"runsOrError": {"__typename": "Runs", "results": []}}})) as address:
        assert DagsterClient(address).active_runs() == []


def test_who_does_not_answer_in_time_is_unreachable_and_a_launch_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(client_module, "_LAUNCH_SECONDS", 0.05)
    over = threading.Event()

    def late(_: bytes) -> tuple[int, bytes]:
        over.wait(30)
        return 200, b"{}"

    with serving(late) as address:
        try:
            with pytest.raises(LaunchUnknown, match="may have started it"):
                DagsterClient(address).launch(CodeLocation("l", "r", ()), tags={}, assets=None, request=1)
        finally:
            over.set()


def test_a_launch_that_reaches_nobody_started_nothing() -> None:
    with pytest.raises(DagsterUnreachable):
        DagsterClient(f"http://127.0.0.1:{free_port()}").launch(
            CodeLocation("l", "r", ()), tags={}, assets=None, request=1
        )


def test_a_server_that_hangs_up_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            accepted, _ = listening.accept()
            accepted.recv(100)
            accepted.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(DagsterUnreachable):
            DagsterClient(f"http://127.0.0.1:{listening.getsockname()[1]}").active_runs()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, b"who are you", "does not let the app in .status 401."),
        (302, b"", "does not let the app in .status 302."),
        (404, b"<html>nothing</html>", "not the Dagster that was expected: status 404 and no GraphQL"),
        (200, b"<html>an app</html>", "status 200 and no GraphQL"),
        (200, b"[]", "status 200 and no GraphQL"),
        (400, {"errors": [{"message": "Cannot query field 'x'"}]}, "Cannot query field 'x'"),
        (200, {"data": None}, "no data"),
        (200, {"data": {}}, "not what was asked for"),
        (200, {"data": {"runsOrError": {"__typename": "Runs", "results": [{"runId": 1}]}}}, "not what was asked for"),
        (500, {"data": {"runsOrError": {"__typename": "PythonError", "message": "OperationalError\n at x"}}},
         "Dagster said no .PythonError.: OperationalError."),
    ],
)  # fmt: skip
def test_every_other_answer_is_refused_with_a_reason(status: int, body: object, why: str) -> None:
    with serving(answering(body, status)) as address, pytest.raises(DagsterRefused, match=why) as caught:
        DagsterClient(address).active_runs()
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"name": "costpulse", "loadStatus": "LOADING", "locationOrLoadError": None}, "costpulse is still loading."),
        (
            {
                "name": "costpulse", "loadStatus": "LOADED",
                "locationOrLoadError": {"__typename": "PythonError", "message": "ImportError: no\n  at x"},
            },
            "costpulse: ImportError: no.",
        ),
        (
            {
                "name": "other", "loadStatus": "LOADED",
                "locationOrLoadError": {"__typename": "RepositoryLocation", "name": "other", "repositories": []},
            },
            "the code of CostPulse is not loaded there",
        ),
    ],
)  # fmt: skip
def test_code_that_is_not_loaded_has_a_name_and_the_reason(entry: dict[str, Any], why: str) -> None:
    answer = {"data": {"workspaceOrError": {"locationEntries": [entry]}}}
    with serving(answering(answer)) as address, pytest.raises(DagsterNotLoaded, match=why) as caught:
        DagsterClient(address).location()
    assert "/locations" in caught.value.next_step


def test_a_table_that_dagster_does_not_know_is_named() -> None:
    answer = {"data": {"assetNodeOrError": {"__typename": "AssetNotFoundError"}}}
    with serving(answering(answer)) as address, pytest.raises(DagsterNotLoaded, match="cost_records"):
        DagsterClient(address).collected_days()


@pytest.mark.parametrize(
    "tick",
    [
        None,
        {"skipReason": "Nothing to do.", "runRequests": []},
        {"error": {"message": "ValueError: no\n at x"}, "runRequests": None},
    ],
)
def test_a_schedule_that_has_nothing_to_run_is_refused(tick: object) -> None:
    answer = {"data": {"scheduleDryRun": {"__typename": "DryRunInstigationTick", "evaluationResult": tick}}}
    with serving(answering(answer)) as address, pytest.raises(DagsterRefused, match="nothing to run"):
        DagsterClient(address).scheduled_tags(CodeLocation("l", "r", ()))


def run_over(days: Period | None) -> Run:
    return Run("r", "STARTED", COST_CYCLE, days, datetime(2026, 11, 24, 6, tzinfo=UTC), None, None, 0, 0, 0, (), None)


@pytest.mark.parametrize(("first", "last"), [(-9, -5), (-1, 5), (-9, 9), (1, 2)])
def test_a_run_over_any_of_the_days_is_named(first: int, last: int) -> None:
    wanted = Period(TODAY - 5 * DAY, TODAY + 5 * DAY)
    with pytest.raises(AlreadyRunning, match="A run of cost_cycle over"):
        expect_nothing_running(wanted, [run_over(None), run_over(Period(TODAY + first * DAY, TODAY + last * DAY))])


def test_runs_over_other_days_or_none_do_not_matter() -> None:
    wanted = Period(TODAY, TODAY + DAY)
    before, after = Period(TODAY - 3 * DAY, TODAY - DAY), Period(TODAY + 2 * DAY, TODAY + 3 * DAY)
    expect_nothing_running(wanted, [run_over(None), run_over(before), run_over(after)])


def test_a_day_without_partition_is_named_with_those_there_are() -> None:
    known = {TODAY, TODAY - DAY}
    expect_partitions(Period(TODAY - DAY, TODAY), known)
    with pytest.raises(UnknownPartition, match=r"no partition for 2026-11-25\. It has 2026-11-23 to 2026-11-24\."):
        expect_partitions(Period(TODAY, TODAY + DAY), known)
    with pytest.raises(UnknownPartition, match=r"It has none at all\."):
        expect_partitions(Period(TODAY, TODAY), set())


def test_days_are_checked_as_somebody_typed_them() -> None:
    assert checked_days(TODAY, TODAY, most=1) == Period(TODAY, TODAY)
    with pytest.raises(BadInput, match="lies before"):
        checked_days(TODAY, TODAY - DAY, most=31)
    with pytest.raises(BadInput, match=r"These are 32 days, more than 31\."):
        checked_days(TODAY - 31 * DAY, TODAY, most=31)


@pytest.mark.parametrize(
    ("tags", "days"),
    [
        ({RANGE_START_TAG: "2026-11-01", RANGE_END_TAG: "2026-11-02"}, Period(date(2026, 11, 1), date(2026, 11, 2))),
        ({"dagster/partition": "2026-11-01"}, Period(date(2026, 11, 1), date(2026, 11, 1))),
        ({RANGE_START_TAG: "2026-11-03", RANGE_END_TAG: "2026-11-02"}, None),
        ({RANGE_START_TAG: "x", RANGE_END_TAG: "2026-11-02"}, None),
        ({RANGE_START_TAG: "2026-11-03"}, None),
        ({}, None),
    ],
)
def test_the_days_of_a_run_are_those_of_its_tags(tags: dict[str, str], days: Period | None) -> None:
    assert days_of(tags) == days


def test_the_address_is_the_settings_or_the_port_on_this_machine() -> None:
    def settings(**given: Any) -> Settings:
        return Settings(_env_file=None, **given)

    assert dagster_address(settings(dagster_url="https://dagster.example.com/x/")) == "https://dagster.example.com/x"
    assert dagster_address(settings(dagster_port=3456)) == "http://127.0.0.1:3456"
    assert DagsterClient("http://a/").run_link("r") == "http://a/runs/r"
    assert set(ACTIVE) & {"SUCCESS", "FAILURE", "CANCELED"} == set()
