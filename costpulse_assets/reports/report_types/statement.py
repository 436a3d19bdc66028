"""The statement of a closed month as a report: what was frozen, and the adjustments of earlier months booked on it."""

from dataclasses import replace

from costpulse_assets.errors import BadInput
from costpulse_assets.reports.report import Column, Detail, Figure, Report, Table
from costpulse_assets.reports.report_types.notes import moment_words, period_words, read_days
from costpulse_assets.reports.report_types.totals import (
    COSTS,
    DETAIL,
    TEAM,
    Asked,
    Totals,
    by_sku,
    by_workspace,
    exact,
    figures,
    largest,
    notes_of,
    sentences,
    summary,
    table,
    totals_from,
)
from costpulse_assets.resources.database import Row, run

_LINE = (Column("kind", "Kind"), Column("cause", "Cause"))
_DETAIL = (DETAIL[0], *_LINE, Column("booked_on", "Booked on", "date"), *DETAIL[1:-1])
_DEFINITIONS = (
    ("Statement", "The cost of the month as it was when the month was closed. It never changes."),
    (
        "Adjustments",
        "What became known later of months that were closed before, booked on this month. Restatement: Databricks "
        "changed the usage. Price: its price changed. Rule: it moved between teams, which adds up to 0 over all.",
    ),
)


def build(asked: Asked) -> Report:
    """The statement by team, workspace and SKU, with every line of it as detail.

    Raises:
        BadInput: the month is not closed, or its statement has no lines.
    """
    month = asked.period.first
    closings = run(asked.connection, "app/closing_in_force", {"month": month, "before": "infinity"})
    if not closings:
        raise BadInput(
            f"{month:%Y-%m} is not closed, so it has no statement.",
            next_step=f"Close it with `costpulse close {month:%Y-%m}` when its days are final, or ask for a showback.",
        )
    closing = closings[0]
    parameters = {**asked.parameters, "closing_id": closing["id"]}
    totals = totals_from(run(asked.connection, "reports/statement_totals", parameters), asked)
    if not totals.whole["row_count"]:
        raise BadInput(
            f"There is no cost on the statement of {month:%Y-%m} of {asked.whose}.",
            next_step="Choose another month or team.",
        )
    # What is closed is final, also where more usage of its days came in later.
    days = replace(read_days(asked.connection, asked.period), not_final=())
    total, *others = figures(asked, totals, days)
    shown = (
        total,
        Figure("Of the month itself", totals.whole["statement_usd"], "usd"),
        Figure("Adjustments", totals.whole["adjustment_usd"], "usd", "of earlier months"),
        *others,
    )
    return Report(
        title="Statement",
        subtitle=f"{period_words(asked.period)}, {asked.whose}",
        report_type="statement",
        period=asked.period,
        team=asked.team,
        made_at=asked.made_at,
        provisional=None,
        figures=shown,
        sentences=(_closed(closing, month_name=period_words(asked.period)), *sentences(totals)),
        charts=(
            largest("Statement by team", "team", totals.of["team"]),
            largest("Statement by product", "product", totals.of["product"]),
        ),
        tables=(_by_team(totals), _by_line(totals), by_workspace(totals), by_sku(totals)),
        detail=Detail(
            "Detail",
            "reports/statement_detail",
            parameters,
            _DETAIL,
            "cost_usd",
            exact(totals.whole["cost_usd"]),
        ),
        notes=notes_of(asked, days, totals, *_DEFINITIONS),
        summary=summary(shown),
    )


def _by_team(totals: Totals) -> Table:
    columns = [
        *TEAM,
        Column("statement_usd", "Statement", "usd"),
        Column("restatement_usd", "Restatements", "usd"),
        Column("price_usd", "Prices", "usd"),
        Column("rule_usd", "Rules", "usd"),
        Column("cost_usd", "Total", "usd"),
    ]
    note = "Restatements, prices and rules are adjustments of earlier months. The cost of a team is its own."
    return table("By team", columns, totals.of["team"], totals.whole, note)


def _by_line(totals: Totals) -> Table:
    columns = [Column("first_day", "Month of the usage", "date"), *_LINE, *COSTS]
    return table("Statement and adjustments", columns, totals.of["line"], totals.whole)


def _closed(closing: Row, month_name: str) -> str:
    by = "by its setting" if closing["is_automatic"] else f"by {closing['closed_by']}"
    note = f": {closing['note']}" if closing["note"] else ""
    return f"{month_name} was closed on {moment_words(closing['closed_at'])} {by}{note}."
