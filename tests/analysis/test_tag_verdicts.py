"""What a tag is worth: every rule of the evaluation, and all of them together against one that is written in Python."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from costpulse_assets.allocation.tag_policies import TagPolicyDocument, TagPolicyOverride
from costpulse_assets.analysis.tag_compliance import stage
from costpulse_assets.resources.database import Connection, Database
from tests.conftest import database as database_of_its_own

DAY = date(2026, 6, 10)
TEAM = TagPolicyDocument(key="team")
WORDS = {
    **{"v": "valid", "i": "valid", "n": "not allowed", "c": "wrong case"},
    **{"b": "blank", "m": "missing", "r": "not required"},
}


@dataclass
class Use:
    """Cost of a key on a day; the resources it names may have tags."""

    tags: Mapping[str, str | None] = field(default_factory=dict)
    job: Mapping[str, str] | None = None
    pipeline: Mapping[str, str] | None = None
    warehouse: Mapping[str, str] | None = None
    cluster: Mapping[str, str] | None = None
    workspace: str | None = "100"
    product: str = "INTERACTIVE"
    endpoint: str | None = None
    kind: str | None = None
    team: int | None = None
    cost: str = "1"
    day: date = DAY


@pytest.fixture(scope="module")
def database(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    with database_of_its_own(postgres_server, template=migrated_template) as url:
        database = Database(url)
        with database.transaction() as connection:
            for name, parent in (("Data", None), ("Etl", "Data"), ("Ml", "Etl"), ("Ops", None)):
                connection.execute(
                    "insert into costpulse.teams (name, parent_team_id) "
                    "select %s, (select id from costpulse.teams where name = %s)",
                    [name, parent],
                )
        yield database


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Everything a test writes is gone after it."""
    with database.session() as connection, connection.transaction(force_rollback=True):
        yield connection


def judge(connection: Connection, policies: Sequence[TagPolicyDocument], uses: Sequence[Use]) -> list[dict[str, Any]]:
    """Per use: class, and by tag key the verdict, value and source."""
    with connection.transaction(force_rollback=True):
        keys = []
        for use in uses:
            key = str(uuid4())
            keys.append(key)
            ids: dict[str, str | None] = {}
            for kind in ("job", "pipeline", "warehouse", "cluster"):
                tags = getattr(use, kind)
                ids[kind] = None if tags is None else f"{kind} {key}"
                if tags is not None:
                    connection.execute(
                        "insert into costpulse.resource_tags (workspace_id, resource_type, resource_id, tags, "
                        "changed_at) values (%s, %s, %s, %s, now())",
                        [use.workspace, kind, ids[kind], Jsonb(tags)],
                    )
            connection.execute(
                "insert into costpulse.cost_keys (key_id, workspace_id, product, job_id, pipeline_id, warehouse_id, "
                "cluster_id, endpoint_name, resource_type, resource_id, tags, first_usage_date, last_usage_date) "
                "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [key, use.workspace, use.product, *ids.values(), use.endpoint, use.kind, use.kind and "x",
                 Jsonb(dict(use.tags)), use.day, use.day],
            )  # fmt: skip
            connection.execute(
                "insert into costpulse.daily_key_costs (usage_date, key_id, sku_name, usage_unit, team_id, "
                "usage_quantity, cost_usd, unpriced_quantity, record_count) "
                "values (%s, %s, 'S', 'DBU', %s, 1, %s, 0, 1)",
                [use.day, key, use.team, Decimal(use.cost)],
            )
        stage(connection, policies, sorted({use.day for use in uses}))
        rows = connection.execute(
            "select j.key_id, j.class, p.tag_key, substr(j.verdicts, p.tag_no, 1) as letter, v.value, v.source "
            "from staged_tag_judged as j left join staged_tag_policies as p on j.class <> 'not taggable' "
            "left join staged_tag_values as v on j.key_id = v.key_id and p.tag_no = v.tag_no"
        ).fetchall()
        found: list[dict[str, Any]] = [{} for _ in keys]
        for row in rows:
            of_key = found[keys.index(str(row["key_id"]))]
            of_key["class"] = row["class"]
            if row["tag_key"] is not None:
                of_key[row["tag_key"]] = (WORDS[row["letter"]], row["value"], row["source"])
                assert (row["letter"] == "i") <= (row["source"] != "usage")
        return found


def verdict(connection: Connection, policy: TagPolicyDocument, use: Use) -> Any:
    (found,) = judge(connection, [policy], [use])
    return found[policy.key]


# --- values


@pytest.mark.parametrize(
    ("policy", "value", "expected"),
    [
        ({}, "anything", "valid"),
        ({}, "", "blank"),
        ({}, " \t\n", "blank"),
        ({}, None, "blank"),
        ({"allowed_values": ["prod", "dev-*"]}, "prod", "valid"),
        ({"allowed_values": ["prod", "dev-*"]}, "PROD", "valid"),
        ({"allowed_values": ["prod", "dev-*"]}, "dev-eu", "valid"),
        ({"allowed_values": ["prod", "dev-*"]}, "production", "not allowed"),
        ({"allowed_values": ["prod"]}, "prod ", "not allowed"),
        ({"allowed_values": ["prod"]}, "", "blank"),
        ({"allowed_values": ["prod"], "case_sensitive": True}, "Prod", "wrong case"),
        ({"allowed_values": ["prod", "Prod"], "case_sensitive": True}, "Prod", "valid"),
        ({"allowed_values": ["prod"], "case_sensitive": True}, "test", "not allowed"),
        # everything but * is itself
        ({"allowed_values": ["100%"]}, "100 of them", "not allowed"),
        ({"allowed_values": ["a_b"]}, "axb", "not allowed"),
        ({"allowed_values": ["a\\*"]}, "a\\b", "valid"),
        ({"allowed_values": ["*"]}, "x", "valid"),
        ({"allowed_values": ['=HYPERLINK("*']}, '=HYPERLINK("http://x"&A1,"open")', "valid"),
    ],
)
def test_a_value_is(connection: Connection, policy: dict[str, Any], value: str | None, expected: str) -> None:
    (said, kept, _) = verdict(connection, TagPolicyDocument(key="team", **policy), Use(tags={"team": value}))
    assert said == expected
    assert kept == value


@pytest.mark.parametrize(
    ("policy", "tags", "expected"),
    [
        ({}, {"Team": "a"}, "a"),
        ({"keys_case_sensitive": True}, {"Team": "a"}, None),
        ({"aliases": ["cost-center"]}, {"Cost-Center": "a"}, "a"),
        ({"aliases": ["squad"]}, {"squad": "b", "team": "a"}, "a"),
        ({"aliases": ["squad"]}, {"squad": "b", "team": " "}, "b"),
        ({"aliases": ["squad", "crew"]}, {"crew": "c", "squad": "b"}, "b"),
        ({}, {"TEAM": "x", "team": "a", "Team": "y"}, "a"),
        ({}, {"teams": "a"}, None),
    ],
)
def test_the_key_that_counts_is(
    connection: Connection, policy: dict[str, Any], tags: dict[str, str], expected: str | None
) -> None:
    said, value, source = verdict(connection, TagPolicyDocument(key="team", **policy), Use(tags=tags))
    assert (said, value) == (("missing", None) if expected is None else ("valid", expected))
    assert source == (None if expected is None else "usage")


# --- inheritance


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (Use(job={"team": "a"}), ("valid", "a", "job")),
        (Use(pipeline={"team": "a"}), ("valid", "a", "pipeline")),
        (Use(warehouse={"team": "a"}), ("valid", "a", "warehouse")),
        (Use(cluster={"team": "a"}), ("valid", "a", "cluster")),
        (Use(job={"team": "j"}, cluster={"team": "c"}), ("valid", "j", "job")),
        (Use(tags={"team": "u"}, job={"team": "j"}), ("valid", "u", "usage")),
        (Use(tags={"team": ""}, job={"team": "j"}), ("valid", "j", "job")),
        (Use(tags={"team": ""}, job={}), ("blank", "", "usage")),
        (Use(job={}, cluster={"other": "c"}), ("missing", None, None)),
    ],
)
def test_a_tag_is_inherited_before_it_is_called_missing(
    connection: Connection, use: Use, expected: tuple[str, str | None, str | None]
) -> None:
    assert verdict(connection, TEAM, use) == expected


# --- who is asked


@pytest.mark.parametrize(
    "use",
    [
        Use(workspace=None),
        Use(product="NETWORKING", kind="network_route"),
        Use(product="DEFAULT_STORAGE", kind="metastore"),
        Use(product="PREDICTIVE_OPTIMIZATION_SERVERLESS"),
        Use(product="SOMETHING_NEW"),
        Use(product="CLEAN_ROOM_SERVERLESS", kind="clean_room"),
        Use(product="NETWORKING", tags={"team": "a"}),
    ],
)
def test_what_nobody_can_tag_is_never_counted_against_anyone(connection: Connection, use: Use) -> None:
    assert judge(connection, [TEAM], [use]) == [{"class": "not taggable"}]


@pytest.mark.parametrize(
    ("use", "kind"),
    [
        (Use(job={}, cluster={}, product="JOBS"), "job"),
        (Use(pipeline={}, cluster={}, product="DLT"), "pipeline"),
        (Use(pipeline={}, product="SQL"), "pipeline"),
        (Use(warehouse={}, product="SQL"), "warehouse"),
        (Use(cluster={}, endpoint="bot", product="MODEL_SERVING"), "endpoint"),
        (Use(cluster={}, product="ALL_PURPOSE"), "cluster"),
        (Use(kind="notebook", product="INTERACTIVE_SERVERLESS"), "other"),
        (Use(kind="app", product="APPS"), "other"),
        (Use(product="AI_RUNTIME_SERVERLESS"), "other"),
    ],
)
def test_a_key_is_asked_for_on_its_kinds_of_resources_alone(connection: Connection, use: Use, kind: str) -> None:
    asked = TagPolicyDocument.model_validate({"key": "team", "resource_types": [kind]})
    others = {"cluster", "warehouse", "job", "pipeline", "endpoint", "other"} - {kind}
    spared = TagPolicyDocument.model_validate({"key": "team", "resource_types": sorted(others)})
    assert judge(connection, [asked], [use]) == [{"class": "untagged", "team": ("missing", None, None)}]
    assert judge(connection, [spared], [use]) == [{"class": "exempt", "team": ("not required", None, None)}]


def test_a_policy_counts_from_its_first_day_on(connection: Connection) -> None:
    later = TagPolicyDocument(key="project", valid_from=DAY)
    uses = [Use(tags={"team": "a"}, day=DAY + timedelta(days=offset)) for offset in (-1, 0, 1)]
    assert [each["class"] for each in judge(connection, [TEAM, later], uses)] == [
        "compliant", "incomplete", "incomplete",
    ]  # fmt: skip
    assert [each["class"] for each in judge(connection, [later], uses)] == ["exempt", "untagged", "untagged"]


def test_a_key_that_is_not_required_is_not_judged(connection: Connection) -> None:
    policy = TagPolicyDocument(key="team", required=False, allowed_values=("a",))
    (found,) = judge(connection, [policy], [Use(tags={"team": "b"})])
    assert found == {"class": "exempt", "team": ("not required", "b", "usage")}


def test_an_override_of_the_nearest_team_goes_before_those_above_and_they_before_the_workspace(
    connection: Connection,
) -> None:
    overrides = [
        {"scope_type": "workspace", "scope": "100", "allowed_values": ["w"], "required": False},
        {"scope_type": "team", "scope": "Data", "allowed_values": ["d"], "required": True},
        {"scope_type": "team", "scope": "Etl", "allowed_values": ["e"]},
    ]
    policy = TagPolicyDocument(
        key="team", allowed_values=("p",), overrides=tuple(map(TagPolicyOverride.model_validate, overrides))
    )
    ids = {row["name"]: row["id"] for row in connection.execute("select id, name from costpulse.teams")}

    def said(team: str | None, value: str, workspace: str = "100") -> str:
        use = Use(tags={"team": value}, team=None if team is None else ids[team], workspace=workspace)
        return str(verdict(connection, policy, use)[0])

    assert [said("Ml", value) for value in "edwp"] == ["valid", "not allowed", "not allowed", "not allowed"]
    assert [said("Data", value) for value in "edwp"] == ["not allowed", "valid", "not allowed", "not allowed"]
    assert {said(team, value) for team in ("Ops", None) for value in "edwp"} == {"not required"}
    assert [said("Ops", value, "200") for value in "edwp"] == ["not allowed", "not allowed", "not allowed", "valid"]


# --- the class of a cost


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"team": "a", "env": "prod"}, "compliant"),
        ({"team": "a"}, "incomplete"),
        ({"team": "a", "env": " "}, "incomplete"),
        ({"env": "test"}, "wrong value"),
        ({"team": "a", "env": "test"}, "wrong value"),
        ({"team": "", "env": ""}, "untagged"),
        ({"note": "a"}, "untagged"),
    ],
)
def test_a_cost_is(connection: Connection, tags: dict[str, str], expected: str) -> None:
    policies = [TEAM, TagPolicyDocument(key="env", allowed_values=("prod", "dev"))]
    assert judge(connection, policies, [Use(tags=tags)])[0]["class"] == expected


def test_without_policies_everything_is_exempt(connection: Connection) -> None:
    assert judge(connection, [], [Use(), Use(workspace=None)]) == [{"class": "exempt"}, {"class": "not taggable"}]


# --- all of it together

_KEYS = st.sampled_from(["team", "Team", "squad", "env", "ENV", "stage"])
_VALUES = st.sampled_from(["", " ", "prod", "Prod", "prod-eu", "pro_d", "x"])
_MAPS = st.dictionaries(_KEYS, _VALUES, max_size=4)
_POLICIES = st.builds(
    TagPolicyDocument,
    key=st.just("team"),
    aliases=st.sampled_from([(), ("squad",)]),
    keys_case_sensitive=st.booleans(),
    allowed_values=st.lists(st.sampled_from(["prod", "PROD", "p*", "*_d", "x"]), unique=True, max_size=3).map(tuple),
    case_sensitive=st.booleans(),
    required=st.sampled_from([True, True, False]),
)


def class_by_hand(policies: Sequence[TagPolicyDocument], use: Use) -> str:
    """As docs/tags.md says it."""
    verdicts = []
    for policy in policies:
        if not policy.required:
            continue
        best: tuple[tuple[bool, int, int, bool, str], str] | None = None
        for rank, tags in enumerate((use.tags, use.job or {}, use.cluster or {})):
            for spelled, value in tags.items():
                for position, name in enumerate(policy.names):
                    same = spelled == name if policy.keys_case_sensitive else spelled.lower() == name.lower()
                    order = (not (value or "").strip(), rank, position, spelled != name, spelled)
                    if same and (best is None or order < best[0]):
                        best = (order, value or "")
        if best is None or best[0][0]:
            verdicts.append("none")
            continue
        value = best[1]
        if not policy.allowed_values or any(fnmatchcase(value, each) for each in policy.allowed_values):
            verdicts.append("valid")
        elif any(fnmatchcase(value.lower(), each.lower()) for each in policy.allowed_values):
            verdicts.append("wrong" if policy.case_sensitive else "valid")
        else:
            verdicts.append("wrong")
    if not verdicts:
        return "exempt"
    if "wrong" in verdicts:
        return "wrong value"
    if "none" not in verdicts:
        return "compliant"
    return "incomplete" if "valid" in verdicts else "untagged"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=_POLICIES,
    second=_POLICIES,
    uses=st.lists(st.builds(Use, tags=_MAPS, job=_MAPS, cluster=_MAPS), min_size=1, max_size=6),
)
def test_the_class_is_that_of_the_rules_written_in_python(
    connection: Connection, first: TagPolicyDocument, second: TagPolicyDocument, uses: list[Use]
) -> None:
    policies = [
        first,
        second.model_copy(update={"key": "env", "aliases": ("stage",) if second.aliases else ()}),
    ]
    found = [each["class"] for each in judge(connection, policies, uses)]
    assert found == [class_by_hand(policies, use) for use in uses]
