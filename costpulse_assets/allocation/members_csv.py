"""Members of teams as a CSV file: `team,email,role,valid_from,valid_to`, days inclusive, an empty one open."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from pydantic import TypeAdapter

from costpulse_assets.allocation.csv_tables import fitted, read_table, write_table
from costpulse_assets.allocation.documents import MemberDocument, RuleSet, TeamDocument
from costpulse_assets.allocation.plan import Change, change_in_words
from costpulse_assets.allocation.problems import BadRuleSet, Problem, problems, unknown_team
from costpulse_assets.allocation.protection import protected
from costpulse_assets.allocation.rule_types.declaration import Text
from costpulse_assets.allocation.text_files import TextFile
from costpulse_assets.identities import Identities

MEMBER_COLUMNS = ("team", "email", "role", "valid_from", "valid_to")

MOST_MEMBERS = 10_000
#: Memberships of one person in a file: each is compared with all others.
MOST_PER_PERSON = 100
#: Whose lines are looked for: who reads a hundred of them knows what is wrong with the file.
_MOST_LOCATED = 100


class MemberRow(MemberDocument):
    """A member with the team."""

    team: Text


@dataclass(frozen=True)
class MembersFile:
    """What a file says; it may be nonsense, `with_members` tells."""

    rows: tuple[MemberRow, ...]
    text: TextFile


@dataclass(frozen=True)
class MemberChange:
    """A membership that is created, changed or deleted."""

    team: str
    change: Change


def read_members(content: bytes, name: str) -> MembersFile:
    """The rows of a file; of the columns `MEMBER_COLUMNS`, team and email must be there.

    Raises:
        BadInput: with file, line, column, value and reason of everything that does not fit.
    """
    table = read_table(content, name, MEMBER_COLUMNS, required=("team", "email"), at_most=MOST_MEMBERS)
    given = [{column: value for column, value in row.items() if value is not None} for row in table.value]
    text = TextFile(name, given, table.places)
    return MembersFile(fitted(TypeAdapter(tuple[MemberRow, ...]), text), text)


def members_text(rule_set: RuleSet) -> str:
    """The CSV text of all members, teams by name, which reads back as the same members."""
    teams = sorted(rule_set.teams, key=lambda team: team.name.casefold())
    return write_table(
        MEMBER_COLUMNS,
        (
            {"team": team.name} | {column: _text(getattr(member, column)) for column in MEMBER_COLUMNS[1:]}
            for team in teams
            for member in team.in_order.members
        ),
    )


def with_members(rule_set: RuleSet, file: MembersFile, *, identities: Identities, removes_others: bool) -> RuleSet:
    """The rule set with the members of a file.

    A row with team, address and first day of a membership changes it; any other row is a new one.

    Args:
        rule_set: without problems, identities as they are stored.
        file: what `read_members` read, identities as typed.
        identities: how this deployment stores identities.
        removes_others: whether memberships that are not in the file go; else they stay.

    Raises:
        BadRuleSet: with file, line, column, value and reason of everything that is wrong.
    """
    names = [team.name for team in rule_set.teams]
    unknown = {name: list(unknown_team("", "team", name, names)) for name in {row.team for row in file.rows}}
    wrong: list[Problem] = []
    members: list[MemberDocument] = []
    times: Counter[str] = Counter()
    for index, row in enumerate(file.rows):
        where = file.text.where((index,))
        person = row.email.casefold()
        times[person] += 1
        if times[person] == MOST_PER_PERSON + 1:
            wrong.append(Problem(where, "email", row.email, f"is there more than {MOST_PER_PERSON} times"))
        wrong += [replace(problem, where=where) for problem in unknown[row.team]]
        try:
            members.append(_as_stored(row, identities))
        except BadRuleSet as refused:
            wrong += [_of_row(problem, where) for problem in refused.problems]
    if wrong:
        raise BadRuleSet(wrong)
    of_file: defaultdict[str, list[MemberDocument]] = defaultdict(list)
    for row, member in zip(file.rows, members, strict=True):
        of_file[row.team].append(member)
    teams = tuple(_with(team, of_file[team.name], removes_others) for team in rule_set.teams)
    found = rule_set.model_copy(update={"teams": teams})
    wrong = problems(found)
    if wrong:
        raise BadRuleSet(_of_row(problem, _line(problem, file, members)) for problem in wrong[:_MOST_LOCATED])
    return found


def member_changes(before: RuleSet, after: RuleSet) -> list[MemberChange]:
    """What makes the members of the second rule set of those of the first one, team by team."""
    old, new = _by_key(before), _by_key(after)
    found = []
    for key in sorted({**old, **new}, key=lambda key: (key[0].casefold(), key[1], key[2] or date.min)):
        was, becomes = old.get(key), new.get(key)
        member = becomes or was
        if was != becomes and member is not None:
            change = change_in_words("member", member.email, was, becomes)
            # The name of a new one is its address already, which is the first thing that it gets.
            found.append(MemberChange(key[0], change if was else replace(change, details=change.details[1:])))
    return found


def _as_stored(row: MemberRow, identities: Identities) -> MemberDocument:
    member = MemberDocument.model_validate(row.model_dump(exclude={"team"}))
    alone = RuleSet(teams=(TeamDocument(name=row.team, members=(member,)),))
    return protected(alone, identities).teams[0].members[0]


def _with(team: TeamDocument, of_file: Sequence[MemberDocument], removes_others: bool) -> TeamDocument:
    keys = {_key(member) for member in of_file}
    kept = [] if removes_others else [member for member in team.members if _key(member) not in keys]
    return team.model_copy(update={"members": (*kept, *of_file)}).in_order


def _line(problem: Problem, file: MembersFile, members: Sequence[MemberDocument]) -> str:
    """File and line of what is wrong with a membership; of two that exclude each other, the last one in the file."""
    about = []
    for index, (row, member) in enumerate(zip(file.rows, members, strict=True)):
        if problem.field == "members.email":
            is_it = problem.value.casefold() == member.email.casefold()
        else:
            is_it = problem.where.endswith(f", member {member.email!r}") and problem.value == str(
                getattr(member, problem.field)
            )
        if is_it:
            about.append((problem.where.startswith(f"Team {row.team!r}"), index))
    return file.text.where((max(about)[1],)) if about else file.text.name


def _of_row(problem: Problem, where: str) -> Problem:
    return replace(problem, where=where, field=problem.field.removeprefix("members."))


def _by_key(rule_set: RuleSet) -> dict[tuple[str, str, date | None], MemberDocument]:
    return {(team.name, *_key(member)): member for team in rule_set.teams for member in team.members}


def _key(member: MemberDocument) -> tuple[str, date | None]:
    return member.email.casefold(), member.valid_from


def _text(value: object) -> str | None:
    return None if value is None else str(value)
