"""What is suggested for unallocated cost, and what accepting it does."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import yaml
from psycopg.types.json import Jsonb

from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.allocation.rule_set import (
    MemberDocument,
    RuleDocument,
    RuleSet,
    TeamDocument,
    replace_rule_set,
    stored_rule_set,
)
from costpulse_assets.allocation.suggestions import Suggestion, accept, suggest_rules, suggestions
from costpulse_assets.derived_days import build
from costpulse_assets.errors import BadInput
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Connection, Database
from tests.resources.test_roles import acting_as
from tests.small_account import collect_days, small_account

TODAY = date(2026, 6, 30)
IN_CLEAR = Identities(None)


class Books:
    """Allocated and unallocated cost, key by key."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._keys = 0

    def team(self, name: str, *members: str, cost_center: str | None = None) -> int:
        row = self._connection.execute(
            "insert into costpulse.teams (name, cost_center) values (%s, %s) returning id", [name, cost_center]
        ).fetchone()
        assert row is not None
        for email in members:
            self._connection.execute(
                "insert into costpulse.team_members (team_id, email) values (%s, %s)", [row["id"], email]
            )
        return int(row["id"])

    def cost(
        self,
        cost: str | None,
        team_id: int | None = None,
        method: str = "user",
        *,
        day: date = TODAY,
        workspace: str | None = None,
        user: str | None = None,
        job: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> UUID:
        """A key of its own; a job's id is its name."""
        self._keys += 1
        key_id = UUID(int=self._keys)
        self._connection.execute(
            "insert into costpulse.cost_keys (key_id, workspace_id, product, job_id, job_name, user_email, tags, "
            "first_usage_date, last_usage_date) values (%s, %s, 'JOBS', %s, %s, %s, %s, %s, %s)",
            [key_id, workspace, job, job, user, Jsonb(tags or {}), day, day],
        )
        self._connection.execute(
            "insert into costpulse.key_allocations (usage_date, key_id, sku_name, usage_unit, team_id, rule_id, "
            "method, share, usage_quantity, unpriced_quantity, cost_usd, record_count) "
            "values (%s, %s, 'S', 'DBU', %s, %s, %s, 1, 1, 0, %s, 1)",
            [day, key_id, team_id, 1 if method == "rule" else None, method if team_id else "unallocated", cost],
        )
        return key_id

    def shared(self, cost: str, team_id: int, rule_type: str, **more: Any) -> UUID:
        """As `cost`, by a split of its own."""
        key_id = self.cost(cost, team_id, **more)
        self._connection.execute(
            "with split as (insert into costpulse.cost_splits (name, rule_type, conditions, basis) "
            "values (%s, %s, '{}', 'even') returning id) "
            "update costpulse.key_allocations set method = 'split', split_id = split.id from split where key_id = %s",
            [str(key_id), rule_type, key_id],
        )
        return key_id

    def job_of(self, job: str, owner: str, *, creator: str | None = None, workspace: str = "1001") -> None:
        self._connection.execute(
            "insert into costpulse.jobs (workspace_id, job_id, owner, creator, change_time, connection) "
            "values (%s, %s, %s, %s, now(), 'test')",
            [workspace, job, owner, creator],
        )


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def books(database: Database) -> Iterator[Books]:
    """Committed by `suggested`."""
    with database.transaction() as connection:
        yield Books(connection)


def suggested(database: Database, books: Books) -> list[Suggestion]:
    books._connection.commit()
    suggest_rules(database, TODAY)
    with database.transaction() as connection:
        return suggestions(connection)


def found(database: Database, books: Books) -> list[tuple[str, str, dict[str, Any], Decimal]]:
    """Team, kind, what is added and dollars of each, largest first."""
    return [(one.team_name, one.kind, added(one), one.unallocated_usd) for one in suggested(database, books)]


def added(suggestion: Suggestion) -> dict[str, Any]:
    """The conditions of a rule, or what a team gets beside its name."""
    if isinstance(suggestion.document, RuleDocument):
        return suggestion.document.conditions
    return suggestion.document.model_dump(exclude_defaults=True, exclude={"name"})


def test_a_tag_that_names_teams_proposes_them_all_when_there_are_none_yet(database: Database, books: Books) -> None:
    books.cost("40", tags={"team": "data-platform", "env": "prod"})
    books.cost("60", tags={"team": "Data Platform"})
    books.cost("30", tags={"team": "risk"})
    books.cost("20", tags={"team": "RISK"})
    books.cost("500", tags={"env": "prod"})
    first, second = suggested(database, books)
    assert (first.team_name, first.is_new_team, first.unallocated_usd) == ("Data Platform", True, 100)
    assert first.document == TeamDocument(
        name="Data Platform", tag_patterns={"team": ("Data Platform", "data-platform")}
    )
    assert first.reason == "The tag team says Data Platform or data-platform, and there is no such team yet."
    assert (first.from_date, first.to_date) == (date(2026, 6, 1), TODAY)
    assert (second.kind, second.team_name, second.unallocated_usd) == ("tag pattern", "risk", 50)
    assert second.document == TeamDocument(name="risk", tag_patterns={"team": ("risk",)})


def test_a_tag_finds_the_team_by_its_name_however_it_is_written_or_by_its_cost_center(
    database: Database, books: Books
) -> None:
    books.team("Data Platform", cost_center="CC-1010")
    books.cost("20", tags={"owner": "data-platform"})
    books.cost("10", tags={"cost_center": "cc-1010"})
    books.cost("5", tags={"cost_center": "cc-9999"})
    assert found(database, books) == [
        ("Data Platform", "tag pattern", {"tag_patterns": {"owner": ("data-platform",)}}, 20),
        ("Data Platform", "tag pattern", {"tag_patterns": {"cost_center": ("cc-1010",)}}, 10),
    ]


@pytest.mark.parametrize(
    ("value", "kind", "addition", "words"),
    [
        ({"workspace": "1001"}, "rule", {"workspaces": ["1001"]}, "workspace lab"),
        ({"user": "Eve@out.example"}, "member", {"members": ({"email": "Eve@out.example"},)}, "user Eve@out.example"),
        ({"user": "robot"}, "member", {"members": ({"email": "robot"},)}, "user robot"),
        ({"tags": {"app": "churn"}}, "tag pattern", {"tag_patterns": {"app": ("churn",)}}, "tag app = churn"),
    ],
)
def test_what_mostly_belongs_to_one_team_already_is_proposed_to_it(
    database: Database, books: Books, value: dict[str, Any], kind: str, addition: dict[str, Any], words: str
) -> None:
    team, other = books.team("ML"), books.team("Other")
    books._connection.execute("insert into costpulse.workspaces (workspace_id, name) values ('1001', 'lab')")
    books.cost("70", team, "rule", **value)
    books.cost("10", other, "rule", **value)
    books.cost("20", **value)
    (one,) = suggested(database, books)
    assert (one.team_name, one.kind, added(one)) == ("ML", kind, addition)
    assert one.reason == f"70% of all cost of {words} belongs to ML already."


def test_a_domain_and_jobs_that_start_alike_are_proposed_as_patterns(database: Database, books: Books) -> None:
    agency, ml = books.team("Agency"), books.team("ML")
    books.cost("70", agency, user="a@agency.example")
    books.cost("30", user="b@agency.example")
    books.cost("70", ml, "rule", job="churn_train")
    books.cost("20", job="churn_score")
    assert found(database, books) == [
        ("Agency", "rule", {"domains": ["agency.example"]}, 30),
        ("ML", "rule", {"jobs": ["churn_*"]}, 20),
    ]


def test_half_of_the_cost_does_not_speak_for_a_team_nor_does_what_was_shared_out(
    database: Database, books: Books
) -> None:
    team = books.team("ML")
    books.cost("50", team, workspace="1001")
    books.cost("50", workspace="1001")
    books.shared("90", team, "remainder", workspace="1002")
    books.cost("10", workspace="1002")
    assert found(database, books) == []


def test_jobs_go_to_the_team_of_who_runs_or_made_them_in_one_rule(database: Database, books: Books) -> None:
    books.team("Risk", "Ada@example.com")
    books.team("Growth", "bob@example.com")
    books.job_of("scores", "ada@example.com")
    books.job_of("limits", "robot", creator=" ADA@example.com")
    books.job_of("shared", "ada@example.com")
    books.job_of("shared", "bob@example.com", workspace="1002")
    books.cost("5", workspace="1001", user="robot", job="scores")
    books.cost("6", workspace="1001", user="robot", job="limits")
    books.cost("7", workspace="1001", user="robot", job="shared")
    books.cost("8", workspace="1002", user="robot", job="shared")
    (one,) = suggested(database, books)
    assert (one.team_name, added(one), one.unallocated_usd) == ("Risk", {"jobs": ["limits", "scores"]}, 11)
    assert one.reason == "Members of Risk run or made these 2 jobs."


@pytest.mark.parametrize(("moved", "is_proposed"), [("10", True), ("11", False)])
def test_a_rule_that_would_take_much_from_others_is_not_proposed_and_a_little_is_told(
    database: Database, books: Books, moved: str, is_proposed: bool
) -> None:
    team, other = books.team("Growth"), books.team("Other")
    books.cost("400", team, "rule", workspace="1001")
    books.cost("100", workspace="1001")
    books.cost(moved, other, "user", workspace="1001")
    books.cost("50", other, "rule", workspace="1001")
    assert [(one.kind, one.unallocated_usd, one.moved_usd) for one in suggested(database, books)] == (
        [("rule", 100, 10)] if is_proposed else []
    )


def test_a_tag_pattern_takes_nothing_that_others_have_by_rule_member_or_split_or_an_older_team_by_tag(
    database: Database, books: Books
) -> None:
    older, team, younger = books.team("Older"), books.team("Growth"), books.team("Younger")
    books.cost("100", tags={"team": "growth"})
    for method in ("rule", "user"):
        books.cost("70", younger, method, tags={"team": "growth"})
    books.cost("70", older, "tag", tags={"team": "growth"})
    books.cost("9", younger, "tag", tags={"team": "growth"})
    books.shared("70", younger, "sku_match", tags={"team": "growth"})
    books.shared("1", younger, "remainder", tags={"team": "growth"})
    books.shared("70", team, "remainder", tags={"team": "growth"})
    (one,) = suggested(database, books)
    assert (one.kind, one.unallocated_usd, one.moved_usd) == ("tag pattern", 100, 10)


def test_what_a_split_leaves_to_nobody_is_out_of_reach_for_tags(database: Database, books: Books) -> None:
    team = books.team("Growth")
    key = books.shared("70", team, "sku_match", tags={"team": "growth"})
    books._connection.execute(
        "insert into costpulse.key_allocations select usage_date, key_id, sku_name, usage_unit, null, null, null, "
        "null, null, 'unallocated', 1, 1, 0, null, 30, 0 from costpulse.key_allocations where key_id = %s",
        [key],
    )
    assert found(database, books) == []


def test_cost_that_two_values_would_claim_is_proposed_once_by_the_better_one(database: Database, books: Books) -> None:
    team = books.team("Growth")
    books.cost("100", team, "rule", workspace="1001", tags={"team": "growth"})
    books.cost("30", workspace="1001", tags={"team": "growth"})
    books.cost("20", workspace="1001")
    assert found(database, books) == [("Growth", "tag pattern", {"tag_patterns": {"team": ("growth",)}}, 30)]


def test_small_old_unpriced_and_unprintable_things_are_left_alone(database: Database, books: Books) -> None:
    books.cost("0.99", tags={"team": "small"})
    books.cost("10", day=TODAY - timedelta(days=30), tags={"team": "old"})
    books.cost("10", day=TODAY + timedelta(days=1), tags={"team": "tomorrow"})
    books.cost(None, tags={"team": "unpriced"})
    books.cost("10", tags={"team": "line\nbreak"})
    books.cost("10", tags={"team": "star*"})
    books.cost("10", tags={"team": "x" * 81})
    books.cost("10", tags={"team": "  "})
    assert found(database, books) == []


def test_the_yaml_line_is_what_the_file_will_say_whatever_names_hold(database: Database, books: Books) -> None:
    name = "- 'R&D': \"#1\", {yes} [é🚀] \\ %"
    books.cost("10", tags={"team": name})
    books.cost("8", tags={"TEAM": "Known"})
    books.cost("90", books.team("Known", "ada@example.com"), "rule", job="churn_train")
    books.cost("5", job="churn_score")
    new_team, known_team, rule = (yaml.safe_load(one.yaml_line) for one in suggested(database, books))
    assert [TeamDocument.model_validate(item) for item in new_team] == [
        TeamDocument(name=name, tag_patterns={"team": (name,)})
    ]
    assert known_team == [
        {"name": "Known", "tag_patterns": {"TEAM": ["Known"]}, "members": [{"email": "ada@example.com"}]}
    ]
    assert rule == [
        {"name": "Jobs churn_*", "team": "Known", "rule_type": "job_match", "conditions": {"jobs": ["churn_*"]}}
    ]


def test_accepting_keeps_all_else_and_takes_it_off_the_list(database: Database, books: Books) -> None:
    books._connection.commit()
    risk = TeamDocument(name="Risk", tag_patterns={"team": ("r",)}, members=(MemberDocument(email="ada@example.com"),))
    taken = RuleDocument(
        name="jobs churn_*", team="Risk", rule_type="sku_match", conditions={"skus": ["E*"]}, priority=40, note="kept"
    )
    with database.transaction() as connection:
        replace_rule_set(connection, RuleSet(teams=(risk,), rules=(taken,)), "ada", identities=IN_CLEAR)
        (row,) = connection.execute("select id from costpulse.teams").fetchall()
    books.cost("100", row["id"], "rule", user="eve@example.com", job="churn_train")
    books.cost("60", tags={"team": "growth"})
    books.cost("50", tags={"Team": "GROWTH"})
    books.cost("40", tags={"team": "RISK"})
    books.cost("30", job="churn_score")
    books.cost("20", user="eve@example.com")
    proposed = suggested(database, books)
    assert [one.kind for one in proposed] == ["tag pattern", "tag pattern", "tag pattern", "rule", "member"]
    for one in proposed:
        with database.transaction() as connection:
            accept(connection, one.id, "eve", identities=IN_CLEAR)
    with database.transaction() as connection:
        after = stored_rule_set(connection)
        assert suggestions(connection) == []
        actors = connection.execute("select distinct actor from costpulse.rule_versions").fetchall()
    assert after.teams == (
        TeamDocument(name="growth", tag_patterns={"team": ("growth",), "Team": ("GROWTH",)}),
        TeamDocument(
            name="Risk",
            tag_patterns={"team": ("r", "RISK")},
            members=(*risk.members, MemberDocument(email="eve@example.com")),
        ),
    )
    assert after.rules == (
        taken,
        RuleDocument(
            name="Jobs churn_* (2)", team="Risk", rule_type="job_match", conditions={"jobs": ["churn_*"]}, priority=50
        ),
    )
    assert {row["actor"] for row in actors} == {"ada", "eve"}
    with database.transaction() as connection, pytest.raises(BadInput, match="There is no suggestion"):
        accept(connection, proposed[0].id, "eve", identities=IN_CLEAR)
    assert suggested(database, books) == []  # until the days are allocated anew as well


def test_the_app_sees_and_accepts_suggestions_for_viewers_of_all_teams_only(
    database: Database, database_url: str, books: Books
) -> None:
    books.cost("10", tags={"team": "growth"})
    (one,) = suggested(database, books)
    for scope in ({}, {"scope": "1"}):
        with acting_as(database_url, "costpulse_app", **scope) as connection:
            assert suggestions(connection) == []
    with acting_as(database_url, "costpulse_app", scope="all", actor="ada") as connection:
        accept(connection, one.id, "ada", identities=IN_CLEAR)
    with database.transaction() as connection:
        assert [team.name for team in stored_rule_set(connection).teams] == ["growth"]


def test_what_a_suggestion_claims_is_what_unallocated_loses_once_it_is_accepted(database: Database) -> None:
    with small_account() as small:
        small.add_usage("1000.123", day=TODAY, run_as=None, tags={"team": "growth"})
        small.add_usage("2000.123", day=TODAY, run_as=None, tags={"team": "Growth", "app": "x"})
        small.add_usage("500.123", day=TODAY, run_as=None, tags={"app": "x"})
        small.add_usage("40", day=TODAY, run_as=None)
        small.add_usage("200", day=TODAY, tags={"team": "GROWTH"})
        small.add_usage("6000", day=TODAY, tags={"app": "x"})
        collect_days(database, small, TODAY)
    other = TeamDocument(name="Other", members=(MemberDocument(email="ada@example.com"),))
    with database.transaction() as connection:
        teams = (TeamDocument(name="Growth"), other)
        replace_rule_set(connection, RuleSet(teams=teams), "ada", identities=IN_CLEAR)
    accepted = []
    before = unallocated_and_of(database, "Other")
    while True:
        suggest_rules(database, TODAY)
        with database.transaction() as connection:
            proposed = suggestions(connection)
            if not proposed:
                break
            accept(connection, proposed[0].id, "ada", identities=IN_CLEAR)
        after = unallocated_and_of(database, "Other")
        accepted.append((added(proposed[0]), before[0] - after[0], before[1] - after[1]))
        assert proposed[0].unallocated_usd == before[0] - after[0]
        before = after
    assert accepted == [
        ({"tag_patterns": {"team": ("Growth",)}}, Decimal("450.0369"), Decimal(0)),
        ({"tag_patterns": {"app": ("x",)}}, Decimal("75.01845"), Decimal("-75.01845")),
    ]
    assert before[0] == Decimal(6)  # its workspace would take more from others than that


def unallocated_and_of(database: Database, team: str) -> tuple[Decimal, Decimal]:
    """Dollars without a team and of this one, once the day is allocated anew."""
    build(database, KEY_ALLOCATIONS, [TODAY])
    with database.transaction() as connection:
        (row,) = connection.execute(
            "select coalesce(sum(a.cost_usd) filter (where a.team_id is null), 0) as unallocated, "
            "sum(a.cost_usd) filter (where t.name = %s) as of_team from costpulse.key_allocations as a "
            "left join costpulse.teams as t on t.id = a.team_id",
            [team],
        ).fetchall()
    return row["unallocated"], row["of_team"]
