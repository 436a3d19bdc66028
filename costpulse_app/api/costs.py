"""Costs by anything, over time, and what the teams got of them: the roll-ups that the pages read."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from costpulse_app.api.access import Access, access
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
    read_days,
)
from costpulse_app.api.questions import InPeriod, TeamIds, Texts, described, parsed
from costpulse_app.filters import tag_from_token
from costpulse_app.names import Names
from costpulse_assets.costs import spend
from costpulse_assets.costs.spend import NONE, Bin, GroupSpend, Measure, Selection, Windows
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import run

router = APIRouter(tags=["costs"])
_Seen = Annotated[Access, Depends(access("app/data_version"))]

_DIMENSIONS = ("workspace", "product", "sku", "user", "job", "cluster", "warehouse", "pipeline", "endpoint")
_BY = r"^(product|workspace|team|sku|user|job|cluster|warehouse|pipeline|endpoint|tag:[^\x00]{1,200})$"
_BY_WORDS = "product, workspace, team, sku, user, job, cluster, warehouse, pipeline, endpoint, or tag:KEY."
_WITHOUT = "~ stands for cost without one."


class Filtered(InPeriod):
    """Which rows of the bill count. A parameter given more than once: any of the values."""

    workspace: Texts = Field(None, description=f"Workspace ids; {_WITHOUT}")
    team: TeamIds = Field(None, description="Team ids, each without the teams below it; ~ stands for Unallocated.")
    product: Texts = Field(None, description="Products, such as JOBS.")
    sku: Texts = Field(None, description="SKU names.")
    user: Texts = Field(None, description=f"Users; {_WITHOUT}")
    job: Texts = Field(None, description=f"Jobs as workspace id/job id; {_WITHOUT}")
    cluster: Texts = Field(None, description=f"Clusters as workspace id/cluster id; {_WITHOUT}")
    warehouse: Texts = Field(None, description=f"Warehouses as workspace id/warehouse id; {_WITHOUT}")
    pipeline: Texts = Field(None, description=f"Pipelines as workspace id/pipeline id; {_WITHOUT}")
    endpoint: Texts = Field(None, description=f"Endpoints as workspace id/name; {_WITHOUT}")
    tag: Texts = Field(
        None, description="Tags as key=value, or key alone for cost without it; = and % in a key as %3D and %25."
    )

    def selection(self, seen: Access) -> Selection:
        """The rows that count and may be seen."""
        only = [(name, tuple(ids)) for name in _DIMENSIONS if (ids := getattr(self, name))]
        teams = seen_teams(seen, self.team)
        if teams is not None:
            only.append(("team", teams))
        return Selection(tuple(only), tuple(tag_from_token(token) for token in self.tag or ()))


class CostsQuestion(Filtered):
    """Costs of a period by one dimension."""

    by: str = Field("product", pattern=_BY, description=f"What a row is of: {_BY_WORDS}")
    order: Literal["id", "cost"] = Field(
        "id",
        description="cost: the most expensive first; a row whose cost changes between two pages may then be missed. "
        "id: every row comes once, whatever happens meanwhile.",
    )


class CostRow(BaseModel):
    """What one group cost."""

    id: str | None = Field(description="Id of the group, as the filters take it; null: cost without one.")
    name: str = Field(description="What it is called, as on the pages.")
    cost_usd: Usd | None = Field(description="USD at your price; null: nothing of it has a price.")
    list_cost_usd: Usd | None = Field(description="USD at list price.")
    dbu_count: Exact | None = Field(description="DBUs; null: none of it is counted in DBUs.")


class Total(BaseModel):
    """All rows of the question together, not only those of this page."""

    cost_usd: Usd | None = Field(description="USD at your price; null: nothing has a price.")
    list_cost_usd: Usd | None = Field(description="USD at list price.")
    dbu_count: Exact | None = Field(description="DBUs.")


class UnpricedUsage(BaseModel):
    """Usage without a price: it is in no amount."""

    sku_name: str
    usage_unit: str
    quantity: Exact = Field(description="In units of usage_unit.")


class Costs(Answer):
    """Costs by one dimension."""

    data: list[CostRow]
    period: PeriodShown
    total: Total
    unpriced: list[UnpricedUsage] = Field(description="What has no price; empty: everything has one.")


class TrendQuestion(Filtered):
    """Costs over time."""

    bin: Bin = Field("day", description="Width of a step: day, week (from Monday) or month.")
    by: str | None = Field(None, pattern=_BY, description=f"One row per step and group as well: {_BY_WORDS}")
    measure: Measure = Field("cost", description="cost and list in USD, dbu in DBUs.")
    top: int = Field(7, ge=1, le=100, description="Groups that get rows of their own, the largest of the period.")


class TrendRow(BaseModel):
    """One step in time, of one group where groups were asked for."""

    start: date = Field(description="First UTC day of the step; it may lie before the period.")
    id: str | None = Field(description="Id of the group; null: cost without one, all others, or no groups asked for.")
    name: str = Field(description="What the group is called.")
    is_rest: bool = Field(description="All groups that have no rows of their own.")
    amount: Exact | None = Field(description="USD, or DBUs with measure=dbu; null: nothing has a price.")
    is_provisional: bool = Field(description="Days of the step that have data are not final.")


class Trend(Answer):
    """Costs over time; steps without usage are left out."""

    data: list[TrendRow]
    period: PeriodShown
    measure: Measure


class AllocationsQuestion(InPeriod):
    """What teams got."""

    team: TeamIds = Field(None, description="Team ids; ~ stands for Unallocated.")


class AllocationRow(BaseModel):
    """What a team got in one way."""

    team_id: int | None = Field(description="Number of the team; null: Unallocated.")
    team: str = Field(description="Name of the team, or Unallocated.")
    method: str = Field(description="How: rule, user, tag, split, or unallocated.")
    cost_usd: Usd | None = Field(description="USD at your price; null: nothing of it has a price.")
    list_cost_usd: Usd | None = Field(description="USD at list price.")


class Allocations(Answer):
    """Every dollar of the period by team; without a filter Unallocated is always there."""

    data: list[AllocationRow]
    period: PeriodShown
    total: Total


@router.get(
    "/costs",
    summary="Costs of a period by one dimension",
    responses=documented(Costs),
    openapi_extra=described(CostsQuestion),
)
async def costs(
    request: Request, seen: _Seen, question: Annotated[CostsQuestion, Depends(parsed(CostsQuestion))]
) -> Response:
    """What workspaces, products, SKUs, teams, people, resources or tag values cost in a period."""
    by_cost = question.order == "cost"

    def key(row: GroupSpend) -> Key:
        by_id = (row.group_id is None, row.group_id or "")
        return (-(row.cost_usd or Decimal(0)), *by_id) if by_cost else by_id

    def read(connection: Connection, after: Key | None) -> Found[Costs]:
        days = read_days(connection)
        period = question.period(days.newest)
        by, tag_key = _dimension(question.by)
        selection = question.selection(seen)
        groups = spend.spend_by_group(
            connection, Windows(period, period.last), by=by, tag_key=tag_key, selection=selection
        )
        rows, following = cut(groups, key, after, question.limit)
        names = _names(connection).all(by, [(row.group_id, row.group_name) for row in rows])
        answer = Costs(
            data=[
                CostRow(
                    id=row.group_id,
                    name=names[row.group_id],
                    cost_usd=row.cost_usd,
                    list_cost_usd=row.list_cost_usd,
                    dbu_count=row.dbu_count,
                )
                for row in rows
            ],
            period=days.shown(period),
            total=_total(connection, period, selection),
            unpriced=[
                UnpricedUsage(sku_name=each.sku_name, usage_unit=each.usage_unit, quantity=each.unpriced_quantity)
                for each in spend.spend_without_price(connection, period, selection=selection)
            ],
        )
        return Found(answer, following)

    keys: Any = tuple[Decimal, bool, str] if by_cost else tuple[bool, str]
    return await answered(request, seen, question, read, key=keys)


@router.get(
    "/costs/trend", summary="Costs over time", responses=documented(Trend), openapi_extra=described(TrendQuestion)
)
async def trend(
    request: Request, seen: _Seen, question: Annotated[TrendQuestion, Depends(parsed(TrendQuestion))]
) -> Response:
    """Costs, list costs or DBUs by day, week or month, in all or for the largest groups and all others."""

    def read(connection: Connection, after: Key | None) -> Found[Trend]:
        days = read_days(connection)
        period = question.period(days.newest)
        by, tag_key = _dimension(question.by) if question.by else (None, "")
        selection = question.selection(seen)
        named = _largest(connection, period, by, tag_key, selection, question) if by else {}
        bins = spend.spend_by_bin(
            connection,
            period,
            bin=question.bin,
            by=by,
            named=tuple(named),
            tag_key=tag_key,
            selection=selection,
            measure=question.measure,
        )
        rows = [
            TrendRow(
                start=row.bin,
                id=None if row.group_id == NONE else row.group_id,
                name=_step_name(by, row.group_id, named),
                is_rest=by is not None and row.group_id is None,
                amount=row.amount,
                is_provisional=days.is_provisional(_step(row.bin, question.bin, period)),
            )
            for row in bins
        ]
        shown, following = cut(
            rows, lambda row: (row.start.isoformat(), row.is_rest, row.id is None, row.id or ""), after, question.limit
        )
        return Found(Trend(data=shown, period=days.shown(period), measure=question.measure), following)

    keys: Any = tuple[str, bool, bool, str]
    return await answered(request, seen, question, read, key=keys)


@router.get(
    "/allocations",
    summary="What teams got, and how",
    responses=documented(Allocations),
    openapi_extra=described(AllocationsQuestion),
)
async def allocations(
    request: Request, seen: _Seen, question: Annotated[AllocationsQuestion, Depends(parsed(AllocationsQuestion))]
) -> Response:
    """Cost of a period by team and by what gave it to the team; all rows together are the whole cost."""

    def read(connection: Connection, after: Key | None) -> Found[Allocations]:
        days = read_days(connection)
        period = question.period(days.newest)
        found = run(
            connection,
            "app/allocation_by_team",
            {"first": period.first, "last": period.last, "before_first": None, "before_last": None},
        )
        teams = seen_teams(seen, question.team)
        names = _names(connection)
        rows = [
            AllocationRow(
                team_id=row["team_id"],
                team=names.one("team", None if row["team_id"] is None else str(row["team_id"])),
                method=row["method"],
                cost_usd=row["cost_usd"],
                list_cost_usd=row["list_cost_usd"],
            )
            for row in found
            if teams is None or (NONE if row["team_id"] is None else str(row["team_id"])) in teams
        ]
        if teams is None and not any(row.team_id is None for row in rows):
            nothing = Decimal(0)
            rows.append(
                AllocationRow(
                    team_id=None,
                    team=names.one("team", None),
                    method="unallocated",
                    cost_usd=nothing,
                    list_cost_usd=nothing,
                )
            )
        shown, following = cut(
            rows, lambda row: (row.team_id is None, row.team_id or 0, row.method), after, question.limit
        )
        selection = Selection() if teams is None else Selection((("team", teams),))
        return Found(
            Allocations(data=shown, period=days.shown(period), total=_total(connection, period, selection)), following
        )

    keys: Any = tuple[bool, int, str]
    return await answered(request, seen, question, read, key=keys)


def seen_teams(seen: Access, asked: Sequence[str] | None) -> tuple[str, ...] | None:
    """Ids of the teams whose cost counts: those asked for that may be seen; None: all, with Unallocated."""
    if seen.teams is None:
        return None if asked is None else tuple(_plain_ids(asked))
    return seen.teams if asked is None else tuple(team for team in _plain_ids(asked) if team in seen.teams)


def _plain_ids(ids: Sequence[str]) -> list[str]:
    """Without leading zeros."""
    return [id if id == NONE else str(int(id)) for id in ids]


def _dimension(by: str) -> tuple[str, str]:
    dimension, _, tag_key = by.partition(":")
    return dimension, tag_key


def _names(connection: Connection) -> Names:
    return Names({(row["dimension"], row["id"]): row["name"] for row in run(connection, "app/names")})


def _total(connection: Connection, period: Period, selection: Selection) -> Total:
    rows = spend.spend_by_group(connection, Windows(period, period.last), by=None, selection=selection)
    total = rows[0] if rows else GroupSpend(None, None, None, None, None, None, None)
    return Total(cost_usd=total.cost_usd, list_cost_usd=total.list_cost_usd, dbu_count=total.dbu_count)


def _largest(
    connection: Connection, period: Period, by: str, tag_key: str, selection: Selection, question: TrendQuestion
) -> dict[str, str]:
    """Names by id of the groups that get rows of their own: the largest ones, and cost without one."""
    groups = spend.spend_by_group(
        connection,
        Windows(period, period.last),
        by=by,
        tag_key=tag_key,
        selection=selection,
        measure=question.measure,
    )
    sized = [group for group in groups if group.amount(question.measure) is not None]
    sized.sort(key=lambda group: (-(group.amount(question.measure) or 0), group.group_id or ""))
    shown = [group for group in sized if group.group_id is not None][: question.top]
    shown += [group for group in sized if group.group_id is None]
    names = _names(connection).all(by, [(group.group_id, group.group_name) for group in shown])
    return {group.group_id or NONE: names[group.group_id] for group in shown}


def _step_name(by: str | None, group_id: str | None, named: dict[str, str]) -> str:
    if by is None:
        return "Total"
    return "All others" if group_id is None else named[group_id]


def _step(start: date, bin: Bin, period: Period) -> Period:
    """The days of a step that lie in the period."""
    following = {
        "day": start + timedelta(days=1),
        "week": start + timedelta(weeks=1),
        "month": (start.replace(day=1) + timedelta(days=32)).replace(day=1),
    }[bin]
    return Period(max(start, period.first), min(following - timedelta(days=1), period.last))
