"""The report of a team: what its cost came from, its budgets, and what is open; without a team, of each of them."""

from collections.abc import Sequence

from costpulse_assets.reports.report import Column, Report, Table
from costpulse_assets.reports.report_types.findings import (
    budgets_at_risk,
    finding_tables,
    open_anomalies,
    open_savings,
    read_anomalies,
    read_budgets,
    read_recommendations,
)
from costpulse_assets.reports.report_types.notes import period_words, read_days
from costpulse_assets.reports.report_types.totals import (
    COSTS,
    SHARE,
    TEAM,
    Asked,
    Totals,
    by_month,
    by_team,
    detail,
    expect_same,
    figures,
    largest,
    notes_of,
    over_time,
    read_totals,
    sentences,
    summary,
    table,
)
from costpulse_assets.resources.database import Row, run

#: Rows of a team and dimension with a name of their own; the others share one.
_NAMED = 20
_WORKSPACE = Column("workspace", "Workspace", width=1.5)
#: Dimension of team_resources: title of its table and column, what cost without is called, more columns.
_DIMENSIONS = {
    "product": ("By product", "Product", "No product", ()),
    "job": ("By job", "Job", "No job", (Column("value_id", "Job ID"), _WORKSPACE)),
    "compute": (
        "By cluster and warehouse",
        "Cluster or warehouse",
        "No cluster or warehouse of its own",
        (Column("resource_type", "Kind", width=0.8), Column("value_id", "ID"), _WORKSPACE),
    ),
    "person": ("By person", "Person", "Nobody known", ()),
}
_DEFINITIONS = (
    ("Share in tables of teams", "Cost as a percentage of what the team costs."),
    (
        "Clusters and warehouses",
        "SQL warehouses and all-purpose clusters; a cluster that a job brings up for itself is in the cost of the job.",
    ),
    ("Open now", "Recommendations are those that are open or accepted now, whatever the period."),
)


def build(asked: Asked) -> Report:
    """Cost by product, job, cluster or warehouse and person, with what is open; every row of it as detail."""
    days = read_days(asked.connection, asked.period)
    totals = read_totals(asked, days)
    budgets = read_budgets(asked)
    anomalies = read_anomalies(asked, _NAMED)
    recommendations = read_recommendations(asked, _NAMED)
    total, *others = figures(asked, totals, days)
    shown = (
        total,
        budgets_at_risk(budgets),
        open_anomalies(anomalies),
        open_savings(recommendations),
        *others,
    )
    resources = _resources(asked, totals)
    return Report(
        title="Team report",
        subtitle=f"{period_words(asked.period)}, {asked.whose}",
        report_type="team",
        period=asked.period,
        team=asked.team,
        made_at=asked.made_at,
        provisional=days.provisional,
        figures=shown,
        sentences=sentences(totals),
        charts=(over_time(asked, totals), largest("Cost by product", "product", totals.of["product"])),
        tables=(
            by_team(totals),
            *resources,
            *by_month(totals),
            *finding_tables(budgets, anomalies, recommendations, budget_title="Budgets"),
        ),
        detail=detail(asked, totals),
        notes=notes_of(asked, days, totals, *_DEFINITIONS),
        summary=summary(shown),
    )


def _resources(asked: Asked, totals: Totals) -> list[Table]:
    """What each team's cost came from: a table of each dimension, with the teams one below the other."""
    rows = run(asked.connection, "reports/team_resources", {**asked.parameters, "largest": _NAMED})
    of: dict[str, list[Row]] = {dimension: [] for dimension in _DIMENSIONS}
    for row in rows:
        of[row["dimension"]].append(row)
    return [_of_dimension(dimension, found, totals) for dimension, found in of.items()]


def _of_dimension(dimension: str, rows: Sequence[Row], totals: Totals) -> Table:
    title, label, without, more = _DIMENSIONS[dimension]
    expect_same(totals, rows[0]["whole_usd"] if rows else None, "daily_key_costs")
    named = [{**row, "name": row["name"] or _unnamed(row["further"], without)} for row in rows]
    teams = TEAM[:1] if len(totals.of["team"]) > 1 else ()
    return table(title, [*teams, Column("name", label, width=2.5), *more, *COSTS, SHARE], named, totals.whole)


def _unnamed(further: int, without: str) -> str:
    return f"All {further} others" if further else without
