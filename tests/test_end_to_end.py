"""The demo account behind the wire, through the unmodified connector and the pipeline, against the oracle.

Known facts are planted in the account: what is asserted here is that they arrive in the tables people look at.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_assets.resources.database import Database
from costpulse_assets.resources.databricks import DatabricksWarehouse
from costpulse_assets.resources.demo_account import DemoAccount, planted
from tests.conftest import database as temporary_database
from tests.dagster_instance import ephemeral_instance
from tests.oracle import expected_daily_costs
from tests.pipeline import Pipeline, pretend_today
from tests.wire.thrift_server import WireServer

END = date(2026, 11, 20)
DAYS = 32
FIRST = END - timedelta(days=DAYS - 1)
ADJUSTMENTS: list[dict[str, Any]] = [
    {"sku_pattern": "*", "percentage": Decimal("-7.5"), "fixed_rate": None, "valid_from": FIRST, "valid_to": None},
    {
        "sku_pattern": "*serverless_sql*",
        "percentage": Decimal("-21.25"),
        "fixed_rate": None,
        "valid_from": FIRST + timedelta(days=10),
        "valid_to": END,
    },
    {
        "sku_pattern": "ENTERPRISE_JOBS_COMPUTE",
        "percentage": None,
        "fixed_rate": Decimal("0.1234567890123"),
        "valid_from": FIRST,
        "valid_to": None,
    },
]


@contextmanager
def warehouse_of(account: DemoAccount) -> Iterator[DatabricksWarehouse]:
    with (
        WireServer(account) as server,
        DatabricksWarehouse(server.connection, connection_uri=server.uri) as warehouse,
    ):
        yield warehouse


@pytest.fixture(scope="module")
def loaded(postgres_server: str, migrated_template: str) -> Iterator[tuple[Pipeline, DemoAccount]]:
    """The account as it was three days before its end, collected, and then collected again at its end."""
    with (
        temporary_database(postgres_server, template=migrated_template) as url,
        ephemeral_instance() as instance,
    ):
        pipeline = Pipeline(Database(url), None, pretend_today(END - timedelta(days=3)), instance)
        with pipeline.database.transaction() as connection:
            connection.cursor().executemany(
                b"insert into costpulse.price_adjustments (sku_pattern, percentage, fixed_rate, valid_from, valid_to) "
                b"values (%(sku_pattern)s, %(percentage)s, %(fixed_rate)s, %(valid_from)s, %(valid_to)s)",
                ADJUSTMENTS,
            )
        for as_of in (END - timedelta(days=3), END):
            account = DemoAccount(days=DAYS, end_date=END, as_of=as_of)
            pipeline.settings = pretend_today(as_of)
            with warehouse_of(account) as warehouse:
                pipeline.source = warehouse
                assert pipeline.run(FIRST, as_of, only_changed=True).success
            if as_of < END:
                account.close()
        yield pipeline, account
        account.close()


def raw(account: DemoAccount, table: str) -> list[dict[str, Any]]:
    return list(account.fetch(f"select * from system.billing.{table}").read_all().to_pylist())


def test_every_total_equals_the_oracle_to_the_last_digit(loaded):
    pipeline, account = loaded
    adjustments = pipeline.query("select * from costpulse.price_adjustments order by id")
    expected = expected_daily_costs(raw(account, "usage"), raw(account, "list_prices"), adjustments)
    rows = pipeline.query(
        "select usage_date, workspace_id, sku_name, product, sum(usage_quantity) as quantity, sum(dbu_count) as dbus, "
        "sum(list_cost_usd) as list_cost, sum(cost_usd) as cost, sum(unpriced_quantity) as unpriced_quantity "
        "from costpulse.daily_costs group by 1, 2, 3, 4"
    )
    found = {(r["usage_date"], r["workspace_id"], r["sku_name"], r["product"]): r for r in rows}
    assert len(found) > 1_500
    assert found.keys() == expected.keys()
    different = {
        key: (totals, found[key])
        for key, totals in expected.items()
        if (totals.quantity, totals.dbus, totals.list_cost, totals.cost, totals.unpriced_quantity)
        != tuple(found[key][name] for name in ("quantity", "dbus", "list_cost", "cost", "unpriced_quantity"))
    }
    assert different == {}


def test_cost_records_are_exactly_as_many_as_the_oracle_has(loaded):
    pipeline, account = loaded
    expected = expected_daily_costs(raw(account, "usage"), raw(account, "list_prices"), [])
    assert pipeline.query("select count(*) as n from costpulse.cost_records")[0]["n"] == sum(
        totals.records for totals in expected.values()
    )


def test_what_arrived_in_two_steps_equals_what_arrives_at_once(loaded, database_url):
    pipeline, account = loaded
    with ephemeral_instance() as instance:
        at_once = Pipeline(Database(database_url), account, pretend_today(END), instance)
        with at_once.database.transaction() as connection:
            connection.cursor().executemany(
                b"insert into costpulse.price_adjustments (sku_pattern, percentage, fixed_rate, valid_from, valid_to) "
                b"values (%(sku_pattern)s, %(percentage)s, %(fixed_rate)s, %(valid_from)s, %(valid_to)s)",
                ADJUSTMENTS,
            )
        assert at_once.run(FIRST, END).success
        tables = ("cost_records", "key_allocations", "daily_costs", "daily_key_costs", "daily_sku_costs")
        assert at_once.snapshot(*tables) == pipeline.snapshot(*tables)


def test_the_planted_restatement_and_retraction_landed_on_their_days(loaded):
    pipeline, _ = loaded
    for fact in planted.facts("restatement", "retraction"):
        assert fact.first_day is not None
        day = END + timedelta(days=fact.first_day)
        rows = pipeline.query(
            "select r.record_type, sum(r.usage_quantity) as quantity from costpulse.cost_records as r "
            "where r.usage_date = %s and r.job_name = %s group by 1",
            day,
            fact.subject,
        )
        by_type = {row["record_type"]: row["quantity"] for row in rows}
        assert by_type["RETRACTION"] == -by_type["ORIGINAL"]
        if fact.kind == "restatement":
            assert fact.size is not None
            assert by_type["RESTATEMENT"] == by_type["ORIGINAL"] * Decimal(str(fact.size))
        else:
            assert "RESTATEMENT" not in by_type
        loads = pipeline.query("select count(*) as n from costpulse.collection_log where usage_date = %s", day)
        assert loads[0]["n"] == 2


def test_days_that_did_not_change_between_the_two_looks_were_collected_once(loaded):
    pipeline, _ = loaded
    loads = pipeline.query("select usage_date, count(*) as n from costpulse.collection_log group by 1")
    once = [row for row in loads if row["n"] == 1]
    assert len(once) > DAYS / 3
    assert all(row["n"] <= 2 for row in loads)


def test_the_late_price_reached_the_days_before_it_became_visible(loaded):
    pipeline, _ = loaded
    (fact,) = planted.facts("late price")
    rows = pipeline.query(
        "select usage_date, dbu_rate, cost_usd from costpulse.cost_records where sku_name = %s", fact.subject
    )
    assert rows
    assert fact.first_day is not None
    assert min(row["usage_date"] for row in rows) == END + timedelta(days=fact.first_day)
    assert {row["dbu_rate"] for row in rows} == {Decimal(str(fact.size))}


def test_the_unpriced_sku_is_named_and_has_no_cost(loaded):
    pipeline, _ = loaded
    (fact,) = planted.facts("no price")
    days = [FIRST + timedelta(days=n) for n in range(DAYS)]
    unpriced = pipeline.database.rows("checks/unpriced_skus", {"days": days})
    # the percentage adjustments match it too, but a percentage of nothing is nothing
    assert [row["sku_name"] for row in unpriced] == [fact.subject]


def test_the_planted_spike_stands_out_of_its_own_history(loaded):
    pipeline, _ = loaded
    fact = next(fact for fact in planted.facts("spike") if fact.first_day == -9)
    assert fact.size is not None
    rows = pipeline.query(
        "select d.usage_date, sum(d.cost_usd) as cost from costpulse.daily_key_costs as d "
        "join costpulse.cost_keys as k using (key_id) where k.job_name = %s group by 1 order by 1",
        fact.subject,
    )
    day = END - timedelta(days=9)
    costs = {row["usage_date"]: row["cost"] for row in rows}
    others = sorted(cost for other, cost in costs.items() if other != day and other < END - timedelta(days=1))
    assert costs[day] > 3 * others[len(others) // 2]


def test_hostile_names_come_through_as_they_are(loaded):
    pipeline, _ = loaded
    tags = {value for row in pipeline.query("select tags from costpulse.cost_keys") for value in row["tags"].values()}
    assert {planted.HYPERLINK_TAG, planted.ODD_TAG} <= tags
    assert pipeline.query("select count(*) as n from costpulse.cost_keys where job_name = %s", planted.JAPANESE_JOB)[0][
        "n"
    ]
    assert pipeline.query("select count(*) as n from costpulse.cost_keys where user_email = %s", planted.PLUS_EMAIL)[0][
        "n"
    ]


def test_today_and_yesterday_are_not_final_and_the_day_before_is(loaded):
    pipeline, _ = loaded
    days = {
        row["usage_date"]: row
        for row in pipeline.query("select * from costpulse.completeness where usage_date > %s", END - timedelta(days=5))
    }
    assert [days[END - timedelta(days=back)]["is_provisional"] for back in range(4)] == [True, True, False, False]
    assert Decimal("0.2") < days[END]["share_in"] < Decimal("0.6")


def test_all_checks_of_a_run_over_everything_are_green(loaded):
    pipeline, account = loaded
    pipeline.source = account
    result = pipeline.run(FIRST, END)
    assert result.success
    failed = [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]
    assert failed == []
