"""The rules, budgets, alerts and tag policies that the demo account starts with: the file beside it, once."""

from datetime import date
from importlib.resources import files

from costpulse_assets.allocation.alerts import replace_alerts, stored_alerts
from costpulse_assets.allocation.budgets import replace_budgets, stored_budgets
from costpulse_assets.allocation.rule_set import current_version, replace_rule_set
from costpulse_assets.allocation.rules_as_code import read_rules
from costpulse_assets.allocation.tag_policies import (
    DEFAULT_TAG_POLICIES,
    replace_tag_policies,
    stored_tag_policies,
)
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.open_source import DEMO_ACCOUNT

_FILE = "allocation.yaml"
#: Before every account: an alert of the demo tells of the days that are there at its first look, too.
_FIRST_DAY = date(2000, 1, 1)


def give_demo_rules(database: Database, identities: Identities) -> None:
    """What the demo account starts with, unless somebody ever wrote a rule; what people do is never undone.

    Nor are budgets, alerts or tag policies given over those that somebody has.
    """
    with database.transaction() as connection:
        if current_version(connection) > 0:
            return
        content = (files("costpulse_assets.resources.demo_account") / _FILE).read_bytes()
        document = read_rules(content, _FILE).document
        replace_rule_set(connection, document.rule_set, DEMO_ACCOUNT, identities=identities)
        if not stored_budgets(connection):
            replace_budgets(connection, document.budgets)
        if not stored_alerts(connection):
            watching = [alert.model_copy(update={"watches_from": _FIRST_DAY}) for alert in document.alerts]
            replace_alerts(connection, watching)
        if tuple(policy.document for policy in stored_tag_policies(connection)) == DEFAULT_TAG_POLICIES:
            replace_tag_policies(connection, document.tag_policies)
