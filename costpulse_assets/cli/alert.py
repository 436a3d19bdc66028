"""`costpulse alert`: try an alert: send a marked message, or see what it would have said."""

import getpass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import click

from costpulse_assets.allocation.alerts import StoredAlert, stored_alerts
from costpulse_assets.channel_addresses import ChannelAddress
from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.options import data_dir_option, format_option, print_rows
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection
from costpulse_assets.resources.migrations import check_schema
from costpulse_assets.settings import load_settings


class Channel(click.ParamType[str]):
    """Where a message can go, as alerts have it."""

    name = "channel"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Parse the channel or fail with what one looks like."""
        try:
            return str(ChannelAddress.parse(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group()
def alert() -> None:
    """Try an alert: send a marked message, or see what it would have said."""


@alert.command()
@click.argument("name")
@click.option("--channel", type=Channel(), help="Send it here alone (default: wherever the alert would go).")
@click.option("--actor", default=getpass.getuser, show_default="the user of this computer", help="Who asks for it.")
@data_dir_option
@click.pass_context
def test(context: click.Context, name: str, channel: str | None, actor: str, data_dir: Path | None) -> None:
    """Send a message that is marked as a test to each channel of the alert NAME, and print what the channel answers.

    The exit code is 0 if every channel took it.
    """
    # Only here: the libraries of the channels take a part of a command's start.
    from costpulse_assets.alerts.channels import open_channels
    from costpulse_assets.alerts.deliver import deliver_round
    from costpulse_assets.alerts.outbox import queue_test
    from costpulse_assets.alerts.trial import channels_of_alert, trial_message

    settings = load_settings(data_dir=data_dir)
    with open_environment(settings) as environment:
        check_schema(environment.database.url)
        with environment.database.transaction() as connection:
            stored = _stored(connection, name)
            channels = (channel,) if channel else channels_of_alert(connection, settings, stored)
            if not channels:
                raise BadInput(
                    f"{stored.document.name} goes nowhere: it has no channel, no route is for it, and there is no "
                    "default.",
                    next_step="Configure a channel (docs/alerts.md), or name one with --channel.",
                )
            message = trial_message(connection, stored)
            queued = [
                queue_test(connection, alert_name=stored.document.name, channel=each, message=message, actor=actor)
                for each in channels
            ]
        outcomes = []
        with open_channels(settings) as ways_out:
            for outbox_id in queued:
                done = deliver_round(
                    environment.database,
                    ways_out,
                    app_url=settings.app_address,
                    now=datetime.now(UTC),
                    only=outbox_id,
                )
                for delivery in done.deliveries:
                    outcomes.append("late" if delivery.is_late else delivery.answer.outcome)
                    click.echo(f"{outcomes[-1]:<9}  {delivery.channel}: {delivery.answer.text}")
    if outcomes != ["delivered"] * len(queued):
        context.exit(1)


@alert.command()
@click.argument("name")
@click.option(
    "--days", type=click.IntRange(1, 400), default=90, show_default=True, help="How far back, today included."
)
@format_option
@data_dir_option
def preview(name: str, days: int, output_format: str, data_dir: Path | None) -> None:
    """Print what the alert NAME would have said over the past days; nothing is sent or written."""
    from costpulse_assets.alerts.replay import would_have_fired

    settings = load_settings(data_dir=data_dir)
    with open_environment(settings) as environment:
        check_schema(environment.database.url)
        with environment.database.transaction() as connection:
            document = _stored(connection, name).document
        replay = would_have_fired(environment.database, settings, document, days=days)
    if replay.reason:
        raise BadInput(
            f"What {document.name} would have said cannot be known: {replay.reason}",
            next_step="See what it says from now on: in the app, under Alerts.",
        )
    rows = [
        [each.day, each.scope_name, each.phase, each.reminder, each.threshold, each.value, replay.unit, each.title]
        for each in replay.fired
    ]
    columns = ["day", "scope", "phase", "reminder", "threshold", "value", "unit", "title"]
    if output_format == "table":
        rows = [[round(value, 2) if isinstance(value, Decimal) else value for value in row] for row in rows]
    print_rows(columns, rows, output_format)
    messages = "1 message" if len(replay.fired) == 1 else f"{len(replay.fired)} messages"
    click.echo(f"{messages} in {replay.days}.", err=True)


def _stored(connection: Connection, name: str) -> StoredAlert:
    stored = stored_alerts(connection)
    for each in stored:
        if each.document.name.casefold() == name.strip().casefold():
            return each
    names = ", ".join(each.document.name for each in stored)
    raise BadInput(
        f"There is no alert called {name}.",
        next_step=f"Name one of them: {names}." if names else "Make one in the app, or with `costpulse apply`.",
    )
