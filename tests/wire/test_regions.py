"""One region refuses everything over the wire: the other is complete, and what is missing is named on the pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import costpulse_app
from costpulse_assets.collectors.system_tables import SYSTEM_TABLES
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.databricks import DatabricksWarehouse
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.small_account import MONDAY, SmallAccount
from tests.small_clusters import MIDNIGHT, add_cluster, add_minutes
from tests.wire.conftest import SMALL_LIMITS, TOKEN
from tests.wire.faults import FOR_EVER, http
from tests.wire.thrift_server import WireServer

CALLS = ("OpenSession", "ExecuteStatement", "GetOperationStatus", "FetchResults", "CloseOperation", "CloseSession")
REGIONAL = {ours for table in SYSTEM_TABLES if table.scope == "regional" for ours in table.needed_by}
TOKEN_REFUSED = (f"Invalid access token {TOKEN}", "failed", "Make a new token")
ADDRESS_BLOCKED = (f"Source IP address is blocked for {TOKEN}", "not available", "IP access list")


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with SmallAccount() as account:
        account.add_price("0.15")
        account.add_workspace("1001", "main")
        account.add_usage("10", cluster_id="c-us")
        add_cluster(account, "in america", cluster_id="c-us", workspace="1001")
        add_minutes(account, MIDNIGHT, 60, cluster_id="c-us", workspace="1001")
        yield account


@pytest.fixture
def refusal(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """Why 403, the state of a source that gets it, and a part of its next step."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def pipeline(database_url: str, account: SmallAccount, refusal: tuple[str, str, str]) -> Iterator[Pipeline]:
    """Over two connections: one to a complete warehouse, one to a warehouse that answers 403 to every call."""
    headers = {"x-databricks-reason-phrase": refusal[0]}
    refusals = [http(call, 403, headers, times=FOR_EVER) for call in CALLS]
    with (
        WireServer(account, token=TOKEN) as complete,
        WireServer(account, token=TOKEN, script=refusals) as refusing,
        DatabricksWarehouse(
            complete.connection.model_copy(update={"name": "us"}), connection_uri=complete.uri, **SMALL_LIMITS
        ) as us,
        DatabricksWarehouse(
            refusing.connection.model_copy(update={"name": "eu"}), connection_uri=refusing.uri, **SMALL_LIMITS
        ) as eu,
        ephemeral_instance() as instance,
    ):
        yield Pipeline(Database(database_url), us, pretend_today(MONDAY), instance, regions=(us, eu))


@pytest.mark.parametrize("refusal", [TOKEN_REFUSED, ADDRESS_BLOCKED], ids=["token", "address"], indirect=True)
def test_a_region_that_answers_403_leaves_the_other_complete_and_is_named_and_counted(
    pipeline: Pipeline, refusal: tuple[str, str, str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason, state, next_step = refusal
    assert pipeline.run(MONDAY, MONDAY).success

    states = pipeline.query("select * from costpulse.collection_status order by source")
    missing = [row for row in states if row["state"] != "ok"]
    assert {(row["source"], row["connection"], row["state"]) for row in missing} == {
        (table, "eu", state) for table in REGIONAL
    }
    assert {row["source"] for row in states if row["connection"] == "us"} > REGIONAL
    for row in missing:
        assert f"HTTP 403: {reason.replace(TOKEN, '***')}" in row["message"]
        assert next_step in row["next_step"]
        assert row["succeeded_at"] is None
    (cluster,) = pipeline.query("select cluster_name, state from costpulse.cluster_info")
    assert cluster["cluster_name"] == "in america"
    assert pipeline.query("select sum(up_minutes) as n from costpulse.node_utilization")[0]["n"] == 60
    assert pipeline.query("select sum(cost_usd)::text as cost from costpulse.daily_costs")[0]["cost"].startswith("1.5")

    monkeypatch.setenv("COSTPULSE_TODAY", MONDAY.isoformat())
    monkeypatch.setenv("COSTPULSE_DATABASE_URL", database_url)
    _forget()
    page = AppTest.from_file(str(Path(costpulse_app.__file__).parent / "streamlit_app.py"), default_timeout=60).run()
    _forget()
    assert not page.exception
    assert f"{len(missing)} sources not read" in [popover.proto.popover.label for popover in page.get("popover")]


def _forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()
