"""What may claim cost, as temporary tables: stored or drafted, it is the same."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costpulse_assets.allocation.problems import problems
from costpulse_assets.allocation.rule_set import RuleSet, replace_rule_set
from costpulse_assets.allocation.staging import stage_claims
from costpulse_assets.errors import BadInput
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Connection, Database
from tests.conftest import database as new_database

CLEAR = Identities(None)
FEBRUARY = {"valid_from": "2026-02-01", "valid_to": "2026-02-28"}
IN_FEBRUARY = (date(2026, 2, 1), date(2026, 3, 1))
ALWAYS = (None, None)
TEAMS: list[dict[str, Any]] = [
    {"name": "Data", "tag_patterns": {"team": ["data", "data-*"], "owner": ["data"]}},
    {"name": "Risk", "members": [{"email": "Ada@x.org", **FEBRUARY}], "tag_patterns": {"team": ["risk"]}},
]
SKU = {"name": "SQL", "team": "Data", "rule_type": "sku_match", "conditions": {"skus": ["*SQL*", "x"]}}


@pytest.fixture(scope="module")
def shared(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    with new_database(postgres_server, template=migrated_template) as url:
        yield Database(url)


@pytest.fixture
def connection(shared: Database) -> Iterator[Connection]:
    """A transaction that leaves nothing behind."""
    with shared.transaction() as connection:
        yield connection
        connection.rollback()


def save(connection: Connection, **documents: Any) -> RuleSet:
    rule_set = RuleSet(**documents)
    replace_rule_set(connection, rule_set, "ada", identities=CLEAR)
    return rule_set


def staged(connection: Connection, columns: str, table: str = "rule_claims", order: str = "claim_id") -> list[Any]:
    found = connection.execute(f"select {columns} from {table} order by {order}".encode()).fetchall()
    return [tuple(row.values()) for row in found]


def ids(connection: Connection, table: str) -> dict[str, int]:
    return {row["name"]: row["id"] for row in connection.execute(f"select name, id from costpulse.{table}".encode())}


def test_rules_come_before_splits_before_members_before_tags_before_the_rest(connection):
    rest = {"name": "Rest", "rule_type": "remainder", "conditions": {}, "basis": "direct_spend", **FEBRUARY}
    bi = {"name": "BI", "rule_type": "warehouse_match", "conditions": {"warehouses": ["bi"]}, "basis": "query_share"}
    save(connection, teams=TEAMS, rules=[{**SKU, "priority": 5}], splits=[rest, bi])
    stage_claims(connection)
    teams, rules, splits = (ids(connection, table) for table in ("teams", "allocation_rules", "cost_splits"))
    (member,) = connection.execute("select id from costpulse.team_members").fetchall()
    data, risk = teams["Data"], teams["Risk"]
    assert staged(
        connection,
        "stage, priority, rank_id, rule_id, rule_version, split_id, split_version, team_id, valid_from, valid_to, "
        "atom_count",
        order="stage, priority, rank_id, claim_id",
    ) == [
        (1, 5, rules["SQL"], rules["SQL"], 1, None, None, data, *ALWAYS, 1),
        (2, 100, splits["BI"], None, None, splits["BI"], 1, None, *ALWAYS, 1),
        (3, 0, member["id"], None, None, None, None, risk, *IN_FEBRUARY, 1),
        (4, 0, data, None, None, None, None, data, *ALWAYS, 1),
        (4, 0, data, None, None, None, None, data, *ALWAYS, 1),
        (4, 0, risk, None, None, None, None, risk, *ALWAYS, 1),
        (5, 100, splits["Rest"], None, None, splits["Rest"], 1, None, *IN_FEBRUARY, 0),
    ]


def test_every_pattern_is_a_row_of_its_atom(connection):
    parts = [
        {"rule_type": "tag_match", "conditions": {"key": "team", "values": ["a", "b*"], "missing": True}},
        {"rule_type": "cluster_match", "conditions": {"pattern": "etl-.*"}},
    ]
    both = {"name": "Both", "team": "Data", "rule_type": "all_of", "conditions": {"parts": parts}}
    member = {"name": "Data", "members": [{"email": "Ada@x.org"}]}
    save(connection, teams=[member], rules=[both])
    stage_claims(connection)
    assert staged(
        connection, "claim_id, atom, field, tag_key, kind, pattern", "claim_atoms", "claim_id, atom, pattern"
    ) == [
        (1, 1, "tag", "team", "missing", ""),
        (1, 1, "tag", "team", "glob", "a"),
        (1, 1, "tag", "team", "glob", "b*"),
        (1, 2, "cluster_name", "", "regex", "etl-.*"),
        (2, 1, "user_email", "", "equal", "Ada@x.org"),
    ]
    assert staged(connection, "claim_id, atom_count") == [(1, 2), (2, 1)]


def test_the_terms_of_a_split_are_its_shares_or_one_row_without_a_team(connection):
    weights = [
        {"team": "Data", "weight": "1.5", "valid_to": "2026-01-31"},
        {"team": "Data", "weight": 0, "valid_from": "2026-02-01"},
        {"team": "Risk", "weight": 2},
    ]
    kinds = [("weights", weights, {}), ("direct_spend", [], {}), ("query_share", [], {"idle": "leave"})]
    splits = [
        {"name": basis, "rule_type": "remainder", "conditions": {}, "basis": basis, "shares": shares, **fields}
        for basis, shares, fields in kinds
    ]
    save(connection, teams=TEAMS, splits=splits)
    stage_claims(connection)
    teams, found = ids(connection, "teams"), ids(connection, "cost_splits")
    columns = "split_id, basis, idle, team_id, weight, valid_from, valid_to"
    assert staged(connection, columns, "split_terms", "split_id, team_id, valid_from nulls first") == [
        (found["weights"], "weights", "share", teams["Data"], Decimal("1.5"), None, date(2026, 2, 1)),
        (found["weights"], "weights", "share", teams["Data"], 0, date(2026, 2, 1), None),
        (found["weights"], "weights", "share", teams["Risk"], 2, None, None),
        (found["direct_spend"], "direct_spend", "share", None, None, None, None),
        (found["query_share"], "query_share", "leave", None, None, None, None),
    ]


def test_what_is_switched_off_is_not_staged(connection):
    split = {"name": "Rest", "rule_type": "remainder", "conditions": {}, "basis": "direct_spend", "is_active": False}
    save(connection, teams=[{"name": "Data"}], rules=[{**SKU, "is_active": False}], splits=[split])
    stage_claims(connection)
    assert staged(connection, "claim_id") == []
    assert staged(connection, "split_id", "split_terms", "split_id") == []


def test_without_rules_nothing_is_staged(connection):
    save(connection)
    stage_claims(connection)
    assert staged(connection, "claim_id") == []


def test_an_empty_pattern_that_somebody_wrote_into_the_table_matches_nothing(connection):
    save(connection, teams=[{"name": "Data"}], rules=[SKU])
    connection.execute("""update costpulse.allocation_rules set conditions = '{"skus": [""]}'""")
    stage_claims(connection)
    assert staged(connection, "atom_count") == [(1,)]
    assert staged(connection, "pattern", "claim_atoms", "pattern") == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("rule_type = 'moon_match'", "Rule 'SQL' is of the type 'moon_match', which this version does not know"),
        ("""conditions = '{"sku": 1}'""", "Rule 'SQL' has conditions that mean nothing: skus is missing"),
    ],
)
def test_a_rule_that_means_nothing_stops_the_pass_instead_of_being_left_out(connection, change, message):
    save(connection, teams=[{"name": "Data"}], rules=[SKU])
    connection.execute(f"update costpulse.allocation_rules set {change}".encode())
    with pytest.raises(BadInput, match=message):
        stage_claims(connection)


def test_a_draft_keeps_stored_ids_and_has_negative_ones_beyond_them(connection):
    stored = save(connection, teams=TEAMS, rules=[SKU])
    teams, rules = ids(connection, "teams"), ids(connection, "allocation_rules")
    fresh = {**SKU, "name": "New", "team": "Fresh"}
    changed = {**SKU, "note": "in other words"}
    stage_claims(connection, RuleSet(teams=[{"name": "Fresh"}, *stored.teams], rules=[fresh, changed]))
    found = staged(connection, "rank_id, rule_id, rule_version, team_id", "rule_claims", "stage, priority, rank_id")
    assert found[:2] == [
        (rules["SQL"], rules["SQL"], 2, teams["Data"]),
        (rules["SQL"] + 1, -rules["SQL"] - 1, 1, -max(teams.values()) - 1),
    ]


def test_staging_again_replaces_what_was_staged(connection):
    save(connection, teams=TEAMS, rules=[SKU])
    stage_claims(connection)
    stage_claims(connection, RuleSet())
    assert staged(connection, "claim_id") == []
    assert staged(connection, "claim_id", "claim_atoms") == []


NAMES = ("A", "b", "C", "d")
validity = st.sampled_from([{}, {"valid_from": "2026-02-01"}, {"valid_to": "2026-02-28"}, FEBRUARY])
conditions = st.sampled_from(
    [
        ("sku_match", {"skus": ["*SQL*"]}),
        ("tag_match", {"key": "team", "missing": True}),
        ("user_match", {"users": ["ada@x.org", "*@y.org"]}),
        ("cluster_match", {"pattern": "etl-.*"}),
    ]
)


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    teams = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    parents = {name: draw(st.sampled_from([None, *teams[:place]])) for place, name in enumerate(teams)}
    of = {person: draw(st.sampled_from(teams)) for person in draw(st.sets(st.sampled_from(["ada", "bob", "eve"])))}

    def claim(name: str) -> dict[str, Any]:
        rule_type, asked = draw(conditions)
        return {
            "name": name,
            "rule_type": rule_type,
            "conditions": asked,
            "priority": draw(st.integers(0, 2)),
            "is_active": draw(st.booleans()),
            "note": draw(st.sampled_from([None, "x"])),
            **draw(validity),
        }

    def split(name: str) -> dict[str, Any]:
        basis = draw(st.sampled_from(["even", "direct_spend", "weights"]))
        shares = [
            {"team": team, "weight": draw(st.integers(1, 3)) if basis == "weights" else None}
            for team in draw(st.lists(st.sampled_from(teams), unique=True, min_size=1))
        ]
        return {**claim(name), "basis": basis, "shares": shares}

    return RuleSet(
        teams=draw(
            st.permutations(
                [
                    {
                        "name": name,
                        "parent": parents[name],
                        "tag_patterns": draw(st.sampled_from([{}, {"team": ["x*"], "owner": ["y"]}])),
                        "members": [
                            {"email": f"{person}@x.org", **draw(validity)}
                            for person in sorted(of)
                            if of[person] == name
                        ],
                    }
                    for name in teams
                ]
            )
        ),
        rules=[
            {**claim(name), "team": draw(st.sampled_from(teams))}
            for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
        ],
        splits=[split(name) for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=2))],
    )


def meaning(connection: Connection) -> list[Any]:
    """What is staged, with each id replaced by its place in the order of ids."""

    def place(column: str) -> str:
        return f"case when {column} is not null then dense_rank() over (order by abs({column}) nulls last) end"

    patterns = (
        "(select jsonb_agg(to_jsonb(a) - 'claim_id' order by a.atom, a.kind, a.pattern) from claim_atoms as a "
        "where a.claim_id = c.claim_id)"
    )
    claims = staged(
        connection,
        f"stage, priority, {place('rule_id')} as r, rule_version, {place('split_id')} as s, split_version, "
        f"{place('team_id')} as t, valid_from, valid_to, atom_count, {patterns} as patterns",
        "rule_claims as c",
        "stage, priority, case when stage <> 3 then rank_id end, claim_id, patterns",
    )
    terms = staged(
        connection,
        f"{place('split_id')} as s, basis, idle, {place('team_id')} as t, weight, valid_from, valid_to",
        "split_terms",
        "1, 4, 5",
    )
    return [[claim for claim in claims if claim[0] != 3], sorted(map(repr, claims)), terms]


@settings(max_examples=30, deadline=None)
@given(before=rule_sets(), after=rule_sets())
def test_a_draft_is_staged_as_it_will_be_once_it_is_saved(shared, before, after):
    assert problems(before) == problems(after) == []
    for rule_set in (RuleSet(), before):
        with shared.transaction() as connection:
            replace_rule_set(connection, rule_set, "ada", identities=CLEAR)
    with shared.transaction() as connection:
        stage_claims(connection, after)
        draft = meaning(connection)
        replace_rule_set(connection, after, "ada", identities=CLEAR)
        stage_claims(connection)
        assert meaning(connection) == draft
        connection.rollback()
