"""Who the largest unallocated costs seem to belong to, and the tag pattern, member or rule that would say so."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Literal

from psycopg.types.json import Jsonb

from costpulse_assets.allocation.rule_set import (
    MemberDocument,
    RuleDocument,
    RuleSet,
    TeamDocument,
    replace_rule_set,
    stored_rule_set,
)
from costpulse_assets.allocation.rule_types.declaration import any_of
from costpulse_assets.derived_assets import rebuilt_asset
from costpulse_assets.errors import BadInput
from costpulse_assets.identities import Identities
from costpulse_assets.layers import Layer
from costpulse_assets.resources.database import Connection, Database, Row, run
from costpulse_assets.settings import Settings

#: Days, today included, whose unallocated cost is looked at.
DAYS = 30
#: Suggestions made at a time, largest first; the next ones come once these are settled.
MOST = 30
#: What claims less than this many dollars is not worth anybody's time.
LEAST_USD = Decimal(1)
#: Most that one may take from other teams, as a share of what it claims: a suggestion settles, it does not contest.
MOST_MOVED = Decimal("0.1")


@dataclass(frozen=True)
class Suggestion:
    """What would find an owner for unallocated cost; amounts are of from_date to to_date, in USD."""

    id: int
    kind: Literal["tag pattern", "member", "rule"]
    evidence: Literal["team name", "same team before", "job owner"]
    #: Why this team, in a sentence.
    reason: str
    team_name: str
    is_new_team: bool
    #: The rule, or the team with nothing but what is added to it.
    document: RuleDocument | TeamDocument
    #: The line of the YAML file: a new rule, or the team as it would be.
    yaml_line: str
    unallocated_usd: Decimal
    #: What it would take from other teams.
    moved_usd: Decimal
    from_date: date
    to_date: date


def suggest_rules(database: Database, today: date) -> None:
    """Replaces `rule_suggestions` by what the last days ask for; what is so already is not proposed again."""
    window = {"from_date": today - timedelta(days=DAYS - 1), "to_date": today}
    limits = {"least_usd": LEAST_USD, "most_moved": MOST_MOVED, "most": MOST}
    with database.writing() as connection:
        connection.execute("delete from costpulse.rule_suggestions")
        stored = stored_rule_set(connection)
        names = {rule.name.casefold() for rule in stored.rules}
        for found in run(connection, "transform/rule_suggestions", window | limits):
            document = _document(found, stored, names)
            if document is None:
                continue
            changed = document
            if isinstance(document, TeamDocument):
                changed = _grown(_team(stored, document.name), document)
            else:
                names.add(document.name.casefold())
            row = {
                "kind": _KINDS.get(found["field"], "rule"),
                "reason": _reason(found),
                "document": Jsonb(document.model_dump(mode="json", exclude_defaults=True)),
                # JSON is YAML, and quotes whatever a name may hold.
                "yaml_line": "- "
                + json.dumps(changed.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False),
            }
            run(connection, "transform/rule_suggestions_insert", found | row | window)


def suggestions(connection: Connection) -> list[Suggestion]:
    """What is suggested now, largest first."""
    rows = run(connection, "app/rule_suggestions")
    documents = (
        (RuleDocument if row["kind"] == "rule" else TeamDocument).model_validate(row["document"]) for row in rows
    )
    return [Suggestion(**row | {"document": document}) for row, document in zip(rows, documents, strict=True)]


def accept(connection: Connection, suggestion_id: int, actor: str, *, identities: Identities) -> RuleSet:
    """Saves what is suggested, with the team where that is new, in the caller's transaction.

    Args:
        connection: with an open transaction.
        suggestion_id: number of the suggestion; it is gone afterwards.
        actor: who accepts it, for the audit log.
        identities: how this deployment stores identities.

    Returns:
        Teams, rules and splits as they are now.

    Raises:
        BadInput: there is no such suggestion any more, or what it asks for cannot be saved; nothing was changed.
    """
    chosen = next((one for one in suggestions(connection) if one.id == suggestion_id), None)
    if chosen is None:
        raise BadInput(
            f"There is no suggestion {suggestion_id} any more.",
            next_step="Look at the suggestions again: every run makes them anew.",
        )
    stored = stored_rule_set(connection)
    team = _team(stored, chosen.team_name)
    if isinstance(chosen.document, RuleDocument):
        draft = stored.model_copy(update={"rules": (*stored.rules, chosen.document)})
    else:
        others = (other for other in stored.teams if other != team)
        draft = stored.model_copy(update={"teams": (*others, _grown(team, chosen.document))})
    replace_rule_set(connection, draft, actor, identities=identities)
    connection.execute("delete from costpulse.rule_suggestions where id = %s", [suggestion_id])
    return draft


def suggestion_assets(settings: Settings) -> list[Any]:
    """The asset rule_suggestions."""
    return [
        rebuilt_asset(
            "rule_suggestions",
            layer=Layer.ALLOCATION,
            deps=["key_allocations", "cost_keys", "jobs", "workspaces"],
            description="Tag patterns, members and rules that would find an owner for the largest unallocated costs "
            "of the last 30 days, in USD, with the reason, what they would claim and what they would take from others.",
            rebuild=lambda database: suggest_rules(database, settings.current_date()),
        )
    ]


#: What is proposed for values of these fields; all others make a rule.
_KINDS = {"tag": "tag pattern", "user": "member"}
#: By field: the type of the rule and its conditions.
_RULES: dict[str, tuple[str, Callable[[list[str]], dict[str, Any]]]] = {
    "workspace": ("workspace_match", lambda values: {"workspaces": values}),
    "domain": ("principal_domain_match", lambda values: {"domains": values}),
    "job": ("job_match", lambda values: {"jobs": values}),
    "jobs": ("job_match", lambda values: {"jobs": [f"{start}*" for start in values]}),
}


def _document(found: Row, stored: RuleSet, names: set[str]) -> RuleDocument | TeamDocument | None:
    """What is added; None where it is there already, and only the days wait to be allocated anew."""
    team, values = found["team_name"], found["values"]
    if found["field"] == "tag":
        existing = _team(stored, team)
        known = () if existing is None else existing.tag_patterns.get(found["tag_key"], ())
        new = _new(values, known)
        return TeamDocument(name=team, tag_patterns={found["tag_key"]: new}) if new else None
    if found["field"] == "user":
        new = _new(values, [member.email for each in stored.teams for member in each.members])
        return TeamDocument(name=team, members=tuple(MemberDocument(email=email) for email in new)) if new else None
    rule_type, conditions_of = _RULES[found["field"]]
    conditions = conditions_of(values)
    if any((rule.rule_type, rule.conditions) == (rule_type, conditions) for rule in stored.rules):
        return None
    words = f"jobs of members of {team}" if found["field"] == "job" else _words(found)
    numbered = (words if number == 1 else f"{words} ({number})" for number in count(1))
    return RuleDocument(
        name=next(name[0].upper() + name[1:] for name in numbered if name.casefold() not in names),
        team=team,
        rule_type=rule_type,
        conditions=conditions,
        # Behind all others, so that it takes nothing from them.
        priority=max((rule.priority for rule in stored.rules), default=90) + 10,
    )


def _new(values: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    taken = {value.casefold() for value in known}
    return tuple(value for value in values if value.casefold() not in taken)


def _team(stored: RuleSet, name: str) -> TeamDocument | None:
    return next((team for team in stored.teams if team.name.casefold() == name.casefold()), None)


def _grown(team: TeamDocument | None, addition: TeamDocument) -> TeamDocument:
    """A team with what is added to it."""
    if team is None:
        return addition
    patterns = dict(team.tag_patterns)
    for key, values in addition.tag_patterns.items():
        patterns[key] = (*patterns.get(key, ()), *_new(values, patterns.get(key, ())))
    return team.model_copy(update={"tag_patterns": patterns, "members": (*team.members, *addition.members)})


def _reason(found: Row) -> str:
    team, values = found["team_name"], found["values"]
    if found["evidence"] == "job owner":
        jobs = "this job" if len(values) == 1 else f"these {len(values)} jobs"
        return f"Members of {team} run or made {jobs}."
    if found["evidence"] == "same team before":
        return f"{found['share']:.0%} of all cost of {_words(found)} belongs to {team} already."
    says = f"The tag {found['tag_key']} says {any_of(values)}"
    return f"{says}, and there is no such team yet." if found["is_new_team"] else f"{says}, which is {team}."


def _words(found: Row) -> str:
    value = found["values"][0]
    return {
        "tag": f"tag {found['tag_key']} = {value}",
        "user": f"user {value}",
        "workspace": f"workspace {found['workspace_name'] or value}",
        "domain": f"users of {value}",
        "jobs": f"jobs {value}*",
    }[found["field"]]
