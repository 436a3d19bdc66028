"""The demo account's own rules, budgets and alerts: given once, never over what somebody wrote."""

from datetime import date
from importlib.resources import files

import pytest
from pydantic import SecretStr

from costpulse_assets.alerts.alert_types import ALERT_TYPES
from costpulse_assets.alerts.checked_alerts import checked_alert
from costpulse_assets.allocation.alerts import AlertDocument, alert_faults, save_alert, stored_alerts
from costpulse_assets.allocation.budgets import BudgetDocument, save_budget, stored_budgets
from costpulse_assets.allocation.demo_rules import give_demo_rules
from costpulse_assets.allocation.rule_set import RuleSet, TeamDocument, replace_rule_set, stored_rule_set
from costpulse_assets.allocation.rule_types import RULE_TYPES
from costpulse_assets.allocation.rules_as_code import read_rules, rules_text
from costpulse_assets.allocation.tag_policies import TagPolicyDocument, replace_tag_policies, stored_tag_policies
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import model

CLEAR = Identities(None)
FILE = (files("costpulse_assets.resources.demo_account") / "allocation.yaml").read_text(encoding="utf-8")


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


def stored(database: Database) -> RuleSet:
    with database.transaction() as connection:
        return stored_rule_set(connection)


def replace(database: Database, rule_set: RuleSet) -> None:
    with database.transaction() as connection:
        replace_rule_set(connection, rule_set, "nina", identities=CLEAR)


def test_the_file_is_written_as_an_export_writes_it() -> None:
    comment, _, text = FILE.partition("\n")
    assert comment.startswith("# ")
    assert rules_text(read_rules(FILE.encode(), "allocation.yaml").document) == text


def test_it_shows_every_kind_of_rule_and_names_teams_and_people_of_the_account() -> None:
    rule_set = read_rules(FILE.encode(), "allocation.yaml").document.rule_set
    assert {rule.rule_type for rule in rule_set.rules} == {name for name, kind in RULE_TYPES.items() if kind.for_rules}
    assert {team.name.lower().replace(" ", "-") for team in rule_set.teams} == set(model.TEAMS)
    assert {team.cost_center for team in rule_set.teams} == set(model.TEAMS.values())
    people = {person.lower() for person in model.PEOPLE}
    members = [member.email for team in rule_set.teams for member in team.members]
    assert people > set(members)
    assert len(people - set(members)) == 3


def budgets(database: Database) -> set[str]:
    with database.transaction() as connection:
        return {budget.document.name for budget in stored_budgets(connection)}


def test_its_budgets_are_for_everything_teams_a_workspace_and_a_product_of_the_account() -> None:
    document = read_rules(FILE.encode(), "allocation.yaml").document
    scopes = {kind: {each.scope for each in document.budgets if each.scope_type == kind} for kind in (
        "everything", "team", "workspace", "product"
    )}  # fmt: skip
    teams = {team.name: team for team in document.teams}
    assert scopes["everything"] == {""}
    assert scopes["team"] <= set(teams)
    assert any(teams[name].parent in scopes["team"] for name in scopes["team"])
    assert scopes["workspace"] <= {workspace.workspace_id for workspace in model.WORKSPACES}
    assert scopes["product"] == {"MODEL_SERVING"}


def test_budgets_are_given_with_the_rules_unless_there_are_some(database: Database) -> None:
    with database.transaction() as connection:
        save_budget(connection, BudgetDocument.model_validate({"name": "Mine", "amount": 5}), "nina")
    give_demo_rules(database, CLEAR)
    assert budgets(database) == {"Mine"}
    assert len(stored(database).teams) == 8


def test_an_untouched_database_gets_them_once(database: Database) -> None:
    give_demo_rules(database, CLEAR)
    given = stored(database)
    assert len(given.teams) == 8
    assert budgets(database) == {each.name for each in read_rules(FILE.encode(), "a").document.budgets}
    give_demo_rules(database, CLEAR)
    assert stored(database) == given
    with database.transaction() as connection:
        actors = connection.execute("select distinct actor from costpulse.rule_versions").fetchall()
    assert actors == [{"actor": "demo account"}]


@pytest.mark.parametrize("people_want", [RuleSet(), RuleSet(teams=(TeamDocument(name="Everybody"),))])
def test_what_people_made_of_them_is_not_undone(database: Database, people_want: RuleSet) -> None:
    give_demo_rules(database, CLEAR)
    replace(database, people_want)
    give_demo_rules(database, CLEAR)
    assert stored(database) == people_want


def test_rules_that_were_there_before_are_kept(database: Database) -> None:
    own = RuleSet(teams=(TeamDocument(name="Everybody"),))
    replace(database, own)
    give_demo_rules(database, CLEAR)
    assert stored(database) == own


def test_they_work_with_hashed_identities(database: Database) -> None:
    give_demo_rules(database, Identities(SecretStr("a key that is long enough to be one")))
    members = [member.email for team in stored(database).teams for member in team.members]
    assert len(members) == 9
    assert all(len(email.partition("@")[0]) == 24 for email in members)


def test_its_tag_policies_are_given_unless_somebody_changed_the_first_ones(database: Database) -> None:
    def keys() -> list[str]:
        with database.transaction() as connection:
            return sorted(policy.document.key for policy in stored_tag_policies(connection))

    give_demo_rules(database, CLEAR)
    assert keys() == ["cost_center", "environment", "team"]
    with database.transaction() as connection:
        replace_rule_set(connection, RuleSet(), "nina", identities=CLEAR)
        replace_tag_policies(connection, [TagPolicyDocument(key="owner")])
    give_demo_rules(database, CLEAR)
    assert keys() == ["owner"]


def alerts(database: Database) -> list[AlertDocument]:
    with database.transaction() as connection:
        return [alert.document for alert in stored_alerts(connection)]


def test_its_alerts_are_of_many_types_and_each_is_accepted_by_its_own() -> None:
    as_written = read_rules(FILE.encode(), "a").document.alerts
    checked = read_rules(FILE.encode(), "a", alert_check=checked_alert).document.alerts
    assert len({alert.alert_type for alert in checked}) == len(checked) >= 8
    # Who gives them does not know the types.
    assert [alert.severity or "warning" for alert in as_written] == [
        ALERT_TYPES[alert.alert_type].severity for alert in checked
    ]
    assert {alert.scope for alert in checked if alert.scope_type == "team"} == {"ML Research"}
    assert {alert.scope_type for alert in checked} == {"everything", "team"}


def test_its_alerts_are_given_once_and_tell_of_the_days_before_them(database: Database) -> None:
    give_demo_rules(database, CLEAR)
    assert [alert.name for alert in alerts(database)] == [
        alert.name for alert in read_rules(FILE.encode(), "a").document.alerts
    ]
    assert max(alert.watches_from or date.max for alert in alerts(database)) < date(2001, 1, 1)
    assert all(alert.is_active and not alert.notification_channels for alert in alerts(database))
    with database.transaction() as connection:
        assert alert_faults(alerts(database), connection) == []


def test_alerts_are_given_with_the_rules_unless_there_are_some(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("select set_config('costpulse.actor', 'nina', true)")
        save_alert(connection, AlertDocument(name="Mine", alert_type="digest"))
    give_demo_rules(database, CLEAR)
    assert [alert.name for alert in alerts(database)] == ["Mine"]
    assert len(stored(database).teams) == 8
