"""What the conditions of a rule match while somebody types them: found by the pass itself, as its only claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from costpulse_assets.allocation.allocate import match_claims
from costpulse_assets.allocation.documents import RuleDocument, RuleSet, TeamDocument
from costpulse_assets.allocation.problems import BadRuleSet, problems
from costpulse_assets.allocation.protection import protected
from costpulse_assets.allocation.staging import stage_claims
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Connection, run

#: Keys and values that are shown.
AT_MOST = 5

# Nobody sees the names: the rule is never stored.
_TEAM, _RULE = "tried", "tried"


@dataclass(frozen=True)
class TriedPattern:
    """A pattern and what it is compared with on these days."""

    pattern: str
    #: Distinct values that it matches.
    matching_values: int
    #: The first of them in alphabetical order.
    examples: tuple[str, ...]


@dataclass(frozen=True)
class MatchedKey:
    """An attribution key that the conditions match."""

    #: What it is, in words: job, warehouse, cluster, pipeline, endpoint or product, its workspace, its user.
    name: str
    #: Cost of what is matched, USD; None without a price.
    cost_usd: Decimal | None


@dataclass(frozen=True)
class Tried:
    """What conditions match on some days, whoever owns it."""

    patterns: tuple[TriedPattern, ...]
    #: Attribution keys of which some usage matches, and what that costs, USD.
    keys: int
    matched_usd: Decimal
    #: Cost of everything on the days, USD.
    days_usd: Decimal
    #: The dearest ones.
    examples: tuple[MatchedKey, ...]


def try_conditions(
    connection: Connection,
    rule_type: str,
    conditions: Mapping[str, Any],
    days: Sequence[date],
    *,
    identities: Identities,
    at_list_price: bool = False,
) -> Tried:
    """Matches conditions with the usage of these days; nothing is stored.

    Args:
        connection: with an open transaction of a role that may see all teams.
        rule_type: one that rules may have.
        conditions: as typed.
        days: usage days, at least one.
        identities: how this deployment stores identities.
        at_list_price: cost at list price instead of the customer's.

    Raises:
        BadRuleSet: the conditions could not be saved.
    """
    rule = RuleDocument(name=_RULE, team=_TEAM, rule_type=rule_type, conditions=dict(conditions))
    alone = RuleSet(teams=(TeamDocument(name=_TEAM),), rules=(rule,))
    wrong = problems(alone, connection)
    if wrong:
        raise BadRuleSet(wrong)
    stage_claims(connection, protected(alone, identities))
    match_claims(connection, days)
    rows = run(connection, "app/tried_costs", {"days": list(days), "at_list_price": at_list_price, "at_most": AT_MOST})
    return Tried(
        patterns=tuple(
            TriedPattern(row["pattern"], row["matching_values"], tuple(row["examples"]))
            for row in run(connection, "app/tried_patterns", {"at_most": AT_MOST})
        ),
        keys=rows[0]["keys"],
        matched_usd=rows[0]["matched_usd"],
        days_usd=rows[0]["days_usd"],
        examples=tuple(MatchedKey(row["name"], row["cost_usd"]) for row in rows if row["key_id"] is not None),
    )
