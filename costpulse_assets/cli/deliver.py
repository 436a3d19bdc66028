"""`costpulse deliver`: one round of alert delivery."""

from datetime import UTC, datetime
from pathlib import Path

import click

from costpulse_assets.cli.environment import open_environment
from costpulse_assets.cli.options import data_dir_option
from costpulse_assets.resources.migrations import check_schema
from costpulse_assets.settings import load_settings

#: Enough for everything that waits; what a channel does not take is left to the next round anyway.
_MOST_MESSAGES = 1_000


@click.command()
@data_dir_option
@click.pass_context
def deliver(context: click.Context, data_dir: Path | None) -> None:
    """Send the messages that wait, those that failed before included, and say what came of each.

    What quiet hours or a cooldown hold back stays back, and so does what its channel asked to send later. The exit
    code is 0 when nothing went wrong.
    """
    # Only here: the libraries of the channels take a part of a command's start.
    from costpulse_assets.alerts.channels import open_channels
    from costpulse_assets.alerts.deliver import deliver_round

    settings = load_settings(data_dir=data_dir)
    with open_environment(settings) as environment:
        check_schema(environment.database.url)
        with open_channels(settings) as channels:
            done = deliver_round(
                environment.database,
                channels,
                app_url=settings.app_address,
                now=datetime.now(UTC),
                limit=_MOST_MESSAGES,
                retry_failed=True,
            )
        left = environment.database.rows("transform/outbox_left")
    for delivery in done.deliveries:
        outcome = "late" if delivery.is_late else delivery.answer.outcome
        click.echo(f"{outcome:<9}  {delivery.channel}: {delivery.title}")
        if delivery.is_late:
            click.echo("           The answer came too late; it counts as unknown, look whether it arrived.")
        if delivery.is_late or outcome != "delivered":
            click.echo(f"           {delivery.answer.text}")
    if done.expired:
        click.echo(f"unknown    {done.expired} were being sent when their process ended; look whether they arrived.")
    click.echo(f"{done.summary() or 'Nothing was due'}.")
    for row in left:
        click.echo(f"{row['messages']} left ({row['reason']}), due from {row['first_due_at']:%d %b %Y, %H:%M} UTC on.")
    if done.refused or done.failed or done.unknown:
        context.exit(1)
