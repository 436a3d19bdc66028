"""Why a cost went where it went, as it is told to whoever disputes it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.allocation.explain import Explanation, Part, Subject, explain
from costpulse_assets.allocation.rule_set import (
    RuleDocument,
    RuleSet,
    SplitDocument,
    TeamDocument,
    replace_rule_set,
    stored_rule_set,
)
from costpulse_assets.costs.assets import DAILY_KEY_COSTS
from costpulse_assets.derived_days import build
from costpulse_assets.errors import BadInput
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.allocation.test_usage_statement import rows_of
from tests.allocation.test_worked_example import account, allocated  # noqa: F401 - fixtures
from tests.resources.test_roles import acting_as
from tests.small_account import MONDAY, SmallAccount, collect_days, small_account

IN_CLEAR = Identities(None)
NEXT_DAY = MONDAY + timedelta(days=1)
EVERYTHING = Subject(sku="*")


def asked(database: Database, subject: Subject, day: date = MONDAY, **more: Any) -> Explanation:
    with database.transaction() as connection:
        return explain(connection, day, subject, **more)


def only_part(database: Database, day: date = MONDAY, **about: str) -> Part:
    (part,) = asked(database, Subject(**about), day).parts
    return part


def gets(part: Part) -> list[tuple[str | None, str, Decimal | None, str]]:
    return [(one.team, one.method, one.cost_usd, one.share_reason) for one in part.receivers]


def save(database: Database, rule_set: RuleSet) -> None:
    with database.transaction() as connection:
        replace_rule_set(connection, rule_set, "ada", identities=IN_CLEAR)


def rebuild(database: Database, *days: date) -> None:
    build(database, KEY_ALLOCATIONS, list(days) or [MONDAY])
    build(database, DAILY_KEY_COSTS, list(days) or [MONDAY])


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


def rule(name: str, rule_type: str, **more: Any) -> RuleDocument:
    return RuleDocument(**{"name": name, "team": "Growth", "rule_type": rule_type, **more})


GROWTH = (TeamDocument(name="Growth"),)


def test_a_rule_is_told_in_words_with_the_value_that_matched_and_who_was_asked_before(
    allocated: Database,  # noqa: F811
) -> None:
    part = only_part(allocated, job="scoring")
    assert part.name == "job scoring in workspace 1001, run as nina@northwind.example, tagged team=risk"
    assert (part.rule, part.rule_version) == ("Tagged risk", 1)
    assert part.reason == (
        "Rule “Tagged risk” (priority 20, version 1) gives Risk all cost where tag team is risk. "
        "Here tag team is “risk”."
    )
    assert part.tried == ("Rule “Churn model” (priority 10, version 1) for Growth: job is “scoring”, not churn_*.",)
    assert gets(part) == [("Risk", "rule", Decimal(4), "")]


def test_a_member_and_tag_patterns_are_told_after_rules_and_splits(allocated: Database) -> None:  # noqa: F811
    part = only_part(allocated, user="NINA@*", tag="team=platform")
    assert part.reason == "It is run as Nina@northwind.example, a member of Growth on that day."
    assert [sentence.partition(" (")[0] for sentence in part.tried] == [
        "Rule “Churn model”", "Rule “Tagged risk”", "Split “Shared warehouse”", "Split “Storage”", "Split “Support”",
    ]  # fmt: skip
    part = only_part(allocated, tag="team=*-core")
    assert part.reason == (
        "The tag patterns of Platform claim it: tag team is “Platform-core”, which matches platform-*."
    )
    assert part.tried[-1] == "Members of teams: etl-robot is in no team on that day."
    assert (part.rule, part.rule_version) == (None, None)


def test_what_nobody_claims_names_all_who_were_asked(allocated: Database) -> None:  # noqa: F811
    part = only_part(allocated, job="legacy_load")
    assert part.reason == "No rule, split, member or tag pattern of a team claims it."
    assert part.tried[-2:] == (
        "Members of teams: etl-robot is in no team on that day.",
        "Tag patterns of Platform: there is no tag team.",
    )
    assert len(part.tried) == 7
    assert gets(part) == [(None, "unallocated", Decimal(5), "")]


def test_a_split_says_what_each_share_comes_from(allocated: Database) -> None:  # noqa: F811
    part = only_part(allocated, sku="SUPPORT")
    assert part.reason == (
        "Split “Support” (priority 100, version 1) shares all cost where SKU is SUPPORT in proportion to what each "
        "team was allocated directly on that day. Here SKU is “SUPPORT”."
    )
    assert gets(part) == [
        ("Growth", "split", Decimal("1.25"), "$12.50 of $19.50 of direct cost"),
        ("Risk", "split", Decimal("0.4"), "$4.00 of $19.50 of direct cost"),
        ("Platform", "split", Decimal("0.3"), "$3.00 of $19.50 of direct cost"),
    ]
    assert [one.share_reason for one in only_part(allocated, sku="*STORAGE").receivers] == ["one of 3 teams"] * 3
    assert [one.share for one in only_part(allocated, warehouse="w-*").receivers] == [Decimal("0.7"), Decimal("0.3")]


def test_what_has_no_price_says_so_and_has_no_cost(allocated: Database) -> None:  # noqa: F811
    part = only_part(allocated, sku="PREMIUM_AI_RUNTIME")
    assert part.cost_usd is None
    assert part.prices == (
        "3 DBU without a price: PREMIUM_AI_RUNTIME has no list price, and no price adjustment gives it one, so it has "
        "no cost.",
    )


def test_all_parts_add_up_and_the_smaller_ones_are_summed_up(allocated: Database) -> None:  # noqa: F811
    everything = asked(allocated, EVERYTHING)
    assert everything.cost_usd == sum(cost for _, cost in everything.teams) == Decimal("34.45")
    assert everything.teams[2] == (None, Decimal(5))
    assert (len(everything.parts), everything.parts_left_out, everything.left_out_usd) == (9, 0, 0)
    for part in everything.parts:
        assert sum(one.cost_usd or 0 for one in part.receivers) == (part.cost_usd or 0)
        assert sum(one.usage_quantity for one in part.receivers) == part.usage_quantity
    two = asked(allocated, EVERYTHING, limit=2)
    assert two.parts == everything.parts[:2]
    assert (two.cost_usd, two.parts_left_out, two.left_out_usd) == (Decimal("34.45"), 7, Decimal("17.45"))


def test_each_statement_fetches_the_usage_of_its_part(
    allocated: Database,  # noqa: F811
    account: SmallAccount,  # noqa: F811
) -> None:
    for part in asked(allocated, EVERYTHING).parts:
        fetched = rows_of(account.fetch(part.statement))
        assert sum(row["usage_quantity"] for row in fetched) == part.usage_quantity


def test_asking_twice_in_one_transaction_gives_the_same(allocated: Database) -> None:  # noqa: F811
    with allocated.transaction() as connection:
        assert explain(connection, MONDAY, EVERYTHING) == explain(connection, MONDAY, EVERYTHING)


def test_names_are_those_of_the_day(database: Database) -> None:
    with small_account() as small:
        for day in (MONDAY, NEXT_DAY):
            small.add_usage("10", day=day, cluster_id="c-1")
        collect_days(database, small, MONDAY, NEXT_DAY)
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from, "
            "valid_to) values "
            "('1001', 'cluster', 'c-1', 'lab-old', %s, %s), ('1001', 'cluster', 'c-1', 'new', %s, null)",
            [MONDAY, NEXT_DAY, NEXT_DAY],
        )
    save(database, RuleSet(teams=GROWTH, rules=(rule("Lab", "cluster_match", conditions={"pattern": "lab-[a-z]+"}),)))
    rebuild(database, MONDAY, NEXT_DAY)
    part = only_part(database, cluster="LAB-old")
    assert part.name == "cluster lab-old (c-1) in workspace 1001, run as ada@example.com"
    assert part.reason.endswith("Here cluster name is “lab-old”, which matches lab-[a-z]+.")
    assert only_part(database, NEXT_DAY, cluster="new").tried[0].endswith("cluster name is “new”, not lab-[a-z]+.")
    assert only_part(database, NEXT_DAY, cluster="c-1").receivers[0].team is None
    with pytest.raises(BadInput, match=f"There is no usage of cluster lab-old on {NEXT_DAY}"):
        asked(database, Subject(cluster="lab-old"), NEXT_DAY)


def test_several_conditions_are_told_together_and_the_first_that_fails(database: Database) -> None:
    with small_account() as small:
        small.add_usage("10", tags={"env": "prod"})
        collect_days(database, small)
    no_team = {"rule_type": "tag_match", "conditions": {"key": "team", "missing": True}}
    users = {"rule_type": "user_match", "conditions": {"users": ["ada@*", "b", "c", "d", "e", "f"]}}
    production = {"rule_type": "tag_match", "conditions": {"key": "env", "values": ["prod*"]}}
    others = {"rule_type": "user_match", "conditions": {"users": ["b", "c", "d", "e", "f", "g"]}}
    has_none = {"rule_type": "tag_match", "conditions": {"key": "env", "missing": True}}
    save(
        database,
        RuleSet(
            teams=GROWTH,
            rules=(
                rule("No tag", "all_of", conditions={"parts": [users, has_none]}, priority=1),
                rule("Others", "all_of", conditions={"parts": [no_team, others]}, priority=2),
                rule("Ada", "all_of", conditions={"parts": [no_team, users, production]}, priority=3),
                rule("Later", "sku_match", conditions={"skus": ["*"]}, priority=4),
            ),
        ),
    )
    rebuild(database)
    part = only_part(database, sku="*")
    assert part.reason.endswith(
        "Here there is no tag team and user is “ada@example.com”, which matches ada@* and tag env is “prod”, which "
        "matches prod*."
    )
    assert part.tried == (
        "Rule “No tag” (priority 1, version 1) for Growth: tag env is “prod”.",
        "Rule “Others” (priority 2, version 1) for Growth: "
        "user is “ada@example.com”, not b, c, d, e or one of 2 others.",
    )


def test_a_price_tells_list_price_since_when_and_what_an_adjustment_made_of_it(database: Database) -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    with SmallAccount() as small:
        small.add_price("0.15", end=noon)
        small.add_price("0.2", start=noon)
        small.add_usage("10", hour=3)
        small.add_usage("30", hour=13)
        small.add_usage("2", sku="FIXED", hour=3)
        with database.transaction() as connection:
            connection.execute(
                "insert into costpulse.price_adjustments (sku_pattern, percentage, fixed_rate, valid_from) values "
                "('*JOBS*', -12.5, null, '2026-01-01'), ('FIXED', null, 0.0000714, '2026-01-01')"
            )
            connection.execute(
                "insert into costpulse.list_prices (cloud, sku_name, usage_unit, currency_code, price_start_time, "
                "price_end_time, default_rate) values "
                "('AWS', 'PREMIUM_JOBS_COMPUTE', 'DBU', 'USD', '2025-01-01Z', %s, 0.15), "
                "('AWS', 'PREMIUM_JOBS_COMPUTE', 'DBU', 'USD', %s, null, 0.2)",
                [noon, noon],
            )
        collect_days(database, small)
    rebuild(database)
    assert only_part(database, sku="*JOBS*").prices == (
        "30 DBU at $0.175 per DBU is $5.25: list price $0.20 per DBU since 2026-06-01 12:00 UTC, "
        "price adjustment 1 for *JOBS* makes it 12.5% less.",
        "10 DBU at $0.13125 per DBU is $1.31: list price $0.15 per DBU since 2025-01-01 00:00 UTC, "
        "price adjustment 1 for *JOBS* makes it 12.5% less.",
    )
    assert only_part(database, sku="FIXED").prices == (
        "2 DBU at $0.0000714 per DBU is $0.0001428: FIXED has no list price, "
        "price adjustment 2 for FIXED fixes the price.",
    )
    with database.transaction() as connection:
        connection.execute("delete from costpulse.price_adjustments")
    (sentence,) = only_part(database, sku="FIXED").prices
    assert sentence.endswith("adjusted by price adjustment 2, which was deleted since.")


def test_a_day_from_before_a_change_is_told_as_it_is_allocated_until_it_is_allocated_anew(database: Database) -> None:
    with small_account() as small:
        small.add_usage("10", tags={"team": "growth"})
        collect_days(database, small)
    before = rule("Tag", "tag_match", conditions={"key": "team", "values": ["growth"]})
    save(database, RuleSet(teams=GROWTH, rules=(before,)))
    rebuild(database)
    assert asked(database, EVERYTHING).remarks == ()

    with database.transaction() as connection:
        connection.execute("update costpulse.allocation_rules set name = 'Growth''s tag'")
    told = asked(database, EVERYTHING)
    assert told.remarks == ()
    assert told.parts[0].reason.startswith("Rule “Tag” (priority 100, version 1) gives Growth all cost")

    risk = rule("Growth's tag", "tag_match", conditions={"key": "team", "values": ["risk"]})
    save(database, RuleSet(teams=GROWTH, rules=(risk,)))
    told = asked(database, EVERYTHING)
    assert told.remarks == (
        "Rules that concern this day were changed after it was allocated; the next run allocates it anew.",
    )
    (part,) = told.parts
    assert part.reason == (
        "Rule “Tag” (priority 100, version 1) decided so, as it was then; by the rules of today it is another's."
    )
    assert (part.tried, part.receivers[0].team) == ((), "Growth")

    rebuild(database)
    told = asked(database, EVERYTHING)
    assert told.remarks == ()
    assert told.parts[0].tried[0] == (
        "Rule “Growth's tag” (priority 100, version 3) for Growth: tag team is “growth”, not risk."
    )


def test_cost_that_a_split_could_give_to_nobody_says_why(database: Database) -> None:
    with small_account() as small:
        small.add_usage("10", warehouse_id="w-1")
        small.add_usage("20", sku="OTHER")
        collect_days(database, small)
    warehouses, other = {"warehouses": ["*"]}, {"skus": ["OTHER"]}
    save(
        database,
        RuleSet(
            teams=GROWTH,
            splits=(
                SplitDocument(name="Q", rule_type="warehouse_match", conditions=warehouses, basis="query_share"),
                SplitDocument(name="D", rule_type="sku_match", conditions=other, basis="direct_spend"),
            ),
        ),
    )
    rebuild(database)
    part = only_part(database, warehouse="w-1")
    assert (part.rule, part.rule_version) == ("Q", 1)
    assert "in proportion to what the users of each team ran on the warehouse on that day" in part.reason
    assert gets(part)[0][3] == "what nobody's query used, or queries of users who are in no team"
    assert gets(only_part(database, sku="OTHER")) == [
        (None, "unallocated", None, "none of the teams was allocated anything directly on that day")
    ]


def test_a_day_in_progress_says_how_much_is_in(allocated: Database) -> None:  # noqa: F811
    with allocated.transaction() as connection:
        connection.execute(
            "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
            "values (%s, 0, 0.62, true, 'none')",
            [MONDAY],
        )
    assert asked(allocated, EVERYTHING).remarks == ("The day is not final: about 62% of its usage is in.",)


def test_the_app_tells_a_viewer_of_one_team_about_that_team_with_prices_but_without_what_others_have(
    allocated: Database,  # noqa: F811
    database_url: str,
) -> None:
    with allocated.transaction() as connection:
        (row,) = connection.execute("select id from costpulse.teams where name = 'Risk'").fetchall()
    with acting_as(database_url, "costpulse_app", scope=str(row["id"])) as connection:
        told = explain(connection, MONDAY, EVERYTHING)
    assert told.teams == (("Risk", Decimal("6.833333333333333333")),)
    support = next(part for part in told.parts if part.sku_name == "SUPPORT")
    assert gets(support) == [("Risk", "split", Decimal("0.4"), "")]
    assert support.prices == (
        "1 UNIT at $1.95 per UNIT is $1.95: list price $1.95 per UNIT, no price adjustment applies.",
    )
    with acting_as(database_url, "costpulse_app") as connection:
        assert connection.execute("select * from costpulse.key_prices").fetchall() == []
        with pytest.raises(BadInput):
            explain(connection, MONDAY, EVERYTHING)
    with acting_as(database_url, "costpulse_app", scope="all") as connection:
        assert explain(connection, MONDAY, EVERYTHING) == asked(allocated, EVERYTHING)


def test_where_identities_are_hashed_the_statement_says_that_it_cannot_name_them(allocated: Database) -> None:  # noqa: F811
    with allocated.transaction() as connection:
        connection.execute("update costpulse.identity_protection set key_fingerprint = 'abc'")
    assert only_part(allocated, job="scoring").statement.startswith("-- people are stored as hashes")


@pytest.mark.parametrize(
    ("subject", "day", "message"),
    [
        (Subject(), MONDAY, "Nothing was asked about"),
        (Subject(tag="team"), MONDAY, "'team' is not a tag"),
        (Subject(tag="=x"), MONDAY, "'=x' is not a tag"),
        (Subject(job=""), MONDAY, "There is no usage of job  on"),
        (
            Subject(job="scoring", user="omar@*"),
            MONDAY,
            r"There is no usage of job scoring, user omar@\* on 2026-06-01",
        ),
        (EVERYTHING, NEXT_DAY, f"{NEXT_DAY} was not allocated yet"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_the_reason(
    allocated: Database,  # noqa: F811
    subject: Subject,
    day: date,
    message: str,
) -> None:
    with pytest.raises(BadInput, match=message):
        asked(allocated, subject, day)


def test_an_explanation_changes_nothing(allocated: Database) -> None:  # noqa: F811
    with allocated.transaction() as connection:
        before = stored_rule_set(connection)
    asked(allocated, EVERYTHING)
    with allocated.transaction() as connection:
        assert stored_rule_set(connection) == before
        tables = connection.execute("select 1 from pg_class where relpersistence = 't'").fetchall()
    assert tables == []
