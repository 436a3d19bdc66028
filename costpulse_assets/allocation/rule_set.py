"""The rule set of the database: read as documents, compared with another one, and replaced as a whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from costpulse_assets.allocation.documents import (
    MemberDocument,
    RuleDocument,
    RuleSet,
    ShareDocument,
    SplitDocument,
    TeamDocument,
)
from costpulse_assets.allocation.problems import BadRuleSet, Problem, problems
from costpulse_assets.allocation.protection import protected
from costpulse_assets.allocation.stored_rules import (
    StoredRules,
    columns_of,
    delete_rows,
    put_row,
    put_rows,
    read_rules,
)
from costpulse_assets.errors import BadInput
from costpulse_assets.identities import Identities, expect_same_protection_in
from costpulse_assets.resources.database import Connection, run

__all__ = [
    "BadRuleSet",
    "Change",
    "MemberDocument",
    "Problem",
    "RuleDocument",
    "RuleSet",
    "RulesChangedMeanwhile",
    "ShareDocument",
    "SplitDocument",
    "TeamDocument",
    "changes",
    "current_version",
    "in_order_of_creation",
    "problems",
    "protected",
    "replace_rule_set",
    "stored_rule_set",
]

Document = TeamDocument | RuleDocument | SplitDocument


class RulesChangedMeanwhile(BadInput):
    """Somebody else saved rules after the ones that were edited had been read."""


@dataclass(frozen=True)
class Change:
    """A team, rule or split that differs between two rule sets; before or after is None where there is none."""

    kind: Literal["team", "rule", "split"]
    before: Document | None
    after: Document | None

    @property
    def name(self) -> str:
        """What it is called from now on, or was called before it is deleted."""
        document = self.after or self.before
        assert document is not None
        return document.name


def stored_rule_set(connection: Connection) -> RuleSet:
    """What the database holds: teams by name, rules and splits in the order in which they are asked."""
    return read_rules(connection).rule_set


def current_version(connection: Connection) -> int:
    """The number of the last change of teams, members, rules and splits; 0 before the first."""
    return int(run(connection, "app/rules_version")[0]["version"])


def changes(before: RuleSet, after: RuleSet) -> list[Change]:
    """What makes the second rule set of the first one; a name is the same whatever its case.

    Returns:
        Teams, rules and splits, in this order; of each kind, what is created or changed comes in the order of the
        second rule set (teams above before teams below), then what is deleted.
    """
    return [
        *_changes("team", before.teams, in_order_of_creation(after.teams)),
        *_changes("rule", before.rules, after.rules),
        *_changes("split", before.splits, after.splits),
    ]


def in_order_of_creation(teams: Sequence[TeamDocument]) -> list[TeamDocument]:
    """Teams with those above before those below, else as they are given."""
    names = {team.name for team in teams}
    placed: dict[str, TeamDocument] = {}
    waiting = list(teams)
    while waiting:
        ready = [team for team in waiting if team.parent not in names or team.parent in placed]
        # In a circle nobody is ready; `problems` refuses it.
        placed |= {team.name: team for team in ready or waiting}
        waiting = [team for team in waiting if team.name not in placed]
    return list(placed.values())


def replace_rule_set(
    connection: Connection,
    rule_set: RuleSet,
    actor: str,
    *,
    identities: Identities,
    based_on: int | None = None,
) -> list[Change]:
    """Makes the database hold this rule set and nothing else, in the caller's transaction.

    What is the same keeps its row, its version and its id. Who saves at the same time waits until this transaction
    ends; its commit waits for a build that is reading the rules.

    Args:
        connection: with an open transaction.
        rule_set: teams, rules and splits; identities as typed, or as they are stored.
        actor: who does it, for the audit log.
        identities: how this deployment stores identities.
        based_on: `current_version`, read before the rules that this rule set was made from; None: it replaces
            whatever is there.

    Returns:
        What was changed; empty if it was so already.

    Raises:
        BadRuleSet: something is wrong with it.
        RulesChangedMeanwhile: the rules are no longer those of `based_on`.
        BadInput: nobody is named as the actor, or the database stores identities in another way.
    """
    if not actor.strip():
        raise BadInput("Nobody is named who changes the rules.", next_step="Give the name that the audit log shows.")
    found = problems(rule_set, connection)
    if found:
        raise BadRuleSet(found)
    rule_set = protected(rule_set, identities)
    # Others may read meanwhile, and whoever writes waits: what is compared below stays as it is.
    connection.execute(
        "lock table costpulse.teams, costpulse.team_members, costpulse.allocation_rules, costpulse.cost_splits, "
        "costpulse.split_weights in share row exclusive mode"
    )
    if based_on is not None and current_version(connection) != based_on:
        raise RulesChangedMeanwhile(
            "Somebody else has changed the rules since you read them; nothing was changed.",
            next_step="Read them again, make your changes there, and save.",
        )
    stored = read_rules(connection)
    needed = changes(stored.rule_set, rule_set)
    if needed:
        expect_same_protection_in(connection, identities)
        connection.execute("select set_config('costpulse.actor', %s, true)", [actor.strip()])
        _apply(connection, stored, needed)
    return needed


def _changes(
    kind: Literal["team", "rule", "split"], before: Iterable[Document], after: Iterable[Document]
) -> list[Change]:
    old = {document.name.casefold(): document for document in before}
    new = {document.name.casefold(): document for document in after}
    return [
        *(
            Change(kind, old.get(name), document)
            for name, document in new.items()
            if name not in old or old[name].in_order != document.in_order
        ),
        *(Change(kind, document, None) for name, document in old.items() if name not in new),
    ]


def _apply(connection: Connection, stored: StoredRules, needed: Sequence[Change]) -> None:
    """Writes what was found to differ. Teams go first and are deleted last: everything else leans on them."""
    teams = {row["name"].casefold(): row for row in stored.teams}
    rules = {row["name"].casefold(): row for row in stored.rules}
    splits = {row["name"].casefold(): row for row in stored.splits}
    team_ids = {name: int(row["id"]) for name, row in teams.items()}

    for change in needed:
        name = change.name.casefold()
        match change.after:
            case TeamDocument() as team:
                above = None if team.parent is None else team_ids[team.parent.casefold()]
                columns = {**columns_of(team), "parent_team_id": above}
                team_ids[name] = team_id = put_row(connection, "teams", teams.get(name), columns)
                put_rows(
                    connection,
                    "team_members",
                    [row for row in stored.members if row["team_id"] == team_id],
                    [{**columns_of(member), "team_id": team_id} for member in team.members],
                    key=lambda row: (row["email"].casefold(), row["valid_from"]),
                )
            case RuleDocument() as rule:
                columns = {**columns_of(rule), "team_id": team_ids[rule.team.casefold()]}
                put_row(connection, "allocation_rules", rules.get(name), columns)
            case SplitDocument() as split:
                split_id = put_row(connection, "cost_splits", splits.get(name), columns_of(split))
                put_rows(
                    connection,
                    "split_weights",
                    [row for row in stored.weights if row["split_id"] == split_id],
                    [
                        {**columns_of(share), "split_id": split_id, "team_id": team_ids[share.team.casefold()]}
                        for share in split.shares
                    ],
                    key=lambda row: (row["team_id"], row["valid_from"]),
                )

    def gone(kind: str) -> set[str]:
        return {change.name.casefold() for change in needed if change.kind == kind and change.after is None}

    delete_rows(connection, "allocation_rules", [rules[name] for name in gone("rule")])
    delete_rows(connection, "cost_splits", [splits[name] for name in gone("split")])
    gone_teams = [teams[name] for name in gone("team")]
    gone_ids = {row["id"] for row in gone_teams}
    delete_rows(connection, "team_members", [row for row in stored.members if row["team_id"] in gone_ids])
    delete_rows(connection, "teams", gone_teams)
