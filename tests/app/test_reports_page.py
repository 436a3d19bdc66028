"""Reports: what was made, the way to its file, and everything that people ask for."""

import hashlib
import io
import json
import re
import shlex
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

from costpulse_app import people
from costpulse_app.reports import download, reads, words
from costpulse_app.reports.state import Choice
from costpulse_assets.cli.report import report as report_command
from costpulse_assets.reports.files import contents_of
from costpulse_assets.reports.requests import TYPE_TITLES
from tests.app.books import Books
from tests.app.conftest import TODAY, LookedAtBy, Opener
from tests.app.test_pages import query, texts
from tests.conftest import database

PAGE = "views/reports.py"
HOSTILE = "<b>=cmd()</b><script>x</script> *x* $1$ [l](http://e.example)"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WORKBOOK, BILL, BROKEN, OLD = 1, 2, 3, 4


def rows(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def change(url: str, statement: str, *parameters: Any) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("select set_config('costpulse.actor', 'bob', true)")
        connection.execute(statement.encode(), parameters)


def add_report(url: str, number: int, **values: Any) -> None:
    row = {
        "id": number,
        "name": f"Report {number}",
        "report_type": "showback",
        "format": "xlsx",
        "status": "requested",
        "requested_by": "ada@example.com",
        "requested_at": NOON - timedelta(hours=number),
        "period_first": date(2026, 10, 1),
        "period_last": date(2026, 10, 31),
    } | values
    row = {name: Jsonb(value) if isinstance(value, dict | list) else value for name, value in row.items()}
    names, marks = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    with psycopg.connect(url) as connection:
        connection.execute("select set_config('costpulse.actor', 'bob', true)")
        connection.execute(
            f"insert into costpulse.reports ({names}) overriding system value values ({marks})".encode(), row
        )


def made_of(path: Path) -> dict[str, Any]:
    """The columns of a report that is ready."""
    contents = contents_of(path)
    return {
        "status": "ready",
        "file_path": path.name,
        "checksum": contents.checksum,
        "size_bytes": contents.size_bytes,
        "started_at": NOON,
        "finished_at": NOON + timedelta(seconds=4),
        "expires_at": NOON + timedelta(days=90),
        "is_provisional": False,
        "run_id": "9d1f4a52",
    }


def fill_reports(url: str, folder: Path) -> None:
    """A workbook of a team, a bill in FOCUS of two months, one that failed, one whose file was deleted in time."""
    workbook = folder / "1-showback-2026-10-01-2026-10-31.xlsx"
    workbook.write_bytes(b"workbook")
    bill = folder / "2-focus-2026-09-01-2026-10-31"
    for month in ("2026-09", "2026-10"):
        (bill / f"BillingPeriod={month}").mkdir(parents=True)
        (bill / f"BillingPeriod={month}" / "part.parquet").write_bytes(month.encode())
    add_report(
        url, WORKBOOK, name=HOSTILE, team_id=1, team_name="Data platform", requested_by=HOSTILE,
        summary={"Total cost": "$12,345.60", HOSTILE: "<b>3</b>", "Warnings": HOSTILE}, row_count=1234,
        channels=["webhook:pager", "email:ada@example.com"], **(made_of(workbook) | {"is_provisional": True}),
    )  # fmt: skip
    add_report(
        url, BILL, format="focus", period_first=date(2026, 9, 1),
        options={"focus_version": "1.4", "split": "team", "file": "csv"}, **made_of(bill),
    )  # fmt: skip
    add_report(
        url, BROKEN, report_type="team", team_id=2, team_name="Risk", status="failed",
        problem=f"The disk is full. {HOSTILE}", started_at=NOON, finished_at=NOON,
    )  # fmt: skip
    add_report(url, OLD, report_type="executive", format="pdf", status="expired", finished_at=NOON)
    with psycopg.connect(url) as connection:
        # The numbers above were given by hand.
        connection.execute("select setval(pg_get_serial_sequence('costpulse.reports', 'id'), 100)")


@pytest.fixture(scope="module")
def template(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """A database with costs to be cloned: nobody is connected to it."""
    with database(postgres_server, template=migrated_template) as url:
        books = Books(
            teams=["Data platform", "Risk"],
            provisional={TODAY: Decimal("0.38"), TODAY - timedelta(days=1): Decimal("0.96")},
        )
        for back in range(100):
            books.add(TODAY - timedelta(days=back), "100", job_id="1", job_name="nightly", team=1)
        books.write(url)
        name = urlsplit(url).path.removeprefix("/")
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            # TimescaleDB's scheduler connects to every database it may; a template must be left alone.
            admin.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        yield name


@pytest.fixture
def empty(postgres_server: str, template: str) -> Iterator[str]:
    """Costs, and no report."""
    with database(postgres_server, template=template) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of reports."""
    folder = tmp_path / "reports"
    folder.mkdir()
    monkeypatch.setenv("COSTPULSE_REPORTS_DIR", str(folder))
    return folder


@pytest.fixture
def filled(empty: str, folder: Path) -> str:
    """Four reports, two of them with files."""
    fill_reports(empty, folder)
    return empty


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a click on each button of the page would hand out."""
    offered: list[dict[str, Any]] = []
    deferred = MediaFileManager.add_deferred

    def noticed(manager: MediaFileManager, data: Any, mime: str, *args: Any, **options: Any) -> str:
        offered.append({"read": data, "mime": mime, "name": options["file_name"]})
        return deferred(manager, data, mime, *args, **options)

    monkeypatch.setattr(MediaFileManager, "add_deferred", noticed)
    return offered


def report(url: str, number: int = 101) -> dict[str, Any]:
    (row,) = rows(url, "select * from costpulse.reports where id = %s", number)
    return row


def stored(number: int) -> reads.StoredReport:
    found = reads.report(number)
    assert found is not None
    return found


def keys(test: AppTest) -> list[str]:
    return [one.key or "" for one in test.button]


def said(test: AppTest) -> str:
    kinds = ("success", "warning", "error", "info")
    return "\n".join(str(one.value) for kind in kinds for one in getattr(test, kind)).replace("\\", "")


def widget(test: AppTest, ending: str) -> Any:
    """The one widget of the open dialog whose key ends so."""
    kinds = ("selectbox", "multiselect", "button", "date_input", "segmented_control")
    key = re.compile(rf"report_\d+.*{ending}")
    (found,) = [one for kind in kinds for one in getattr(test, kind) if key.fullmatch(one.key or "")]
    return found


def listed(test: AppTest) -> list[dict[str, Any]]:
    (table,) = [one.value for one in test.dataframe if "Checksum" in one.value.columns]
    found: list[dict[str, Any]] = table.to_dict("records")
    return found


def new(app: Opener, url: str) -> AppTest:
    test = app(url, PAGE)
    test.button(key="new_report").click().run()
    return test


# --- the list


def test_without_a_report_each_type_is_explained_and_made_with_one_click(app: Opener, empty: str) -> None:
    test = app(empty, PAGE)
    assert not test.exception
    assert "Reference" not in texts(test)
    assert test.title[0].value == "Reports"
    assert "No report was made yet." in said(test)
    for kind, answer in words.ANSWERS.items():
        assert f"**{TYPE_TITLES[kind]}**" in texts(test)
        assert answer in texts(test)
    test.button(key="offer_executive_pdf").click().run()
    assert not test.exception
    row = report(empty, 1)
    assert (row["report_type"], row["format"], row["status"]) == ("executive", "pdf", "requested")
    assert (row["period_first"], row["period_last"]) == (date(2026, 10, 1), date(2026, 10, 31))
    assert (row["requested_by"], row["team_id"], row["channels"]) == (people.LOCAL_ADMIN.name, None, [])
    (entry,) = rows(empty, "select actor from costpulse.audit_log where table_name = 'reports'")
    assert entry["actor"] == people.LOCAL_ADMIN.name
    # It is open, and says how it stands.
    assert query(test) == {"id": ["1"]}
    assert "Asked for: Executive summary, 1-31 Oct 2026." in said(test)
    assert words.STATES["requested"] in texts(test)


def test_the_bill_in_focus_is_of_a_whole_month(app: Opener, empty: str) -> None:
    app(empty, PAGE).button(key="offer_showback_focus").click().run()
    row = report(empty, 1)
    assert (row["format"], row["period_first"], row["period_last"]) == ("focus", date(2026, 10, 1), date(2026, 10, 31))
    assert row["options"] == {"focus_version": "1.3", "split": "none", "file": "parquet"}


def test_a_statement_is_offered_once_a_month_is_closed(app: Opener, empty: str) -> None:
    test = app(empty, PAGE)
    assert test.button(key="offer_statement_pdf").disabled
    assert "No month is closed yet." in texts(test)
    change(
        empty,
        "insert into costpulse.closed_periods (month, closed_by) values ('2026-09-01', 'bob')",
    )
    test = app(empty, PAGE)
    test.button(key="offer_statement_pdf").click().run()
    row = report(empty, 1)
    assert (row["report_type"], row["period_first"], row["period_last"]) == (
        "statement",
        date(2026, 9, 1),
        date(2026, 9, 30),
    )


def test_reports_are_listed_newest_first_in_words(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    assert not test.exception
    assert "Reference" not in texts(test)
    shown = listed(test)
    assert test.session_state["reports_listed"] == [WORKBOOK, BILL, BROKEN, OLD]
    assert [row["State"] for row in shown] == ["Ready", "Ready", "Failed", "File deleted"]
    assert [row["Problem"] for row in shown if isinstance(row["Problem"], str)] == [f"The disk is full. {HOSTILE}"]
    assert {name: value for name, value in shown[0].items() if name not in ("", "Problem")} == {
        "Report": HOSTILE,
        "State": "Ready",
        "Format": "Excel",
        "Period": "1-31 Oct 2026",
        "Team": "Data platform",
        "Asked": NOON - timedelta(hours=1),
        "By": HOSTILE,
        "Rows": 1234,
        "Size": "8 bytes",
        "Checksum": hashlib.sha256(b"workbook").hexdigest()[:8],
        "Not final": "yes",
        "Type": "Showback",
        "Kept until": NOON + timedelta(days=90),
    }
    assert "No report was made yet." not in said(test)


def test_names_from_the_data_are_text_and_nothing_else(app: Opener, filled: str) -> None:
    for test in (app(filled, PAGE), app(filled, PAGE, id=str(WORKBOOK)), app(filled, PAGE, id=str(BROKEN))):
        assert not test.exception
        kinds = ("markdown", "caption", "subheader", "info", "error", "warning", "success")
        shown = [element.value for kind in kinds for element in test.get(kind)]
        shown += [one.label for one in test.metric]
        assert not any("<b>" in text or "<script>" in text or "[l](" in text or "$1$" in text for text in shown)


def test_more_reports_than_are_listed_are_counted(app: Opener, filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "MOST", 3)
    test = app(filled, PAGE)
    assert len(listed(test)) == 3
    assert "The newest 3 of 4." in texts(test)


def test_what_is_scheduled_is_listed_with_the_name_of_the_setting(
    app: Opener, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Scheduled reports: none" in texts(app(empty, PAGE))
    planned = [
        {"type": "chargeback", "format": "xlsx", "every": "month", "channels": ["webhook:pager"]},
        {"type": "team", "format": "pdf", "every": "week", "team": "Risk"},
    ]
    monkeypatch.setenv("COSTPULSE_REPORT_SCHEDULES", json.dumps(planned))
    test = app(empty, PAGE)
    assert "Scheduled reports: 2" in texts(test)
    assert "COSTPULSE_REPORT_SCHEDULES" in texts(test)
    (table,) = [one.value for one in test.dataframe if "Every" in one.value.columns]
    assert table.to_dict("records") == [
        {"Type": "Chargeback", "Format": "Excel", "Every": "Month", "Team": "All teams", "Told": "webhook:pager"},
        {"Type": "Team report", "Format": "PDF", "Every": "Week", "Team": "Risk", "Told": "Nobody"},
    ]


def test_programs_are_told_where_to_read(app: Opener, empty: str) -> None:
    shown = texts(app(empty, PAGE))
    for place in ("docs/api.md", "docs/focus.md", "docs/reconcile.md", "docs/bi-views.md", "docs/reports.md"):
        assert place in shown
        assert "http" not in shown.partition(place)[0].rpartition("\n")[2]


# --- the file


def test_a_file_is_handed_out_as_it_was_made(app: Opener, filled: str, downloads: list[dict[str, Any]]) -> None:
    test = app(filled, PAGE)
    (offered,) = downloads
    # Of the newest one that is ready.
    assert (offered["name"], offered["read"]()) == ("1-showback-2026-10-01-2026-10-31.xlsx", b"workbook")
    test.selectbox(key="chosen_report").set_value(BROKEN).run()
    assert len(downloads) == 1
    assert not said(test)


def test_a_folder_is_handed_out_as_one_file_with_everything_in_it(
    app: Opener, filled: str, downloads: list[dict[str, Any]]
) -> None:
    app(filled, PAGE, id=str(BILL))
    (offered,) = downloads
    assert (offered["name"], offered["mime"]) == ("2-focus-2026-09-01-2026-10-31.zip", "application/zip")
    with zipfile.ZipFile(io.BytesIO(offered["read"]())) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"2-focus-2026-09-01-2026-10-31/BillingPeriod={month}/part.parquet": month.encode()
            for month in ("2026-09", "2026-10")
        }


@pytest.mark.parametrize(
    ("number", "file"),
    [
        (WORKBOOK, "1-showback-2026-10-01-2026-10-31.xlsx"),
        (BILL, "2-focus-2026-09-01-2026-10-31/BillingPeriod=2026-09/part.parquet"),
    ],
)
def test_a_file_that_was_changed_is_not_handed_out(
    number: int, file: str, app: Opener, filled: str, folder: Path, downloads: list[dict[str, Any]]
) -> None:
    (folder / file).write_bytes(b"changed")
    test = app(filled, PAGE, id=str(number))
    assert not test.exception
    assert downloads == []
    assert "its checksum is another" in said(test)
    assert "run_again" in keys(test)


@pytest.mark.parametrize("number", [WORKBOOK, BILL])
def test_a_file_that_is_gone_is_said_and_can_be_made_again(
    number: int, app: Opener, filled: str, folder: Path, downloads: list[dict[str, Any]]
) -> None:
    folder.rename(folder.with_name("elsewhere"))
    test = app(filled, PAGE, id=str(number))
    assert not test.exception
    assert downloads == []
    assert "The file of this report is gone" in said(test)
    before = report(filled, number)
    test.button(key="run_again").click().run()
    assert not test.exception
    after = report(filled)
    assert after["status"] == "requested"
    same = ("report_type", "format", "period_first", "period_last", "team_id", "team_name", "options", "channels")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert query(test) == {"id": ["101"]}


def test_a_path_out_of_the_folder_of_reports_is_not_followed(
    app: Opener, filled: str, folder: Path, downloads: list[dict[str, Any]]
) -> None:
    secret = folder.with_name("secret.xlsx")
    secret.write_bytes(b"secret")
    for path in ("../secret.xlsx", str(secret)):
        change(
            filled, "update costpulse.reports set file_path = %s, checksum = %s where id = %s",
            path, hashlib.sha256(b"secret").hexdigest(), WORKBOOK,
        )  # fmt: skip
        test = app(filled, PAGE, id=str(WORKBOOK))
        assert not test.exception
        assert downloads == []
        assert "not in the folder of reports" in said(test)


def test_a_file_too_large_for_the_page_is_for_a_program(
    app: Opener, filled: str, folder: Path, downloads: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LARGEST_BYTES", 7)
    test = app(filled, PAGE, id=str(WORKBOOK))
    assert downloads == []
    assert "The file has 8 bytes, too much for this page" in said(test)
    assert "/api/v1/reports/1/file" in said(test)
    assert str(folder / "1-showback-2026-10-01-2026-10-31.xlsx") in said(test)


# --- one report


def test_a_link_opens_one_report_with_everything_that_is_known_of_it(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, id=str(WORKBOOK))
    assert not test.exception
    assert "Reference" not in texts(test)
    assert {one.label.replace("\\", ""): one.value for one in test.metric} == {
        "Total cost": "$12,345.60",
        HOSTILE: "<b>3</b>",
    }
    shown = texts(test)
    assert hashlib.sha256(b"workbook").hexdigest() in shown
    for fact in (
        f"**Warnings**: {HOSTILE}",
        "Showback as Excel, 1-31 Oct 2026, team Data platform.",
        f"Asked for by {HOSTILE} on 24 Nov 2026, 11:00 UTC.",
        "| Rows of detail | 1,234 |",
        "| Size | 8 bytes |",
        "| Told when ready | webhook:pager, email:ada@example.com |",
        "| Made | 24 Nov 2026, 12:00 UTC |",
        "| File is kept until | 22 Feb 2027, 12:00 UTC |",
        "| Run of Dagster | 9d1f4a52 |",
        "Some days were not final",
        "/reports?id=1",
    ):
        assert fact in shown
    test.button(key="back").click().run()
    assert query(test) == {}
    assert len(listed(test)) == 4


def test_a_report_in_focus_says_its_version_and_its_split(app: Opener, filled: str) -> None:
    shown = texts(app(filled, PAGE, id=str(BILL)))
    assert "| FOCUS version | 1.4 |" in shown
    assert "| Split | Split by team |" in shown
    assert "list of its files" in shown


def test_a_report_that_failed_says_why_and_is_run_again(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, id=str(BROKEN))
    assert f"The disk is full. {HOSTILE}" in said(test)
    assert "Run again once the cause is gone" in texts(test)
    test.button(key="run_again").click().run()
    row = report(filled)
    assert (row["report_type"], row["team_name"], row["status"]) == ("team", "Risk", "requested")


def test_what_cannot_be_asked_for_again_is_told(app: Opener, filled: str) -> None:
    change(filled, "delete from costpulse.teams where name = 'Risk'")
    test = app(filled, PAGE, id=str(BROKEN))
    test.button(key="run_again").click().run()
    assert not test.exception
    assert "There is no team Risk." in texts(test)
    assert rows(filled, "select 1 from costpulse.reports where id > 100") == []


def test_a_file_whose_time_is_over_says_so(app: Opener, filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTPULSE_REPORT_RETENTION_DAYS", "30")
    test = app(filled, PAGE, id=str(OLD))
    assert "Files are kept for 30 days; this one was deleted." in said(test)
    assert "run_again" in keys(test)


@pytest.mark.parametrize("number", ["77", "9223372036854775808", "-1", "x", "²"])
def test_a_report_that_is_not_there_is_one_sentence_or_the_list(number: str, app: Opener, filled: str) -> None:
    test = app(filled, PAGE, id=number)
    assert not test.exception
    if Choice.from_query({"id": [number]}).number is None:
        assert len(listed(test)) == 4
    else:
        assert "There is no such report, or it is not yours to see." in said(test)


def test_the_scope_of_a_viewer_narrows_what_is_seen(app: Opener, filled: str, looked_at_by: LookedAtBy) -> None:
    app(filled, PAGE)
    looked_at_by("viewer", "1")
    assert [one.id for one in reads.reports()] == [WORKBOOK]
    assert reads.report(BROKEN) is None
    looked_at_by("viewer", "")
    assert reads.reports() == []


# --- on the way


def test_a_report_that_waits_says_since_when(app: Opener, empty: str) -> None:
    add_report(empty, 1, requested_at=datetime.now(UTC) - timedelta(seconds=20))
    for test in (app(empty, PAGE), app(empty, PAGE, id="1")):
        assert not test.exception
        assert "Waits for less than a minute, since" in texts(test)
        assert "Dagster takes it up within half a minute" in texts(test)
        assert "download_report" not in keys(test)
        assert "run_again" not in keys(test)


def test_where_nothing_makes_it_the_command_that_does_is_shown(app: Opener, empty: str) -> None:
    add_report(
        empty, 1, report_type="team", format="csv", team_id=1, team_name="O'Brien; rm -rf /",
        requested_at=datetime.now(UTC) - timedelta(minutes=12),
    )  # fmt: skip
    test = app(empty, PAGE)
    shown = texts(test)
    assert "Waits for 12 min" in shown
    assert "its daemon is not running" in shown
    (command,) = [one.value for one in test.code if "--format" in one.value]
    assert shlex.split(command) == [
        "costpulse", "report", "team", "--format", "csv", "--from", "2026-10-01", "--to", "2026-10-31",
        "--team", "O'Brien; rm -rf /", "--output", "team-2026-10-01-2026-10-31.csv",
    ]  # fmt: skip


def test_a_report_that_is_being_made_says_how_long(app: Opener, empty: str) -> None:
    add_report(empty, 1, status="running", started_at=datetime.now(UTC) - timedelta(minutes=3))
    shown = texts(app(empty, PAGE, id="1"))
    assert "Being made for 3 min" in shown
    assert "its process is probably gone" not in shown
    change(empty, "update costpulse.reports set started_at = now() - interval '2 hours'")
    assert "its process is probably gone" in texts(app(empty, PAGE, id="1"))


def test_a_report_becomes_ready_on_the_open_page(
    app: Opener, empty: str, folder: Path, downloads: list[dict[str, Any]]
) -> None:
    add_report(empty, 1, requested_at=datetime.now(UTC))
    test = app(empty, PAGE, id="1")
    assert downloads == []
    (folder / "1.xlsx").write_bytes(b"made")
    values = made_of(folder / "1.xlsx")
    change(
        empty,
        f"update costpulse.reports set {', '.join(f'{name} = %s' for name in values)} where id = 1",
        *values.values(),
    )
    test.run()
    assert not test.exception
    assert [one["read"]() for one in downloads] == [b"made"]
    assert "Waits for" not in texts(test)


# --- the form


def test_a_report_is_asked_for_with_its_team_and_channels(app: Opener, empty: str) -> None:
    test = new(app, empty)
    widget(test, "_type").set_value("team").run()
    widget(test, "_format").set_value("pdf").run()
    widget(test, "_range").set_value("month").run()
    widget(test, "_team").set_value("Risk")
    widget(test, "_channels").set_value(["webhook:pager", " email:ada@example.com"]).run()
    assert "November has 2 days that are not final; the file will say so." in said(test)
    assert rows(empty, "select 1 from costpulse.reports") == []
    widget(test, "_make").click().run()
    assert not test.exception
    row = report(empty, 1)
    assert (row["report_type"], row["format"], row["team_name"]) == ("team", "pdf", "Risk")
    assert (row["period_first"], row["period_last"]) == (date(2026, 11, 1), TODAY)
    assert row["channels"] == ["webhook:pager", "email:ada@example.com"]
    assert query(test) == {"id": ["1"]}
    assert not [key for key in keys(test) if key.endswith("_make")]


def test_days_of_ones_own_are_asked_for_as_they_are(app: Opener, empty: str) -> None:
    test = new(app, empty)
    widget(test, "_range").set_value("custom").run()
    widget(test, "_days").set_value((date(2026, 10, 5), date(2026, 10, 9))).run()
    assert "not final" not in said(test)
    widget(test, "_make").click().run()
    row = report(empty, 1)
    assert (row["period_first"], row["period_last"]) == (date(2026, 10, 5), date(2026, 10, 9))


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_written(app: Opener, empty: str) -> None:
    test = new(app, empty)
    widget(test, "_range").set_value("custom").run()
    widget(test, "_days").set_value((date(2026, 10, 5),))
    widget(test, "_channels").set_value(["fax:1", "email:nobody"])
    widget(test, "_make").click().run()
    assert not test.exception
    shown = texts(test)
    assert "Not asked for; nothing was changed." in shown
    assert "Choose the first and the last day of the period." in shown
    assert "“fax:1” is not a channel" in shown
    assert "“email:nobody” is not a channel" in shown
    assert rows(empty, "select 1 from costpulse.reports") == []
    # What was typed is kept.
    assert widget(test, "_channels").value == ["fax:1", "email:nobody"]


def test_days_without_any_cost_are_refused_before_anything_is_made(app: Opener, empty: str) -> None:
    test = new(app, empty)
    widget(test, "_range").set_value("custom").run()
    widget(test, "_days").set_value((date(2020, 1, 1), date(2020, 1, 2)))
    widget(test, "_make").click().run()
    assert "There is no cost from 1 Jan 2020 to 2 Jan 2020" in texts(test)
    assert rows(empty, "select 1 from costpulse.reports") == []


def test_focus_goes_by_months_and_has_no_team(app: Opener, empty: str) -> None:
    test = new(app, empty)
    widget(test, "_format").set_value("focus").run()
    asked = [one.label for one in test.selectbox if (one.key or "").startswith("report_")]
    assert asked == ["Type", "First month", "Last month", "FOCUS version", "Rows", "File"]
    assert widget(test, "_focus_file").options == ["Parquet", "CSV"]
    widget(test, "_first_month").set_value(date(2026, 9, 1))
    widget(test, "_last_month").set_value(date(2026, 11, 1))
    widget(test, "_focus_version").set_value("1.4")
    widget(test, "_split").set_value("team").run()
    assert widget(test, "_focus_file").options == ["Parquet"]
    assert "November has 2 days that are not final; the file will say so." in said(test)
    widget(test, "_make").click().run()
    assert not test.exception
    row = report(empty, 1)
    assert (row["format"], row["period_first"], row["period_last"]) == ("focus", date(2026, 9, 1), date(2026, 11, 30))
    assert row["options"] == {"focus_version": "1.4", "split": "team", "file": "parquet"}


def test_a_month_in_focus_is_a_csv_file_where_that_is_wanted(app: Opener, empty: str) -> None:
    test = new(app, empty)
    widget(test, "_format").set_value("focus").run()
    widget(test, "_focus_file").set_value("csv")
    widget(test, "_make").click().run()
    assert report(empty, 1)["options"] == {"focus_version": "1.3", "split": "none", "file": "csv"}


def test_months_in_the_wrong_order_are_refused(app: Opener, empty: str) -> None:
    test = new(app, empty)
    widget(test, "_format").set_value("focus").run()
    widget(test, "_last_month").set_value(date(2026, 9, 1))
    widget(test, "_make").click().run()
    assert "The period ends with September 2026, before it begins with October 2026." in texts(test)
    assert rows(empty, "select 1 from costpulse.reports") == []


@pytest.mark.parametrize("kind", TYPE_TITLES)
def test_only_what_holds_the_bill_is_offered_in_focus(kind: str, app: Opener, empty: str) -> None:
    test = new(app, empty)
    widget(test, "_type").set_value(kind).run()
    assert not test.exception
    offered = widget(test, "_format").options
    assert ("FOCUS" in offered) == (kind in ("showback", "chargeback"))
    assert "FOCUS version" not in [one.label for one in test.selectbox]


def test_a_statement_is_of_a_closed_month(app: Opener, empty: str) -> None:
    test = new(app, empty)
    widget(test, "_type").set_value("statement").run()
    widget(test, "_make").click().run()
    assert "A statement is of a closed month, and none is closed yet" in texts(test)
    change(
        empty,
        "insert into costpulse.closed_periods (month, closed_by) values ('2026-09-01', 'bob')",
    )
    test.run()
    widget(test, "_make").click().run()
    assert not test.exception
    row = report(empty, 1)
    assert (row["report_type"], row["period_first"], row["period_last"]) == (
        "statement",
        date(2026, 9, 1),
        date(2026, 9, 30),
    )


def test_a_dialog_that_is_cancelled_leaves_nothing(app: Opener, empty: str) -> None:
    test = new(app, empty)
    widget(test, "_cancel").click().run()
    assert not test.exception
    assert not [key for key in keys(test) if key.endswith("_make")]
    assert rows(empty, "select 1 from costpulse.reports") == []


# --- words


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ([], ""),
        ([date(2026, 11, 24)], "November has 1 day that is not final; the file will say so."),
        (
            [date(2026, 11, 1), date(2026, 10, 31), date(2026, 11, 2)],
            "October has 1 day and November has 2 days that are not final; the file will say so.",
        ),
        (
            [date(2026, 12, 31), date(2027, 1, 1)],
            "December 2026 has 1 day and January 2027 has 1 day that are not final; the file will say so.",
        ),
    ],
)
def test_days_that_are_not_final_are_counted_by_month(days: list[date], sentence: str) -> None:
    assert words.not_final(days) == sentence


@pytest.mark.parametrize(
    ("of_bytes", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (4_200, "4.2 kB"),
        (1_340_000, "1.3 MB"),
        (2 * 10**9, "2.0 GB"),
    ],
)
def test_sizes_are_written_as_people_read_them(of_bytes: int, text: str) -> None:
    assert words.size(of_bytes) == text


def test_the_command_is_one_that_there_is(app: Opener, filled: str) -> None:
    app(filled, PAGE)
    for number in (WORKBOOK, BILL, BROKEN, OLD):
        one = stored(number)
        program, name, *arguments = shlex.split(words.command(one))
        assert (program, name) == ("costpulse", report_command.name)
        given = report_command.make_context(name, arguments).params
        assert (given["report_type"], given["report_format"], given["team"]) == (
            one.report_type, one.format, one.team_name,
        )  # fmt: skip
        assert (given["from_date"], given["to_date"]) == (one.period_first, one.period_last)
        assert str(given["output"]).startswith(f"{one.report_type}-2026-")


def test_the_command_of_focus_names_a_file_or_a_folder(app: Opener, filled: str) -> None:
    app(filled, PAGE)
    command = shlex.split(words.command(stored(BILL)))
    assert command[-6:] == [
        "--focus-version", "1.4", "--split", "team", "--output", "showback-2026-09-01-2026-10-31",
    ]  # fmt: skip
    change(filled, "update costpulse.reports set period_first = '2026-10-01' where id = %s", BILL)
    assert words.command(stored(BILL)).endswith("showback-2026-10-01-2026-10-31.csv")
    assert words.about(stored(BILL)) == "The whole bill as FOCUS, 1-31 Oct 2026"
