"""Chargeback: what is charged to which cost center, by which rule, and the lines to book."""

from decimal import Decimal

from costpulse_assets.reports.report import Column, Detail, Figure, Report, Table
from costpulse_assets.reports.report_types.notes import period_words, read_days
from costpulse_assets.reports.report_types.totals import (
    COSTS,
    SHARE,
    TEAM,
    USAGE,
    WORKSPACE,
    Asked,
    by_sku,
    by_workspace,
    exact,
    expect_same,
    figures,
    largest,
    no_cost,
    notes_of,
    over_time,
    read_totals,
    sentences,
    summary,
    table,
)
from costpulse_assets.resources.database import Row, run

_LINE = (TEAM[2], TEAM[0])
_METHODS = (
    Column("own_usd", "Own", "usd"),
    Column("shared_usd", "Shared", "usd"),
    Column("unallocated_usd", "Unallocated", "usd"),
)
_DETAIL = (
    Column("usage_date", "Day", "date"),
    TEAM[0],
    TEAM[2],
    Column("method", "By"),
    Column("rule", "Rule or split", width=2),
    *WORKSPACE,
    *USAGE[:2],
    *COSTS,
    Column("is_provisional", "Not final", "boolean", 0.7),
)
_DEFINITIONS = (
    ("Own", "Cost that a rule, a member or a tag pattern gives to one team."),
    ("Shared", "Cost that a split gives to several teams, each its part."),
    (
        "Journal lines",
        "Amounts in cents. They add up to the total in cents: what rounding leaves over is at most one cent of a line.",
    ),
)


def build(asked: Asked) -> Report:
    """Cost by cost center and team with what is own and shared, journal lines, and every allocation as detail."""
    days = read_days(asked.connection, asked.period)
    totals = read_totals(asked, days)
    *lines, whole = run(asked.connection, "reports/chargeback_teams", asked.parameters)
    expect_same(totals, whole["cost_usd"], "cost_allocations")
    if asked.team_id is None and all(line["team_id"] is not None for line in lines):
        lines.append(no_cost(whole))
    own, shared = (Figure(name, whole[key], "usd") for name, key in (("Own", "own_usd"), ("Shared", "shared_usd")))
    total, *others = figures(asked, totals, days)
    shown = (total, own, shared, *others)
    return Report(
        title="Chargeback",
        subtitle=f"{period_words(asked.period)}, {asked.whose}",
        report_type="chargeback",
        period=asked.period,
        team=asked.team,
        made_at=asked.made_at,
        provisional=days.provisional,
        figures=shown,
        sentences=sentences(totals),
        charts=(largest("Cost by team", "team", totals.of["team"]), over_time(asked, totals)),
        tables=(
            _by_cost_center(lines, whole, has_unallocated=asked.team_id is None),
            _journal(asked, lines, whole),
            by_workspace(totals),
            by_sku(totals),
        ),
        detail=Detail(
            "Detail",
            "reports/chargeback_detail",
            asked.parameters,
            _DETAIL,
            "cost_usd",
            exact(whole["cost_usd"]),
        ),
        notes=notes_of(asked, days, totals, *_DEFINITIONS),
        summary=summary(shown),
    )


def _by_cost_center(lines: list[Row], whole: Row, *, has_unallocated: bool) -> Table:
    methods = _METHODS if has_unallocated else _METHODS[:2]
    return table("By cost center", [*_LINE, *methods, *COSTS[::-1], SHARE], lines, whole)


def _journal(asked: Asked, lines: list[Row], whole: Row) -> Table:
    columns = [
        Column("line", "Line", "integer", 0.5),
        *_LINE,
        Column("description", "Text", width=2.5),
        Column("booked_usd", "Amount", "usd"),
    ]
    description = f"Databricks, {period_words(asked.period)}"
    rows = [
        {**line, "line": number, "description": description, "booked_usd": line["booked_usd"] or Decimal(0)}
        for number, line in enumerate(lines, start=1)
    ]
    return table("Journal lines", columns, rows, whole)
