"""`materialize`, `env` and plain dagster commands over the same instance."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.cli.conftest import Run
from tests.cli.processes import PATIENCE_SECONDS, Costpulse, content, last_days, refused


def test_an_unknown_asset_is_named_with_those_that_exist(on_demo: Run) -> None:
    refused(on_demo("materialize", "cost_record"), "no asset called cost_record", "cost_records, ")


def test_days_in_the_wrong_order_are_refused(on_demo: Run, demo: Costpulse) -> None:
    first, last = last_days(demo, 2)
    refused(on_demo("materialize", "--from", last, "--to", first), f"--from {last} is after --to {first}", "Swap")


@pytest.mark.parametrize("day", ["2020-01-01", "2999-12-31"])
def test_days_that_cannot_have_usage_are_refused(on_demo: Run, day: str) -> None:
    refused(on_demo("materialize", "cost_records", "--from", day, "--to", day), "outside of the days", day)


def test_materializing_days_again_changes_no_row(demo: Costpulse) -> None:
    first, last = last_days(demo, 3)[:2]
    before = content(demo, "cost_records", "daily_costs", "daily_key_costs")
    result = demo("materialize", "cost_records", "daily_costs", "--from", first, "--to", last)
    assert result.returncode == 0, result.stderr
    assert f"cost_records, daily_costs for {first} to {last}" in result.stdout
    assert content(demo, *before) == before


def test_plain_dagster_commands_use_the_instance_after_env(demo: Costpulse) -> None:
    (day,) = last_days(demo, 1)
    script = (
        'exports="$(python -m costpulse_assets env --data-dir "$WHERE")" && eval "$exports" && '
        'python -m dagster asset materialize -m costpulse_assets.definitions --select cost_records --partition "$DAY"'
        " && python -m dagster run list --limit 5"
    )
    result = subprocess.run(
        ["bash", "-ec", script],
        cwd=demo.home,
        env={
            **demo.environment(WHERE=str(demo.data_dir), DAY=day),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            # Dagster's own commands warn about their own parts.
            "PYTHONWARNINGS": "ignore",
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    run_id = result.stdout.split("Run: ")[1].split()[0]
    server = EmbeddedPostgres(demo.data_dir)
    with psycopg.connect(server.url("dagster")) as connection:
        assert connection.execute("select status from runs where run_id = %s", [run_id]).fetchall() == [("SUCCESS",)]
    with psycopg.connect(server.url()) as connection:
        loads = connection.execute(
            "select usage_date::text from costpulse.collection_log where run_id = %s", [run_id]
        ).fetchall()
    assert loads == [(day,)]


def test_the_exports_are_all_a_shell_needs(demo: Costpulse) -> None:
    result = demo("env")
    assert result.returncode == 0, result.stderr
    printed = subprocess.run(
        ["bash", "-c", f'{result.stdout}\nprintf "%s|" "$COSTPULSE_DATA_DIR" "$DAGSTER_HOME" "$DAGSTER_MODULE_NAME"'],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=True,
    )
    home, module = f"{demo.data_dir}/dagster", "costpulse_assets.definitions"
    assert printed.stdout == f"{demo.data_dir}|{home}|{module}|"


def test_a_day_is_today_at_the_latest_in_utc(on_demo: Run) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    refused(on_demo("materialize", "--to", tomorrow), "outside of the days", tomorrow)
