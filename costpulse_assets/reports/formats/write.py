"""A report as a file: which module writes which format."""

from pathlib import Path

from costpulse_assets.reports.report import Report
from costpulse_assets.reports.report_request import ReportFormat
from costpulse_assets.resources.database import Connection


def write(report: Report, report_format: ReportFormat, path: Path, connection: Connection) -> int | None:
    """Write a report in a format.

    Args:
        report: what to write.
        report_format: all but focus, which is not made of a report.
        path: the file; nothing else is written.
        connection: where the detail is read, in the transaction the report was built in.

    Returns:
        Rows of detail; None: the file has none.

    Raises:
        OSError: the file cannot be written; a part of it may be there.
    """
    # Each library only where its format is written: together they take a second to load.
    if report_format == "csv":
        from costpulse_assets.reports.formats.csv import write as write_format
    elif report_format == "xlsx":
        from costpulse_assets.reports.formats.xlsx import write as write_format
    elif report_format == "pdf":
        from costpulse_assets.reports.formats.pdf import write as write_format
    elif report_format == "parquet":
        from costpulse_assets.reports.formats.parquet import write as write_format
    else:
        raise ValueError(f"{report_format} is not made of a report")
    return write_format(report, path, connection)
