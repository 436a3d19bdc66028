"""What reports, their types, formats and states are called."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Literal

from costpulse_app import formats
from costpulse_app.reports.reads import FocusFile, StoredReport
from costpulse_assets.reports.report_request import ReportFormat, ReportType
from costpulse_assets.reports.requests import TYPE_TITLES

Colour = Literal["red", "orange", "yellow", "green", "blue", "gray"]

#: What each answers.
ANSWERS: Mapping[ReportType, str] = {
    "showback": "Who used what, and what did it cost: by team, SKU, workspace and product, with every line. Nobody is "
    "charged.",
    "chargeback": "What each cost center is charged: own and shared cost, what is unallocated, the rule behind every "
    "line, and lines for the journal.",
    "executive": "One page for directors: the total, what changed and why, where the month lands, budgets, anomalies "
    "and savings.",
    "team": "What one team, with the teams below it, spent on jobs, compute and people, its budget, and what it "
    "can do.",
    "statement": "A closed month as it was closed, with later corrections on lines of their own.",
}
FORMATS: Mapping[ReportFormat, str] = {
    "xlsx": "Excel",
    "pdf": "PDF",
    "csv": "CSV",
    "parquet": "Parquet",
    "focus": "FOCUS",
}
#: What each is good for.
GOOD_FOR: Mapping[ReportFormat, str] = {
    "xlsx": "A workbook: summary with charts, one sheet per table, every line, and notes.",
    "pdf": "A document to read: a summary with charts, then tables and notes.",
    "csv": "Every line as text, with exact amounts.",
    "parquet": "Every line for a data platform, with exact amounts.",
    "focus": "The whole bill by months, as the FinOps Open Cost and Usage Specification has it: one file per month.",
}
STATES = {
    "requested": "Waiting to be made",
    "running": "Being made",
    "ready": "Ready",
    "failed": "Failed",
    "expired": "File deleted",
}
#: Shape and word carry it; colour only supports them.
SHAPES = {
    "requested": ":material/hourglass_top:",
    "running": ":material/autorenew:",
    "ready": ":material/check:",
    "failed": ":material/error:",
    "expired": ":material/delete_history:",
}
COLOURS: Mapping[str, Colour] = {
    "requested": "yellow",
    "running": "blue",
    "ready": "green",
    "failed": "red",
    "expired": "gray",
}
SPLITS = {"none": "As on the bill", "team": "Split by team"}
FOCUS_FILES: Mapping[FocusFile, str] = {"parquet": "Parquet", "csv": "CSV"}
ENDINGS: Mapping[ReportFormat, str] = {"xlsx": "xlsx", "pdf": "pdf", "csv": "csv", "parquet": "parquet"}
_SIZES = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def team(one: StoredReport) -> str:
    """Whose it is."""
    return one.team_name or "All teams"


def about(one: StoredReport) -> str:
    """Type, format, days and team in one line."""
    if one.format == "focus":
        return f"The whole bill as FOCUS, {formats.days(one.period)}"
    whose = "all teams" if one.team_name is None else f"team {one.team_name}"
    return f"{TYPE_TITLES[one.report_type]} as {FORMATS[one.format]}, {formats.days(one.period)}, {whose}"


def size(of_bytes: int) -> str:
    """How large a file is: 812 bytes, 4.2 kB, 1.3 MB."""
    for one, noun in _SIZES:
        if of_bytes >= one:
            return f"{of_bytes / one:,.1f} {noun}"
    return formats.count(of_bytes, "byte")


def not_final(days: Sequence[date]) -> str:
    """Which months have days that are not final, in one sentence; empty: none has.

    November has 1 day that is not final; the file will say so.
    """
    months = [(month, len(list(each))) for month, each in groupby(sorted(days), lambda day: day.replace(day=1))]
    if not months:
        return ""
    is_one_year = len({month.year for month, _ in months}) == 1
    said = [
        f"{month.strftime('%B' if is_one_year else '%B %Y')} has {formats.count(number, 'day')}"
        for month, number in months
    ]
    named = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
    return f"{named} that {'is' if len(days) == 1 else 'are'} not final; the file will say so."


def waiting(one: StoredReport, now: datetime) -> str:
    """Since when one waits, or is made."""
    if one.status == "running" and one.started_at is not None:
        return f"Being made for {_age(now - one.started_at)}, since {formats.moment(one.started_at)}."
    return f"Waits for {_age(now - one.requested_at)}, since {formats.moment(one.requested_at)}."


def command(one: StoredReport) -> str:
    """What makes the same at once, whether or not the Dagster daemon runs."""
    is_one_month = one.period_first.replace(day=1) == one.period_last.replace(day=1)
    # FOCUS is Parquet by the ending, and a folder where it has several months.
    ending = ENDINGS.get(one.format, one.focus_file if is_one_month else "")
    name = f"{one.report_type}-{one.period_first}-{one.period_last}"
    said = ["costpulse", "report", one.report_type, "--format", one.format]
    said += ["--from", one.period_first.isoformat(), "--to", one.period_last.isoformat()]
    if one.team_name is not None:
        said += ["--team", one.team_name]
    if one.format == "focus":
        said += ["--focus-version", str(one.options.get("focus_version", "1.3"))]
        said += ["--split", str(one.options.get("split", "none"))]
    return shlex.join([*said, "--output", f"{name}.{ending}" if ending else name])


def _age(value: timedelta) -> str:
    return "less than a minute" if value < timedelta(minutes=1) else formats.age(value)
