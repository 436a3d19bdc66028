"""What CostPulse found: anomalies, recommendations, clusters and how well they are used."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from costpulse_app.api.access import Access, access
from costpulse_app.api.answers import Answer, Connection, Exact, Found, Key, Usd, answered, cut, documented, first_of
from costpulse_app.api.costs import seen_teams
from costpulse_app.api.questions import LAST_ID, Day, Id, KeyText, Listing, TeamIds, Texts, described, in_order, parsed
from costpulse_assets.costs.spend import NONE
from costpulse_assets.resources.database import run

router = APIRouter(tags=["findings"])

_ScopeType = Literal["everything", "workspace", "product", "team", "sku", "job", "warehouse", "cluster"]
_AnomalyStatus = Literal["open", "acknowledged", "expected", "resolved"]
_AnomalySeverity = Literal["medium", "high", "critical"]
_Severity = Literal["low", "medium", "high", "critical"]
_RecommendationStatus = Literal["open", "accepted", "done", "dismissed", "expired"]
_ClusterState = Literal["running", "idle", "terminated", "deleted", "unknown"]
_IdKey: Any = tuple[Id]


class AnomaliesQuestion(Listing):
    """Which events."""

    first: Day | None = Field(None, alias="from", description="Only events that have a UTC day from here on.")
    last: Day | None = Field(None, alias="to", description="Only events that have a UTC day up to here.")
    status: list[_AnomalyStatus] | None = Field(None, description="What people made of it.")
    severity: list[_AnomalySeverity] | None = Field(None, description="How bad it is.")
    scope_type: list[_ScopeType] | None = Field(None, description="Whose cost.")


class AnomalyRow(BaseModel):
    """Days on which something cost other than expected."""

    id: int = Field(description="Number of the event; it stays.")
    scope_type: str = Field(description="Whose cost: everything, workspace, product, team, sku, job, ...")
    scope_id: str = Field(description="Which one; empty for everything, unallocated for no team.")
    kind: str = Field(description="spike, burst, outage, drop, level shift, drift or new source.")
    direction: str = Field(description="up or down.")
    start_date: date = Field(description="First UTC day.")
    end_date: date | None = Field(description="Last UTC day; null: it goes on.")
    last_date: date = Field(description="Last UTC day that is counted.")
    recognised_on: date = Field(description="UTC day whose data made it an event.")
    is_provisional: bool = Field(description="It rests on days that are not final.")
    severity: str = Field(description="medium, high or critical.")
    actual_usd: Usd = Field(description="USD that the days cost.")
    expected_usd: Usd = Field(description="USD that was expected of them.")
    impact_usd: Usd = Field(description="USD of difference, negative where less was spent.")
    status: str = Field(description="open, acknowledged, expected or resolved.")
    reason: str | None = Field(description="Why people expect it, or closed it.")
    resolution: str | None = Field(description="What it turned out to be.")
    assigned_to: str | None = Field(description="Who looks after it.")
    decided_by: str | None = Field(description="Who set the status.")
    decided_at: datetime | None = Field(description="When, UTC.")
    detected_at: datetime = Field(description="When it was found, UTC.")
    below: int = Field(description="Events of parts of it that are rolled up under it.")


class Anomalies(Answer):
    """Events, newest first."""

    data: list[AnomalyRow]


class RecommendationsQuestion(Listing):
    """Which advice."""

    status: list[_RecommendationStatus] | None = Field(None, description="What people made of it.")
    severity: list[_Severity] | None = Field(None, description="How much it would save.")
    type: Texts = Field(None, description="Kinds of advice, see docs/recommendations.md.")
    team: TeamIds = Field(None, description="Team ids; ~ stands for no team.")


class RecommendationRow(BaseModel):
    """One piece of advice about one resource."""

    id: int = Field(description="Number; it stays when the same is found again.")
    type: str = Field(description="Kind of advice.")
    title: str = Field(description="What to do, in a sentence.")
    workspace_id: str | None = Field(description="Workspace of the resource.")
    resource_type: str = Field(description="cluster, warehouse, job, pipeline or endpoint.")
    resource_id: str = Field(description="Id of the resource in its workspace.")
    resource_name: str | None = Field(description="Its name.")
    team_id: int | None = Field(description="Team that bears most of its cost; null: none.")
    person: str | None = Field(description="Who owns it.")
    severity: str = Field(description="low, medium, high or critical.")
    estimated_savings: Usd = Field(description="USD in 30 days, beside all other advice about the same resource.")
    standalone_savings: Usd = Field(description="USD in 30 days if it is the only advice that is followed.")
    resource_cost_usd: Usd = Field(description="USD that the resource cost in 30 days.")
    wasted_usd: Usd | None = Field(description="USD that were spent for nothing since; null: not counted.")
    confidence: str = Field(description="high, medium or low.")
    window_first: date = Field(description="First UTC day it rests on.")
    window_last: date = Field(description="Last UTC day it rests on.")
    found_first_at: datetime = Field(description="When it was found first, UTC.")
    found_at: datetime = Field(description="When it was found last, UTC.")
    gone_at: datetime | None = Field(description="Since when it does not hold any more; null: it holds.")
    status: str = Field(description="open, accepted, done, dismissed or expired.")
    assigned_to: str | None = Field(description="Who does it.")
    due_date: date | None = Field(description="Until when.")
    done_on: date | None = Field(description="UTC day on which it was done.")
    dismissed_until: date | None = Field(description="Until when nobody wants to hear of it.")
    decided_by: str | None = Field(description="Who set the status.")
    decided_at: datetime | None = Field(description="When, UTC.")


class Recommendations(Answer):
    """Advice, in the order it was found first."""

    data: list[RecommendationRow]


class ClustersQuestion(Listing):
    """Which clusters."""

    workspace: Texts = Field(None, description="Workspace ids; ~ stands for none.")
    state: list[_ClusterState] | None = Field(None, description="What they do now.")
    is_idle: Literal["true", "false"] | None = Field(None, description="Whether they run without doing anything.")


class ClusterRow(BaseModel):
    """A classic cluster: what it is, what it does, and how well it was used over the last 30 days."""

    workspace_id: str | None = Field(description="Workspace; ids are unique only within it.")
    cluster_id: str = Field(description="Id of the cluster.")
    cluster_name: str | None = Field(description="Its present name.")
    cluster_type: str | None = Field(description="all-purpose, job, pipeline, ...")
    state: str = Field(description="running, idle, terminated, deleted or unknown.")
    state_as_of: datetime | None = Field(description="As of when, UTC.")
    last_active_at: datetime | None = Field(description="When it did something last, UTC.")
    is_idle: bool | None = Field(description="It runs without doing anything.")
    owner: str | None = Field(description="Who owns it.")
    tags: dict[str, Any] = Field(description="Its tags.")
    driver_node_type: str | None = Field(description="Machine of the driver.")
    worker_node_type: str | None = Field(description="Machine of the workers.")
    num_workers: int | None = Field(description="Workers; null: it scales by itself.")
    min_workers: int | None = Field(description="Fewest workers.")
    max_workers: int | None = Field(description="Most workers.")
    photon_enabled: bool | None = Field(description="With Photon.")
    spark_version: str | None = Field(description="Databricks Runtime.")
    auto_termination_minutes: int | None = Field(description="Minutes without activity after which it ends.")
    never_terminates: bool = Field(description="It does not end by itself.")
    last_usage_date: date | None = Field(description="Last UTC day on the bill.")
    up_hours: Exact = Field(description="Hours it ran in 30 days.")
    idle_time_hours: Exact = Field(description="Hours of these in which nothing happened.")
    avg_cpu_util: Exact | None = Field(description="Average CPU, percent; null: no telemetry.")
    p95_cpu_util: int | None = Field(description="95th percentile of CPU, percent.")
    avg_mem_util: Exact | None = Field(description="Average memory used, percent.")
    p95_mem_util: int | None = Field(description="95th percentile of memory used, percent.")
    dbu_count: Exact | None = Field(description="DBUs in 30 days.")
    list_cost_usd: Usd | None = Field(description="USD at list price in 30 days.")
    total_cost_usd: Usd | None = Field(description="USD at your price in 30 days, without the machines.")


class Clusters(Answer):
    """Clusters by workspace and id."""

    data: list[ClusterRow]


@router.get(
    "/anomalies",
    summary="Events of unusual cost",
    responses=documented(Anomalies),
    openapi_extra=described(AnomaliesQuestion),
)
async def anomalies(
    request: Request,
    seen: Annotated[Access, Depends(access("app/api_version"))],
    question: Annotated[AnomaliesQuestion, Depends(parsed(AnomaliesQuestion))],
) -> Response:
    """Events that are not rolled up under a larger one; a token for teams sees those of its teams."""
    if question.first and question.last:
        in_order(question.first, question.last)

    def read(connection: Connection, after: Key | None) -> Found[Anomalies]:
        found = run(
            connection,
            "app/api_anomalies",
            {
                "before": after[0] if after else LAST_ID,
                "first": question.first,
                "last": question.last,
                "statuses": question.status,
                "severities": question.severity,
                "scope_types": question.scope_type,
                "rows": question.limit + 1,
            },
        )
        rows, following = first_of(found, lambda row: (row["id"],), question.limit)
        return Found(Anomalies(data=[AnomalyRow(**row) for row in rows]), following)

    return await answered(request, seen, question, read, key=_IdKey)


@router.get(
    "/recommendations",
    summary="What to do about costs",
    responses=documented(Recommendations),
    openapi_extra=described(RecommendationsQuestion),
)
async def recommendations(
    request: Request,
    seen: Annotated[Access, Depends(access("app/recommendation_version"))],
    question: Annotated[RecommendationsQuestion, Depends(parsed(RecommendationsQuestion))],
) -> Response:
    """Advice with what it saves in 30 days, whatever people made of it."""

    def read(connection: Connection, after: Key | None) -> Found[Recommendations]:
        teams = seen_teams(seen, question.team)
        found = [
            row
            for row in run(connection, "app/recommendation_list")
            if (not question.status or row["status"] in question.status)
            and (not question.severity or row["severity"] in question.severity)
            and (not question.type or row["type"] in question.type)
            and (teams is None or (NONE if row["team_id"] is None else str(row["team_id"])) in teams)
        ]
        rows, following = cut(found, lambda row: (row["id"],), after, question.limit)
        fields = RecommendationRow.model_fields
        return Found(
            Recommendations(data=[RecommendationRow(**{name: row[name] for name in fields}) for row in rows]),
            following,
        )

    return await answered(request, seen, question, read, key=_IdKey)


@router.get(
    "/clusters",
    summary="Clusters and their use",
    responses=documented(Clusters, 403),
    openapi_extra=described(ClustersQuestion),
)
async def clusters(
    request: Request,
    seen: Annotated[Access, Depends(access("app/api_version"))],
    question: Annotated[ClustersQuestion, Depends(parsed(ClustersQuestion))],
) -> Response:
    """Use and cost of a cluster are of all who share it: only for tokens that see everything."""
    seen.needs_everything()

    def read(connection: Connection, after: Key | None) -> Found[Clusters]:
        workspace, cluster = after or ("", "")
        found = run(
            connection,
            "app/api_clusters",
            {
                "after_workspace": workspace,
                "after_cluster": cluster,
                "workspaces": question.workspace,
                "states": question.state,
                "is_idle": None if question.is_idle is None else question.is_idle == "true",
                "rows": question.limit + 1,
            },
        )
        rows, following = first_of(found, lambda row: (row["workspace_id"] or "", row["cluster_id"]), question.limit)
        return Found(Clusters(data=[ClusterRow(**row) for row in rows]), following)

    keys: Any = tuple[KeyText, KeyText]
    return await answered(request, seen, question, read, key=keys)
