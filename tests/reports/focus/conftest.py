"""One bill with everything that a file of FOCUS can hold, and a bill of the test's own."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from costpulse_assets.resources.database import Database
from tests.conftest import database
from tests.reports.focus.bill import OCTOBER, SEPTEMBER, Bill

SQL_SKU = "PREMIUM_SERVERLESS_SQL_COMPUTE"
THIRD = Decimal(1).scaleb(-18) * 333333333333333333


@pytest.fixture
def bill(database_url: str) -> Bill:
    return Bill(Database(database_url))


@pytest.fixture(scope="module")
def full_bill(postgres_server: str, migrated_template: str) -> Iterator[Bill]:
    """September was closed on 8 October; October holds usage of all kinds, shared, unpriced, and a correction."""
    with database(postgres_server, template=migrated_template) as url:
        full = Bill(Database(url))
        full.close(SEPTEMBER, datetime(2026, 10, 8, 12, tzinfo=UTC))
        day = date(2026, 10, 5)
        job = full.key(
            job_id="77",
            cluster_id="c-1",
            tags={"team": "data", "valueless": "", 'a "quoted",\n name': "ü"},
            user_email="ada@example.com",
            user_source="run_as",
        )
        full.cost("3.123456789012345678", day, job, rate="0.13", job_name="nightly")
        full.allocate(job, day, {1: "1"})
        shared = full.key(product="SQL_SERVERLESS", is_serverless=True, warehouse_id="w-1")
        full.cost("10", day, shared, sku=SQL_SKU, list_rate="0.7")
        full.allocate(shared, day, {1: THIRD, 2: THIRD, None: THIRD}, sku=SQL_SKU)
        full.cost("5", day, full.key(product="DEFAULT_STORAGE", workspace_id=None), sku="STORAGE", unit="DSU")
        full.cost(
            "1.5", day, full.key(workspace_id="1002", product="MODEL_SERVING", endpoint_name="chat"), cloud="AZURE"
        )
        full.cost("2", day, sku="NOT_PRICED", list_rate=None)
        late = date(2026, 9, 20)
        full.cost("4", late, job, ingested=late)
        full.cost("-4", late, job, ingested=date(2026, 10, 9), record_type="RETRACTION")
        full.cost("3", late, job, ingested=date(2026, 10, 9), record_type="RESTATEMENT")
        full.execute(
            "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, record_count, "
            "collected_at, changed_at) select 'cost_records', d, 1, 1, 1, %s, %s from unnest(%s::date[]) as d",
            *(datetime(2026, 11, 3, 4, tzinfo=UTC), datetime(2026, 11, 3, 4, tzinfo=UTC)),
            [day, date(2026, 10, 6)],
        )
        full.execute(
            "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
            "values (%s, 0, 1, false, 'none'), (%s, 0, 0.5, true, 'none')",
            *(day, date(2026, 10, 6)),
        )
        assert OCTOBER.month == day.month
        yield full
