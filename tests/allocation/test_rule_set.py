"""Saving a rule set: what changes and what stays, the versions it leaves, and others who are at it at the same time."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from costpulse_assets.allocation.allocate import RULES_LOCK
from costpulse_assets.allocation.rule_set import (
    BadRuleSet,
    Change,
    RulesChangedMeanwhile,
    RuleSet,
    changes,
    current_version,
    protected,
    replace_rule_set,
    stored_rule_set,
)
from costpulse_assets.allocation.staging import stage_claims
from costpulse_assets.errors import BadInput, DatabaseRefused
from costpulse_assets.identities import Identities, expect_same_protection
from costpulse_assets.resources.database import Connection, Database
from tests.conftest import database as new_database

CLEAR = Identities(None)
HASHED = Identities(SecretStr("a key of this test, long enough"))
MARCH = {"valid_from": "2026-03-01", "valid_to": "2026-03-31"}

RULES: dict[str, Any] = {
    "teams": [
        {"name": "Analysts", "parent": "Data"},
        {
            "name": "Data",
            "department": "IT",
            "cost_center": "0042",
            "manager_email": "grace@x.org",
            "tag_patterns": {"team": ["data", "data-*"]},
            "members": [
                {"email": "ada@x.org", "role": "owner", "valid_to": "2026-03-31"},
                {"email": "bob@x.org"},
            ],
        },
        {"name": "Risk", "members": [{"email": "ada@x.org", "valid_from": "2026-04-01"}]},
    ],
    "rules": [
        {"name": "SQL", "team": "Data", "rule_type": "sku_match", "conditions": {"skus": ["*SQL*"]}, "priority": 1},
        {
            "name": "ETL",
            "team": "Risk",
            "rule_type": "cluster_match",
            "conditions": {"pattern": "etl-.*"},
            "note": "agreed in March",
            **MARCH,
        },
    ],
    "splits": [
        {
            "name": "Rest",
            "rule_type": "remainder",
            "conditions": {},
            "basis": "fixed",
            "shares": [{"team": "Data", "weight": "33.3"}, {"team": "Risk", "weight": "66.7"}],
        },
        {
            "name": "Warehouses",
            "rule_type": "warehouse_match",
            "conditions": {"warehouses": ["bi-*"]},
            "basis": "query_share",
            "idle": "leave",
            "is_active": False,
            "priority": 7,
        },
    ],
}


def altered(kind: str, of: str, **fields: Any) -> RuleSet:
    """The rules above, with fields of one of them changed."""
    documents = [{**each, **fields} if each["name"] == of else each for each in RULES[kind]]
    return RuleSet(**{**RULES, kind: documents})


def save(database: Database, rule_set: RuleSet, identities: Identities = CLEAR, **options: Any) -> list[Change]:
    with database.transaction() as connection:
        return replace_rule_set(connection, rule_set, "ada", identities=identities, **options)


def rows(database: Database, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def filled(database: Database) -> Database:
    save(database, RuleSet(**RULES))
    return database


@pytest.fixture(scope="module")
def shared(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """The rules above, for tests that leave nothing behind."""
    with new_database(postgres_server, template=migrated_template) as url:
        save(Database(url), RuleSet(**RULES))
        yield Database(url)


# What is saved


def test_what_is_saved_is_what_is_read(shared):
    with shared.transaction() as connection:
        stored = stored_rule_set(connection)
    assert changes(stored, RuleSet(**RULES)) == []
    assert [team.name for team in stored.teams] == ["Analysts", "Data", "Risk"]
    assert [rule.name for rule in stored.rules] == ["SQL", "ETL"]
    assert [split.name for split in stored.splits] == ["Warehouses", "Rest"]
    assert stored.rules[1] == RuleSet(**RULES).rules[1]


def test_what_is_read_does_not_depend_on_the_order_in_which_it_was_typed(database):
    backwards = {kind: [*reversed(documents)] for kind, documents in RULES.items()}
    backwards["splits"] = [{**split, "shares": [*reversed(split.get("shares", []))]} for split in backwards["splits"]]
    read = []
    for rule_set in (RULES, {}, backwards):
        save(database, RuleSet(**rule_set))
        with database.transaction() as connection:
            read.append(stored_rule_set(connection))
    assert read[0] == read[2]


def test_a_weight_keeps_its_last_digit(database):
    shares = [{"team": "Data", "weight": "33.333333333333333333"}, {"team": "Risk", "weight": "66.666666666666666667"}]
    save(database, altered("splits", "Rest", shares=shares))
    with database.transaction() as connection:
        (rest,) = [split for split in stored_rule_set(connection).splits if split.name == "Rest"]
    assert [str(share.weight) for share in rest.shares] == ["33.333333333333333333", "66.666666666666666667"]


def test_days_are_inclusive_in_documents_and_half_open_in_the_tables(shared):
    (rule,) = rows(shared, "select valid_from, valid_to from costpulse.allocation_rules where name = 'ETL'")
    assert (rule["valid_from"], rule["valid_to"]) == (date(2026, 3, 1), date(2026, 4, 1))


def test_saving_the_same_again_touches_no_row(shared):
    before = rows(shared, "select count(*) as changes from costpulse.audit_log")
    assert save(shared, RuleSet(**RULES)) == []
    in_another_order = {kind: [*reversed(documents)] for kind, documents in RULES.items()}
    assert save(shared, RuleSet(**in_another_order)) == []
    assert rows(shared, "select count(*) as changes from costpulse.audit_log") == before


def test_only_what_changed_is_written_and_keeps_its_id(filled):
    before = {row["name"]: row["id"] for row in rows(filled, "select name, id from costpulse.allocation_rules")}
    (last,) = rows(filled, "select max(id) as id from costpulse.audit_log")
    (change,) = save(filled, altered("rules", "ETL", priority=5))
    assert (change.kind, change.name) == ("rule", "ETL")
    assert rows(filled, "select table_name, action from costpulse.audit_log where id > %s", last["id"]) == [
        {"table_name": "allocation_rules", "action": "update"}
    ]
    after = rows(filled, "select name, id, version from costpulse.allocation_rules")
    assert {row["name"]: row["id"] for row in after} == before
    assert {row["name"]: row["version"] for row in after} == {"SQL": 1, "ETL": 2}


def test_a_name_in_other_letters_is_the_same_team_renamed(filled):
    before = rows(filled, "select id from costpulse.teams where name = 'Analysts'")
    save(filled, altered("teams", "Analysts", name="ANALYSTS"))
    assert rows(filled, "select id from costpulse.teams where name = 'ANALYSTS'") == before


def test_everything_can_go_and_come_back(filled):
    assert len(save(filled, RuleSet())) == 7
    for table in ("teams", "team_members", "allocation_rules", "cost_splits", "split_weights"):
        assert rows(filled, f"select id from costpulse.{table}") == []
    save(filled, RuleSet(**RULES))
    with filled.transaction() as connection:
        assert changes(stored_rule_set(connection), RuleSet(**RULES)) == []


def test_a_deleted_team_takes_what_leaned_on_it_along_when_the_rest_is_changed(filled):
    without_risk = RuleSet(
        teams=[team for team in RULES["teams"] if team["name"] != "Risk"],
        rules=[rule for rule in RULES["rules"] if rule["team"] != "Risk"],
        splits=[{**RULES["splits"][0], "shares": [{"team": "Data", "weight": 100}]}, RULES["splits"][1]],
    )
    assert [(change.kind, change.name) for change in save(filled, without_risk)] == [
        ("team", "Risk"),
        ("rule", "ETL"),
        ("split", "Rest"),
    ]
    assert rows(filled, "select weight from costpulse.split_weights") == [{"weight": 100}]


def test_members_and_shares_that_stay_keep_their_rows(filled):
    members = rows(filled, "select id, email from costpulse.team_members order by id")
    joined = [{"email": "ada@x.org", "valid_to": "2026-02-28"}, {"email": "bob@x.org"}, {"email": "eve@x.org"}]
    save(filled, altered("teams", "Data", members=joined))
    after = rows(filled, "select id, email, role, valid_to from costpulse.team_members order by id")
    assert [(row["id"], row["email"]) for row in after[:3]] == [(row["id"], row["email"]) for row in members]
    assert (after[0]["role"], after[0]["valid_to"]) == ("member", date(2026, 3, 1))
    assert after[3]["email"] == "eve@x.org"


def test_a_member_can_move_to_another_team_in_one_step(filled):
    moved = [
        {"name": "Analysts", "parent": "Data", "members": [{"email": "bob@x.org"}]},
        {**RULES["teams"][1], "members": []},
        RULES["teams"][2],
    ]
    save(filled, RuleSet(**{**RULES, "teams": moved}))
    assert len(rows(filled, "select id from costpulse.team_members where lower(email) = 'bob@x.org'")) == 1


def test_teams_above_are_made_before_teams_below(database):
    save(database, RuleSet(teams=[{"name": "c", "parent": "b"}, {"name": "b", "parent": "a"}, {"name": "a"}]))
    assert [row["name"] for row in rows(database, "select name from costpulse.teams order by id")] == ["a", "b", "c"]


def test_the_audit_log_names_who_saved(shared):
    assert rows(shared, "select distinct actor from costpulse.audit_log") == [{"actor": "ada"}]
    tables = {row["table_name"] for row in rows(shared, "select table_name from costpulse.audit_log")}
    assert tables == {"teams", "team_members", "allocation_rules", "cost_splits", "split_weights"}


# What is refused


def test_a_bad_rule_set_changes_nothing(shared):
    version = rows(shared, "select max(id) as version from costpulse.rule_versions")
    wrong = altered("rules", "ETL", priority=-1, team="Nobody")
    with pytest.raises(BadRuleSet) as caught:
        save(shared, wrong.model_copy(update={"splits": ()}))
    assert [problem.field for problem in caught.value.problems] == ["team", "priority"]
    assert rows(shared, "select max(id) as version from costpulse.rule_versions") == version
    assert len(rows(shared, "select id from costpulse.cost_splits")) == 2


def test_an_expression_that_the_database_refuses_is_a_problem_of_its_rule(shared):
    with pytest.raises(BadRuleSet, match=r"Rule 'ETL': conditions 'etl-\(' is no regular expression of PostgreSQL"):
        save(shared, altered("rules", "ETL", conditions={"pattern": "etl-("}))


def test_somebody_has_to_be_named(shared):
    with shared.transaction() as connection, pytest.raises(BadInput, match="Nobody is named"):
        replace_rule_set(connection, RuleSet(), " ", identities=CLEAR)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into costpulse.team_members (team_id, email) select id, ' Bob@X.org' from costpulse.teams "
        "where name = 'Risk'",
        "update costpulse.team_members set valid_to = null where email = 'ada@x.org'",
    ],
)
def test_the_database_refuses_a_second_membership_by_itself(shared, statement):
    with pytest.raises(DatabaseRefused, match="would be in two teams at once"):
        rows(shared, f"{statement} returning id")


def test_the_database_refuses_a_circle_of_teams_by_itself(shared):
    with pytest.raises(DatabaseRefused, match="team Data would be above itself"):
        rows(
            shared,
            "update costpulse.teams set parent_team_id = (select id from costpulse.teams where name = 'Analysts') "
            "where name = 'Data' returning id",
        )


@pytest.mark.parametrize(
    "statement",
    [
        "insert into costpulse.teams (name) values ('DATA')",
        "insert into costpulse.teams (name) values (' ')",
        "update costpulse.allocation_rules set priority = -1",
        "update costpulse.allocation_rules set valid_to = '2020-01-01', valid_from = '2020-01-01'",
        "update costpulse.team_members set valid_to = '2020-01-01', valid_from = '2020-01-01'",
        "update costpulse.split_weights set weight = -1",
        "update costpulse.split_weights set weight = 'NaN'",
        "delete from costpulse.teams where name = 'Risk'",
    ],
)
def test_the_tables_refuse_nonsense_by_themselves(shared, statement):
    with psycopg.connect(shared.url) as connection, pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(statement.encode())


# Versions, and the days they concern


def versions_of(database: Database, *statements: str) -> list[dict[str, Any]]:
    """The versions that the last statement would leave, in a transaction that is rolled back."""
    with database.transaction() as connection:
        connection.execute("set constraints all immediate")
        for statement in statements:
            last = current_version(connection)
            connection.execute(statement.encode())
        left = connection.execute(
            "select kind, version, action, concerns::text as concerns from costpulse.rule_versions where id > %s "
            "order by id",
            [last],
        ).fetchall()
        connection.rollback()
        return left


@pytest.mark.parametrize(
    ("table", "change", "concerns"),
    [
        ("teams", "department = 'Finance'", "empty"),
        ("teams", "parent_team_id = null, manager_email = 'x@y.z', name = 'Data!'", "empty"),
        ("teams", 'tag_patterns = \'{"team": ["x"]}\'', "(,)"),
        ("teams", "tag_patterns = '{}'", "(,)"),
        ("allocation_rules", "note = 'new'", "empty"),
        ("allocation_rules", "name = 'new'", "empty"),
        ("allocation_rules", "priority = 3", "[2026-03-01,2026-04-01)"),
        ("allocation_rules", 'conditions = \'{"pattern": "x"}\'', "[2026-03-01,2026-04-01)"),
        ("allocation_rules", "valid_to = '2026-03-15'", "[2026-03-15,2026-04-01)"),
        ("allocation_rules", "valid_to = null", "[2026-04-01,)"),
        ("allocation_rules", "valid_from = '2026-02-01'", "[2026-02-01,2026-03-01)"),
        ("allocation_rules", "valid_from = null", "(,2026-03-01)"),
        ("allocation_rules", "valid_from = '2026-02-01', valid_to = '2026-05-01'", "[2026-02-01,2026-05-01)"),
        ("allocation_rules", "valid_from = '2027-01-01', valid_to = '2027-02-01'", "[2026-03-01,2027-02-01)"),
        ("allocation_rules", "valid_to = '2026-03-15', priority = 3", "[2026-03-01,2026-04-01)"),
        ("allocation_rules", "is_active = false", "[2026-03-01,2026-04-01)"),
        ("allocation_rules", "is_active = false, priority = 3", "[2026-03-01,2026-04-01)"),
        ("cost_splits", "note = 'new'", "empty"),
        ("cost_splits", "basis = 'even'", "(,)"),
        ("cost_splits", "valid_from = '2026-01-01'", "(,2026-01-01)"),
        ("team_members", "role = 'member'", "empty"),
        ("team_members", "email = 'new@x.org'", "(,2026-04-01)"),
        ("team_members", "valid_from = '2026-01-01'", "(,2026-01-01)"),
    ],
)
def test_a_change_concerns_the_days_that_it_can_change(shared, table, change, concerns):
    name = {"teams": "Data", "allocation_rules": "ETL", "cost_splits": "Rest", "team_members": None}[table]
    which = "role = 'owner'" if name is None else f"name = '{name}'"
    (version,) = versions_of(shared, f"update costpulse.{table} set {change} where {which}")
    assert version["concerns"] == concerns
    assert (version["action"], version["version"]) == ("update", 2)


def test_what_is_switched_off_concerns_no_day_until_it_is_switched_on(shared):
    change = "update costpulse.cost_splits set basis = 'even' where name = 'Warehouses'"
    switch = "update costpulse.cost_splits set is_active = true where name = 'Warehouses'"
    (off,), (on,) = versions_of(shared, change), versions_of(shared, change, switch)
    assert (off["concerns"], on["concerns"]) == ("empty", "(,)")


def test_new_and_deleted_rules_concern_their_days(database):
    save(database, RuleSet(**RULES))
    save(database, altered("rules", "ETL", name="Other"))
    assert rows(
        database,
        "select action, version, concerns::text as concerns, content ->> 'name' as name "
        "from costpulse.rule_versions where kind = 'rule' and content ->> 'name' in ('ETL', 'Other') order by id",
    ) == [
        {"action": "insert", "version": 1, "concerns": "[2026-03-01,2026-04-01)", "name": "ETL"},
        {"action": "insert", "version": 1, "concerns": "[2026-03-01,2026-04-01)", "name": "Other"},
        {"action": "delete", "version": 2, "concerns": "[2026-03-01,2026-04-01)", "name": "ETL"},
    ]


def test_other_shares_make_one_new_version_of_their_split(filled):
    shares = [
        {"team": "Data", "weight": 40},
        {"team": "Risk", "weight": 60, "valid_to": "2026-01-31"},
        {"team": "Analysts", "weight": 60, "valid_from": "2026-02-01"},
    ]
    save(filled, altered("splits", "Rest", shares=shares))
    assert rows(filled, "select version from costpulse.cost_splits where name = 'Rest'") == [{"version": 2}]
    (text,) = rows(
        filled,
        "select concerns::text as concerns, content -> 'shares' as shares from costpulse.rule_versions "
        "where kind = 'split' and content ->> 'name' = 'Rest' and version = 2",
    )
    assert text["concerns"] == "empty"
    assert sorted(share["weight"] for share in text["shares"]) == [40, 60, 60]
    concerns = rows(
        filled,
        "select concerns::text as concerns from costpulse.rule_versions where kind = 'weight' and action <> 'insert' "
        "or kind = 'weight' and content ->> 'valid_from' = '2026-02-01' order by concerns",
    )
    # of Data at all times; of Risk, whose weight changed and ended; of the analysts from February on
    assert [row["concerns"] for row in concerns] == ["(,)", "(,)", "[2026-02-01,)"]


def test_shares_concern_no_day_outside_of_their_split(shared):
    later = "update costpulse.cost_splits set valid_from = '2026-06-01' where name = 'Rest'"
    versions = versions_of(shared, later, "update costpulse.split_weights set weight = 50 where weight < 50")
    assert [(version["kind"], version["concerns"]) for version in versions] == [("weight", "[2026-06-01,)")]


def test_a_write_that_changes_nothing_leaves_no_version(shared):
    assert versions_of(shared, "update costpulse.allocation_rules set priority = priority") == []
    assert {row["version"] for row in rows(shared, "select version from costpulse.allocation_rules")} == {1}


def test_every_version_says_who_and_holds_the_text(filled):
    save(filled, altered("rules", "ETL", conditions={"pattern": "x"}))
    texts = rows(
        filled,
        "select version, actor, content -> 'conditions' ->> 'pattern' as pattern from costpulse.rule_versions "
        "where kind = 'rule' and content ->> 'name' = 'ETL' order by version",
    )
    assert texts == [
        {"version": 1, "actor": "ada", "pattern": "etl-.*"},
        {"version": 2, "actor": "ada", "pattern": "x"},
    ]


def collect(database: Database, first: str, last: str) -> None:
    rows(
        database,
        "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, record_count, "
        "collected_at, changed_at) select s, d, 1, 1, 1, now(), now() "
        "from generate_series(%s::date, %s::date, interval '1 day') as d, unnest(array['cost_records', 'other']) as s "
        "returning 1",
        first,
        last,
    )


def test_the_days_that_a_change_concerns_have_a_new_version_and_no_others(database):
    def versions() -> dict[date, Any]:
        found = rows(
            database, "select usage_date, version from costpulse.day_versions where upstream = 'allocation_rules'"
        )
        assert len({row["usage_date"] for row in found}) == len(found)
        return {row["usage_date"]: row["version"] for row in found}

    collect(database, "2026-02-26", "2026-04-02")
    teams = [{"name": "Risk"}]
    assert versions() == {}
    save(database, RuleSet(teams=teams))
    assert versions() == {}
    save(database, RuleSet(teams=teams, rules=[RULES["rules"][1]]))
    march = versions()
    assert (min(march), max(march), len(march)) == (date(2026, 3, 1), date(2026, 3, 31), 31)
    save(database, RuleSet(teams=teams, rules=[{**RULES["rules"][1], "valid_to": "2026-03-10"}]))
    after = versions()
    assert {day for day in march if after[day] > march[day]} == {date(2026, 3, day) for day in range(11, 32)}
    assert {day for day in march if after[day] == march[day]} == {date(2026, 3, day) for day in range(1, 11)}


# At the same time


def eventually_waits(database: Database, *, count: int = 1) -> None:
    """Returns once so many transactions of the database wait for a lock."""
    with database.session() as connection:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            waiting = connection.execute(
                "select count(*) as n from pg_stat_activity "
                "where datname = current_database() and wait_event_type = 'Lock'"
            ).fetchone()
            if waiting is not None and waiting["n"] >= count:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")


def beside(act: Callable[[], Any]) -> Future[Any]:
    executor = ThreadPoolExecutor(1)
    future = executor.submit(act)
    executor.shutdown(wait=False)
    return future


def test_of_two_who_save_at_once_the_second_is_told_that_the_rules_have_changed(filled):
    with filled.transaction() as connection:
        read = current_version(connection)
    with filled.transaction() as connection:
        replace_rule_set(connection, altered("rules", "ETL", priority=5), "ada", identities=CLEAR, based_on=read)
        second = beside(lambda: save(filled, altered("rules", "ETL", priority=6), based_on=read))
        eventually_waits(filled)
    with pytest.raises(RulesChangedMeanwhile, match="Somebody else has changed the rules"):
        second.result(60)
    assert rows(filled, "select priority from costpulse.allocation_rules where name = 'ETL'") == [{"priority": 5}]


def test_of_two_who_replace_the_rules_at_once_the_second_compares_with_what_the_first_left(filled):
    with filled.transaction() as connection:
        replace_rule_set(connection, altered("rules", "ETL", priority=5), "ada", identities=CLEAR)
        second = beside(lambda: save(filled, RuleSet(**RULES)))
        eventually_waits(filled)
    (change,) = second.result(60)
    assert (change.before.priority, change.after.priority) == (5, 100)
    assert rows(filled, "select priority, version from costpulse.allocation_rules where name = 'ETL'") == [
        {"priority": 100, "version": 3}
    ]


def test_a_change_waits_for_the_build_that_reads_the_rules_and_is_younger(filled):
    with filled.transaction() as building:
        building.execute("select pg_advisory_xact_lock_shared(%s)", [RULES_LOCK])
        saving = beside(lambda: save(filled, altered("rules", "ETL", priority=5)))
        eventually_waits(filled)
        stage_claims(building)
        assert building.execute("select priority from rule_claims where rule_id is not null").fetchall() == [
            {"priority": 1},
            {"priority": 100},
        ]
        (built,) = building.execute("select clock_timestamp() as at").fetchall()
    saving.result(60)
    (changed,) = rows(filled, "select max(changed_at) as at from costpulse.rule_versions")
    assert changed["at"] > built["at"]


def test_a_build_waits_for_no_one_who_is_still_editing(shared):
    with shared.transaction() as editing:
        replace_rule_set(editing, altered("rules", "ETL", priority=5), "ada", identities=CLEAR)
        with shared.transaction() as building:
            building.execute("set local lock_timeout = '1s'")
            building.execute("select pg_advisory_xact_lock_shared(%s)", [RULES_LOCK])
            stage_claims(building)


@pytest.mark.parametrize(
    ("statement", "first", "second", "refusal"),
    [
        (
            "insert into costpulse.team_members (team_id, email) select id, %s from costpulse.teams where name = %s "
            "returning id",
            ("eve@x.org", "Data"),
            ("Eve@x.org", "Risk"),
            r"Eve@x\.org would be in two teams at once \(Risk and Data\)",
        ),
        (
            "update costpulse.teams set parent_team_id = (select id from costpulse.teams where name = %s) "
            "where name = %s returning id",
            ("Analysts", "Risk"),
            ("Risk", "Data"),
            "team Data would be above itself",
        ),
    ],
)
def test_what_two_people_write_at_once_is_compared_at_the_end(filled, statement, first, second, refusal):
    with filled.transaction() as connection:
        connection.execute(statement, first)
        connection.execute("set constraints all immediate")
        other = beside(lambda: rows(filled, statement, *second))
        eventually_waits(filled)
    with pytest.raises(DatabaseRefused, match=refusal):
        other.result(60)


# As the app


def as_app(connection: Connection) -> None:
    connection.execute("set local role costpulse_app")
    connection.execute("select set_config('costpulse.scope', 'all', true)")


def test_the_app_saves_rules_and_stages_drafts(filled):
    with filled.transaction() as connection:
        as_app(connection)
        replace_rule_set(connection, altered("rules", "ETL", priority=5), "eve", identities=CLEAR)
        stage_claims(connection)
        stage_claims(connection, RuleSet(**RULES))
    assert rows(filled, "select actor, version from costpulse.rule_versions order by id desc limit 1") == [
        {"actor": "eve", "version": 2}
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into costpulse.cost_splits (name, rule_type, conditions, basis) values ('x', 'y', '{}', 'even')",
        "update costpulse.split_weights set weight = 1",
    ],
)
def test_the_app_changes_no_split_without_a_name_for_the_audit_log(shared, statement):
    with shared.transaction() as connection:
        as_app(connection)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"costpulse\.actor is not set"):
            connection.execute(statement.encode())


def test_the_app_cannot_rewrite_versions(shared):
    for statement in ("delete from costpulse.rule_versions", "update costpulse.rule_versions set actor = 'nobody'"):
        with shared.transaction() as connection:
            as_app(connection)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


@pytest.mark.parametrize(
    "table",
    [
        "teams",
        "team_members",
        "allocation_rules",
        "cost_splits",
        "split_weights",
        "rule_versions",
        "key_allocations",
        "cost_allocations",
    ],
)
def test_every_column_about_the_allocation_is_described(shared, table):
    missing = rows(
        shared,
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped "
        "and col_description(attrelid, attnum) is null",
        f"costpulse.{table}",
    )
    assert missing == []


# Hashed identities

PEOPLE = {
    "teams": [
        {"name": "Data", "members": [{"email": "Ada@X.org "}], "tag_patterns": {"owner": ["bob@x.org", "etl"]}},
        {"name": "Risk"},
    ],
    "rules": [
        {
            "name": "People",
            "team": "Data",
            "rule_type": "user_match",
            "conditions": {"users": ["carl@x.org", "*@Partner.org"]},
        }
    ],
}


def test_identities_are_hashed_before_they_are_stored_and_equal_what_is_collected(database):
    save(database, RuleSet(**PEOPLE), HASHED)
    with database.transaction() as connection:
        data, rule = stored_rule_set(connection).teams[0], stored_rule_set(connection).rules[0]
    assert data.members[0].email == HASHED.protect_text("ada@x.org")
    assert data.tag_patterns == {"owner": (HASHED.protect_text("bob@x.org"), "etl")}
    assert rule.conditions == {"users": [HASHED.protect_text("carl@x.org"), "*@partner.org"]}
    everything = str(rows(database, "select before, after from costpulse.audit_log"))
    everything += str(rows(database, "select content from costpulse.rule_versions"))
    for name in ("ada", "bob", "carl"):
        assert name not in everything.lower()


def test_what_was_read_can_be_saved_again_and_so_can_what_was_typed(database):
    save(database, RuleSet(**PEOPLE), HASHED)
    with database.transaction() as connection:
        stored = stored_rule_set(connection)
    assert save(database, stored, HASHED) == []
    assert save(database, RuleSet(**PEOPLE), HASHED) == []
    assert protected(RuleSet(**PEOPLE), CLEAR) == RuleSet(**PEOPLE)


def test_a_pattern_that_no_hash_matches_is_a_problem_of_its_rule(database):
    rule = {**PEOPLE["rules"][0], "conditions": {"users": ["nina*"]}}
    with pytest.raises(
        BadRuleSet, match=r"Rule 'People': conditions 'nina\*' matches nobody while identities are hash"
    ):
        save(database, RuleSet(**{**PEOPLE, "rules": [rule]}), HASHED)


def test_a_person_by_address_and_by_hash_is_one_person(database):
    teams = [PEOPLE["teams"][0], {"name": "Risk", "members": [{"email": HASHED.protect_text("ada@x.org")}]}]
    with pytest.raises(BadRuleSet, match="a person is in one team at a time"):
        save(database, RuleSet(teams=teams), HASHED)


def test_who_saves_first_decides_how_identities_are_stored(database):
    save(database, RuleSet(**PEOPLE), HASHED)
    expect_same_protection(database, HASHED)
    with pytest.raises(BadInput, match="already holds hashed identities"):
        save(database, RuleSet(), CLEAR)
    assert len(rows(database, "select id from costpulse.teams")) == 2
