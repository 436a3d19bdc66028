"""`up` from its first start to its end, however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess, Popen
from typing import Any

import psycopg
import pytest

from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.cli.processes import PATIENCE_SECONDS, Costpulse, content, eventually, free_port, last_days, refused

TABLES = ("cost_records", "cost_keys", "key_allocations", "daily_costs", "daily_key_costs", "collection_log")


def test_the_first_start_ends_with_a_summary(first_start: tuple[Costpulse, CompletedProcess[str]]) -> None:
    _, result = first_start
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "Reading the demo account, usage of " in result.stdout
    heading, _, values = result.stdout.splitlines()[-3:]
    for column in ("records", "days", "cost_usd", "seconds"):
        assert column in heading
    assert " 8 " in values


def test_a_second_start_changes_no_row(demo: Costpulse) -> None:
    before = content(demo, *TABLES)
    result = demo("up", "--demo", "--no-ui")
    assert result.returncode == 0, result.stderr
    assert content(demo, *TABLES) == before


# --- with app and Dagster UI


@contextmanager
def serving(costpulse: Costpulse, **how: Any) -> Iterator[tuple[Popen[str], str, str]]:
    """A running `up --demo`: the process, the URL of the app, the URL of the Dagster UI."""
    app, dagster = free_port(), free_port()
    arguments = ("up", "--demo", "--app-port", str(app), "--dagster-port", str(dagster))
    with costpulse.started(*arguments, **how) as process:
        assert eventually(lambda: "Ctrl-C" in costpulse.output or process.poll() is not None)
        assert process.poll() is None, costpulse.output
        urls = f"http://127.0.0.1:{app}", f"http://127.0.0.1:{dagster}"
        assert f"App:        {urls[0]}\nDagster UI: {urls[1]}\n" in costpulse.output
        yield process, *urls


def graphql(url: str, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        answered = json.load(answer)
    assert "errors" not in answered, answered["errors"]
    return answered["data"]


def assert_nothing_is_left(costpulse: Costpulse) -> None:
    assert eventually(lambda: costpulse.processes() == {}, seconds=30), costpulse.processes()


def test_ctrl_c_stops_everything_also_where_the_shell_ignores_it(spare: Costpulse) -> None:
    with serving(spare, ignoring_interrupts=True) as (process, app, dagster):
        with urllib.request.urlopen(f"{app}/healthz", timeout=30) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"{dagster}/server_info", timeout=30) as answer:
            assert answer.status == 200

        refused(spare("up", "--demo", "--no-ui"), "Another `costpulse up` is running", "--data-dir")
        assert process.poll() is None

        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0
        assert_nothing_is_left(spare)
        assert spare.output.endswith("Ctrl-C stops everything.\nStopped.\n")


def test_kill_9_takes_app_and_dagster_along_and_the_next_start_works(spare: Costpulse) -> None:
    with serving(spare) as (process, _, _):
        process.kill()
        process.wait()
        # The database server may go on: the next start notices that nobody uses it any more. It may as well have been
        # stopped by the last of the others.
        assert eventually(lambda: all("postgres" in command for command in spare.processes().values())), (
            spare.processes()
        )
        result = spare("up", "--demo", "--no-ui")
        assert result.returncode == 0, result.stderr
        assert_nothing_is_left(spare)


LAUNCH = """
mutation ($parameters: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $parameters) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
RUNS = """
query ($backfill: String!) {
  partitionBackfillOrError(backfillId: $backfill) { __typename ... on PartitionBackfill { status } }
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $backfill}]}) {
    ... on Runs { results { runId status tags { key value } } }
  }
}
"""


def test_a_backfill_from_the_dagster_ui_is_one_run_and_mends_its_days(spare: Costpulse) -> None:
    with serving(spare) as (process, _, dagster):
        days = last_days(spare, 5)[:3]
        before = content(spare, "cost_records", "daily_costs", "daily_key_costs")
        with psycopg.connect(EmbeddedPostgres(spare.data_dir).url()) as connection:
            connection.execute("delete from costpulse.daily_costs where usage_date = any (%s::date[])", [days])
        assert content(spare, *before) != before

        assets = ("cost_records", "key_allocations", "cost_allocations", "daily_costs", "daily_key_costs")
        selection = [{"path": [asset]} for asset in assets]
        launched = graphql(dagster, LAUNCH, parameters={"assetSelection": selection, "partitionNames": days})
        backfill = launched["launchPartitionBackfill"]
        assert backfill["__typename"] == "LaunchBackfillSuccess", backfill

        def ended() -> bool:
            status = graphql(dagster, RUNS, backfill=backfill["backfillId"])["partitionBackfillOrError"]["status"]
            return bool(status not in ("REQUESTED", "COMPLETING"))

        assert eventually(ended)
        state = graphql(dagster, RUNS, backfill=backfill["backfillId"])
        assert state["partitionBackfillOrError"]["status"] == "COMPLETED_SUCCESS", state
        (run,) = state["runsOrError"]["results"]
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        assert run["status"] == "SUCCESS"
        assert tags["dagster/asset_partition_range_start"] == days[0]
        assert tags["dagster/asset_partition_range_end"] == days[-1]
        assert content(spare, *before) == before

        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
        assert_nothing_is_left(spare)


# --- interrupted


@pytest.fixture
def interrupted(tmp_path: Path) -> Costpulse:
    return Costpulse(tmp_path / "data")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_first_collection_keeps_what_is_done_and_goes_on(
    interrupted: Costpulse, number: signal.Signals
) -> None:
    days = 10
    server = EmbeddedPostgres(interrupted.data_dir)

    def loads() -> dict[str, int]:
        """How often each day was collected, as committed."""
        try:
            with psycopg.connect(server.url()) as connection:
                return dict(
                    connection.execute("select usage_date::text, count(*) from costpulse.collection_log group by 1")
                )
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
            return {}

    with interrupted.started(
        "up", "--demo", "--no-ui", "--days", str(days), COSTPULSE_COLLECT_CHUNK_DAYS="1"
    ) as process:
        assert eventually(lambda: len(loads()) >= 3)
        process.send_signal(number)
        code = process.wait(PATIENCE_SECONDS)
        if number != signal.SIGKILL:
            assert code == 130, interrupted.output
            assert "the next start continues" in interrupted.output
            assert "Traceback" not in interrupted.output
            assert_nothing_is_left(interrupted)

        with server:
            done = loads()
            assert 3 <= len(done) < days
            with psycopg.connect(server.url()) as connection:
                state = connection.execute(
                    "select (select array_agg(distinct usage_date::text order by usage_date::text) "
                    "from costpulse.cost_records), (select array_agg(usage_date::text order by usage_date) "
                    "from costpulse.collected_days where record_count > 0), "
                    "(select sum(record_count) from costpulse.cost_records), "
                    "(select sum(record_count) from costpulse.collected_days)"
                ).fetchone()
            assert state is not None
            assert state[0] == state[1] == sorted(done)
            assert state[2] == state[3]

            result = interrupted("up", "--demo", "--no-ui")
            assert result.returncode == 0, result.stderr
            after = loads()
            assert len(after) == days
            assert {day: after[day] for day in done} == done


def test_ctrl_c_before_the_first_day_leaves_nothing_running(interrupted: Costpulse) -> None:
    with interrupted.started("up", "--demo", "--no-ui", "--days", "120") as process:
        assert eventually(lambda: "Reading the demo account" in interrupted.output)
        time.sleep(0.5)  # the account is being made
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 130, interrupted.output
        assert "Traceback" not in interrupted.output
        assert_nothing_is_left(interrupted)


def test_ctrl_c_while_a_library_runs_a_text_as_code_is_an_interrupted_command_too(tmp_path: Path) -> None:
    (tmp_path / "interrupted_inside.py").write_text(
        "import os, signal, sys\n"
        "from costpulse_assets.cli import cli, main\n"
        "@cli.command()\n"
        "def inside():\n"
        "    exec('import os, signal; os.kill(os.getpid(), signal.SIGINT); print(1)')\n"
        "sys.argv = ['costpulse', 'inside']\n"
        "main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "interrupted_inside"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 130
    assert "the next start continues" in result.stderr
