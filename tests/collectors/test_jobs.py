"""Jobs, pipelines and serving endpoints: their newest version, kept when they are gone, and the names they had."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from costpulse_assets.collectors.jobs import JOBS, PIPELINES, SERVING_ENDPOINTS
from costpulse_assets.collectors.regional import collect_state
from costpulse_assets.errors import SourceForbidden
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.job_account import IN_CLEAR, add_job
from tests.small_account import SmallAccount
from tests.small_clusters import query
from tests.warehouse_account import WORKSPACE, at, insert

HOSTILE = "<b>夜間</b><script>alert('x')</script>\n\"; drop table jobs; --"


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        yield account


def add_pipeline(account: SmallAccount, name: str, **more: Any) -> None:
    row = {"workspace_id": WORKSPACE, "pipeline_id": "p1", "name": name, "change_time": at(day=-30)}
    insert(account, "lakeflow.pipelines", row | more)


def add_entity(account: SmallAccount, endpoint: str, entity: str, **more: Any) -> None:
    row = {
        "served_entity_id": f"{endpoint} {entity}",
        "workspace_id": WORKSPACE,
        "endpoint_name": endpoint,
        "endpoint_id": f"id of {endpoint}",
        "entity_name": entity,
        "endpoint_config_version": 1,
        "change_time": at(day=-30),
        "created_by": "ada@example.com",
    }
    insert(account, "serving.served_entities", row | more)


def names(database: Database, kind: str) -> list[tuple[Any, ...]]:
    rows = query(
        database,
        "select resource_id, name, valid_from, valid_to from costpulse.resource_names where resource_type = %s"
        " order by resource_id, valid_from",
        kind,
    )
    return [tuple(row.values()) for row in rows]


def test_the_newest_version_of_a_job_is_kept_and_its_earlier_names_are_remembered(database, account):
    add_job(account, "draft", changed=at(day=-9), run_as_user_name="ada@example.com")
    add_job(account, "draft", changed=at(day=-5), paused=True)
    add_job(
        account,
        HOSTILE,
        changed=at(day=-2),
        run_as_user_name="bob@example.com",
        creator_user_name="ada@example.com",
        schedule=("0 0 3 * * ?", "Europe/Berlin"),
        trigger_type="CRON",
        paused=False,
        tags={"b": "2", "a": "1"},
        create_time=at(day=-9),
    )
    assert collect_state(database, account, JOBS, IN_CLEAR) == 2
    (row,) = query(database, "select * from costpulse.jobs")
    assert (row["name"], row["owner"], row["creator"]) == (HOSTILE, "bob@example.com", "ada@example.com")
    assert (row["schedule"], row["trigger_type"], row["paused"]) == ("0 0 3 * * ? (Europe/Berlin)", "CRON", False)
    assert (row["tags"], row["create_time"], row["delete_time"]) == ({"a": "1", "b": "2"}, at(day=-9), None)
    assert (row["change_time"], row["connection"]) == (at(day=-2), account.name)
    renamed = at(day=-2).date()
    assert names(database, "job") == [("7", "draft", at(day=-9).date(), renamed), ("7", HOSTILE, renamed, None)]


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ({"schedule": ("0 0 3 * * ?", "UTC"), "trigger_type": "CRON"}, "0 0 3 * * ? (UTC)"),
        ({"schedule": ("0 0 3 * * ?", None)}, "0 0 3 * * ?"),
        ({"every": (2, "HOURS"), "trigger_type": "PERIODIC"}, "every 2 hours"),
        ({"every": (1, "DAYS"), "trigger_type": "PERIODIC"}, "every day"),
        ({"continuous": True}, "continuous"),
        ({"trigger_type": "CONTINUOUS"}, "continuous"),
        ({"continuous": False}, None),
        ({"trigger_type": "FILE_ARRIVAL"}, "file arrival"),
        ({"trigger_type": "TABLE_UPDATE"}, "table update"),
        ({"trigger_type": "ONETIME"}, None),
        ({}, None),
    ],
)
def test_the_schedule_says_what_starts_the_runs(database, account, version, text):
    add_job(account, **version)
    collect_state(database, account, JOBS, IN_CLEAR)
    assert query(database, "select schedule from costpulse.jobs")[0]["schedule"] == text


def test_the_owner_is_the_readable_name_else_the_numeric_id(database, account):
    add_job(account, job_id="1", run_as="11", run_as_user_name="ada@example.com", creator_id="12")
    add_job(account, job_id="2", run_as="21", creator_id="22", creator_user_name="bob@example.com")
    add_job(account, job_id="3")
    collect_state(database, account, JOBS, IN_CLEAR)
    rows = query(database, "select owner, creator from costpulse.jobs order by job_id")
    assert [tuple(row.values()) for row in rows] == [("ada@example.com", "12"), ("21", "bob@example.com"), (None, None)]


def test_a_job_that_is_deleted_or_vanishes_keeps_its_row(database, account):
    add_job(account, "deleted", job_id="1", delete_time=at(day=-1))
    add_job(account, "vanished", job_id="2")
    collect_state(database, account, JOBS, IN_CLEAR)
    account._connection.execute("delete from dbx_system.lakeflow.jobs")
    add_job(account, "new", job_id="3", changed=at(day=-1))
    collect_state(database, account, JOBS, IN_CLEAR)
    rows = query(database, "select name, delete_time from costpulse.jobs order by job_id")
    assert [tuple(row.values()) for row in rows] == [("deleted", at(day=-1)), ("vanished", None), ("new", None)]


def test_only_what_changed_is_read_again_and_a_rename_is_noticed(database, account):
    add_job(account, "old", job_id="1", changed=at(day=-20))
    add_job(account, "other", job_id="2", changed=at(day=-10))
    assert collect_state(database, account, JOBS, IN_CLEAR) == 2
    add_job(account, "new", job_id="1", changed=at(day=-3))
    assert collect_state(database, account, JOBS, IN_CLEAR) == 2
    assert names(database, "job") == [
        ("1", "old", at(day=-20).date(), at(day=-3).date()),
        ("1", "new", at(day=-3).date(), None),
        ("2", "other", at(day=-10).date(), None),
    ]


def test_owners_and_creators_are_hashed_where_identities_are(database, account):
    add_job(account, run_as_user_name="ada@example.com", creator_user_name="12")
    add_pipeline(account, "p", run_as="ada@example.com", created_by="ada@example.com")
    add_entity(account, "e", "model")
    hashed = Identities(SecretStr("a key"))
    for table in (JOBS, PIPELINES, SERVING_ENDPOINTS):
        collect_state(database, account, table, hashed)
    found = query(
        database,
        "select owner as who from costpulse.jobs union select creator from costpulse.jobs"
        " union select owner from costpulse.pipelines union select creator from costpulse.pipelines"
        " union select creator from costpulse.serving_endpoints",
    )
    assert {row["who"] for row in found} == {
        hashed.protect_text("ada@example.com"),
        hashed.protect_text("12"),
    }


def test_a_pipeline_shows_its_settings_and_whose_rights_it_uses(database, account):
    settings = {
        "photon": True, "development": False, "continuous": True, "serverless": None, "edition": "PRO",
        "channel": "CURRENT",
    }  # fmt: skip
    add_pipeline(account, "poc")
    add_pipeline(
        account,
        "orders",
        change_time=at(day=-4),
        pipeline_type="ETL_PIPELINE",
        run_as="bob@example.com",
        created_by="ada@example.com",
        settings=settings,
    )
    add_pipeline(account, "without settings", pipeline_id="p2", created_by="ada@example.com")
    collect_state(database, account, PIPELINES, IN_CLEAR)
    first, second = query(database, "select * from costpulse.pipelines order by pipeline_id")
    assert (first["name"], first["owner"], first["creator"]) == ("orders", "bob@example.com", "ada@example.com")
    assert (first["photon_enabled"], first["is_development"], first["is_continuous"]) == (True, False, True)
    assert (first["is_serverless"], first["edition"], first["pipeline_type"]) == (None, "PRO", "ETL_PIPELINE")
    assert (second["owner"], second["photon_enabled"], second["tags"]) == ("ada@example.com", None, {})
    assert [row[1] for row in names(database, "pipeline")] == ["poc", "orders", "without settings"]


def test_an_endpoint_is_what_its_newest_configuration_serves(database, account):
    add_entity(account, "chat", "old model")
    for entity in ("model b", "model a"):
        add_entity(account, "chat", entity, endpoint_config_version=2, change_time=at(day=-2))
    collect_state(database, account, SERVING_ENDPOINTS, IN_CLEAR)
    (row,) = query(database, "select * from costpulse.serving_endpoints")
    assert (row["endpoint_name"], row["endpoint_id"], row["creator"]) == ("chat", "id of chat", "ada@example.com")
    assert (row["served_entity_count"], row["entity_names"]) == (2, ["model a", "model b"])
    assert (row["delete_time"], row["change_time"]) == (None, at(day=-2))
    assert [row[:2] for row in names(database, "endpoint")] == [("chat", "chat")]


def test_two_versions_of_a_model_are_two_entities_under_one_name(database, account):
    for version in ("1", "2"):
        add_entity(account, "chat", "model", served_entity_id=version, entity_version=version)
    collect_state(database, account, SERVING_ENDPOINTS, IN_CLEAR)
    (row,) = query(database, "select * from costpulse.serving_endpoints")
    assert (row["served_entity_count"], row["entity_names"]) == (2, ["model"])


def test_an_endpoint_made_anew_under_an_old_name_takes_its_place(database, account):
    add_entity(
        account, "chat", "big model", endpoint_id="first", endpoint_config_version=9, endpoint_delete_time=at(day=-8)
    )
    collect_state(database, account, SERVING_ENDPOINTS, IN_CLEAR)
    (row,) = query(database, "select * from costpulse.serving_endpoints")
    assert (row["endpoint_id"], row["delete_time"]) == ("first", at(day=-8))
    add_entity(account, "chat", "small model", endpoint_id="second", change_time=at(day=-7))
    collect_state(database, account, SERVING_ENDPOINTS, IN_CLEAR)
    (row,) = query(database, "select * from costpulse.serving_endpoints")
    assert (row["endpoint_id"], row["entity_names"], row["delete_time"]) == ("second", ["small model"], None)


def test_an_account_without_the_serving_schema_still_gives_its_jobs(database, account):
    account.forbidden = {"system.serving"}
    add_job(account)
    with pytest.raises(SourceForbidden):
        collect_state(database, account, SERVING_ENDPOINTS, IN_CLEAR)
    assert collect_state(database, account, JOBS, IN_CLEAR) == 1
    assert query(database, "select count(*) as jobs from costpulse.jobs") == [{"jobs": 1}]
