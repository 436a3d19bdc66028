"""What is known of the account: teams, tags, reports, and how fresh all of it is."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, Depends, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse, Response, StreamingResponse
from psycopg.rows import dict_row
from pydantic import BaseModel, Field

from costpulse_app import db
from costpulse_app.api.access import Access, access, readers
from costpulse_app.api.answers import (
    Answer,
    Connection,
    Exact,
    Found,
    Key,
    PeriodShown,
    Usd,
    answered,
    cut,
    documented,
    first_of,
    read_days,
)
from costpulse_app.api.costs import seen_teams
from costpulse_app.api.problems import Refused, responses
from costpulse_app.api.questions import (
    LAST_ID,
    Id,
    InPeriod,
    Listing,
    NoParameters,
    Question,
    TeamIds,
    Texts,
    described,
    parsed,
)
from costpulse_assets.analysis.tag_compliance import tag_score
from costpulse_assets.reports.files import report_path
from costpulse_assets.reports.report_request import ReportType
from costpulse_assets.resources.database import Row, run

router = APIRouter(tags=["account"])
_IdKey: Any = tuple[Id]
_ReportStatus = Literal["requested", "running", "ready", "failed", "expired"]
_CHUNK_BYTES = 1 << 18


class TeamRow(BaseModel):
    """A team."""

    id: int = Field(description="Number of the team, as filters take it.")
    name: str = Field(description="Its name.")
    parent_team_id: int | None = Field(description="The team above it; null: none, or not for this token.")
    department: str | None = Field(description="Department.")
    cost_center: str | None = Field(description="Cost centre.")


class Teams(Answer):
    """Teams, in the order of their making."""

    data: list[TeamRow]


class TagsQuestion(InPeriod):
    """Which cost, and by what."""

    by: Literal["total", "day", "team"] = Field("total", description="What a row is of.")
    workspace: Texts = Field(None, description="Workspace ids; ~ stands for none.")
    team: TeamIds = Field(None, description="Team ids; ~ stands for Unallocated.")


class TagScoreRow(BaseModel):
    """How much of the cost carries the tags that the policies require."""

    id: str | None = Field(description="The day, or the number of the team (null: Unallocated); null for the total.")
    cost_usd: Usd = Field(description="USD in all.")
    taggable_cost_usd: Usd = Field(description="USD of what can be tagged.")
    compliant_cost_usd: Usd = Field(description="USD of these that carry every required tag.")
    untagged_cost_usd: Usd = Field(description="USD without any required tag.")
    incomplete_cost_usd: Usd = Field(description="USD that lack some required tags.")
    wrong_value_cost_usd: Usd = Field(description="USD with a value that is not allowed.")
    exempt_cost_usd: Usd = Field(description="USD of which nothing is required.")
    not_taggable_cost_usd: Usd = Field(description="USD of what cannot be tagged.")
    score: Exact | None = Field(description="Compliant share of the cost that is judged, 0 to 1; null: none is.")
    judged_resources: int = Field(description="Resources that are judged, counted once for each day.")
    compliant_resources: int = Field(description="Those of them that carry every required tag.")


class TagKeyRow(BaseModel):
    """How one tag key fares."""

    tag_key: str = Field(description="The key.")
    valid_cost_usd: Usd = Field(description="USD that carry it with an allowed value.")
    inherited_cost_usd: Usd = Field(description="USD of these that have it from their resource.")
    wrong_cost_usd: Usd = Field(description="USD with a value that is not allowed.")
    missing_cost_usd: Usd = Field(description="USD without it, though it is required.")
    not_required_cost_usd: Usd = Field(description="USD of which it is not required.")


class TagCompliance(Answer):
    """Tag compliance of a period."""

    data: list[TagScoreRow]
    period: PeriodShown
    keys: list[TagKeyRow] = Field(description="The same cost by tag key.")


class ReportsQuestion(Listing):
    """Which reports."""

    type: list[ReportType] | None = Field(None, description="What they say.")
    status: list[_ReportStatus] | None = Field(None, description="How far they are.")


class ReportRow(BaseModel):
    """A report that was asked for."""

    id: int = Field(description="Number of the report.")
    name: str = Field(description="Type, whose, period.")
    report_type: str = Field(description="showback, chargeback, executive, team or statement.")
    format: str = Field(description="csv, xlsx, pdf, parquet or focus.")
    status: str = Field(description="requested, running, ready, failed or expired.")
    requested_by: str = Field(description="Who asked for it.")
    requested_at: datetime = Field(description="When, UTC.")
    period_first: date = Field(description="First UTC day.")
    period_last: date = Field(description="Last UTC day, included.")
    team_id: int | None = Field(description="Whose cost, with the teams below; null: all of the account.")
    team_name: str | None = Field(description="What the team was called.")
    is_provisional: bool | None = Field(description="Days of the period were not final; null: not made yet.")
    summary: dict[str, Any] = Field(description="Its main figures, as text.")
    checksum: str | None = Field(description="SHA-256 of the file; of several that of their list.")
    size_bytes: int | None = Field(description="Bytes.")
    row_count: int | None = Field(description="Rows of detail; null: it has none.")
    problem: str | None = Field(description="Why it failed.")
    finished_at: datetime | None = Field(description="When it was ready or failed, UTC.")
    expires_at: datetime | None = Field(description="When its file is deleted, UTC; null: never.")
    file: str | None = Field(description="Address of the file; null: it is not there.")


class Reports(Answer):
    """Reports, newest first."""

    data: list[ReportRow]


class SourceRow(BaseModel):
    """A source whose last reading did not go through."""

    source: str = Field(description="Table that is read.")
    connection: str = Field(description="Over which connection.")
    state: str = Field(description="failed, forbidden, stopped, ...")
    attempted_at: datetime = Field(description="When it was tried last, UTC.")
    succeeded_at: datetime | None = Field(description="When it was read last, UTC; null: never.")


class Status(Answer):
    """How fresh everything is; `data` are the sources that could not be read."""

    data: list[SourceRow]
    version: str = Field(description="Version of CostPulse.")
    loaded_at: datetime | None = Field(description="When the source was read last, UTC; null: never.")
    first_day: date | None = Field(description="Oldest UTC day with data.")
    newest_day: date | None = Field(description="Newest UTC day with data.")
    last_final_day: date | None = Field(description="Up to here days are final.")
    provisional_days: list[date] = Field(description="Newer days with data.")


@router.get("/teams", summary="Teams", responses=documented(Teams), openapi_extra=described(Listing))
async def teams(
    request: Request,
    seen: Annotated[Access, Depends(access("app/data_version", "app/rules_version"))],
    question: Annotated[Listing, Depends(parsed(Listing))],
) -> Response:
    """The teams whose rows the token may read."""

    def read(connection: Connection, after: Key | None) -> Found[Teams]:
        found = run(connection, "app/api_teams", {"after": after[0] if after else 0, "rows": question.limit + 1})
        rows, following = first_of(found, lambda row: (row["id"],), question.limit)
        return Found(Teams(data=[TeamRow(**_seen_parent(seen, row)) for row in rows]), following)

    return await answered(request, seen, question, read, key=_IdKey)


@router.get(
    "/tags/compliance",
    summary="Tag compliance",
    responses=documented(TagCompliance),
    openapi_extra=described(TagsQuestion),
)
async def tags(
    request: Request,
    seen: Annotated[Access, Depends(access("app/data_version", "app/tag_state"))],
    question: Annotated[TagsQuestion, Depends(parsed(TagsQuestion))],
) -> Response:
    """How much of the cost of a period carries the tags that the policies require, and by key."""

    def read(connection: Connection, after: Key | None) -> Found[TagCompliance]:
        days = read_days(connection)
        period = question.period(days.newest)
        asked = seen_teams(seen, question.team)
        where = {
            "first_date": period.first,
            "last_date": period.last,
            "workspaces": question.workspace,
            "teams": None if asked is None else list(asked),
        }
        dimension = None if question.by == "total" else question.by
        found = [
            {"id": row.pop("value_id"), **row, "score": tag_score(row).by_cost}
            for row in run(connection, "app/tag_scores", {"dimension": dimension, **where})
            if row["cost_usd"] is not None
        ]
        rows, following = cut(found, lambda row: (row["id"] is None, row["id"] or ""), after, question.limit)
        answer = TagCompliance(
            data=[TagScoreRow(**row) for row in rows],
            period=days.shown(period),
            keys=[TagKeyRow(**row) for row in run(connection, "app/tag_key_scores", where)],
        )
        return Found(answer, following)

    keys: Any = tuple[bool, str]
    return await answered(request, seen, question, read, key=keys)


@router.get("/reports", summary="Reports", responses=documented(Reports), openapi_extra=described(ReportsQuestion))
async def reports(
    request: Request,
    seen: Annotated[Access, Depends(access("app/api_version"))],
    question: Annotated[ReportsQuestion, Depends(parsed(ReportsQuestion))],
) -> Response:
    """Reports that were asked for; a token for teams sees those of its teams."""

    def read(connection: Connection, after: Key | None) -> Found[Reports]:
        found = _reports(
            connection,
            before=after[0] if after else LAST_ID,
            report_types=question.type,
            statuses=question.status,
            rows=question.limit + 1,
        )
        rows, following = first_of(found, lambda row: (row["id"],), question.limit)
        return Found(Reports(data=[ReportRow(**row, file=_address(row)) for row in rows]), following)

    return await answered(request, seen, question, read, key=_IdKey)


@router.get(
    "/reports/{id}/file",
    summary="The file of a report",
    responses={
        200: {
            "description": "The file; a report of several files (FOCUS) as one ZIP.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "Nothing changed since If-None-Match."},
        **responses(404, 409),
    },
    response_class=Response,
    openapi_extra=described(NoParameters),
)
async def report_file(
    request: Request,
    seen: Annotated[Access, Depends(access("app/api_version"))],
    id: Annotated[int, InPath(ge=1, le=LAST_ID, description="Number of the report.")],
    question: Annotated[NoParameters, Depends(parsed(NoParameters))],
) -> Response:
    """The report as it was made."""

    def find() -> tuple[Row, Path] | None:
        with db.reading(seen.scope) as connection:
            connection.row_factory = dict_row
            found = _reports(connection, id=id, rows=1)
        if not found or found[0]["file_path"] is None:
            return None
        path = report_path(db.settings(), found[0]["file_path"])
        return (found[0], path) if path.exists() else None

    found = await anyio.to_thread.run_sync(find, limiter=readers)
    if found is None:
        raise Refused(
            404,
            "There is no file of this report.",
            next_step="See its status in /api/v1/reports: it may have failed or expired, or be another team's.",
        )
    row, path = found
    tag = f'"{row["checksum"]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    # Names in the folder are our own words alone: nothing in them needs quoting.
    if not path.is_dir():
        return FileResponse(path, media_type="application/octet-stream", filename=path.name, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{path.name}.zip"'
    return StreamingResponse(_zipped(path), media_type="application/octet-stream", headers=headers)


@router.get(
    "/status", summary="How fresh everything is", responses=documented(Status), openapi_extra=described(Question)
)
async def status(
    request: Request,
    seen: Annotated[Access, Depends(access("app/data_version"))],
    question: Annotated[Question, Depends(parsed(Question))],
) -> Response:
    """Which days there are, which are final, when the source was read, and what could not be."""

    def read(connection: Connection, after: Key | None) -> Found[Status]:
        days = read_days(connection)
        final = days.last_final
        (data,) = run(connection, "app/data_version")
        fields = SourceRow.model_fields
        return Found(
            Status(
                data=[
                    SourceRow(**{name: row[name] for name in fields}) for row in run(connection, "app/sources_not_read")
                ],
                version=version("costpulse"),
                loaded_at=data["loaded_at"],
                first_day=min(days.states, default=None),
                newest_day=max(days.states, default=None),
                last_final_day=final,
                provisional_days=[day for day in sorted(days.states) if final is None or day > final],
            )
        )

    return await answered(request, seen, question, read)


def _seen_parent(seen: Access, row: Row) -> Row:
    is_seen = seen.teams is None or str(row["parent_team_id"]) in seen.teams
    return row if is_seen else {**row, "parent_team_id": None}


def _reports(
    connection: Connection,
    *,
    rows: int,
    before: int = LAST_ID,
    id: int | None = None,
    report_types: list[ReportType] | None = None,
    statuses: list[_ReportStatus] | None = None,
) -> list[Row]:
    return run(
        connection,
        "app/api_reports",
        {"id": id, "before": before, "rows": rows, "report_types": report_types, "statuses": statuses},
    )


def _address(row: Row) -> str | None:
    return None if row.pop("file_path") is None else f"/api/v1/reports/{row['id']}/file"


class _Written(io.RawIOBase):
    """What was written since it was taken last: a file that only goes forward."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def _zipped(folder: Path) -> Iterator[bytes]:
    """The files of a folder as one ZIP, in constant memory; they are compressed already, or small."""
    out = _Written()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            name = path.relative_to(folder.parent).as_posix()
            with path.open("rb") as source, archive.open(name, "w", force_zip64=True) as target:
                while chunk := source.read(_CHUNK_BYTES):
                    target.write(chunk)
                    yield out.take()
            yield out.take()
    yield out.take()
