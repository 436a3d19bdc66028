"""The rules and budgets that the demo account starts with: the file beside the account, once."""

from importlib.resources import files

from costpulse_assets.allocation.budgets import replace_budgets, stored_budgets
from costpulse_assets.allocation.rule_set import current_version, replace_rule_set
from costpulse_assets.allocation.rules_as_code import read_rules
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.open_source import DEMO_ACCOUNT

_FILE = "allocation.yaml"


def give_demo_rules(database: Database, identities: Identities) -> None:
    """Teams, rules, splits and budgets of the demo account, unless somebody ever wrote a rule or has a budget.

    What people do is never undone.
    """
    content = (files("costpulse_assets.resources.demo_account") / _FILE).read_bytes()
    document = read_rules(content, _FILE).document
    with database.transaction() as connection:
        if current_version(connection) == 0:
            replace_rule_set(connection, document.rule_set, DEMO_ACCOUNT, identities=identities)
            if not stored_budgets(connection):
                replace_budgets(connection, document.budgets)
