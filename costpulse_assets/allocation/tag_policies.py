"""Tag policies as documents: which keys cost must carry, for what, and which values count.

A policy is about one key. Tags under one of its aliases count as the key (virtual tags), by default in any case. Values
are compared with globs, of which only `*` is special; a blank value counts as none. How cost is judged by them:
docs/tags.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, Literal, get_args

from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict

from costpulse_assets.allocation.documents import Day
from costpulse_assets.allocation.problems import Problem
from costpulse_assets.allocation.rule_types.declaration import Text
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, run

ResourceType = Literal["cluster", "warehouse", "job", "pipeline", "endpoint", "other"]
RESOURCE_TYPES: tuple[ResourceType, ...] = get_args(ResourceType)

_LONGEST_KEY, _LONGEST_VALUE, _MOST_ALIASES, _MOST_VALUES, _MOST_OVERRIDES = 255, 256, 50, 1_000, 200
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class TagPolicyOverride(_Document):
    """What a policy says otherwise of a workspace (by id) or of a team (by name) with the teams below it.

    None: as everywhere. A team goes before a workspace, the nearest team above before those further up.
    """

    scope_type: Literal["workspace", "team"]
    scope: Text
    required: bool | None = None
    allowed_values: tuple[Text, ...] | None = None


class TagPolicyDocument(_Document):
    """A key that cost must carry; it may be nonsense, `tag_policy_problems` tells.

    Without allowed_values every value that is not blank counts. `resource_types` are the kinds of resources it is
    required for; `valid_from` is the first usage day it counts on.
    """

    key: Text
    aliases: tuple[Text, ...] = ()
    keys_case_sensitive: bool = False
    required: bool = True
    resource_types: tuple[ResourceType, ...] = RESOURCE_TYPES
    allowed_values: tuple[Text, ...] = ()
    case_sensitive: bool = False
    overrides: tuple[TagPolicyOverride, ...] = ()
    valid_from: Day = None

    @property
    def names(self) -> tuple[str, ...]:
        """The key and what else counts as it."""
        return (self.key, *self.aliases)


#: What a new database asks for (sql/migrations/0027_create_tag_tables.sql), and a YAML file that says nothing of tags.
DEFAULT_TAG_POLICIES = (
    TagPolicyDocument(key="cost_center", aliases=("cost-center", "costcenter")),
    TagPolicyDocument(key="environment", aliases=("env",)),
    TagPolicyDocument(key="project"),
    TagPolicyDocument(key="team"),
)


@dataclass(frozen=True)
class StoredTagPolicy:
    """A row of the database: the document, and what the form needs to save it again."""

    id: int
    #: Given back when it is saved: another one means that somebody changed it meanwhile.
    version: int
    updated_at: datetime
    document: TagPolicyDocument


class BadTagPolicies(BadInput):
    """Tag policies are refused; `problems` lists all that is wrong, the message has each on a line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)), next_step="Correct it and try again; nothing was changed.")


class TagPolicyChangedMeanwhile(BadInput):
    """Somebody else changed or deleted the tag policy after it was read."""


def stored_tag_policies(connection: Connection) -> list[StoredTagPolicy]:
    """What the database holds, by key."""
    return [
        StoredTagPolicy(
            **{name: row[name] for name in ("id", "version", "updated_at")},
            document=TagPolicyDocument.model_validate({name: row[name] for name in TagPolicyDocument.model_fields}),
        )
        for row in run(connection, "app/tag_policies")
    ]


def tag_policy_problems(
    documents: Sequence[TagPolicyDocument], connection: Connection, *, teams: Sequence[str] | None = None
) -> list[tuple[int, Problem]]:
    """Everything that is wrong with these policies taken together, each with the index of the policy.

    A workspace is only known to be wrong where the bill of the database has some.

    Args:
        documents: all policies there shall be.
        connection: to look the scopes of overrides up.
        teams: names of the teams there will be; None: those of the database.
    """
    known = _scopes(connection)
    if teams is not None:
        known["team"] = {name: name for name in teams}
    found: list[tuple[int, Problem]] = []
    for index, document in enumerate(documents):
        said = [
            *_key_problems(document, documents[:index]),
            *_value_problems("allowed_values", document.allowed_values),
            *_kind_problems(document),
            *_override_problems(document, known),
            *_day_problems(document),
        ]
        found += [(index, Problem(f"Tag policy {document.key!r}", *each)) for each in said]
    return found


def save_tag_policy(
    connection: Connection,
    document: TagPolicyDocument,
    actor: str,
    *,
    policy_id: int | None = None,
    version: int | None = None,
) -> StoredTagPolicy:
    """Saves one policy, new or changed, in the caller's transaction.

    Args:
        connection: with an open transaction.
        document: what it shall be.
        actor: who does it, for the audit log.
        policy_id: the policy that is changed; None: a new one.
        version: the version that was edited; None: whatever is there.

    Raises:
        BadTagPolicies: something is wrong with it; nothing was changed.
        TagPolicyChangedMeanwhile: somebody else changed or deleted it; nothing was changed.
    """
    stored = _locked(connection, actor, policy_id, version)
    others = [each for each in stored if each.id != policy_id]
    wrong = tag_policy_problems([*(each.document for each in others), document], connection)
    mine = [problem for index, problem in wrong if index == len(others)]
    if mine:
        raise BadTagPolicies(mine)
    _replace(connection, [*((each.id, each.document) for each in others), (policy_id, document)])
    key = document.key.lower()
    return next(each for each in stored_tag_policies(connection) if each.document.key.lower() == key)


def delete_tag_policy(connection: Connection, policy_id: int, actor: str, *, version: int | None = None) -> None:
    """Deletes a policy, in the caller's transaction; days older than 90 stay as they were judged.

    Raises:
        TagPolicyChangedMeanwhile: somebody else changed or deleted it; nothing was changed.
    """
    stored = _locked(connection, actor, policy_id, version)
    _replace(connection, [(each.id, each.document) for each in stored if each.id != policy_id])


def replace_tag_policies(connection: Connection, documents: Sequence[TagPolicyDocument]) -> None:
    """Makes the database hold these and nothing else; what has the same key keeps its row and its id.

    Needs `costpulse.actor` in the transaction, and documents without problems.
    """
    ids = {each.document.key.lower(): each.id for each in stored_tag_policies(connection)}
    _replace(connection, [(ids.get(each.key.lower()), each) for each in documents])


def policy_rows(connection: Connection, documents: Sequence[TagPolicyDocument]) -> list[dict[str, Any]]:
    """The policies as the statements read them: teams by id, everything else as typed."""
    team_ids = {name: scope_id for scope_id, name in _scopes(connection)["team"].items()}
    rows = []
    for document in documents:
        row = document.model_dump(mode="json")
        row["overrides"] = [
            {
                "scope_type": each.scope_type,
                "scope_id": team_ids[each.scope] if each.scope_type == "team" else each.scope,
                "required": each.required,
                "allowed_values": each.allowed_values,
            }
            for each in document.overrides
        ]
        rows.append(row)
    return rows


def _locked(connection: Connection, actor: str, policy_id: int | None, version: int | None) -> list[StoredTagPolicy]:
    """All policies, with nobody else changing them, and the one that is edited as its editor saw it."""
    if not actor.strip():
        raise BadInput("Nobody is named who changes the policy.", next_step="Give the name that the audit log shows.")
    connection.execute("lock table costpulse.tag_policies in share row exclusive mode")
    stored = stored_tag_policies(connection)
    current = next((each for each in stored if each.id == policy_id), None)
    if policy_id is not None and (current is None or version not in (None, current.version)):
        changes = run(connection, "app/tag_policy_last_change", {"id": policy_id})
        by = f" by {changes[0]['actor']} at {changes[0]['changed_at']:%d %b %Y, %H:%M} UTC" if changes else ""
        raise TagPolicyChangedMeanwhile(
            f"{'Deleted' if current is None else 'Changed'}{by}; reload to see it.",
            next_step="Reload, make your change there, and save.",
        )
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor.strip()])
    return stored


def _replace(connection: Connection, wanted: Sequence[tuple[int | None, TagPolicyDocument]]) -> None:
    rows = policy_rows(connection, [document for _, document in wanted])
    for position, ((policy_id, _), row) in enumerate(zip(wanted, rows, strict=True)):
        row.update(id=policy_id, position=position)
    run(connection, "app/save_tag_policies", {"policies": Jsonb(rows)})


def _scopes(connection: Connection) -> dict[str, dict[str, str]]:
    """By type: the name of every scope id there is."""
    found: dict[str, dict[str, str]] = {"team": {}, "workspace": {}}
    for row in run(connection, "app/budget_scopes"):
        if row["scope_type"] in found:
            found[row["scope_type"]][row["scope_id"]] = row["name"]
    return found


#: Field, value, reason.
_Said = Iterator[tuple[str, str, str]]


def _key_problems(document: TagPolicyDocument, before: Sequence[TagPolicyDocument]) -> _Said:
    if not document.key:
        yield "key", "", "is missing"
    if len(document.aliases) > _MOST_ALIASES:
        yield "aliases", str(len(document.aliases)), f"must have at most {_MOST_ALIASES} entries"
    taken = {name.lower(): other.key for other in before for name in other.names}
    own: set[str] = set()
    for position, name in enumerate(document.names):
        field = "aliases" if position else "key"
        # Whoever tells Team from team may well call one an alias of the other.
        same = name if document.keys_case_sensitive else name.lower()
        if position and not name:
            yield field, "", "must not have a blank entry"
        if len(name) > _LONGEST_KEY:
            yield field, name, f"must have at most {_LONGEST_KEY} characters"
        if same in own:
            yield field, name, "is listed twice"
        own.add(same)
        if name.lower() in taken:
            is_key = taken[name.lower()].lower() == name.lower()
            if is_key and not position:
                yield field, name, "exists: edit it"
            else:
                yield field, name, f"counts as {taken[name.lower()]} already"


def _value_problems(field: str, values: Sequence[str]) -> _Said:
    if len(values) > _MOST_VALUES:
        yield field, str(len(values)), f"must have at most {_MOST_VALUES} entries; use patterns such as cc-*"
    for position, value in enumerate(values):
        if not value:
            yield field, "", "must not have a blank entry: a blank value counts as none"
        if len(value) > _LONGEST_VALUE:
            yield field, value, f"must have at most {_LONGEST_VALUE} characters"
        if value in values[:position]:
            yield field, value, "is listed twice"


def _kind_problems(document: TagPolicyDocument) -> _Said:
    kinds = document.resource_types
    if not kinds:
        yield "resource_types", "", "must name at least one kind; set required to false to ask for nothing"
    for position, kind in enumerate(kinds):
        if kind in kinds[:position]:
            yield "resource_types", kind, "is listed twice"


def _override_problems(document: TagPolicyDocument, known: Mapping[str, Mapping[str, str]]) -> _Said:
    if len(document.overrides) > _MOST_OVERRIDES:
        yield "overrides", str(len(document.overrides)), f"must have at most {_MOST_OVERRIDES} entries"
    seen: set[tuple[str, str]] = set()
    for override in document.overrides:
        kind, scope = override.scope_type, override.scope
        there = list(known[kind].values() if kind == "team" else known[kind])
        if not scope:
            yield "overrides", "", f"must name the {kind}"
        elif scope not in there and (there or kind == "team"):
            close = get_close_matches(scope, there, n=1) if kind == "team" else []
            yield "overrides", scope, f"is no {kind}" + (f": write {close[0]} if you mean that" if close else "")
        if (kind, scope) in seen:
            yield "overrides", scope, "has two overrides: keep one"
        seen.add((kind, scope))
        if override.required is None and override.allowed_values is None:
            yield "overrides", scope, "says nothing: give required or allowed_values"
        yield from _value_problems("overrides", override.allowed_values or ())


def _day_problems(document: TagPolicyDocument) -> _Said:
    day = document.valid_from
    if day is not None and not _FIRST_DAY <= day <= _LAST_DAY:
        yield "valid_from", str(day), f"is out of range: days lie between {_FIRST_DAY} and {_LAST_DAY}"
