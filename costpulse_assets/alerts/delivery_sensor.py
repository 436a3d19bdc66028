"""The sensor that delivers: every half minute, in the process that evaluates sensors, without a run."""

from datetime import UTC, datetime

import dagster as dg

from costpulse_assets.resources.database import open_database
from costpulse_assets.settings import Settings

#: No message is begun later in a tick: with the longest a channel takes, it ends before Dagster gives a tick up (60 s).
_TICK_SECONDS = 35.0


def delivery_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor `deliver_alerts`."""

    @dg.sensor(
        minimum_interval_seconds=settings.deliver_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends the messages of alert_outbox that are due, each once.",
    )
    def deliver_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        # Only here: the libraries of the channels are not needed to load the definitions.
        from costpulse_assets.alerts.channels import open_channels
        from costpulse_assets.alerts.deliver import deliver_round

        with open_database(settings) as database, open_channels(settings) as channels:
            done = deliver_round(
                database, channels, app_url=settings.app_address, now=datetime.now(UTC), seconds=_TICK_SECONDS
            )
        for delivery in done.deliveries:
            if delivery.is_late or delivery.answer.outcome != "delivered":
                late = " The answer came after its lease: it counts as unknown." if delivery.is_late else ""
                context.log.warning(f"{delivery.channel}: {delivery.title}: {delivery.answer.text}{late}")
        if done.expired:
            context.log.warning(f"{done.expired} messages were being sent when their process ended: they are unknown.")
        return dg.SkipReason(f"{done.summary()}." if done.summary() else "Nothing is due.")

    return deliver_alerts
