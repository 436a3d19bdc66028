"""Where every budget stands in each of its periods, how that will end, and how good what was said before has been."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from costpulse_assets.allocation.budgets import StoredBudget, stored_budgets
from costpulse_assets.analysis.budgets import Outlook, outlook, periods_of
from costpulse_assets.analysis.forecast_issues import DRAWS, LEAST_DAYS, LEVEL, MOST_DAYS_AHEAD, Issue
from costpulse_assets.analysis.forecasts import ModelName
from costpulse_assets.analysis.series import DailySeries, Scope, ScopeType, read_series
from costpulse_assets.analysis.spend import spend
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection, Database, Row, expect_no_rows, run

#: Days after its end that a period may still be corrected; then it is kept as it is.
OPEN_DAYS = 60
#: Weekly moments in the past, 90 days, that a new budget is also judged from.
_BACKTEST_ORIGINS = 13
_DAY = timedelta(days=1)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BudgetPeriod:
    """A period of a budget; of one that is over, as the budget was then."""

    budget_id: int
    name: str
    scope: Scope
    kind: str
    amount: Decimal
    period: Period


@dataclass(frozen=True)
class Report:
    """What a run found.

    Attributes:
        data_until: last final day; None: there is none yet, and nothing was written.
        periods: periods that were looked at.
        probabilities: what was said about running periods; of backtests what would have been.
        computed_at: since when rows of budget_status are of this run.
        warnings: what did not go as asked, by scope.
    """

    data_until: date | None
    periods: int
    probabilities: int
    computed_at: datetime | None
    warnings: tuple[str, ...] = ()


def update_budget_status(database: Database, *, days: int, model: ModelName) -> Report:
    """Looks at all active budgets again; what was said about a period on a day before is never changed.

    Args:
        database: where budgets, roll-ups and forecasts are read and the status is written.
        days: length of the history.
        model: as `make_forecast`.

    Raises:
        InvariantBroken: the cost of a team is not its own and that of the teams below; nothing was written.
    """
    with database.transaction() as connection:
        budgets = [budget for budget in stored_budgets(connection) if budget.document.is_active]
        ended = [_ended(row) for row in run(connection, "transform/budget_periods_ended")]
        judged = {row["budget_id"] for row in run(connection, "transform/budgets_with_probabilities")}
        scopes = [*(_scope(budget) for budget in budgets), *(each.scope for each in ended)]
        series = read_series(
            connection,
            scope_types=sorted({scope.type for scope in scopes} | {"everything"}),
            days=days,
            tags=sorted({scope.id for scope in scopes if scope.type == "tag"}),
        )
        first_day = min((row["usage_date"] for row in run(connection, "app/completeness")), default=None)
        issued = _issued(connection, series, scopes)
    if series.final_until is None or first_day is None:
        return Report(None, 0, 0, None)
    last = series.final_until
    periods = _periods_to_look_at(budgets, ended, series, first_day)
    forecasts = _Forecasts(series.final, issued, model)
    with database.writing() as connection:
        looked_at = _status(connection, periods, series, forecasts, first_day)
        said = [row | {"is_backtest": False} for row in looked_at if _is_saying_something(row)]
        new = [each for each in periods if each.budget_id not in judged and each.period.first >= first_day]
        backtested = _backtested(connection, new, series, forecasts)
        run(connection, "transform/budget_status", {"status": Jsonb(looked_at)})
        run(connection, "transform/budget_probabilities", {"probabilities": Jsonb([*said, *backtested])})
        _add_outcomes(connection, last)
        (now,) = connection.execute("select now() as computed_at").fetchall()
        report = Report(
            last, len(looked_at), len(said) + len(backtested), now["computed_at"], tuple(sorted(forecasts.warnings))
        )
        expect_no_rows(
            connection,
            "checks/budget_hierarchy_adds_up",
            {"since": report.computed_at},
            otherwise="The cost of a team is not its own and that of the teams below it",
        )
    return report


class _Forecasts:
    """What can be expected of scopes, each forecast once for a day and as far as asked."""

    def __init__(self, final: pd.DataFrame, issued: Mapping[Scope, Floats], model: ModelName) -> None:
        self._final = final
        self._issued = issued
        self._model = model
        self._make = partial(Issue.of, model=model, level=LEVEL, draws=DRAWS)
        self._made: dict[tuple[Scope, date], Issue] = {}
        self.warnings: set[str] = set()

    def prepare(self, wanted: Iterable[tuple[Scope, date, int]]) -> None:
        """Forecasts scopes from days that were the last final ones, so many days ahead."""
        furthest: dict[tuple[Scope, date], int] = {}
        for scope, last, ahead in wanted:
            furthest[scope, last] = max(ahead, furthest.get((scope, last), 0))
        for (scope, last), ahead in furthest.items():
            series = self._final[scope].loc[: pd.Timestamp(last)]
            issued = self._issued.get(scope) if series.index[-1] == self._final.index[-1] else None
            if issued is None:
                issue = self._make(series, ahead)
            else:
                # As far as it was issued, and moved as it was: the same futures that the pages show.
                issue = self._make(series, max(ahead, len(issued))).moved_onto(issued)
            self.warnings |= {f"{scope}: {text}" for text in issue.warnings}
            self._made[scope, last] = issue

    def apart(self) -> "_Forecasts":
        """The same with nothing forecast yet; what goes not as asked is told here as well."""
        other = _Forecasts(self._final, self._issued, self._model)
        other.warnings = self.warnings
        return other

    def why_not(self, scope: Scope, last: date, ahead: int) -> str | None:
        """Why nothing can be expected; None if something can."""
        history = self._final.loc[: pd.Timestamp(last)]
        if len(history) < LEAST_DAYS:
            return f"Forecasts start after {LEAST_DAYS} final days; {len(history)} so far."
        if ahead > MOST_DAYS_AHEAD:
            return f"The period ends more than {MOST_DAYS_AHEAD} days ahead."
        if scope not in history.columns or not history[scope].notna().any():
            return "This scope had no cost so far."
        return None

    def outlook(self, each: BudgetPeriod, last: date, spent: Decimal) -> Outlook:
        """How a period will end; `prepare` knows its scope and this day."""
        period, days = each.period, self._final.index
        left = max((period.last - last).days, 0)
        # A period that begins later than tomorrow leaves the days before it out.
        skipped = max((period.first - last).days - 1, 0)
        daily = np.zeros(0)
        if each.scope in self._final.columns and period.first <= last:
            within = (days >= pd.Timestamp(period.first)) & (days <= pd.Timestamp(min(period.last, last)))
            daily = self._final[each.scope].fillna(0).to_numpy(float)[within]
        issue = self._made[each.scope, last] if left else None
        return outlook(
            each.amount,
            period,
            spent,
            daily,
            predicted=np.zeros(0) if issue is None else issue.predicted[skipped:left],
            paths=np.zeros((1, 0)) if issue is None else issue.paths[:, skipped:left],
            level=LEVEL,
        )


def _scope(budget: StoredBudget) -> Scope:
    return Scope(budget.document.scope_type, budget.scope_id)


def _ended(row: Row) -> BudgetPeriod:
    return BudgetPeriod(
        row["budget_id"],
        row["budget_name"],
        Scope(cast("ScopeType", row["scope_type"]), row["scope_id"]),
        row["period"],
        row["amount"],
        Period(row["period_start"], row["period_end"]),
    )


def _issued(connection: Connection, series: DailySeries, scopes: Iterable[Scope]) -> dict[Scope, Floats]:
    """What was issued from the last final day, per scope."""
    rows = run(
        connection,
        "transform/issued_forecasts",
        {"data_until": series.final_until, "scopes": [f"{scope.type} {scope.id}" for scope in scopes]},
    )
    issued: dict[Scope, list[float]] = {}
    for row in rows:
        issued.setdefault(Scope(row["scope_type"], row["scope_id"]), []).append(row["predicted_cost"])
    return {scope: np.array(values) for scope, values in issued.items()}


def _periods_to_look_at(
    budgets: Iterable[StoredBudget], ended: Sequence[BudgetPeriod], series: DailySeries, first_day: date
) -> list[BudgetPeriod]:
    """Periods of the history and the one in progress; those that are over as they were, while they may be corrected."""
    last = series.final_until
    assert last is not None
    window = Period(max(first_day, series.frame.index[0].date()), series.frame.index[-1].date())
    known = {(each.budget_id, each.period.first) for each in ended}
    looked_at = [each for each in ended if each.period.last >= last - _DAY * OPEN_DAYS]
    for budget in budgets:
        document = budget.document
        for period in periods_of(document, window):
            is_whole = period.first >= first_day
            # What a period that is over cost is not known where it began before the first collected day.
            if (budget.id, period.first) not in known and (is_whole or period.last > last):
                looked_at.append(
                    BudgetPeriod(budget.id, document.name, _scope(budget), document.period, document.amount, period)
                )
    return looked_at


def _status(
    connection: Connection,
    periods: Sequence[BudgetPeriod],
    series: DailySeries,
    forecasts: _Forecasts,
    first_day: date,
) -> list[dict[str, Any]]:
    """Rows of budget_status."""
    last, newest = series.final_until, series.frame.index[-1].date()
    assert last is not None
    # An empty period cannot be asked for; of one that is yet to begin, a day long ago is as good.
    long_ago = Period(date.min, date.min)
    spent = spend(connection, [(each.scope, _until(each.period, last) or long_ago) for each in periods])
    later = spend(connection, [(each.scope, _after(each.period, last) or long_ago) for each in periods])
    notes = {
        each: _why_unknown(each, forecasts, last, newest, first_day) for each in periods if each.period.last > last
    }
    forecasts.prepare(
        (each.scope, last, (each.period.last - last).days) for each, note in notes.items() if note is None
    )
    rows = []
    for each, (so_far, own), (provisional, _) in zip(periods, spent, later, strict=True):
        period, note = each.period, notes.get(each)
        found = forecasts.outlook(each, last, so_far) if note is None else None
        elapsed = _until(period, last)
        row = _row(each, last, so_far, found) | {
            "period": each.kind,
            "state": "ended" if period.last <= last else "future" if period.first > newest else "running",
            "own_spent_usd": None if own is None else str(own),
            "provisional_usd": str(provisional),
            "used_share": float(so_far / each.amount),
            "elapsed_share": 0.0 if elapsed is None else len(elapsed) / len(period),
            "level": LEVEL,
            "note": note,
        }
        if found is None and so_far > each.amount:
            # Whatever else it cost: it is exceeded.
            row["probability_exceeded"] = 1.0
        rows.append(row)
    return rows


def _why_unknown(each: BudgetPeriod, forecasts: _Forecasts, last: date, newest: date, first_day: date) -> str | None:
    if each.period.first > newest:
        return f"The period begins on {each.period.first}."
    if each.period.first < first_day:
        return f"The period began before {first_day}, the first collected day: what it costs in all is not known."
    return forecasts.why_not(each.scope, last, (each.period.last - last).days)


def _row(each: BudgetPeriod, last: date, spent: Decimal, found: Outlook | None) -> dict[str, Any]:
    """What budget_status and budget_probabilities have in common."""
    return {
        "budget_id": each.budget_id,
        "budget_name": each.name,
        "scope_type": each.scope.type,
        "scope_id": each.scope.id,
        "amount": str(each.amount),
        "period_start": str(each.period.first),
        "period_end": str(each.period.last),
        "data_until": str(last),
        "spent_usd": str(spent),
        "projected_usd": None if found is None else str(found.projected),
        "lower_bound": None if found is None else str(found.lower),
        "upper_bound": None if found is None else str(found.upper),
        "probability_exceeded": None if found is None else found.probability,
        "breach_date": None if found is None or found.breach_date is None else str(found.breach_date),
    }


def _is_saying_something(row: Mapping[str, Any]) -> bool:
    return row["state"] == "running" and row["projected_usd"] is not None


def _backtested(
    connection: Connection, periods: Sequence[BudgetPeriod], series: DailySeries, forecasts: _Forecasts
) -> list[dict[str, Any]]:
    """What would have been said about these periods at past origins, from the days up to each alone."""
    last = series.final_until
    assert last is not None
    asked = [
        (each, origin)
        for each in periods
        for origin in (last - timedelta(weeks=week) for week in range(1, _BACKTEST_ORIGINS + 1))
        if each.period.first <= origin < each.period.last
        and forecasts.why_not(each.scope, origin, (each.period.last - origin).days) is None
    ]
    spent = spend(connection, [(each.scope, Period(each.period.first, origin)) for each, origin in asked])
    rows = []
    by_scope = sorted(zip(asked, spent, strict=True), key=lambda one: (one[0][0].scope.type, one[0][0].scope.id))
    for _, of_scope in groupby(by_scope, key=lambda one: one[0][0].scope):
        told = list(of_scope)
        # One scope at a time: the possible futures of all of them are more than should be held at once.
        past = forecasts.apart()
        past.prepare((each.scope, origin, (each.period.last - origin).days) for (each, origin), _ in told)
        for (each, origin), (so_far, _) in told:
            rows.append(
                _row(each, origin, so_far, past.outlook(each, origin, so_far))
                | {"is_backtest": True, "elapsed_share": len(Period(each.period.first, origin)) / len(each.period)}
            )
    return rows


def _add_outcomes(connection: Connection, last: date) -> None:
    """Writes what periods that are over have cost beside what was said about them."""
    due = run(connection, "transform/budget_outcomes_due", {"data_until": last, "open_since": last - _DAY * OPEN_DAYS})
    costs = spend(
        connection,
        [(Scope(row["scope_type"], row["scope_id"]), Period(row["period_start"], row["period_end"])) for row in due],
    )
    columns = ("scope_type", "scope_id", "period_start", "period_end")
    run(
        connection,
        "transform/budget_outcomes",
        {f"{name}s": [row[name] for row in due] for name in columns} | {"costs": [cost for cost, _ in costs]},
    )


def _until(period: Period, last: date) -> Period | None:
    """The days of a period up to a day; None if it begins later."""
    return None if period.first > last else Period(period.first, min(period.last, last))


def _after(period: Period, last: date) -> Period | None:
    """The days of a period after a day; None if it ends before."""
    return None if period.last <= last else Period(max(period.first, last + _DAY), period.last)
