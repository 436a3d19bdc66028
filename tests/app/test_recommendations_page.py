"""Recommendations: rows as runs leave them, what people decide about them, and what one of something costs."""

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import streamlit as st
from psycopg import sql
from psycopg.rows import dict_row
from streamlit.testing.v1 import AppTest

from costpulse_app import charts, formats, people
from costpulse_app.recommendations import actions, chart, listing, reads, units_tab, words
from costpulse_app.recommendations.chart import KindSaving
from costpulse_app.recommendations.reads import Decision, Recommendation
from costpulse_app.recommendations.state import Choice
from costpulse_assets.analysis import recommendation_status
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.costs.spend import NONE
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from tests.app.books import Books
from tests.app.conftest import TODAY, LookedAtBy, Opener
from tests.app.test_pages import metric, query, texts
from tests.conftest import database

PAGE = "views/recommendations.py"
#: The last final day of the books.
FINAL = date(2026, 11, 22)
NOON = datetime.combine(TODAY, time(12), tzinfo=UTC)
HOSTILE = "<b>=cmd()</b><script>x</script> *x* $1$ [l](http://e.example)"
FORMULA = '=HYPERLINK("http://e.example","free")'

IDLE, SIZE, JOB, STOP, FAILED, GONE, DONE, DISMISSED = range(1, 9)


def rows(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def change(url: str, statement: str, *parameters: Any) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), parameters)


def insert(url: str, table: str, row: dict[str, Any]) -> None:
    names, marks = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    with psycopg.connect(url) as connection:
        connection.execute(
            f"insert into costpulse.{table} ({names}) overriding system value values ({marks})".encode(), row
        )


def add(url: str, number: int, **values: Any) -> None:
    """A recommendation with this id: an idle cluster of the team Data platform, if nothing else is said."""
    saving = values.pop("saving", Decimal(100))
    resource = values.get("resource_id", f"c{number}")
    insert(
        url,
        "recommendations",
        {
            "id": number,
            "type": "idle_cluster",
            "workspace_id": "100",
            "resource_type": "cluster",
            "resource_id": resource,
            "resource_name": f"cluster {number}",
            "bearer_type": values.get("resource_type", "cluster"),
            "bearer_id": resource,
            "acts_on": "idle time",
            "severity": "medium",
            "title": f'Stop "cluster {number}"',
            "team_id": 1,
            "estimated_savings": saving,
            "standalone_savings": saving or Decimal(300),
            "resource_cost_usd": Decimal(1000),
            "confidence": "high",
            "confidence_reason": "It was counted on 30 days.",
            "evidence": json.dumps({"idle_hours": 12.5, "idle_cost_usd": 1234.5, "idle_percent": 80}),
            "calculation": "12.5 h x 8 USD = 100 USD",
            "window_first": FINAL - timedelta(days=29),
            "window_last": FINAL,
            "found_first_at": NOON - timedelta(days=10),
            "found_at": NOON,
        }
        | values,
    )


def add_outcome(url: str, number: int, **values: Any) -> None:
    insert(
        url,
        "recommendation_outcomes",
        {
            "recommendation_id": number,
            "workspace_id": "100",
            "resource_type": "cluster",
            "resource_id": f"c{number}",
            "resource_name": HOSTILE,
            "bearer_type": "cluster",
            "bearer_id": f"c{number}",
            "team_id": 1,
            "setting": "auto_termination_minutes",
            "setting_from": None,
            "setting_to": "30",
            "changed_on": date(2026, 11, 1),
            "measured_on": FINAL,
            "measured_from": date(2026, 11, 2),
            "days_before": 60,
            "days_after": 21,
            "actual_cost_usd": 210,
            "counterfactual_usd": 420,
            "counterfactual_lower_usd": 315,
            "counterfactual_upper_usd": 525,
            "saving_usd": 210,
            "saving_lower_usd": 105,
            "saving_upper_usd": 315,
            "saving_per_30_days_usd": 300,
            "saving_per_30_days_lower_usd": 150,
            "saving_per_30_days_upper_usd": 450,
            "comparable_resources": 3,
            "placebos": 20,
            "method": "test",
            "verdict": "proved",
            "sentence": "Saves 300 USD per 30 days.",
            "measured_at": NOON,
        }
        | values,
    )


@pytest.fixture(scope="module")
def template(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """The database of `found`, to be cloned: nobody is connected to it."""
    with database(postgres_server, template=migrated_template) as url:
        fill(url)
        name = urlsplit(url).path.removeprefix("/")
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            # TimescaleDB's scheduler connects to every database it may; a template must be left alone.
            admin.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        yield name


@pytest.fixture
def found(postgres_server: str, template: str) -> Iterator[str]:
    """Eight recommendations: five open ones, one gone, one done, one dismissed."""
    with database(postgres_server, template=template) as url:
        yield url


def fill(url: str) -> None:
    """Two workspaces, two teams, a cluster with a hostile name, recommendations, units of ten weeks."""
    books = Books(
        workspaces={"100": "northwind-prod", "200": None},
        teams=["Data platform", "Risk"],
        provisional={TODAY: Decimal("0.38"), TODAY - timedelta(days=1): Decimal("0.96")},
    )
    for back in range(70):
        day = TODAY - timedelta(days=back)
        books.add(day, "20", product="ALL_PURPOSE", sku="ALL_PURPOSE", cluster_id="c1", team=1, tags={"env": "prod"})
        books.add(day, "500", job_id="1", job_name="<b>nightly</b> load", team=1)
        books.add(day, "7", workspace="200", product="SQL", sku="SQL_PRO", warehouse_id="w4", team=2)
    books.write(url)
    add(
        url, IDLE, saving=Decimal("600.123456789012345678"), resource_name=HOSTILE, title=f'Stop "{HOSTILE}"',
        severity="high", setting="auto_termination_minutes", setting_from="4320", setting_to="30",
        command='databricks api post /api/2.1/clusters/update --json \'{"cluster_id": "c1"}\'',
        person="ada@example.com", wasted_usd=Decimal(50), vm_savings=Decimal(77), vm_savings_source="estimate",
    )  # fmt: skip
    # The same idle hours again, and what else there is to do about the same cluster.
    add(
        url, SIZE, type="right_size_cluster", acts_on="size", resource_id="c1", resource_name=HOSTILE, title=FORMULA,
        saving=Decimal(120), confidence="low", wasted_usd=Decimal(40),
    )  # fmt: skip
    add(
        url, JOB, type="jobs_on_all_purpose", acts_on="price", resource_type="job", resource_id="1", saving=Decimal(0),
        resource_name=None, bearer_type="cluster", bearer_id="c1", title="Move the job", confidence="medium",
    )  # fmt: skip
    add(
        url, STOP, type="warehouse_auto_stop", workspace_id="200", resource_type="warehouse", resource_id="w4",
        resource_name="BI", title='Stop "BI" sooner', team_id=2, saving=Decimal(200), confidence="medium",
    )  # fmt: skip
    add(url, FAILED, saving=Decimal(90), found_first_at=NOON - timedelta(days=31), team_id=None)
    add(url, GONE, status="expired", gone_at=NOON, status_reason="condition is gone")
    add(url, DONE, status="done", done_on=date(2026, 11, 1), decided_by="ada", decided_at=NOON)
    add(
        url, DISMISSED, status="dismissed", status_reason="We need it", dismissed_savings=100, decided_by="bob",
        decided_at=NOON, dismissed_until=date(2026, 12, 24),
    )  # fmt: skip
    for back in range(70):
        day = TODAY - timedelta(days=back)
        # Dearer in the last 28 final days, and twice as dear on those that are not final.
        cost = 40 if day > FINAL else 20 if day > FINAL - timedelta(days=28) else 10
        for unit, kind, workspace, resource, usd, units in (
            ("job run", "job", "100", "1", cost, 4),
            ("job run", "job", "200", None, 6, 1),
            ("successful job run", "job", "100", "1", cost, 2),
            ("query", "warehouse", "200", "w4", 7, 2_000),
            ("active user", "account", None, None, 527, 5),
            ("active user", "workspace", "100", None, 520, 5),
            ("active user", "workspace", "200", None, 7, 3),
        ):
            change(
                url,
                "insert into costpulse.unit_costs values (%s, %s, %s, %s, %s, %s, %s)",
                *(day, unit, kind, workspace, resource, usd, units),
            )


def listed(test: AppTest) -> list[str]:
    """Titles in the order of the table; none where there is no table."""
    tables = [one.value for one in test.dataframe if "Recommendation" in one.value.columns]
    return list(tables[0]["Recommendation"]) if tables else []


def table(test: AppTest, *columns: str) -> list[dict[str, Any]]:
    """The rows of the one table that has these columns."""
    (frame,) = [one.value for one in test.dataframe if set(columns) <= set(one.value.columns)]
    return list(frame[list(columns)].to_dict("records"))


def status(url: str, number: int) -> dict[str, Any]:
    (row,) = rows(url, "select * from costpulse.recommendations where id = %s", number)
    return row


OPEN = [f'Stop "{HOSTILE}"', 'Stop "BI" sooner', 'Stop "cluster 5"', FORMULA, "Move the job"]


# --- the list


def test_open_ones_are_listed_by_saving_and_confidence(app: Opener, found: str) -> None:
    test = app(found, PAGE)
    assert not test.exception
    assert "Reference" not in texts(test)
    assert test.title[0].value == "Recommendations"
    # 600 and 90 count in full, 200 by half, 120 by a quarter.
    assert listed(test) == OPEN
    assert "Where two kinds act on the same cost, only the larger saving counts." in texts(test)


def test_the_cards_add_up_what_is_counted_once(app: Opener, found: str) -> None:
    test = app(found, PAGE)
    assert metric(test, "Possible saving").value == "$1,010"
    said = texts(test)
    assert "Exactly $1,010.12." in said
    assert "per month, 5 recommendations; each saving is counted once" in said
    # Of one cluster, the larger of what two types call wasted.
    assert "apart from it: $50.00 wasted, gone already" in said
    assert metric(test, "Accepted").value == "$0.00"
    assert metric(test, "Proved").value == formats.UNKNOWN
    assert "Not measured yet" in said
    assert metric(test, "Median age").value == "10 days"
    assert "the oldest: 31 days" in said


def test_the_savings_of_the_table_are_exact_and_add_up_to_the_card(app: Opener, found: str) -> None:
    shown = table(app(found, PAGE), "Saving per month", "On its own", "Confidence", "Team", "Effort", "Age", "Resource")
    assert sum(row["Saving per month"] for row in shown) == Decimal("1010.123456789012345678")
    assert shown[0] == {
        "Saving per month": Decimal("600.123456789012345678"),
        "On its own": Decimal("600.123456789012345678"),
        "Confidence": "High",
        "Team": "Data platform",
        "Effort": "Low",
        "Age": 10,
        "Resource": f"Cluster {HOSTILE}",
    }
    assert (shown[4]["Saving per month"], shown[4]["On its own"]) == (0, 300)
    assert shown[2]["Team"] == "Unallocated"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("accepted", []),
        ("done", ['Stop "cluster 7"']),
        ("dismissed", ['Stop "cluster 8"']),
        ("expired", ['Stop "cluster 6"']),
        ("nonsense", OPEN),
    ],
)
def test_every_status_has_its_list_and_its_link(chosen: str, expected: list[str], app: Opener, found: str) -> None:
    test = app(found, PAGE, status=chosen)
    assert not test.exception
    assert listed(test) == expected
    assert query(test).get("status", ["open"]) == [chosen if chosen != "nonsense" else "open"]


def test_filters_are_in_the_link_and_narrow_the_cards(app: Opener, found: str) -> None:
    test = app(found, PAGE, kind=["idle_cluster", "warehouse_auto_stop", "nonsense"], sure="high")
    assert listed(test) == [OPEN[0], OPEN[2]]
    assert query(test) == {"kind": ["idle_cluster", "warehouse_auto_stop"], "sure": ["high"]}
    assert metric(test, "Possible saving").value == "$690.12"
    test.selectbox(key="r_least").set_value("medium").run()
    assert listed(test) == [OPEN[0], OPEN[1], OPEN[2]]
    test.multiselect(key="r_kinds").set_value(["failed_runs"]).run()
    assert listed(test) == []
    assert "No recommendation of this list passes the filters above." in texts(test)
    test.multiselect(key="r_kinds").set_value([]).run()
    test.selectbox(key="r_least").set_value("low").run()
    assert listed(test) == OPEN
    assert query(test) == {}


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"team": "2"}, [OPEN[1]]),
        ({"team": NONE}, [OPEN[2]]),
        ({"ws": "200"}, [OPEN[1]]),
        ({"cluster": "100/c1"}, [OPEN[0], OPEN[3], OPEN[4]]),
        ({"job": "100/1"}, [OPEN[4]]),
        ({"ws": "100", "team": "2"}, []),
    ],
)
def test_team_workspace_and_resource_of_the_bar_narrow_the_list(
    chosen: dict[str, str], expected: list[str], app: Opener, found: str
) -> None:
    test = app(found, PAGE, **chosen)
    assert not test.exception
    assert listed(test) == expected


def test_what_does_not_apply_is_said(app: Opener, found: str) -> None:
    test = app(found, PAGE, basis="list", tag="env=prod", product="JOBS")
    assert listed(test) == OPEN
    assert "The period, list price, tags, the filter by product do not apply here" in texts(test)
    assert "at your price" in texts(test)
    assert query(test) == {"basis": ["list"], "tag": ["env=prod"], "product": ["JOBS"]}


def test_names_from_the_data_are_text_and_nothing_else(app: Opener, found: str) -> None:
    for column in ("confidence_reason", "calculation", "command", "status_reason", "note", "assigned_to", "person"):
        change(found, f"update costpulse.recommendations set {column} = %s", HOSTILE)
    change(found, "update costpulse.recommendations set evidence = %s", json.dumps({HOSTILE: HOSTILE}))
    add_outcome(found, DONE, sentence=HOSTILE)
    opened = [app(found, PAGE), app(found, PAGE, tab="proved"), app(found, PAGE, id=str(IDLE))]
    for test in (*opened, app(found, PAGE, id=str(DONE))):
        assert not test.exception
        assert "Reference" not in texts(test)
        shown = [element.value for kind in ("markdown", "caption", "subheader", "info") for element in test.get(kind)]
        bare = [text.replace(f"`{HOSTILE}`", "") for text in shown]
        assert not any("<b>" in text or "<script>" in text or "[l](" in text or "$1$" in text for text in bare)
    assert any(formats.plain(HOSTILE) in element.value for element in opened[2].markdown)


def test_the_file_has_exact_amounts_and_no_formulas(app: Opener, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[str] = []
    monkeypatch.setattr(st, "download_button", lambda label, data, *_, **__: files.append(data))
    assert not app(found, PAGE).exception
    (text,) = files
    written = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["Recommendation"] for row in written] == [*OPEN[:3], "'" + FORMULA, OPEN[4]]
    assert written[0]["Saving per month"] == "600.123456789012345678"


# --- one recommendation


def test_a_link_opens_the_detail_and_back_leads_to_the_list(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(IDLE), sure="high")
    assert not test.exception
    said = texts(test)
    assert "Reference" not in said
    assert metric(test, "Saving per month").value == "$600.12"
    assert metric(test, "Cost of the resource").value == "$1,000"
    assert metric(test, "Wasted").value == "$50.00"
    assert metric(test, "Machines").value == "$77.00"
    assert "estimate; in no other figure" in said
    assert "60.0% of what it costs" in said
    kind = RECOMMENDATION_TYPES["idle_cluster"]
    for part in (kind.change, kind.undo, kind.wrong_when, "12.5 h x 8 USD = 100 USD", "It was counted on 30 days."):
        assert part in said
    assert "**auto_termination_minutes**: 4320 → 30" in said
    assert "| hours of them in which nothing happened | 12.5 |" in said
    assert "| USD that the idle hours cost | $1,234.50 |" in said
    assert "| idle_hours in percent of up_hours | 80 % |" in said
    assert any('"cluster_id": "c1"' in code.value for code in test.code)
    assert query(test) == {"id": [str(IDLE)], "sure": ["high"]}
    test.button(key="back").click().run()
    assert listed(test) == [OPEN[0], OPEN[2]]
    assert query(test) == {"sure": ["high"]}


def test_one_whose_saving_another_has_says_so(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(JOB))
    assert metric(test, "Saving per month").value == "$0.00"
    assert "already in the saving of another on the same resource" in texts(test)
    assert "of the cluster, in these 30 days" in texts(test)


def test_the_cost_by_day_is_that_of_what_is_billed(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(JOB))
    shown = table(test, "Day", "Final", "Cost")
    assert {row["Cost"] for row in shown} == {Decimal(20)}
    assert (shown[0]["Day"], shown[0]["Final"]) == (TODAY, "no")
    assert shown[-1]["Day"] == FINAL - timedelta(days=59)
    test.button(key="explore").click().run()
    assert test.title[0].value == "Cost explorer"
    assert query(test)["cluster"] == ["100/c1"]
    assert query(test)["period"] == ["2026-10-24", "2026-11-22"]


@pytest.mark.parametrize("number", ["99", "9999999999999999999"])
def test_an_id_that_is_not_there_gets_one_sentence(number: str, app: Opener, found: str) -> None:
    test = app(found, PAGE, id=number)
    assert not test.exception
    assert "There is no such recommendation, or it is not yours to see." in texts(test)


def test_a_type_that_is_gone_has_a_detail_of_what_is_stored(app: Opener, found: str) -> None:
    change(found, "update costpulse.recommendations set type = 'of_before' where id = %s", IDLE)
    assert listed(app(found, PAGE)) == OPEN
    test = app(found, PAGE, id=str(IDLE))
    assert not test.exception
    assert "| idle hours | 12.5 |" in texts(test)


# --- decisions


def submit(test: AppTest, form: str, *, key: str = "detail", **values: Any) -> AppTest:
    test.button(key=f"{key}_{form}").click().run()
    for name, value in values.items():
        kinds = [test.text_input, test.text_area, test.date_input]
        (widget,) = [one for kind in kinds for one in kind if one.key == f"{form}_{name}"]
        widget.set_value(value)
    return test.button(key=f"{form}_send").click().run()


def test_accepting_takes_who_and_when_and_moves_the_saving(app: Opener, found: str) -> None:
    test = submit(app(found, PAGE, id=str(IDLE)), "accept", to="ben", due=date(2026, 11, 20), note="in the *next* week")
    assert not test.exception
    assert test.success[0].value.replace("\\", "") == f'Stop "{HOSTILE}": accepted.'
    row = status(found, IDLE)
    assert (row["status"], row["assigned_to"], row["due_date"]) == ("accepted", "ben", date(2026, 11, 20))
    (entry,) = rows(found, "select actor from costpulse.audit_log where table_name = 'recommendations'")
    assert entry["actor"] == people.LOCAL_ADMIN.name
    said = texts(test)
    assert f"{people.LOCAL_ADMIN.name} accepted it and assigned it to ben and set 20 Nov 2026 as its due date" in said
    assert "(note: “in the *next* week”)" in said
    test.button(key="back").click().run()
    assert metric(test, "Accepted").value == "$600.12"
    assert "1 past the due date" in texts(test)
    assert OPEN[0] not in listed(test)


def test_done_lies_not_in_the_future(app: Opener, found: str) -> None:
    test = submit(app(found, PAGE, id=str(IDLE)), "done", on=TODAY + timedelta(days=1))
    assert "Done date cannot lie in the future." in test.error[0].value.replace("\\", "")
    assert status(found, IDLE)["status"] == "open"
    test.date_input(key="done_on").set_value(TODAY)
    test.button(key="done_send").click().run()
    assert not test.error
    assert status(found, IDLE)["done_on"] == TODAY
    assert "Not measured yet" in texts(test)
    assert f"marked it as done on {formats.day(TODAY)}" in texts(test)


def test_dismissing_needs_a_reason_and_a_day_to_come(app: Opener, found: str) -> None:
    test = submit(app(found, PAGE, id=str(STOP)), "dismiss", reason="  ", until=date(2026, 12, 24))
    assert "Give a reason; it trains the rules." in test.error[0].value.replace("\\", "")
    test.text_area(key="dismiss_reason").set_value("People wait for it")
    test.date_input(key="dismiss_until").set_value(TODAY)
    test.button(key="dismiss_send").click().run()
    assert "The end date must lie after today." in test.error[0].value.replace("\\", "")
    assert status(found, STOP)["status"] == "open"
    test.date_input(key="dismiss_until").set_value(date(2026, 12, 24))
    test.button(key="dismiss_send").click().run()
    assert status(found, STOP)["dismissed_until"] == date(2026, 12, 24)
    assert "dismissed it until 24 Dec 2026: “People wait for it”" in texts(test)
    test.button(key="back").click().run()
    assert OPEN[1] not in listed(test)


def test_what_was_decided_can_be_opened_again_and_what_is_gone_cannot(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(DISMISSED))
    assert "Dismissed: We need it" in texts(test)
    test.button(key="detail_reopen").click().run()
    assert status(found, DISMISSED)["status"] == "open"
    assert f"{people.LOCAL_ADMIN.name} opened it again" in texts(test)
    keys = [button.key for button in app(found, PAGE, id=str(GONE)).button]
    assert not {"detail_reopen", "detail_accept", "detail_dismiss"} & set(keys)


def test_one_is_assigned_and_the_assignment_taken_away(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(IDLE))
    for name, said in (("ada@example.com", "assigned it to ada@example.com"), ("", "took the assignment away")):
        test = submit(test, "assign", to=name)
        assert status(found, IDLE)["assigned_to"] == (name or None)
        assert said in texts(test)


def test_a_form_is_left_without_a_change(app: Opener, found: str) -> None:
    test = app(found, PAGE, id=str(IDLE))
    test.button(key="detail_dismiss").click().run()
    test.button(key="dismiss_send_not").click().run()
    assert not test.exception
    assert status(found, IDLE)["status"] == "open"
    assert not [area for area in test.text_area if area.key == "dismiss_reason"]


def test_what_somebody_else_decided_meanwhile_is_not_overwritten(
    app: Opener, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app(found, PAGE)
    stale = [one for one in reads.recommendations(()) if one.id == IDLE]
    said: list[str] = []
    monkeypatch.setattr(actions.st, "error", lambda text, **_: said.append(text.replace("\\", "")))
    recommendation_status.accept(Database(found), [IDLE], actor="bob")
    actions._save(stale, lambda: pytest.fail("it was written"), "")
    assert re.fullmatch(r"Changed by bob at .* UTC: .*; reload to see it\.", said[0])


def tick(test: AppTest, *ticked: int) -> AppTest:
    """Ticks these rows of the list of what is open."""
    key = listing.table_key([IDLE, STOP, FAILED, SIZE, JOB])
    test.session_state[key] = {"selection": {"rows": list(ticked), "columns": [], "cells": []}}
    return test.run()


def test_ticked_rows_of_one_kind_are_decided_about_together(app: Opener, found: str) -> None:
    test = tick(app(found, PAGE), 0, 2)
    assert "**2 rows, $690.12 per month**" in texts(test)
    test = submit(test, "dismiss", key="bulk", reason="Both are needed")
    assert not test.exception
    assert test.success[0].value.replace("\\", "") == "2 recommendations: dismissed."
    assert [status(found, number)["status"] for number in (IDLE, FAILED, STOP)] == ["dismissed", "dismissed", "open"]


def test_ticked_rows_of_several_kinds_are_not(app: Opener, found: str) -> None:
    test = tick(app(found, PAGE), 0, 1)
    assert "They are of several kinds: tick rows of one kind only." in texts(test)
    assert not [button for button in test.button if (button.key or "").startswith("bulk_")]


def test_the_button_of_a_row_opens_it(app: Opener, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    test = app(found, PAGE)
    opened: list[int] = []
    monkeypatch.setattr(listing, "open_one", opened.append)
    shown = test.session_state["recommendations_listed"]
    for click in ({"row": 3, "label": "Details"}, {"row": 99, "label": "Details"}, None):
        monkeypatch.setattr(
            listing.st, "session_state", {"recommendation_opened": click, "recommendations_listed": shown}
        )
        listing._open_row()
    assert opened == [SIZE]


def test_a_decision_shows_at_once_and_other_reads_are_kept(app: Opener, found: str) -> None:
    app(found, PAGE)
    before = reads.version(("data",))
    assert reads.version(("data",)) == before
    recommendation_status.assign(Database(found), [IDLE], actor="bob", to="ada")
    assert reads.version(("data",)) != before


# --- what it saved


def test_what_is_proved_is_in_the_card_and_the_tab_once(app: Opener, found: str) -> None:
    add_outcome(found, DONE)
    add_outcome(found, IDLE, resource_id="c7", bearer_id="c7", saving_per_30_days_usd=200)
    add_outcome(found, GONE, verdict="measuring", saving_per_30_days_usd=None, changed_on=date(2026, 11, 20),
                measured_from=None)  # fmt: skip
    add_outcome(found, DISMISSED, changed_on=date(2026, 1, 1))
    test = app(found, PAGE, tab="proved")
    assert not test.exception
    assert metric(test, "Proved").value == "$300.00"
    assert "per month, $150.00 to $450.00" in texts(test)
    assert "1 of 3 changes proved" in texts(test)
    shown = table(test, "Resource", "Verdict", "Saving per month", "At least", "Counts", "Change")
    assert [row["Counts"] for row in shown if row["Verdict"] == "Proved"].count("yes") == 2
    assert shown[0] == {
        "Resource": f"Cluster {HOSTILE} (northwind-prod, …c7)",
        "Verdict": "Proved",
        "Saving per month": Decimal(300),
        "At least": Decimal(150),
        "Counts": "yes",
        "Change": "auto_termination_minutes: none → 30",
    }
    # The first is shown day by day; it has a recommendation to open.
    assert "Saves 300 USD per 30 days." in texts(test)
    test.button(key="open_recommendation").click().run()
    assert query(test)["id"] == [str(DONE)]


def test_a_change_without_a_recommendation_is_shown_by_day(app: Opener, found: str) -> None:
    add_outcome(found, DONE, recommendation_id=None, resource_id="c1", bearer_id="c1")
    test = app(found, PAGE, tab="proved")
    assert not test.exception
    assert "Reference" not in texts(test)
    assert {row["Cost"] for row in table(test, "Day", "Final", "Cost")} == {Decimal(20)}
    assert "open_recommendation" not in [button.key for button in test.button]


def test_the_detail_shows_what_was_measured(app: Opener, found: str) -> None:
    add_outcome(found, DONE, bearer_id="c1")
    change(found, "update costpulse.recommendations set bearer_id = 'c1' where id = %s", DONE)
    test = app(found, PAGE, id=str(DONE))
    assert not test.exception
    assert metric(test, "Measured").value == "$300.00"
    assert "Saves 300 USD per 30 days." in texts(test)


def test_nothing_measured_is_no_zero(app: Opener, found: str) -> None:
    test = app(found, PAGE, tab="proved")
    assert "Not measured yet: 1 recommendation done" in texts(test)
    change(found, "delete from costpulse.recommendations where id = %s", DONE)
    assert "Nothing to measure yet." in texts(app(found, PAGE, tab="proved"))


# --- unit costs


def test_units_are_ratios_of_sums_of_final_days(app: Opener, found: str) -> None:
    test = app(found, PAGE, tab="units")
    assert not test.exception
    assert "Reference" not in texts(test)
    shown = {row["Cost of one"]: row for row in table(test, "Cost of one", "Now", "Before", "Change", "Number")}
    # (20 + 6) / 5 against (10 + 6) / 5.
    assert shown["Job run"] == {
        "Cost of one": "Job run", "Now": "$5.20", "Before": "$3.20", "Change": "+62.5%", "Number": Decimal(140),
    }  # fmt: skip
    assert shown["Successful run"]["Now"] == "$10.00"
    assert (shown["Query"]["Now"], shown["Query"]["Change"]) == ("$0.0035", "0.0%")
    assert shown["Active user and day"]["Now"] == "$105.40"
    assert "26 Oct - 22 Nov 2026 against the 28 days before" in texts(test)


def test_the_weeks_are_whole_and_final(app: Opener, found: str) -> None:
    app(found, PAGE)
    weeks = reads.unit_cost_weeks((), FINAL)["job run"]
    assert list(weeks)[-2:] == [date(2026, 11, 9), date(2026, 11, 16)]
    assert weeks[date(2026, 11, 16)] == Decimal("5.2")
    assert list(reads.unit_cost_weeks((), FINAL - timedelta(days=1))["job run"])[-1] == date(2026, 11, 9)


def test_the_dearest_are_named_and_the_link_keeps_the_unit(app: Opener, found: str) -> None:
    test = app(found, PAGE, tab="units", unit="job run")
    assert table(test, "Job", "Workspace", "Cost of one", "Before", "Change", "Number") == [
        {"Job": "Runs without a job", "Workspace": "(unnamed) …200", "Cost of one": Decimal(6), "Before": Decimal(6),
         "Change": "0.0%", "Number": Decimal(28)},
        {"Job": "<b>nightly</b> load", "Workspace": "northwind-prod", "Cost of one": Decimal(5),
         "Before": Decimal("2.5"), "Change": "+100.0%", "Number": Decimal(112)},
    ]  # fmt: skip
    test = app(found, PAGE, tab="units", unit="active user")
    assert query(test) == {"tab": ["units"], "unit": ["active user"]}
    assert [row["Workspace"] for row in table(test, "Workspace", "Cost of one", "Number")] == [
        "northwind-prod",
        "(unnamed) …200",
    ]


def test_workspaces_narrow_the_units(app: Opener, found: str) -> None:
    app(found, PAGE)
    narrowed = reads.unit_costs((), FINAL, ("200",))
    assert narrowed["job run"].each == 6
    assert narrowed["active user"].each == Decimal(7) / 3
    assert "successful job run" not in narrowed


def test_a_unit_of_which_there_was_none_has_no_price(app: Opener, found: str) -> None:
    change(found, "update costpulse.unit_costs set units = 0 where unit = 'query'")
    change(found, "update costpulse.unit_costs set cost_usd = null where unit = 'successful job run'")
    test = app(found, PAGE, tab="units", unit="query")
    assert not test.exception
    shown = {row["Cost of one"]: row["Now"] for row in table(test, "Cost of one", "Now")}
    assert (shown["Query"], shown["Successful run"]) == (formats.UNKNOWN, formats.UNKNOWN)
    assert "There was none in these days." in texts(test)


def test_nothing_counted_is_said(app: Opener, found: str) -> None:
    change(found, "delete from costpulse.unit_costs")
    test = app(found, PAGE, tab="units")
    assert not test.exception
    assert "Nothing is counted for these workspaces yet" in texts(test)


@pytest.mark.parametrize(
    ("amount", "written"),
    [("5.2", "$5.20"), ("0.0035", "$0.0035"), ("0.00001", "<$0.0001"), ("0", "$0.00"), (None, "-")],
)
def test_the_cost_of_one_keeps_its_digits(amount: str | None, written: str) -> None:
    assert units_tab.each(None if amount is None else Decimal(amount), "USD") == written


# --- who sees what


def test_a_scope_sees_its_own_rows_and_no_units(app: Opener, found: str, looked_at_by: LookedAtBy) -> None:
    app(found, PAGE)
    add_outcome(found, DONE)
    assert len(reads.recommendations(())) == 8
    looked_at_by("viewer", "1,2")
    assert {one.id for one in reads.recommendations(("1,2",))} == {IDLE, SIZE, JOB, STOP, GONE, DONE, DISMISSED}
    assert len(reads.outcomes(("1,2",))) == 1
    assert reads.unit_costs(("1,2",), FINAL, ()) == {}
    assert reads.unit_cost_weeks(("1,2",), FINAL, ()) == {}
    assert reads.dearest(("1,2",), "job run", FINAL, ()) == []
    recommendation_status.assign(Database(found), [IDLE], actor="bob", to="ada")
    assert len(reads.history(("1,2",), IDLE)) == 1
    looked_at_by("viewer", "2")
    assert {one.id for one in reads.recommendations(("2",))} == {STOP}
    assert reads.detail(("2",), IDLE) is None
    assert reads.history(("2",), IDLE) == []
    assert reads.outcomes(("2",)) == []


# --- states


def test_nothing_found_names_the_checks_and_their_thresholds(
    app: Opener, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(found, "delete from costpulse.recommendations")
    monkeypatch.setenv("COSTPULSE_RECOMMENDATION_THRESHOLDS", '{"idle_cluster": {"minimum_idle_hours": 77}}')
    test = app(found, PAGE)
    assert not test.exception
    checks = len(RECOMMENDATION_TYPES)
    assert f"Nothing found; {checks} checks run with every collection, on the 30 days to 22 Nov 2026." in texts(test)
    shown = table(test, "Check", "Threshold", "Value", "Unit")
    assert {row["Check"] for row in shown} == {kind.title for kind in RECOMMENDATION_TYPES.values()}
    ours = {"Check": "Idle cluster", "Threshold": "Fewest idle hours in the window.", "Value": "77", "Unit": "hours"}
    assert ours in shown
    assert metric(test, "Possible saving").value == "$0.00"
    assert metric(test, "Median age").value == formats.UNKNOWN


def test_nothing_open_any_more_says_when_it_was_looked_for(app: Opener, found: str) -> None:
    change(found, "delete from costpulse.recommendations where status <> 'done'")
    checks = len(RECOMMENDATION_TYPES)
    assert f"Nothing is open; {checks} checks ran on 24 Nov 2026." in texts(app(found, PAGE))


def test_before_any_day_is_final_nothing_is_said(app: Opener, found: str) -> None:
    change(found, "delete from costpulse.recommendations")
    change(found, "update costpulse.completeness set is_provisional = true")
    for tab in ("list", "proved", "units"):
        assert not app(found, PAGE, tab=tab).exception
    assert "run as soon as a day is final" in texts(app(found, PAGE))


def test_a_part_that_fails_is_one_sentence_with_a_reference(app: Opener, found: str) -> None:
    change(found, "alter table costpulse.recommendations rename to away")
    test = app(found, PAGE)
    assert not test.exception
    assert "Reference" in texts(test)
    assert test.title[0].value == "Recommendations"


def test_units_that_fail_leave_the_cards(app: Opener, found: str) -> None:
    change(found, "alter table costpulse.unit_costs rename to away")
    test = app(found, PAGE, tab="units")
    assert "Reference" in texts(test)
    assert metric(test, "Possible saving").value == "$1,010"


def test_a_database_that_is_away_is_one_message(app: Opener) -> None:
    test = app("postgresql://nobody@127.0.0.1:9/none", PAGE)
    assert not test.exception
    assert test.title[0].value == "The database does not answer"


# --- choice, words, charts


def test_a_choice_survives_the_url() -> None:
    choice = Choice("units", "dismissed", ("failed_runs", "idle_cluster"), "medium", 12, "query")
    assert set(Choice.from_query(choice.to_query()).kinds) == set(choice.kinds)
    assert Choice.from_query(choice.to_query()).to_query() == Choice.from_query(choice.to_query()).to_query()
    assert Choice.from_query({}) == Choice()
    assert Choice.from_query({"status": ["x"], "sure": ["?"], "id": ["1e3"], "tab": [""], "unit": ["mile"]}) == Choice()
    assert Choice.from_query({"id": ["9" * 20]}) == Choice()


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("idle_hours", Decimal("719.50"), "719.5"),
        ("runs", 1200, "1,200"),
        ("idle_percent", Decimal("99.9"), "99.9 %"),
        ("idle_cost_usd", Decimal("1234.5"), "$1,234.50"),
        ("jobs_rate", Decimal("0.15"), "$0.1500"),
        ("photon", True, "yes"),
        ("nothing", None, "-"),
        ("names", ["a", 2], "a, 2"),
        ("counted_from", "2026-11-01", "1 Nov 2026"),
        ("counted_from", "2026-13-01", "2026-13-01"),
    ],
)
def test_figures_are_written_by_what_they_are_measured_in(name: str, value: Any, written: str) -> None:
    assert words.figure(name, value, "USD") == written


def decided(**values: Any) -> Decision:
    return Decision(
        **dict.fromkeys(Decision.__dataclass_fields__) | {"status": "open", "status_before": "open"} | values
    )


def test_decisions_are_sentences() -> None:
    assert words.decision(decided(status="expired", reason="condition is gone")) == "let it expire: “condition is gone”"
    assert words.decision(decided(due_before=FINAL)) == "took the due date away"
    assert words.decision(decided(note="x")) == "changed the decision (note: “x”)"


def test_bars_of_a_kind_can_be_followed_and_what_is_accepted_is_hatched() -> None:
    kinds = [KindSaving("a", "<A>", Decimal(5), Decimal(2)), KindSaving("b", "B", Decimal(1), Decimal(0))]
    figure = chart.by_kind(kinds, currency="USD", look=charts.LIGHT)
    opened, accepted = figure.data[:2]
    assert [point[0] for point in opened.customdata] == ["b", "a"]
    assert list(opened.x) == [1, 5]
    assert accepted.marker.pattern.shape == "/"
    assert list(figure.layout.yaxis.ticktext) == ["B", "&lt;A&gt;"]
    assert len(chart.by_kind(kinds[1:], currency="USD", look=charts.DARK).data) == 2


def test_the_trend_tells_the_days_apart_and_draws_the_counterfactual(app: Opener, found: str) -> None:
    app(found, PAGE)
    add_outcome(found, DONE)
    (outcome,) = reads.outcomes(())
    days = [FINAL + timedelta(days=number) for number in range(-40, 3)]
    figure = chart.before_and_after(
        dict.fromkeys(days, Decimal(10)),
        Period(FINAL - timedelta(days=29), FINAL),
        changed_on=outcome.changed_on,
        outcome=outcome,
        last_final=FINAL,
        currency="USD",
        look=charts.LIGHT,
    )
    traces = {trace.name: trace for trace in figure.data if trace.name}
    assert min(traces["After the change"].x) == date(2026, 11, 2)
    assert traces["After the change"].marker.pattern.shape[-2:] == ("/", "/")
    assert max(traces["Days the saving rests on"].x) == date(2026, 11, 1)
    # 420 USD in 21 days.
    assert list(traces["Without the change, mean per day"].y) == [20, 20]
    assert list(traces["95 of 100 cases"].y) == [25, 25]


def test_what_is_wasted_of_one_resource_is_told_once() -> None:
    def one(kind: str, bearer: str, wasted: int | None) -> Recommendation:
        values: dict[str, Any] = dict.fromkeys(Recommendation.__dataclass_fields__)
        usd = None if wasted is None else Decimal(wasted)
        return Recommendation(**values | {"type": kind, "bearer_type": "job", "bearer_id": bearer, "wasted_usd": usd})

    several = [one("a", "1", 5), one("a", "1", 5), one("b", "1", 8), one("a", "2", 1), one("b", "3", None)]
    assert listing.wasted_once(several) == 11
