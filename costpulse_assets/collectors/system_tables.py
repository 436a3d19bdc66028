"""The system tables of Databricks that are read: which columns, how often, why, and what works without them.

The one list for the documentation, for `costpulse doctor` and for the Dagster graph; a test holds it against the
statements of `sql/collect/`. The page is written by

    python -m costpulse_assets.collectors.system_tables > docs/data-sources.md
"""

import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

#: Columns that no statement reads, whatever the grants would allow.
NEVER_READ = (
    "statement_text",
    "error_message",
    "query_parameters",
    "session_id",
    "private_ip",
    "job_parameters",
    "task_parameters",
    "init_scripts",
    "description",
)


@dataclass(frozen=True)
class SystemTable:
    """One table of the catalog `system`, and what it is to us."""

    #: Schema and table, e.g. "billing.usage".
    name: str
    #: billing: the whole account's, read over one connection; regional: read over every connection of a region.
    scope: Literal["billing", "regional"]
    #: Nothing works without it.
    required: bool
    #: Our tables made from it.
    needed_by: tuple[str, ...]
    #: Top-level columns of the statements.
    columns: tuple[str, ...]
    #: What ages are told by; None where no row has a time.
    date_column: str | None
    #: How many days Databricks keeps it; None: without limit, or only the present state.
    kept_days: int | None
    #: How late rows usually are.
    delay: str
    #: It is not read again before; None: by every collection.
    every: timedelta | None
    #: Why it is read.
    why: str
    #: What is missing without it, as a sentence.
    without: str

    @property
    def full_name(self) -> str:
        """In three parts, as statements name it."""
        return f"system.{self.name}"

    @property
    def schema(self) -> str:
        """The schema's name inside of the catalog."""
        return self.name.partition(".")[0]

    def grants(self, principal: str | None = None) -> tuple[str, ...]:
        """The statements an admin runs so that this principal can read the table."""
        to = f"`{(principal or '<application-id>').replace('`', '``')}`"
        return (
            f"GRANT USE CATALOG ON CATALOG system TO {to}",
            f"GRANT USE SCHEMA ON SCHEMA system.{self.schema} TO {to}",
            f"GRANT SELECT ON TABLE {self.full_name} TO {to}",
        )

    @property
    def enabling(self) -> str:
        """How its schema is switched on, as a sentence."""
        return (
            f"An account or metastore admin enables the schema {self.schema} by "
            f"PUT /api/2.1/unity-catalog/metastores/<metastore-id>/systemschemas/{self.schema}."
        )


_DAILY = timedelta(hours=24)
_WITHIN_A_DAY = "up to 12 h, new workspaces up to 24 h"
_WITHIN_AN_HOUR = "about 1 h"
_NOT_STATED = "not stated"

SYSTEM_TABLES: tuple[SystemTable, ...] = (
    SystemTable(
        name="billing.usage",
        scope="billing",
        required=True,
        needed_by=("cost_records", "hourly_costs", "job_run_usage"),
        columns=(
            "account_id", "billing_origin_product", "cloud", "custom_tags", "identity_metadata", "ingestion_date",
            "product_features", "record_type", "sku_name", "usage_date", "usage_metadata", "usage_quantity",
            "usage_start_time", "usage_type", "usage_unit", "workspace_id",
        ),
        date_column="usage_date",
        kept_days=365,
        delay=_WITHIN_A_DAY,
        every=None,
        why="The ledger of usage, append-only with signed corrections: every dollar comes from here.",
        without="There is no cost at all.",
    ),
    SystemTable(
        name="billing.list_prices",
        scope="billing",
        required=True,
        needed_by=("cost_records", "hourly_costs", "job_run_usage", "list_prices"),
        columns=(
            "account_id", "cloud", "currency_code", "price_end_time", "price_start_time", "pricing", "sku_name",
            "usage_unit",
        ),
        date_column="price_start_time",
        kept_days=None,
        delay=_NOT_STATED,
        every=None,
        why="List price per SKU, unit and currency with its validity; system.billing.account_prices takes its place "
        "where an account has that table.",
        without="Usage is known, but nothing of it has a price.",
    ),
    SystemTable(
        name="access.workspaces_latest",
        scope="billing",
        required=False,
        needed_by=("workspaces",),
        columns=("account_id", "create_time", "status", "workspace_id", "workspace_name", "workspace_url"),
        date_column="create_time",
        kept_days=None,
        delay=_NOT_STATED,
        every=None,
        why="Names, addresses and states of the workspaces that exist now; a vanished one keeps its row with us.",
        without="Costs are complete; workspaces are shown by their numbers.",
    ),
    SystemTable(
        name="compute.clusters",
        scope="regional",
        required=False,
        needed_by=("clusters",),
        columns=(
            "auto_termination_minutes", "change_time", "cluster_id", "cluster_name", "cluster_source", "create_time",
            "data_security_mode", "dbr_version", "delete_time", "driver_instance_pool_id", "driver_node_type",
            "max_autoscale_workers", "min_autoscale_workers", "owned_by", "policy_id", "tags", "worker_count",
            "worker_instance_pool_id", "worker_node_type", "workspace_id",
        ),
        date_column="change_time",
        kept_days=365,
        delay=_WITHIN_AN_HOUR,
        every=timedelta(hours=1),
        why="Configuration of classic clusters: type, nodes, autoscaling, auto-termination, owner, tags, and names as "
        "they were at the time.",
        without="Costs are complete; clusters are shown by their ids, without owner, size and auto-termination.",
    ),
    SystemTable(
        name="compute.node_types",
        scope="regional",
        required=False,
        needed_by=("node_types",),
        columns=("core_count", "gpu_count", "memory_mb", "node_type"),
        date_column=None,
        kept_days=None,
        delay=_NOT_STATED,
        every=_DAILY,
        why="Cores, memory and GPUs of each node type.",
        without="How well clusters are used is known in percent only, not in cores and memory.",
    ),
    SystemTable(
        name="compute.node_timeline",
        scope="regional",
        required=False,
        needed_by=("node_utilization",),
        columns=(
            "cluster_id", "cpu_system_percent", "cpu_user_percent", "cpu_wait_percent", "driver", "instance_id",
            "mem_swap_percent", "mem_used_percent", "node_type", "start_time", "workspace_id",
        ),
        date_column="start_time",
        kept_days=90,
        delay=_WITHIN_AN_HOUR,
        every=None,
        why="CPU and memory of each node by the minute, counted into histograms per hour on the warehouse: idle and "
        "oversized clusters.",
        without="Costs are complete; nobody knows how well clusters are used, or when they were idle.",
    ),
    SystemTable(
        name="compute.warehouses",
        scope="regional",
        required=False,
        needed_by=("warehouses", "warehouse_uptime"),
        columns=(
            "auto_stop_minutes", "change_time", "created_by", "delete_time", "max_clusters", "min_clusters", "tags",
            "warehouse_channel", "warehouse_id", "warehouse_name", "warehouse_size", "warehouse_type", "workspace_id",
        ),
        date_column="change_time",
        kept_days=365,
        delay=_NOT_STATED,
        every=None,
        why="Size, type, auto-stop, scaling and names of SQL warehouses.",
        without="Costs are complete; warehouses are shown by their ids, without size and auto-stop.",
    ),
    SystemTable(
        name="compute.warehouse_events",
        scope="regional",
        required=False,
        needed_by=("warehouse_uptime",),
        columns=("cluster_count", "event_time", "event_type", "warehouse_id", "workspace_id"),
        date_column="event_time",
        kept_days=365,
        delay=_NOT_STATED,
        every=None,
        why="Starts, stops and scaling of SQL warehouses: hours they ran, and so hours they ran for nothing.",
        without="Costs are complete; running and idle hours of warehouses are not known.",
    ),
    SystemTable(
        name="query.history",
        scope="regional",
        required=False,
        needed_by=("query_activity", "warehouse_queries"),
        columns=(
            "client_application", "compute", "end_time", "executed_as", "executed_by", "execution_status",
            "from_result_cache", "query_source", "query_tags", "read_bytes", "result_fetch_duration_ms", "start_time",
            "statement_id", "total_task_duration_ms", "update_time", "waiting_for_compute_duration_ms",
            "workspace_id",
        ),
        date_column="start_time",
        kept_days=365,
        delay=_WITHIN_AN_HOUR,
        every=None,
        why="Who kept which warehouse busy, with which client, and when; aggregated per hour on the warehouse, "
        "without the text of any statement.",
        without="Costs are complete; the cost of a shared warehouse cannot be told apart by user and client.",
    ),
    SystemTable(
        name="lakeflow.jobs",
        scope="regional",
        required=False,
        needed_by=("jobs",),
        columns=(
            "change_time", "create_time", "creator_id", "creator_user_name", "delete_time", "job_id", "name", "paused",
            "run_as", "run_as_user_name", "tags", "trigger", "trigger_type", "workspace_id",
        ),
        date_column="change_time",
        kept_days=365,
        delay=_WITHIN_AN_HOUR,
        every=timedelta(hours=6),
        why="Names, owners, schedules and tags of jobs.",
        without="Costs are complete; jobs are shown by their ids, or by the name that the bill carries.",
    ),
    SystemTable(
        name="lakeflow.job_run_timeline",
        scope="regional",
        required=False,
        needed_by=("job_run_days",),
        columns=(
            "cleanup_duration_seconds", "execution_duration_seconds", "job_id", "period_end_time", "period_start_time",
            "queue_duration_seconds", "result_state", "run_duration_seconds", "run_id", "run_name", "run_type",
            "setup_duration_seconds", "termination_code", "trigger_type", "workspace_id",
        ),
        date_column="period_start_time",
        kept_days=365,
        delay=_WITHIN_AN_HOUR,
        every=None,
        why="Runs of jobs, sliced by the hour: duration, attempts, result, and so the cost of what failed.",
        without="The cost of jobs is complete; that of single runs, of failures and repairs is not known.",
    ),
    SystemTable(
        name="lakeflow.job_task_run_timeline",
        scope="regional",
        required=False,
        needed_by=("cluster_task_hours", "job_task_days"),
        columns=(
            "compute", "compute_ids", "job_run_id", "period_end_time", "period_start_time", "result_state", "run_id",
            "workspace_id",
        ),
        date_column="period_start_time",
        kept_days=365,
        delay=_WITHIN_AN_HOUR,
        every=None,
        why="Which cluster or warehouse each task ran on: jobs on all-purpose clusters and warehouses carry no job in "
        "the bill, their cost is apportioned by time; and when: a cluster whose task waits is not idle.",
        without="Runs on job compute have their exact cost; those on all-purpose clusters and warehouses have none. A "
        "cluster whose tasks only wait counts as idle.",
    ),
    SystemTable(
        name="lakeflow.pipelines",
        scope="regional",
        required=False,
        needed_by=("pipelines",),
        columns=(
            "change_time", "create_time", "created_by", "delete_time", "name", "pipeline_id", "pipeline_type", "run_as",
            "settings", "tags", "workspace_id",
        ),
        date_column="change_time",
        kept_days=365,
        delay=_WITHIN_AN_HOUR,
        every=_DAILY,
        why="Names, owners and settings of pipelines.",
        without="Costs are complete; pipelines are shown by their ids.",
    ),
    SystemTable(
        name="serving.served_entities",
        scope="regional",
        required=False,
        needed_by=("serving_endpoints",),
        columns=(
            "change_time", "created_by", "endpoint_config_version", "endpoint_delete_time", "endpoint_id",
            "endpoint_name", "entity_name", "served_entity_id", "served_entity_name", "workspace_id",
        ),
        date_column="change_time",
        kept_days=365,
        delay=_NOT_STATED,
        every=_DAILY,
        why="Names of model serving endpoints and what they serve.",
        without="Costs are complete; endpoints are shown by the name that the bill carries.",
    ),
)  # fmt: skip


def documentation() -> str:
    """The text of docs/data-sources.md."""
    schemas = dict.fromkeys(table.schema for table in SYSTEM_TABLES)
    parts = [
        "# Data sources",
        _paragraph(
            "CostPulse reads these tables of the catalog `system`, and nothing else of your data. This page is made "
            "from `costpulse_assets/collectors/system_tables.py`; a test holds it against the statements in "
            "`sql/collect/`, which are all that ever runs on your warehouse besides the probes of `costpulse doctor` "
            "(`sql/doctor/`)."
        ),
        _table(
            ("table", "needed", "read over", "when", "kept by Databricks", "usually late by", "our tables"),
            (
                (
                    f"`{table.full_name}`",
                    "yes" if table.required else "no",
                    _OVER[table.scope],
                    _cadence(table),
                    _kept(table),
                    table.delay,
                    _names(table.needed_by),
                )
                for table in SYSTEM_TABLES
            ),
        ),
        _paragraph(
            "A collection is what `COSTPULSE_COLLECT_CRON` starts, every six hours by default; one start of the "
            "warehouse serves all of it. Bills come from one connection, because billing tables hold the whole "
            "account; regional tables come from every connection whose `read` has `regional`. What we have read we "
            "keep: a day that Databricks drops stays."
        ),
        _paragraph(
            "`costpulse doctor` says of each table over each connection whether it can be read, which of the columns "
            "it lacks, how new its newest row is, and the exact fix."
        ),
        "## Why, and what works without",
        _table(
            ("table", "why", "without it"),
            ((f"`{table.full_name}`", table.why, table.without) for table in SYSTEM_TABLES),
        ),
        _paragraph(
            "A table that cannot be read is *not available* in `collection_status`, with the grant that is missing; "
            "everything that does not need it goes on. A column that Databricks adds changes nothing; one that is "
            "gone is an error of that table alone."
        ),
        _paragraph(
            "Notebooks on classic compute leave no trace in any system table while they run: a cluster on which "
            "somebody works interactively is told from an idle one by its CPU alone."
        ),
        "## Columns",
        _table(
            ("table", "columns"),
            ((f"`{table.full_name}`", _names(table.columns)) for table in SYSTEM_TABLES),
        ),
        "## Grants",
        _paragraph(
            "System schemas are enabled one by one, by an account or metastore admin: "
            "`PUT /api/2.1/unity-catalog/metastores/<metastore-id>/systemschemas/<schema>` for "
            f"{_names(schemas)}. Then somebody who is account admin and metastore admin grants single tables, so "
            "that nothing else of a schema (the audit log, for one) can be read:"
        ),
        "\n".join(("```sql", *_all_grants(SYSTEM_TABLES), "```")),
        _paragraph(
            "Besides these the principal needs *CAN USE* on the SQL warehouse and the entitlement *Databricks SQL "
            "access*. By default `system.query.history` is for admins only; where it cannot be granted, everything "
            "but the split of warehouses by user works."
        ),
        "## What leaves Databricks",
        _paragraph(
            "The official documentation of system tables warns against moving their data out of the platform: it may "
            "be sensitive, and who exports it answers for the copies. So the statements aggregate on the warehouse, "
            "and what crosses is the least that the figures need. People are named in what identifies an owner, "
            "creator, or who ran something; `COSTPULSE_HASH_IDENTITIES=true` stores keyed hashes in their place."
        ),
        _paragraph(
            f"Never read, whatever the grants would allow: {_names(NEVER_READ)}; nor any table besides those above, "
            "in particular not `system.access.audit`. A test asserts it of every statement."
        ),
    ]
    return "\n\n".join(parts) + "\n"


_OVER = {"billing": "the billing connection", "regional": "every regional connection"}


def _cadence(table: SystemTable) -> str:
    if table.every is None:
        return "by every collection"
    return f"by a collection, once in {table.every / timedelta(hours=1):g} h at most"


def _kept(table: SystemTable) -> str:
    return "not limited by age" if table.kept_days is None else f"{table.kept_days} days"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heading = tuple(columns)
    lines = (heading, ("---",) * len(heading), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _all_grants(tables: Iterable[SystemTable]) -> list[str]:
    """The grants of all tables, each said once."""
    return [f"{grant};" for grant in dict.fromkeys(grant for table in tables for grant in table.grants())]


if __name__ == "__main__":
    sys.stdout.write(documentation())
