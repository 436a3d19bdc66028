"""What a format of one table says of a report that has no detail."""

from collections.abc import Sequence
from decimal import Decimal

from costpulse_assets.reports.report import Column, Report, Value

_FIGURES = (Column("label", "Label"), Column("value", "Value"), Column("unit", "Unit"), Column("note", "Note"))


def flat_table(report: Report) -> tuple[tuple[Column, ...], Sequence[tuple[Value, ...]]]:
    """Columns and rows of the first table; of an executive report, or of one without tables, its figures.

    Figures are text with all digits; that the period is provisional stands below them. A row of totals is left out:
    who adds up the rows must not count twice.
    """
    if report.tables and report.report_type != "executive":
        return report.tables[0].columns, report.tables[0].rows
    rows: list[tuple[Value, ...]] = [
        (figure.label, as_text(figure.value), figure.kind, figure.note) for figure in report.figures
    ]
    if report.provisional is not None:
        rows.append(("Provisional", "true", "boolean", report.provisional))
    return _FIGURES, rows


def as_text(value: Value) -> str | None:
    """A value as CSV has it: all digits and no exponent, true and false, days as 2026-11-24."""
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)
