"""What several teams share: by which weights, and exact to the last digit."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.allocation.ledger import MONDAY, Ledger, field, open_ledger, tag
from tests.conftest import database

DIGIT = Decimal("0.000000000000000001")
MEASURES = ("usage_quantity", "unpriced_quantity", "list_cost_usd", "cost_usd")
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture(scope="module")
def url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    with database(postgres_server, template=migrated_template) as url:
        yield url


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with open_ledger(url) as ledger:
        yield ledger


def largest_remainder(amount: Decimal | None, weights: dict[int, Decimal]) -> dict[int, Decimal | None]:
    """The parts of an amount, computed by fractions: the oracle of this file."""
    if amount is None:
        return dict.fromkeys(weights)
    with localcontext(prec=100):
        units = abs(int(amount / DIGIT))
        total = sum(map(Fraction, weights.values()))
        exact = {team: units * Fraction(weight) / total for team, weight in weights.items()}
        whole = {team: int(part) for team, part in exact.items()}
        left = units - sum(whole.values())
        for team in sorted(exact, key=lambda team: (whole[team] - exact[team], team))[:left]:
            whole[team] += 1
        return {team: (part * DIGIT).copy_sign(amount) for team, part in whole.items()}


def test_a_third_each_gives_the_digit_that_is_left_to_the_first(ledger: Ledger):
    ledger.cost("1", records=7)
    ledger.split("even", {3: None, 1: None, 2: None})
    rows = ledger.allocate()
    assert [(row["team_id"], row["cost_usd"], row["record_count"]) for row in rows] == [
        (1, Decimal("0.333333333333333334"), 7),
        (2, Decimal("0.333333333333333333"), 0),
        (3, Decimal("0.333333333333333333"), 0),
    ]
    assert {row["share"] for row in rows} == {Decimal("0.333333333333333333")}
    assert {(row["method"], row["split_id"], row["split_version"], row["rule_id"]) for row in rows} == {
        ("split", 900, 1, None)
    }


def test_a_credit_is_split_as_the_charge_was(ledger: Ledger):
    key = ledger.cost("1", sku="charge")
    ledger.cost("-1", key, sku="credit")
    ledger.split("fixed", {1: "33.4", 2: "33.3", 3: "33.3"})
    parts: dict[Any, Decimal] = defaultdict(Decimal)
    for row in ledger.allocate():
        parts[row["team_id"]] += row["cost_usd"]
    assert parts == {1: 0, 2: 0, 3: 0}


def test_the_digits_go_to_those_who_lost_most(ledger: Ledger):
    ledger.cost("0.000000000000000010")
    ledger.split("weights", {1: "1", 2: "2", 3: "4"})
    # 10 units by 1:2:4 are 1.43, 2.86 and 5.71
    assert [row["usage_quantity"] / DIGIT for row in ledger.allocate()] == [1, 3, 6]


def test_a_measure_that_is_null_stays_null_for_everybody(ledger: Ledger):
    ledger.cost("1", rate=None)
    ledger.split("even", {1: None, 2: None})
    rows = ledger.allocate()
    assert [(row["unpriced_quantity"], row["cost_usd"], row["list_cost_usd"]) for row in rows] == [
        (Decimal("0.5"), None, None)
    ] * 2


def test_direct_spend_is_what_rules_users_and_tags_gave_the_teams_that_day(ledger: Ledger):
    ledger.cost("6", ledger.key(tags={"team": "rule"}))
    ledger.cost("3", ledger.key(user_email="ada@example.com"))
    ledger.cost("1", ledger.key(tags={"team": "tag"}))
    ledger.cost("-5", ledger.key(tags={"team": "credit"}))
    ledger.cost("100", ledger.key(tags={"team": "split"}))
    overhead = ledger.cost("10", ledger.key(product="NETWORKING"))
    ledger.claim(tag("team", "rule"), team=1)
    ledger.claim(field("user_email", "ada@example.com", kind="equal"), stage=3, team=2)
    ledger.claim(tag("team", "tag"), stage=4, team=3)
    ledger.claim(tag("team", "credit"), team=4)
    ledger.split("even", {5: None}, tag("team", "split"), split=901)
    ledger.split("direct_spend", None, field("product", "NETWORKING"))
    found = {row["team_id"]: row["cost_usd"] for row in ledger.allocate() if row["key_id"] == overhead}
    assert found == {1: 6, 2: 3, 3: 1}


def test_direct_spend_of_listed_teams_leaves_the_others_out(ledger: Ledger):
    for team in (1, 2, 3):
        ledger.cost(str(team), ledger.key(tags={"team": str(team)}))
        ledger.claim(tag("team", str(team)), team=team)
    rest = ledger.cost("5")
    ledger.split("direct_spend", {2: None, 3: None, 4: None}, stage=5)
    found = {row["team_id"]: row["cost_usd"] for row in ledger.allocate() if row["key_id"] == rest}
    assert found == {2: 2, 3: 3}


def test_a_day_without_direct_spend_stays_unallocated(ledger: Ledger):
    key = ledger.key(tags={"team": "etl"})
    ledger.cost("1", key)
    ledger.cost("1", key, day=TUESDAY, rate=None)
    for day in (MONDAY, TUESDAY):
        ledger.cost("4", day=day)
    ledger.claim(tag("team", "etl"), team=1)
    ledger.split("direct_spend", stage=5)
    assert ledger.owners(MONDAY) == {1: 5}
    assert ledger.owners(TUESDAY) == {None: 4}
    (row,) = (row for row in ledger.allocate(TUESDAY) if row["team_id"] is None)
    assert (row["method"], row["split_id"], row["share"]) == ("unallocated", None, 1)


@pytest.mark.parametrize(
    ("idle", "expected"),
    [("share", {1: Decimal(60), 2: Decimal(20), None: Decimal(20)}), ("leave", {1: 30, 2: 10, None: 60})],
)
def test_the_bill_of_a_warehouse_goes_to_the_teams_of_those_who_queried(
    ledger: Ledger, idle: str, expected: dict[Any, Any]
):
    warehouse = ledger.cost("100", ledger.key(warehouse_id="w1", product="SQL"))
    elsewhere = ledger.cost("1", ledger.key(warehouse_id="w2", product="SQL"))
    for user, cost in (("Ada@example.com", "30"), ("bo@example.com", "10"), ("robot", "10"), ("ada@example.com", None)):
        ledger.query("w1", user, cost)
    ledger.query("w1", None, "50", kind="idle")
    ledger.claim(field("user_email", "ada@example.com", kind="equal"), stage=3, team=1)
    ledger.claim(field("user_email", "bo@example.com", kind="equal"), stage=3, team=2)
    ledger.split("query_share", None, field("product", "SQL"), idle=idle)
    rows = ledger.allocate()
    assert {row["team_id"]: row["cost_usd"] for row in rows if row["key_id"] == warehouse} == expected
    assert [row["team_id"] for row in rows if row["key_id"] == elsewhere] == [None], "nobody is known to have queried"


def test_a_warehouse_whose_queries_were_not_read_stays_unallocated(ledger: Ledger):
    ledger.cost("100", ledger.key(warehouse_id="w1"))
    ledger.query("w1", None, "100", kind="unknown")
    ledger.split("query_share", idle="leave")
    assert ledger.owners() == {None: 100}


def test_queries_of_a_warehouse_without_a_price_count_by_their_dbus(ledger: Ledger):
    ledger.cost("9", ledger.key(warehouse_id="w1"), rate=None)
    for user, dbus in (("ada@example.com", "1"), ("bo@example.com", "2")):
        ledger.query("w1", user, None, dbus=dbus)
    ledger.claim(field("user_email", "ada@example.com", kind="equal"), stage=3, team=1)
    ledger.claim(field("user_email", "bo@example.com", kind="equal"), stage=3, team=2)
    ledger.split("query_share")
    assert {row["team_id"]: row["usage_quantity"] for row in ledger.allocate()} == {1: 3, 2: 6}


def test_weights_count_on_the_days_they_are_valid(ledger: Ledger):
    key = ledger.key()
    for day in (MONDAY, TUESDAY, TUESDAY + timedelta(days=1)):
        ledger.cost("8", key, day=day)
    ledger.split("weights", {1: "1", 2: "3"}, valid_to=TUESDAY)
    ledger.term(900, "weights", 2, "5", valid_from=TUESDAY, valid_to=TUESDAY + timedelta(days=1))
    assert ledger.owners(MONDAY) == {1: 2, 2: 6}
    assert ledger.owners(TUESDAY) == {2: 8}
    assert ledger.owners(TUESDAY + timedelta(days=1)) == {None: 8}


def test_who_has_no_weight_gets_no_row(ledger: Ledger):
    ledger.cost("1")
    ledger.split("weights", {1: "0", 2: "1"})
    assert [row["team_id"] for row in ledger.allocate()] == [2]


amounts = st.decimals(-(10**13), 10**13, places=18, allow_nan=False)
small_amounts = st.integers(-20, 20).map(lambda units: units * DIGIT)
weights = st.dictionaries(
    st.integers(1, 60),
    st.decimals(DIGIT, 10**6, places=18, allow_nan=False) | st.integers(1, 5).map(Decimal),
    min_size=1,
    max_size=12,
)


@given(
    data=st.lists(
        st.tuples(amounts | small_amounts, st.none() | st.decimals(0, 100, places=6, allow_nan=False)),
        min_size=1,
        max_size=4,
    ),
    weights=weights,
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_part_is_that_of_the_largest_remainder_and_they_add_up(
    url: str, data: list[tuple[Decimal, Decimal | None]], weights: dict[int, Decimal]
):
    with open_ledger(url) as ledger:
        key = ledger.key()
        for quantity, rate in data:
            ledger.cost(quantity, key, rate=rate, list_rate=None if rate is None else rate / 2)
        ledger.allocate()
        (whole,) = ledger.connection.execute("select * from allocated").fetchall()
        ledger.split("weights", dict(weights))
        rows = ledger.allocate()
    assert [row["team_id"] for row in rows] == sorted(weights)
    for measure in MEASURES:
        parts = {row["team_id"]: row[measure] for row in rows}
        assert parts == largest_remainder(whole[measure], weights), measure
        with localcontext(prec=60):
            assert whole[measure] == (None if None in parts.values() else sum(parts.values())), measure
    heaviest = min(weights, key=lambda team: (-weights[team], team))
    assert {row["team_id"]: row["record_count"] for row in rows if row["record_count"]} == {heaviest: len(data)}
