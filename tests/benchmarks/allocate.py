"""The pass against one statement written by hand and a loop in Python; the simulation and a year allocated anew.

Run as a module it is the allocating process itself: `python -m tests.benchmarks.allocate URL` allocates the days once
and prints what it took.
"""

import json
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import date, timedelta
from fnmatch import translate
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from costpulse_assets.allocation.allocate import allocate_stored, match_claims
from costpulse_assets.allocation.documents import RuleSet
from costpulse_assets.allocation.rule_set import replace_rule_set, stored_rule_set
from costpulse_assets.allocation.rule_types import RULE_TYPES, Atom, Pattern
from costpulse_assets.allocation.rules_as_code import apply_rules, read_rules
from costpulse_assets.allocation.simulate import simulate
from costpulse_assets.allocation.staging import stage_claims
from costpulse_assets.collectors.cost_records import collect
from costpulse_assets.identities import Identities
from costpulse_assets.resources import demo_account
from costpulse_assets.resources.database import Connection, Database, run
from costpulse_assets.resources.demo_account import DemoAccount
from tests.benchmarks.load import _peak_mb
from tests.benchmarks.measuring import AS_USUAL, TODAY, Bench, Section, medians, migrated, seconds
from tests.benchmarks.usage import PreparedSource, write_records
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today

_DAYS = [TODAY - timedelta(days=back) for back in range(10)]
_TEAMS, _RULES, _MEMBERS = 50, 200, 600
#: Cost records that the loop in Python is timed on.
_SAMPLE = 20_000
_IN_CLEAR = Identities(None)
_RULES_OF_DEMO = Path(demo_account.__file__).with_name("allocation.yaml")
_REALLOCATED = ("key_allocations", "cost_allocations", "daily_costs", "daily_key_costs")

_NAMES = """
insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from)
select
    k.workspace_id,
    'cluster',
    k.cluster_id,
    'etl-' || substring(k.cluster_id from 9)::integer %% 400 || '-prod-' || substring(k.cluster_id from 9),
    %s
from costpulse.cost_keys as k
"""


def measure(bench: Bench) -> Section:
    """Rules over prepared records, then the demo account with its own rules."""
    sizes = bench.sizes
    section = Section(
        "Allocation",
        f"{sizes.records:,} cost records of {len(_DAYS)} days, {_RULES} rules of mixed types, {_TEAMS} teams with "
        f"{_MEMBERS} members and tag patterns: the pass of key_allocations against one statement written by hand that "
        "fills the table with the same rows (grouped cost records, one CASE of all rules over the distinct keys), both "
        "until before the commit. The loop in Python has the records in memory, as plain dicts, and every pattern "
        "compiled; it goes through the rules in their order until one matches, then asks members and tags, for "
        f"{min(_SAMPLE, sizes.records):,} of the records, scaled to all of them. Against it stands what finds the "
        "first claim of every key in the database, from the stored rules on and with the reading of the keys; the "
        "pass does this once for each key, so the same loop over the keys is there as well, without a limit. Memory "
        "is the peak of the process that allocates, with everything a Dagster run has loaded.",
    )
    for name, server in bench.servers.items():
        with migrated(server) as url:
            _load(bench, url)
            _against_others(section, name, url, bench)
    _demo(section, bench)
    return section


def _load(bench: Bench, url: str) -> None:
    for day in _DAYS:
        path = bench.folder / f"allocate-{day}.arrow"
        write_records(path, day, bench.sizes.records // len(_DAYS))
        collect(Database(url), PreparedSource(path, day), [day], **AS_USUAL)
        path.unlink()
    with Database(url).transaction() as connection:
        connection.execute(_NAMES, [_DAYS[-1]])
        replace_rule_set(connection, _rule_set(), "benchmark", identities=_IN_CLEAR)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")


def _rule_set() -> RuleSet:
    """Eight kinds in turns, none of which takes most records; about nine in ten find a rule, the others a member,
    a tag or nobody."""
    kinds: list[Any] = [
        lambda n: ("tag_match", {"key": "team", "values": [f"team {n}", f"team {25 + n}"]}),
        lambda n: ("user_match", {"users": [f"person.{100 + n}*@example.com"]}),
        lambda n: ("workspace_match", {"workspaces": [str(1000 + n)]}),
        lambda n: ("cluster_match", {"pattern": f"etl-{n}-(prod|dev)-[0-9]+"}),
        lambda n: ("job_match", {"jobs": [f"nightly load {10 + n}*"]}),
        lambda n: ("product_match", {"products": [f"SQL_{n}*"]}),
        lambda n: _all_of(("sku_match", {"skus": [f"*KIND_{n}"]}), ("tag_match", {"key": "team", "values": ["*5"]})),
        lambda n: _all_of(
            ("user_match", {"users": [f"person.*{n}@example.com"]}),
            ("tag_match", {"key": "cost_center", "values": ["1*", "7*"]}),
        ),
    ]
    rules = []
    for number in range(_RULES):
        kind, conditions = kinds[number % len(kinds)](number // len(kinds))
        rules.append(
            {
                "name": f"rule {number}",
                "team": f"team {number % _TEAMS}",
                "rule_type": kind,
                "conditions": conditions,
                "priority": number,
            }
        )
    teams = [
        {
            "name": f"team {team}",
            "tag_patterns": {"team": [f"team {team}"]},
            "members": [{"email": f"person.{n}@example.com"} for n in range(team, _MEMBERS, _TEAMS)],
        }
        for team in range(_TEAMS)
    ]
    return RuleSet.model_validate({"teams": teams, "rules": rules})


def _all_of(*parts: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    return "all_of", {"parts": [{"rule_type": kind, "conditions": conditions} for kind, conditions in parts]}


def _against_others(section: Section, name: str, url: str, bench: Bench) -> None:
    with Database(url).transaction() as connection:
        statement = _by_hand(connection)

        def passed() -> float:
            return seconds(lambda: _pass(connection))

        def written() -> float:
            return seconds(lambda: connection.execute(statement))

        ours, by_hand = medians(
            bench.sizes.repetitions, partial(_undone, connection, passed), partial(_undone, connection, written)
        )
        assert _owners(connection, lambda: _pass(connection)) == _owners(
            connection, lambda: connection.execute(statement)
        )
        _pass(connection)
        run(connection, "transform/daily_key_costs", {"days": _DAYS})
        loop = _Loop(connection)
        matching, per_record = medians(bench.sizes.repetitions, partial(_matching, connection), loop.seconds_per_record)
        keys = connection.execute("select count(*) as keys from matched_keys").fetchone()
        assert keys is not None
        # The process below allocates the same days.
        connection.rollback()
    command = [sys.executable, "-m", "tests.benchmarks.allocate", url]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    section.below(f"the pass / the statement by hand, {name}", ours / by_hand, 1.5, note=f" ({ours:.1f} s)")
    section.at_least(
        f"loop in Python over the records / matching, {name}",
        per_record * bench.sizes.records / matching,
        40,
        f" ({per_record * bench.sizes.records:.1f} s, {matching:.2f} s)",
    )
    section.note(
        f"loop in Python over the {keys['keys']:,} keys / matching, {name}",
        f"{per_record * keys['keys'] / matching:.2f}; {loop.rules_asked:.0f} rules asked for a record, mean",
    )
    section.below(f"peak memory, {name}", report["peak_mb"], 250, "MB", digits=0)


def _pass(connection: Connection) -> None:
    allocate_stored(connection, _DAYS)
    run(connection, "transform/key_allocations")


def _matching(connection: Connection) -> float:
    """Seconds that it takes to find the first claim of every key of daily_key_costs, from the rules on."""

    def match() -> None:
        stage_claims(connection)
        match_claims(connection, _DAYS)

    return seconds(match)


def _undone(connection: Connection, call: Any) -> float:
    try:
        return float(call())
    finally:
        connection.rollback()


def _owners(connection: Connection, call: Any) -> list[dict[str, Any]]:
    call()
    found = connection.execute(
        "select team_id, rule_id, method, count(*) as n, sum(cost_usd) as cost_usd, sum(record_count) as record_count "
        "from costpulse.key_allocations group by 1, 2, 3 order by 1, 2, 3"
    ).fetchall()
    connection.rollback()
    return found


# -- the statement by hand ---------------------------------------------------------------------------------------------

_VALUES = {
    "workspace": ("k.workspace_id", "w.name"),
    "product": ("k.product",),
    "sku_name": ("p.sku_name",),
    "cluster_name": ("c.name",),
    "job": ("k.job_id", "k.job_name"),
    "user_email": ("k.user_email",),
}


def _by_hand(connection: Connection) -> sql.Composed:
    """What somebody would write who knows the rules: every one a branch, in their order."""
    rows = connection.execute(
        "select id, team_id, rule_type, conditions from costpulse.allocation_rules order by priority, id"
    )
    branches = sql.SQL("\n").join(
        sql.SQL("when {} then {}").format(
            sql.SQL(" and ").join(map(_condition, RULE_TYPES[row["rule_type"]].atoms(row["conditions"]))),
            sql.Literal(row["id"]),
        )
        for row in rows.fetchall()
    )
    return sql.SQL("""
with bill as materialized (
    select usage_date, key_id, sku_name, usage_unit, sum(usage_quantity) as usage_quantity,
        coalesce(sum(usage_quantity) filter (where effective_rate is null), 0) as unpriced_quantity,
        sum(list_cost_usd) as list_cost_usd, sum(cost_usd) as cost_usd, sum(record_count) as record_count
    from costpulse.cost_records
    where usage_date = any({days})
    group by usage_date, key_id, sku_name, usage_unit
),

owners as materialized (
    select p.key_id, p.sku_name, m.team_id as member_of, t.id as tagged, case {branches} end as rule_id
    from (select distinct key_id, sku_name from bill) as p
    join costpulse.cost_keys as k on k.key_id = p.key_id
    left join costpulse.workspaces as w on w.workspace_id = k.workspace_id
    left join costpulse.resource_names as c
        on c.workspace_id = k.workspace_id and c.resource_type = 'cluster' and c.resource_id = k.cluster_id
    left join costpulse.team_members as m on lower(m.email) = lower(k.user_email)
    left join costpulse.teams as t on lower(t.tag_patterns -> 'team' ->> 0) = lower(k.tags ->> 'team')
)

insert into costpulse.key_allocations (usage_date, key_id, sku_name, usage_unit, team_id, rule_id, rule_version,
    method, share, usage_quantity, unpriced_quantity, list_cost_usd, cost_usd, record_count)
select b.usage_date, b.key_id, b.sku_name, b.usage_unit, coalesce(r.team_id, o.member_of, o.tagged), r.id, r.version,
    case when r.id is not null then 'rule' when o.member_of is not null then 'user'
        when o.tagged is not null then 'tag' else 'unallocated' end,
    1, b.usage_quantity, b.unpriced_quantity, b.list_cost_usd, b.cost_usd, b.record_count
from bill as b
join owners as o on o.key_id = b.key_id and o.sku_name = b.sku_name
left join costpulse.allocation_rules as r on r.id = o.rule_id
""").format(days=sql.Literal(_DAYS), branches=branches)


def _condition(atom: Atom) -> sql.Composed:
    if atom.field == "tag":
        values: list[sql.Composable] = [sql.SQL("k.tags ->> {}").format(sql.Literal(atom.tag_key))]
    else:
        values = [sql.SQL(value) for value in _VALUES[atom.field]]
    tests = [_comparison(value, pattern) for value in values for pattern in atom.patterns]
    return sql.SQL("({})").format(sql.SQL(" or ").join(tests))


def _comparison(value: sql.Composable, pattern: Pattern) -> sql.Composed:
    text = pattern.text.lower()
    if pattern.kind == "regex":
        return sql.SQL("{} ~* {}").format(value, sql.Literal(f"^(?:{text})$"))
    if "*" not in text:
        return sql.SQL("lower({}) = {}").format(value, sql.Literal(text))
    return sql.SQL("lower({}) like {}").format(value, sql.Literal(text.replace("_", "\\_").replace("*", "%")))


# -- the loop in Python ------------------------------------------------------------------------------------------------


_COLUMNS = {"workspace": ("workspace_id",), "job": ("job_id", "job_name")}


class _Loop:
    """What somebody would write who matches record by record: patterns compiled, the first match ends the search."""

    def __init__(self, connection: Connection) -> None:
        self._records = connection.execute(
            "select r.workspace_id, r.product, r.sku_name, r.job_id, r.job_name, r.user_email, r.tags, "
            "c.name as cluster_name from costpulse.cost_records as r left join costpulse.resource_names as c "
            "on c.workspace_id = r.workspace_id and c.resource_id = r.cluster_id limit %s",
            [_SAMPLE],
        ).fetchall()
        rules = connection.execute("select * from costpulse.allocation_rules order by priority, id").fetchall()
        self._rules = [
            (row["team_id"], [_readied(atom) for atom in RULE_TYPES[row["rule_type"]].atoms(row["conditions"])])
            for row in rules
        ]
        members = connection.execute("select email, team_id from costpulse.team_members").fetchall()
        self._members = {row["email"].lower(): row["team_id"] for row in members}
        teams = connection.execute("select id, tag_patterns from costpulse.teams order by id").fetchall()
        self._teams_by_tag = {row["tag_patterns"]["team"][0]: row["id"] for row in teams}

    def seconds_per_record(self) -> float:
        """Of all records of the sample, one after the other."""
        started = time.perf_counter()
        owned = sum(self._owner(record) is not None for record in self._records)
        took = time.perf_counter() - started
        assert owned
        return took / len(self._records)

    @property
    def rules_asked(self) -> float:
        """How many rules a record meets, its own included; the mean."""
        return sum(self._rule(record)[0] for record in self._records) / len(self._records)

    def _owner(self, record: dict[str, Any]) -> int | None:
        _, team = self._rule(record)
        return team or self._members.get(record["user_email"].lower()) or self._teams_by_tag.get(record["tags"]["team"])

    def _rule(self, record: dict[str, Any]) -> tuple[int, int | None]:
        for number, (team, atoms) in enumerate(self._rules, 1):
            for atom in atoms:
                if not _holds(record, *atom):
                    break
            else:
                return number, team
        return len(self._rules), None


def _readied(atom: Atom) -> tuple[str, tuple[str, ...], list[re.Pattern[str]]]:
    patterns = [
        re.compile(pattern.text if pattern.kind == "regex" else translate(pattern.text), re.IGNORECASE)
        for pattern in atom.patterns
    ]
    return atom.tag_key, _COLUMNS.get(atom.field, (atom.field,)), patterns


def _holds(record: dict[str, Any], tag_key: str, columns: tuple[str, ...], patterns: list[re.Pattern[str]]) -> bool:
    values = [record["tags"].get(tag_key)] if tag_key else [record[column] for column in columns]
    for value in values:
        if value is not None:
            for pattern in patterns:
                if pattern.fullmatch(value):
                    return True
    return False


# -- the demo account --------------------------------------------------------------------------------------------------


def _demo(section: Section, bench: Bench) -> None:
    days = bench.sizes.reallocated_days
    first = TODAY - timedelta(days=days - 1)
    last_quarter = [TODAY - timedelta(days=back) for back in range(min(days, 90))]
    with ExitStack() as stack:
        database = Database(stack.enter_context(migrated(bench.plain)))
        account = stack.enter_context(DemoAccount(days=days, end_date=TODAY))
        instance = stack.enter_context(ephemeral_instance())
        pipeline = Pipeline(database, account, pretend_today(TODAY, first_usage_date=first), instance)
        with database.transaction() as connection:
            apply_rules(connection, read_rules(_RULES_OF_DEMO.read_bytes(), "demo"), "benchmark", identities=_IN_CLEAR)
        assert pipeline.run(first, TODAY).success
        with psycopg.connect(database.url, autocommit=True) as connection_of_its_own:
            connection_of_its_own.execute("vacuum analyze")
        with database.transaction() as connection:
            stored = stored_rule_set(connection)
            draft = stored.model_copy(update={"rules": stored.rules[1:]})
            simulate(connection, draft, last_quarter)
            simulated = seconds(lambda: simulate(connection, draft, last_quarter))
        with database.transaction() as connection:
            replace_rule_set(connection, draft, "benchmark", identities=_IN_CLEAR)
        took = seconds(lambda: _reallocate(pipeline, TODAY))
    section.below(f"simulation over {len(last_quarter)} days of the demo account", simulated, 2, "s")
    section.below(f"{days} days of the demo account allocated anew", took, 60, "s", digits=1)


def _reallocate(pipeline: Pipeline, today: date) -> None:
    assert pipeline.run(today, today, *_REALLOCATED, only_changed=True).success


def _allocate_once(url: str) -> None:
    import costpulse_assets.definitions  # noqa: F401  a run's process has all of it in memory

    with Database(url).transaction() as connection:
        took = seconds(lambda: _pass(connection))
        connection.rollback()
    print(json.dumps({"seconds": took, "peak_mb": _peak_mb()}))


if __name__ == "__main__":
    _allocate_once(sys.argv[1])
