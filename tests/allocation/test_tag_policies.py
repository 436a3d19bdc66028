"""Tag policies as documents: refused with field, value and reason; saved once, audited; in and out of the YAML file."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from costpulse_assets.allocation.rules_as_code import apply_rules, planned_changes, read_rules, rules_text, stored_rules
from costpulse_assets.allocation.tag_policies import (
    DEFAULT_TAG_POLICIES,
    BadTagPolicies,
    TagPolicyChangedMeanwhile,
    TagPolicyDocument,
    delete_tag_policy,
    save_tag_policy,
    stored_tag_policies,
    tag_policy_problems,
)
from costpulse_assets.errors import BadInput, DatabaseRefused
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Connection, Database

CLEAR = Identities(None)
FILE = """\
version: 1
teams:
  - name: Data
  - name: Ops
tag_policies:
  - key: cost_center
    aliases:
      - cost-center
    allowed_values:
      - cc-*
    overrides:
      - scope_type: team
        scope: Ops
        required: false
      - scope_type: workspace
        scope: '100'
        allowed_values:
          - lab
    valid_from: 2026-03-01
  - key: Env
    keys_case_sensitive: true
    resource_types:
      - cluster
      - job
    allowed_values:
      - prod
      - dev
    case_sensitive: true
"""


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.transaction() as connection:
        yield connection


def documents(connection: Connection) -> tuple[TagPolicyDocument, ...]:
    return tuple(each.document for each in stored_tag_policies(connection))


def policy(key: str, **more: Any) -> TagPolicyDocument:
    return TagPolicyDocument.model_validate({"key": key, **more})


# --- what there is at first


def test_a_new_database_asks_for_the_default_keys_and_its_export_says_nothing_of_them(connection: Connection) -> None:
    assert documents(connection) == DEFAULT_TAG_POLICIES
    assert {each.key for each in DEFAULT_TAG_POLICIES} == {"team", "environment", "project", "cost_center"}
    assert rules_text(stored_rules(connection)) == "version: 1\n"


# --- the file


def test_what_is_applied_is_exported_and_applying_it_again_changes_nothing(connection: Connection) -> None:
    file = read_rules(FILE.encode(), "rules.yaml")
    apply_rules(connection, file, "nina", identities=CLEAR)
    stored = stored_rules(connection)
    assert stored.tag_policies == file.document.tag_policies
    assert rules_text(stored).replace("\n\n", "\n") == FILE
    assert apply_rules(connection, read_rules(rules_text(stored).encode(), "x"), "nina", identities=CLEAR) == ()


def test_the_plan_says_what_becomes_of_each_key(connection: Connection) -> None:
    changes = planned_changes(connection, read_rules(FILE.encode(), "rules.yaml"), identities=CLEAR)
    said = {(each.action, each.name) for each in changes if each.kind == "tag policy"}
    assert said == {
        ("change", "cost_center"), ("create", "Env"), ("delete", "environment"), ("delete", "project"),
        ("delete", "team"),
    }  # fmt: skip
    (changed,) = (each for each in changes if each.name == "cost_center")
    assert "allowed values: +cc-*" in changed.details
    assert "aliases: -costcenter" in changed.details


def test_an_empty_list_asks_for_nothing_and_a_file_without_it_for_the_defaults(connection: Connection) -> None:
    none = read_rules(b"version: 1\ntag_policies: []\n", "rules.yaml")
    apply_rules(connection, none, "nina", identities=CLEAR)
    assert documents(connection) == ()
    assert rules_text(stored_rules(connection)).endswith("tag_policies: []\n")
    changes = apply_rules(connection, read_rules(b"version: 1\n", "rules.yaml"), "nina", identities=CLEAR)
    assert documents(connection) == DEFAULT_TAG_POLICIES
    assert {(each.action, each.kind) for each in changes} == {("create", "tag policy")}


@pytest.mark.parametrize(
    ("typed", "instead", "line", "message"),
    [
        ("- cost-center", "- ENV", "  - key: Env", "Tag policy 'Env': key 'Env' counts as cost_center already."),
        ("key: Env", "key: COST_CENTER", "key: COST_", "Tag policy 'COST_CENTER': key 'COST_CENTER' exists: edit it."),
        ("scope: Ops", "scope: Opps", "overrides:", "Tag policy 'cost_center': overrides 'Opps' is no team: write Op"),
        ("      - dev\n", "      - dev\n      - dev\n", "- prod", "Tag policy 'Env': allowed_values 'dev' is listed"),
        ("        required: false\n", "", "    overrides:", "Tag policy 'cost_center': overrides 'Ops' says nothing"),
        ("2026-03-01", "1026-03-01", "1026-03-01", "Tag policy 'cost_center': valid_from '1026-03-01' is out of range"),
    ],
)  # fmt: skip
def test_a_file_with_a_policy_that_makes_no_sense_is_refused_with_its_line(
    database: Database, typed: str, instead: str, line: str, message: str
) -> None:
    assert FILE.count(typed) == 1
    text = FILE.replace(typed, instead)
    with pytest.raises(BadInput) as refusal, database.transaction() as connection:
        apply_rules(connection, read_rules(text.encode(), "rules.yaml"), "nina", identities=CLEAR)
    (said,) = refusal.value.message.splitlines()
    where, _, reason = said.partition(": ")
    assert reason.startswith(message)
    number = int(where.removeprefix("rules.yaml, line "))
    assert line in "\n".join(text.splitlines()[max(0, number - 2) : number + 1])
    with database.transaction() as connection:
        assert documents(connection) == DEFAULT_TAG_POLICIES


@pytest.mark.parametrize(
    ("typed", "instead", "message"),
    [
        ("      - job\n", "      - notebook\n", "tag_policies[1].resource_types[1] must be 'cluster', 'warehouse', "),
        ("required: false", "required: maybe", "tag_policies[0].overrides[0].required must be a valid boolean"),
        ("2026-03-01", "soon", "tag_policies[0].valid_from must be a day such as 2026-01-31, not soon."),
        ("case_sensitive: true\n    resource", "pattern: x\n    resource", "tag_policies[1].keys_pattern"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_database_is_asked(typed: str, instead: str, message: str) -> None:
    assert FILE.count(typed) == 1
    with pytest.raises(BadInput) as refusal:
        read_rules(FILE.replace(typed, instead).encode(), "rules.yaml")
    assert message in refusal.value.message


# --- the form


@pytest.mark.parametrize(
    ("document", "field", "value", "reason"),
    [
        (policy(""), "key", "", "is missing"),
        (policy("TEAM"), "key", "TEAM", "exists: edit it"),
        (policy("env"), "key", "env", "counts as environment already"),
        (policy("owner", aliases=["Owner"]), "aliases", "Owner", "is listed twice"),
        (policy("owner", aliases=["project"]), "aliases", "project", "counts as project already"),
        (policy("owner", aliases=[" "]), "aliases", "", "must not have a blank entry"),
        (policy("x" * 256), "key", "x" * 256, "must have at most 255 characters"),
        (policy("owner", allowed_values=[""]), "allowed_values", "", "must not have a blank entry: a blank value cou"),
        (policy("owner", resource_types=[]), "resource_types", "", "must name at least one kind"),
        (policy("owner", resource_types=["job", "job"]), "resource_types", "job", "is listed twice"),
        (
            policy("owner", overrides=[{"scope_type": "team", "scope": "Nobody", "required": False}]),
            *("overrides", "Nobody", "is no team"),
        ),
        (
            policy("owner", overrides=[{"scope_type": "workspace", "scope": "9", "required": False}] * 2),
            *("overrides", "9", "has two overrides"),
        ),
    ],
)
def test_a_draft_is_refused_with_field_value_and_reason(
    connection: Connection, document: TagPolicyDocument, field: str, value: str, reason: str
) -> None:
    with pytest.raises(BadTagPolicies) as refusal:
        save_tag_policy(connection, document, "nina")
    problem = refusal.value.problems[0]
    assert (problem.field, problem.value) == (field, value)
    assert problem.reason.startswith(reason)
    assert documents(connection) == DEFAULT_TAG_POLICIES


def test_whoever_tells_case_apart_may_call_one_spelling_an_alias_of_the_other(connection: Connection) -> None:
    draft = policy("owner", aliases=["Owner"], keys_case_sensitive=True)
    assert tag_policy_problems([draft], connection) == []


def test_a_saved_policy_is_what_was_typed_and_is_audited(database: Database) -> None:
    draft = policy(" owner ", allowed_values=["nina", "o*"], valid_from="2026-01-01")
    with database.transaction() as connection:
        saved = save_tag_policy(connection, draft, "nina")
        assert saved.document == draft
        assert saved.document.key == "owner"
    with database.transaction() as connection:
        again = save_tag_policy(
            connection, draft.model_copy(update={"required": False}), "omar", policy_id=saved.id, version=saved.version
        )
        assert (again.id, again.version, again.document.required) == (saved.id, saved.version + 1, False)
    with pytest.raises(TagPolicyChangedMeanwhile, match="Changed by omar at"), database.transaction() as connection:
        save_tag_policy(connection, draft, "nina", policy_id=saved.id, version=saved.version)
    with database.transaction() as connection:
        delete_tag_policy(connection, saved.id, "nina")
        log = connection.execute(
            "select actor, action from costpulse.audit_log where table_name = 'tag_policies' order by id"
        ).fetchall()
    assert [tuple(row.values()) for row in log] == [("nina", "insert"), ("omar", "update"), ("nina", "delete")]
    with pytest.raises(TagPolicyChangedMeanwhile, match="Deleted by nina at"), database.transaction() as connection:
        save_tag_policy(connection, draft, "nina", policy_id=saved.id)


def test_nobody_saves_without_a_name(connection: Connection) -> None:
    with pytest.raises(BadInput, match="Nobody is named"):
        save_tag_policy(connection, policy("owner"), " ")


def test_an_override_goes_with_its_team(connection: Connection) -> None:
    connection.execute("insert into costpulse.teams (name) values ('Ops')")
    draft = policy("owner", overrides=[{"scope_type": "team", "scope": "Ops", "required": False}])
    saved = save_tag_policy(connection, draft, "nina")
    assert saved.document == draft
    connection.execute("update costpulse.teams set name = 'Platform'")
    renamed = next(each for each in stored_tag_policies(connection) if each.id == saved.id)
    assert [each.scope for each in renamed.document.overrides] == ["Platform"]
    connection.execute("delete from costpulse.teams")
    assert next(each for each in stored_tag_policies(connection) if each.id == saved.id).document.overrides == ()


# --- the days that a change concerns


def test_a_change_makes_the_last_90_days_due_and_no_older_one(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(
            "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, record_count, "
            "collected_at, changed_at) select 'cost_records', d, 0, 0, 0, now(), now() "
            "from generate_series('2026-01-01'::date, '2026-06-30', '1 day') as d"
        )
        assert connection.execute("select 1 from costpulse.tag_changed_days").fetchall() == []
        save_tag_policy(connection, policy("owner"), "nina")
        marked = connection.execute(
            "select min(usage_date) as first, max(usage_date) as last, count(*) from costpulse.tag_changed_days"
        ).fetchone()
    assert marked is not None
    assert tuple(marked.values()) == (date(2026, 4, 2), date(2026, 6, 30), 90)


# --- who may


def as_app(connection: Connection, scope: str, actor: str = "nina") -> None:
    connection.execute("set local role costpulse_app")
    connection.execute("select set_config('costpulse.scope', %s, true)", [scope])
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor])


def test_every_viewer_may_read_what_is_required_and_only_who_sees_all_teams_may_change_it(database: Database) -> None:
    with database.transaction() as connection:
        as_app(connection, "1")
        assert documents(connection) == DEFAULT_TAG_POLICIES
        connection.execute("update costpulse.tag_policies set required = false")
        assert documents(connection) == DEFAULT_TAG_POLICIES

    def save(scope: str) -> int:
        with database.transaction() as connection:
            as_app(connection, scope)
            save_tag_policy(connection, policy("owner"), "nina")
            return len(documents(connection))

    with pytest.raises(DatabaseRefused, match="row-level security"):
        save("1")
    assert save("all") == len(DEFAULT_TAG_POLICIES) + 1
