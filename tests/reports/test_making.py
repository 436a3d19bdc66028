"""Making reports: once, from one state of the database, to a file that is whole or not there, whatever dies."""

import csv
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from costpulse_assets.alerts.deliver import deliver_round
from costpulse_assets.errors import AlreadyRunning, BadInput, FileNotWritten
from costpulse_assets.reports.files import contents_of
from costpulse_assets.reports.making import fail_abandoned, requested_reports
from costpulse_assets.reports.report_sensors import report_sensor
from costpulse_assets.resources.database import Database
from tests.alerts.outbox import ScriptedChannels
from tests.conftest import database
from tests.costs.books import Books
from tests.costs.conftest import APRIL, MAY, books  # noqa: F401 - a fixture
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.reports.asking import MARCH, TODAY, Desk
from tests.reports.test_files import no_file_larger_than

FUTURE = date(2027, 1, 1)

#: A process that makes a report as the pipeline does, with what the test puts before.
_CHILD = """
import resource, signal, sys
from pathlib import Path
from tests.reports.asking import Desk
from costpulse_assets.resources.database import Database
url, folder, number, size = sys.argv[1:]
desk = Desk.of(Database(url), Path(folder))
if int(size):
    # Beyond this size the kernel kills it in the middle of the file.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
desk.make(int(number), "a child")
"""


def fill(books: Books) -> None:  # noqa: F811
    books.put(MARCH, {1: "10", 2: "3", None: "0.00000000000000001"})
    books.put(date(2026, 3, 9), {1: "5"})
    books.put(APRIL, {2: "7"})


@pytest.fixture(scope="module")
def shared_books(postgres_server: str, migrated_template: str) -> Iterator[Books]:
    """What is read only, once for the module."""
    with database(postgres_server, template=migrated_template) as url:
        books = Books(Database(url))
        with books.database.transaction() as connection:
            connection.execute("insert into costpulse.teams (name) values ('Data'), ('Risk'), ('Web')")
        for month in (MARCH, APRIL):
            books.collect(month)
        fill(books)
        yield books


@pytest.fixture
def desk(shared_books: Books, tmp_path: Path) -> Desk:
    """No report yet, over costs that nobody changes."""
    desk = Desk.of(shared_books.database, tmp_path / "reports")
    desk.query("truncate costpulse.reports, costpulse.alert_outbox restart identity")
    return desk


@pytest.fixture
def own_desk(books: Books, tmp_path: Path) -> Desk:  # noqa: F811
    """The same, over books of the test's own."""
    fill(books)
    return Desk.of(books.database, tmp_path / "reports")


def child(desk: Desk, number: int, *, dies_at: int = 0) -> subprocess.Popen[bytes]:
    arguments = (desk.database.url, str(desk.folder), str(number), str(dies_at))
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD, *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def eventually(condition: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@contextmanager
def held_up(desk: Desk) -> Iterator[None]:
    """Whoever reads costs waits until the end of the block."""
    with psycopg.connect(desk.database.url) as connection:
        connection.execute("lock table costpulse.daily_costs in access exclusive mode")
        yield


def total(path: Path) -> Decimal:
    with path.open(newline="") as file:
        return sum((Decimal(row["cost_usd"]) for row in csv.DictReader(file)), Decimal(0))


def test_a_report_is_a_file_with_every_cost_of_the_period_and_a_row_that_says_so(desk: Desk) -> None:
    number = desk.ask()
    made = desk.make(number, "the run")
    row = desk.row(number)
    assert made.path == desk.folder / f"{number}-showback-2026-03-01-2026-03-31.csv"
    assert total(made.path) == Decimal("1.800000000000000001")
    assert (row["status"], row["file_path"], row["run_id"]) == ("ready", made.path.name, "the run")
    assert (row["checksum"], row["size_bytes"]) == (contents_of(made.path).checksum, made.path.stat().st_size)
    assert (row["row_count"], row["is_provisional"], row["problem"]) == (4, False, None)
    assert row["summary"] == made.summary
    assert row["summary"]
    assert desk.files() == [made.path.name]


def test_names_from_the_data_never_become_a_path(own_desk: Desk) -> None:
    own_desk.query("update costpulse.teams set name = %s where id = 1", "../../../tmp/owned\n")
    made = own_desk.make(own_desk.ask(team="../../../tmp/owned\n"))
    assert made.path.parent == own_desk.folder
    assert made.path.name == f"{made.report_id}-showback-2026-03-01-2026-03-31.csv"


def test_days_that_are_not_final_make_a_report_provisional(own_desk: Desk) -> None:
    own_desk.query("update costpulse.completeness set is_provisional = true where usage_date = '2026-03-31'")
    made = own_desk.make(own_desk.ask())
    assert made.is_provisional
    assert own_desk.row(made.report_id)["is_provisional"]


def test_a_report_is_made_once(desk: Desk) -> None:
    number = desk.ask()
    made = desk.make(number)
    with pytest.raises(AlreadyRunning, match="is ready already"):
        desk.make(number, "another run")
    assert desk.row(number)["run_id"] == "a run"
    assert desk.files() == [made.path.name]


def test_of_two_runs_at_once_one_makes_the_report(desk: Desk) -> None:
    number = desk.ask()
    with ThreadPoolExecutor(1) as other:
        with held_up(desk):
            first = other.submit(desk.make, number, "the first")
            eventually(lambda: desk.row(number)["status"] == "running")
            with pytest.raises(AlreadyRunning, match="by another process"):
                desk.make(number, "the second")
            # It is being made, whatever takes it so long: nobody may give it up.
            assert fail_abandoned(desk.database, desk.settings) == []
        made = first.result()
    assert (desk.row(number)["status"], desk.row(number)["run_id"]) == ("ready", "the first")
    assert desk.files() == [made.path.name]


def test_many_runs_at_once_make_every_report_once(desk: Desk) -> None:
    numbers = [desk.ask() for _ in range(4)]

    def make_all(run: int) -> int:
        made = 0
        for number in numbers:
            try:
                desk.make(number, f"run {run}")
            except AlreadyRunning:
                continue
            made += 1
        return made

    with ThreadPoolExecutor(3) as runs:
        assert sum(runs.map(make_all, range(3))) == 4
    assert {row["status"] for row in desk.query("select status from costpulse.reports")} == {"ready"}
    assert len(desk.files()) == 4


def test_a_report_is_of_one_state_of_the_database(own_desk: Desk, books: Books) -> None:  # noqa: F811
    number = own_desk.ask()
    with ThreadPoolExecutor(1) as other:
        with held_up(own_desk):
            making = other.submit(own_desk.make, number)
            eventually(lambda: own_desk.row(number)["status"] == "running")
        made = making.result()
    books.put(date(2026, 3, 20), {1: "1000"})
    assert total(made.path) == Decimal("1.800000000000000001")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"first_day": FUTURE, "last_day": FUTURE}, "There is no cost"),
        ({"report_type": "statement"}, "is not closed"),
    ],
)
def test_what_cannot_be_made_fails_with_the_reason_and_leaves_nothing(
    desk: Desk, fields: dict[str, Any], reason: str
) -> None:
    number = desk.ask(**fields)
    with pytest.raises(BadInput, match=reason) as failure:
        desk.make(number)
    row = desk.row(number)
    assert (row["status"], row["problem"]) == ("failed", str(failure.value))
    assert row["finished_at"] is not None
    assert row["file_path"] is None
    assert desk.files() == []
    with pytest.raises(BadInput, match="it is failed"):
        desk.make(number)


def test_there_is_no_report_of_that_number(desk: Desk) -> None:
    with pytest.raises(BadInput, match="There is no report 99"):
        desk.make(99)


@pytest.mark.parametrize("report_format", ["csv", "parquet", "xlsx", "pdf"])
def test_a_full_disk_fails_the_report_by_its_name_and_leaves_no_half_file(desk: Desk, report_format: str) -> None:
    number = desk.ask(format=report_format)
    desk.make(desk.ask(format=report_format))  # what is loaded once writes files of its own
    before = desk.files()
    with no_file_larger_than(64), pytest.raises(FileNotWritten):
        desk.make(number)
    row = desk.row(number)
    assert row["status"] == "failed"
    assert "Make room on the disk" in row["problem"]
    assert desk.files() == before


def test_a_process_that_is_killed_in_the_middle_of_the_file_is_found_out_by_the_next_run(desk: Desk) -> None:
    number = desk.ask(channels=("slack",))
    desk.folder.mkdir()
    process = child(desk, number, dies_at=100)
    assert process.wait(60) == -signal.SIGXFSZ
    (half,) = desk.files()
    assert half.startswith(f".{number}-showback-")
    assert (desk.folder / half).stat().st_size == 100
    assert desk.row(number)["status"] == "running"
    # The server takes a moment to see that nobody is there any more.
    assert eventually(lambda: fail_abandoned(desk.database, desk.settings)) == [number]
    row = desk.row(number)
    assert row["status"] == "failed"
    assert row["problem"].startswith("The process that made it ended before it was done.")
    assert desk.files() == []
    (message,) = desk.query("select channel, content ->> 'title' as title from costpulse.alert_outbox")
    assert message == {"channel": "slack", "title": "Showback of all teams, March 2026 could not be made"}


def test_an_interrupt_fails_the_report_at_once(desk: Desk) -> None:
    number = desk.ask()
    with held_up(desk):
        process = child(desk, number)
        eventually(lambda: desk.row(number)["status"] == "running")
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert desk.row(number)["status"] == "failed"
    assert "was interrupted" in desk.row(number)["problem"]
    assert desk.files() == []


def test_a_server_that_ends_the_session_fails_the_report(desk: Desk) -> None:
    number = desk.ask()
    with ThreadPoolExecutor(1) as other, held_up(desk):
        making = other.submit(desk.make, number)
        waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        (session,) = eventually(lambda: desk.query(waiting))
        desk.query("select pg_terminate_backend(%s)", session["pid"])
        assert making.exception(60) is not None
    assert desk.row(number)["status"] == "failed"


def test_channels_are_told_that_a_report_is_ready_once_and_where_it_is(desk: Desk) -> None:
    made = desk.make(desk.ask(channels=("slack", "email:ada@example.com")))
    channels = ScriptedChannels()
    for minutes in (1, 60):
        deliver_round(
            desk.database,
            channels,
            app_url="https://costpulse.example.com",
            now=datetime.now(UTC) + timedelta(minutes=minutes),
        )
    assert sorted(channel for channel, _, _ in channels.sent) == ["email:ada@example.com", "slack"]
    for _, message, links in channels.sent:
        assert message.title == "Showback of all teams, March 2026 is ready"
        assert {figure.label: figure.text for figure in message.figures} == made.summary
        assert links.open == f"https://costpulse.example.com/reports?id={made.report_id}"
        assert links.acknowledge is None
        assert links.mute is None


# --- the asset and the sensor -----------------------------------------------------------------------------------


@pytest.fixture
def pipeline(desk: Desk) -> Iterator[Pipeline]:
    with ephemeral_instance() as instance:
        yield Pipeline(desk.database, None, desk.settings, instance)


def test_a_run_makes_what_waits_and_says_what_it_could_not_make(desk: Desk, pipeline: Pipeline) -> None:
    good, bad, late = desk.ask(), desk.ask(first_day=FUTURE, last_day=FUTURE), desk.ask(APRIL)
    result = pipeline.run(TODAY, TODAY, "reports")
    assert result.success
    assert [desk.row(number)["status"] for number in (good, bad, late)] == ["ready", "failed", "ready"]
    assert desk.row(good)["run_id"] == result.run_id
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert checks["focus_files_follow_the_specification"].passed
    assert not checks["every_report_was_made"].passed
    assert "There is no cost" in str(checks["every_report_was_made"].metadata[f"report {bad}"].value)
    assert requested_reports(desk.database) == []
    assert pipeline.run(TODAY, TODAY, "reports").success


def test_the_job_of_the_sensor_makes_what_waits_without_being_told_which(desk: Desk, pipeline: Pipeline) -> None:
    number = desk.ask()
    job = pipeline.definitions().resolve_job_def("make_reports")
    assert {key.to_user_string() for key in job.asset_layer.selected_asset_keys} == {"reports"}
    assert job.execute_in_process(instance=pipeline.instance, raise_on_error=False).success
    assert desk.row(number)["status"] == "ready"


def tick(desk: Desk, **settings: Any) -> dg.RunRequest:
    sensor = report_sensor(pretend_today(TODAY, database_url=desk.database.url, **settings))
    with dg.build_sensor_context() as context:
        request = sensor(context)
    assert isinstance(request, dg.RunRequest)
    return request


def test_each_request_starts_one_run_and_nothing_else_but_one_a_day_does(desk: Desk) -> None:
    keys = [tick(desk).run_key]
    desk.ask()
    keys += [tick(desk).run_key, tick(desk).run_key]
    number = desk.ask()
    keys.append(tick(desk).run_key)
    assert len(set(keys)) == 3
    assert keys[1] == keys[2]
    desk.query("update costpulse.reports set status = 'failed', problem = 'x'")
    assert tick(desk).run_key == keys[0]
    desk.query(
        "update costpulse.reports set status = 'running', problem = null, started_at = now() - interval '2 hours' "
        "where id = %s",
        number,
    )
    assert tick(desk).run_key not in keys


def close(desk: Desk, month: date, at: date) -> None:
    desk.query(
        "insert into costpulse.closed_periods (month, closed_at, closed_by) values (%s, %s, 'ada') returning id",
        month,
        at,
    )


MONTHLY = [{"type": "statement", "format": "pdf", "every": "month", "channels": ["slack"]}]
WEEKLY = [{"type": "team", "format": "xlsx", "every": "week", "team": "risk"}]


def test_a_closed_month_is_reported_once_and_again_when_it_is_closed_again(own_desk: Desk) -> None:
    def asked() -> list[dict[str, Any]]:
        tick(own_desk, report_schedules=MONTHLY)
        return own_desk.query(
            "select report_type, period_first, requested_by, channels from costpulse.reports order by id"
        )

    close(own_desk, MARCH, date(2026, 5, 1))  # long ago: nobody waits for it any more
    assert asked() == []
    close(own_desk, MAY, date(2026, 6, 8))
    statement = {"report_type": "statement", "period_first": MAY, "requested_by": "schedule", "channels": ["slack"]}
    assert asked() == [statement]
    assert asked() == [statement]
    own_desk.query("update costpulse.closed_periods set reopened_at = '2026-06-09', reopened_by = 'ada'")
    assert asked() == [statement]
    close(own_desk, MAY, date(2026, 6, 9))
    assert asked() == [statement, statement]
    assert asked() == [statement, statement]


def test_a_week_is_reported_once_all_its_days_are_final(own_desk: Desk, books: Books) -> None:  # noqa: F811
    def asked() -> list[dict[str, Any]]:
        tick(own_desk, report_schedules=WEEKLY)
        return own_desk.query("select period_first, period_last, team_name from costpulse.reports")

    assert asked() == []
    books.collect(date(2026, 6, 1), is_provisional=True)
    assert asked() == []
    own_desk.query("update costpulse.completeness set is_provisional = false where usage_date <= '2026-06-06'")
    assert asked() == []
    own_desk.query("update costpulse.completeness set is_provisional = false where usage_date <= '2026-06-07'")
    week = {"period_first": date(2026, 6, 1), "period_last": date(2026, 6, 7), "team_name": "Risk"}
    assert asked() == [week]
    assert asked() == [week]


def test_a_schedule_of_a_team_that_is_gone_holds_up_no_other(own_desk: Desk) -> None:
    close(own_desk, MAY, date(2026, 6, 8))
    gone = {"type": "team", "format": "csv", "every": "month", "team": "Gone"}
    tick(own_desk, report_schedules=[gone, *MONTHLY])
    assert [row["report_type"] for row in own_desk.query("select report_type from costpulse.reports")] == ["statement"]
