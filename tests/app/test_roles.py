"""Roles on the pages: what takes a right is drawn off without it, and refused by the server and by the database."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from streamlit.testing.v1 import AppTest

from costpulse_app import people
from costpulse_app.alerts import detail as alert_detail
from costpulse_app.alerts import sending
from costpulse_app.allocation import draft as drafts
from costpulse_app.allocation import members
from costpulse_app.anomalies import actions as on_anomalies
from costpulse_app.anomalies.reads import event
from costpulse_app.recommendations import actions as on_recommendations
from costpulse_app.recommendations.reads import recommendations
from costpulse_assets.alerts.links import LinkAction, Links, signing_key
from costpulse_assets.allocation.alert_routes import AlertRouteDocument, save_alert_route
from costpulse_assets.allocation.budgets import BudgetDocument, save_budget
from costpulse_assets.allocation.rule_set import (
    MemberDocument,
    RuleSet,
    TeamDocument,
    replace_rule_set,
    stored_rule_set,
)
from costpulse_assets.analysis import anomaly_status, recommendation_status
from costpulse_assets.errors import BadInput, DatabaseRefused, NotAllowed
from costpulse_assets.identities import Identities
from costpulse_assets.people import RIGHTS, ROLES, Person, Right, Role
from costpulse_assets.reports.report_request import checked_request
from costpulse_assets.reports.requests import request_report
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.database_errors import DatabaseReadOnly
from tests.app.books import Books
from tests.app.conftest import TODAY, Opener, _forget
from tests.app.test_alerts_page import CONTENT, NOON, add_alert, add_finding, add_message
from tests.app.test_anomalies_page import add_event
from tests.app.test_pages import texts
from tests.app.test_recommendations_page import add
from tests.app.test_reports_page import add_report
from tests.conftest import database

#: Ids of what belongs to the team Data platform, which is 1, and to Risk, which is 2.
OWN, FOREIGN = 1, 2
OCTOBER = date(2026, 10, 1)
RULES = {
    "teams": [
        {"name": "Data platform", "members": [{"email": "ada@example.com"}]},
        {"name": "Risk", "members": [{"email": "bob@example.com"}]},
    ],
    "rules": [
        {
            "name": name,
            "team": "Data platform",
            "rule_type": "tag_match",
            "conditions": {"key": "team", "values": [name]},
        }
        for name in ("etl", "load")
    ],
    "splits": [
        {
            "name": "warehouse",
            "rule_type": "warehouse_match",
            "conditions": {"warehouses": ["w4"]},
            "basis": "fixed",
            "shares": [{"team": "Data platform", "weight": "50"}, {"team": "Risk", "weight": "50"}],
        }
    ],
}
#: What people decide and edit.
TABLES = (
    "alert_history", "alert_outbox", "alert_routes", "alerts", "allocation_rules", "anomalies", "audit_log", "budgets",
    "closed_periods", "cost_splits", "recommendations", "reports", "split_weights", "tag_policies", "team_members",
    "teams", "used_links",
)  # fmt: skip

Act = tuple[str, Right]


@dataclass(frozen=True)
class Place:
    """A page or a tab of it, and the keys of what can be done there with the right that each takes."""

    page: str
    query: dict[str, str]
    acts: tuple[Act, ...]


def _acts(right: Right, *keys: str) -> tuple[Act, ...]:
    return tuple((key, right) for key in keys)


PLACES = {
    "anomalies": Place("anomalies", {}, _acts("decide on findings", f"acknowledge_{OWN}")),
    "anomaly": Place(
        "anomalies",
        {"id": str(OWN)},
        _acts("decide on findings", f"acknowledge_{OWN}", "resolve", "expect", "assign"),
    ),
    "anomaly that is decided": Place("anomalies", {"id": "3"}, _acts("decide on findings", "reopen", "assign")),
    "recommendation": Place(
        "recommendations",
        {"id": str(OWN)},
        _acts("decide on findings", "detail_accept", "detail_done", "detail_dismiss", "detail_assign"),
    ),
    "recommendation that is decided": Place(
        "recommendations", {"id": "3"}, _acts("decide on findings", "detail_reopen", "detail_done")
    ),
    "alerts": Place(
        "alerts",
        {},
        _acts("edit alerts", "new_alert", "edit_alert", "test_alert", "mute_alert", "switch_alert", "delete_alert"),
    ),
    "channels": Place(
        "alerts",
        {"tab": "channels"},
        _acts("edit alerts", "channel_0_test", "new_route", "edit_route", "delete_route"),
    ),
    "finding": Place(
        "alerts",
        {"id": str(OWN)},
        (("acknowledge", "decide on findings"), (f"resend_{OWN}", "send messages again")),
    ),
    "budgets": Place(
        "forecast", {"tab": "budgets"}, _acts("edit budgets", "new_budget", "edit_budget", "delete_budget")
    ),
    "tags": Place("tags", {}, _acts("edit tag policies", "new_tag", "edit_tag", "delete_tag")),
    "rules": Place(
        "allocation",
        {"tab": "rules"},
        _acts(
            "edit rules",
            *("add_rule", "edit_rule", "move_rule_1", "delete_rule", "add_split", "edit_split", "delete_split"),
            "simulate",
        ),
    ),
    "teams": Place("allocation", {"tab": "teams"}, _acts("edit rules", "add_team", "edit_team", "delete_team")),
    "open month": Place("allocation", {"tab": "statement"}, _acts("close months", "ask_month")),
    "closed month": Place("allocation", {"tab": "statement", "month": "2026-10"}, _acts("reopen months", "ask_month")),
    "reports": Place("reports", {}, _acts("ask for reports", "new_report", "run_again")),
    "report": Place("reports", {"id": str(OWN)}, _acts("ask for reports", "run_again")),
}


def fill(url: str) -> None:
    """Of everything that people decide or edit one of each team, or one."""
    books = Books(
        workspaces={"100": "northwind-prod"}, teams=["Data platform", "Risk"], provisional={TODAY: Decimal(0)}
    )
    for back in range(60):
        day = TODAY - timedelta(days=back)
        books.add(day, "20", product="ALL_PURPOSE", sku="ALL_PURPOSE", cluster_id="c1", team=1, tags={"env": "prod"})
        books.add(day, "7", product="SQL", sku="SQL_PRO", warehouse_id="w4", team=2)
    books.write(url)
    final = TODAY - timedelta(days=1)
    for number, team, decided in ((OWN, "1", {}), (FOREIGN, "2", {}), (3, "1", {"status": "acknowledged"})):
        add_event(
            url, number, scope_type="team", scope_id=team, start_date=final,
            **(decided and decided | {"decided_by": "ada", "decided_at": NOON}),
        )  # fmt: skip
    add(url, OWN)
    add(url, FOREIGN, team_id=2)
    add(url, 3, status="accepted", decided_by="ada", decided_at=NOON)
    add_alert(url, OWN, threshold_value=40)
    for number in (OWN, FOREIGN):
        add_finding(url, number, OWN, scope_type="team", scope_id=str(number), team_id=number)
        add_message(url, number, "refused")
        add_report(
            url,
            number,
            team_id=number,
            team_name=RULES["teams"][number - 1]["name"],
            status="failed",
            problem="The disk is full.",
        )
    with Database(url).transaction() as connection:
        connection.execute("select set_config('costpulse.actor', 'ada', true)")
        replace_rule_set(connection, RuleSet.model_validate(RULES), "ada", identities=Identities(None))
        save_budget(connection, BudgetDocument(name="Account", scope_type="everything", amount=Decimal(900)), "ada")
        save_alert_route(connection, AlertRouteDocument(team="Risk", channel="webhook:pager"))
        signing_key(connection)
        connection.execute("insert into costpulse.closed_periods (month, closed_by) values (%s, 'ada')", [OCTOBER])
        for name in ("anomalies", "recommendations", "alerts", "alert_history", "alert_outbox", "reports"):
            # The numbers above were given by hand.
            connection.execute("select setval(pg_get_serial_sequence(%s, 'id'), 100)", [f"costpulse.{name}"])


@pytest.fixture(scope="module")
def url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """One database for all: tests change what no other one looks at, or nothing."""
    with database(postgres_server, template=migrated_template) as made:
        fill(made)
        yield made
        _forget()


@pytest.fixture
def open_as(
    app: Opener, url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Role, str, str, dict[str, str]], AppTest]:
    """Opens a page as somebody: `open_as("viewer", "1", "alerts", {"tab": "channels"})`."""
    hook = {"name": "pager", "url": "http://127.0.0.1:9/x", "secret": "s" * 44}
    monkeypatch.setenv("COSTPULSE_WEBHOOKS", json.dumps([hook]))

    def open_(role: Role, scope: str, page: str, query: dict[str, str]) -> AppTest:
        become(monkeypatch, role, scope)
        return app(url, f"views/{page}.py", **query)

    return open_


@pytest.fixture
def ready(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database, with the functions of the app connected to it; nobody looks at a page."""
    monkeypatch.setenv("COSTPULSE_DATABASE_URL", url)
    monkeypatch.setenv("COSTPULSE_TODAY", TODAY.isoformat())
    return url


@pytest.fixture
def second(ready: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Likewise, as the owner of Data platform."""
    become(monkeypatch, "team_owner", "1")
    return ready


def become(monkeypatch: pytest.MonkeyPatch, role: Role, scope: str = "all") -> None:
    monkeypatch.setattr(people, "LOCAL_ADMIN", Person(f"{role}@example.com", role, scope))


def rows(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def change(url: str, statement: str, *parameters: Any) -> None:
    """As somebody else does."""
    with psycopg.connect(url) as connection:
        connection.execute("select set_config('costpulse.actor', 'bob', true)")
        connection.execute(statement.encode(), parameters)


def stored(url: str) -> tuple[TeamDocument, ...]:
    with Database(url).transaction() as connection:
        return stored_rule_set(connection).teams


def contents(url: str) -> list[dict[str, Any]]:
    """All that people decide and edit, as one figure per table."""
    return rows(
        url,
        " union all ".join(
            f"select '{table}' as name, md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as content "
            f"from costpulse.{table} as t"
            for table in TABLES
        ),
    )


def boundary(place: Place) -> list[Role]:
    """Of every right of a place the roles that have it just so, and those that just lack it; the least first."""
    least = {ROLES.index(RIGHTS[right]) for _, right in place.acts}
    return [role for number, role in enumerate(ROLES) if {number, number + 1} & least]


def buttons(test: AppTest) -> dict[str, Any]:
    return {button.key: button for button in test.button if button.key}


def labelled(test: AppTest, label: str) -> Any:
    """The last button with a label: that of the form, where the page has one too."""
    return [button for button in test.button if button.label == label][-1]


def forge(button: Any) -> None:
    """A click on a button that is off, as a browser does not send it."""
    button._value = True


def said(test: AppTest) -> str:
    """Everything that is said, warnings and errors too."""
    kinds = ("success", "warning", "error")
    return "\n".join([texts(test), *(str(one.value) for kind in kinds for one in getattr(test, kind))]).replace(
        "\\", ""
    )


# --- drawn


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_what_takes_a_right_is_off_with_the_reason_for_roles_that_lack_it(
    place: Place, open_as: Callable[..., AppTest], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, test = contents(url), None
    for role in boundary(place):
        if test is None:
            test = open_as(role, "all", place.page, place.query)
        else:
            become(monkeypatch, role)
            test.run()
        assert not test.exception
        assert "Reference" not in texts(test)
        off = []
        for key, right in place.acts:
            button = buttons(test)[key]
            assert button.disabled is not Person("somebody", role).may(right), (role, key)
            if button.disabled:
                assert button.help == f"To {right} takes the role {RIGHTS[right].replace('_', ' ')}."
                off.append(button)
        # Clicks that no browser sends.
        for button in off:
            forge(button)
        if off:
            test.run()
            assert not test.exception
    assert contents(url) == before


# --- refused


#: A form opened by somebody who may, and what sends it; then the right is gone.
LEFT_OPEN = {
    "anomaly": ("anomaly", "assign", "Assign anomaly"),
    "recommendation": ("recommendation", "detail_accept", "Accept"),
    "alert": ("alerts", "edit_alert", "Save alert"),
    "mute": ("alerts", "mute_alert", "Mute"),
    "deleted alert": ("alerts", "delete_alert", "Delete alert"),
    "test message": ("alerts", "test_alert", "Send test"),
    "route": ("channels", "edit_route", "Save route"),
    "resend": ("finding", f"resend_{OWN}", "Send again"),
    "budget": ("budgets", "edit_budget", "Save budget"),
    "deleted budget": ("budgets", "delete_budget", "Delete budget"),
    "deleted tag policy": ("tags", "delete_tag", "Delete tag policy"),
    "month": ("open month", "ask_month", "Close November 2026 now"),
    "closed month": ("closed month", "ask_month", "Reopen October 2026 now"),
}


@pytest.mark.parametrize(("place", "opens", "sends"), LEFT_OPEN.values(), ids=LEFT_OPEN.keys())
def test_a_form_that_was_left_open_gives_nobody_a_right_they_have_lost(
    place: str, opens: str, sends: str, open_as: Callable[..., AppTest], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = open_as("admin", "all", PLACES[place].page, PLACES[place].query)
    buttons(test)[opens].click().run()
    before = contents(url)
    become(monkeypatch, "viewer")
    labelled(test, sends).click().run()
    assert not test.exception
    # The button of the form is off by now, or what it sent is refused.
    of_form = [button.help for button in test.button if button.label == sends and button.disabled]
    assert of_form or "viewer@example.com is viewer." in said(test)
    assert all("takes the role" in reason for reason in of_form)
    assert contents(url) == before


@pytest.mark.parametrize("role", ROLES)
def test_whoever_lacks_a_right_gets_no_connection_for_it(
    role: Role, ready: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(monkeypatch, role)
    for right, least in RIGHTS.items():
        if people.LOCAL_ADMIN.may(right):
            with people.acting(right) as connection:
                (row,) = connection.execute("select current_setting('costpulse.actor') as actor").fetchall()
            assert row["actor"] == f"{role}@example.com"
            continue
        with pytest.raises(NotAllowed, match=f"To {right} takes the role {least}"), people.acting(right):
            pytest.fail("it was given")
        with pytest.raises(NotAllowed):
            people.acting_database(right)


def test_messages_are_sent_by_who_may(ready: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(ready)
    become(monkeypatch, "team_owner", "1")
    with pytest.raises(NotAllowed, match="To send messages again takes the role finops"):
        sending.send_again(OWN)
    with pytest.raises(NotAllowed, match="To edit alerts takes the role finops"):
        sending.send_test("mine", "webhook:pager", CONTENT)
    assert contents(ready) == before


def test_rules_that_were_drafted_are_not_saved_by_who_may_not_any_more(
    open_as: Callable[..., AppTest], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = open_as("finops", "all", "allocation", {"tab": "rules"})
    test.button(key="delete_rule").click().run()
    test.button(key="simulate").click().run()
    before = contents(url)
    become(monkeypatch, "team_owner", "1")
    test.button(key="save").click().run()
    assert not test.exception
    assert test.button(key="save").help == "To edit rules takes the role finops."
    draft = drafts.Draft(*test.session_state["draft"], newest_version=0)
    with pytest.raises(NotAllowed, match="takes the role finops"):
        drafts.save(draft)
    assert contents(url) == before


# --- two editors

#: Where something is opened by which button and sent by which label, and what somebody else does in between.
SECOND = {
    "anomaly": ("anomaly", "assign", "Assign anomaly", "update costpulse.anomalies set assigned_to = 'x' where id = 1"),
    "recommendation": (
        "recommendation", "detail_accept", "Accept",
        "update costpulse.recommendations set due_date = '2026-12-01' where id = 1",
    ),
    "alert": ("alerts", "edit_alert", "Save alert", "update costpulse.alerts set cooldown_minutes = 65"),
    "mute": ("alerts", "mute_alert", "Mute", "update costpulse.alerts set muted_until = now() + interval '2 days'"),
    "switch": ("alerts", None, "Switch off", "update costpulse.alerts set severity = 'critical'"),
    "deleted alert": ("alerts", "delete_alert", "Delete alert", "update costpulse.alerts set owner = 'ada'"),
    "route": ("channels", "edit_route", "Save route", "update costpulse.alert_routes set channel = 'slack'"),
    "deleted route": ("channels", None, "Delete", "update costpulse.alert_routes set minimum_severity = 'warning'"),
    "budget": ("budgets", "edit_budget", "Save budget", "update costpulse.budgets set amount = amount + 1"),
    "deleted budget": ("budgets", "delete_budget", "Delete budget", "update costpulse.budgets set amount = amount + 1"),
    "deleted tag policy": (
        "tags", "delete_tag", "Delete tag policy", "update costpulse.tag_policies set case_sensitive = true",
    ),
    "rules": ("rules", "delete_rule", "Save and re-allocate", "update costpulse.allocation_rules set note = 'x'"),
}  # fmt: skip
_VERSIONED = ("alerts", "budgets", "tag_policies")


@pytest.mark.parametrize(("place", "opens", "sends", "statement"), SECOND.values(), ids=SECOND.keys())
def test_who_is_second_is_told_who_was_first_and_changes_nothing(
    place: str, opens: str | None, sends: str, statement: str, open_as: Callable[..., AppTest], url: str
) -> None:
    test = open_as("finops", "all", PLACES[place].page, PLACES[place].query)
    if opens is not None:
        test.button(key=opens).click().run()
    if place == "rules":
        test.button(key="simulate").click().run()
    table = statement.split()[1].removeprefix("costpulse.")
    set_, where, condition = statement.partition(" where ")
    change(url, f"{set_}{', version = version + 1' if table in _VERSIONED else ''}{where}{condition}")
    before = contents(url)
    labelled(test, sends).click().run()
    assert not test.exception
    assert re.search(r"Changed by bob at \d+ \w+ \d+, \d\d:\d\d UTC.*; reload to see it\.", said(test))
    assert contents(url) == before


# --- read-only


@pytest.fixture
def read_only(url: str) -> Iterator[str]:
    """The database, set so that it may only be read."""
    with psycopg.connect(url, autocommit=True) as admin:
        name = sql.Identifier(admin.info.dbname)
        admin.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(name))
        yield url
        admin.execute(sql.SQL("alter database {} reset default_transaction_read_only").format(name))


@pytest.mark.parametrize("place", ["anomaly", "channels", "budgets", "rules", "reports"])
def test_where_the_database_may_only_be_read_forms_are_off_with_the_reason_and_reads_work(
    place: str, open_as: Callable[..., AppTest], read_only: str
) -> None:
    before = contents(read_only)
    test = open_as("admin", "all", PLACES[place].page, PLACES[place].query)
    assert not test.exception
    assert "Reference" not in texts(test)
    assert "Read-only: nothing can be changed" in texts(test)
    for key, _ in PLACES[place].acts:
        assert "The database is read-only" in buttons(test)[key].help
        assert buttons(test)[key].disabled
    with pytest.raises(DatabaseReadOnly), people.acting("edit rules") as connection:
        connection.execute("delete from costpulse.alert_routes")
    with people.trying() as connection:
        connection.execute("create temporary table tried (id bigint)")
    assert contents(read_only) == before


def test_a_database_that_was_set_to_read_only_while_a_page_was_open_changes_nothing(
    open_as: Callable[..., AppTest], url: str, request: pytest.FixtureRequest
) -> None:
    test = open_as("admin", "all", "anomalies", {"id": str(OWN)})
    test.button(key="assign").click().run()
    before = contents(request.getfixturevalue("read_only"))
    labelled(test, "Assign anomaly").click().run()
    assert not test.exception
    assert "the database is read-only. Nothing was changed; everything can be read." in said(test)
    assert contents(url) == before


# --- links of messages


@pytest.mark.parametrize(
    ("action", "role", "is_allowed"),
    [
        ("acknowledge", "viewer", False),
        ("mute", "viewer", False),
        # An alert is there for others too: whoever may not edit it does not silence it by a link either.
        ("mute", "team_owner", False),
        ("acknowledge", "team_owner", True),
    ],
)
def test_a_signed_link_gives_no_right(
    action: LinkAction, role: Role, is_allowed: bool, open_as: Callable[..., AppTest], url: str
) -> None:
    with Database(url).transaction() as connection:
        links = Links("http://localhost", signing_key(connection))
    add_finding(url, 21, OWN, scope_type="team", scope_id="1", team_id=1)
    token = links.action(21, action, datetime.now(UTC)).partition("act=")[2]
    before = contents(url)
    test = open_as(role, "1", "alerts", {"act": token})
    assert test.button(key="link_do").disabled is not is_allowed
    forge(test.button(key="link_do"))
    test.run()
    assert not test.exception
    assert (contents(url) == before) is not is_allowed
    (row,) = rows(url, "select acknowledged_by from costpulse.alert_history where id = 21")
    assert row == {"acknowledged_by": "team_owner@example.com" if is_allowed else None}
    change(url, "delete from costpulse.alert_history where id = 21")


# --- scope


def test_who_owns_a_team_decides_about_its_findings(open_as: Callable[..., AppTest], url: str) -> None:
    add_event(url, 11, scope_type="team", scope_id="1", start_date=TODAY - timedelta(days=3))
    test = open_as("team_owner", "1", "anomalies", {"id": "11"})
    test.button(key="acknowledge_11").click().run()
    assert not test.exception
    (row,) = rows(url, "select status, decided_by from costpulse.anomalies where id = 11")
    assert row == {"status": "acknowledged", "decided_by": "team_owner@example.com"}
    add(url, 11)
    test = open_as("team_owner", "1", "recommendations", {"id": "11"})
    test.button(key="detail_assign").click().run()
    test.text_input(key="assign_to").set_value("ada")
    test.button(key="assign_send").click().run()
    assert not test.exception
    assert rows(url, "select assigned_to from costpulse.recommendations where id = 11") == [{"assigned_to": "ada"}]
    add_finding(url, 11, OWN, scope_type="team", scope_id="1", team_id=1)
    test = open_as("team_owner", "1", "alerts", {"id": "11"})
    test.button(key="acknowledge").click().run()
    assert not test.exception
    (row,) = rows(url, "select acknowledged_by from costpulse.alert_history where id = 11")
    assert row == {"acknowledged_by": "team_owner@example.com"}


@pytest.mark.parametrize("page", ["anomalies", "recommendations", "alerts", "reports"])
def test_what_is_of_another_team_and_what_never_was_get_the_same_sentence(
    page: str, open_as: Callable[..., AppTest]
) -> None:
    heard = []
    for number in (FOREIGN, 9_999):
        test = open_as("team_owner", "1", page, {"id": str(number)})
        assert not test.exception
        (sentence,) = [one.value for one in test.info if "not yours to see" in one.value]
        heard.append(sentence)
        assert not {"resolve", "detail_accept", "acknowledge", "run_again"} & buttons(test).keys()
    assert heard[0] == heard[1]


def test_a_form_of_the_session_with_a_finding_of_another_team_changes_nothing(
    open_as: Callable[..., AppTest], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = open_as("admin", "all", "anomalies", {})
    foreign, _ = event(FOREIGN)
    (advice,) = [one for one in recommendations(("admin",)) if one.id == FOREIGN]
    before = contents(url)
    become(monkeypatch, "team_owner", "1")
    test.session_state["anomaly_form"] = ("assign", foreign)
    test.query_params["id"] = str(FOREIGN)
    test.run()
    assert not test.exception
    assert not [button for button in test.button if button.label == "Assign anomaly"]
    # As if the finding were taken for one of the viewer's own.
    heard: list[str] = []
    monkeypatch.setattr(on_anomalies.st, "error", lambda text, **_: heard.append(text))
    assert foreign is not None
    for shown in (foreign, dataclasses.replace(foreign, status="resolved")):
        on_anomalies._save(
            shown, lambda database: anomaly_status.acknowledge(database, [FOREIGN], actor="me"), "it was written"
        )
    on_recommendations._save(
        [advice], lambda database: recommendation_status.reopen(database, [OWN, FOREIGN], actor="me"), "it was written"
    )
    assert [sentence.split(";")[0] for sentence in heard] == [
        "There is no anomaly 2", "There is no anomaly 2", heard[2].split(";")[0]
    ]  # fmt: skip
    assert "There is no recommendation 2" in heard[2]
    assert contents(url) == before


def test_several_findings_are_decided_about_together_or_not_at_all(second: str) -> None:
    before = contents(second)
    own = people.acting_database("decide on findings")
    with pytest.raises(BadInput, match="There is no anomaly 2; nothing was changed"):
        anomaly_status.acknowledge(own, [OWN, FOREIGN], actor="me")
    with pytest.raises(BadInput, match="There is no anomaly 2"):
        anomaly_status.assign(own, [OWN, FOREIGN], actor="me", to="me")
    with pytest.raises(BadInput, match="There is no recommendation 2; nothing was changed"):
        recommendation_status.accept(own, [OWN, FOREIGN], actor="me")
    with pytest.raises(BadInput, match="Somebody else acknowledged it"), people.acting("decide on findings") as given:
        alert_detail.mark_acknowledged(given, FOREIGN)
    assert contents(second) == before


@pytest.mark.parametrize("team", ["Risk", None])
def test_reports_of_other_teams_and_of_all_are_refused(team: str | None, second: str) -> None:
    before = contents(second)
    request = checked_request(report_type="showback", format="xlsx", first_day=OCTOBER, last_day=OCTOBER, team=team)
    with pytest.raises(BadInput, match="teams that are not yours"), people.acting("ask for reports") as connection:
        request_report(connection, request, requested_by="me")
    assert contents(second) == before


def test_who_sees_some_teams_is_offered_reports_of_these(open_as: Callable[..., AppTest], url: str) -> None:
    test = open_as("viewer", "1", "reports", {})
    test.button(key="new_report").click().run()
    (teams,) = [box for box in test.selectbox if box.label == "Team"]
    assert teams.options == ["Data platform"]
    (formats,) = [group for group in test.button_group if group.label == "Format"]
    assert not [option for option in formats.options if "FOCUS" in str(option)]
    labelled(test, "Make report").click().run()
    assert not test.exception
    (row,) = rows(url, "select team_id, requested_by from costpulse.reports where id > 100 order by id desc limit 1")
    assert row == {"team_id": 1, "requested_by": "viewer@example.com"}
    change(url, "delete from costpulse.reports where id > 100")


#: Statements that write past what the pages ask for, each for a team of somebody else or for all.
PAST_THE_PAGES = {
    "anomaly": "update costpulse.anomalies set status = 'resolved' where id = 2",
    "all anomalies of others": "update costpulse.anomalies set assigned_to = 'me' where scope_id <> '1'",
    "recommendation": "update costpulse.recommendations set status = 'done', done_on = current_date where id = 2",
    "finding": "update costpulse.alert_history set acknowledged_at = now(), acknowledged_by = 'me' where id = 2",
    "message": "update costpulse.alert_outbox set state = 'waiting', settled_at = null where id = 1",
    "route": "delete from costpulse.alert_routes",
    "budget": "delete from costpulse.budgets",
    "tag policy": "update costpulse.tag_policies set required = false",
    "suggestion": "delete from costpulse.rule_suggestions",
    "member": "update costpulse.team_members set role = 'owner' where team_id <> 1",
    "team": "update costpulse.teams set name = 'Mine' where id = 2",
    "own team": "update costpulse.teams set parent_team_id = 2 where id = 1",
    "rule": "update costpulse.allocation_rules set is_active = false",
    "split": "delete from costpulse.split_weights",
    "alert": "update costpulse.alerts set muted_until = now() + interval '1 day'",
    "closing": "update costpulse.closed_periods set reopened_at = now(), reopened_by = 'me'",
}


@pytest.mark.parametrize("statement", PAST_THE_PAGES.values(), ids=PAST_THE_PAGES.keys())
def test_the_database_refuses_what_is_outside_of_the_scope(statement: str, second: str) -> None:
    before = contents(second)
    with people.acting("decide on findings") as connection:
        assert connection.execute(statement.encode()).rowcount == 0
    assert contents(second) == before


@pytest.mark.parametrize(
    "statement",
    [
        "update costpulse.anomalies set scope_id = '2' where id = 1",
        "update costpulse.recommendations set team_id = 2 where id = 1",
        "update costpulse.alert_history set team_id = 2 where id = 1",
        "insert into costpulse.alert_routes (minimum_severity, channel) values ('info', 'email:me@example.com')",
        "insert into costpulse.budgets (name, scope_type, scope_id, period, amount, thresholds) "
        "values ('mine', 'team', '2', 'month', 1, '{}')",
        "insert into costpulse.tag_policies (tag_key) values ('mine')",
        "insert into costpulse.audit_log (actor, table_name, row_id, action) values ('ada', 'teams', '1', 'update')",
        "insert into costpulse.team_members (team_id, email) values (2, 'me@example.com')",
        "update costpulse.team_members set team_id = 2 where team_id = 1",
        "insert into costpulse.teams (name) values ('Mine')",
        "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from) values ('*', 50, '2026-01-01')",
        "insert into costpulse.closed_periods (month, closed_by) values ('2026-09-01', 'me')",
        "delete from costpulse.anomalies",
        "delete from costpulse.reports",
    ],
)
def test_the_database_gives_nothing_away_to_another_team(statement: str, second: str) -> None:
    before = contents(second)
    with pytest.raises(DatabaseRefused), people.acting("decide on findings") as connection:
        connection.execute(statement.encode())
    assert contents(second) == before


# --- members


def test_who_owns_a_team_edits_its_members_and_no_others(
    open_as: Callable[..., AppTest], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = open_as("team_owner", "1", "allocation", {"tab": "teams"})
    assert not test.exception
    assert test.selectbox(key="members_team").options == ["Data platform"]
    assert test.button(key="add_team").disabled
    test.button(key="edit_members").click().run()
    assert not test.exception
    labelled(test, "Save members").click().run()
    assert not test.exception
    assert "Saved the members of Data platform." in said(test)

    test = open_as("viewer", "1", "allocation", {"tab": "teams"})
    before = contents(url)
    assert test.button(key="edit_members").help == "To edit members takes the role team owner."
    test.session_state["editing_members"] = (stored(url)[0], 1)
    test.run()
    assert labelled(test, "Save members").disabled
    become(monkeypatch, "viewer", "1")
    with pytest.raises(NotAllowed, match="To edit members takes the role team_owner"):
        members.save(stored(url)[0], [])
    assert contents(url) == before


def test_members_are_saved_for_own_teams_only_and_by_name(second: str, monkeypatch: pytest.MonkeyPatch) -> None:
    teams = {team.name: team for team in stored(second)}
    grace = MemberDocument(email="grace@example.com", role="owner")
    before = contents(second)
    with pytest.raises(NotAllowed, match="There is no such team, or it is not yours to edit"):
        members.save(teams["Risk"], [grace])
    with pytest.raises(NotAllowed, match="There is no such team, or it is not yours to edit"):
        members.save(teams["Risk"].model_copy(update={"name": "No such team"}), [grace])
    assert contents(second) == before
    members.save(teams["Data platform"], [*teams["Data platform"].members, grace])
    (row,) = rows(second, "select team_id, role from costpulse.team_members where email = 'grace@example.com'")
    assert row == {"team_id": 1, "role": "owner"}
    (audited,) = rows(second, "select actor from costpulse.audit_log where table_name = 'team_members' and "
                              "after ->> 'email' = 'grace@example.com'")  # fmt: skip
    assert audited == {"actor": "team_owner@example.com"}
    # What the first one saw is not there any more.
    with pytest.raises(BadInput, match=r"Changed by team_owner@example.com at .* UTC; reload to see it\."):
        members.save(teams["Data platform"], [])
    members.save(next(team for team in stored(second) if team.name == "Data platform"), teams["Data platform"].members)
