"""The company behind the demo account: workspaces, people, clusters, warehouses, jobs, pipelines, endpoints.

Every table is generated from this one description, so that an id in the bill is the id of a cluster that
exists. Who does what is written down here; only sizes, tags and owners of the unremarkable rest come from
the seed.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

import numpy as np

from costpulse_assets.resources.demo_account import planted

ACCOUNT_ID = "7f6c1d52-90f4-4e0e-9d8a-5b1c3e2a4f60"

Tags = dict[str, str] | None

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a workload is busy, in UTC.

    Attributes:
        first_hour: hour of the day it starts.
        hours: how many hours it is busy; past midnight it is cut off, unless `overnight`.
        load: share of its nominal size it uses in a busy hour.
        weekend: load on Saturday and Sunday as a share of a working day.
        month_end: factor on the last two days and the first day of a month.
        growth: change of the load per day.
        noise: standard deviation of the logarithm of the hourly load.
        bell: office hours swell and ebb instead of being flat.
        whole_day: billed in one row for the day instead of hour by hour.
        chance: probability that the workload runs at all on a day.
        every: busy only in each so many-th of these hours.
        overnight: goes on past midnight.
    """

    first_hour: int = 0
    hours: int = 24
    load: float = 1.0
    weekend: float = 1.0
    month_end: float = 1.0
    growth: float = 0.0008
    noise: float = 0.12
    bell: bool = False
    whole_day: bool = False
    chance: float = 1.0
    every: int = 1
    overnight: bool = False


ALWAYS = Rhythm(noise=0.06)
CONSTANT = Rhythm(noise=0.0, growth=0.0)
OFFICE = Rhythm(first_hour=7, hours=12, weekend=0.06, bell=True, noise=0.3)
DASHBOARDS = Rhythm(first_hour=6, hours=14, weekend=0.25, bell=True, noise=0.2)
EVERY_HOUR = Rhythm(load=0.35, weekend=0.8, noise=0.15)
DAILY_TOTAL = Rhythm(whole_day=True, noise=0.02, growth=0.002)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace; `region` is the suffix its regional SKUs carry."""

    name: str
    workspace_id: str
    cloud: Literal["AWS", "AZURE"]
    tier: Literal["PREMIUM", "ENTERPRISE"]
    region: str
    host: str


PROD = Workspace(
    "northwind-prod", "1284731905523417", "AWS", "ENTERPRISE", "US_EAST_N_VIRGINIA",
    "dbc-4f1a77c2-9d10.cloud.databricks.com",
)  # fmt: skip
DEV = Workspace(
    "northwind-dev", "2901187345120066", "AWS", "PREMIUM", "US_EAST_N_VIRGINIA",
    "dbc-0be21f43-71aa.cloud.databricks.com",
)  # fmt: skip
ANALYTICS = Workspace(
    "northwind-analytics", "3377120984415208", "AWS", "PREMIUM", "US_EAST_N_VIRGINIA",
    "dbc-c88d3e05-2f6b.cloud.databricks.com",
)  # fmt: skip
EU_PROD = Workspace(
    "northwind-eu-prod", "5120448897013325", "AZURE", "PREMIUM", "EU_WEST",
    "adb-5120448897013325.5.azuredatabricks.net",
)  # fmt: skip
EU_DEV = Workspace(
    "northwind-eu-dev", "6604113290875541", "AZURE", "PREMIUM", "EU_WEST",
    "adb-6604113290875541.1.azuredatabricks.net",
)  # fmt: skip
ML = Workspace(
    "northwind-ml", "8841570236619072", "AZURE", "PREMIUM", "US_EAST",
    "adb-8841570236619072.12.azuredatabricks.net",
)  # fmt: skip
WORKSPACES = (PROD, DEV, ANALYTICS, EU_PROD, EU_DEV, ML)

#: DBU per hour and node, without Photon, which doubles it.
NODE_DBU = {
    "m5d.xlarge": 0.69, "m5.2xlarge": 1.37, "m5.4xlarge": 2.74, "r5d.xlarge": 0.90, "i3.xlarge": 1.00,
    "i3.2xlarge": 2.00, "i3.4xlarge": 4.00, "g4dn.xlarge": 0.71, "Standard_DS3_v2": 0.75,
    "Standard_DS4_v2": 1.50, "Standard_DS5_v2": 3.00, "Standard_E8ds_v4": 2.00, "Standard_NC6s_v3": 5.00,
}  # fmt: skip

#: Cores, memory in MB and GPUs of a node.
NODE_SHAPE = {
    "m5d.xlarge": (4, 16_384, 0), "m5.2xlarge": (8, 32_768, 0), "m5.4xlarge": (16, 65_536, 0),
    "r5d.xlarge": (4, 32_768, 0), "i3.xlarge": (4, 31_232, 0), "i3.2xlarge": (8, 62_464, 0),
    "i3.4xlarge": (16, 124_928, 0), "g4dn.xlarge": (4, 16_384, 1), "Standard_DS3_v2": (4, 14_336, 0),
    "Standard_DS4_v2": (8, 28_672, 0), "Standard_DS5_v2": (16, 57_344, 0), "Standard_E8ds_v4": (8, 65_536, 0),
    "Standard_NC6s_v3": (6, 114_688, 1),
}  # fmt: skip

#: DBU per hour and cluster of a SQL warehouse.
WAREHOUSE_DBU = {
    "2X_SMALL": 4, "X_SMALL": 6, "SMALL": 12, "MEDIUM": 24, "LARGE": 40, "X_LARGE": 80, "2X_LARGE": 144,
}  # fmt: skip

TEAMS = {
    "data-platform": "cc-1010",
    "finance": "cc-2020",
    "marketing": "cc-3030",
    "growth": "cc-3035",
    "risk": "cc-4040",
    "ml-research": "cc-5050",
    "supply-chain": "cc-6060",
    "customer-success": "cc-7070",
}

PEOPLE = (
    planted.PLUS_EMAIL,
    "jonas.weber@northwind.example",
    "priya.raman@northwind.example",
    "tom.okafor@northwind.example",
    "mei.chen@northwind.example",
    "lucas.moreau@northwind.example",
    "sara.lindqvist@northwind.example",
    "diego.fernandez@northwind.example",
    "hannah.kim@northwind.example",
    "omar.haddad@northwind.example",
    "Nina.Kowalska@northwind.example",
    "zoë.brandt@northwind.example",
)

SERVICE_PRINCIPALS = tuple(
    str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{team}.northwind.example")) for team in ("etl", "bi", "ml", "release")
)

#: The service principal that CostPulse itself reads with.
COSTPULSE_PRINCIPAL = str(uuid.uuid5(uuid.NAMESPACE_DNS, "costpulse.northwind.example"))


@dataclass(frozen=True, slots=True)
class Cluster:
    """An all-purpose cluster.

    Attributes:
        billed_nodes: nodes that the bill is made for.
        workers: nodes beside the driver that it is configured with and that telemetry shows; fewer than billed
            on most clusters, because each is a row every minute.
    """

    name: str
    workspace: Workspace
    owner: str
    node_type: str
    billed_nodes: int
    workers: int
    auto_termination_minutes: int | None
    rhythm: Rhythm
    tags: Tags
    photon: bool = False
    autoscale: tuple[int, int] | None = None

    @property
    def cluster_id(self) -> str:
        """The id in the bill and in compute.clusters."""
        return cluster_id(self.name)


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A SQL warehouse."""

    name: str
    workspace: Workspace
    owner: str
    kind: Literal["CLASSIC", "PRO", "SERVERLESS"]
    size: str
    max_clusters: int
    auto_stop_minutes: int
    rhythm: Rhythm
    tags: Tags

    @property
    def warehouse_id(self) -> str:
        """The id in the bill and in compute.warehouses."""
        return _hex(f"warehouse {self.name}", 16)


@dataclass(frozen=True, slots=True)
class Job:
    """A job; on all-purpose compute or a SQL warehouse its cost is there and the bill does not name it.

    Attributes:
        runs_on: name of the cluster or warehouse it runs on where that is not its own.
        submitted: its runs are submitted from outside, and lakeflow.jobs does not know it.
    """

    name: str
    workspace: Workspace
    run_as: str
    compute: Literal["job cluster", "serverless", "all-purpose", "warehouse"]
    rhythm: Rhythm
    tags: Tags
    node_type: str = ""
    workers: int = 0
    photon: bool = False
    dbu_per_hour: float = 0.0
    runs_on: str = ""
    submitted: bool = False

    @property
    def job_id(self) -> str:
        """The id in the bill and in lakeflow.jobs."""
        return str(10**14 + int(_hex(f"job {self.name}", 12), 16) % (9 * 10**14))


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A declarative pipeline, classic (with a tier) or serverless."""

    name: str
    workspace: Workspace
    run_as: str
    tier: Literal["CORE", "PRO", "ADVANCED"] | None
    dbu_per_hour: float
    rhythm: Rhythm
    tags: Tags

    @property
    def pipeline_id(self) -> str:
        """The id in the bill."""
        return _uuid(f"pipeline {self.name}")

    @property
    def continuous(self) -> bool:
        """Whether it never stops; otherwise an update begins whenever there is something to do."""
        return self.rhythm.hours == 24 and self.rhythm.load == 1

    @property
    def node_type(self) -> str | None:
        """The node its updates run on; serverless pipelines have none."""
        return None if self.tier is None else "i3.xlarge" if self.workspace.cloud == "AWS" else "Standard_DS3_v2"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model serving or vector search endpoint."""

    name: str
    workspace: Workspace
    run_as: str
    product: Literal["MODEL_SERVING", "VECTOR_SEARCH"]
    serving_type: str | None
    core: str
    unit: str
    units_per_hour: float
    rhythm: Rhythm
    tags: Tags

    @property
    def endpoint_id(self) -> str:
        """The id in the bill."""
        return _hex(f"endpoint {self.name}", 32)


@dataclass(frozen=True, slots=True)
class Notebook:
    """A serverless notebook somebody works in."""

    path: str
    workspace: Workspace
    user: str
    dbu_per_hour: float
    rhythm: Rhythm
    tags: Tags

    @property
    def notebook_id(self) -> str:
        """The id in the bill."""
        return str(int(_hex(f"notebook {self.path}", 13), 16))


@dataclass(frozen=True, slots=True)
class Meter:
    """Anything else that is billed: storage, network, apps, databases, background services.

    A workspace of None is billed to the account as a whole; `cloud` and `region` say where.
    """

    name: str
    workspace: Workspace | None
    cloud: str
    sku: str
    core: str
    unit: str
    product: str
    usage_type: str
    units_per_hour: float
    rhythm: Rhythm
    metadata: dict[str, str] = field(default_factory=dict)
    features: dict[str, object] = field(default_factory=dict)
    identity: dict[str, str] = field(default_factory=dict)
    tags: Tags = None


@dataclass(frozen=True, slots=True)
class Account:
    """Everything the company runs."""

    clusters: tuple[Cluster, ...]
    warehouses: tuple[Warehouse, ...]
    jobs: tuple[Job, ...]
    pipelines: tuple[Pipeline, ...]
    endpoints: tuple[Endpoint, ...]
    notebooks: tuple[Notebook, ...]
    meters: tuple[Meter, ...]


def sku_name(core: str, workspace: Workspace, *, photon: bool = False, regional: bool = False) -> str:
    """`<TIER>_<CORE>[_(PHOTON)][_<REGION>]`."""
    return f"{workspace.tier}_{core}" + ("_(PHOTON)" if photon else "") + (f"_{workspace.region}" if regional else "")


def cluster_id(name: str) -> str:
    """A cluster id as Databricks writes it: month and day, time, eight letters or digits."""
    digits = int(_hex(f"cluster {name}", 8), 16)
    month, day, second = 1 + digits % 12, 1 + digits % 28, digits % 86_400
    clock = f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
    return f"{month:02d}{day:02d}-{clock}-{_hex(name, 8)}"


def user_id(identity: str) -> str:
    """The numeric id of a person or service principal."""
    return str(10**15 + int(_hex(f"user {identity}", 12), 16))


def build_account(seed: int) -> Account:
    """The company of this seed; names and planted workloads are the same for every seed."""
    rng = np.random.Generator(np.random.PCG64([seed, 0xACC]))
    return Account(
        clusters=(*_planted_clusters(), *_clusters(rng)),
        warehouses=(*_planted_warehouses(), *_warehouses(rng)),
        jobs=(*_planted_jobs(), *_jobs(rng)),
        pipelines=_pipelines(rng),
        endpoints=_endpoints(),
        notebooks=_notebooks(rng),
        meters=_meters(),
    )


def _tags(team: str, env: str = "prod", **more: str) -> dict[str, str]:
    return {"team": team, "cost_center": TEAMS[team], "env": env, **more}


def _planted_clusters() -> tuple[Cluster, ...]:
    nightly = Rhythm(first_hour=1, hours=20, noise=0.1)
    return (
        Cluster(
            "adhoc-analytics-shared", ANALYTICS, PEOPLE[2], "i3.2xlarge", 11, 0, 60, OFFICE, _tags("growth"),
            photon=True, autoscale=(1, 6),
        ),
        Cluster(
            "migration-sandbox-2024", DEV, PEOPLE[3], "i3.xlarge", 5, 0, 4320, CONSTANT,
            _tags("data-platform", "dev", project="migration-2024"),
        ),
        Cluster("jonas-test-cluster", EU_DEV, PEOPLE[1], "Standard_DS4_v2", 5, 0, 10_000, CONSTANT, None),
        Cluster(
            "risk-model-workbench", EU_PROD, PEOPLE[6], "Standard_DS5_v2", 17, 16, 120,
            Rhythm(first_hour=6, hours=12, weekend=0.0, noise=0.0, growth=0.0), _tags("risk"),
        ),
        Cluster(
            "bi-extracts-always-on", ANALYTICS, SERVICE_PRINCIPALS[1], "m5.4xlarge", 5, 1, 0, CONSTANT,
            _tags("finance"),
        ),
        Cluster(
            # hourly_orders_sync runs here; the bill shows the cluster only.
            "orders-interactive", PROD, PEOPLE[4], "i3.2xlarge", 7, 1, 30, nightly, _tags("supply-chain"),
        ),
        Cluster(
            planted.HTML_CLUSTER, ANALYTICS, PEOPLE[9], "m5d.xlarge", 4, 1, 45, OFFICE,
            _tags("marketing", note=planted.HYPERLINK_TAG),
        ),
        Cluster(
            "hackathon-2026", DEV, PEOPLE[7], "m5d.xlarge", 3, 1, 60, OFFICE, _tags("data-platform", "dev"),
        ),
    )  # fmt: skip


def _planted_warehouses() -> tuple[Warehouse, ...]:
    return (
        Warehouse(
            "Finance reporting", ANALYTICS, PEOPLE[5], "SERVERLESS", "LARGE", 20, 10,
            replace(DASHBOARDS, load=2.0, month_end=2.2), _tags("finance"),
        ),
        Warehouse(
            "Executive dashboards", PROD, PEOPLE[5], "PRO", "2X_LARGE", 1, 45,
            Rhythm(first_hour=8, hours=6, weekend=0.0, load=0.9, noise=0.05), _tags("finance"),
        ),
        Warehouse("Ad hoc SQL", ANALYTICS, PEOPLE[7], "SERVERLESS", "LARGE", 8, 10,
            replace(DASHBOARDS, load=2.0), None),
        Warehouse(
            "Logistics screens", PROD, PEOPLE[4], "PRO", "SMALL", 2, 0,
            Rhythm(noise=0.0, growth=0.0, month_end=1.5), _tags("supply-chain"),
        ),
        Warehouse(
            "CostPulse", ANALYTICS, COSTPULSE_PRINCIPAL, "SERVERLESS", "2X_SMALL", 1, 5,
            Rhythm(load=0.12, every=6, growth=0.0), _tags("data-platform", app="finops"),
        ),
    )  # fmt: skip


def _planted_jobs() -> tuple[Job, ...]:
    def night(hour: int, hours: int, **more: float | bool) -> Rhythm:
        return replace(Rhythm(first_hour=hour, hours=hours), **more)  # type: ignore[arg-type]

    etl, bi, ml, _ = SERVICE_PRINCIPALS
    return (
        Job(
            "nightly_feature_backfill", ML, ml, "job cluster", night(1, 5), _tags("ml-research"),
            "Standard_E8ds_v4", 30,
        ),
        Job(
            "legacy_dwh_load", PROD, etl, "job cluster", night(0, 7, month_end=1.5), None, "i3.2xlarge", 60,
        ),
        Job(
            planted.JAPANESE_JOB, PROD, etl, "job cluster", night(15, 4), _tags("finance"), "m5.4xlarge", 30,
            photon=True,
        ),
        Job(
            "daily_margin_report", PROD, bi, "job cluster", night(4, 3, month_end=2.5), _tags("finance"),
            "m5.2xlarge", 40, photon=True,
        ),
        Job(
            "sessionize_events", PROD, etl, "job cluster", night(2, 4),
            _tags("growth", note=planted.ODD_TAG), "i3.xlarge", 60,
        ),
        Job(
            "customer_360_refresh", EU_PROD, etl, "job cluster", night(3, 6), _tags("customer-success"),
            "Standard_DS5_v2", 24, photon=True,
        ),
        Job(
            "hourly_orders_sync", PROD, etl, "all-purpose", EVERY_HOUR, _tags("supply-chain"),
            runs_on="orders-interactive",
        ),
        Job(
            "overnight_reconciliation", PROD, etl, "job cluster", night(22, 5, overnight=True), _tags("finance"),
            "m5.2xlarge", 12,
        ),
        Job(
            "dbt_build", PROD, etl, "warehouse", Rhythm(first_hour=11, hours=1), _tags("data-platform"),
            runs_on="dbt transformations",
        ),
        Job(
            "supplier_portal_submit", ANALYTICS, etl, "all-purpose", Rhythm(first_hour=12, hours=1), None,
            runs_on="adhoc-analytics-shared", submitted=True,
        ),
        Job(
            "pricing_experiment_q3", ANALYTICS, PEOPLE[3], "all-purpose", Rhythm(first_hour=13, hours=1),
            _tags("growth"), runs_on="adhoc-analytics-shared",
        ),
        Job(
            "campaign_preview", ANALYTICS, PEOPLE[9], "all-purpose", Rhythm(first_hour=14, hours=1),
            _tags("marketing"), runs_on="adhoc-analytics-shared",
        ),
    )  # fmt: skip


def _clusters(rng: np.random.Generator) -> tuple[Cluster, ...]:
    names = (
        ("platform-interactive", PROD), ("incident-debug", PROD), ("ds-team-a", ANALYTICS),
        ("ds-team-b", ANALYTICS), ("marketing-explore", ANALYTICS), ("dev-shared-1", DEV),
        ("dev-shared-2", DEV), ("integration-tests", DEV), ("eu-interactive", EU_PROD),
        ("eu-finance-lab", EU_PROD), ("eu-dev-shared", EU_DEV), ("ml-gpu-lab", ML), ("ml-notebooks", ML),
        ("forecasting-lab", ML),
    )  # fmt: skip
    single_nodes = ("incident-debug", "eu-finance-lab", "integration-tests", "ml-gpu-lab")
    made = []
    for name, workspace in names:
        spread = int(rng.integers(1, 4))
        made.append(
            Cluster(
                name,
                workspace,
                _pick(rng, PEOPLE),
                "Standard_NC6s_v3" if "gpu" in name else _node(rng, workspace),
                int(rng.integers(8, 20)) + 1,
                0,
                int(rng.choice([20, 30, 60, 120])),
                replace(OFFICE, first_hour=int(rng.integers(6, 10)), growth=float(rng.normal(0.001, 0.001))),
                _maybe_tags(rng, workspace, 0.75),
                photon=bool(rng.random() < 0.3),
                autoscale=(1, 2 + spread // 3 + int(rng.integers(4, 16)) // 12),
            )
        )
    return tuple(replace(each, autoscale=None) if each.name in single_nodes else each for each in made)


def _warehouses(rng: np.random.Generator) -> tuple[Warehouse, ...]:
    sizes = (
        ("Starter Warehouse", DEV, "SERVERLESS", "2X_SMALL"), ("BI shared", PROD, "SERVERLESS", "LARGE"),
        ("Product dashboards", PROD, "SERVERLESS", "MEDIUM"), ("dbt transformations", PROD, "PRO", "LARGE"),
        ("Reverse ETL", PROD, "CLASSIC", "MEDIUM"), ("Marketing BI", ANALYTICS, "SERVERLESS", "SMALL"),
        ("Data science SQL", ANALYTICS, "PRO", "MEDIUM"), ("Legacy Tableau", ANALYTICS, "CLASSIC", "LARGE"),
        ("EU reporting", EU_PROD, "SERVERLESS", "MEDIUM"), ("EU operations", EU_PROD, "PRO", "SMALL"),
        ("EU dev", EU_DEV, "SERVERLESS", "X_SMALL"), ("Feature SQL", ML, "SERVERLESS", "SMALL"),
        ("EU classic extracts", EU_PROD, "CLASSIC", "SMALL"),
    )  # fmt: skip
    shifted = {fact.subject for fact in planted.facts("level shift")}
    return tuple(
        Warehouse(
            name,
            workspace,
            _pick(rng, (*PEOPLE, *SERVICE_PRINCIPALS)),
            kind,  # type: ignore[arg-type]
            size,
            # Room for what it will have to do.
            int(rng.integers(1, 5)) + (10 if name in shifted else 5),
            120 if name == "Data science SQL" else 10 if kind == "SERVERLESS" else 45,
            replace(
                DASHBOARDS,
                first_hour=int(rng.integers(4, 8)),
                load=float(rng.uniform(1.5, 3.5)),
                growth=float(rng.normal(0.001, 0.0008)),
            ),
            _maybe_tags(rng, workspace, 0.8),
        )
        for name, workspace, kind, size in sizes
    )


def _jobs(rng: np.random.Generator) -> tuple[Job, ...]:
    classic = (
        "ingest_orders", "ingest_payments", "ingest_inventory", "ingest_crm", "ingest_web_logs",
        "silver_orders", "silver_customers", "silver_products", "gold_revenue", "gold_churn", "gold_supply",
        "attribution_model", "price_optimizer", "credit_scoring", "fraud_features", "ltv_training",
        "demand_forecast", "recommender_training", "image_embeddings", "gdpr_erasure", "export_to_erp",
        "month_end_close", "audit_extract", "backfill_history", "compact_tables", "search_index",
        "warehouse_sync", "email_segments", "ab_test_metrics", "store_footfall",
    )  # fmt: skip
    serverless = (
        "kpi_refresh", "slack_digest", "partner_feed", "currency_rates", "data_quality_scan",
        "crm_writeback", "campaign_costs", "invoice_matching", "quota_report", "returns_summary",
        "churn_alerts", "sla_report", "schema_drift_check", "eu_vat_report", "device_telemetry",
        "catalog_sync", "nps_scores", "shipment_eta",
    )  # fmt: skip
    homes = (PROD, PROD, PROD, ANALYTICS, DEV, EU_PROD, EU_PROD, EU_DEV, ML)
    made = []
    for name in classic:
        workspace = _pick(rng, homes)
        start, hours = int(rng.integers(0, 18)), int(rng.integers(2, 9))
        month_end = 3.0 if name in ("month_end_close", "gold_revenue", "export_to_erp") else 1.1
        rhythm = Rhythm(
            first_hour=start,
            hours=hours,
            weekend=float(rng.choice([1.0, 1.0, 0.6])),
            month_end=month_end,
            growth=float(rng.normal(0.0012, 0.001)),
            chance=float(rng.choice([1.0, 1.0, 0.95])),
        )
        made.append(
            Job(
                name,
                workspace,
                _pick(rng, (*SERVICE_PRINCIPALS, *SERVICE_PRINCIPALS, *PEOPLE[:4])),
                "job cluster",
                rhythm,
                _maybe_tags(rng, workspace, 0.8, pipeline=name),
                _node(rng, workspace),
                int(rng.integers(30, 90)),
                photon=bool(rng.random() < 0.4),
            )
        )
    for name in serverless:
        workspace = _pick(rng, homes)
        hours = int(rng.choice([1, 2, 4, 24]))
        made.append(
            Job(
                name,
                workspace,
                _pick(rng, (*SERVICE_PRINCIPALS, *PEOPLE)),
                "serverless",
                EVERY_HOUR if hours == 24 else Rhythm(first_hour=int(rng.integers(0, 20)), hours=hours),
                _maybe_tags(rng, workspace, 0.7),
                dbu_per_hour=float(np.round(rng.uniform(40, 120) / hours**0.5, 2)),
            )
        )
    return tuple(made)


def _pipelines(rng: np.random.Generator) -> tuple[Pipeline, ...]:
    etl = SERVICE_PRINCIPALS[0]
    named = (
        ("clickstream_bronze_to_silver", PROD, "ADVANCED", 70.0, ALWAYS),
        ("orders_cdc", PROD, "PRO", 60.0, ALWAYS),
        ("iot_sensors", PROD, "CORE", 45.0, ALWAYS),
        ("inventory_snapshots", PROD, None, 60.0, EVERY_HOUR),
        ("eu_transactions", EU_PROD, "PRO", 55.0, ALWAYS),
        ("eu_compliance_log", EU_PROD, "CORE", 25.0, EVERY_HOUR),
        ("eu_customer_events", EU_PROD, "ADVANCED", 35.0, EVERY_HOUR),
        ("feature_store_sync", ML, None, 40.0, EVERY_HOUR),
        ("dev_playground", DEV, None, 12.0, OFFICE),
        ("campaign_stream", ANALYTICS, "CORE", 20.0, Rhythm(first_hour=6, hours=12)),
    )
    return tuple(
        Pipeline(
            name,
            workspace,
            etl if index % 3 else _pick(rng, PEOPLE),
            tier,  # type: ignore[arg-type]
            dbu,
            rhythm,
            _tags("growth") if name.startswith("clickstream") else _maybe_tags(rng, workspace, 0.8),
        )
        for index, (name, workspace, tier, dbu, rhythm) in enumerate(named)
    )


def _endpoints() -> tuple[Endpoint, ...]:
    real_time = "SERVERLESS_REAL_TIME_INFERENCE"
    ml = SERVICE_PRINCIPALS[2]
    busy = replace(ALWAYS, noise=0.2)
    return (
        Endpoint(
            "genai-support-assistant", ML, ml, "MODEL_SERVING", "GPU_MODEL", real_time, "DBU", 320.0,
            replace(busy, growth=0.004), _tags("customer-success"),
        ),
        Endpoint(
            "fraud-score-online", ML, ml, "MODEL_SERVING", "MODEL", real_time, "DBU", 150.0, busy,
            _tags("risk"),
        ),
        Endpoint(
            "recommender-online", ML, ml, "MODEL_SERVING", "MODEL", real_time, "DBU", 180.0, busy,
            _tags("ml-research"),
        ),
        Endpoint(
            "feature-lookup", ML, ml, "MODEL_SERVING", "FEATURE", real_time, "DBU", 40.0, busy,
            {"Team": "ml-research"},
        ),
        Endpoint(
            "llm-gateway", ANALYTICS, PEOPLE[8], "MODEL_SERVING", "FOUNDATION_MODEL", "TOKENS", "TOKEN",
            9_000_000.0, replace(OFFICE, growth=0.006), _tags("customer-success"),
        ),
        Endpoint(
            "docs-search", ANALYTICS, PEOPLE[8], "VECTOR_SEARCH", None, "VECTOR_SEARCH", "DBU", 8.0, ALWAYS,
            _tags("customer-success"),
        ),
        Endpoint(
            "contracts-search", ANALYTICS, PEOPLE[8], "VECTOR_SEARCH", None, "VECTOR_SEARCH_LATE", "DBU", 18.0,
            ALWAYS, None,
        ),
    )  # fmt: skip


def _notebooks(rng: np.random.Generator) -> tuple[Notebook, ...]:
    places = (DEV, ANALYTICS, ANALYTICS, EU_DEV, ML, PROD)
    made = []
    for index in range(22):
        user = PEOPLE[index % len(PEOPLE)]
        workspace = places[index % len(places)]
        made.append(
            Notebook(
                f"/Users/{user}/exploration {index + 1}",
                workspace,
                user,
                float(np.round(rng.uniform(3, 14), 3)),
                replace(OFFICE, first_hour=int(rng.integers(7, 13)), hours=int(rng.integers(3, 7)), chance=0.8),
                _maybe_tags(rng, workspace, 0.4),
            )
        )
    return tuple(made)


def _meters() -> tuple[Meter, ...]:
    storage = [
        Meter(
            f"default storage {workspace.name}", workspace, workspace.cloud,
            sku_name("DATABRICKS_STORAGE", workspace, regional=True), "DATABRICKS_STORAGE", "DSU",
            "DEFAULT_STORAGE", "STORAGE_SPACE", units, DAILY_TOTAL,
            {"metastore_id": _uuid(f"metastore {workspace.region}")} if workspace.cloud == "AWS" else {},
        )
        for workspace, units in ((PROD, 420.0), (DEV, 40.0), (ANALYTICS, 190.0), (EU_PROD, 260.0), (ML, 150.0))
    ]  # fmt: skip
    optimization = [
        Meter(
            f"predictive optimization {workspace.name}", workspace, workspace.cloud,
            sku_name("JOBS_SERVERLESS_COMPUTE", workspace, regional=True), "JOBS_SERVERLESS_COMPUTE", "DBU",
            "PREDICTIVE_OPTIMIZATION", "COMPUTE_TIME", 9.0, Rhythm(first_hour=2, hours=3, noise=0.5),
            features={"is_serverless": True},
            identity={"run_as": "d0a1f1a2-0000-4000-8000-00000000da7a"},
        )
        for workspace in (PROD, EU_PROD)
    ]  # fmt: skip
    network = [
        Meter(
            f"{core} {workspace.name}", workspace, workspace.cloud, f"{core}_{workspace.region}", core, "GB",
            "NETWORKING", "NETWORK_BYTE", units, replace(DAILY_TOTAL, noise=0.25, weekend=0.7),
            metadata,
            {"networking": {"connectivity_type": kind}},
        )
        for core, workspace, units, kind, metadata in (
            ("INTERNET_EGRESS_FROM", PROD, 60.0, None,
             {"source_region": "us-east-1", "destination_region": "internet"}),
            ("INTER_REGION_EGRESS_FROM", EU_PROD, 35.0, None,
             {"source_region": "westeurope", "destination_region": "eastus"}),
            ("PUBLIC_CONNECTIVITY_DATA_PROCESSED", ANALYTICS, 90.0, "PUBLIC_IP", {}),
            ("PRIVATE_CONNECTIVITY_DATA_PROCESSED", ML, 55.0, "PRIVATE_IP", {}),
        )
    ]  # fmt: skip
    app = {"app_id": _uuid("app store-locator"), "app_name": "store-locator"}
    free_app = {"app_id": _uuid("app hello"), "app_name": "hello-world"}
    other = [
        Meter(
            "store-locator", ANALYTICS, "AWS",
            sku_name("ALL_PURPOSE_SERVERLESS_COMPUTE", ANALYTICS, regional=True),
            "ALL_PURPOSE_SERVERLESS_COMPUTE", "DBU", "APPS", "COMPUTE_TIME", 0.5, CONSTANT, app,
            identity={"created_by": PEOPLE[10]}, tags=_tags("marketing"),
        ),
        Meter(
            "hello-world", DEV, "AWS", planted.FREE_SKU, "FREE", "DBU", "APPS", "COMPUTE_TIME", 0.5,
            Rhythm(first_hour=8, hours=6), free_app, identity={"created_by": PEOPLE[11]},
        ),
        Meter(
            "orders-lakebase", ANALYTICS, "AWS", planted.LAKEBASE_SKU, "DATABASE_SERVERLESS_COMPUTE", "DBU",
            "DATABASE", "COMPUTE_TIME", 16.0, CONSTANT,
            {"database_instance_id": _uuid("lakebase orders")}, tags=_tags("supply-chain"),
        ),
        Meter(
            "gpu fine-tuning", ANALYTICS, "AWS", planted.UNPRICED_SKU, "UNPRICED", "DBU", "AI_RUNTIME",
            "GPU_TIME", 3.0, Rhythm(first_hour=10, hours=4, chance=0.6),
            {"ai_runtime_workload_id": _uuid("gpu fine-tuning")}, {"ai_runtime": {"compute_type": "GPU_8xH100"}},
            {"run_as": PEOPLE[8]}, _tags("ml-research", "dev"),
        ),
        # Billed to the account, not to a workspace.
        Meter(
            "clean room with suppliers", None, "AWS", "PREMIUM_JOBS_SERVERLESS_COMPUTE_US_EAST_N_VIRGINIA",
            "JOBS_SERVERLESS_COMPUTE", "DBU", "CLEAN_ROOM", "COMPUTE_TIME", 30.0,
            Rhythm(first_hour=9, hours=3, weekend=0.0), {"central_clean_room_id": _uuid("clean room")},
            {"is_serverless": True},
        ),
        Meter(
            "account egress", None, "AZURE", "INTER_REGION_EGRESS_FROM_EU_WEST", "INTER_REGION_EGRESS_FROM",
            "GB", "NETWORKING", "NETWORK_BYTE", 20.0, replace(DAILY_TOTAL, noise=0.2),
            {"source_region": "westeurope", "destination_region": "northeurope"},
            {"networking": {"connectivity_type": None}},
        ),
    ]  # fmt: skip
    return (*storage, *optimization, *network, *other)


def _maybe_tags(rng: np.random.Generator, workspace: Workspace, share: float, **more: str) -> Tags:
    """Tags of a random team for that share of workloads; the rest has none at all or an empty map."""
    team = _pick(rng, tuple(TEAMS))
    drawn = float(rng.random())
    if drawn >= share:
        return None if drawn >= (1 + share) / 2 else {}
    env = "dev" if workspace in (DEV, EU_DEV) else "prod"
    if float(rng.random()) < 0.08:  # somebody spells it their own way
        return {"Team": team.replace("-", " ").title(), "env": env, **more}
    return _tags(team, env, **more)


def _node(rng: np.random.Generator, workspace: Workspace) -> str:
    if workspace.cloud == "AWS":
        return _pick(rng, ("m5.2xlarge", "m5.4xlarge", "r5d.xlarge", "i3.xlarge", "i3.2xlarge"))
    return _pick(rng, ("Standard_DS3_v2", "Standard_DS4_v2", "Standard_E8ds_v4"))


def _pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def _hex(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _uuid(text: str) -> str:
    return str(uuid.UUID(_hex(text, 32)))
