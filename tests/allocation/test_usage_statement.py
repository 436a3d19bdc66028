"""The statement handed out for Databricks finds the records of its key, all of them and no others."""

from decimal import Decimal
from typing import Any

import pyarrow as pa

from costpulse_assets.allocation.usage_statement import literal, usage_statement
from costpulse_assets.resources.database import Database
from tests.small_account import MONDAY, SmallAccount, collect_days, small_account

#: Quotes, a backslash at the end, line breaks, comments.
HOSTILE = ('O\'Brien "R&D"\nteam 🚀', "back\\slash\\", "'; drop table x; --", "%_*", "夜間バッチ集計", "\t\r", "' '")


def fill(account: SmallAccount, *values: str) -> None:
    """Usage that differs in one thing at a time, so that a condition that is missing finds too much."""
    add = account.add_usage
    add("1")
    add("2", hour=5)
    add("4", hour=6, record_type="RETRACTION")
    add("8", tags={})
    add("16", tags={"team": "risk"})
    add("32", tags={"team": "risk", "env": "prod"})
    add("33554432", tags={"team": None})
    add("64", workspace="1002")
    add("128", workspace=None)
    add("256", run_as=None, owned_by="ada@example.com")
    add("512", run_as=None, created_by="ada@example.com")
    add("1024", run_as=None)
    add("2048", serverless=True)
    add("4096", serverless=False)
    add("8192", product=None)
    add("16384", unit="GB")
    add("32768", cluster_id="c-1")
    add("65536", job_id="7", job_name="load")
    add("131072", notebook_id="n-1", app_id="a-1")
    add("262144", app_id="a-1")
    add("524288", uc_table_catalog="main", uc_table_name="orders")
    add("1048576", source_region="us", destination_region="eu")
    add("2097152", warehouse_id="w-1", endpoint_name="e-1", dlt_pipeline_id="p-1")
    for number, value in enumerate(values):
        add(str(67108864 * 2**number), tags={"note": value, f"key {value}": "x"}, endpoint_name=value)


def rows_of(result: pa.RecordBatchReader | pa.Table) -> list[dict[str, Any]]:
    table = result if isinstance(result, pa.Table) else result.read_all()
    return list(table.to_pylist())


def found_by_statements(database: Database, source: Any) -> list[tuple[Decimal, Decimal]]:
    """Of each key, SKU and unit: the quantity in the bill, and what its statement finds at the source."""
    with database.transaction() as connection:
        rows = connection.execute(
            "select k.*, r.sku_name, r.usage_unit, sum(r.usage_quantity) as quantity from costpulse.cost_records as r "
            "join costpulse.cost_keys as k using (key_id) group by k.key_id, r.sku_name, r.usage_unit order by quantity"
        ).fetchall()
    return [
        (
            row["quantity"],
            sum(
                line["usage_quantity"]
                for line in rows_of(source.fetch(usage_statement(MONDAY, row, row["sku_name"], row["usage_unit"])))
            ),
        )
        for row in rows
    ]


def test_every_key_is_found_by_its_own_statement(database_url: str) -> None:
    database = Database(database_url)
    with small_account() as account:
        fill(account, *HOSTILE)
        collect_days(database, account)
        found = found_by_statements(database, account)
    assert len(found) == 20 + len(HOSTILE)
    assert [there for _, there in found] == [here for here, _ in found]


def test_where_people_are_hashed_they_are_not_asked_for() -> None:
    digits = "0123456789abcdef01234567"
    key = dict.fromkeys(
        ("account_id", "workspace_id", "usage_type", "is_serverless", "cluster_id", "warehouse_id", "job_id",
         "pipeline_id", "endpoint_name", "resource_type", "resource_id"),
    )  # fmt: skip
    key |= {"product": "JOBS", "user_email": f"{digits}@example.com", "user_source": "owned_by"}
    key |= {"tags": {"owner": f"{digits}@example.com", "team": "risk"}}
    statement = usage_statement(MONDAY, key, "S", "DBU", identities_are_hashed=True)
    assert digits not in statement
    assert "u.identity_metadata.owned_by is not null" in statement
    assert "u.custom_tags['team'] = 'risk'" in statement
    assert statement.startswith("-- people are stored as hashes")


def test_nothing_in_a_literal_can_end_it_or_be_replaced() -> None:
    assert literal("it's ${a} {{b}} \\") == "'it\\'s \\$\\{a} \\{\\{b}} \\\\'"
