"""`costpulse report`: make a report now, in this process, and put its file where it is wanted."""

import getpass
from datetime import date
from pathlib import Path
from typing import get_args

import click

from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.migrate import prepare_databases
from costpulse_assets.cli.options import Day, data_dir_option
from costpulse_assets.cli.runs import run_assets
from costpulse_assets.errors import BadInput
from costpulse_assets.periods import whole_month
from costpulse_assets.reports import files
from costpulse_assets.reports.report_request import (
    REPORT_FORMATS,
    REPORT_TYPES,
    ReportFormat,
    ReportRequest,
    ReportType,
    checked_request,
)
from costpulse_assets.reports.requests import request_report
from costpulse_assets.resources.database import Row
from costpulse_assets.settings import Settings, load_settings

_FOCUS_VERSIONS = get_args(ReportRequest.model_fields["focus_version"].annotation)
_SPLITS = get_args(ReportRequest.model_fields["split"].annotation)


@click.command()
@click.argument("report_type", metavar="TYPE", type=click.Choice(REPORT_TYPES))
@click.option("--format", "report_format", type=click.Choice(REPORT_FORMATS), required=True, help="What it is made as.")
@click.option("--from", "from_date", type=Day(), required=True, help="First usage day, inclusive (UTC).")
@click.option("--to", "to_date", type=Day(), required=True, help="Last usage day, inclusive (UTC).")
@click.option("--team", help="Of this team and the teams below it; all teams without.")
@click.option(
    "--focus-version",
    type=click.Choice(_FOCUS_VERSIONS),
    default="1.3",
    show_default=True,
    help="Version of the specification, for the format focus.",
)
@click.option(
    "--split",
    type=click.Choice(_SPLITS),
    default="none",
    show_default=True,
    help="Whether FOCUS has one row per charge, or one per charge and team that shares it.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="Where to; for several months of FOCUS a folder, for one a file that ends with .parquet or .csv.",
)
@click.option("--actor", default=getpass.getuser, show_default="the user of this computer", help="Who asks for it.")
@data_dir_option
def report(
    report_type: ReportType,
    report_format: ReportFormat,
    from_date: date,
    to_date: date,
    team: str | None,
    focus_version: str,
    split: str,
    output: Path,
    actor: str,
    data_dir: Path | None,
) -> None:
    """Make a report of TYPE and write it to FILE; prints rows, bytes and the SHA-256 of what was written.

    It is kept like any other report as well, and listed by the app.
    """
    request = checked_request(
        report_type=report_type,
        format=report_format,
        first_day=from_date,
        last_day=to_date,
        team=team,
        focus_version=focus_version,
        split=split,
    )
    options = _options(request, output)
    settings = load_settings(data_dir=data_dir)
    with open_environment(settings) as environment:
        prepare_databases(environment)
        with environment.database.transaction() as connection:
            report_id = request_report(connection, request, requested_by=actor, options=options)
        run_assets(
            environment,
            ("reports",),
            request.period,
            only_changed=False,
            config={"reports": {"report_ids": [report_id]}},
        )
        (made,) = environment.database.rows("reports/making_result", {"id": report_id})
        contents = _copy(settings, request, made, output)
    rows = "" if made["row_count"] is None else f"{made['row_count']:,} rows, "
    line = f"{output}: {rows}{contents.size_bytes:,} bytes, sha256 {contents.checksum}"
    click.echo(f"{line}, days are not final" if made["is_provisional"] else line)
    if "Warnings" in made["summary"]:
        click.echo(f"  {made['summary']['Warnings']}", err=True)


def _options(request: ReportRequest, output: Path) -> dict[str, str]:
    """What the row of the request has to hold besides; or what is wrong with FILE, before anything is made.

    Raises:
        BadInput: FILE cannot become this report.
    """
    if str(output) == "-":
        raise BadInput("A report is written to a file, not to the terminal.", next_step="Name a file with --output.")
    if not output.absolute().parent.is_dir():
        raise BadInput(f"There is no folder {output.absolute().parent}.", next_step="Make it, or write to another one.")
    if request.format != "focus" or request.period == whole_month(request.first_day):
        if output.is_dir():
            raise BadInput(f"{output} is a folder.", next_step="Name a file with --output.")
        if request.format != "focus":
            return {}
        if output.suffix not in (".parquet", ".csv"):
            raise BadInput(
                "FOCUS is written as Parquet or CSV.", next_step="Name a file that ends with .parquet or .csv."
            )
        return {"file": output.suffix.removeprefix(".")}
    if output.is_file() or (output.is_dir() and any(output.iterdir())):
        raise BadInput(
            f"{output} is there already: FOCUS of several months is a folder of its own.",
            next_step="Name a folder that does not exist, or is empty.",
        )
    return {}


def _copy(settings: Settings, request: ReportRequest, made: Row, output: Path) -> files.Contents:
    source = files.report_path(settings, made["file_path"])
    if request.format != "focus" or request.period != whole_month(request.first_day):
        return files.copy(source, output)
    # A folder with the file and what describes it, which comes first: nobody finds the file without it.
    (metadata,) = source.glob("*.metadata.json")
    files.copy(metadata, output.with_name(f"{output.name}.metadata.json"))
    return files.copy(source / metadata.name.removesuffix(".metadata.json"), output)
