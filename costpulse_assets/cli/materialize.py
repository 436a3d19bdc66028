"""`costpulse materialize`: run assets now, in this process; the run is seen in the Dagster UI."""

from datetime import date, timedelta
from pathlib import Path

import click

from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.migrate import prepare_databases
from costpulse_assets.cli.options import data_dir_option, window_options
from costpulse_assets.cli.runs import run_assets, say_what_was_not_read
from costpulse_assets.errors import BadInput
from costpulse_assets.periods import Period
from costpulse_assets.resources.open_source import first_usage_date
from costpulse_assets.settings import Settings, load_settings


@click.command()
@click.argument("assets", nargs=-1, metavar="[ASSET ...]")
@window_options
@data_dir_option
def materialize(assets: tuple[str, ...], from_date: date | None, to_date: date | None, data_dir: Path | None) -> None:
    """Materialize ASSETs over usage days.

    Without names, everything that is due: changed days of the window and what follows from them. With names or
    with --from and --to, every day of the window is taken.
    """
    settings = load_settings(data_dir=data_dir)
    window = usage_window(settings, from_date, to_date)
    only_changed = not assets and from_date is None and to_date is None
    with open_environment(settings) as environment:
        prepare_databases(environment)
        outcome = run_assets(environment, assets, window, only_changed=only_changed)
        say_what_was_not_read(environment.database)
    click.echo(f"Materialized {', '.join(assets) or 'everything'} for {window} in {outcome.seconds:.1f} s.")


def usage_window(settings: Settings, from_date: date | None, to_date: date | None) -> Period:
    """The days asked for, within what can exist; by default the trailing window of the schedule.

    Raises:
        BadInput: the window is empty or lies outside the days that can have usage.
    """
    first_day, today = first_usage_date(settings), settings.current_date()
    last = to_date or today
    first = from_date or (
        last if to_date else max(first_day, last - timedelta(days=settings.collect_trailing_days - 1))
    )
    if first > last:
        raise BadInput(f"--from {first} is after --to {last}.", next_step="Swap the two days.")
    if first < first_day or last > today:
        raise BadInput(
            f"{Period(first, last)} is outside of the days that can have usage, {first_day} to {today}.",
            next_step="Choose days inside, or set COSTPULSE_FIRST_USAGE_DATE to an earlier day.",
        )
    return Period(first, last)
