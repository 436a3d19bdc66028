"""The assets of the allocation in real runs: what changed rules move, when, and what stops a wrong day."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from costpulse_assets.allocation.allocate import RULES_LOCK
from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.allocation.rule_set import RuleSet, replace_rule_set
from costpulse_assets.derived_days import build
from costpulse_assets.errors import InvariantBroken
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.small_account import MONDAY, SmallAccount, small_account
from tests.small_clusters import MIDNIGHT, add_cluster
from tests.warehouse_account import add_warehouse, insert

TUESDAY, TODAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=20)
ALLOCATED = ("cost_records", "key_allocations", "cost_allocations", "daily_costs", "daily_key_costs")


@pytest.fixture
def account() -> Iterator[SmallAccount]:
    with small_account() as account:
        for day in (MONDAY, TUESDAY):
            account.add_usage("10", day=day, tags={"team": "etl"})
            account.add_usage("20", day=day, tags={"team": "bi"}, run_as="bo@example.com")
        yield account


@pytest.fixture
def pipeline(database_url: str, account: SmallAccount) -> Iterator[Pipeline]:
    settings = pretend_today(TODAY, database_url=database_url)
    with ephemeral_instance() as instance:
        yield Pipeline(Database(database_url), account, settings, instance)


def save(pipeline: Pipeline, *rules: dict[str, Any], splits: tuple[dict[str, Any], ...] = ()) -> None:
    teams = [{"name": "Etl"}, {"name": "Bi", "members": [{"email": "bo@example.com"}]}]
    rule_set = RuleSet.model_validate({"teams": teams, "rules": rules, "splits": splits})
    with pipeline.database.transaction() as connection:
        replace_rule_set(connection, rule_set, "test", identities=Identities(None))


def etl(**more: Any) -> dict[str, Any]:
    conditions = {"key": "team", "values": ["etl"]}
    return {"name": "etl", "team": "Etl", "rule_type": "tag_match", "conditions": conditions, **more}


def rest(**more: Any) -> dict[str, Any]:
    shares = [{"team": "Etl", "weight": "33.3"}, {"team": "Bi", "weight": "66.7"}]
    return {"name": "rest", "rule_type": "remainder", "conditions": {}, "basis": "fixed", "shares": shares, **more}


def owners(pipeline: Pipeline, table: str = "daily_costs", day: date = MONDAY) -> dict[str | None, Decimal]:
    cost = "total_cost" if table == "cost_allocations" else "cost_usd"
    rows = pipeline.query(
        f"select t.name, sum(a.{cost}) as cost from costpulse.{table} as a "
        "left join costpulse.teams as t on t.id = a.team_id where a.usage_date = %s group by t.name",
        day,
    )
    return {row["name"]: row["cost"] for row in rows}


def rebuilt(result: dg.ExecuteInProcessResult) -> int:
    (event,) = result.asset_materializations_for_node("key_allocations")
    return int(event.metadata["days rebuilt"].value)  # type: ignore[arg-type]


def test_rules_change_who_owns_the_days_they_concern_and_every_table_says_so(pipeline: Pipeline):
    assert pipeline.run(MONDAY, TODAY, "list_prices", *ALLOCATED).success
    assert owners(pipeline) == {None: Decimal("4.5")}
    save(pipeline, etl(valid_from="2026-06-02"))
    result = pipeline.run(TODAY, TODAY, *ALLOCATED[1:], only_changed=True)
    assert result.success
    assert rebuilt(result) == 21, "the member of a team counts on every day"
    for table in ALLOCATED[1:]:
        assert owners(pipeline, table) == {None: Decimal("1.5"), "Bi": 3}, table
        assert owners(pipeline, table, TUESDAY) == {"Etl": Decimal("1.5"), "Bi": 3}, table
    save(pipeline, etl(valid_from="2026-06-02", priority=7))
    result = pipeline.run(TODAY, TODAY, *ALLOCATED[1:], only_changed=True)
    assert rebuilt(result) == 20, "the rule does not concern Monday"
    assert {check.passed for check in result.get_asset_check_evaluations()} == {True}
    assert rebuilt(pipeline.run(TODAY, TODAY, *ALLOCATED[1:], only_changed=True)) == 0


def test_a_name_that_is_learned_later_moves_what_it_cost_and_a_new_one_only_from_its_day_on(
    pipeline: Pipeline, account: SmallAccount
):
    account.add_usage("30", day=MONDAY, cluster_id="c1")
    account.add_usage("30", day=TUESDAY, cluster_id="c1")
    by_name = {"rule_type": "cluster_match", "conditions": {"pattern": "etl-.*"}}
    save(pipeline, {"name": "clusters", "team": "Etl", **by_name})
    assert pipeline.run(MONDAY, TODAY, "list_prices", *ALLOCATED).success
    assert owners(pipeline) == {None: 6, "Bi": 3}, "nobody knows what c1 is called"

    def learn(name: str, changed: datetime) -> int:
        add_cluster(account, name, changed=changed)
        assert pipeline.run(TODAY, TODAY, "clusters").success
        return rebuilt(pipeline.run(TODAY, TODAY, *ALLOCATED[1:], only_changed=True))

    assert learn("etl-1", MIDNIGHT) == 2
    assert [owners(pipeline, day=day)["Etl"] for day in (MONDAY, TUESDAY)] == [Decimal("4.5")] * 2
    assert learn("other", MIDNIGHT + timedelta(days=1)) == 1
    assert owners(pipeline)["Etl"] == Decimal("4.5")
    assert owners(pipeline, day=TUESDAY) == {None: 6, "Bi": 3}
    assert pipeline.run(TODAY, TODAY, "clusters").success
    assert rebuilt(pipeline.run(TODAY, TODAY, *ALLOCATED[1:], only_changed=True)) == 0


def test_what_is_split_is_in_the_sums_with_its_split(pipeline: Pipeline):
    save(pipeline, etl(), splits=(rest(),))
    pipeline.run(MONDAY, TODAY, "list_prices", *ALLOCATED)
    found = pipeline.query(
        "select t.name, a.method, s.name as split, a.total_cost, a.breakdown from costpulse.cost_allocations as a "
        "join costpulse.teams as t on t.id = a.team_id left join costpulse.cost_splits as s on s.id = a.split_id "
        "where a.usage_date = %s order by 1, 2",
        MONDAY,
    )
    assert [(row["name"], row["method"], row["split"], row["total_cost"]) for row in found] == [
        ("Bi", "user", None, 3),
        ("Etl", "rule", None, Decimal("1.5")),
    ]
    save(pipeline, splits=(rest(priority=1), {**rest(), "name": "bi", **_bi()}))
    pipeline.run(MONDAY, TODAY, *ALLOCATED[1:])
    found = pipeline.query(
        "select s.name, sum(a.total_cost) as cost, sum((a.breakdown -> 'DBU' ->> 'quantity')::numeric) as quantity "
        "from costpulse.cost_allocations as a join costpulse.cost_splits as s on s.id = a.split_id "
        "where a.usage_date = %s group by 1 order by 1",
        MONDAY,
    )
    assert [tuple(row.values()) for row in found] == [("bi", 3, 20), ("rest", Decimal("1.5"), 10)]


def _bi() -> dict[str, Any]:
    return {"rule_type": "tag_match", "conditions": {"key": "team", "values": ["bi"]}}


def test_the_sensor_asks_for_one_run_without_the_source_after_rules_changed_and_then_rests(pipeline: Pipeline):
    pipeline.run(MONDAY, TODAY, "list_prices", *ALLOCATED)
    repository = pipeline.definitions().get_repository_def()
    sensor = repository.get_sensor_def("reallocate_changed_days")
    assert sensor.job_name == "reallocation"
    job = repository.get_job("reallocation")
    assert not {"cost_records", "clusters"} & {key.to_user_string() for key in job.asset_layer.executable_asset_keys}

    def tick(cursor: str | None) -> dg.SensorResult | dg.SkipReason:
        with dg.build_sensor_context(instance=pipeline.instance, cursor=cursor, repository_def=repository) as context:
            result = sensor(context)
        assert isinstance(result, (dg.SensorResult, dg.SkipReason))
        return result

    assert isinstance(tick(None), dg.SkipReason)
    save(pipeline, etl())
    asked = tick(None)
    assert isinstance(asked, dg.SensorResult)
    (request,) = asked.run_requests or []
    assert request.tags["costpulse/only_changed"] == "true"
    observed = {event.asset_key.to_user_string() for event in asked.asset_events}
    assert observed == {"teams", "allocation_rules", "cost_splits"}
    assert isinstance(tick(asked.cursor), dg.SkipReason)


def test_a_change_that_concerns_no_collected_day_asks_for_no_run(pipeline: Pipeline):
    pipeline.run(MONDAY, TODAY, "list_prices", *ALLOCATED)
    save(pipeline)
    pipeline.run(MONDAY, TODAY, *ALLOCATED[1:], only_changed=True)
    save(pipeline, etl(valid_from="2027-01-01"))
    sensor = pipeline.definitions().get_repository_def().get_sensor_def("reallocate_changed_days")
    with dg.build_sensor_context(instance=pipeline.instance) as context:
        asked = sensor(context)
    assert isinstance(asked, dg.SensorResult)
    assert asked.run_requests == []


def test_the_pass_runs_after_the_names_and_query_costs_that_it_reads_and_without_them_where_they_fail(
    pipeline: Pipeline, account: SmallAccount
):
    add_warehouse(account, "BI")
    result = pipeline.run(MONDAY, TODAY)
    order = [event.node_name for event in result.get_step_success_events()]
    for earlier in ("query_costs", "clusters", "jobs", "warehouses", "workspaces"):
        assert order.index(earlier) < order.index("key_allocations"), earlier

    with pipeline.database.transaction() as connection:
        connection.execute("alter table costpulse.query_costs add constraint nothing check (executions > 10)")
    insert(account, "compute.warehouse_events", {"account_id": "account"})
    account.add_usage("5", warehouse_id="wh-1", product="SQL")
    result = pipeline.run(MONDAY, TODAY)
    assert not result.success
    failed = {event.node_name for event in result.get_step_failure_events()}
    assert "query_costs" in failed
    assert owners(pipeline) == {None: Decimal("5.25")}


def test_parts_that_do_not_add_up_stop_the_day(pipeline: Pipeline):
    save(pipeline, splits=(rest(rule_type="tag_match", conditions={"key": "team", "values": ["*"]}),))
    pipeline.run(MONDAY, TODAY, "list_prices", *ALLOCATED)
    before = pipeline.snapshot("key_allocations")
    with pipeline.database.transaction() as connection:
        # One key wins what another loses: the sums of the SKU are right, those of the keys are not.
        connection.execute(
            "create function costpulse.shift() returns trigger language plpgsql as 'begin "
            "new.cost_usd := new.cost_usd + (new.usage_quantity < 4)::integer - (new.usage_quantity > 13)::integer; "
            "return new; end'"
        )
        connection.execute(
            "create trigger shift before insert on costpulse.key_allocations for each row "
            "execute function costpulse.shift()"
        )
    with pytest.raises(InvariantBroken):
        build(pipeline.database, KEY_ALLOCATIONS, [MONDAY])
    assert pipeline.snapshot("key_allocations") == before


def test_rules_are_not_changed_while_days_are_allocated(pipeline: Pipeline):
    pipeline.run(MONDAY, TODAY, "list_prices", *ALLOCATED)
    with pipeline.database.transaction() as reading:
        assert KEY_ALLOCATIONS.prepare is not None
        KEY_ALLOCATIONS.prepare(reading, [MONDAY])
        with pipeline.database.transaction() as changing:
            row = changing.execute("select pg_try_advisory_xact_lock(%s) as taken", [RULES_LOCK]).fetchone()
    assert row == {"taken": False}
