"""What is to come and what was planned: forecasts and budgets."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from costpulse_app.api.access import Access, access
from costpulse_app.api.answers import Answer, Connection, Found, Key, Usd, answered, cut, documented
from costpulse_app.api.questions import Listing, ScopeId, described, parsed
from costpulse_app.forecast.reads import BudgetPeriod, current
from costpulse_assets.resources.database import run

router = APIRouter(tags=["plans"])
_Seen = Annotated[Access, Depends(access("app/data_version", "app/forecast_version"))]


class ForecastsQuestion(Listing):
    """Whose cost, and by what."""

    grain: Literal["month", "day"] = Field(
        "month", description="month: where this month and the next ones land; day: every day to come."
    )
    scope_type: Literal["everything", "workspace", "product", "team", "sku", "tag"] = Field(
        "everything", description="Whose cost; a team stands for itself and the teams below it."
    )
    scope_id: ScopeId | None = Field(
        None, description="Which one; left out: all of the type. A tag is key=value, no team is unallocated."
    )


class ForecastRow(BaseModel):
    """What a day or month will cost, as said from the last final day."""

    scope_id: str = Field(description="Whose cost; empty for everything.")
    start: date = Field(description="The day, or the first day of the month (UTC).")
    data_until: date = Field(description="Last final UTC day that was known.")
    spent_usd: Usd | None = Field(description="USD of a month that are spent already, up to data_until; null: a day.")
    predicted_cost: Usd = Field(description="USD that the day or the whole month will cost.")
    lower_bound: Usd | None = Field(description="USD, lower end of what it will cost.")
    upper_bound: Usd | None = Field(description="USD, upper end.")
    level: float = Field(description="How often the outcome should lie within the bounds, 0 to 1.")
    model_type: str = Field(description="Model that was used.")
    reason: str | None = Field(description="Which model, and why.")


class Forecasts(Answer):
    """The newest forecasts, by scope and time."""

    data: list[ForecastRow]
    grain: str
    scope_type: str


class BudgetsQuestion(Listing):
    """Which periods of budgets."""

    periods: Literal["current", "all"] = Field(
        "current", description="current: of each budget the period that runs, else the next, else the last."
    )


class BudgetRow(BaseModel):
    """Where a budget stands in one of its periods."""

    budget_id: int = Field(description="Number of the budget.")
    budget_name: str = Field(description="Its name.")
    scope_type: str = Field(description="Whose cost: everything, workspace, product, team, sku or tag.")
    scope_id: str = Field(description="Which one; empty for everything.")
    amount: Usd = Field(description="USD that may be spent in the period.")
    period_start: date = Field(description="First UTC day.")
    period_end: date = Field(description="Last UTC day.")
    data_until: date = Field(description="Last final UTC day that is counted.")
    state: str = Field(description="future, running or ended.")
    spent_usd: Usd = Field(description="USD on final days.")
    own_spent_usd: Usd | None = Field(description="USD of these of the team alone, without those below it.")
    provisional_usd: Usd = Field(description="USD on days that are not final.")
    used_share: float = Field(description="Share of the amount that is spent; 1 is all of it.")
    elapsed_share: float = Field(description="Share of the period that is over.")
    projected_usd: Usd | None = Field(description="USD at the end of the period, as forecast; null: no forecast.")
    lower_bound: Usd | None = Field(description="USD, lower end of that.")
    upper_bound: Usd | None = Field(description="USD, upper end of that.")
    level: float = Field(description="How often the outcome should lie within the bounds, 0 to 1.")
    probability_exceeded: float | None = Field(description="How probable it is that the amount is passed, 0 to 1.")
    breach_date: date | None = Field(description="UTC day on which it will be or was passed.")
    note: str | None = Field(description="What limits these figures.")


class Budgets(Answer):
    """Budgets, newest period first within one."""

    data: list[BudgetRow]


@router.get(
    "/forecasts",
    summary="What days and months will cost",
    responses=documented(Forecasts),
    openapi_extra=described(ForecastsQuestion),
)
async def forecasts(
    request: Request, seen: _Seen, question: Annotated[ForecastsQuestion, Depends(parsed(ForecastsQuestion))]
) -> Response:
    """The newest forecast of each scope; a token for teams sees those of its teams."""
    by_month = question.grain == "month"

    def read(connection: Connection, after: Key | None) -> Found[Forecasts]:
        found = run(
            connection,
            "app/forecast_landings" if by_month else "app/api_forecast_days",
            {"scope_type": question.scope_type, "scope_id": question.scope_id},
        )
        start = "month" if by_month else "forecast_date"
        rows, following = cut(found, lambda row: (row["scope_id"], row[start].isoformat()), after, question.limit)
        fields = [name for name in ForecastRow.model_fields if name not in ("start", "spent_usd")]
        return Found(
            Forecasts(
                data=[
                    ForecastRow(
                        **{name: row[name] for name in fields}, start=row[start], spent_usd=row.get("spent_usd")
                    )
                    for row in rows
                ],
                grain=question.grain,
                scope_type=question.scope_type,
            ),
            following,
        )

    keys: Any = tuple[str, str]
    return await answered(request, seen, question, read, key=keys)


@router.get(
    "/budgets",
    summary="Budgets and where they stand",
    responses=documented(Budgets),
    openapi_extra=described(BudgetsQuestion),
)
async def budgets(
    request: Request, seen: _Seen, question: Annotated[BudgetsQuestion, Depends(parsed(BudgetsQuestion))]
) -> Response:
    """What was planned, what is spent of it, and where it will end."""

    def read(connection: Connection, after: Key | None) -> Found[Budgets]:
        periods = [BudgetPeriod(**row) for row in run(connection, "app/budget_periods")]
        if question.periods == "current":
            periods = list(current(periods).values())
        shown, following = cut(
            periods, lambda row: (row.budget_id, -row.period_start.toordinal()), after, question.limit
        )
        return Found(Budgets(data=[BudgetRow(**vars(row)) for row in shown]), following)

    keys: Any = tuple[int, int]
    return await answered(request, seen, question, read, key=keys)
