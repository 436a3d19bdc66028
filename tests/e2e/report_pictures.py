"""Makes the pictures of PDF reports in the documentation: python -m tests.e2e.report_pictures.

Pages of reports on the database of the settings, such as that of a demo account whose last full month was closed with
`costpulse close`; needs pdftoppm.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from costpulse_assets.periods import Period, first_of_previous_month, month_to_date, whole_month
from costpulse_assets.reports.formats import pdf
from costpulse_assets.reports.report_request import ReportType, checked_request
from costpulse_assets.reports.report_types import build
from costpulse_assets.resources.database import Database, open_database
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.settings import Settings, load_settings

#: Name of the picture, type, of the present month or the one before, team, page.
PICTURES: tuple[tuple[str, ReportType, bool, str | None, int], ...] = (
    ("report-executive", "executive", True, None, 1),
    ("report-showback", "showback", False, None, 1),
    ("report-showback-tables", "showback", False, None, 2),
    ("report-chargeback-tables", "chargeback", False, None, 2),
    ("report-team", "team", True, "Data Platform", 1),
    ("report-statement", "statement", False, None, 1),
)
_DOTS_PER_INCH = 90


def write_pdf(
    database: Database, settings: Settings, report_type: ReportType, period: Period, team: str | None, path: Path
) -> None:
    """One report as PDF."""
    request = checked_request(
        report_type=report_type, format="pdf", first_day=period.first, last_day=period.last, team=team
    )
    with database.transaction() as connection:
        found = connection.execute("select id from costpulse.teams where name = %s", [team]).fetchone()
        team_id = None if found is None else found["id"]
        report = build(connection, settings, request, team_id=team_id, made_at=current_time(settings))
        pdf.write(report, path, connection)


def picture(document: Path, page: int, path: Path) -> None:
    """One page as PNG."""
    command = ["pdftoppm", "-png", "-singlefile", "-r", str(_DOTS_PER_INCH), "-f", str(page), "-l", str(page)]
    subprocess.run([*command, str(document), str(path.with_suffix(""))], check=True)


def main() -> None:
    """Write one PNG per picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="folder of the pictures")
    parser.add_argument("--data-dir", type=Path, help="folder of the embedded database")
    parser.add_argument("--keep", type=Path, help="folder for the whole documents")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = load_settings(data_dir=arguments.data_dir)
    with tempfile.TemporaryDirectory() as temporary, open_database(settings) as database:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        day = max(row["usage_date"] for row in database.rows("app/completeness"))
        for name, report_type, is_present, team, page in PICTURES:
            period = month_to_date(day) if is_present else whole_month(first_of_previous_month(day))
            write_pdf(database, settings, report_type, period, team, folder / f"{name}.pdf")
            picture(folder / f"{name}.pdf", page, arguments.out / f"{name}.png")


if __name__ == "__main__":
    main()
