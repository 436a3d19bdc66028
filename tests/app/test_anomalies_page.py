"""Anomalies: events as they are stored, what people decide about them, and the ways that lead there and on."""

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from streamlit.testing.v1 import AppTest

from costpulse_app import charts, formats, people
from costpulse_app.anomalies import actions, chart, reads
from costpulse_app.anomalies.reads import Event, JudgedDay
from costpulse_app.anomalies.state import Choice
from costpulse_assets.analysis import anomaly_status
from costpulse_assets.resources.database import Database, run
from tests.app.books import Books
from tests.app.conftest import TODAY, Opener
from tests.app.test_pages import metric, query, texts
from tests.conftest import database

PAGE = "views/anomalies.py"
#: The last final day of the books.
FINAL = date(2026, 11, 22)
NOON = datetime.combine(TODAY, time(12), tzinfo=UTC)
HOSTILE = "<b>=cmd()</b> *x* $1$ [l](http://e.example)"

SPIKE, OUTAGE, SHIFT, ROLLED_UP, PLANNED, DONE, OLD = range(1, 8)


def rows(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def change(url: str, statement: str, *parameters: Any) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), parameters)


def add_event(url: str, number: int, **values: Any) -> None:
    """An event with this id; one day of the whole account if nothing else is said."""
    first = values.get("start_date", FINAL)
    row = {
        "id": number,
        "scope_type": "everything",
        "scope_id": "",
        "kind": "spike",
        "direction": "up",
        "start_date": first,
        "end_date": first,
        "last_date": values.get("end_date") or first,
        "recognised_on": first,
        "is_provisional": False,
        "severity": "medium",
        "score": 9.0,
        "actual_usd": Decimal(1500),
        "expected_usd": Decimal(500),
        "method": "robust",
        "sensitivity": 1.0,
        "days_digest": "",
        "detected_at": NOON,
        "judged_at": NOON,
    } | values
    names, marks = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    with psycopg.connect(url) as connection:
        connection.execute(
            f"insert into costpulse.anomalies ({names}) overriding system value values ({marks})".encode(), row
        )


def add_cause(
    url: str, number: int, dimension: str, value: str | None, actual: str, expected: str, **given: Any
) -> None:
    """A cause of an event; its share comes from the event."""
    row = {"rank": None, "is_main": False, "is_new": False, "name": None, "price": "0"} | given
    change(
        url,
        "insert into costpulse.anomaly_causes (anomaly_id, dimension, value_id, name, actual_usd, expected_usd, "
        "difference_usd, share, price_effect_usd, volume_effect_usd, is_new, is_gone, rank, is_main) "
        "select a.id, %s, %s, %s, n.actual, n.expected, n.actual - n.expected, "
        "(n.actual - n.expected) / a.impact_usd, n.price, n.actual - n.expected - n.price, %s, false, %s, %s "
        "from costpulse.anomalies as a, (select %s::numeric as actual, %s::numeric as expected, %s::numeric as price) "
        "as n where a.id = %s",
        *(dimension, value, row["name"], row["is_new"], row["rank"], row["is_main"]),
        *(actual, expected, row["price"], number),
    )


def add_days(url: str, scope_type: str, scope_id: str, first: date, last: date, flagged: date, cost: float) -> None:
    """$500 a day with a range of 400 to 600, and `cost` on the day that stands out, which was 100 more at first."""
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        stands_out = day == flagged
        change(
            url,
            "insert into costpulse.anomaly_days values (%s, %s, %s, %s, %s, 500, 400, 600, %s, %s)",
            *(scope_type, scope_id, day, cost if stands_out else 500, cost + 100 if stands_out else 500),
            *("high" if stands_out else None, day > FINAL),
        )


@pytest.fixture(scope="module")
def template(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """The database of `found`, to be cloned: nobody is connected to it."""
    with database(postgres_server, template=migrated_template) as url:
        fill(url)
        remember(url)
        name = urlsplit(url).path.removeprefix("/")
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            # TimescaleDB's scheduler connects to every database it may; a template must be left alone.
            admin.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        yield name


@pytest.fixture
def found(postgres_server: str, template: str) -> Iterator[str]:
    """Seven events: open ones of a job, a workspace and a team, one rolled up, one planned, one done, one of before."""
    with database(postgres_server, template=template) as url:
        yield url


def remember(url: str) -> None:
    """As a run remembers what it judged; `fill` says when."""
    change(
        url,
        "insert into costpulse.detector_states values "
        "('anomalies', 'robust', '2026-10-01', %s, 10, 'digest', '', '', %s)",
        *(FINAL, NOON),
    )


def fill(url: str) -> None:
    """Two workspaces, two teams, a job with a hostile name, and the events."""
    books = Books(
        workspaces={"100": "northwind-prod", "200": None},
        teams=["Data platform", "Risk"],
        provisional={TODAY: Decimal("0.38"), TODAY - timedelta(days=1): Decimal("0.96")},
    )
    for back in range(55):
        day = TODAY - timedelta(days=back)
        books.add(day, "500", job_id="1", job_name="<b>nightly</b> load", team=1, tags={"env": "prod"})
        books.add(day, "7", workspace="200", product="SQL", sku="SQL_PRO", team=2)
    books.write(url)
    spike_on = date(2026, 11, 18)
    change(url, "update costpulse.teams set parent_team_id = 1 where id = 2")
    add_event(
        url, SPIKE, scope_type="job", scope_id="100/1", start_date=spike_on, severity="high",
        actual_usd=Decimal("3140.25"), expected_usd=Decimal("1020.25"), recognised_on=spike_on + timedelta(days=2),
    )  # fmt: skip
    add_event(
        url, OUTAGE, scope_type="workspace", scope_id="200", kind="outage", direction="down", severity="critical",
        start_date=date(2026, 11, 10), actual_usd=Decimal(0), expected_usd=Decimal(3000),
    )  # fmt: skip
    add_event(
        url, SHIFT, scope_type="team", scope_id="1", kind="level shift", start_date=date(2026, 11, 9), end_date=None,
        last_date=FINAL, actual_usd=Decimal(700), expected_usd=Decimal(600),
    )  # fmt: skip
    add_event(url, ROLLED_UP, scope_type="sku", scope_id="PREMIUM_JOBS_COMPUTE", start_date=spike_on, parent_id=SPIKE)
    add_event(
        url, PLANNED, status="expected", reason="The yearly backfill", expected_until=date(2026, 12, 1),
        decided_by="ada@example.com", decided_at=NOON,
    )  # fmt: skip
    add_event(
        url, DONE, status="resolved", resolution="not an anomaly", reason="It always is so", decided_by="bob",
        decided_at=NOON, scope_type="product", scope_id="SQL_SERVERLESS", start_date=date(2026, 11, 15),
    )  # fmt: skip
    add_event(url, OLD, start_date=date(2026, 10, 5))
    change(url, "update costpulse.anomalies set scope_type = 'warehouse', scope_id = '100/x' where id = %s", OLD)
    add_cause(url, SPIKE, "workspace", "100", "3140.25", "1020.25", rank=1, name="northwind-prod")
    add_cause(url, SPIKE, "user", "ada@example.com", "2500", "500", rank=1, is_main=True, is_new=True, price="200")
    add_cause(url, SPIKE, "user", HOSTILE, "400", "300", rank=2, name=HOSTILE, price="50")
    add_cause(url, SPIKE, "user", "", "240.25", "220.25")
    add_cause(url, SPIKE, "job", "100/1", "3140.25", "1020.25", rank=1, name="nightly")
    add_cause(url, OUTAGE, "workspace", "200", "0", "3000", rank=1)
    for rank, product in enumerate(("SQL", "AI", "JOBS", "DLT"), 1):
        add_cause(url, OUTAGE, "product", product, "0", "750", rank=rank)
    add_cause(url, SHIFT, "team", "2", "700", "600", rank=1, name="Risk")
    add_days(url, "job", "100/1", date(2026, 10, 25), TODAY, spike_on, 3140.25)


def cards(test: AppTest) -> list[int]:
    """Ids of the events whose cards are drawn, in their order."""
    return [int(button.key.removeprefix("details_")) for button in test.button if button.key.startswith("details_")]


def table(test: AppTest, *columns: str) -> list[dict[str, Any]]:
    """The rows of the one table that has these columns."""
    (frame,) = [one.value for one in test.dataframe if set(columns) <= set(one.value.columns)]
    return list(frame[list(columns)].to_dict("records"))


def status(url: str, number: int) -> dict[str, Any]:
    (row,) = rows(
        url,
        "select status, resolution, reason, expected_until, assigned_to, decided_by from costpulse.anomalies "
        "where id = %s",
        number,
    )
    return row


# --- the list


def test_open_events_are_listed_by_dollars_off_and_by_name(app: Opener, found: str) -> None:
    test = app(found, PAGE)
    assert not test.exception
    assert test.title[0].value == "Anomalies"
    assert cards(test) == [OUTAGE, SPIKE, SHIFT]
    said = texts(test)
    assert "Workspace (unnamed) …200" in said
    assert "Job <b>nightly</b> load" in said
    assert "Team Data platform" in said
    assert "**+$2,120** (+207.8%): $3,140 instead of $1,020" in said
    assert "**-$3,000** (-100.0%): $0.00 instead of $3,000" in said
    assert "Since 9 Nov 2026, 14 days" in said


def test_the_cards_are_those_of_the_open_events(app: Opener, found: str) -> None:
    test = app(found, PAGE)
    assert metric(test, "Open anomalies").value == "3"
    assert metric(test, "Above expected").value == "$2,220"
    assert "and $3,000 below" in texts(test)
    assert "1 critical, 1 high, 1 medium" in texts(test)
    assert "1 for more than a week" in texts(test)
    assert metric(test, "Found within").value == "Same day"
    assert metric(test, "Called no anomaly").value == "50.0%"
    assert "1 of 2 decided" in texts(test)


def test_a_card_names_the_largest_parts_of_the_dimension_that_says_most(app: Opener, found: str) -> None:
    said = texts(app(found, PAGE))
    assert "User **ada@example.com**: +$2,000 (new, 94.3%)" in said
    # Less than a twentieth is not named, and that a job is all of itself says nothing.
    assert HOSTILE not in said
    assert "Job **nightly**" not in said
    assert "Spread; the largest parts:" in said
    assert said.count("-$750.00 (25.0%)") == 3


@pytest.mark.parametrize(
    ("tab", "expected"),
    [("open", [OUTAGE, SPIKE, SHIFT]), ("ongoing", [SHIFT]), ("resolved", [DONE]), ("expected", [PLANNED])],
)
def test_every_tab_has_its_events_and_its_link(tab: str, expected: list[int], app: Opener, found: str) -> None:
    test = app(found, PAGE, status=tab)
    assert not test.exception
    assert cards(test) == expected
    assert query(test).get("status", ["open"]) == [tab]


def test_filters_are_in_the_link_and_what_is_not_valid_is_dropped(app: Opener, found: str) -> None:
    test = app(found, PAGE, severity=["high", "nonsense"], scope="job", min="2000")
    assert cards(test) == [SPIKE]
    assert {name: query(test)[name] for name in ("severity", "scope", "min")} == {
        "severity": ["high"],
        "scope": ["job"],
        "min": ["2000"],
    }
    test.multiselect(key="a_severity").set_value([])
    test.multiselect(key="a_scope").set_value([])
    test.number_input(key="a_minimum").set_value(2_500)
    test.run()
    assert cards(test) == [OUTAGE]
    assert query(test) == {"min": ["2500"]}
    assert metric(test, "Open anomalies").value == "1"
    test.number_input(key="a_minimum").set_value(5_000).run()
    assert cards(test) == []
    assert "No anomaly of this list passes the filters above." in texts(test)


def test_an_event_lies_where_most_of_its_difference_does(app: Opener, found: str) -> None:
    assert cards(app(found, PAGE, ws="100")) == [SPIKE]
    assert cards(app(found, PAGE, ws=["100", "200"])) == [OUTAGE, SPIKE]
    assert cards(app(found, PAGE, ws="200", product="SQL")) == []
    assert cards(app(found, PAGE, team="2")) == [SHIFT]
    assert cards(app(found, PAGE, user="ada@example.com")) == [SPIKE]


def test_list_price_and_tags_do_not_apply_and_that_is_said(app: Opener, found: str) -> None:
    test = app(found, PAGE, basis="list", tag="env=prod")
    assert cards(test) == [OUTAGE, SPIKE, SHIFT]
    assert "List price and tags do not apply here" in texts(test)
    assert "at your price" in texts(test)
    assert query(test) == {"basis": ["list"], "tag": ["env=prod"]}


def test_open_events_outside_the_period_are_a_button_away(app: Opener, found: str) -> None:
    test = app(found, PAGE)
    assert "1 other open anomaly has no day in this period." in texts(test)
    test.button(key="show_others").click().run()
    assert OLD in cards(test)
    assert "no day in this period" not in texts(test)


def test_more_events_than_cards_are_a_button_away_and_all_in_the_table(app: Opener, found: str) -> None:
    for number in range(100, 110):
        add_event(found, number, scope_type="sku", scope_id=f"SKU_{number}")
    test = app(found, PAGE)
    assert len(cards(test)) == 8
    assert len(table(test, "Scope", "Name", "Kind", "Severity", "Difference", "Status")) == 13
    test.button(key="more_cards").click().run()
    assert len(cards(test)) == 13


def test_the_table_has_the_exact_figures(app: Opener, found: str) -> None:
    listed = table(app(found, PAGE), "Scope", "Name", "First day", "Cost", "Expected", "Difference", "Status")
    assert listed[1] == {
        "Scope": "Job",
        "Name": "<b>nightly</b> load",
        "First day": date(2026, 11, 18),
        "Cost": Decimal("3140.25"),
        "Expected": Decimal("1020.25"),
        "Difference": Decimal(2120),
        "Status": "Open",
    }


def test_names_from_the_data_are_text_and_nothing_else(app: Opener, found: str) -> None:
    change(found, "update costpulse.teams set name = %s where id = 1", HOSTILE)
    change(found, "update costpulse.anomalies set assigned_to = %s, reason = %s", HOSTILE, HOSTILE)
    change(found, "update costpulse.anomaly_causes set name = %s", HOSTILE)
    for test in (app(found, PAGE), app(found, PAGE, id=str(SHIFT)), app(found, PAGE, id=str(PLANNED))):
        assert not test.exception
        shown = [element.value for kind in ("markdown", "caption", "subheader", "info") for element in test.get(kind)]
        assert any(formats.plain(HOSTILE) in text for text in shown)
        assert not any("<b>" in text or "[l](" in text or "$1$" in text for text in shown)


def test_an_event_rolled_up_under_one_that_its_team_may_not_see_is_shown_to_the_team(found: str) -> None:
    below = 50
    add_event(found, below, scope_type="team", scope_id="1", parent_id=OUTAGE)
    asked = {"id": None, "first": date(2026, 11, 1), "last": FINAL, "chosen": "{}"}
    with psycopg.connect(found, row_factory=dict_row) as connection:
        connection.execute("set role costpulse_app")
        for scope, shown, is_open in (("1", {below, SHIFT}, 2), ("all", {OUTAGE, SPIKE, SHIFT, PLANNED, DONE}, 4)):
            connection.execute("select set_config('costpulse.scope', %s, false)", [scope])
            assert {row["id"] for row in run(connection, "app/anomalies", asked)} == shown
            assert run(connection, "app/anomaly_summary", {"now": NOON})[0]["open"] == is_open


# --- one event


def test_a_link_opens_the_detail_and_back_leads_to_the_list(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(SPIKE), scope="job")
    assert not test.exception
    assert "Job <b>nightly</b> load" in texts(test)
    assert metric(test, "Difference").value == "+$2,120"
    assert metric(test, "By price").value == "$0.00"
    assert metric(test, "By use").value == "+$2,120"
    assert query(test) == {"id": [str(SPIKE)], "scope": ["job"]}
    test.button(key="back").click().run()
    assert cards(test) == [SPIKE]
    assert query(test) == {"scope": ["job"]}


def test_details_of_a_card_open_in_place(app: Opener, found: str) -> None:
    test = app(found, PAGE)
    test.button(key=f"details_{SPIKE}").click().run()
    assert query(test) == {"id": [str(SPIKE)]}
    assert "Day by day" in texts(test)


def test_the_parts_of_a_dimension_add_up_to_the_event(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(SPIKE))
    parts = table(test, "User", "Cost", "Expected", "Difference", "By price", "By use", "Note")
    assert [part["User"] for part in parts] == ["ada@example.com", HOSTILE, "No user"]
    assert sum(part["Difference"] for part in parts) == Decimal(2120)
    assert parts[0]["By price"] == Decimal(200)
    assert parts[0]["By use"] == Decimal(1800)
    assert parts[0]["Note"] == "new"
    by = next(group for group in test.get("button_group") if group.key.startswith("causes_by"))
    # That the job is all of itself is no question.
    assert by.options == ["Workspace", "User"]


def test_a_correction_of_the_bill_since_then_is_said(app: Opener, found: str) -> None:
    assert "The bill was corrected since: its days were $3,240, now $3,140." in texts(app(found, PAGE, id=str(SPIKE)))
    change(found, "update costpulse.anomaly_days set first_actual = actual")
    assert "corrected since" not in texts(app(found, PAGE, id=str(SPIKE)))


def test_what_is_rolled_up_is_listed_and_leads_to_the_larger_one(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(SPIKE))
    assert table(test, "Scope", "Name", "Kind", "Difference") == [
        {"Scope": "SKU", "Name": "PREMIUM_JOBS_COMPUTE", "Kind": "Spike", "Difference": Decimal(1000)}
    ]
    test = app(found, PAGE, id=str(ROLLED_UP))
    assert "Part of a larger one:" in texts(test)
    test.button(key="parent").click().run()
    assert query(test) == {"id": [str(SPIKE)]}


@pytest.mark.parametrize("number", ["99", "9999999999999999999"])
def test_an_id_that_is_not_there_gets_one_sentence(number: str, app: Opener, found: str) -> None:
    test = app(found, PAGE, id=number)
    assert not test.exception
    assert "There is no such anomaly, or it is not yours to see." in texts(test)


@pytest.mark.parametrize("number", [OUTAGE, OLD])
def test_an_event_without_days_or_causes_has_a_detail(number: int, app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(number))
    assert not test.exception
    assert "Reference" not in texts(test)
    assert "found with the cost of" in texts(test)


# --- decisions


def test_a_card_is_acknowledged_in_the_name_of_the_operator(app: Opener, found: str) -> None:
    test = app(found, PAGE)
    test.button(key=f"acknowledge_{SPIKE}").click().run()
    assert not test.exception
    assert test.success[0].value.replace("\\", "") == "Job <b>nightly</b> load: acknowledged."
    assert status(found, SPIKE)["status"] == "acknowledged"
    assert status(found, ROLLED_UP)["status"] == "acknowledged"
    (entry,) = rows(found, "select actor from costpulse.audit_log where table_name = 'anomalies' and row_id = '1'")
    assert entry["actor"] == people.LOCAL_ADMIN.name
    # It is still open, and needs no second look.
    assert cards(test) == [OUTAGE, SPIKE, SHIFT]
    assert f"acknowledge_{SPIKE}" not in [button.key for button in test.button]


def resolve(test: AppTest, resolution: str, reason: str) -> AppTest:
    test.button(key="resolve").click().run()
    test.radio(key="resolve_how").set_value(resolution)
    test.text_area(key="resolve_reason").set_value(reason)
    return test.button(key="resolve_send").click().run()


@pytest.mark.parametrize("resolution", ["expected", "not an anomaly"])
def test_some_resolutions_need_a_reason(resolution: str, app: Opener, found: str) -> None:
    test = resolve(app(found, PAGE, id=str(SPIKE)), resolution, " too few ")
    assert "Write why, at least ten characters." in test.error[0].value.replace("\\", "")
    assert status(found, SPIKE)["status"] == "open"
    assert test.text_area(key="resolve_reason").value == " too few "
    test.text_area(key="resolve_reason").set_value("This was a planned backfill")
    test.button(key="resolve_send").click().run()
    assert not test.error
    assert status(found, SPIKE)["resolution"] == resolution
    assert status(found, SPIKE)["reason"] == "This was a planned backfill"


@pytest.mark.parametrize("resolution", ["fixed", "data fault"])
def test_other_resolutions_need_none(resolution: str, app: Opener, found: str) -> None:
    test = resolve(app(found, PAGE, id=str(SPIKE)), resolution, "")
    assert not test.exception
    assert status(found, SPIKE)["resolution"] == resolution
    assert status(found, ROLLED_UP)["resolution"] == resolution
    assert f"{people.LOCAL_ADMIN.name} resolved it as {resolution}" in texts(test)


def test_expected_takes_a_reason_and_a_day_to_come(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(SHIFT))
    test.button(key="expect").click().run()
    test.date_input(key="expect_until").set_value(TODAY)
    test.text_area(key="expect_reason").set_value("New customers since Monday")
    test.button(key="expect_send").click().run()
    assert "The end date must lie after today." in test.error[0].value.replace("\\", "")
    test.text_area(key="expect_reason").set_value("short")
    test.button(key="expect_send").click().run()
    assert "Write why, at least ten characters." in test.error[0].value.replace("\\", "")
    assert status(found, SHIFT)["status"] == "open"
    test.date_input(key="expect_until").set_value(TODAY + timedelta(days=30))
    test.text_area(key="expect_reason").set_value("New customers since Monday")
    test.button(key="expect_send").click().run()
    assert status(found, SHIFT)["expected_until"] == TODAY + timedelta(days=30)
    assert "called it expected until 24 Dec 2026: “New customers since Monday”" in texts(test)
    test.button(key="back").click().run()
    assert cards(test) == [OUTAGE, SPIKE]


def test_what_was_decided_can_be_opened_again(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(DONE))
    assert not [button for button in test.button if button.key in ("resolve", "expect")]
    test.button(key="reopen").click().run()
    assert status(found, DONE)["status"] == "open"
    assert f"{people.LOCAL_ADMIN.name} opened it again" in texts(test)


def test_an_event_is_assigned_and_the_assignment_taken_away(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(SPIKE))
    for name, said in (("ada@example.com", "assigned it to ada@example.com"), ("", "took the assignment away")):
        test.button(key="assign").click().run()
        test.text_input(key="assign_to").set_value(name)
        test.button(key="assign_send").click().run()
        assert status(found, SPIKE)["assigned_to"] == (name or None)
        assert said in texts(test)


def test_what_somebody_else_decided_meanwhile_is_not_overwritten(
    app: Opener, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _ = reads.event, app(found, PAGE)
    stale = dataclasses.replace(before(SPIKE)[0], decided_at=NOON)
    said: list[str] = []
    monkeypatch.setattr(actions.st, "error", lambda text, **_: said.append(text))
    actions._save(stale, lambda: pytest.fail("it was written"), "")
    assert "Changed by somebody meanwhile" in said[0].replace("\\", "")
    anomaly_status.acknowledge(Database(found), [SPIKE], actor="bob")
    actions._save(stale, lambda: pytest.fail("it was written"), "")
    assert "Changed by bob at" in said[1].replace("\\", "")


def test_what_people_taught_is_said_at_the_event_and_in_the_list(app: Opener, found: str) -> None:
    change(
        found,
        "insert into costpulse.series_sensitivity (scope_type, scope_id, factor, minimum_impact_usd, reason) "
        "values ('job', '100/1', 0.85, 75.5, '1 not an anomaly in the last 180 days')",
    )
    said = texts(app(found, PAGE, id=str(SPIKE)))
    assert "less sensitive for this series (85% of what is set), because: 1 not an anomaly in the last 180 days" in said
    assert "Nothing up to $75.50 is shown." in said
    assert "less sensitive for this series" not in texts(app(found, PAGE, id=str(OUTAGE)))
    (lesson,) = table(app(found, PAGE), "Scope", "Name", "Sensitivity", "Shown from", "Because of")
    assert (lesson["Name"], lesson["Sensitivity"]) == ("<b>nightly</b> load", 85)


# --- the way on


def test_the_top_cause_opens_in_the_explorer_with_its_days(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(SPIKE))
    test.button(key="explore").click().run()
    assert test.title[0].value == "Cost explorer"
    shown = query(test)
    assert shown["period"] == ["2026-11-18", "2026-11-18"]
    assert shown["job"] == ["100/1"]
    assert shown["user"] == ["ada@example.com"]


def test_a_team_takes_the_teams_below_it_along(app: Opener, found: str) -> None:
    change(found, "delete from costpulse.anomaly_causes where anomaly_id = %s and dimension = 'team'", SHIFT)
    add_cause(found, SHIFT, "user", "ada@example.com", "650", "600", rank=1)
    test = app(found, PAGE, id=str(SHIFT))
    test.button(key="explore").click().run()
    assert query(test)["team"] == ["1", "2"]


def test_an_outage_opens_with_the_days_before_it(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(OUTAGE))
    test.button(key="explore").click().run()
    assert query(test)["period"] == ["2026-11-03", "2026-11-10"]
    assert query(test)["ws"] == ["200"]


# --- the scorecard


def test_the_scorecard_shows_both_methods_side_by_side(app: Opener, found: str) -> None:
    for method, hits, noise in (("robust", 9, 1.04), ("classic", 6, 5.8)):
        for event_class in ("spike", "drift"):
            change(
                found,
                "insert into costpulse.detector_scorecard values "
                "(%s, %s, 10, %s, 0.25, 1234.5, %s, 3, %s, 33, '2026-06-03', '2026-11-22', 7, now())",
                *(method, event_class, hits, noise, 1.7 if method == "robust" else None),
            )
    test = app(found, PAGE)
    said = texts(test)
    assert "Known events were put into the history of 33 series (3 Jun 2026 to 22 Nov 2026)" in said
    assert "**Robust**, in use" in said
    assert "It found 18 of 20, and raises at most 1.0 false alarms a week." in said
    assert "At sensitivity 1.7 it would raise about the wanted 3 a week." in said
    assert "No sensitivity gives the wanted 3 a week." in said
    assert table(test, "Kind", "Robust: found", "Robust: missed", "Classic: found", "Classic: days late")[0] == {
        "Kind": "Spike",
        "Robust: found": "9 of 10",
        "Robust: missed": 1234.5,
        "Classic: found": "6 of 10",
        "Classic: days late": 0.25,
    }


# --- states


def test_nothing_found_says_what_was_checked_and_when(app: Opener, found: str) -> None:
    test = app(found, PAGE, range="custom", period=["2026-10-12", "2026-10-13"])
    assert cards(test) == []
    assert "No anomaly in this period. 10 series were checked, last on 24 Nov 2026." in texts(test)


def test_what_was_never_judged_is_no_good_news(app: Opener, books: Books, database_url: str) -> None:
    books.write(database_url)
    test = app(database_url, PAGE)
    assert not test.exception
    assert "Nothing has been judged yet" in texts(test)
    assert "There are 53 final days so far." in texts(test)
    assert metric(test, "Found within").value == formats.UNKNOWN
    assert "No anomaly" not in texts(test)


def test_an_old_check_is_said_and_closes_nothing(app: Opener, found: str) -> None:
    change(found, "update costpulse.anomalies set judged_at = now() - interval '5 days'")
    change(found, "update costpulse.detector_states set updated_at = now() - interval '5 days'")
    test = app(found, PAGE)
    assert "Not checked since" in test.warning[0].value
    assert cards(test) == [OUTAGE, SPIKE, SHIFT]
    change(found, "update costpulse.anomalies set judged_at = now() where id = %s", OLD)
    assert not app(found, PAGE).warning


def test_a_part_that_fails_is_one_sentence_with_a_reference(app: Opener, found: str) -> None:
    change(found, "alter table costpulse.anomalies rename to away")
    test = app(found, PAGE)
    assert not test.exception
    assert "Reference" in texts(test)
    assert test.title[0].value == "Anomalies"


def test_a_database_that_is_away_is_one_message(app: Opener) -> None:
    test = app("postgresql://nobody@127.0.0.1:9/none", PAGE)
    assert not test.exception
    assert test.title[0].value == "The database does not answer"


def test_no_day_is_final(app: Opener, found: str) -> None:
    change(found, "update costpulse.completeness set is_provisional = true")
    test = app(found, PAGE)
    assert not test.exception
    assert cards(test) == [OUTAGE, SPIKE, SHIFT]


# --- chart and choice


def judged(day: date, actual: float, severity: str | None = None, *, is_provisional: bool = False) -> JudgedDay:
    return JudgedDay(day, actual, actual, 500.0, 400.0, 600.0, severity, is_provisional)


def event(**values: Any) -> Event:
    day = values.get("start_date", FINAL)
    return Event(
        **{
            **dict.fromkeys(Event.__dataclass_fields__),
            "id": 1,
            "kind": "spike",
            "direction": "up",
            "start_date": day,
            "end_date": day,
            "last_date": day,
            "recognised_on": day,
            "severity": "high",
            "impact_usd": Decimal(100),
        }
        | values
    )


def drawn(days: list[JudgedDay], of: Event) -> dict[str, Any]:
    figure = chart.around(days, of, currency="USD", look=charts.LIGHT, height=100)
    return {trace.name: trace for trace in figure.data if trace.name}


def test_days_of_the_event_are_told_apart_and_those_that_are_not_final_hatched() -> None:
    days = [judged(FINAL - timedelta(days=1), 510), judged(FINAL, 900, "high")]
    days.append(judged(FINAL + timedelta(days=1), 100, is_provisional=True))
    traces = drawn(days, event())
    assert list(traces["Spike"].x) == [FINAL]
    assert traces["Spike"].marker.color == charts.LIGHT.high
    assert list(traces["Cost"].marker.pattern.shape) == ["", "/"]
    assert list(traces["Stands out"].marker.symbol) == ["triangle-up-open"]
    # A bar alone in its series has no width of its own.
    assert traces["Spike"].width == traces["Cost"].width > 0


def test_only_days_that_went_the_way_of_the_event_are_marked() -> None:
    first = FINAL - timedelta(days=2)
    days = [judged(first + timedelta(days=number), cost, "high") for number, cost in enumerate((900, 10, 950))]
    lasting = event(kind="level shift", start_date=first, last_date=FINAL, end_date=None)
    assert list(drawn(days, lasting)["Stands out"].x) == [first, FINAL]


def test_a_slow_change_is_marked_on_the_day_it_was_recognised() -> None:
    days = [judged(FINAL - timedelta(days=number), 600) for number in range(9, -1, -1)]
    slow = event(kind="drift", start_date=days[0].usage_date, last_date=FINAL, recognised_on=days[6].usage_date)
    assert list(drawn(days, slow)["Stands out"].x) == [days[6].usage_date]


def test_a_choice_survives_the_url() -> None:
    choice = Choice("resolved", ("critical", "medium"), ("everything", "team"), 250, 12)
    assert Choice.from_query(choice.to_query()) == choice
    assert Choice.from_query({}) == Choice()
    assert Choice.from_query({"status": ["x"], "min": ["-5"], "id": ["1e3"], "scope": ["tag"]}) == Choice()
    assert Choice.from_query({"id": ["9" * 20], "min": ["9" * 20]}) == Choice()
