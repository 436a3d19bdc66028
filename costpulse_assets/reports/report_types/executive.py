"""The summary for those who decide: what it cost, why that changed, where it goes, and what is open."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Context, Decimal
from typing import NamedTuple

from costpulse_assets.analysis.tag_compliance import tag_score
from costpulse_assets.costs.change_bridge import BridgePart, Part, ScopeType, change_bridge
from costpulse_assets.periods import Period, preceding, whole_month
from costpulse_assets.reports.report import Column, Figure, Report, Table
from costpulse_assets.reports.report_types.findings import (
    budgets_at_risk,
    finding_tables,
    open_anomalies,
    open_savings,
    read_anomalies,
    read_budgets,
    read_recommendations,
)
from costpulse_assets.reports.report_types.notes import Days, month_words, period_words, read_days
from costpulse_assets.reports.report_types.totals import (
    Asked,
    Totals,
    by_product,
    by_team,
    figures,
    largest,
    notes_of,
    over_time,
    percent,
    read_totals,
    sentences,
    summary,
    table,
    usd,
)
from costpulse_assets.resources.database import Connection, run

#: Anomalies and recommendations that are named.
_NAMED = 10
_EXACT = Context(prec=80)
_PARTS: dict[Part, str] = {
    "price": "List prices",
    "discount": "Discounts",
    "volume": "More or less usage",
    "mix": "Dearer or cheaper SKUs",
    "new": "New",
    "ended": "Ended",
    "ownership": "Moved between teams",
    "restatements": "Corrections by Databricks",
}


class Compared(NamedTuple):
    """The final days of the period against those before: amounts in USD, and the parts of their difference."""

    now: Period
    then: Period
    difference: Decimal
    percent: Decimal | None
    parts: Sequence[BridgePart]

    @property
    def words(self) -> str:
        """4.2 % more than October 2026."""
        if not self.difference:
            return f"as much as {period_words(self.then)}"
        size = usd(abs(self.difference)) if self.percent is None else percent(abs(self.percent))
        return f"{size} {'more' if self.difference > 0 else 'less'} than {period_words(self.then)}"


def build(asked: Asked) -> Report:
    """Figures, charts and short tables; no detail."""
    days = read_days(asked.connection, asked.period)
    totals = read_totals(asked, days)
    compared = _compare(asked, days)
    budgets = read_budgets(asked)
    anomalies = read_anomalies(asked, _NAMED)
    recommendations = read_recommendations(asked, _NAMED)
    total, *others = figures(asked, totals, days)
    shown = (
        total,
        _change(compared),
        *_landing(asked),
        budgets_at_risk(budgets),
        open_anomalies(anomalies),
        open_savings(recommendations),
        *others,
        *_tagged(asked, totals),
    )
    at_risk = [budget for budget in budgets if budget["is_at_risk"]]
    return Report(
        title="Executive summary",
        subtitle=f"{period_words(asked.period)}, {asked.whose}",
        report_type="executive",
        period=asked.period,
        team=asked.team,
        made_at=asked.made_at,
        provisional=days.provisional,
        figures=shown,
        sentences=(*_why(compared), *sentences(totals)),
        charts=(
            over_time(asked, totals),
            largest("Cost by team", "team", totals.of["team"]),
            largest("Cost by product", "product", totals.of["product"]),
        ),
        tables=(
            *_bridge(asked.connection, compared),
            by_team(totals),
            by_product(totals),
            *finding_tables(at_risk, anomalies, recommendations, budget_title="Budgets at risk"),
        ),
        notes=notes_of(asked, days, totals, *_definitions(compared)),
        summary=summary(shown),
    )


def _compare(asked: Asked, days: Days) -> Compared | None:
    """The final days at the beginning of the period, against what came before; None where one side is not known."""
    now = _final_part(asked.period, days)
    if now is None:
        return None
    then = _before(now)
    if read_days(asked.connection, then).not_final or days.first is None or days.first > then.first:
        return None
    scope_type, scope_id = _scope(asked)
    parts = change_bridge(asked.connection, scope_type=scope_type, scope_id=scope_id, then=then, now=now)
    now_usd, then_usd = parts[0].now_usd, parts[0].then_usd
    difference = _EXACT.subtract(now_usd, then_usd)
    share = round(100 * difference / then_usd, 6) if then_usd > 1 else None
    return Compared(now, then, difference, share, parts)


def _scope(asked: Asked) -> tuple[ScopeType, str]:
    """Whose cost it is, as findings name it."""
    return ("everything", "") if asked.team_id is None else ("team", str(asked.team_id))


def _final_part(period: Period, days: Days) -> Period | None:
    if not days.not_final:
        return period
    last = min(days.not_final) - timedelta(days=1)
    return None if last < period.first else Period(period.first, last)


def _before(period: Period) -> Period:
    """Whole months are compared with as many months before, other days with as many days."""
    if period.first.day != 1 or period.last != whole_month(period.last).last:
        return preceding(period)
    months = (period.last.year - period.first.year) * 12 + period.last.month - period.first.month + 1
    number = period.first.year * 12 + period.first.month - 1 - months
    return Period(date(number // 12, number % 12 + 1, 1), period.first - timedelta(days=1))


def _change(compared: Compared | None) -> Figure:
    if compared is None:
        return Figure("Change", None, "usd", "no days before that are complete")
    return Figure("Change", compared.difference, "usd", compared.words)


def _why(compared: Compared | None) -> tuple[str, ...]:
    if compared is None:
        return ()
    parts = sorted((part for part in compared.parts if part.amount_usd), key=lambda part: -abs(part.amount_usd))
    why = ", ".join(f"{_small(_PARTS[part.part])} {_signed(part.amount_usd)}" for part in parts[:3])
    said = f"{period_words(compared.now)} cost {compared.words}"
    return (f"{said}: {why}." if why else f"{said}.",)


def _bridge(connection: Connection, compared: Compared | None) -> list[Table]:
    if compared is None or not any(part.amount_usd for part in compared.parts):
        return []
    parts = [part for part in compared.parts if part.amount_usd]
    names = _names(connection, parts)
    rows = [
        {
            "part": _PARTS[part.part],
            "amount_usd": part.amount_usd,
            "causes": part.causes,
            "largest": "; ".join(
                f"{names.get((cause.type, cause.id), cause.id)} {_signed(cause.amount_usd)}"
                for cause in part.largest[:2]
            ),
        }
        for part in parts
    ]
    columns = (
        Column("part", "Why", width=1.5),
        Column("amount_usd", "Adds", "usd"),
        Column("causes", "Causes", "integer", 0.7),
        Column("largest", "The largest", width=3),
    )
    note = f"{period_words(compared.now)} against {period_words(compared.then)}."
    return [table("Why cost changed", columns, rows, {"amount_usd": compared.difference}, note)]


def _names(connection: Connection, parts: Sequence[BridgePart]) -> dict[tuple[str, str], str]:
    """Names of the causes that have one."""
    ids: dict[str, list[str]] = {}
    for part in parts:
        for cause in part.largest:
            ids.setdefault(cause.type, []).append(cause.id)
    names: dict[tuple[str, str], str] = {}
    for kind, of_kind in ids.items():
        if kind == "job":
            names |= {(kind, row["id"]): row["name"] for row in run(connection, "app/job_names", {"ids": of_kind})}
        known = run(connection, "app/resource_names", {"kind": kind, "ids": of_kind})
        names |= {(kind, row["id"]): row["name"] for row in known}
        names |= {
            (kind, cause): cause.partition("/")[2] for cause in of_kind if (kind, cause) not in names and "/" in cause
        }
    return names


def _landing(asked: Asked) -> tuple[Figure, ...]:
    """What the last month of the period will cost, if it is not over."""
    scope_type, scope_id = _scope(asked)
    rows = run(asked.connection, "app/forecast_landings", {"scope_type": scope_type, "scope_id": scope_id})
    month = asked.period.last.replace(day=1)
    return tuple(
        Figure(
            f"{month_words(month)} will cost",
            row["predicted_cost"],
            "usd",
            f"between {usd(row['lower_bound'])} and {usd(row['upper_bound'])}, by the days up to {row['data_until']}",
        )
        for row in rows
        if row["month"] == month
    )


def _tagged(asked: Asked, totals: Totals) -> tuple[Figure, ...]:
    """How much of the cost carries the required tags."""
    teams = None if asked.team_id is None else [str(row["team_id"]) for row in totals.of["team"]]
    rows = run(
        asked.connection,
        "app/tag_scores",
        {
            "dimension": "all",
            "first_date": asked.period.first,
            "last_date": asked.period.last,
            "workspaces": None,
            "teams": teams,
        },
    )
    shares = [tag_score(row).by_cost for row in rows]
    return tuple(
        Figure("Tagged as required", round(100 * share, 6), "percent", "of the cost that can be tagged")
        for share in shares
        if share is not None
    )


def _definitions(compared: Compared | None) -> list[tuple[str, str]]:
    if compared is None:
        return []
    return [
        (
            "Change",
            f"{period_words(compared.now)} against {period_words(compared.then)}, final days only. Whole months are "
            "compared with as many months before, other days with as many days before. The parts of the change add up "
            "to it.",
        )
    ]


def _small(words: str) -> str:
    return words[0].lower() + words[1:]


def _signed(amount: Decimal) -> str:
    return f"{'+' if amount > 0 else ''}{usd(amount)}"
