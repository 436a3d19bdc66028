"""What of the account is billed: one stream per workload and SKU, with everything its usage rows repeat."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from costpulse_assets.resources.demo_account import planted
from costpulse_assets.resources.demo_account.model import (
    NODE_DBU,
    WAREHOUSE_DBU,
    Account,
    Cluster,
    Endpoint,
    Job,
    Notebook,
    Pipeline,
    Rhythm,
    Tags,
    Warehouse,
    Workspace,
    sku_name,
)

#: What changes from run to run of a stream: nothing, the job run, the job run with its own cluster, the update.
Runs = Literal["none", "job run", "job cluster", "pipeline update"]


@dataclass(frozen=True, slots=True)
class Stream:
    """One billed thing: the constant columns of its usage rows, and how much it uses when.

    Attributes:
        name: the workload's name; planted facts refer to it.
        core: SKU without tier, Photon and region; the price list goes by it.
        restated_sku: the SKU a correction moves it to; None where there is no sibling.
        units_per_hour: usage units in an hour at nominal load.
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
    tags: Tags
    metadata: dict[str, str] = field(default_factory=dict)
    features: dict[str, object] = field(default_factory=dict)
    identity: dict[str, str] = field(default_factory=dict)
    restated_sku: str | None = None
    runs: Runs = "none"


#: Workloads added to the company when it was already there. They come last and draw random numbers of their
#: own, so that the bill of all others is to the last digit what it was.
LATECOMERS = ("hackathon-2026", "Logistics screens", "CostPulse", "overnight_reconciliation")


def billed_streams(account: Account) -> tuple[Stream, ...]:
    """All streams, in a fixed order: the daily random numbers are drawn in it."""
    return tuple(sorted(_streams(account), key=lambda stream: stream.name in LATECOMERS))


def _streams(account: Account) -> Iterator[Stream]:
    yield from map(_cluster, account.clusters)
    yield from map(_warehouse, account.warehouses)
    yield from (_job(job) for job in account.jobs if not job.runs_on)
    yield from map(_pipeline, account.pipelines)
    yield from map(_endpoint, account.endpoints)
    yield from map(_notebook, account.notebooks)
    for meter in account.meters:
        yield Stream(
            meter.name,
            meter.workspace,
            meter.cloud,
            meter.sku,
            meter.core,
            meter.unit,
            meter.product,
            meter.usage_type,
            meter.units_per_hour,
            meter.rhythm,
            meter.tags,
            meter.metadata,
            meter.features,
            meter.identity,
        )


def _dbu(name: str, workspace: Workspace, core: str, product: str, *, photon: bool | None = None) -> dict[str, object]:
    """The fields that streams billed in DBU share; `photon` None means serverless, whose SKUs are regional."""
    serverless = photon is None
    return {
        "name": name,
        "workspace": workspace,
        "cloud": workspace.cloud,
        "sku": sku_name(core, workspace, photon=bool(photon), regional=serverless),
        "restated_sku": None if serverless else sku_name(core, workspace, photon=not photon),
        "core": core,
        "unit": "DBU",
        "product": product,
        "usage_type": "COMPUTE_TIME",
    }


def _cluster(cluster: Cluster) -> Stream:
    return Stream(
        **_dbu(  # type: ignore[arg-type]
            cluster.name, cluster.workspace, "ALL_PURPOSE_COMPUTE", "ALL_PURPOSE", photon=cluster.photon
        ),
        units_per_hour=NODE_DBU[cluster.node_type] * cluster.billed_nodes * (2 if cluster.photon else 1),
        rhythm=cluster.rhythm,
        tags=cluster.tags,
        metadata={"cluster_id": cluster.cluster_id, "node_type": cluster.node_type},
        features={"is_serverless": False, "is_photon": cluster.photon},
        identity={"run_as": cluster.owner},
    )


def _warehouse(warehouse: Warehouse) -> Stream:
    serverless = warehouse.kind == "SERVERLESS"
    core = {"CLASSIC": "SQL_COMPUTE", "PRO": "SQL_PRO_COMPUTE", "SERVERLESS": "SERVERLESS_SQL_COMPUTE"}[warehouse.kind]
    shared = _dbu(warehouse.name, warehouse.workspace, core, "SQL", photon=None if serverless else False)
    shared["restated_sku"] = None
    if warehouse.kind == "PRO":  # its SKU carries the region although it is not serverless
        shared["sku"] = sku_name(core, warehouse.workspace, regional=True)
    return Stream(
        **shared,  # type: ignore[arg-type]
        units_per_hour=float(WAREHOUSE_DBU[warehouse.size]),
        rhythm=warehouse.rhythm,
        tags=warehouse.tags,
        metadata={"warehouse_id": warehouse.warehouse_id},
        features={
            "sql_tier": "CLASSIC" if warehouse.kind == "CLASSIC" else "PRO",
            "is_serverless": serverless,
            "is_photon": True,
        },
        identity={"owned_by": warehouse.owner},
    )


def _job(job: Job) -> Stream:
    if job.compute == "serverless":
        return Stream(
            **_dbu(job.name, job.workspace, "JOBS_SERVERLESS_COMPUTE", "JOBS"),  # type: ignore[arg-type]
            units_per_hour=job.dbu_per_hour,
            rhythm=job.rhythm,
            tags=job.tags,
            metadata={"job_id": job.job_id, "job_name": job.name},
            features={
                "jobs_tier": "CLASSIC",
                "is_serverless": True,
                "is_photon": True,
                "performance_target": "STANDARD",
            },
            identity={"run_as": job.run_as},
            runs="job run",
        )
    return Stream(
        **_dbu(job.name, job.workspace, "JOBS_COMPUTE", "JOBS", photon=job.photon),  # type: ignore[arg-type]
        units_per_hour=NODE_DBU[job.node_type] * (job.workers + 1) * (2 if job.photon else 1),
        rhythm=job.rhythm,
        tags=job.tags,
        metadata={"job_id": job.job_id, "job_name": job.name, "node_type": job.node_type},
        features={"jobs_tier": "CLASSIC", "is_serverless": False, "is_photon": job.photon},
        identity={"run_as": job.run_as},
        runs="job cluster",
    )


def _pipeline(pipeline: Pipeline) -> Stream:
    serverless = pipeline.tier is None
    core = "JOBS_SERVERLESS_COMPUTE" if serverless else f"DLT_{pipeline.tier}_COMPUTE"
    shared = _dbu(pipeline.name, pipeline.workspace, core, "DLT", photon=None if serverless else False)
    shared["restated_sku"] = None
    return Stream(
        **shared,  # type: ignore[arg-type]
        units_per_hour=pipeline.dbu_per_hour,
        rhythm=pipeline.rhythm,
        tags=pipeline.tags,
        metadata={"dlt_pipeline_id": pipeline.pipeline_id},
        features={"dlt_tier": pipeline.tier, "is_serverless": serverless, "is_photon": serverless},
        identity={"run_as": pipeline.run_as},
        runs="pipeline update",
    )


def _endpoint(endpoint: Endpoint) -> Stream:
    sku = {"TOKENS": planted.TOKEN_SKU, "VECTOR_SEARCH_LATE": planted.LATE_PRICE_SKU}.get(
        endpoint.core, sku_name(endpoint.core, endpoint.workspace, regional=True)
    )
    return Stream(
        endpoint.name,
        endpoint.workspace,
        endpoint.workspace.cloud,
        sku,
        endpoint.core,
        endpoint.unit,
        endpoint.product,
        "TOKEN" if endpoint.unit == "TOKEN" else "COMPUTE_TIME",
        endpoint.units_per_hour,
        endpoint.rhythm,
        endpoint.tags,
        {"endpoint_name": endpoint.name, "endpoint_id": endpoint.endpoint_id},
        {"serving_type": endpoint.serving_type},
        {"run_as": endpoint.run_as},
    )


def _notebook(notebook: Notebook) -> Stream:
    return Stream(
        **_dbu(  # type: ignore[arg-type]
            notebook.path, notebook.workspace, "ALL_PURPOSE_SERVERLESS_COMPUTE", "INTERACTIVE"
        ),
        units_per_hour=notebook.dbu_per_hour,
        rhythm=notebook.rhythm,
        tags=notebook.tags,
        metadata={"notebook_id": notebook.notebook_id, "notebook_path": notebook.path},
        features={"is_serverless": True},
        identity={"run_as": notebook.user},
    )
