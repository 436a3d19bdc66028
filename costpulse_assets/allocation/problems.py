"""Everything that can be wrong with a rule set, said to the person who wrote it: field, value and reason."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from difflib import get_close_matches
from itertools import pairwise

from pydantic import ValidationError

from costpulse_assets.allocation.documents import (
    MemberDocument,
    RuleDocument,
    RuleSet,
    ShareDocument,
    SplitDocument,
    TeamDocument,
)
from costpulse_assets.allocation.regular_expressions import refusal, refusals_by_database
from costpulse_assets.allocation.rule_types import RULE_TYPES, Pattern
from costpulse_assets.allocation.rule_types.declaration import any_of, refusals
from costpulse_assets.errors import BadInput
from costpulse_assets.identities import ADDRESS
from costpulse_assets.resources.database import Connection

_LONGEST_TEAM, _LONGEST_NAME, _LONGEST_COST_CENTER, _LONGEST_TEXT, _LONGEST_PATTERN = 80, 120, 40, 1_000, 200
_LONGEST_VALUE_SHOWN = 80
_HIGHEST_PRIORITY = 1_000_000
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)
_EXPONENT_OF_LAST_DIGIT = -18
_LARGEST_WEIGHT = Decimal(10) ** 15

_Dated = MemberDocument | RuleDocument | ShareDocument | SplitDocument


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; str() is a sentence: "Rule 'ETL': priority must be a whole number ..., not -1."."""

    #: Which object: "Rule 'ETL'".
    where: str
    #: Which field of it: "priority", "conditions.values", "shares".
    field: str
    #: What the field holds, as text; "" where it holds nothing.
    value: str
    #: What is wrong with it, to follow the field: "must be ...", "is taken by another team".
    reason: str

    def __str__(self) -> str:
        value = self.value
        if len(value) > _LONGEST_VALUE_SHOWN:
            value = f"{value[:_LONGEST_VALUE_SHOWN]}…"
        if not value:
            return f"{self.where}: {self.field} {self.reason}."
        if self.reason.startswith("must "):
            return f"{self.where}: {self.field} {self.reason}, not {value}."
        return f"{self.where}: {self.field} {value!r} {self.reason}."


class BadRuleSet(BadInput):
    """A rule set is refused; `problems` lists all that is wrong, the message has each on a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)), next_step="Correct it and try again; nothing was changed.")


def problems(rule_set: RuleSet, connection: Connection | None = None) -> list[Problem]:
    """Everything that is wrong with a rule set; empty if it may be saved.

    Args:
        rule_set: teams, rules and splits.
        connection: to have regular expressions tried by the database, on the cluster names it knows; None leaves
            that to the moment of saving.
    """
    teams = [team.name for team in rule_set.teams]
    found = [
        *_names("Team", teams, _LONGEST_TEAM),
        *(problem for team in rule_set.teams for problem in _team(team, teams)),
        *_cycles(rule_set.teams),
        *_people_in_two_teams(rule_set.teams),
        *_names("Rule", [rule.name for rule in rule_set.rules], _LONGEST_NAME),
        *(problem for rule in rule_set.rules for problem in _rule(rule, teams)),
        *_names("Split", [split.name for split in rule_set.splits], _LONGEST_NAME),
        *(problem for split in rule_set.splits for problem in _split(split, teams)),
    ]
    return found if connection is None else [*found, *_refused_by_database(rule_set, connection)]


def _names(kind: str, names: Sequence[str], longest: int) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for position, name in enumerate(names, 1):
        if not name:
            yield Problem(f"{kind} {position}", "name", "", "is missing")
        elif len(name) > longest:
            yield Problem(f"{kind} {name!r}", "name", name, f"must have at most {longest} characters")
        elif name.casefold() in seen:
            same = seen[name.casefold()]
            reason = "is there twice" if same == name else f"is the same as {same!r} but for upper and lower case"
            yield Problem(f"{kind} {name!r}", "name", name, f"{reason}: each {kind.lower()} needs a name of its own")
        seen.setdefault(name.casefold(), name)


def _team(team: TeamDocument, teams: Sequence[str]) -> Iterator[Problem]:
    where = f"Team {team.name!r}"
    yield from _long(where, "department", team.department, _LONGEST_NAME)
    yield from _long(where, "cost_center", team.cost_center, _LONGEST_COST_CENTER)
    if team.manager_email and not ADDRESS.fullmatch(team.manager_email):
        yield Problem(where, "manager_email", team.manager_email, "must be an e-mail address")
    if team.parent is not None:
        yield from unknown_team(where, "parent", team.parent, teams)
    for key, values in team.tag_patterns.items():
        if not key:
            yield Problem(where, "tag_patterns", "", "must have a tag key before its patterns")
        if not values:
            yield Problem(where, f"tag_patterns.{key}", "", "must have at least one pattern")
        yield from _patterns(where, f"tag_patterns.{key}", (Pattern("glob", value) for value in values))
    for member in team.members:
        whose = f"{where}, member {member.email!r}"
        if not member.email:
            yield Problem(where, "members.email", "", "is missing")
        elif "*" in member.email or len(member.email) > _LONGEST_PATTERN:
            reason = "is not one person: patterns belong into a rule of type user_match"
            yield Problem(where, "members.email", member.email, reason)
        yield from _days(whose, member)


def _cycles(teams: Sequence[TeamDocument]) -> Iterator[Problem]:
    parents = {team.name: team.parent for team in teams}
    reported: set[str] = set()
    for team in teams:
        line = [team.name]
        while (parent := parents.get(line[-1])) is not None and parent not in line:
            line.append(parent)
        if parent == team.name and team.name not in reported:
            reported.update(line)
            path = " → ".join([*line, team.name])
            reason = f"leads back to the team itself ({path}): a team cannot be above and below another"
            yield Problem(f"Team {team.name!r}", "parent", team.parent or "", reason)


def _people_in_two_teams(teams: Sequence[TeamDocument]) -> Iterator[Problem]:
    memberships: dict[str, list[tuple[TeamDocument, MemberDocument]]] = {}
    for team in teams:
        for member in team.members:
            if member.email:
                memberships.setdefault(member.email.casefold(), []).append((team, member))
    for places in memberships.values():
        for position, (team, member) in enumerate(places):
            for other, known in places[:position]:
                both = _Span.of(member).overlap(_Span.of(known))
                if both is None:
                    continue
                elsewhere = "there twice" if other is team else f"in team {other.name!r} as well"
                yield Problem(
                    f"Team {team.name!r}",
                    "members.email",
                    member.email,
                    f"is {elsewhere} {both}: a person is in one team at a time, end one before the other begins",
                )


def _rule(rule: RuleDocument, teams: Sequence[str]) -> Iterator[Problem]:
    where = f"Rule {rule.name!r}"
    yield from unknown_team(where, "team", rule.team, teams)
    yield from _claim(where, rule)


def _split(split: SplitDocument, teams: Sequence[str]) -> Iterator[Problem]:
    where = f"Split {split.name!r}"
    yield from _claim(where, split)
    if split.idle == "leave" and split.basis != "query_share":
        yield Problem(where, "idle", split.idle, "counts only for basis query_share: leave it out")
    if split.basis == "query_share" and split.shares:
        named = any_of(share.team for share in split.shares)
        reason = "have no meaning for basis query_share, where queries say who shares: leave them out"
        yield Problem(where, "shares", named, reason)
        return
    if split.basis in ("fixed", "even", "weights") and not split.shares:
        yield Problem(where, "shares", "", f"must list the teams that share, for basis {split.basis}")
        return
    faults = [fault for share in split.shares for fault in _share(split, share, teams)]
    yield from faults
    if not faults and not list(_days(where, split)):
        yield from _overlapping_shares(split)
        yield from _weights_with_a_hole(split)
        yield from _periods(split)


def _share(split: SplitDocument, share: ShareDocument, teams: Sequence[str]) -> Iterator[Problem]:
    where = f"Split {split.name!r}, share of {share.team!r}"
    yield from unknown_team(where, "team", share.team, teams)
    yield from _days(where, share)
    if split.basis not in ("fixed", "weights"):
        if share.weight is not None:
            yield Problem(where, "weight", str(share.weight), f"has no meaning for basis {split.basis}: leave it out")
    elif share.weight is None:
        yield Problem(where, "weight", "", f"is missing: basis {split.basis} needs one for each team")
    elif not 0 <= share.weight < _LARGEST_WEIGHT:
        yield Problem(where, "weight", str(share.weight), f"must be a number from 0 to {_LARGEST_WEIGHT:f}")
    elif int(share.weight.as_tuple().exponent) < _EXPONENT_OF_LAST_DIGIT:
        yield Problem(where, "weight", str(share.weight), "must have at most 18 digits behind the point")


def _overlapping_shares(split: SplitDocument) -> Iterator[Problem]:
    for position, share in enumerate(split.shares):
        for other in split.shares[:position]:
            both = _Span.of(share).overlap(_Span.of(other)) if share.team == other.team else None
            if both is not None:
                reason = f"has two shares {both}: end the first before the second begins"
                yield Problem(f"Split {split.name!r}", "shares.team", share.team, reason)


def _weights_with_a_hole(split: SplitDocument) -> Iterator[Problem]:
    """A team that is absent between two periods of a weight table was forgotten, or has the weight 0."""
    if split.basis != "weights":
        return
    for team in dict.fromkeys(share.team for share in split.shares):
        spans = sorted(_Span.of(share) for share in split.shares if share.team == team)
        for before, after in pairwise(spans):
            if before.end < after.first:
                hole = _Span(before.end, after.first)
                reason = f"has no weight {hole}, between two that it has: add it, or the weight 0"
                yield Problem(f"Split {split.name!r}", "shares.team", team, reason)


def _periods(split: SplitDocument) -> Iterator[Problem]:
    """Between any two days on which a share begins or ends, the shares must make sense together."""
    where, whole = f"Split {split.name!r}", _Span.of(split)
    if not split.shares:
        return
    spans = [_Span.of(share) for share in split.shares]
    borders = sorted({day for span in (whole, *spans) for day in (span.first, span.end)})
    for first, end in pairwise(borders):
        period = _Span(first, end)
        if not whole.overlap(period):
            continue
        present = [share for share, span in zip(split.shares, spans, strict=True) if span.overlap(period)]
        total = sum((share.weight or Decimal(0) for share in present), Decimal(0))
        if not present:
            reason = f"are missing {period}: add them, or let the split begin or end there"
            yield Problem(where, "shares", "", reason)
        elif split.basis == "fixed" and total != 100:
            yield Problem(where, "shares", f"{total:f} %", f"must add up to exactly 100 % {period}")
        elif split.basis == "weights" and total == 0:
            yield Problem(where, "shares", "0", f"must have a weight above 0 {period}")


def _claim(where: str, claim: RuleDocument | SplitDocument) -> Iterator[Problem]:
    known = [name for name, kind in RULE_TYPES.items() if kind.for_rules or isinstance(claim, SplitDocument)]
    if claim.rule_type not in known:
        yield Problem(where, "rule_type", claim.rule_type, f"must be {any_of(known)}")
    else:
        try:
            atoms = RULE_TYPES[claim.rule_type].atoms(claim.conditions)
        except ValidationError as error:
            for one in refusals(error):
                yield Problem(where, ".".join(filter(None, ("conditions", one.field))), one.value, one.reason)
        else:
            for atom in atoms:
                yield from _patterns(where, "conditions", atom.patterns)
    if not 0 <= claim.priority <= _HIGHEST_PRIORITY:
        reason = f"must be a whole number from 0 to {_HIGHEST_PRIORITY}"
        yield Problem(where, "priority", str(claim.priority), reason)
    yield from _long(where, "note", claim.note, _LONGEST_TEXT)
    yield from _days(where, claim)


def _patterns(where: str, field: str, patterns: Iterable[Pattern]) -> Iterator[Problem]:
    for pattern in patterns:
        if pattern.matches_nothing:
            yield Problem(where, field, "", "must not have an empty pattern: it matches nothing")
        elif pattern.kind == "regex":
            reason = refusal(pattern.text)
            if reason:
                yield Problem(where, field, pattern.text, reason)
        elif len(pattern.text) > _LONGEST_PATTERN:
            reason = f"is too long: {len(pattern.text)} characters, at most {_LONGEST_PATTERN} are accepted"
            yield Problem(where, field, pattern.text, reason)


def _refused_by_database(rule_set: RuleSet, connection: Connection) -> Iterator[Problem]:
    expressions: list[tuple[str, str]] = []
    for kind, claims in (("Rule", rule_set.rules), ("Split", rule_set.splits)):
        for claim in claims:
            try:
                atoms = RULE_TYPES[claim.rule_type].atoms(claim.conditions)
            except (KeyError, ValidationError):
                continue  # said already
            expressions += [
                (f"{kind} {claim.name!r}", pattern.text)
                for atom in atoms
                for pattern in atom.patterns
                if pattern.kind == "regex" and pattern.text and refusal(pattern.text) is None
            ]
    refused = refusals_by_database(connection, [expression for _, expression in expressions])
    for where, expression in expressions:
        if expression in refused:
            yield Problem(where, "conditions", expression, refused[expression])


def unknown_team(where: str, field: str, name: str, teams: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with the name of a team, if anything: it is missing, or none of `teams`; with the closest one."""
    if name in teams:
        return
    if not name:
        yield Problem(where, field, "", "is missing")
        return
    folded = {team.casefold(): team for team in teams}
    close = get_close_matches(name.casefold(), folded, n=1)
    way_out = f"write {folded[close[0]]!r} if you mean that" if close else "add the team, or name one that is there"
    yield Problem(where, field, name, f"is no team: {way_out}")


def _long(where: str, field: str, text: str | None, longest: int) -> Iterator[Problem]:
    if text is not None and len(text) > longest:
        yield Problem(where, field, text, f"must have at most {longest} characters")


def _days(where: str, document: _Dated) -> Iterator[Problem]:
    in_order = True
    for field, day in (("valid_from", document.valid_from), ("valid_to", document.valid_to)):
        if day is not None and not _FIRST_DAY <= day <= _LAST_DAY:
            in_order = False
            yield Problem(where, field, str(day), f"must be left out, or a day from {_FIRST_DAY} to {_LAST_DAY}")
    if in_order and document.valid_from and document.valid_to and document.valid_to < document.valid_from:
        yield Problem(where, "valid_to", str(document.valid_to), f"lies before valid_from {document.valid_from}")


@dataclass(frozen=True, order=True)
class _Span:
    """Days from the first to just before the end; str() continues a sentence: "from 2026-01-01 on"."""

    first: date
    end: date

    @classmethod
    def of(cls, document: _Dated) -> "_Span":
        last = document.valid_to
        return cls(document.valid_from or date.min, date.max if last in (None, date.max) else last + timedelta(days=1))

    def overlap(self, other: "_Span") -> "_Span | None":
        """The days of both; None if there are none."""
        both = _Span(max(self.first, other.first), min(self.end, other.end))
        return both if both.first < both.end else None

    def __str__(self) -> str:
        last = self.end - timedelta(days=1)
        match self.first == date.min, self.end == date.max:
            case True, True:
                return "at all times"
            case True, False:
                return f"until {last}"
            case False, True:
                return f"from {self.first} on"
            case _ if self.first == last:
                return f"on {last}"
            case _:
                return f"from {self.first} to {last}"
