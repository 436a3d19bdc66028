"""The rules, budgets and tag policies that the demo account starts with: the file beside the account, once."""

from importlib.resources import files

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


def give_demo_rules(database: Database, identities: Identities) -> None:
    """What the demo account starts with, unless somebody ever wrote a rule, has a budget, or changed a tag policy.

    What people do is never undone.
    """
    content = (files("costpulse_assets.resources.demo_account") / _FILE).read_bytes()
    document = read_rules(content, _FILE).document
    with database.transaction() as connection:
        if current_version(connection) == 0:
            replace_rule_set(connection, document.rule_set, DEMO_ACCOUNT, identities=identities)
            if not stored_budgets(connection):
                replace_budgets(connection, document.budgets)
            if tuple(policy.document for policy in stored_tag_policies(connection)) == DEFAULT_TAG_POLICIES:
                replace_tag_policies(connection, document.tag_policies)
