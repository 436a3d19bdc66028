"""Alerts: what is watched, what was told and what became of it, and everything that people do about it."""

import csv
import io
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import streamlit as st
from psycopg import sql
from psycopg.rows import dict_row
from streamlit.testing.v1 import AppTest

from costpulse_app import charts, formats, people
from costpulse_app.alerts import alert_form, fired, headline, history_tab, option_fields, reads, words
from costpulse_app.alerts.reads import Summary
from costpulse_app.alerts.state import Choice
from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertOptions
from costpulse_assets.alerts.links import Links, signing_key
from costpulse_assets.alerts.message import Cause, Figure, Message, Point, Section, Series
from costpulse_assets.periods import Period
from tests.app.books import Books
from tests.app.conftest import TODAY, Opener
from tests.app.test_pages import metric, query, texts
from tests.conftest import database

PAGE = "views/alerts.py"
FINAL = date(2026, 11, 22)
NOON = datetime.combine(FINAL, time(12), tzinfo=UTC)
HOSTILE = "<b>=cmd()</b><script>x</script> *x* $1$ [l](http://e.example)"
FORMULA = '=HYPERLINK("http://e.example","free")'
SPIKE, DAILY, ODD = 1, 2, 3
#: Findings by what became of their message.
ARRIVED, REFUSED, UNKNOWN, FAILED, HELD, MUTED, COVERED = range(1, 8)
CONTENT = Message(
    title=HOSTILE,
    text=HOSTILE,
    severity="warning",
    figures=(Figure(label="Spent", text="$9,960 of $12,000"),),
    causes=(Cause(name=HOSTILE, kind="job", usd=Decimal("412.5"), note="new"),),
    series=Series(
        label="Cost by day",
        points=tuple(Point(day=FINAL - timedelta(days=back), value=Decimal(100 + back)) for back in range(14, -1, -1)),
        reference=Decimal(90),
    ),
    sections=(Section(title=HOSTILE, lines=(HOSTILE,)),),
    notes=(HOSTILE,),
    view="/anomalies?status=resolved",
    owner="ada@example.com",
)


def rows(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def change(url: str, statement: str, *parameters: Any) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("select set_config('costpulse.actor', 'bob', true)")
        connection.execute(statement.encode(), parameters)


def insert(url: str, table: str, row: dict[str, Any]) -> None:
    names, marks = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    with psycopg.connect(url) as connection:
        connection.execute("select set_config('costpulse.actor', 'bob', true)")
        connection.execute(
            f"insert into costpulse.{table} ({names}) overriding system value values ({marks})".encode(), row
        )


def add_alert(url: str, number: int, **values: Any) -> None:
    insert(
        url,
        "alerts",
        {
            "id": number,
            "name": f"Alert {number}",
            "alert_type": "cost_spike",
            "notification_channels": json.dumps(["routed"]),
            "cooldown_minutes": 60,
            "watches_from": date(2026, 6, 1),
        }
        | values,
    )


def add_finding(url: str, number: int, alert: int = SPIKE, **values: Any) -> None:
    insert(
        url,
        "alert_history",
        {
            "id": number,
            "alert_id": alert,
            "triggered_at": NOON - timedelta(hours=number),
            "status": "told",
            "current_value": Decimal("61.5"),
            "message": f"Finding {number}",
            "finding_key": f"key {number}",
            "alert_type": "cost_spike",
            "severity": "warning",
            "scope_type": "everything",
            "scope_id": "",
            "scope_name": "Everything",
            "subject": f"spike:{number}",
            "threshold": None,
            "phase": "firing",
            "reminder": 0,
            "occurred_on": FINAL,
            "evidence": json.dumps({"actual_usd": "812.40"}),
            "content": CONTENT.model_dump_json(),
        }
        | values,
    )


def add_message(url: str, number: int, state: str, **values: Any) -> None:
    now = datetime.now(UTC)
    insert(
        url,
        "alert_outbox",
        {
            "id": number,
            "dedup_key": f"key {number} > slack",
            "history_id": number,
            "purpose": "finding",
            "severity": "warning",
            "channel": "webhook:pager",
            "content": CONTENT.model_dump_json(),
            "state": state,
            "due_at": now - timedelta(minutes=1),
            "attempts": 1,
            "delivered_at": now if state == "delivered" else None,
            "settled_at": now if state != "waiting" else None,
            "answer": f"{HOSTILE} answered {state}.",
        }
        | values,
    )


def fill(url: str) -> None:
    books = Books(
        workspaces={"100": "northwind-prod", "200": None},
        teams=["Data platform", "Risk"],
        provisional={TODAY: Decimal("0.38"), TODAY - timedelta(days=1): Decimal("0.96")},
    )
    for back in range(100):
        day = TODAY - timedelta(days=back)
        books.add(day, "1000" if day == date(2026, 11, 12) else "100", job_id="1", job_name="nightly", team=1)
        books.add(day, "7", workspace="200", product="SQL", sku="SQL_PRO", warehouse_id="w4", team=2)
    books.write(url)


def fill_alerts(url: str) -> None:
    """A spike alert with findings in every state, one of a team that is switched off, one that failed."""
    add_alert(url, SPIKE, name=HOSTILE, threshold_value=40, options=json.dumps({"minimum_usd": "250"}))
    add_alert(
        url, DAILY, name="Most a day", alert_type="daily_budget", threshold_value=1000, scope_type="team", scope_id="1",
        notification_channels=json.dumps(["webhook:pager", "email:ada@example.com"]), is_active=False,
    )  # fmt: skip
    add_alert(url, ODD, name="Of another version", alert_type="of_before")
    insert(
        url,
        "alert_evaluations",
        {
            "alert_id": ODD, "evaluated_at": NOON, "outcome": "unknown type", "problem": "There is no such type.",
            "next_step": "Delete it.",
        },
    )  # fmt: skip
    add_finding(url, ARRIVED, message=HOSTILE)
    add_finding(url, REFUSED, message=FORMULA, threshold=80)
    add_finding(url, UNKNOWN, reminder=2)
    add_finding(url, FAILED, phase="ended")
    add_finding(url, HELD)
    add_finding(url, MUTED, status="muted")
    add_finding(url, COVERED, DAILY, status="covered", alert_type="daily_budget", current_value=Decimal("1234.5"))
    add_message(url, ARRIVED, "delivered")
    add_message(url, REFUSED, "refused")
    add_message(url, UNKNOWN, "unknown")
    add_message(url, FAILED, "failed")
    add_message(url, HELD, "waiting", attempts=0, answer=None, held_for="quiet hours",
                due_at=datetime.now(UTC) + timedelta(hours=5))  # fmt: skip
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into costpulse.signing_keys (purpose, key) values ('links', %s)", [secrets.token_bytes(32)]
        )
        for name in ("alerts", "alert_history", "alert_outbox"):
            # The numbers above were given by hand.
            connection.execute("select setval(pg_get_serial_sequence(%s, 'id'), 100)", [f"costpulse.{name}"])


@pytest.fixture(scope="module")
def templates(postgres_server: str, migrated_template: str) -> Iterator[dict[str, str]]:
    """Databases to be cloned, by whether they have alerts: nobody is connected to them."""
    with (
        database(postgres_server, template=migrated_template) as empty,
        database(postgres_server, template=migrated_template) as full,
    ):
        for url in (empty, full):
            fill(url)
        fill_alerts(full)
        names = {kind: urlsplit(url).path.removeprefix("/") for kind, url in (("empty", empty), ("full", full))}
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            for name in names.values():
                # TimescaleDB's scheduler connects to every database it may; a template must be left alone.
                admin.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
                admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        yield names


@pytest.fixture
def watched(postgres_server: str, templates: dict[str, str]) -> Iterator[str]:
    """Three alerts, seven findings."""
    with database(postgres_server, template=templates["full"]) as url:
        yield url


@pytest.fixture
def unwatched(postgres_server: str, templates: dict[str, str]) -> Iterator[str]:
    """Costs, and no alert."""
    with database(postgres_server, template=templates["empty"]) as url:
        yield url


class Pager:
    """A webhook on loopback that answers with a status and keeps what arrived."""

    def __init__(self) -> None:
        self.status, self.got = 200, []  # type: ignore[var-annotated]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(json.loads(body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def pager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pager]:
    made = Pager()
    hook = {"name": "pager", "url": f"http://127.0.0.1:{made.server.server_port}/x", "secret": "s" * 40 + "x4f2"}
    monkeypatch.setenv("COSTPULSE_WEBHOOKS", json.dumps([hook]))
    yield made
    made.server.shutdown()
    made.server.server_close()


def table(test: AppTest, *columns: str) -> list[dict[str, Any]]:
    """The rows of the one table that has these columns; none where there is no table."""
    found = [one.value for one in test.dataframe if set(columns) <= set(one.value.columns)]
    return [row for frame in found for row in frame[list(columns)].to_dict("records")]


def alert(url: str, name: str) -> dict[str, Any]:
    (row,) = rows(url, "select * from costpulse.alerts where name = %s", name)
    return row


def message(url: str, number: int) -> dict[str, Any]:
    (row,) = rows(url, "select * from costpulse.alert_outbox where id = %s", number)
    return row


def widget(test: AppTest, ending: str) -> Any:
    """The one widget of the open dialog whose key ends so."""
    kinds = ("text_input", "selectbox", "multiselect", "number_input", "toggle", "button", "time_input", "text_area")
    key = re.compile(rf"(alert|route|test|resend)_\d+.*{ending}")
    (found,) = [one for kind in kinds for one in getattr(test, kind) if key.fullmatch(one.key or "")]
    return found


def said(test: AppTest) -> str:
    kinds = ("success", "warning", "error", "info")
    return "\n".join(str(one.value) for kind in kinds for one in getattr(test, kind)).replace("\\", "")


# --- headline and list


def test_what_is_wrong_stands_first(app: Opener, watched: str) -> None:
    test = app(watched, PAGE)
    assert not test.exception
    assert "Reference" not in texts(test)
    assert test.title[0].value == "Alerts"
    shown = texts(test)
    assert "1 message was refused and not tried again." in shown
    assert "1 message was not delivered yet and will be tried again." in shown
    assert "It is unknown whether 1 message arrived." in shown
    assert "1 alert could not be evaluated; the others were." in shown
    assert "**Of another version**: There is no such type. Delete it." in shown


def test_a_finding_that_somebody_looks_after_is_no_problem_any_more(app: Opener, watched: str) -> None:
    change(watched, "update costpulse.alert_history set acknowledged_at = now(), acknowledged_by = 'eve'")
    change(watched, "delete from costpulse.alert_evaluations")
    test = app(watched, PAGE)
    assert "alert_problems" not in str(test.main)
    assert "refused" not in texts(test)


def test_the_cards_count_alerts_and_messages(app: Opener, watched: str) -> None:
    change(watched, "update costpulse.alerts set muted_until = now() + interval '2 days' where id = %s", SPIKE)
    test = app(watched, PAGE)
    assert metric(test, "Active alerts").value == "2"
    assert "1 switched off" in texts(test)
    assert metric(test, "Sent, 30 days").value == "1"
    assert metric(test, "Delivered").value == "25.0%"
    assert metric(test, "Muted").value == "1"
    # An end is no firing.
    assert metric(test, "Noisiest alert").value == "5 findings"
    assert f"{HOSTILE}, in 30 days" in texts(test)


def test_every_alert_is_listed_with_its_condition_in_words(app: Opener, watched: str) -> None:
    shown = table(app(watched, PAGE), "Name", "Type", "Scope", "Condition", "Channels", "Cooldown", "On", "Fired 30 d")
    assert [row["Name"] for row in shown] == [HOSTILE, "Most a day", "Of another version"]
    assert shown[0] == {
        "Name": HOSTILE,
        "Type": ALERT_TYPES["cost_spike"].title,
        "Scope": "Everything",
        "Condition": "Percent above the usual weekday: 40 %; Least difference in USD: 250",
        "Channels": "Where the routes lead",
        "Cooldown": "1 hour",
        "On": "yes",
        "Fired 30 d": 5,
    }
    assert (shown[1]["Scope"], shown[1]["On"]) == ("Team Data platform", "no")
    assert shown[1]["Condition"] == "Most that a day may cost: $1,000"
    assert (shown[2]["Type"], shown[2]["Condition"]) == ("of_before", formats.UNKNOWN)


def test_names_from_the_data_are_text_and_nothing_else(app: Opener, watched: str) -> None:
    pages = [app(watched, PAGE), *(app(watched, PAGE, tab=tab) for tab in ("history", "channels"))]
    pages += [app(watched, PAGE, id=str(number)) for number in (ARRIVED, UNKNOWN)]
    for test in pages:
        assert not test.exception
        assert "Reference" not in texts(test)
        shown = [element.value for kind in ("markdown", "caption", "subheader", "info") for element in test.get(kind)]
        assert not any("<b>" in text or "<script>" in text or "[l](" in text or "$1$" in text for text in shown)


def test_without_an_alert_there_are_ready_made_ones_to_switch_on(app: Opener, unwatched: str) -> None:
    test = app(unwatched, PAGE)
    assert not test.exception
    assert "Nothing is watched yet." in said(test)
    assert [one.key for one in test.button if (one.key or "").startswith("ready_")] == [
        f"ready_{name}" for name in ("anomaly", "budget_threshold", "data_stale") if name in ALERT_TYPES
    ]
    test.button(key="ready_anomaly").click().run()
    assert not test.exception
    row = alert(unwatched, "Cost that is not normal")
    assert (row["alert_type"], row["severity"], row["is_active"]) == ("anomaly", ALERT_TYPES["anomaly"].severity, True)
    assert "Created the alert “Cost that is not normal”." in said(test)
    (entry,) = rows(unwatched, "select actor from costpulse.audit_log where table_name = 'alerts'")
    assert entry["actor"] == people.LOCAL_ADMIN.name
    assert "Nothing is watched yet." not in said(test)


# --- history


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("all", [ARRIVED, REFUSED, UNKNOWN, FAILED, HELD, MUTED, COVERED]),
        ("problems", [REFUSED, UNKNOWN, FAILED]),
        ("delivered", [ARRIVED]),
        ("waiting", [HELD]),
        ("undelivered", [REFUSED, FAILED]),
        ("unknown", [UNKNOWN]),
        ("untold", [MUTED, COVERED]),
        ("nonsense", [ARRIVED, REFUSED, UNKNOWN, FAILED, HELD, MUTED, COVERED]),
    ],
)
def test_the_history_lists_what_the_link_asks_for(chosen: str, expected: list[int], app: Opener, watched: str) -> None:
    test = app(watched, PAGE, tab="history", status=chosen)
    assert not test.exception
    assert test.session_state["findings_listed"] == expected
    assert query(test) == {"tab": ["history"]} | ({"status": [chosen]} if chosen not in ("all", "nonsense") else {})


def test_a_line_says_what_became_of_its_message(app: Opener, watched: str) -> None:
    shown = table(app(watched, PAGE, tab="history"), "Finding", "State", "Channel", "Value", "Threshold", "Attempts")
    assert [row["State"] for row in shown] == [
        "Delivered",
        "Refused",
        "Unknown: may have arrived",
        "Failed, is tried again",
        "On its way, held for quiet hours",
        "Not told: the alert was muted",
        "Not told: a higher threshold was",
    ]
    assert shown[1]["Finding"] == FORMULA
    assert (shown[1]["Value"], shown[1]["Threshold"]) == ("$61.50", "80 %")
    assert (shown[2]["Finding"], shown[3]["Finding"]) == ("Finding 3 (reminder 2)", "Finding 4 (is over)")
    assert shown[6]["Value"] == "$1,235"


def test_problems_are_one_click_away_and_findings_of_one_alert(app: Opener, watched: str) -> None:
    test = app(watched, PAGE)
    test.button(key="show_problems").click().run()
    assert test.session_state["findings_listed"] == [REFUSED, UNKNOWN, FAILED]
    assert query(test) == {"tab": ["history"], "status": ["problems"]}
    test.segmented_control(key="al_status").set_value("all").run()
    test.selectbox(key="al_alert").set_value(DAILY).run()
    assert test.session_state["findings_listed"] == [COVERED]
    assert query(test) == {"tab": ["history"], "alert": [str(DAILY)]}


def test_the_file_has_no_formulas(app: Opener, watched: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[str] = []
    monkeypatch.setattr(st, "download_button", lambda label, data, *_, **__: files.append(data))
    assert not app(watched, PAGE, tab="history").exception
    (text,) = files
    written = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["Finding"] for row in written][:2] == [HOSTILE, "'" + FORMULA]


def test_the_button_of_a_row_opens_it(app: Opener, watched: str, monkeypatch: pytest.MonkeyPatch) -> None:
    test = app(watched, PAGE, tab="history")
    opened: list[int] = []
    monkeypatch.setattr(history_tab, "open_one", opened.append)
    listed = test.session_state["findings_listed"]
    for click in ({"row": 2, "label": "Details"}, {"row": 99, "label": "Details"}, None):
        monkeypatch.setattr(history_tab.st, "session_state", {"finding_opened": click, "findings_listed": listed})
        history_tab._open_row()
    assert opened == [UNKNOWN]


# --- one finding


def test_a_link_opens_the_whole_message(app: Opener, watched: str) -> None:
    test = app(watched, PAGE, id=str(ARRIVED))
    assert not test.exception
    shown = texts(test)
    assert "Reference" not in shown
    assert "| Spent | $9,960 of $12,000 |" in shown
    assert f"job {HOSTILE}: +$412.50 (new)" in shown
    assert metric(test, "Value").value == "$61.50"
    assert len(table(test, "Day", "Cost by day")) == 15
    assert "webhook:pager, 1 attempt, delivered" in shown
    assert "resend_1" not in [one.key for one in test.button]
    assert query(test) == {"id": [str(ARRIVED)]}
    test.button(key="back").click().run()
    assert query(test) == {}
    assert metric(test, "Active alerts").value == "2"


def test_a_finding_leads_to_the_view_that_shows_it(app: Opener, watched: str) -> None:
    test = app(watched, PAGE, id=str(ARRIVED))
    test.button(key="open_view").click().run()
    assert not test.exception
    assert test.title[0].value == "Anomalies"
    assert query(test)["status"] == ["resolved"]


def test_acknowledging_names_who_looks_after_it_once(app: Opener, watched: str) -> None:
    test = app(watched, PAGE, id=str(UNKNOWN))
    test.button(key="acknowledge").click().run()
    assert not test.exception
    assert "Acknowledged: the audit log has your name." in said(test)
    assert "acknowledge" not in [one.key for one in test.button]
    (row,) = rows(watched, "select acknowledged_by from costpulse.alert_history where id = %s", UNKNOWN)
    assert row["acknowledged_by"] == people.LOCAL_ADMIN.name
    (entry,) = rows(watched, "select actor from costpulse.audit_log where table_name = 'alert_history'")
    assert entry["actor"] == people.LOCAL_ADMIN.name


def test_what_somebody_else_acknowledged_meanwhile_stays_theirs(app: Opener, watched: str) -> None:
    test = app(watched, PAGE, id=str(UNKNOWN))
    change(watched, "update costpulse.alert_history set acknowledged_at = now(), acknowledged_by = 'eve'")
    test.button(key="acknowledge").click().run()
    (row,) = rows(watched, "select acknowledged_by from costpulse.alert_history where id = %s", UNKNOWN)
    assert row["acknowledged_by"] == "eve"


@pytest.mark.parametrize("number", ["99", "9999999999999999999"])
def test_an_id_that_is_not_there_gets_one_sentence(number: str, app: Opener, watched: str) -> None:
    test = app(watched, PAGE, id=number)
    assert not test.exception
    assert "There is no such finding, or it is not yours to see." in said(test)


def test_what_may_have_arrived_is_sent_again_only_after_asking(app: Opener, watched: str, pager: Pager) -> None:
    test = app(watched, PAGE, id=str(UNKNOWN))
    test.button(key=f"resend_{UNKNOWN}").click().run()
    assert not test.exception
    assert "It is unknown whether it arrived: **it may arrive twice**." in texts(test)
    assert message(watched, UNKNOWN)["state"] == "unknown"
    assert pager.got == []
    widget(test, "_send").click().run()
    assert not test.exception
    assert "Delivered to webhook:pager." in said(test)
    row = message(watched, UNKNOWN)
    assert (row["state"], row["requeued_by"], row["attempts"]) == ("delivered", people.LOCAL_ADMIN.name, 2)
    assert len(pager.got) == 1


# --- signed links


def link(url: str, action: Any, number: int = ARRIVED, *, age: timedelta = timedelta()) -> str:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        key = signing_key(connection)
    address = Links("http://app.example", key).action(number, action, datetime.now(UTC) - age)
    return address.partition("act=")[2]


def test_a_signed_link_acknowledges_on_a_click_and_not_before(app: Opener, watched: str) -> None:
    token = link(watched, "acknowledge")
    test = app(watched, PAGE, act=token)
    assert not test.exception
    assert "The link asks to acknowledge" in texts(test)
    assert rows(watched, "select 1 from costpulse.alert_history where acknowledged_by is not null") == []
    assert rows(watched, "select 1 from costpulse.used_links") == []
    test.button(key="link_do").click().run()
    assert not test.exception
    assert "Acknowledged: the audit log has your name." in said(test)
    assert query(test) == {"id": [str(ARRIVED)]}
    (row,) = rows(watched, "select acknowledged_by from costpulse.alert_history where acknowledged_by is not null")
    assert row["acknowledged_by"] == people.LOCAL_ADMIN.name
    again = app(watched, PAGE, act=token)
    assert f"{people.LOCAL_ADMIN.name} looks after it already" in texts(again)
    assert "link_do" not in [one.key for one in again.button]


def test_a_signed_link_mutes_until_a_day_and_works_once(app: Opener, watched: str) -> None:
    token = link(watched, "mute")
    test = app(watched, PAGE, act=token)
    until = datetime.now(UTC).date() + timedelta(days=3)
    test.date_input(key="link_until").set_value(until).run()
    assert rows(watched, "select 1 from costpulse.alerts where muted_until is not null") == []
    test.button(key="link_do").click().run()
    assert not test.exception
    (row,) = rows(watched, "select id, muted_until from costpulse.alerts where muted_until is not null")
    assert (row["id"], row["muted_until"].date()) == (SPIKE, until)
    again = app(watched, PAGE, act=token)
    again.button(key="link_do").click().run()
    assert "This link was used before; each works once." in said(again)
    (same,) = rows(watched, "select muted_until from costpulse.alerts where muted_until is not null")
    assert same["muted_until"] == row["muted_until"]


@pytest.mark.parametrize("days", [91, -2])
def test_a_mute_by_link_ends_and_a_refused_one_uses_nothing_up(days: int, app: Opener, watched: str) -> None:
    test = app(watched, PAGE, act=link(watched, "mute"))
    test.date_input(key="link_until").set_value(datetime.now(UTC).date() + timedelta(days=days)).run()
    test.button(key="link_do").click().run()
    assert not test.exception
    assert "uted" in said(test)
    assert rows(watched, "select 1 from costpulse.used_links") == []
    assert rows(watched, "select 1 from costpulse.alerts where muted_until is not null") == []


def test_links_that_are_old_forged_or_nonsense_are_told_in_a_sentence(app: Opener, watched: str) -> None:
    good = link(watched, "acknowledge")
    forged = good.replace("1.acknowledge", "2.acknowledge", 1)
    assert forged != good
    for token, sentence in (
        (link(watched, "acknowledge", age=timedelta(days=8)), "This link worked until"),
        (forged, "This link was not made by CostPulse"),
        ("<script>", "This link was not made by CostPulse"),
        (link(watched, "acknowledge", 99), "is not there any more"),
    ):
        test = app(watched, PAGE, act=token)
        assert not test.exception
        assert sentence in said(test)
        assert "link_do" not in [one.key for one in test.button]
        # The history is open, and the dead link out of the address.
        assert test.session_state["findings_listed"] == [ARRIVED, REFUSED, UNKNOWN, FAILED, HELD, MUTED, COVERED]
        assert query(test) == {"tab": ["history"]}


def test_without_a_key_every_link_is_forged(app: Opener, watched: str) -> None:
    token = link(watched, "acknowledge")
    change(watched, "delete from costpulse.signing_keys")
    test = app(watched, PAGE, act=token)
    assert not test.exception
    assert "This link was not made by CostPulse" in said(test)


# --- the form


def new(app: Opener, url: str) -> AppTest:
    test = app(url, PAGE)
    test.button(key="new_alert").click().run()
    return test


def test_an_alert_is_tried_on_90_days_and_created(app: Opener, unwatched: str) -> None:
    test = new(app, unwatched)
    widget(test, "_name").set_value("Spikes")
    widget(test, "_type").set_value("cost_spike").run()
    widget(test, "_threshold").set_value("100")
    widget(test, "_option_minimum_usd").set_value("250").run()
    widget(test, "_try").click().run()
    assert not test.exception
    assert "Reference" not in texts(test)
    assert "It would have fired" in texts(test)
    hits = table(test, "Day", "What it would have said")
    assert date(2026, 11, 12) in [row["Day"] for row in hits]
    assert rows(unwatched, "select 1 from costpulse.alerts") == []
    widget(test, "_save").click().run()
    assert not test.exception
    row = alert(unwatched, "Spikes")
    assert (row["alert_type"], row["threshold_value"], row["options"]) == ("cost_spike", 100, {"minimum_usd": "250"})
    assert (row["notification_channels"], row["severity"]) == (["routed"], ALERT_TYPES["cost_spike"].severity)
    assert "Created the alert “Spikes”." in said(test)
    assert [row["Name"] for row in table(test, "Name", "Condition")] == ["Spikes"]


def test_an_alert_that_would_fire_on_most_days_warns(app: Opener, unwatched: str) -> None:
    test = new(app, unwatched)
    widget(test, "_name").set_value("All days")
    widget(test, "_type").set_value("daily_budget").run()
    widget(test, "_threshold").set_value("50")
    widget(test, "_try").click().run()
    assert not test.exception
    assert "of 90 days. Raise the threshold, or save anyway." in said(test)
    widget(test, "_threshold").set_value("60").run()
    assert "Changed since the last 90 days were asked." in texts(test)


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_saved(app: Opener, watched: str) -> None:
    test = new(app, watched)
    widget(test, "_name").set_value("most A DAY")
    widget(test, "_type").set_value("daily_budget").run()
    widget(test, "_threshold").set_value("-5")
    widget(test, "_owner").set_value("not an address")
    widget(test, "_watches").set_value("team").run()
    widget(test, "_save").click().run()
    assert not test.exception
    shown = texts(test)
    assert "Not saved; nothing was changed." in shown
    for fault in ("An alert named Most a day exists already.", "Name the team.", "Owner must be", "Threshold must be"):
        assert fault in shown
    assert len(rows(watched, "select 1 from costpulse.alerts")) == 3
    widget(test, "_threshold").set_value("many")
    widget(test, "_save").click().run()
    assert "Write the threshold as a number" in texts(test)
    assert widget(test, "_name").value == "most A DAY"


def test_an_edited_alert_keeps_what_the_form_does_not_ask(app: Opener, watched: str) -> None:
    before = alert(watched, HOSTILE)
    test = app(watched, PAGE)
    test.button(key="edit_alert").click().run()
    assert widget(test, "_threshold").value == "40"
    assert widget(test, "_option_minimum_usd").value == "250"
    widget(test, "_channels").set_value(["routed", "webhook:pager"])
    widget(test, "_save").click().run()
    assert not test.exception
    after = alert(watched, HOSTILE)
    assert after["notification_channels"] == ["routed", "webhook:pager"]
    same = ("threshold_value", "options", "watches_from", "cooldown_minutes", "severity", "muted_until", "scope_id")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(app: Opener, watched: str) -> None:
    test = app(watched, PAGE)
    test.button(key="edit_alert").click().run()
    change(watched, "update costpulse.alerts set threshold_value = 70, version = version + 1 where id = %s", SPIKE)
    widget(test, "_threshold").set_value("41")
    widget(test, "_save").click().run()
    assert "Changed by bob" in texts(test)
    assert alert(watched, HOSTILE)["threshold_value"] == 70


def test_an_alert_is_switched_off_and_on(app: Opener, watched: str) -> None:
    test = app(watched, PAGE)
    for is_active, word in ((False, "off"), (True, "on")):
        test.button(key="switch_alert").click().run()
        assert not test.exception
        assert alert(watched, HOSTILE)["is_active"] is is_active
        assert f"is switched {word}." in said(test)


def test_a_mute_has_an_end_and_can_be_taken_back(app: Opener, watched: str) -> None:
    test = app(watched, PAGE)
    today = datetime.now(UTC).date()
    test.button(key="mute_alert").click().run()
    test.date_input(key="mute_until").set_value(today + timedelta(days=91))
    test.button(key="mute_send").click().run()
    assert "at most 90 days" in texts(test)
    assert alert(watched, HOSTILE)["muted_until"] is None
    test.date_input(key="mute_until").set_value(today + timedelta(days=90))
    test.button(key="mute_send").click().run()
    assert not test.exception
    assert alert(watched, HOSTILE)["muted_until"].date() == today + timedelta(days=90)
    test.button(key="unmute_alert").click().run()
    assert alert(watched, HOSTILE)["muted_until"] is None
    assert "tells again." in said(test)


def test_only_an_alert_without_a_history_can_be_deleted(app: Opener, watched: str) -> None:
    test = app(watched, PAGE)
    for number, is_left in ((SPIKE, True), (ODD, False)):
        test.selectbox(key="chosen_alert").set_value(number).run()
        test.button(key="delete_alert").click().run()
        test.button(key="delete_alert_really").click().run()
        assert not test.exception
        assert bool(rows(watched, "select 1 from costpulse.alerts where id = %s", number)) is is_left
        if is_left:
            assert "its history needs it. Switch it off" in texts(test)
            test.button(key="keep_alert").click().run()
    assert "Deleted the alert “Of another version”." in said(test)


@pytest.mark.parametrize(
    ("status", "sentence", "state"), [(200, "Delivered to webhook:pager.", "delivered"), (404, "404", "refused")]
)
def test_a_test_is_marked_and_its_answer_shown(
    status: int, sentence: str, state: str, app: Opener, watched: str, pager: Pager
) -> None:
    pager.status = status
    test = app(watched, PAGE)
    test.button(key="test_alert").click().run()
    assert widget(test, "_channel").value == "webhook:pager"
    widget(test, "_send").click().run()
    assert not test.exception
    assert sentence in said(test)
    (got,) = pager.got
    assert "test" in json.dumps(got).lower()
    (row,) = rows(watched, "select state, requeued_by from costpulse.alert_outbox where purpose = 'test'")
    assert row == {"state": state, "requeued_by": people.LOCAL_ADMIN.name}


# --- channels


def test_channels_are_masked_and_can_be_tested(app: Opener, watched: str, pager: Pager) -> None:
    test = app(watched, PAGE, tab="channels")
    assert not test.exception
    shown = texts(test)
    assert "Reference" not in shown
    assert "…x4f2" in shown
    assert "s" * 20 not in shown
    assert table(test, "Channel", "Newest message", "Delivered", "Not delivered") == [
        {"Channel": "webhook:pager", "Newest message": words.STATES["failed"], "Delivered": 1, "Not delivered": 3}
    ]
    test.button(key="channel_0_test").click().run()
    assert not test.exception
    assert "Delivered to webhook:pager." in said(test)


def test_without_a_channel_the_page_says_so(app: Opener, watched: str) -> None:
    test = app(watched, PAGE, tab="channels")
    assert "No channel is configured" in said(test)


def test_routes_are_created_changed_and_deleted(app: Opener, watched: str) -> None:
    test = app(watched, PAGE, tab="channels")
    test.button(key="new_route").click().run()
    widget(test, "_whose").set_value(("team", "Risk"))
    widget(test, "_save").click().run()
    assert test.error
    widget(test, "_channel").set_value("webhook:pager").run()
    widget(test, "_save").click().run()
    assert not test.exception
    assert table(test, "Findings of", "From severity", "Go to") == [
        {"Findings of": "Team Risk", "From severity": "Info", "Go to": "webhook:pager"}
    ]
    test.button(key="edit_route").click().run()
    widget(test, "_severity").set_value("critical").run()
    widget(test, "_save").click().run()
    (row,) = rows(watched, "select team_id, minimum_severity, channel from costpulse.alert_routes")
    assert row == {"team_id": 2, "minimum_severity": "critical", "channel": "webhook:pager"}
    test.button(key="delete_route").click().run()
    assert not test.exception
    assert rows(watched, "select 1 from costpulse.alert_routes") == []
    assert {row["actor"] for row in rows(watched, "select actor from costpulse.audit_log "
            "where table_name = 'alert_routes'")} == {people.LOCAL_ADMIN.name}  # fmt: skip


# --- the parts


def test_the_form_asks_what_each_type_declares_and_tries_it(app: Opener, unwatched: str) -> None:
    test = new(app, unwatched)
    widget(test, "_name").set_value("Any")
    for name, kind in sorted(ALERT_TYPES.items()):
        widget(test, "_type").set_value(name).run()
        kinds = ("text_input", "selectbox", "multiselect", "toggle")
        keys = [one.key or "" for each in kinds for one in getattr(test, each)]
        for option in kind.options.model_fields:
            assert any(key.endswith(f"_{name}_option_{option}") for key in keys)
        threshold = kind.threshold
        assert any(key.endswith("_threshold") for key in keys) is (threshold is not None)
        if threshold is not None and threshold.default is None and not threshold.otherwise:
            widget(test, "_threshold").set_value(str(max(threshold.minimum, 1)))
        widget(test, "_try").click().run()
        assert not test.exception
        assert "Reference" not in texts(test)
        assert "Not saved" not in texts(test)
        if kind.no_dry_run:
            assert kind.no_dry_run in said(test)
        else:
            assert "fired" in texts(test)


def test_options_of_all_kinds_have_an_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Options(AlertOptions):
        share: Decimal = Decimal("0.5")
        name: str | None = None
        names: tuple[str, ...] = ()
        loud: bool = False

    typed = {"share": "0.75", "name": "  ", "names": ["a"], "loud": True}
    for kind in ("text_input", "multiselect", "toggle"):
        monkeypatch.setattr(option_fields.st, kind, lambda label, *_, key, **__: typed[key.partition("_")[2]])
    assert option_fields.inputs(Options, {}, key="o") == {"share": "0.75", "names": ["a"], "loud": True}
    typed["share"] = "much"
    assert option_fields.inputs(Options, {}, key="o")["share"] == "much"


def test_problems_are_sentences() -> None:
    none = Summary(delivered=3, settled=3, waiting=1, refused=0, failed=0, unknown=0, overdue=0)
    assert headline.sentences(none) == []
    late = Summary(delivered=0, settled=9, waiting=2, refused=2, failed=3, unknown=4, overdue=2)
    assert late.problems == 9
    assert headline.sentences(late) == [
        "2 messages were refused and not tried again.",
        "3 messages were not delivered yet and will be tried again.",
        "It is unknown whether 4 messages arrived.",
        "2 messages should have left: does the sensor `deliver_alerts` run?",
    ]


def test_the_chart_shows_the_days_that_were_asked() -> None:
    asked = Period(date(2026, 8, 26), TODAY)
    figure = fired.chart({FINAL: 2, TODAY: 1}, asked, look=charts.LIGHT)
    (bars,) = figure.data
    assert (list(bars.x), list(bars.y)) == ([FINAL, TODAY], [2, 1])
    assert figure.layout.xaxis.range == (asked.first - timedelta(days=1), TODAY + timedelta(days=1))
    assert fired.sentence(3, 2, 1) == "It would have fired 3 times on 2 of the last 90 days, and told 1 end."


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "none"), (45, "45 minutes"), (60, "1 hour"), (90, "90 minutes"), (2_880, "2 days")]
)
def test_a_cooldown_is_said_in_its_largest_unit(minutes: int, said: str) -> None:
    assert words.minutes(minutes) == said


def test_a_choice_survives_its_link() -> None:
    for choice in (Choice(), Choice("history", "unknown", 3), Choice(number=7), Choice(token="7.mute.17.ab12")):
        assert Choice.from_query(choice.to_query()) == choice
    assert Choice.from_query({"id": ["1; drop"], "alert": ["x"], "tab": ["?"]}) == Choice()
    assert Choice.from_query({"act": ["a b"]}) == Choice(token="-")


def test_an_alert_becomes_the_document_it_was(app: Opener, watched: str) -> None:
    app(watched, PAGE)
    found = {one.id: one for one in reads.alerts()}
    document = alert_form.document_of(found[DAILY])
    assert (document.scope_type, document.scope, document.threshold_value) == ("team", "Data platform", 1000)
    assert document.notification_channels == ("webhook:pager", "email:ada@example.com")
