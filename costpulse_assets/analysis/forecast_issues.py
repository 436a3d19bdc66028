"""Forecasts of all scopes at once, made to add up and then issued: what was said on a day is never changed later."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from psycopg import sql
from psycopg.types.json import Jsonb

from costpulse_assets.allocation.budgets import StoredBudget, stored_budgets
from costpulse_assets.analysis.budgets import cents, period_of
from costpulse_assets.analysis.forecasts import ModelName, make_forecast
from costpulse_assets.analysis.series import DailySeries, Scope, ScopeType, read_series
from costpulse_assets.analysis.spend import spend
from costpulse_assets.periods import Period, whole_month
from costpulse_assets.resources.database import Connection, Database, copy_batches, expect_no_rows, run

#: What a forecast is made for; tags only where a budget asks.
FORECAST_SCOPES: tuple[ScopeType, ...] = ("everything", "workspace", "product", "sku", "team")
#: Share of days that the bounds are meant to hold.
LEVEL = 0.95
#: Final days from which forecasts start.
LEAST_DAYS = 28
#: Possible futures of a scope.
DRAWS = 500
#: No forecast reaches further.
MOST_DAYS_AHEAD = 400

#: Weekly origins in the past, 90 days, that the first run also forecasts from, and how far; every second of them
#: for more than everything, as that takes time.
_BACKTEST_ORIGINS, _BACKTEST_DAYS, _BACKTEST_SCOPES_EVERY = 13, 30, 2
_BACKTEST_SCOPES: tuple[ScopeType, ...] = ("everything", "workspace", "product", "team")
#: How long the days of an issue are kept, and its scores follow corrections of the bill; then scores and landings stay.
KEPT_DAYS = 120
#: Scopes whose forecasts add up to everything.
_PARTS_OF_EVERYTHING: tuple[ScopeType, ...] = ("workspace", "product", "sku")
#: Issued amounts have six decimals.
_MICROS = 1_000_000

Floats = NDArray[np.float64]
_Micros = NDArray[np.int64]


@dataclass(frozen=True)
class Issue:
    """What is said about one scope, in USD; day 0 is the one after the last that was known.

    Attributes:
        predicted: shape (days,), as lower, upper and naive.
        lower: at most predicted, at least 0.
        upper: at least predicted.
        naive: what seasonal naive would say.
        paths: equally likely futures, shape (draws, days).
        model_type: model that was used.
        reason: which and why.
        warnings: what did not go as asked.
    """

    predicted: Floats
    lower: Floats
    upper: Floats
    naive: Floats
    paths: Floats
    model_type: str
    reason: str
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, series: pd.Series, days: int, *, model: ModelName, level: float, draws: int) -> "Issue":
        """The forecast of one series, as it is before it has to add up."""
        made = make_forecast(series, days, model=model, level=level, draws=draws)
        return cls(
            predicted=made.frame["predicted_cost"].to_numpy(float),
            lower=made.frame["lower_bound"].to_numpy(float),
            upper=made.frame["upper_bound"].to_numpy(float),
            naive=made.naive,
            paths=made.paths,
            model_type=made.model_type,
            reason=made.reason,
            warnings=made.warnings,
        )

    def moved_onto(self, predicted: Floats) -> "Issue":
        """The same in proportion, day by day, to another prediction; days beyond it move like its days together."""
        known = min(len(predicted), len(self.predicted))
        ours, theirs = self.predicted[:known], predicted[:known]
        factors = np.full(len(self.predicted), theirs.sum() / ours.sum() if ours.sum() > 0 else 1.0)
        factors[:known] = np.divide(theirs, ours, out=np.ones(known), where=ours > 0)
        # A day of which nothing was expected has nothing that could be in proportion.
        raised = np.zeros(len(self.predicted))
        raised[:known] = np.where(ours > 0, 0.0, theirs)
        middle = self.predicted * factors + raised
        middle[:known] = theirs
        return replace(
            self,
            predicted=middle,
            lower=np.minimum(self.lower * factors, middle),
            upper=np.maximum(self.upper * factors, middle),
            paths=self.paths * factors + raised,
        )

    @property
    def rounded(self) -> "Issue":
        """With six decimals, and the bounds still around the prediction."""
        predicted = np.round(self.predicted, 6)
        return replace(
            self,
            predicted=predicted,
            lower=np.minimum(np.round(self.lower, 6), predicted),
            upper=np.maximum(np.round(self.upper, 6), predicted),
        )


def make_issues(
    final: pd.DataFrame,
    days: Mapping[Scope, int],
    *,
    parents: Mapping[str, str | None],
    model: ModelName = "auto",
    level: float = LEVEL,
    draws: int = DRAWS,
) -> dict[Scope, Issue]:
    """Forecasts of many scopes that add up, on the days that all of them reach.

    Workspaces, products, SKUs, and the teams at the top with Unallocated, each to everything; the teams below a team,
    with what is its own, to that team. Everything is forecast first, and its parts are moved in proportion, with their
    bounds and paths.

    Args:
        final: days x scopes, USD, the final days only; NaN is a day that is not known.
        days: how many days ahead each scope shall be forecast; scopes that are left out, or have no known day, have no
            forecast.
        parents: the team above each team.
        model: as `make_forecast`.
        level: as `make_forecast`.
        draws: number of paths.
    """
    known = [scope for scope in days if scope in final.columns and final[scope].notna().any()]
    if not known:
        return {}
    common = min(days[scope] for scope in known)

    def forecast(series: pd.Series, ahead: int) -> Issue:
        return Issue.of(series, ahead, model=model, level=level, draws=draws)

    issues = {scope: forecast(final[scope], days[scope]).rounded for scope in known}
    whole = issues.get(Scope("everything"))
    if whole is None:
        return issues
    for scope_type in _PARTS_OF_EVERYTHING:
        _add_up(issues, [scope for scope in known if scope.type == scope_type], _micros(whole, common))

    teams = {scope.id: scope for scope in known if scope.type == "team"}
    below: defaultdict[str | None, list[Scope]] = defaultdict(list)
    for team_id, scope in teams.items():
        above = parents.get(team_id)
        below[above if above in teams else None].append(scope)
    _add_up(issues, below[None], _micros(whole, common))
    # Those above before those below: what a part is worth is known once its whole is.
    waiting = list(below[None])
    while waiting:
        team = waiting.pop()
        if below[team.id]:
            own = final[team] - final[below[team.id]].fillna(0).sum(axis=1)
            own = own.mask(own.abs() < 1e-6, 0.0)
            _add_up(issues, below[team.id], _micros(issues[team], common), forecast(own, common))
            waiting += below[team.id]
    return issues


def _add_up(issues: dict[Scope, Issue], scopes: Sequence[Scope], whole: _Micros, rest: Issue | None = None) -> None:
    """Moves the issues of these scopes so that they, and the rest that is not issued, add up to the whole."""
    if not scopes:
        return
    days = len(whole)
    parts = [*(issues[scope] for scope in scopes), *([] if rest is None else [rest])]
    predicted = np.stack([part.predicted[:days] for part in parts])
    # Where no part expects anything, all expect the same.
    predicted[:, predicted.sum(axis=0) <= 0] = 1.0
    sums = np.rint(np.cumsum(predicted, axis=0) / predicted.sum(axis=0) * whole).astype(np.int64)
    # Rounding the sums and not the parts loses nothing: the last one is the whole.
    sums[-1] = whole
    shares = np.diff(sums, axis=0, prepend=0) / _MICROS
    for scope, share in zip(scopes, shares, strict=False):
        issues[scope] = issues[scope].moved_onto(share).rounded


def _micros(issue: Issue, days: int) -> _Micros:
    return np.rint(issue.predicted[:days] * _MICROS).astype(np.int64)


@dataclass(frozen=True)
class Issued:
    """What a run issued.

    Attributes:
        data_until: last final day; None: there is none yet.
        final_days: how many days of history there are.
        days: last final days of the issues that are new, those of backtests included.
        scopes: scopes that were forecast now.
        models: how often each model was used.
        warnings: what did not go as asked, by scope.
    """

    data_until: date | None
    final_days: int
    days: tuple[date, ...] = ()
    scopes: int = 0
    models: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def issue_forecasts(database: Database, *, days: int, model: ModelName) -> Issued:
    """Issues what the last final day allows to say, and once what would have been said before.

    An issue that is there is left as it is: the same day again adds at most the scopes of new budgets for tags.

    Args:
        database: where roll-ups are read and forecasts written.
        days: length of the history.
        model: as `make_forecast`.

    Raises:
        InvariantBroken: what was made does not add up; nothing was issued.
    """
    with database.transaction() as connection:
        budgets = [budget for budget in stored_budgets(connection) if budget.document.is_active]
        tags = [budget.scope_id for budget in budgets if budget.document.scope_type == "tag"]
        series = read_series(connection, scope_types=[*FORECAST_SCOPES, "tag"], days=days, tags=tags)
        parents = {row["team_id"]: row["parent_team_id"] for row in run(connection, "transform/team_parents")}
        known = run(connection, "transform/forecast_issues_known", {"data_until": series.final_until})
    final = series.final
    if series.final_until is None or len(final) < LEAST_DAYS:
        return Issued(series.final_until, len(final))
    ahead = _days_ahead(series, budgets)
    today = {Scope(row["scope_type"], row["scope_id"]) for row in known if not row["is_backtest"]}
    if today:
        # What adds up is not added to.
        ahead = {scope: count for scope, count in ahead.items() if scope.type == "tag" and scope not in today}
    issues = make_issues(final, ahead, parents=parents, model=model)
    backtests = {} if any(row["is_backtest"] for row in known) else _backtests(final, parents, model)

    batches = [_batch(issues, series.final_until, is_backtest=False)]
    batches += [_batch(made, origin, is_backtest=True) for origin, made in backtests.items()]
    origins = [*([series.final_until] if issues else []), *backtests]
    with database.writing() as connection:
        run(connection, "transform/stage_forecasts")
        filled = [batch for batch in batches if batch.num_rows]
        if filled:
            copy_batches(connection, sql.Identifier("staged_forecasts"), tuple(filled[0].schema.names), filled)
        # Without statistics the planner takes it for a small one, and loops.
        connection.execute("analyze pg_temp.staged_forecasts")
        run(connection, "transform/forecasts", {"days": origins})
        # The checks would take the days just written for a few rows as well.
        connection.execute("analyze costpulse.forecasts")
        landings = _landings(connection, issues, series.final_until)
        run(connection, "transform/forecast_landings", {"landings": Jsonb(landings)})
        for check in ("forecasts_cohere", "forecast_bands"):
            expect_no_rows(
                connection, f"checks/{check}", {"days": origins}, otherwise="The forecasts contradict each other"
            )
    models: defaultdict[str, int] = defaultdict(int)
    for issue in issues.values():
        models[issue.model_type] += 1
    warnings = sorted({f"{scope}: {text}" for scope, issue in issues.items() for text in issue.warnings})
    return Issued(series.final_until, len(final), tuple(origins), len(issues), models, tuple(warnings))


def score_forecasts(database: Database, *, days: int) -> int:
    """Brings the scores of issues up to date with what their days cost; then the days of old issues are deleted.

    Args:
        database: where roll-ups and forecasts are read and scores written.
        days: length of the history, as for `issue_forecasts`.

    Returns:
        How many scores there are.
    """
    with database.writing() as connection:
        tags = [budget.scope_id for budget in stored_budgets(connection) if budget.document.scope_type == "tag"]
        series = read_series(connection, scope_types=[*FORECAST_SCOPES, "tag"], days=days, tags=tags)
        if series.final_until is not None:
            oldest = connection.execute("select min(data_until) as issue from costpulse.forecasts").fetchone()
            assert oldest is not None
            run(connection, "transform/stage_actual_costs")
            # After a long pause there are older issues than those that are kept: they are scored before they go.
            batch = _actual_costs(series.final.loc[pd.Timestamp(oldest["issue"] or series.final_until) :])
            copy_batches(connection, sql.Identifier("staged_actual_costs"), tuple(batch.schema.names), [batch])
            connection.execute("analyze pg_temp.staged_actual_costs")
            run(connection, "transform/forecast_scores")
            run(
                connection,
                "transform/delete_forecasts",
                {"kept_since": series.final_until - timedelta(days=KEPT_DAYS)},
            )
        row = connection.execute("select count(*) as scores from costpulse.forecast_scores").fetchone()
    assert row is not None
    return int(row["scores"])


def _days_ahead(series: DailySeries, budgets: Iterable[StoredBudget]) -> dict[Scope, int]:
    """To the end of next month, and to the end of the period that a budget of the scope is in."""
    newest, last = series.frame.index[-1].date(), series.final_until
    assert last is not None
    next_month = whole_month(whole_month(newest).last + timedelta(days=1))
    scopes = _scopes(series.frame)
    ends = dict.fromkeys(scopes, next_month.last)
    for budget in budgets:
        scope, period = Scope(budget.document.scope_type, budget.scope_id), period_of(budget.document, newest)
        if scope in ends and period is not None:
            ends[scope] = max(ends[scope], period.last)
    return {scope: min((end - last).days, MOST_DAYS_AHEAD) for scope, end in ends.items()}


def _backtests(
    final: pd.DataFrame, parents: Mapping[str, str | None], model: ModelName
) -> dict[date, dict[Scope, Issue]]:
    """What would have been said at past origins, from the days up to each alone."""
    made = {}
    scopes = _scopes(final)
    for number in range(1, _BACKTEST_ORIGINS + 1):
        history = final.iloc[: len(final) - 7 * number]
        if len(history) < LEAST_DAYS:
            break
        types = _BACKTEST_SCOPES if number % _BACKTEST_SCOPES_EVERY == 0 else _BACKTEST_SCOPES[:1]
        days = {scope: _BACKTEST_DAYS for scope in scopes if scope.type in types}
        made[history.index[-1].date()] = make_issues(history, days, parents=parents, model=model, draws=1)
    return made


def _batch(issues: Mapping[Scope, Issue], data_until: date, *, is_backtest: bool) -> pa.RecordBatch:
    """The rows of staged_forecasts."""
    lengths = [len(issue.predicted) for issue in issues.values()]
    rows = sum(lengths)
    # np.concatenate refuses to make nothing of nothing.
    nothing = np.zeros(0)
    leads = np.concatenate([nothing, *map(np.arange, lengths)]).astype(int)
    columns: dict[str, pa.Array] = {
        "data_until": pa.array(np.full(rows, np.datetime64(data_until))),
        "scope_type": _repeated([scope.type for scope in issues], lengths),
        "scope_id": _repeated([scope.id for scope in issues], lengths),
        "is_backtest": pa.array(np.full(rows, is_backtest)),
        "forecast_date": pa.array(np.datetime64(data_until) + 1 + leads),
        "level": pa.array(np.full(rows, LEVEL)),
        "model_type": _repeated([issue.model_type for issue in issues.values()], lengths),
        "reason": _repeated([issue.reason for issue in issues.values()], lengths),
    }
    for column, attribute in (
        ("predicted_cost", "predicted"),
        ("lower_bound", "lower"),
        ("upper_bound", "upper"),
        ("naive_cost", "naive"),
    ):
        values = [getattr(issue, attribute) for issue in issues.values()]
        columns[column] = pa.array(np.concatenate([nothing, *values]))
    return pa.RecordBatch.from_pydict(columns)


def _scopes(frame: pd.DataFrame) -> list[Scope]:
    # To the type checker, labels of columns are text.
    return cast("list[Scope]", list(frame.columns))


def _repeated(values: Sequence[str], counts: Sequence[int]) -> pa.Array:
    return pa.array(np.repeat(np.array(values, dtype=object), counts), pa.string())


def _actual_costs(final: pd.DataFrame) -> pa.RecordBatch:
    """The rows of staged_actual_costs."""
    values = final.to_numpy()
    days, columns = np.nonzero(~np.isnan(values))
    types, ids = (np.array([getattr(scope, name) for scope in final.columns], dtype=object) for name in ("type", "id"))
    return pa.RecordBatch.from_pydict(
        {
            "scope_type": pa.array(types[columns], pa.string()),
            "scope_id": pa.array(ids[columns], pa.string()),
            "usage_date": pa.array(final.index.to_numpy().astype("datetime64[D]")[days]),
            "cost_usd": pa.array(values[days, columns]),
        }
    )


def _landings(connection: Connection, issues: Mapping[Scope, Issue], data_until: date) -> list[dict[str, Any]]:
    """Where the month of the last final day, and every later one that is forecast to its end, will be."""
    this_month = whole_month(data_until)
    spent = spend(connection, [(scope, Period(this_month.first, data_until)) for scope in issues])
    tail = (1 - LEVEL) / 2
    rows = []
    for (scope, issue), (so_far, _) in zip(issues.items(), spent, strict=True):
        month = this_month
        while (last := (month.last - data_until).days) <= len(issue.predicted):
            first = max((month.first - data_until).days - 1, 0)
            amount = so_far if month == this_month else Decimal(0)
            middle = float(issue.predicted[first:last].sum())
            lower, upper = np.quantile(issue.paths[:, first:last].sum(axis=1), [tail, 1 - tail])
            rows.append(
                {
                    "data_until": str(data_until),
                    "scope_type": scope.type,
                    "scope_id": scope.id,
                    "month": str(month.first),
                    "spent_usd": str(amount),
                    "predicted_cost": str(amount + cents(middle)),
                    "lower_bound": str(amount + cents(min(lower, middle))),
                    "upper_bound": str(amount + cents(max(upper, middle))),
                    "level": LEVEL,
                    "model_type": issue.model_type,
                    "reason": issue.reason,
                }
            )
            month = whole_month(month.last + timedelta(days=1))
    return rows
