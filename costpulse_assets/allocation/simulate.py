"""What a draft of the rules would change, before anything is saved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from costpulse_assets.allocation.allocate import Base, allocate
from costpulse_assets.allocation.documents import RuleSet
from costpulse_assets.allocation.rule_set import in_order_of_creation
from costpulse_assets.allocation.staging import stage_claims
from costpulse_assets.allocation.stored_rules import read_rules
from costpulse_assets.resources.database import Connection, Row, run

#: Keys that change hands, and overlaps: the largest ones by dollars.
AT_MOST = 50


@dataclass(frozen=True)
class TeamChange:
    """Cost of one team in the simulated days, USD; team None is Unallocated."""

    team: str | None
    before: Decimal
    after: Decimal

    @property
    def delta(self) -> Decimal:
        """What saving the draft adds to the team."""
        return self.after - self.before


@dataclass(frozen=True)
class KeyChange:
    """An attribution key and SKU of which cost changes hands."""

    key_id: UUID
    sku_name: str
    #: What it is, in words: job, warehouse, cluster, pipeline, endpoint or product, its workspace, its user.
    name: str
    #: Teams before and after, None for Unallocated, by their share.
    before: tuple[str | None, ...]
    after: tuple[str | None, ...]
    #: Cost that gets another owner.
    moved_usd: Decimal


@dataclass(frozen=True)
class RuleUse:
    """A rule or split that matches something in the simulated days and claims nothing."""

    name: str
    #: Attribution keys and SKUs that it matches, all of them claimed by others first.
    keys: int
    #: Who claims them first, by name; "user" and "tag" for members and tag patterns.
    shadowed_by: tuple[str, ...]


@dataclass(frozen=True)
class Overlap:
    """Two rules or splits that match the same cost, of which the first one is asked first."""

    first: str
    second: str
    keys: int
    cost_usd: Decimal


@dataclass(frozen=True)
class Simulation:
    """What a draft makes of the cost of some days, compared with what is stored."""

    first_day: date
    last_day: date
    #: By cost that changes, largest first; teams with nothing before and after are left out.
    teams: tuple[TeamChange, ...]
    #: The largest ones, by `moved_usd`.
    keys: tuple[KeyChange, ...]
    #: Rules and splits that are valid on some of the days and match nothing.
    never_match: tuple[str, ...]
    shadowed: tuple[RuleUse, ...]
    overlaps: tuple[Overlap, ...]
    cost_usd: Decimal
    unallocated_before_usd: Decimal
    unallocated_after_usd: Decimal

    @property
    def unallocated_before(self) -> Decimal:
        """Share of cost without a team, 0 to 1, as stored."""
        return _share(self.unallocated_before_usd, self.cost_usd)

    @property
    def unallocated_after(self) -> Decimal:
        """Share of cost without a team, 0 to 1, with the draft."""
        return _share(self.unallocated_after_usd, self.cost_usd)


def simulate(
    connection: Connection, rule_set: RuleSet, days: Sequence[date], base: Base = "daily_key_costs"
) -> Simulation:
    """Allocates the days by a draft and compares with what daily_key_costs says now; nothing is stored.

    Args:
        connection: with an open transaction of a role that may see all teams.
        rule_set: the draft, whole: what is not in it is taken as deleted. Without problems, identities as stored.
        days: usage days, at least one.
        base: see `allocate`.
    """
    stored = read_rules(connection)
    names = _Names(
        teams=_names(stored.teams, (team.name for team in in_order_of_creation(rule_set.teams))),
        rules=_names(stored.rules, (rule.name for rule in rule_set.rules)),
        splits=_names(stored.splits, (split.name for split in rule_set.splits)),
    )
    stage_claims(connection, rule_set)
    allocate(connection, days, base=base)
    connection.execute("drop table if exists pg_temp.simulated_owners")
    run(connection, "app/simulated_owners", {"days": list(days)})
    teams = tuple(
        TeamChange(names.team(row["team_id"]), row["before_usd"], row["after_usd"])
        for row in run(connection, "app/simulated_teams")
    )
    nobody = next((team for team in teams if team.team is None), TeamChange(None, Decimal(0), Decimal(0)))
    # Without any claim nothing was matched, and there is nothing to say about rules.
    is_matched = connection.execute("select from claims_in_order limit 1").fetchone() is not None
    uses = run(connection, "app/simulated_use") if is_matched else []
    overlaps = run(connection, "app/simulated_overlaps", {"at_most": AT_MOST}) if is_matched else []
    return Simulation(
        first_day=min(days),
        last_day=max(days),
        teams=teams,
        keys=tuple(
            KeyChange(
                key_id=row["key_id"],
                sku_name=row["sku_name"],
                name=row["name"],
                before=tuple(map(names.team, row["before"] or [])),
                after=tuple(map(names.team, row["after"] or [])),
                moved_usd=row["moved_usd"],
            )
            for row in run(connection, "app/simulated_keys", {"at_most": AT_MOST})
        ),
        never_match=tuple(names.claim(row["rule_id"], row["split_id"]) for row in uses if not row["keys"]),
        shadowed=tuple(
            RuleUse(names.claim(row["rule_id"], row["split_id"]), row["keys"], names.winners(row))
            for row in uses
            if row["keys"]
        ),
        overlaps=tuple(
            Overlap(
                first=names.claim(row["first_rule"], row["first_split"]),
                second=names.claim(row["second_rule"], row["second_split"]),
                keys=row["keys"],
                cost_usd=row["cost_usd"],
            )
            for row in overlaps
        ),
        cost_usd=sum((team.after for team in teams), Decimal(0)),
        unallocated_before_usd=nobody.before,
        unallocated_after_usd=nobody.after,
    )


@dataclass(frozen=True)
class _Names:
    """Names by id, those of the draft included."""

    teams: Mapping[int, str]
    rules: Mapping[int, str]
    splits: Mapping[int, str]

    def team(self, team_id: int | None) -> str | None:
        # A team that was deleted has its cost until the days are allocated anew.
        return None if team_id is None else self.teams.get(team_id, f"team {team_id}, deleted")

    def claim(self, rule_id: int | None, split_id: int | None) -> str:
        return self.rules[rule_id] if rule_id is not None else self.splits[split_id or 0]

    def winners(self, row: Row) -> tuple[str, ...]:
        return (
            *(self.rules[rule] for rule in row["rules"]),
            *(self.splits[split] for split in row["splits"]),
            *({3: "user", 4: "tag"}[stage] for stage in row["stages"]),
        )


def _names(stored: Sequence[Row], draft: Iterable[str]) -> dict[int, str]:
    """As `stage_claims` numbers what is not stored yet: on from the newest id, with a minus."""
    names = {row["id"]: row["name"] for row in stored}
    known = {name.casefold() for name in names.values()}
    newest = max(names, default=0)
    new = (name for name in draft if name.casefold() not in known)
    return names | {-number: name for number, name in enumerate(new, newest + 1)}


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return part / whole if whole else Decimal(0)
