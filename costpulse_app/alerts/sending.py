"""Messages that a person asks for: a test, or one that is sent again; the answer of the channel is waited for."""

from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg.rows import dict_row

from costpulse_app import db, people
from costpulse_app.alerts import reads
from costpulse_app.alerts.reads import Alert, OnItsWay
from costpulse_assets.alerts import outbox
from costpulse_assets.alerts.channels import ConfiguredChannel, open_channels
from costpulse_assets.alerts.deliver import deliver_round
from costpulse_assets.alerts.message import Message
from costpulse_assets.alerts.trial import channels_of_alert, trial_message
from costpulse_assets.allocation.alerts import StoredAlert, stored_alerts
from costpulse_assets.channel_addresses import ChannelAddress
from costpulse_assets.errors import BadInput
from costpulse_assets.people import Right
from costpulse_assets.resources.database import Connection


@dataclass(frozen=True)
class WayOut:
    """A channel that the settings have; no secrets.

    Attributes:
        channel: what is set.
        address: the one address it reaches; None: it reaches many, one has to be named.
    """

    channel: ConfiguredChannel
    address: str | None


def ways_out() -> list[WayOut]:
    """Every channel that is configured."""
    settings = db.settings()
    with open_channels(settings) as channels:
        configured = channels.configured()
    # Slack's webhook comes first; a bot without a channel of its own looks the same.
    webhook = configured[0] if settings.slack_webhook_url is not None else None
    return [
        WayOut(one, f"{one.kind}:{one.target}" if one.target else ("slack" if one is webhook else None))
        for one in configured
    ]


def send_test(name: str, channel: str, message: Message) -> OnItsWay:
    """Sends a message that is marked as a test.

    Args:
        name: of the alert, or of what is tested.
        channel: where to.
        message: what it says.

    Returns:
        What the channel answered.

    Raises:
        BadInput: that is no channel.
    """
    try:
        address = str(ChannelAddress.parse(channel))
    except ValueError as error:
        raise BadInput(f"{error}.", next_step="Correct it and try again.") from None
    with people.acting("edit alerts") as connection:
        number = outbox.queue_test(
            connection, alert_name=name, channel=address, message=message, actor=people.current().name
        )
    return _sent(number, "edit alerts")


def channels_of(one: Alert) -> tuple[str, ...]:
    """Where findings of the alert go; none where it cannot be evaluated."""
    try:
        with people.reading() as connection:
            connection.row_factory = dict_row
            return channels_of_alert(connection, db.settings(), _stored(connection, one))
    except BadInput:
        return ()


def send_trial(one: Alert, channel: str) -> OnItsWay:
    """Sends what the alert told last, or a few words, marked as a test; see `send_test`."""
    with people.reading() as connection:
        connection.row_factory = dict_row
        message = trial_message(connection, _stored(connection, one))
    return send_test(one.name, channel, message)


def send_again(number: int) -> OnItsWay:
    """Sends a message once more that was refused, failed, or may have arrived; returns what was answered."""
    with people.acting("send messages again") as connection:
        outbox.requeue(connection, number, people.current().name)
    return _sent(number, "send messages again")


def _stored(connection: Connection, one: Alert) -> StoredAlert:
    for stored in stored_alerts(connection):
        if stored.id == one.id:
            return stored
    raise BadInput(f"The alert {one.name} was deleted meanwhile.", next_step="Reload the page.")


def _sent(number: int, right: Right) -> OnItsWay:
    with open_channels(db.settings()) as channels:
        deliver_round(
            people.acting_database(right),
            channels,
            app_url=db.settings().app_address,
            now=datetime.now(UTC),
            only=number,
        )
    found = reads.message(number)
    if found is None:
        raise BadInput("The message is not there any more.", next_step="Reload the page.")
    return found
