"""What may claim cost, as temporary tables: the one form in which the pass and its explanations read the rules.

- `rule_claims` (claim_id int primary key, stage smallint, priority int, rank_id bigint, rule_id bigint,
  rule_version int, split_id bigint, split_version int, team_id bigint, valid_from date, valid_to date, atom_count int):
  the first one that matches wins, in the order (stage, priority, rank_id, claim_id). valid_from is inclusive, valid_to
  exclusive, null is open. Stages: 1 rules, 2 splits, 3 members (one claim each), 4 tag patterns of teams (one claim
  per team and key), 5 splits of what nothing else claims. team_id is null for splits. A claim with atom_count 0
  matches everything. What is switched off is not there.
- `claim_atoms` (claim_id int, atom int, field text, tag_key text, kind text, pattern text, beginning text): one row per
  pattern; an atom (numbered from 1) holds if one of its patterns matches. Patterns that match nothing have no row.
  beginning: see `regular_expressions.beginning`.
- `split_terms` (split_id bigint, basis text, idle text, team_id bigint, weight numeric, valid_from date,
  valid_to date): one row per team that shares, and period; a split that lists no teams has one row with team_id null.

What is not stored yet has a negative id, further from zero than any stored id; rank_id has no sign. So, by the absolute
value, ids are in the order they will have once it is stored.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any

from psycopg import sql
from pydantic import ValidationError

from costpulse_assets.allocation.documents import RuleDocument, RuleSet, SplitDocument
from costpulse_assets.allocation.regular_expressions import beginning
from costpulse_assets.allocation.rule_set import changes, in_order_of_creation
from costpulse_assets.allocation.rule_types import RULE_TYPES, Atom, Pattern
from costpulse_assets.allocation.rule_types.declaration import globs, refusals
from costpulse_assets.allocation.stored_rules import day_after, read_rules
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, Row, run


@dataclass(frozen=True)
class _Known:
    """Id and version that something has, or will have once it is stored."""

    id: int
    version: int = 1


@dataclass(frozen=True)
class _Claim:
    stage: int
    priority: int
    rank_id: int
    valid_from: date | None
    valid_to: date | None
    atoms: Sequence[Atom]
    team_id: int | None = None
    rule: _Known | None = None
    split: _Known | None = None


def stage_claims(connection: Connection, rule_set: RuleSet | None = None) -> None:
    """Makes the temporary tables above, anew if they exist; they last as long as the transaction.

    Args:
        connection: with an open transaction, of a role that may read the rules.
        rule_set: a draft, without problems, with identities as they are stored (`protected`); None: what is stored.

    Raises:
        BadInput: a stored rule is of a type, or has conditions, that this version does not know.
    """
    stored = read_rules(connection)
    before = stored.rule_set
    draft = before if rule_set is None else rule_set
    changed = {(change.kind, change.name.casefold()) for change in changes(before, draft)}

    def known(kind: str, rows: Sequence[Row], names: Iterable[str]) -> dict[str, _Known]:
        found = {row["name"].casefold(): _Known(row["id"], row.get("version", 1)) for row in rows}
        newest = max((row["id"] for row in rows), default=0)
        for name in map(str.casefold, names):
            if name not in found:
                newest += 1
                found[name] = _Known(-newest)
            elif (kind, name) in changed:
                found[name] = _Known(found[name].id, found[name].version + 1)
        return found

    teams = known("team", stored.teams, (team.name for team in in_order_of_creation(draft.teams)))
    rules = known("rule", stored.rules, (rule.name for rule in draft.rules))
    splits = known("split", stored.splits, (split.name for split in draft.splits))
    claims = [
        *(_claim_of_rule(rule, rules, teams) for rule in draft.rules if rule.is_active),
        *(_claim_of_split(split, splits) for split in draft.splits if split.is_active),
        *_claims_of_members(draft, teams, stored.members),
        *_claims_of_tag_patterns(draft, teams),
    ]
    terms = [term for split in draft.splits if split.is_active for term in _terms(split, splits, teams)]
    _make(connection, "rule_claims", (_row_of_claim(number, claim) for number, claim in enumerate(claims, 1)))
    _make(connection, "claim_atoms", _rows_of_atoms(claims))
    _make(connection, "split_terms", terms)


def _claim_of_rule(rule: RuleDocument, rules: dict[str, _Known], teams: dict[str, _Known]) -> _Claim:
    known = rules[rule.name.casefold()]
    return _Claim(
        stage=1,
        priority=rule.priority,
        rank_id=abs(known.id),
        team_id=teams[rule.team.casefold()].id,
        rule=known,
        atoms=_atoms("Rule", rule),
        valid_from=rule.valid_from,
        valid_to=day_after(rule.valid_to),
    )


def _claim_of_split(split: SplitDocument, splits: dict[str, _Known]) -> _Claim:
    known = splits[split.name.casefold()]
    return _Claim(
        stage=5 if split.rule_type == "remainder" else 2,
        priority=split.priority,
        rank_id=abs(known.id),
        split=known,
        atoms=_atoms("Split", split),
        valid_from=split.valid_from,
        valid_to=day_after(split.valid_to),
    )


def _claims_of_members(draft: RuleSet, teams: dict[str, _Known], stored: Sequence[Row]) -> Iterator[_Claim]:
    ids = {(row["team_id"], row["email"].casefold(), row["valid_from"]): row["id"] for row in stored}
    new_ids = count(1 + max(ids.values(), default=0))
    for team in draft.teams:
        team_id = teams[team.name.casefold()].id
        for member in team.members:
            yield _Claim(
                stage=3,
                priority=0,
                rank_id=ids.get((team_id, member.email.casefold(), member.valid_from)) or next(new_ids),
                team_id=team_id,
                atoms=[Atom("user_email", "", (Pattern("equal", member.email),))],
                valid_from=member.valid_from,
                valid_to=day_after(member.valid_to),
            )


def _claims_of_tag_patterns(draft: RuleSet, teams: dict[str, _Known]) -> Iterator[_Claim]:
    for team in draft.teams:
        team_id = teams[team.name.casefold()].id
        for key, values in sorted(team.tag_patterns.items()):
            yield _Claim(
                stage=4,
                priority=0,
                rank_id=abs(team_id),
                team_id=team_id,
                atoms=[Atom("tag", key, globs(values))],
                valid_from=None,
                valid_to=None,
            )


def _atoms(kind: str, claim: RuleDocument | SplitDocument) -> list[Atom]:
    if claim.rule_type not in RULE_TYPES:
        raise BadInput(
            f"{kind} {claim.name!r} is of the type {claim.rule_type!r}, which this version does not know.",
            next_step=f"Change its type, or delete it; known are {', '.join(RULE_TYPES)}.",
        )
    try:
        return RULE_TYPES[claim.rule_type].atoms(claim.conditions)
    except ValidationError as error:
        reasons = "; ".join(f"{one.field} {one.reason}".strip() for one in refusals(error))
        raise BadInput(
            f"{kind} {claim.name!r} has conditions that mean nothing: {reasons}.",
            next_step="Correct its conditions, or delete it.",
        ) from error


def _terms(split: SplitDocument, splits: dict[str, _Known], teams: dict[str, _Known]) -> Iterator[tuple[Any, ...]]:
    beginning = (splits[split.name.casefold()].id, split.basis, split.idle)
    for share in split.shares:
        yield (*beginning, teams[share.team.casefold()].id, share.weight, share.valid_from, day_after(share.valid_to))
    if not split.shares:
        yield (*beginning, None, None, None, None)


def _row_of_claim(number: int, claim: _Claim) -> tuple[Any, ...]:
    rule, split = claim.rule, claim.split
    return (
        number,
        claim.stage,
        claim.priority,
        claim.rank_id,
        rule and rule.id,
        rule and rule.version,
        split and split.id,
        split and split.version,
        claim.team_id,
        claim.valid_from,
        claim.valid_to,
        len(claim.atoms),
    )


def _rows_of_atoms(claims: Sequence[_Claim]) -> Iterator[tuple[Any, ...]]:
    for number, claim in enumerate(claims, 1):
        for place, atom in enumerate(claim.atoms, 1):
            for pattern in atom.patterns:
                if not pattern.matches_nothing:
                    begins = beginning(pattern.text) if pattern.kind == "regex" else ""
                    yield (number, place, atom.field, atom.tag_key, pattern.kind, pattern.text, begins)


def _make(connection: Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    name = sql.Identifier("pg_temp", table)
    # Views of the pass are built on it.
    connection.execute(sql.SQL("drop table if exists {} cascade").format(name))
    run(connection, f"transform/create_{table}")
    with connection.cursor() as cursor, cursor.copy(sql.SQL("copy {} from stdin").format(name)) as copy:
        for row in rows:
            copy.write_row(row)
    # Without statistics the planner takes it for a small table, and loops.
    connection.execute(sql.SQL("analyze {}").format(name))
