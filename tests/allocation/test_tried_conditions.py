"""What conditions match while they are typed is what the pass gives to a rule that has them."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from costpulse_assets.allocation.allocate import allocate
from costpulse_assets.allocation.assets import COST_ALLOCATIONS, KEY_ALLOCATIONS
from costpulse_assets.allocation.problems import BadRuleSet
from costpulse_assets.allocation.rule_set import RuleSet
from costpulse_assets.allocation.staging import stage_claims
from costpulse_assets.allocation.tried_conditions import AT_MOST, Tried, TriedPattern, try_conditions
from costpulse_assets.costs.assets import DAILY_KEY_COSTS
from costpulse_assets.derived_days import build
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.allocation.ledger import MONDAY, Ledger
from tests.conftest import database

DAYS = [MONDAY + timedelta(days=n) for n in range(3)]
IN_CLEAR = Identities(None)
HASHED = Identities(SecretStr("a key that is long enough to be one"))
ADA = HASHED.protect_text("ada@example.com")


@pytest.fixture(scope="module")
def books(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """Cost of three days, the same every day; a cluster is renamed on the last one."""
    with database(postgres_server, template=migrated_template) as url:
        books = Database(url)
        with books.transaction() as connection:
            ledger = Ledger(connection)
            connection.execute("insert into costpulse.workspaces (workspace_id, name) values ('1001', 'northwind')")
            ledger.name("job", "7", "nightly", MONDAY)
            ledger.name("cluster", "c1", "etl-1", MONDAY, DAYS[2])
            ledger.name("cluster", "c1", "adhoc", DAYS[2])
            keys = [
                ledger.key(job_id="7", user_email="ada@example.com", tags={"team": "etl"}),
                ledger.key(job_id="8", user_email=ADA, tags={"team": "ETL-2"}),
                ledger.key(cluster_id="c1", tags={"team": "bi"}),
                ledger.key(warehouse_id="w1", product="SQL"),
            ]
            for day in DAYS:
                for number, key in enumerate(keys, 1):
                    ledger.cost(f"{10 * number}.01", key, day=day, list_rate="2")
                ledger.cost("5", keys[0], day=day, rate=None, unit="GB", sku="PRICELESS")
                connection.execute(
                    "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, "
                    "record_count, collected_at, changed_at) values ('cost_records', %s, 1, 1, 1, now(), now())",
                    [day],
                )
        for table in (KEY_ALLOCATIONS, COST_ALLOCATIONS, DAILY_KEY_COSTS):
            build(books, table, DAYS)
        yield books


def tried(books: Database, rule_type: str, conditions: dict[str, Any], **more: Any) -> Tried:
    with books.transaction() as connection:
        return try_conditions(connection, rule_type, conditions, DAYS, **{"identities": IN_CLEAR} | more)


TYPED: list[tuple[str, dict[str, Any], int, str]] = [
    ("tag_match", {"key": "team", "values": ["etl*"]}, 2, "90.06"),
    ("tag_match", {"key": "team", "missing": True}, 1, "120.03"),
    ("tag_match", {"key": "Team", "values": ["*"]}, 0, "0"),
    ("job_match", {"jobs": ["night*", "8"]}, 2, "90.06"),
    ("user_match", {"users": ["ada@*"]}, 1, "30.03"),
    ("workspace_match", {"workspaces": ["NORTHWIND"]}, 4, "300.12"),
    ("cluster_match", {"pattern": "etl-[0-9]"}, 1, "60.02"),
    ("warehouse_match", {"warehouses": ["w1"]}, 1, "120.03"),
    ("product_match", {"products": ["SQL"]}, 1, "120.03"),
    ("sku_match", {"skus": ["PRICELESS"]}, 1, "0"),
    ("principal_domain_match", {"domains": ["example.com"]}, 2, "90.06"),
    (
        "all_of",
        {
            "parts": [
                {"rule_type": "tag_match", "conditions": {"key": "team", "values": ["etl*"]}},
                {"rule_type": "job_match", "conditions": {"jobs": ["7"]}},
            ]
        },
        1,
        "30.03",
    ),
]


@pytest.mark.parametrize(("rule_type", "conditions", "keys", "cost"), TYPED)
def test_what_is_typed_matches_as_many_keys_as_cost_so_much(
    rule_type: str, conditions: dict[str, Any], keys: int, cost: str, books: Database
) -> None:
    found = tried(books, rule_type, conditions)
    assert (found.keys, found.matched_usd, found.days_usd) == (keys, Decimal(cost), Decimal("300.12"))
    assert len(found.examples) == min(keys, AT_MOST)


@pytest.mark.parametrize(("rule_type", "conditions"), [(each[0], each[1]) for each in TYPED])
def test_it_is_what_the_pass_gives_to_the_only_rule(
    rule_type: str, conditions: dict[str, Any], books: Database
) -> None:
    found = tried(books, rule_type, conditions)
    rule = {"name": "only", "team": "Etl", "rule_type": rule_type, "conditions": conditions}
    with books.transaction() as connection:
        stage_claims(connection, RuleSet.model_validate({"teams": [{"name": "Etl"}], "rules": [rule]}))
        allocate(connection, DAYS, base="daily_key_costs")
        (row,) = connection.execute(
            "select count(distinct a.key_id) as keys, coalesce(sum(a.cost_usd), 0) as cost_usd "
            "from allocated as a where a.method = 'rule'"
        ).fetchall()
    assert (found.keys, found.matched_usd) == (row["keys"], row["cost_usd"])


def test_patterns_are_told_apart_and_values_are_shown(books: Database) -> None:
    found = tried(books, "tag_match", {"key": "team", "values": ["etl*", "no such", "ETL"]})
    assert found.patterns == (
        TriedPattern("ETL", 1, ("etl",)),
        TriedPattern("etl*", 2, ("ETL-2", "etl")),
        TriedPattern("no such", 0, ()),
    )


def test_the_dearest_keys_come_first_by_their_names(books: Database) -> None:
    found = tried(books, "workspace_match", {"workspaces": ["1001"]})
    assert [(each.name, each.cost_usd) for each in found.examples] == [
        ("warehouse w1, northwind", Decimal("120.03")),
        ("cluster adhoc, northwind", Decimal("90.03")),
        (f"job 8, northwind, {ADA}", Decimal("60.03")),
        ("job nightly, northwind, ada@example.com", Decimal("30.03")),
    ]


def test_cost_is_at_the_price_that_the_page_shows(books: Database) -> None:
    found = tried(books, "warehouse_match", {"warehouses": ["w1"]}, at_list_price=True)
    assert (found.matched_usd, found.examples[0].cost_usd) == (Decimal("240.06"), Decimal("240.06"))


def test_people_are_found_by_their_hashes(books: Database) -> None:
    found = tried(books, "user_match", {"users": ["Ada@Example.com"]}, identities=HASHED)
    assert (found.keys, found.matched_usd) == (1, Decimal("60.03"))


@pytest.mark.parametrize(
    ("rule_type", "conditions", "reason"),
    [
        ("tag_match", {}, "conditions.key is missing"),
        ("cluster_match", {"pattern": "(a+)+"}, "repeats at character"),
        ("cluster_match", {"pattern": "a(b"}, "is no regular expression of PostgreSQL"),
        ("user_match", {"users": [""]}, "empty pattern"),
        ("remainder", {}, "rule_type must be"),
    ],
)
def test_what_could_not_be_saved_is_refused(
    rule_type: str, conditions: dict[str, Any], reason: str, books: Database
) -> None:
    with pytest.raises(BadRuleSet, match=reason.replace("(", "\\(")):
        tried(books, rule_type, conditions)
    with pytest.raises(BadRuleSet, match="matches nobody while identities are hashed"):
        tried(books, "user_match", {"users": ["ada*"]}, identities=HASHED)


def test_nothing_is_stored(books: Database) -> None:
    tried(books, "tag_match", {"key": "team", "values": ["etl"]})
    with books.transaction() as connection:
        assert connection.execute("select 1 from costpulse.allocation_rules").fetchall() == []
