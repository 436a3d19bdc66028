"""What a draft would change: said before it is saved, and true afterwards."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.allocation.allocate import Base
from costpulse_assets.allocation.assets import COST_ALLOCATIONS, KEY_ALLOCATIONS
from costpulse_assets.allocation.rule_set import RuleSet, replace_rule_set
from costpulse_assets.allocation.simulate import Simulation, TeamChange, simulate
from costpulse_assets.costs.assets import DAILY_COSTS, DAILY_KEY_COSTS
from costpulse_assets.derived_days import build, days_to_build
from costpulse_assets.errors import DatabaseRefused
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Connection, Database
from tests.allocation.ledger import MONDAY, Ledger
from tests.conftest import database

DAYS = [MONDAY + timedelta(days=n) for n in range(3)]
TABLES = (KEY_ALLOCATIONS, COST_ALLOCATIONS, DAILY_COSTS, DAILY_KEY_COSTS)
IN_CLEAR = Identities(None)


@pytest.fixture(scope="module")
def books(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """A database with cost of three days; nothing of it is allocated yet."""
    with database(postgres_server, template=migrated_template) as url:
        books = Database(url)
        with books.transaction() as connection:
            _write(connection)
        yield books


def _write(connection: Connection) -> None:
    ledger = Ledger(connection)
    connection.execute("insert into costpulse.workspaces (workspace_id, name) values ('1001', 'northwind')")
    ledger.name("job", "7", "nightly", MONDAY)
    keys = [
        ledger.key(job_id="7", user_email="ada@example.com", tags={"team": "etl"}),
        ledger.key(job_id="8", user_email="bo@example.com", tags={"team": "bi"}),
        ledger.key(user_email="ada@example.com", tags={"team": "bi"}),
        ledger.key(warehouse_id="w1", product="SQL"),
        ledger.key(product="NETWORKING"),
    ]
    for day in DAYS:
        for number, key in enumerate(keys, 1):
            ledger.cost(f"{10 * number}.000000000000000001", key, day=day, records=number)
        ledger.cost("-1.5", keys[0], day=day)
        ledger.cost("7", keys[1], day=day, rate=None, unit="GB")
        connection.execute(
            "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, record_count, "
            "collected_at, changed_at) values ('cost_records', %s, 1, 1, 1, now(), now())",
            [day],
        )
    ledger.query("w1", "ada@example.com", "3")
    ledger.query("w1", "bo@example.com", "1")


def save(books: Database, rule_set: RuleSet) -> None:
    """Saves the rules and lets the pipeline follow."""
    with books.transaction() as connection:
        replace_rule_set(connection, rule_set, "test", identities=IN_CLEAR)
    for table in TABLES:
        build(books, table, days_to_build(books, table, DAYS[0], DAYS[-1], only_changed=True))


def simulated(books: Database, rule_set: RuleSet) -> Simulation:
    with books.transaction() as connection:
        return simulate(connection, rule_set, DAYS)


def rules(*rules: dict[str, Any], splits: tuple[dict[str, Any], ...] = (), **teams: dict[str, Any]) -> RuleSet:
    """A rule set of the teams Etl, Bi and Ops, with keywords for what they have."""
    return RuleSet.model_validate(
        {
            "teams": [{"name": name, **teams.get(name, {})} for name in ("Etl", "Bi", "Ops")],
            "rules": rules,
            "splits": splits,
        }
    )


def rule(name: str, team: str, value: str, **more: Any) -> dict[str, Any]:
    conditions = {"key": "team", "values": [value]}
    return {"name": name, "team": team, "rule_type": "tag_match", "conditions": conditions, **more}


def totals(books: Database) -> dict[str | None, Decimal]:
    with books.transaction() as connection:
        rows = connection.execute(
            "select t.name, sum(d.cost_usd) as cost_usd from costpulse.daily_costs as d "
            "left join costpulse.teams as t on d.team_id = t.id group by t.name"
        ).fetchall()
    return {row["name"]: row["cost_usd"] or Decimal(0) for row in rows}


def test_a_draft_says_who_gains_and_who_loses(books: Database):
    save(books, rules(rule("etl", "Etl", "etl")))
    found = simulated(books, rules(rule("all", "Bi", "*")))
    assert [(team.team, team.delta) for team in found.teams] == [
        ("Bi", Decimal("175.500000000000000009")),
        (None, Decimal("-150.000000000000000006")),
        ("Etl", Decimal("-25.500000000000000003")),
    ]
    assert (found.first_day, found.last_day) == (DAYS[0], DAYS[-1])
    whole = Decimal("445.500000000000000015")
    assert found.cost_usd == whole
    assert found.unallocated_before == Decimal("420.000000000000000012") / whole
    assert found.unallocated_after == Decimal("270.000000000000000006") / whole


def test_keys_that_change_hands_are_named_largest_first(books: Database):
    save(books, rules(rule("etl", "Etl", "etl")))
    found = simulated(books, rules(rule("all", "Bi", "*")))
    assert [(key.name, key.before, key.after) for key in found.keys] == [
        ("JOBS, northwind, ada@example.com", (None,), ("Bi",)),
        ("job 8, northwind, bo@example.com", (None,), ("Bi",)),
        ("job nightly, northwind, ada@example.com", ("Etl",), ("Bi",)),
    ]
    assert sum(key.moved_usd for key in found.keys) == Decimal("175.500000000000000009")


def test_what_is_saved_already_changes_nothing(books: Database):
    same = rules(rule("etl", "Etl", "etl"), Ops={"members": [{"email": "bo@example.com"}]})
    save(books, same)
    found = simulated(books, same)
    assert {team.delta for team in found.teams} == {0}
    assert found.keys == ()


def test_rules_that_never_match_and_those_in_the_shade_are_told(books: Database):
    found = simulated(
        books,
        rules(
            rule("any", "Bi", "*", priority=1),
            rule("etl", "Etl", "etl", priority=2),
            rule("typo", "Etl", "elt", priority=3),
            rule("long ago", "Etl", "etl", priority=0, valid_to="2026-01-31"),
            rule("switched off", "Etl", "etl", priority=0, is_active=False),
        ),
    )
    assert found.never_match == ("typo",)
    assert [(use.name, use.keys, use.shadowed_by) for use in found.shadowed] == [("etl", 1, ("any",))]
    assert [(one.first, one.second, one.keys, one.cost_usd) for one in found.overlaps] == [
        ("any", "etl", 1, Decimal("25.500000000000000003"))
    ]


def test_a_split_in_the_shade_of_members_and_tags_says_so(books: Database):
    rest = {"name": "rest", "rule_type": "remainder", "conditions": {}, "basis": "even", "shares": [{"team": "Ops"}]}
    nobody = {**rest, "name": "nothing left", "priority": 101}
    found = simulated(books, rules(splits=(rest, nobody), Etl={"tag_patterns": {"team": ["*"]}}))
    assert [(use.name, use.shadowed_by) for use in found.shadowed] == [("nothing left", ("rest", "tag"))]


def test_a_draft_without_rules_leaves_everything_unallocated(books: Database):
    save(books, rules(rule("etl", "Etl", "etl")))
    found = simulated(books, RuleSet())
    assert [team.team for team in found.teams if team.after] == [None]
    assert found.unallocated_after == 1
    assert (found.never_match, found.shadowed, found.overlaps) == ((), (), ())


def test_days_without_cost_have_no_share(books: Database):
    with books.transaction() as connection:
        found = simulate(connection, rules(), [MONDAY - timedelta(days=9)])
    assert (found.teams, found.cost_usd, found.unallocated_after) == ((), 0, 0)


def test_the_app_may_simulate_and_leaves_no_trace(books: Database):
    save(books, rules(rule("etl", "Etl", "etl")))
    draft = rules(rule("all", "Bi", "*"))
    before = totals(books)
    assert _as_app(books, draft, "daily_key_costs") == simulated(books, draft)
    assert totals(books) == before


def test_the_app_may_not_simulate_over_the_bill_itself(books: Database):
    with pytest.raises(DatabaseRefused):
        _as_app(books, rules(rule("all", "Bi", "*")), "cost_records")


def _as_app(books: Database, draft: RuleSet, base: Base) -> Simulation:
    with books.transaction() as connection:
        connection.execute("set local role costpulse_app")
        connection.execute("select set_config('costpulse.scope', 'all', true)")
        return simulate(connection, draft, DAYS, base)


_teams = st.sampled_from(["Etl", "Bi", "Ops"])
_conditions = st.sampled_from(
    [
        ("tag_match", {"key": "team", "values": ["etl"]}),
        ("tag_match", {"key": "team", "values": ["b*"]}),
        ("tag_match", {"key": "team", "missing": True}),
        ("user_match", {"users": ["ada@*"]}),
        ("job_match", {"jobs": ["nightly"]}),
        ("product_match", {"products": ["SQL", "NET*"]}),
    ]
)
_days = st.sampled_from([{}, {"valid_from": "2026-06-02"}, {"valid_to": "2026-06-01"}])


@st.composite
def _rule_sets(draw: st.DrawFn) -> RuleSet:
    made: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 4))):
        kind, conditions = draw(_conditions)
        # Names come again in other rule sets: some rules change, some are new, some go.
        made.append(
            {
                "name": f"rule {number}",
                "team": draw(_teams),
                "rule_type": kind,
                "conditions": conditions,
                "priority": draw(st.integers(1, 3)),
                **draw(_days),
            }
        )
    splits: list[dict[str, Any]] = []
    for number, (basis, shares) in enumerate(
        draw(
            st.lists(
                st.sampled_from(
                    [
                        ("fixed", [{"team": "Etl", "weight": "33.3"}, {"team": "Ops", "weight": "66.7"}]),
                        ("even", [{"team": "Bi"}, {"team": "Etl"}, {"team": "Ops"}]),
                        ("direct_spend", []),
                        ("query_share", []),
                    ]
                ),
                max_size=2,
            )
        )
    ):
        kind, conditions = draw(_conditions) if number else ("remainder", {})
        if basis == "query_share":
            kind, conditions = "product_match", {"products": ["SQL"]}
        splits.append(
            {
                "name": f"split {number}",
                "rule_type": kind,
                "conditions": conditions,
                "basis": basis,
                "idle": draw(st.sampled_from(["share", "leave"])) if basis == "query_share" else "share",
                "shares": shares,
            }
        )
    members = draw(st.lists(st.sampled_from(["ada@example.com", "bo@example.com"]), unique=True, max_size=2))
    owner = draw(_teams)
    return rules(
        *made,
        splits=tuple(splits),
        **{owner: {"members": [{"email": email} for email in members], "tag_patterns": {"team": ["bi"]}}},
    )


@given(_rule_sets(), _rule_sets())
@settings(max_examples=12, deadline=None)
def test_the_delta_that_was_shown_is_the_delta_after_saving(books: Database, before: RuleSet, after: RuleSet):
    save(books, before)
    stored = totals(books)
    shown = simulated(books, after)
    save(books, after)
    applied = totals(books)

    assert {team.team: team.before for team in shown.teams} == {name: cost for name, cost in stored.items() if cost} | {
        team.team: Decimal(0) for team in shown.teams if not team.before
    }
    assert {team.team: team.after for team in shown.teams if team.after} == {
        name: cost for name, cost in applied.items() if cost
    }
    assert sum(applied.values()) == sum(stored.values()) == shown.cost_usd

    again = simulated(books, after)
    assert {team.delta for team in again.teams} <= {0}
    assert again.keys == ()

    def rows() -> list[dict[str, Any]]:
        with books.transaction() as connection:
            return connection.execute("select * from costpulse.key_allocations order by 1, 2, 3, 4, 5, 6").fetchall()

    once = rows()
    build(books, KEY_ALLOCATIONS, DAYS)
    assert rows() == once, "twice is the same"


def test_a_team_change_knows_its_delta():
    assert TeamChange("Etl", Decimal(5), Decimal(3)).delta == -2
