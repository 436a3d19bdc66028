"""What was found about the cost of a period and is still open: budgets, anomalies, recommendations."""

from collections.abc import Sequence
from decimal import Decimal

from costpulse_assets.reports.report import Column, Figure, Table
from costpulse_assets.reports.report_types.totals import TEAM, Asked, table, usd
from costpulse_assets.resources.database import Row, run

_BUDGETS = (
    Column("budget_name", "Budget", width=2),
    Column("scope", "Of", width=1.5),
    Column("period_start", "From", "date"),
    Column("period_end", "To", "date"),
    Column("amount_usd", "Amount", "usd"),
    Column("spent_usd", "Spent", "usd"),
    Column("used_percent", "Used", "percent", 0.7),
    Column("projected_usd", "Expected", "usd"),
    Column("probability_percent", "Exceeded, probably", "percent"),
)
_ANOMALIES = (
    Column("start_date", "From", "date"),
    Column("end_date", "To", "date"),
    Column("scope_type", "Of"),
    Column("name", "Name", width=2),
    Column("kind", "What"),
    Column("severity", "Severity"),
    Column("impact_usd", "More than normal", "usd"),
)
_RECOMMENDATIONS = (
    Column("title", "What to do", width=3),
    Column("resource_type", "Of"),
    Column("resource", "Name", width=1.5),
    TEAM[0],
    Column("severity", "Severity"),
    Column("status", "Status"),
    Column("savings_usd", "Saves in 30 days", "usd"),
)


def read_budgets(asked: Asked) -> list[Row]:
    """Budgets with days of the period, those most at risk first."""
    return run(asked.connection, "reports/budgets", asked.parameters)


def read_anomalies(asked: Asked, at_most: int) -> list[Row]:
    """The largest events of the period that nobody has settled; `events` counts all."""
    return run(asked.connection, "reports/anomalies", {**asked.parameters, "largest": at_most})


def read_recommendations(asked: Asked, at_most: int) -> list[Row]:
    """What saves most now; `all_count` and `all_savings_usd` are of all."""
    return run(asked.connection, "reports/recommendations", {"team_id": asked.team_id, "largest": at_most})


def budgets_at_risk(budgets: Sequence[Row]) -> Figure:
    """How many budgets are exceeded or probably will be."""
    at_risk = [budget for budget in budgets if budget["is_at_risk"]]
    if not budgets:
        return Figure("Budgets at risk", 0, "integer", "there are none for these days")
    return Figure("Budgets at risk", len(at_risk), "integer", f"of {len(budgets)}: exceeded, or probably will be")


def open_anomalies(anomalies: Sequence[Row]) -> Figure:
    """How many events are open."""
    count = anomalies[0]["events"] if anomalies else 0
    note = f"the largest: {usd(anomalies[0]['impact_usd'])}" if anomalies else ""
    return Figure("Open anomalies", count, "integer", note)


def open_savings(recommendations: Sequence[Row]) -> Figure:
    """What everything that is recommended would save."""
    if not recommendations:
        return Figure("Open savings", Decimal(0), "usd", "nothing is recommended")
    first = recommendations[0]
    count = first["all_count"]
    note = f"in 30 days, by {count} recommendation{'' if count == 1 else 's'}"
    return Figure("Open savings", first["all_savings_usd"], "usd", note)


def finding_tables(
    budgets: Sequence[Row], anomalies: Sequence[Row], recommendations: Sequence[Row], *, budget_title: str
) -> list[Table]:
    """A table of each that has something to show."""
    found = []
    if budgets:
        found.append(table(budget_title, _BUDGETS, budgets))
    if anomalies:
        found.append(table("Open anomalies", _ANOMALIES, anomalies, note=_more(anomalies[0]["events"], anomalies)))
    if recommendations:
        first = recommendations[0]
        whole = {"savings_usd": first["all_savings_usd"]}
        note = _more(first["all_count"], recommendations, "; the total is of all")
        found.append(table("Recommendations", _RECOMMENDATIONS, recommendations, whole, note))
    return found


def _more(count: int, shown: Sequence[Row], remark: str = "") -> str:
    return f"The largest {len(shown)} of {count}{remark}." if count > len(shown) else ""
