"""Identities in a rule set as this deployment stores them: hashed before they are compared or kept."""

import re
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from costpulse_assets.allocation.documents import RuleDocument, RuleSet, SplitDocument, TeamDocument
from costpulse_assets.allocation.problems import BadRuleSet, Problem, problems
from costpulse_assets.allocation.rule_types import RULE_TYPES
from costpulse_assets.allocation.rule_types.declaration import stored_form
from costpulse_assets.allocation.rule_types.tag_match import protected_values
from costpulse_assets.errors import BadInput
from costpulse_assets.identities import Identities

#: What a hashed identity looks like: it is left as it is, so that what was read from the database can be saved again.
_HASHED = re.compile(r"[0-9a-f]{24}(@[^\s@]+)?")

Protect = Callable[[str], str]
Claim = TypeVar("Claim", RuleDocument, SplitDocument)


def protected(rule_set: RuleSet, identities: Identities) -> RuleSet:
    """The rule set with members, users of rules, and addresses among tag values as they are stored.

    Needed wherever a draft meets what was collected; `replace_rule_set` does it by itself.

    Raises:
        BadRuleSet: a pattern that no hash matches, or one person by address and by hash in two teams.
    """
    if not identities.are_hashed:
        return rule_set
    found: list[Problem] = []

    def protect(where: str, field: str) -> Protect:
        def value_of(typed: str) -> str:
            if _HASHED.fullmatch(typed):
                return typed
            try:
                return identities.protect_text(typed)
            except BadInput:
                reason = (
                    "matches nobody while identities are hashed: write whole addresses, or *@domain for everybody of "
                    "a domain"
                )
                found.append(Problem(where, field, typed, reason))
                return typed

        return value_of

    hashed = RuleSet(
        teams=tuple(_team(team, protect) for team in rule_set.teams),
        rules=tuple(_claim(rule, protect(f"Rule {rule.name!r}", "conditions")) for rule in rule_set.rules),
        splits=tuple(_claim(split, protect(f"Split {split.name!r}", "conditions")) for split in rule_set.splits),
    )
    found += problems(hashed)
    if found:
        raise BadRuleSet(found)
    return hashed


def _team(team: TeamDocument, protect: Callable[[str, str], Protect]) -> TeamDocument:
    where = f"Team {team.name!r}"
    as_member = protect(where, "members.email")
    return team.model_copy(
        update={
            "members": tuple(member.model_copy(update={"email": as_member(member.email)}) for member in team.members),
            "tag_patterns": {
                key: protected_values(values, protect(where, f"tag_patterns.{key}"))
                for key, values in team.tag_patterns.items()
            },
        }
    )


def _claim(claim: Claim, protect: Protect) -> Claim:
    try:
        conditions = RULE_TYPES[claim.rule_type].parse(claim.conditions)
    except (KeyError, ValidationError):
        return claim
    return claim.model_copy(update={"conditions": stored_form(conditions.protected(protect))})
