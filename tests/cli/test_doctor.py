"""`doctor`: every area is looked at whatever is broken, each failure has a fix, nothing is changed or given away."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from costpulse_assets.doctor import database as database_checks
from costpulse_assets.doctor.examination import Examination, Verdict, clock_verdict
from tests.cli.conftest import Run
from tests.cli.processes import Costpulse, free_port
from tests.small_account import SmallAccount
from tests.wire.conftest import TOKEN, Certificate
from tests.wire.faults import FOR_EVER, Fault, hang, http
from tests.wire.thrift_server import WireServer

TODAY = datetime.now(UTC).date()
SECRET = "dapi0123456789abcdef"

Row = dict[str, str]
Secure = Callable[..., dict[str, str]]


def rows_of(result: CompletedProcess[str], *secrets: str) -> list[Row]:
    """The report, which is all of the output, is complete and gives nothing away; the exit code fits it."""
    rows: list[Row] = json.loads(result.stdout)
    for row in rows:
        assert list(row) == ["area", "check", "result", "found", "fix"]
        assert row["result"] in ("ok", "warning", "failed", "skipped")
        assert row["found"]
        assert bool(row["fix"]) == (row["result"] in ("warning", "failed")), row
    for secret in (*secrets, TOKEN, SECRET):
        assert secret not in result.stdout + result.stderr
    assert result.returncode == int(any(row["result"] == "failed" for row in rows))
    return rows


def row_of(rows: list[Row], area: str, check: str) -> Row:
    (row,) = [row for row in rows if (row["area"], row["check"]) == (area, check)]
    return row


def results(rows: list[Row], area: str) -> set[str]:
    return {row["result"] for row in rows if row["area"] == area}


# --- settings


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"COSTPULSE_CURRENCY": "euro"}, "COSTPULSE_CURRENCY"),
        ({"COSTPULSE_DATABASE_URL": f"mysql://u:{SECRET}@h/x"}, "must start with postgresql"),
        ({"COSTPULSE_CONNECTIONS": f'[{{"tokken": "{SECRET}"}}]'}, "COSTPULSE_CONNECTIONS_0_TOKKEN"),
    ],
)
def test_settings_that_are_not_valid_are_the_first_failure_and_nothing_else_is_tried(
    here: Run, variables: dict[str, str], text: str
) -> None:
    result = here("doctor", "--format", "json", **variables)
    rows = rows_of(result)
    assert result.returncode == 1
    assert rows[0]["area"] == "settings"
    assert rows[0]["result"] == "failed"
    assert text in rows[0]["found"]
    assert {row["area"] for row in rows} == {"settings", "database", "connections", "tables", "alerts", "clock"}
    assert {row["result"] for row in rows if row["area"] != "settings"} == {"skipped"}


def test_where_settings_come_from_is_said_by_name(here: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"COSTPULSE_SLACK_BOT_TOKEN=xoxb-{SECRET}\nCOSTPULSE_CURRENCY=EUR\n")
    found = row_of(rows_of(here("doctor", "--format", "json", COSTPULSE_CURRENCY="USD")), "settings", "valid")["found"]
    assert "from the environment: COSTPULSE_CURRENCY, COSTPULSE_DATA_DIR; from .env: COSTPULSE_SLACK_BOT_TOKEN" in found


def test_a_mistyped_name_is_a_warning_with_what_was_meant(here: Run) -> None:
    rows = rows_of(here("doctor", "--format", "json", COSTPULSE_DATABRICK_TOKEN=SECRET))
    row = row_of(rows, "settings", "known names")
    assert row["result"] == "warning"
    assert "COSTPULSE_DATABRICK_TOKEN" in row["found"]
    assert "COSTPULSE_DATABRICKS_TOKEN" in row["fix"]


HOST = {"COSTPULSE_DATABRICKS_HOST": "127.0.0.1", "COSTPULSE_DATABRICKS_HTTP_PATH": "/sql/1.0/warehouses/w"}
CONNECTIONS = json.dumps([{"host": "127.0.0.1", "port": 1, "http_path": "/sql/1.0/warehouses/w", "token": SECRET}])


@pytest.mark.parametrize(
    ("variables", "check"),
    [
        ({**HOST, "COSTPULSE_DATABRICKS_TOKEN": SECRET, "COSTPULSE_DEMO": "true"}, "demo and Databricks"),
        ({"COSTPULSE_DATABRICKS_TOKEN": SECRET}, "Databricks without a host"),
        (
            {"COSTPULSE_CONNECTIONS": CONNECTIONS, "COSTPULSE_DATABRICKS_TOKEN": SECRET, "COSTPULSE_DEMO": "true"},
            "two ways to Databricks",
        ),
        ({"COSTPULSE_APP_DATABASE_URL": f"postgresql://u:{SECRET}@127.0.0.1/x"}, "two databases"),
        ({"COSTPULSE_IDENTITY_KEY": SECRET * 2}, "identity key"),
    ],
)
def test_settings_that_do_not_go_together_are_a_warning(here: Run, variables: dict[str, str], check: str) -> None:
    result = here("doctor", "--format", "json", **variables)
    row = row_of(rows_of(result), "settings", check)
    assert row["result"] == "warning"
    assert result.returncode == 0


def test_an_incomplete_connection_fails_and_the_database_is_still_looked_at(here: Run, database_url: str) -> None:
    rows = rows_of(here("doctor", "--format", "json", **HOST, COSTPULSE_DATABASE_URL=database_url))
    assert row_of(rows, "settings", "source")["result"] == "failed"
    assert "give a token" in row_of(rows, "settings", "source")["found"]
    assert results(rows, "connections") == results(rows, "tables") == {"skipped"}
    assert results([row for row in rows if row["check"] != "bills"], "database") == {"ok"}


# --- database


def test_before_the_first_start_it_says_so_and_makes_nothing(here: Run, tmp_path: Path) -> None:
    result = here("doctor", "--format", "json")
    rows = rows_of(result)
    assert result.returncode == 0
    assert row_of(rows, "database", "server")["result"] == "warning"
    assert row_of(rows, "database", "server")["found"].startswith("Not set up yet")
    assert row_of(rows, "settings", "source")["result"] == "warning"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("below", ["", "folder"])
def test_a_data_directory_that_cannot_be_one_fails(here: Run, tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    rows = rows_of(here("doctor", "--format", "json", COSTPULSE_DATA_DIR=str(tmp_path / "file" / below)))
    assert row_of(rows, "database", "disk")["result"] == "failed"
    assert "--data-dir" in row_of(rows, "database", "disk")["fix"]


def test_a_sound_database_is_described(here: Run, database_url: str, is_timescaledb: bool) -> None:
    rows = rows_of(here("doctor", "--format", "json", COSTPULSE_DATABASE_URL=database_url))
    assert results(rows, "database") == {"ok"}
    assert row_of(rows, "database", "server")["found"].startswith("PostgreSQL 1")
    assert ("edition" in row_of(rows, "database", "TimescaleDB")["found"]) == is_timescaledb
    assert " MB" in row_of(rows, "database", "size")["found"]


def test_an_older_schema_asks_for_migrate(here: Run, empty_database_url: str) -> None:
    result = here("doctor", "--format", "json", COSTPULSE_DATABASE_URL=empty_database_url)
    row = row_of(rows_of(result), "database", "schema")
    assert row["result"] == "warning"
    assert "costpulse migrate" in row["fix"]
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("select from pg_namespace where nspname = 'costpulse'").fetchall() == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("insert into costpulse.schema_migrations (name, sha256) values ('9999_from_later', 'x')", "is newer than"),
        ("update costpulse.schema_migrations set sha256 = 'x'", "has changed since"),
    ],
)
def test_a_schema_of_another_version_fails(here: Run, database_url: str, change: str, text: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(change.encode())
    result = here("doctor", "--format", "json", COSTPULSE_DATABASE_URL=database_url)
    row = row_of(rows_of(result), "database", "schema")
    assert row["result"] == "failed"
    assert text in row["found"]
    assert result.returncode == 1


@pytest.mark.parametrize(
    ("connection", "variables", "result"),
    [
        ("demo account", {**HOST, "COSTPULSE_DATABRICKS_TOKEN": SECRET, "COSTPULSE_DATABRICKS_PORT": "1"}, "failed"),
        ("databricks", {**HOST, "COSTPULSE_DATABRICKS_TOKEN": SECRET, "COSTPULSE_DATABRICKS_PORT": "1"}, "ok"),
        ("databricks", {"COSTPULSE_DEMO": "true"}, "failed"),
        ("demo account", {"COSTPULSE_DEMO": "true"}, "ok"),
    ],
)
def test_a_database_with_the_bills_of_another_source_fails(
    here: Run,
    database_url: str,
    connection: str,
    variables: dict[str, str],
    result: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with psycopg.connect(database_url) as owner:
        owner.execute(
            "insert into costpulse.collection_status (source, connection, state, attempted_at, succeeded_at) "
            "values ('cost_records', %s, 'ok', now(), now())",
            [connection],
        )
    rows = rows_of(here("doctor", "--format", "json", COSTPULSE_DATABASE_URL=database_url, **variables))
    assert row_of(rows, "database", "bills")["result"] == result
    assert connection in row_of(rows, "database", "bills")["found"]


def test_a_database_that_is_down_fails_and_the_rest_goes_on(here: Run) -> None:
    password = "p/ss w%rd@x"
    url = f"postgresql://u:{quote(password, safe='')}@127.0.0.1:{free_port()}/costpulse"
    slack = f"https://hooks.slack.com/services/T0/B0/{SECRET}"
    result = here("doctor", "--format", "json", COSTPULSE_DATABASE_URL=url, COSTPULSE_SLACK_WEBHOOK_URL=slack)
    rows = rows_of(result, password, quote(password, safe=""))
    assert row_of(rows, "database", "server")["result"] == "failed"
    assert "Start the database" in row_of(rows, "database", "server")["fix"]
    assert row_of(rows, "database", "schema")["result"] == "skipped"
    assert row_of(rows, "alerts", "Slack webhook")["result"] == "ok"


def test_a_server_that_is_too_old_fails(here: Run, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_checks, "_OLDEST_SERVER", 990_000)
    rows = rows_of(here("doctor", "--format", "json", COSTPULSE_DATABASE_URL=database_url))
    assert row_of(rows, "database", "server")["result"] == "failed"


def test_a_disk_that_is_nearly_full_is_a_warning(here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_checks, "_LEAST_FREE_BYTES", 1 << 60)
    rows = rows_of(here("doctor", "--format", "json"))
    assert row_of(rows, "database", "disk")["result"] == "warning"


def test_the_embedded_database_is_started_and_stopped(spare: Costpulse) -> None:
    def files() -> dict[Path, int]:
        found = {
            path.relative_to(spare.data_dir): path.stat().st_mtime_ns
            for path in spare.data_dir.rglob("*")
            if path.is_file() and "postgres" not in path.relative_to(spare.data_dir).parts
        }
        assert found
        return found

    before = files()
    result = spare("doctor", "--format", "json", COSTPULSE_TODAY=str(TODAY + timedelta(days=1)))
    rows = rows_of(result)
    assert results(rows, "database") == {"ok"}
    assert spare.processes() == {}
    assert files() == before


# --- the demo account


def test_the_demo_account_is_in_order(on_demo: Run) -> None:
    result = on_demo("doctor", "--format", "json")
    rows = rows_of(result)
    assert [row for row in rows if row["result"] not in ("ok", "skipped")] == []
    assert result.returncode == 0
    assert "demo account stands in" in row_of(rows, "connection demo account", "source")["found"]
    assert "newest usage_date" in row_of(rows, "tables demo account", "system.billing.usage")["found"]


def test_a_demo_account_that_is_not_made_yet_is_not_made(here: Run, tmp_path: Path) -> None:
    rows = rows_of(here("doctor", "--format", "json", COSTPULSE_DEMO="true"))
    assert row_of(rows, "connection demo account", "source")["result"] == "warning"
    assert results(rows, "tables demo account") == {"skipped"}
    assert not (tmp_path / "data").exists()


def test_a_demo_account_of_another_version_is_left_as_it_is(here: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "demo-account.duckdb"
    file.write_text("not a database")
    rows = rows_of(here("doctor", "--format", "json", COSTPULSE_DEMO="true"))
    assert "another version" in row_of(rows, "connection demo account", "source")["found"]
    assert file.read_text() == "not a database"


# --- Databricks


@pytest.fixture
def secure(certificate: Certificate) -> Iterator[Secure]:
    """Start a warehouse with HTTPS over an account with usage of today; gives the connection to it."""
    with ExitStack() as stack:
        account = stack.enter_context(SmallAccount())
        account.add_price("0.15")
        account.add_usage("1.5", day=TODAY)

        def start(*script: Fault, **connection: Any) -> dict[str, Any]:
            files = (str(certificate.chain), str(certificate.key))
            server = stack.enter_context(WireServer(account, token=TOKEN, certificate=files, script=script))
            return {
                "host": "localhost",
                "port": server.port,
                "http_path": "/sql/1.0/warehouses/wire",
                "token": TOKEN,
                "ca_file": str(certificate.ca),
                **connection,
            }

        yield start


def databricks(connection: dict[str, Any]) -> dict[str, str]:
    return {f"COSTPULSE_DATABRICKS_{name.upper()}": str(value) for name, value in connection.items()}


def test_a_warehouse_in_order_has_nothing_to_mend(here: Run, secure: Secure, database_url: str) -> None:
    result = here("doctor", "--format", "json", **databricks(secure()), COSTPULSE_DATABASE_URL=database_url)
    rows = rows_of(result)
    assert [row for row in rows if row["result"] not in ("ok", "skipped")] == []
    assert result.returncode == 0
    assert row_of(rows, "settings", "source")["found"] == "Databricks is read, over databricks."
    assert row_of(rows, "connection databricks", "connector")["found"].startswith("databricks-sql-connector 4.")
    assert row_of(rows, "tables databricks", "system.billing.usage")["result"] == "ok"


def test_a_token_that_is_refused_fails_and_is_not_shown(here: Run, secure: Secure) -> None:
    result = here("doctor", "--format", "json", **databricks(secure(token=SECRET)))
    rows = rows_of(result)
    assert row_of(rows, "connection databricks", "sign-in")["result"] == "failed"
    assert results(rows, "tables databricks") == {"skipped"}
    assert result.returncode == 1


def test_a_ca_file_that_is_not_there_fails(here: Run, secure: Secure) -> None:
    rows = rows_of(here("doctor", "--format", "json", **databricks(secure(ca_file="/no/such/ca.pem"))))
    assert "/no/such/ca.pem does not exist" in row_of(rows, "connection databricks", "host")["found"]
    assert results(rows, "tables databricks") == {"skipped"}


def test_a_region_that_is_broken_leaves_the_other_complete(here: Run, secure: Secure) -> None:
    connections = [
        secure(name="us", read=["billing", "regional"]),
        secure(http("OpenSession", 403, times=FOR_EVER), name="eu", read=["regional"]),
        secure(name="asia"),
    ]
    rows = rows_of(here("doctor", "--format", "json", COSTPULSE_CONNECTIONS=json.dumps(connections)))
    assert row_of(rows, "connection eu", "sign-in")["result"] == "failed"
    assert results(rows, "tables eu") == {"skipped"}
    assert results(rows, "tables us") == results(rows, "tables asia") == {"ok"}
    billing = {row["area"] for row in rows if row["check"] == "system.billing.usage"}
    assert billing == {"tables us"}  # the second connection that may is not asked for the bills


def test_a_long_wait_is_explained_on_stderr(here: Run, secure: Secure) -> None:
    result = here("doctor", "--format", "json", **databricks(secure(hang("OpenSession", 4))))
    assert "checking connection databricks: sign-in ..." in result.stderr
    assert "Traceback" not in result.stderr
    assert row_of(rows_of(result), "connection databricks", "SQL warehouse")["result"] == "ok"


# --- ways out for alerts

WEBHOOK = f'[{{{{"name": "pager", "url": "{{}}/{SECRET}", "secret": "{SECRET}"}}}}]'


@pytest.mark.parametrize(
    ("variable", "value", "check", "result"),
    [
        ("SLACK_WEBHOOK_URL", f"https://hooks.slack.com/services/T0/B0/{SECRET}", "Slack webhook", "ok"),
        ("SLACK_WEBHOOK_URL", f"http://127.0.0.1:9/{SECRET}", "Slack webhook", "ok"),
        ("SLACK_WEBHOOK_URL", f"http://hooks.example.com/{SECRET}", "Slack webhook", "warning"),
        ("SLACK_WEBHOOK_URL", SECRET, "Slack webhook", "failed"),
        ("SLACK_WEBHOOK_URL", f"https://[::1/{SECRET}", "Slack webhook", "failed"),
        ("SLACK_BOT_TOKEN", f"xoxb-{SECRET}", "Slack bot token", "ok"),
        ("SLACK_BOT_TOKEN", f"xoxp-{SECRET}", "Slack bot token", "failed"),
        ("SLACK_CHANNEL", "#finops", "Slack bot token", "warning"),
        ("SMTP_URL", f"smtp://u%40example.com:{SECRET}@mail.example.com", "e-mail (SMTP)", "ok"),
        ("SMTP_URL", f"smtp://u:{SECRET}@mail.example.com", "e-mail (SMTP)", "warning"),
        ("SMTP_URL", "smtps://mail.example.com:465", "e-mail (SMTP)", "warning"),
        ("SMTP_URL", f"mail.example.com:{SECRET}", "e-mail (SMTP)", "failed"),
        ("SMTP_URL", f"smtp://u:{SECRET}@mail.example.com:port", "e-mail (SMTP)", "failed"),
        ("SMTP_URL", f"smtp://{SECRET}@mail.example.com", "e-mail (SMTP)", "failed"),
        ("WEBHOOKS", WEBHOOK.format("https://pager.example.com"), "webhooks", "ok"),
        ("WEBHOOKS", WEBHOOK.format("http://127.0.0.1:9"), "webhooks", "ok"),
        ("WEBHOOKS", WEBHOOK.format("http://pager.example.com"), "webhooks", "warning"),
    ],
)
def test_a_way_out_is_judged_by_its_form(here: Run, variable: str, value: str, check: str, result: str) -> None:
    rows = rows_of(here("doctor", "--format", "json", **{f"COSTPULSE_{variable}": value}))
    assert row_of(rows, "alerts", check)["result"] == result
    others = [row for row in rows if row["area"] == "alerts" and row["check"] != check]
    assert [row["found"] for row in others] == ["Not configured."] * 3


# --- the report


def test_every_format_says_the_same(here: Run) -> None:
    def without_time(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row["area"] not in ("clock", "database")]

    rows = without_time(rows_of(here("doctor", "--format", "json")))
    assert without_time(list(csv.DictReader(io.StringIO(here("doctor", "--format", "csv").stdout)))) == rows
    table = here("doctor").stdout
    for row in rows:
        assert all(value in table for value in row.values())


def test_a_pretended_day_is_a_warning(here: Run) -> None:
    row = row_of(rows_of(here("doctor", "--format", "json", COSTPULSE_TODAY="2026-01-31")), "clock", "this machine")
    assert row["result"] == "warning"
    assert "2026-01-31" in row["found"]


def test_a_check_that_breaks_is_a_failed_row_and_the_next_one_runs() -> None:
    examination = Examination()

    def broken() -> Verdict:
        raise RuntimeError(SECRET)

    assert not examination.check("area", "first", broken)
    assert examination.check("area", "second", lambda: Verdict("ok", "fine"))
    assert [finding.result for finding in examination.findings] == ["failed", "ok"]
    assert "RuntimeError" in examination.findings[0].found
    assert SECRET not in str(examination.findings)


@pytest.mark.parametrize(
    ("seconds", "result", "text"),
    [(0, "ok", "agree"), (59, "ok", "agree"), (-59, "ok", "agree"), (61, "warning", "ahead"), (-61, "warning", "61 s")],
)
def test_a_clock_may_differ_by_a_minute_beyond_the_time_of_the_question(seconds: int, result: str, text: str) -> None:
    before = datetime(2026, 11, 1, 12, tzinfo=UTC)
    after = before + timedelta(seconds=5)
    theirs = (after if seconds > 0 else before) + timedelta(seconds=seconds)
    verdict = clock_verdict(theirs, before, after, whose="the warehouse")
    assert verdict.result == result
    assert text in verdict.found
