"""Alerts and routes as people save them: named faults, nobody overwrites what he did not see, and everything stays."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.allocation.alert_routes import (
    AlertRouteChangedMeanwhile,
    AlertRouteDocument,
    BadAlertRoutes,
    StoredAlertRoute,
    delete_alert_route,
    save_alert_route,
    stored_alert_routes,
)
from costpulse_assets.allocation.alerts import (
    AlertChangedMeanwhile,
    AlertDocument,
    AlertHasHistory,
    BadAlerts,
    StoredAlert,
    delete_alert,
    mute_alert,
    save_alert,
    stored_alerts,
)
from costpulse_assets.allocation.rule_set import RuleSet, TeamDocument, replace_rule_set
from costpulse_assets.errors import BadInput
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Connection, Database
from tests.conftest import database as another_database

_TEAMS = (TeamDocument(name="Finance", cost_center="cc-1"), TeamDocument(name="Risk", parent="Finance"))


@pytest.fixture(scope="module")
def shared(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    with another_database(postgres_server, template=migrated_template) as url:
        yield Database(url)


@pytest.fixture
def connection(shared: Database) -> Iterator[Connection]:
    """Two teams, and nina at work; nothing of it stays."""
    with shared.transaction() as connection:
        replace_rule_set(connection, RuleSet(teams=_TEAMS), "nina", identities=Identities(None))
        yield connection
        connection.rollback()


def document(**fields: Any) -> AlertDocument:
    return AlertDocument.model_validate({"name": "Mine", "alert_type": "idle_cluster"} | fields)


def stored(connection: Connection, alert_id: int) -> StoredAlert:
    return next(each for each in stored_alerts(connection) if each.id == alert_id)


def bill(connection: Connection) -> None:
    """A workspace with a job, and two clusters of one name."""
    connection.execute("insert into costpulse.workspaces (workspace_id, name) values ('77', 'Prod')")
    connection.execute(
        "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from) values "
        "('77', 'job', '1', 'nightly', '2026-01-01'), ('77', 'cluster', 'a', 'shared', '2026-01-01'), "
        "('77', 'cluster', 'b', 'shared', '2026-01-01')"
    )


def completeness(connection: Connection, first: date, last: date, first_open: date) -> None:
    connection.execute(
        "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
        "select d::date, 0, 1, d::date >= %s, 'none' from generate_series(%s::date, %s::date, '1d') as d",
        [first_open, first, last],
    )


# --- saved


def test_what_is_saved_is_what_is_stored_with_the_team_by_its_id(connection: Connection) -> None:
    typed = document(
        scope_type="team",
        scope="Risk",
        threshold_value=Decimal("12.5"),
        options={"days": 3, "kinds": ["clusters"], "strict": True, "share": Decimal("0.50"), "nothing": None},
        severity="critical",
        notification_channels=["slack:#finops", " routed "],
        owner="nina@northwind.example",
        quiet_from="22:00",
        quiet_until=time(6, 30),
        watches_from=date(2026, 1, 1),
    )
    alert = stored(connection, save_alert(connection, typed))
    assert alert.document == typed
    assert typed.options == {"days": "3", "kinds": ("clusters",), "strict": "true", "share": "0.5"}
    (team,) = connection.execute("select id::text from costpulse.teams where name = 'Risk'").fetchall()
    assert (alert.version, alert.scope_id, alert.has_history) == (1, team["id"], False)


def test_a_change_counts_the_version_and_leaves_the_others_as_they_are(connection: Connection) -> None:
    other = save_alert(connection, document(name="Other", watches_from=date(2026, 1, 1)))
    alert_id = save_alert(connection, document())
    assert save_alert(connection, document(name="MINE", cooldown_minutes=5), alert_id, 1) == alert_id
    assert (stored(connection, alert_id).version, stored(connection, other).version) == (2, 1)
    actors = connection.execute(
        "select action, actor from costpulse.audit_log where table_name = 'alerts' and row_id = %s::text order by id",
        [alert_id],
    ).fetchall()
    assert actors == [{"action": "insert", "actor": "nina"}, {"action": "update", "actor": "nina"}]


def test_nobody_overwrites_or_deletes_what_he_did_not_see(connection: Connection) -> None:
    alert_id = save_alert(connection, document())
    save_alert(connection, document(cooldown_minutes=5), alert_id, 1)
    for attempt in (
        lambda: save_alert(connection, document(cooldown_minutes=9), alert_id, 1),
        lambda: delete_alert(connection, alert_id, 1),
    ):
        with pytest.raises(AlertChangedMeanwhile, match="Changed by nina at"):
            attempt()
    delete_alert(connection, alert_id, 2)
    assert stored_alerts(connection) == []
    with pytest.raises(AlertChangedMeanwhile, match="Deleted by nina at"):
        save_alert(connection, document(), alert_id, 2)
    with pytest.raises(AlertChangedMeanwhile, match="Deleted by nina at"):
        mute_alert(connection, alert_id, None)


def test_nobody_changes_anything_without_a_name(connection: Connection) -> None:
    alert_id = save_alert(connection, document())
    connection.execute("select set_config('costpulse.actor', ' ', true)")
    for attempt in (
        lambda: save_alert(connection, document(name="Other")),
        lambda: delete_alert(connection, alert_id),
        lambda: mute_alert(connection, alert_id, None),
        lambda: save_alert_route(connection, AlertRouteDocument(channel="slack")),
    ):
        with pytest.raises(BadInput, match="Nobody is named"):
            attempt()


def test_an_alert_with_a_history_can_only_be_switched_off(connection: Connection) -> None:
    alert_id = save_alert(connection, document())
    connection.execute(
        "insert into costpulse.alert_history (alert_id, status, message, finding_key, alert_type, severity, "
        "scope_type, scope_id, scope_name, subject, phase, reminder, occurred_on, evidence, content) "
        "values (%s, 'told', 'idle', 'key', 'idle_cluster', 'warning', 'everything', '', 'all', 'day', 'firing', 0, "
        "'2026-01-31', '{}', '{}')",
        [alert_id],
    )
    with pytest.raises(AlertHasHistory, match="Mine went off before") as refusal:
        delete_alert(connection, alert_id)
    assert "Switch it off" in refusal.value.next_step
    save_alert(connection, document(is_active=False), alert_id)
    assert not stored(connection, alert_id).document.is_active


def test_an_alert_keeps_its_team_when_that_is_gone_and_others_are_saved(connection: Connection) -> None:
    alert_id = save_alert(connection, document(scope_type="team", scope="Risk"))
    scope_id = stored(connection, alert_id).scope_id
    replace_rule_set(connection, RuleSet(teams=_TEAMS[:1]), "nina", identities=Identities(None))
    save_alert(connection, document(name="Other"))
    gone = stored(connection, alert_id)
    assert (gone.scope_id, gone.document.scope, gone.version) == (scope_id, scope_id, 1)
    with pytest.raises(BadAlerts, match=f"There is no team {scope_id}"):
        save_alert(connection, gone.document, alert_id)


# --- refused


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"name": "x" * 81}, "name", "Name must have at most 80 characters."),
        ({"name": "OTHER"}, "name", "An alert named Other exists already."),
        ({"scope": "Risk"}, "scope", "Everything needs no scope: leave Risk out, or say what it is."),
        ({"scope_type": "job"}, "scope", "Name the job."),
        ({"scope_type": "tag", "scope": "team"}, "scope", "Write the tag as key=value."),
        ({"scope_type": "team", "scope": "finance"}, "scope", "There is no team finance: write Finance if you mean th"),
        ({"scope_type": "workspace", "scope": "Prod"}, "scope", "There is no workspace Prod: write its id, 77."),
        ({"scope_type": "workspace", "scope": "78"}, "scope", "There is no workspace 78 on the bill."),
        ({"scope_type": "job", "scope": "Nightly"}, "scope", "There is no job Nightly: write its id, 77/1."),
        ({"scope_type": "cluster", "scope": "shared"}, "scope", "There is no cluster shared on the bill."),
        ({"scope_type": "warehouse", "scope": "x"}, "scope", "Write the warehouse as workspace id/warehouse id."),
        ({"notification_channels": ["slack", "fax"]}, "notification_channels.1", "Channel 'fax' is not a channel: "),
        ({"notification_channels": ["slack", "slack"]}, "notification_channels.1", "Channel slack is listed twice."),
        ({"owner": "Nina"}, "owner", "Owner must be an e-mail address or a member id of Slack such as U0123456789: Ni"),
        ({"cooldown_minutes": -1}, "cooldown_minutes", "Cooldown must lie between 0 and 10080 minutes"),
        ({"quiet_from": "22:00"}, "quiet_until", "Quiet hours must end at a time: give both, or neither."),
        ({"quiet_until": "22:00"}, "quiet_from", "Quiet hours must begin at a time: give both, or neither."),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until", "Quiet hours must end at another time"),
        ({"muted_until": "2020-01-01"}, "muted_until", "Muted until 01 Jan 2020, 00:00 UTC is over already"),
        ({"muted_until": "2999-01-01"}, "muted_until", "Muted for at most 90 days"),
        ({"watches_from": "1999-01-01"}, "watches_from", "1999-01-01 is out of range"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field_and_the_way_out(
    connection: Connection, fields: dict[str, Any], field: str, message: str
) -> None:
    bill(connection)
    save_alert(connection, document(name="Other"))
    with pytest.raises(BadAlerts) as refusal:
        save_alert(connection, document(**fields))
    (fault,) = refusal.value.faults
    assert fault.field == field
    assert fault.message.startswith(message)
    assert [each.document.name for each in stored_alerts(connection)] == ["Other"]


def test_all_that_is_wrong_is_said_at_once(connection: Connection) -> None:
    with pytest.raises(BadAlerts) as refusal:
        save_alert(connection, document(cooldown_minutes=-1, owner="Nina", notification_channels=["fax"]))
    assert [fault.field for fault in refusal.value.faults] == [
        *("notification_channels.0", "owner", "cooldown_minutes"),
    ]
    assert len(refusal.value.message.splitlines()) == 3


def test_a_scope_of_which_the_bill_knows_none_is_taken_as_it_is(connection: Connection) -> None:
    save_alert(connection, document(scope_type="job", scope="77/1"))
    assert stored_alerts(connection)[0].document.scope == "77/1"


def test_the_rows_of_older_versions_can_be_read_and_are_named_when_they_are_saved(connection: Connection) -> None:
    connection.execute(
        "insert into costpulse.alerts (name, alert_type, notification_channels, cooldown_minutes) "
        "values ('Old', 'spend', '[\"finops\"]', 20000)"
    )
    (old,) = stored_alerts(connection)
    save_alert(connection, document())
    with pytest.raises(BadAlerts) as refusal:
        save_alert(connection, old.document, old.id)
    assert {fault.field for fault in refusal.value.faults} == {"notification_channels.0", "cooldown_minutes"}


# --- since when


def test_a_new_alert_watches_from_the_newest_day_of_the_bill(connection: Connection) -> None:
    completeness(connection, date(2026, 1, 1), date(2026, 2, 4), date(2026, 2, 3))
    alert = stored(connection, save_alert(connection, document()))
    assert alert.document.watches_from == date(2026, 2, 4)


@pytest.mark.parametrize("first_day", [{}, {"watches_from": date(2026, 1, 5)}])
def test_another_limit_does_not_find_anew_what_is_long_past(connection: Connection, first_day: dict[str, Any]) -> None:
    completeness(connection, date(2026, 1, 1), date(2026, 2, 4), date(2026, 2, 3))
    alert_id = save_alert(connection, document(watches_from=date(2026, 1, 5), threshold_value=10))
    save_alert(connection, document(threshold_value=10, cooldown_minutes=5, **first_day), alert_id)
    assert stored(connection, alert_id).document.watches_from == date(2026, 1, 5)
    save_alert(connection, document(threshold_value=5, **first_day), alert_id)
    assert stored(connection, alert_id).document.watches_from == date(2026, 2, 3)
    save_alert(connection, document(threshold_value=5, watches_from=date(2026, 1, 7)), alert_id)
    assert stored(connection, alert_id).document.watches_from == date(2026, 1, 7)


# --- muted


def test_a_mute_ends_by_itself_or_by_hand(connection: Connection) -> None:
    alert_id = save_alert(connection, document())
    until = datetime.now(UTC) + timedelta(days=90)
    mute_alert(connection, alert_id, until)
    assert (stored(connection, alert_id).document.muted_until, stored(connection, alert_id).version) == (until, 2)
    mute_alert(connection, alert_id, None)
    assert stored(connection, alert_id).document.muted_until is None


@pytest.mark.parametrize("days", [-1, 0, 91])
def test_a_mute_lies_ahead_and_not_too_far(connection: Connection, days: int) -> None:
    alert_id = save_alert(connection, document())
    with pytest.raises(BadInput, match="Muted"):
        mute_alert(connection, alert_id, datetime.now(UTC) + timedelta(days=days))
    assert stored(connection, alert_id).version == 1


def test_an_alert_whose_mute_is_over_can_be_edited(connection: Connection) -> None:
    alert_id = save_alert(connection, document())
    connection.execute("update costpulse.alerts set muted_until = '2026-01-01'")
    before = stored(connection, alert_id).document
    save_alert(connection, before.model_copy(update={"cooldown_minutes": 5}), alert_id)
    assert stored(connection, alert_id).document.muted_until == datetime(2026, 1, 1, tzinfo=UTC)


# --- routes


def routes(connection: Connection) -> list[StoredAlertRoute]:
    return stored_alert_routes(connection)


def test_routes_are_added_changed_and_taken_away_one_by_one(connection: Connection) -> None:
    team = AlertRouteDocument(team="Risk", minimum_severity="critical", channel="slack:#risk")
    center, others = AlertRouteDocument(cost_center="cc-1", channel="webhook"), AlertRouteDocument(channel="slack")
    for each in (others, center, team):
        save_alert_route(connection, each)
    before = routes(connection)
    assert [each.document for each in before] == [team, center, others]
    save_alert_route(connection, team.model_copy(update={"channel": "slack:#money"}), before[0])
    after = routes(connection)
    assert {each.document.channel for each in after} == {"slack:#money", "webhook", "slack"}
    assert after[1:] == before[1:]
    delete_alert_route(connection, after[1])
    assert [each.document.channel for each in routes(connection)] == ["slack:#money", "slack"]


def test_nobody_overwrites_a_route_that_is_another_one_by_now(connection: Connection) -> None:
    save_alert_route(connection, AlertRouteDocument(channel="slack"))
    (seen,) = routes(connection)
    save_alert_route(connection, AlertRouteDocument(channel="webhook"), seen)
    with pytest.raises(AlertRouteChangedMeanwhile):
        save_alert_route(connection, AlertRouteDocument(channel="slack:#a"), seen)
    with pytest.raises(AlertRouteChangedMeanwhile):
        delete_alert_route(connection, seen)


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"channel": "routed"}, "channel", "Channel routed is what alerts say: a route must say where to."),
        ({"channel": "fax:1"}, "channel", "Channel 'fax:1' is not a channel: write "),
        ({"channel": "slack"}, "channel", "The same route is there already: keep one."),
        ({"channel": "webhook", "team": "Rsk"}, "team", "There is no team Rsk: write Risk if you mean that."),
        ({"channel": "webhook", "cost_center": "cc-2"}, "cost_center", "No team has the cost center cc-2"),
        ({"channel": "webhook", "cost_center": "cc-1", "team": "Risk"}, "cost_center", "A route is for a team or "),
    ],
)
def test_a_route_to_nowhere_or_of_nobody_is_refused(
    connection: Connection, fields: dict[str, Any], field: str, message: str
) -> None:
    save_alert_route(connection, AlertRouteDocument(channel="slack"))
    with pytest.raises(BadAlertRoutes) as refusal:
        save_alert_route(connection, AlertRouteDocument.model_validate(fields))
    (fault,) = refusal.value.faults
    assert fault.field == field
    assert fault.message.startswith(message)
    assert len(routes(connection)) == 1
