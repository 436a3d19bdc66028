"""What jobs, pipelines and serving endpoints are: names, owners, schedules."""

from datetime import timedelta

from costpulse_assets.collectors.regional import StateTable

JOBS = StateTable(
    name="jobs",
    reads=("lakeflow.jobs",),
    columns=(
        "workspace_id",
        "job_id",
        "name",
        "change_time",
        "is_latest",
        "owner",
        "creator",
        "trigger_type",
        "cron_expression",
        "time_zone",
        "period_length",
        "period_unit",
        "is_continuous",
        "paused",
        "tags",
        "create_time",
        "delete_time",
    ),
    description="Jobs by their newest version: name, owner, schedule, tags; a deleted one keeps its row.",
    every=timedelta(hours=6),
    resource_type="job",
    resource_id="job_id",
    identities=("owner", "creator"),
)

PIPELINES = StateTable(
    name="pipelines",
    reads=("lakeflow.pipelines",),
    columns=(
        "workspace_id",
        "pipeline_id",
        "name",
        "change_time",
        "is_latest",
        "pipeline_type",
        "owner",
        "creator",
        "is_serverless",
        "photon_enabled",
        "is_continuous",
        "is_development",
        "edition",
        "tags",
        "create_time",
        "delete_time",
    ),
    description="Declarative pipelines by their newest version: name, owner, settings; a deleted one keeps its row.",
    every=timedelta(days=1),
    resource_type="pipeline",
    resource_id="pipeline_id",
    identities=("owner", "creator"),
)

SERVING_ENDPOINTS = StateTable(
    name="serving_endpoints",
    reads=("serving.served_entities",),
    columns=(
        "workspace_id",
        "endpoint_name",
        "name",
        "served_entity_id",
        "endpoint_id",
        "change_time",
        "is_latest",
        "creator",
        "entity_name",
        "delete_time",
    ),
    description="Model serving endpoints by their newest configuration: creator and what they serve.",
    every=timedelta(days=1),
    resource_type="endpoint",
    resource_id="endpoint_name",
    identities=("creator",),
)
