"""`alert`: a test arrives where the alert would, marked, and says what was answered; a preview changes nothing."""

import csv
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.alerts.message import Message
from costpulse_assets.allocation.alert_routes import AlertRouteDocument, save_alert_route
from costpulse_assets.allocation.alerts import AlertDocument, save_alert
from costpulse_assets.allocation.rule_set import RuleSet, TeamDocument, replace_rule_set
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.alerts.servers import SECRET, SlackServer, WebhookServer, rate_limited, status
from tests.cli.conftest import Run
from tests.cli.processes import refused

TODAY = date(2026, 11, 30)


@pytest.fixture
def database(database_url: str) -> Database:
    """A team of a cost centre; of the last ten days one costs 90 dollars, another 80.5, the others 5."""
    database = Database(database_url)
    with database.transaction() as connection:
        teams = (TeamDocument(name="Risk", cost_center="cc-1"),)
        replace_rule_set(connection, RuleSet(teams=teams), "nina", identities=Identities(None))
        connection.execute(
            "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
            "select d::date, 0, 1, false, 'none' from generate_series('2026-11-20'::date, '2026-11-29', '1d') as d"
        )
        connection.execute(
            "insert into costpulse.daily_workspace_costs (usage_date, workspace_id, product, cost_usd, record_count) "
            "select d::date, '77', 'JOBS', case d::date when '2026-11-22' then 90 when '2026-11-27' then 80.5 else 5 "
            "end, 1 from generate_series('2026-11-20'::date, '2026-11-29', '1d') as d"
        )
    return database


@pytest.fixture
def pager() -> Iterator[WebhookServer]:
    with WebhookServer() as server:
        yield server


def make(database: Database, **fields: Any) -> int:
    document = AlertDocument.model_validate(
        {"name": "Too much", "alert_type": "daily_budget", "threshold_value": 80} | fields
    )
    with database.transaction() as connection:
        connection.execute("select set_config('costpulse.actor', 'nina', true)")
        return save_alert(connection, document)


def route(database: Database, **fields: Any) -> None:
    with database.transaction() as connection:
        connection.execute("select set_config('costpulse.actor', 'nina', true)")
        save_alert_route(connection, AlertRouteDocument.model_validate(fields))


def variables(database: Database, server: WebhookServer | None = None, **more: str) -> dict[str, str]:
    webhooks = [] if server is None else [{"name": "pager", "url": server.endpoint, "secret": SECRET}]
    return {
        "COSTPULSE_DATABASE_URL": database.url,
        "COSTPULSE_TODAY": f"{TODAY}",
        "COSTPULSE_WEBHOOKS": json.dumps(webhooks),
        **more,
    }


def outbox(database: Database) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        return connection.execute(
            "select purpose, channel, state, requeued_by, content from costpulse.alert_outbox order by id"
        ).fetchall()


# --- a test


def test_a_test_arrives_marked_and_the_answer_is_printed(here: Run, database: Database, pager: WebhookServer) -> None:
    make(database, notification_channels=["webhook:pager"])
    done = here("alert", "test", "too MUCH", "--actor", "omar", **variables(database, pager))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "delivered  webhook:pager: The webhook pager answered 204.\n"
    (received,) = pager.received
    assert received.json["is_test"] is True
    assert received.json["title"] == "Test of the alert Too much"
    (row,) = outbox(database)
    assert (row["purpose"], row["state"], row["requeued_by"]) == ("test", "delivered", "omar")


def test_a_test_says_what_the_alert_said_last(here: Run, database: Database, pager: WebhookServer) -> None:
    alert_id = make(database, notification_channels=["webhook:pager"])
    with database.transaction() as connection:
        for day, title in (("2026-11-22", "older"), ("2026-11-27", "$80.50 on Friday")):
            connection.execute(
                "insert into costpulse.alert_history (alert_id, status, message, finding_key, alert_type, severity, "
                "scope_type, scope_id, scope_name, subject, phase, reminder, occurred_on, triggered_at, evidence, "
                "content) values (%s, 'told', %s, %s, 'daily_budget', 'critical', 'everything', '', 'all', %s, "
                "'firing', 0, %s, %s, '{}', %s)",
                [
                    *(alert_id, title, day, day, day, day),
                    Message(title=title, text="It is.", severity="critical").model_dump_json(),
                ],
            )
    assert here("alert", "test", "Too much", **variables(database, pager)).returncode == 0
    assert (pager.received[0].json["title"], pager.received[0].json["is_test"]) == ("$80.50 on Friday", True)


def test_only_the_test_is_sent_and_each_answer_has_its_line(
    here: Run, database: Database, pager: WebhookServer
) -> None:
    make(database, notification_channels=["webhook:nobody", "webhook:pager"])
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.alert_outbox (dedup_key, purpose, severity, channel, content, due_at) "
            "values ('other', 'test', 'info', 'webhook:pager', '{\"title\": \"other\"}', '2026-01-01')"
        )
    pager.script([status(500)])
    done = here("alert", "test", "Too much", **variables(database, pager))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "refused    webhook:nobody: COSTPULSE_WEBHOOKS has no webhook nobody."
    assert lines[1].startswith("failed     webhook:pager: The webhook pager answered 500")
    assert [row["state"] for row in outbox(database)] == ["waiting", "refused", "refused"]
    assert len(pager.received) == 1


def test_a_channel_can_be_named_even_if_the_alert_is_switched_off(
    here: Run, database: Database, pager: WebhookServer
) -> None:
    make(database, is_active=False, notification_channels=["email:nina@northwind.example"])
    done = here("alert", "test", "Too much", "--channel", "webhook:pager", **variables(database, pager))
    assert (done.returncode, [row["channel"] for row in outbox(database)]) == (0, ["webhook:pager"])
    wrong = here("alert", "test", "Too much", "--channel", "fax", **variables(database, pager))
    assert wrong.returncode == 2
    assert "'fax' is not a channel" in wrong.stderr


def test_without_channels_it_goes_where_the_routes_lead_or_to_the_default(
    here: Run, database: Database, pager: WebhookServer
) -> None:
    make(database)
    make(database, name="Of Risk", scope_type="team", scope="Risk", severity="critical")
    nowhere = here("alert", "test", "Too much", **variables(database, pager))
    refused(nowhere, "Too much goes nowhere", "--channel")
    route(database, cost_center="cc-1", minimum_severity="critical", channel="webhook:pager")
    with SlackServer() as slack:
        setting = variables(database, pager, COSTPULSE_SLACK_WEBHOOK_URL=slack.webhook_url)
        assert here("alert", "test", "Of Risk", **setting).stdout.startswith("delivered  webhook:pager: ")
        assert here("alert", "test", "Too much", **setting).stdout.startswith("delivered  slack: ")
        assert len(slack.messages) == 1
        slack.script([rate_limited(30)])
        throttled = here("alert", "test", "Too much", **setting)
    assert throttled.returncode == 1
    assert throttled.stdout.startswith("failed     slack: ")


def test_what_cannot_be_tried_is_said(here: Run, database: Database) -> None:
    setting = variables(database)
    refused(here("alert", "test", "Too much", **setting), "There is no alert called Too much.", "Make one")
    make(database, name="Wrong", alert_type="spend")
    refused(here("alert", "test", "Too much", **setting), "There is no alert called Too much.", "one of them: Wrong.")
    refused(here("alert", "test", "Wrong", **setting), "There is no type of alerts called spend.")
    refused(here("alert", "preview", "Wrong", **setting), "There is no type of alerts called spend.")
    make(database, name="Runs", alert_type="pipeline_failed", threshold_value=None)
    refused(here("alert", "preview", "Runs", **setting), "What Runs would have said cannot be known: ")


# --- a preview


def test_a_preview_prints_what_would_have_been_said_and_writes_nothing(here: Run, database: Database) -> None:
    make(database, notification_channels=["webhook:pager"])
    table = here("alert", "preview", "Too much", **variables(database))
    assert (table.returncode, table.stderr) == (0, "2 messages in 2026-09-02 to 2026-11-30.\n")
    assert "2026-11-22" in table.stdout
    assert "80.50" in table.stdout
    rows = json.loads(here("alert", "preview", "Too much", "--format", "json", **variables(database)).stdout)
    assert [(row["day"], row["value"], row["unit"], row["phase"]) for row in rows] == [
        ("2026-11-22", 90, "USD", "firing"),
        ("2026-11-27", 80.5, "USD", "firing"),
    ]
    recent = here("alert", "preview", "Too much", "--days", "5", "--format", "csv", **variables(database))
    (row,) = csv.DictReader(recent.stdout.splitlines())
    assert (row["day"], Decimal(row["value"])) == ("2026-11-27", Decimal("80.5"))
    assert recent.stderr == "1 message in 2026-11-26 to 2026-11-30.\n"
    with database.transaction() as connection:
        left = connection.execute(
            "select (select count(*) from costpulse.alert_history) + (select count(*) from costpulse.alert_outbox) as n"
        ).fetchall()
    assert left == [{"n": 0}]
