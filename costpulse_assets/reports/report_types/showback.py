"""Showback: who spent what, shown to all and charged to nobody."""

from costpulse_assets.reports.report import Report
from costpulse_assets.reports.report_types.notes import period_words, read_days
from costpulse_assets.reports.report_types.totals import (
    Asked,
    by_month,
    by_product,
    by_sku,
    by_team,
    by_workspace,
    detail,
    figures,
    largest,
    notes_of,
    over_time,
    read_totals,
    sentences,
    summary,
)


def build(asked: Asked) -> Report:
    """Cost by team, SKU, workspace, product and month, with every row of it as detail."""
    days = read_days(asked.connection, asked.period)
    totals = read_totals(asked, days)
    shown = figures(asked, totals, days)
    return Report(
        title="Showback",
        subtitle=f"{period_words(asked.period)}, {asked.whose}",
        report_type="showback",
        period=asked.period,
        team=asked.team,
        made_at=asked.made_at,
        provisional=days.provisional,
        figures=shown,
        sentences=sentences(totals),
        charts=(over_time(asked, totals), largest("Cost by team", "team", totals.of["team"])),
        tables=(by_team(totals), by_sku(totals), by_workspace(totals), by_product(totals), *by_month(totals)),
        detail=detail(asked, totals),
        notes=notes_of(asked, days, totals),
        summary=summary(shown),
    )
