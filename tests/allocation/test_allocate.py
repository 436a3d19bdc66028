"""Which claim comes first, on which days, and what the pass leaves of it in the tables."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from costpulse_assets.allocation.allocate import allocate, match_claims
from tests.allocation.ledger import MONDAY, Ledger, field, open_ledger, tag
from tests.conftest import database

TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)


@pytest.fixture(scope="module")
def url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    with database(postgres_server, template=migrated_template) as url:
        yield url


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with open_ledger(url) as ledger:
        yield ledger


def test_without_claims_everything_is_unallocated(ledger: Ledger):
    key = ledger.cost("2", rate="0.5", records=3)
    ledger.cost("1", key, rate=None)
    (row,) = ledger.allocate()
    assert row == {
        "usage_date": MONDAY,
        "key_id": key,
        "sku_name": "PREMIUM_JOBS_COMPUTE",
        "usage_unit": "DBU",
        "team_id": None,
        "rule_id": None,
        "rule_version": None,
        "split_id": None,
        "split_version": None,
        "method": "unallocated",
        "share": 1,
        "usage_quantity": 3,
        "unpriced_quantity": 1,
        "list_cost_usd": 1,
        "cost_usd": 1,
        "record_count": 4,
    }


def test_the_same_columns_come_with_and_without_claims_and_are_those_of_the_table(ledger: Ledger):
    ledger.cost("1")
    ledger.allocate()
    types = "select attname, atttypid::regtype::text from pg_attribute where attrelid = %s::regclass and attnum > 0"
    without = ledger.connection.execute(types, ["allocated"]).fetchall()
    ledger.claim(tag("team", "etl"), team=1)
    ledger.allocate()
    assert ledger.connection.execute(types, ["allocated"]).fetchall() == without
    assert without == ledger.connection.execute(types, ["costpulse.key_allocations"]).fetchall()


def test_stages_come_in_the_order_rule_split_user_tag_rest(ledger: Ledger):
    keys = {
        name: ledger.cost("1", ledger.key(job_id=name, user_email="ada@example.com", tags={"team": "etl"}))
        for name in ("rule", "split", "user")
    }
    keys["tag"] = ledger.cost("1", ledger.key(tags={"team": "etl"}))
    keys["rest"] = ledger.cost("1", ledger.key(tags={"team": "other"}))
    ledger.split("even", {7: None}, stage=5, split=901)
    ledger.claim(tag("team", "etl"), stage=4, team=4)
    ledger.claim(field("user_email", "ADA@example.com", kind="equal"), stage=3, team=3)
    ledger.split("even", {2: None}, field("job", "rule", "split"), split=900)
    ledger.claim(field("job", "rule"), stage=1, team=1)
    assert {name: ledger.owner(key) for name, key in keys.items()} == {
        "rule": ("rule", 1),
        "split": ("split", 2),
        "user": ("user", 3),
        "tag": ("tag", 4),
        "rest": ("split", 7),
    }


def test_the_lowest_priority_goes_first_and_ties_go_by_rank(ledger: Ledger):
    key = ledger.cost("1", ledger.key(tags={"team": "etl"}))
    for team, priority, rank in ((1, 5, 1), (2, 3, 9), (3, 3, 8), (4, 10, 0)):
        ledger.claim(tag("team", "*"), team=team, priority=priority, rank=rank)
    assert ledger.owner(key) == ("rule", 3)


def test_a_row_of_a_rule_says_which_version_of_it(ledger: Ledger):
    ledger.cost("1", ledger.key(tags={"team": "etl"}))
    rule = ledger.claim(tag("team", "etl"), team=5)
    (row,) = ledger.allocate()
    assert (row["rule_id"], row["rule_version"], row["split_id"], row["share"]) == (rule, 1, None, 1)


def test_claims_hold_from_their_first_day_until_before_their_last(ledger: Ledger):
    key = ledger.key(tags={"team": "etl"})
    days = [MONDAY + timedelta(days=n) for n in range(5)]
    for day in days:
        ledger.cost("1", key, day=day)
    ledger.claim(tag("team", "etl"), team=1, valid_from=days[1], valid_to=days[2])
    ledger.claim(tag("team", "etl"), team=2, valid_from=days[1], valid_to=days[4])
    ledger.claim(tag("team", "etl"), team=3, valid_from=days[0], valid_to=days[1])
    assert [row["team_id"] for row in ledger.allocate(*days)] == [3, 1, 2, 2, None]
    assert [ledger.owner(key, day)[1] for day in days] == [3, 1, 2, 2, None], "one day alone"


def test_two_memberships_one_after_the_other_share_a_user(ledger: Ledger):
    key = ledger.key(user_email="ada@example.com")
    for day in (MONDAY, TUESDAY):
        ledger.cost("1", key, day=day)
    ada = field("user_email", "ada@example.com", kind="equal")
    ledger.claim(ada, stage=3, team=1, valid_to=TUESDAY)
    ledger.claim(ada, stage=3, team=2, valid_from=TUESDAY)
    assert [row["team_id"] for row in ledger.allocate(MONDAY, TUESDAY)] == [1, 2]


def test_a_name_counts_on_the_days_it_was_in_force_and_the_first_one_before(ledger: Ledger):
    key = ledger.key(cluster_id="c1")
    for day in (MONDAY, TUESDAY, WEDNESDAY):
        ledger.cost("1", key, day=day)
    ledger.name("cluster", "c1", "etl-prod", TUESDAY, WEDNESDAY)
    ledger.name("cluster", "c1", "adhoc", WEDNESDAY)
    ledger.claim(field("cluster_name", "ETL-(prod|dev)", kind="regex"), team=1)
    assert [row["team_id"] for row in ledger.allocate(MONDAY, TUESDAY, WEDNESDAY)] == [1, 1, None]


def test_a_regular_expression_covers_the_whole_name(ledger: Ledger):
    key = ledger.cost("1", ledger.key(cluster_id="c1"))
    ledger.name("cluster", "c1", "my-etl-2", MONDAY)
    ledger.claim(field("cluster_name", "etl|my", "etl-[0-9]", "(?:my-)?etl", kind="regex"), team=1)
    assert ledger.owner(key) == ("unallocated", None)
    ledger.claim(field("cluster_name", "x|(my-)?etl-[0-9]", kind="regex"), team=2)
    assert ledger.owner(key) == ("rule", 2)


@pytest.mark.parametrize(
    ("columns", "atom"),
    [
        ({"workspace_id": "1001"}, field("workspace", "1001")),
        ({"workspace_id": "1001"}, field("workspace", "north*")),
        ({"product": "SQL"}, field("product", "sq*")),
        ({}, field("sku_name", "*JOBS*")),
        ({"job_id": "7"}, field("job", "7")),
        ({"job_id": "7"}, field("job", "Nightly*")),
        ({"job_id": "8", "job_name": "billed name"}, field("job", "BILLED name")),
        ({"warehouse_id": "w1"}, field("warehouse", "w1")),
        ({"warehouse_id": "w1"}, field("warehouse", "bi-*")),
        ({"user_email": "Ada@Example.com"}, field("user_email", "ada@example.com")),
        ({"user_email": "Ada@Example.com"}, field("user_domain", "example.com")),
        ({"tags": {"team": "ETL"}}, tag("team", "etl")),
        ({"tags": {"team": ""}}, tag("team", "*")),
        ({"tags": {}}, field("tag", "", kind="missing")),
        ({}, field("cluster_name", "", kind="missing")),
        ({"workspace_id": None}, field("workspace", "", kind="missing")),
    ],
    ids=lambda value: str(value),
)
def test_a_field_has_its_values(ledger: Ledger, columns: dict[str, Any], atom: Any):
    key = ledger.cost("1", ledger.key(**columns))
    ledger.connection.execute("insert into costpulse.workspaces (workspace_id, name) values ('1001', 'northwind')")
    ledger.name("job", "7", "nightly", MONDAY)
    ledger.name("warehouse", "w1", "BI-main", MONDAY)
    ledger.claim(atom, team=1)
    assert ledger.owner(key) == ("rule", 1)


@pytest.mark.parametrize(
    ("columns", "atom"),
    [
        ({"tags": {"Team": "etl"}}, tag("team", "etl")),
        ({"tags": {"team": "etl-1"}}, tag("team", "etl")),
        ({"tags": {"team": "etl"}}, tag("team", "")),
        ({"tags": {"team": "a%c"}}, tag("team", "a_c", "a%", "ab*", "\\*")),
        ({"tags": {"team": None}}, tag("team", "*")),
        ({"tags": {"team": "etl"}}, field("tag", "", kind="missing")),
        ({"user_email": "principal"}, field("user_domain", "*")),
        ({}, field("cluster_name", "*")),
        ({"cluster_id": "c1"}, field("cluster_name", "", kind="missing")),
        ({"job_id": "7", "job_name": "billed name"}, field("job", "billed name")),
        ({"workspace_id": None}, field("workspace", "*")),
    ],
    ids=lambda value: str(value),
)
def test_a_field_does_not_match_what_it_has_not(ledger: Ledger, columns: dict[str, Any], atom: Any):
    key = ledger.cost("1", ledger.key(**columns))
    ledger.name("job", "7", "nightly", MONDAY)
    ledger.name("cluster", "c1", "etl", MONDAY)
    if atom[0] == "tag" and atom[2][0][0] == "missing":
        atom = ("tag", "team", atom[2])
    ledger.claim(atom, team=1)
    assert ledger.owner(key) == ("unallocated", None)


def test_ids_of_another_workspace_are_others(ledger: Ledger):
    key = ledger.cost("1", ledger.key(workspace_id="1002", cluster_id="c1"))
    ledger.name("cluster", "c1", "etl", MONDAY)
    ledger.claim(field("cluster_name", "etl", kind="regex"), team=1)
    assert ledger.owner(key) == ("unallocated", None)


def test_all_atoms_of_a_claim_must_hold_on_the_same_day(ledger: Ledger):
    key = ledger.key(cluster_id="c1", job_id="j1", tags={"team": "etl"})
    for day in (MONDAY, TUESDAY, WEDNESDAY):
        ledger.cost("1", key, day=day)
    ledger.name("cluster", "c1", "prod", MONDAY, WEDNESDAY)
    ledger.name("cluster", "c1", "dev", WEDNESDAY)
    ledger.name("job", "j1", "old", MONDAY, TUESDAY)
    ledger.name("job", "j1", "new", TUESDAY)
    ledger.claim(field("cluster_name", "prod", kind="regex"), field("job", "new"), tag("team", "e*", "etl"), team=1)
    assert [row["team_id"] for row in ledger.allocate(MONDAY, TUESDAY, WEDNESDAY)] == [None, 1, None]


def test_two_atoms_about_one_field_must_both_hold(ledger: Ledger):
    both = ledger.cost("1", ledger.key(tags={"team": "etl", "env": "prod"}))
    one = ledger.cost("1", ledger.key(tags={"team": "etl", "env": "dev"}))
    ledger.claim(tag("team", "etl"), tag("env", "prod"), team=1)
    assert (ledger.owner(both)[1], ledger.owner(one)[1]) == (1, None)


def test_an_atom_without_patterns_never_holds(ledger: Ledger):
    ledger.cost("1", ledger.key(tags={"team": "etl"}))
    ledger.claim(tag("team", "etl"), tag("env"), team=1)
    ledger.claim(tag("env"), team=2)
    assert ledger.owners() == {None: 1}


def test_one_key_may_have_other_owners_under_other_skus(ledger: Ledger):
    key = ledger.key(tags={"team": "etl"})
    ledger.cost("1", key, sku="SERVERLESS_SQL")
    ledger.cost("1", key, sku="JOBS")
    ledger.claim(field("sku_name", "*SQL*"), tag("team", "etl"), team=1)
    ledger.claim(tag("team", "etl"), team=2, priority=1)
    assert {row["sku_name"]: row["team_id"] for row in ledger.allocate()} == {"SERVERLESS_SQL": 1, "JOBS": 2}


def test_usage_without_a_price_is_allocated_by_quantity_and_its_cost_stays_null(ledger: Ledger):
    ledger.cost("5", ledger.key(tags={"team": "etl"}), rate=None)
    ledger.claim(tag("team", "etl"), team=1)
    (row,) = ledger.allocate()
    assert (row["team_id"], row["usage_quantity"], row["unpriced_quantity"]) == (1, 5, 5)
    assert (row["cost_usd"], row["list_cost_usd"]) == (None, None)


def test_the_bill_as_of_a_day_leaves_out_what_came_later(ledger: Ledger):
    key = ledger.cost("1", ingested=MONDAY)
    ledger.cost("-1", key, ingested=TUESDAY)
    assert ledger.owners() == {None: 0}
    assert ledger.owners(as_of=TUESDAY) == {None: 0}
    assert ledger.owners(as_of=MONDAY) == {None: 1}
    ledger.claim(team=1)
    assert ledger.owners(as_of=MONDAY) == {1: 1}


def test_all_claims_that_match_are_there_and_the_first_one_is_told(ledger: Ledger):
    key = ledger.cost("1", ledger.key(cluster_id="c1", tags={"team": "etl"}))
    ledger.name("cluster", "c1", "prod", MONDAY, TUESDAY)
    ledger.name("cluster", "c1", "dev", TUESDAY)
    first = ledger.claim(field("cluster_name", "prod", kind="regex"), team=1)
    second = ledger.claim(tag("team", "e*"), team=2)
    ledger.claim(tag("team", "other"), team=3)
    ledger.connection.execute(
        "insert into costpulse.daily_key_costs (usage_date, key_id, sku_name, usage_unit, usage_quantity, "
        "unpriced_quantity, record_count) select d, %s, 'JOBS', 'DBU', 1, 0, 1 from unnest(%s::date[]) as d",
        [key, [MONDAY, TUESDAY]],
    )

    def found(view: str) -> list[tuple[Any, ...]]:
        rows = ledger.connection.execute(
            f"select claim_id, from_date, to_date from {view} order by claim_id, from_date".encode()
        )
        return [tuple(row.values()) for row in rows]

    match_claims(ledger.connection, [MONDAY, TUESDAY], [key])
    assert found("key_claims") == [(first, MONDAY, TUESDAY), (second, MONDAY, WEDNESDAY)]
    assert found("first_claims") == [(first, MONDAY, TUESDAY), (second, TUESDAY, WEDNESDAY)]
    hits = ledger.connection.execute("select field, tag_key, kind, pattern, value from pattern_hits order by 1")
    assert [tuple(row.values()) for row in hits] == [
        ("cluster_name", "", "regex", "prod", "prod"),
        ("tag", "team", "glob", "e*", "etl"),
    ]
    match_claims(ledger.connection, [MONDAY, TUESDAY], [UUID(int=1)])
    assert found("key_claims") == []


def test_sums_per_key_give_the_same_as_the_bill(ledger: Ledger):
    for number, team in enumerate(("etl", "bi", "etl")):
        key = ledger.key(job_id=str(number), tags={"team": team})
        ledger.cost("1.5", key, rate="0.3")
        ledger.cost("-0.25", key, rate=None)
    ledger.claim(tag("team", "etl"), team=1)
    ledger.split("fixed", {1: "50", 2: "50"}, tag("team", "bi"))
    from_records = ledger.allocate()
    ledger.connection.execute(
        "insert into costpulse.daily_key_costs (usage_date, key_id, sku_name, usage_unit, team_id, usage_quantity, "
        "unpriced_quantity, list_cost_usd, cost_usd, record_count) select usage_date, key_id, sku_name, usage_unit, "
        "team_id, usage_quantity, unpriced_quantity, list_cost_usd, cost_usd, record_count from allocated"
    )
    assert ledger.allocate(base="daily_key_costs") == from_records


def test_patterns_mean_what_they_mean_everywhere(ledger: Ledger):
    values = ["a", "A%", "a_b", "axb", "a\\b", "*", "a*b", "", "ab", "é", "É"]
    patterns = ["a", "a%", "a_*", "*\\*", "*", "**", "a*b", "É*", "*b", "", "A*"]
    for value in values:
        ledger.cost("1", ledger.key(tags={"t": value}))
    ledger.claim(tag("t", *patterns), team=1)
    ledger.allocate()
    hits = {
        (row["pattern"], row["value"])
        for row in ledger.connection.execute("select pattern, value from pattern_hits").fetchall()
    }
    expected = ledger.connection.execute(
        "select p as pattern, v as value from unnest(%s::text[]) as p cross join unnest(%s::text[]) as v "
        "where costpulse.matches_glob(v, p)",
        [patterns, values],
    ).fetchall()
    assert hits == {(row["pattern"], row["value"]) for row in expected}
    assert len(hits) > len(patterns)


def test_expressions_mean_what_they_mean_when_they_are_tried_before_they_are_saved(ledger: Ledger):
    names = ["etl", "ETL-1", "etl-1-prod", "a|b", "x etl", "etl\n", "", "böse", "BÖSE"]
    # More than are compared at once.
    patterns = ["etl", "etl|a", "a\\|b", "(etl|x)-?.*", "e.*", "[[:alpha:]]+", "B.SE", ".*", "x?", "etl-\\d(-.*)?", "q"]
    patterns += [f"etl-{number}.*" for number in range(15)]
    for number, name in enumerate(names):
        ledger.cost("1", ledger.key(cluster_id=str(number)))
        ledger.name("cluster", str(number), name, MONDAY)
    ledger.claim(field("cluster_name", *patterns, kind="regex"), team=1)
    ledger.allocate()
    hits = {
        (row["pattern"], row["value"])
        for row in ledger.connection.execute("select pattern, value from pattern_hits").fetchall()
    }
    expected = ledger.connection.execute(
        "select p as pattern, v as value from unnest(%s::text[]) as p cross join unnest(%s::text[]) as v "
        "where costpulse.matches_regex(v, p)",
        [patterns, names],
    ).fetchall()
    assert hits == {(row["pattern"], row["value"]) for row in expected}
    assert len(hits) > len(names)


def test_a_day_without_cost_allocates_nothing(ledger: Ledger):
    ledger.claim(team=1)
    assert ledger.allocate() == []


def test_the_pass_leaves_nothing_behind_after_its_transaction(url: str):
    with open_ledger(url) as ledger:
        ledger.cost("1")
        ledger.claim(team=1)
        allocate(ledger.connection, [MONDAY], base="cost_records")
        ledger.connection.commit()
        ledger.connection.execute("truncate costpulse.cost_records, costpulse.cost_keys")
        left = ledger.connection.execute(
            "select relname from pg_class where relnamespace = pg_my_temp_schema()"
        ).fetchall()
        ledger.connection.commit()
    assert left == []


def test_what_the_tables_refuse_is_never_made(ledger: Ledger):
    for number, team in enumerate(("etl", "bi", "other", "none")):
        ledger.cost("1", ledger.key(job_id=str(number), user_email=f"{team}@example.com", tags={"team": team}))
    ledger.claim(tag("team", "etl"), team=1)
    ledger.split("fixed", {1: "33.3", 2: "66.7"}, tag("team", "bi"))
    ledger.split("weights", {1: "0"}, tag("team", "other"), split=901)
    ledger.allocate()
    ledger.connection.execute("insert into costpulse.key_allocations select * from allocated")
    kept = ledger.connection.execute("select count(*) as n, sum(cost_usd) as cost from costpulse.key_allocations")
    assert kept.fetchone() == {"n": 5, "cost": Decimal(4)}
    with pytest.raises(psycopg.errors.UniqueViolation):
        ledger.connection.execute("insert into costpulse.key_allocations select * from allocated")


def test_the_dates_of_a_long_rebuild_may_have_holes(ledger: Ledger):
    key = ledger.key(tags={"team": "etl"})
    far = date(2026, 8, 1)
    for day in (MONDAY, TUESDAY, far):
        ledger.cost("1", key, day=day)
    ledger.claim(tag("team", "etl"), team=1, valid_from=date(2026, 7, 1))
    assert [(row["usage_date"], row["team_id"]) for row in ledger.allocate(MONDAY, far)] == [(MONDAY, None), (far, 1)]
