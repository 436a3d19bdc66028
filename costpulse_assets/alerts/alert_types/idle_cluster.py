"""A cluster whose idle time costs money, day after day."""

from datetime import date
from decimal import Decimal

from pydantic import Field

from costpulse_assets.alerts import words
from costpulse_assets.alerts.alert_types import parts
from costpulse_assets.alerts.alert_types.declaration import AlertOptions, AlertType, Finding, Threshold
from costpulse_assets.alerts.alert_types.evidence import days, number
from costpulse_assets.alerts.message import Figure, Message


class Options(AlertOptions):
    """How long, and how often."""

    days: int = Field(3, ge=1, le=30, title="Days running", description="Final days in a row from which it is told.")
    reminder_days: int = Field(
        7, ge=1, le=90, title="Remind after days", description="While it lasts, it is told again so often."
    )


def _message(finding: Finding) -> Message:
    found = finding.evidence
    began, limit = date.fromisoformat(found["began_on"]), words.usd(finding.expected_value or Decimal(0))
    idle, cost = number(found["idle_usd"]), number(found["cost_usd"])
    hours, up = f"{number(found['idle_hours']):,}", f"{number(found['up_hours']):,}"
    minutes, advice = found["auto_termination_minutes"], found["advice"]
    on_days = parts.count(found["idle_days"], "day")
    text = (
        f"From {days(began, finding.occurred_on)} it was up for {up} hours and idle in {hours} of them, which cost "
        f"{words.usd(idle)} of {words.usd(cost)}."
    )
    if began == finding.occurred_on:
        text = text.replace("From ", "On ", 1)
    if finding.phase == "ended":
        title = f"Over: idle cluster {found['name']}, {words.usd(idle)} in {on_days}"
        text += (
            " It is deleted."
            if found["is_deleted"]
            else f" On the last three days its idle time cost less than {limit} a day."
        )
    else:
        again = "Still an idle" if finding.reminder else "Idle"
        title = f"{again} cluster: {found['name']}, {words.usd(idle)} in {on_days}"
        text += f" {advice}." if advice else ""
    return Message(
        title=title,
        text=text,
        severity="info" if finding.phase == "ended" else "warning",
        figures=(
            Figure(label="Idle cost", text=f"{words.usd(idle)} of {words.usd(cost)}"),
            Figure(label=f"On {words.day(finding.occurred_on)}", text=words.usd(finding.current_value or Decimal(0))),
            Figure(label="Idle hours", text=f"{hours} of {up}"),
            Figure(label="Ends by itself", text=f"after {minutes} idle minutes" if minutes else "never"),
            Figure(label="Workspace", text=found["workspace"]),
        ),
        series=parts.small_chart(finding, "Idle cost by day", reference=finding.expected_value),
        notes=("What the cloud provider charges for the machines is not in it.",),
        view=parts.view("recommendations", id=str(found["recommendation"]))
        if found["recommendation"] is not None
        else parts.view("explorer", **parts.period(began, finding.occurred_on), **parts.scope(finding), by="sku"),
    )


ALERT_TYPE = AlertType(
    name="idle_cluster",
    title="Idle cluster",
    fires=(
        "The idle time of an all-purpose cluster cost at least threshold_value USD on each of `days` final days "
        "running. Idle is a stretch of more than COSTPULSE_IDLE_MINUTES in which the CPU of every node stays below "
        "COSTPULSE_IDLE_CPU_PERCENT and no task of a job runs on it; an hour costs its share of the day by node "
        "minutes. A team is told of the clusters most of whose cost it has."
    ),
    silent=(
        "There is no telemetry (serverless, or a region that is not read), or that of the day is not settled; it is a "
        "cluster of a job or pipeline. What the cloud provider charges does not count."
    ),
    once=(
        "Once when it begins, again each reminder_days while it lasts, and once when it is over: on the third day in a "
        "row below the limit. Fewer days, a weekend, are no end."
    ),
    scopes=("everything", "team", "workspace", "cluster"),
    severity="warning",
    value_unit="USD",
    message=_message,
    evidence={
        "name": "of the cluster",
        "workspace": "its workspace",
        "began_on": "first day (UTC) on which idle time cost that much",
        "days_running": "days running from which it is told",
        "idle_days": "days since then on which it cost that much",
        "idle_usd": "what idle time cost since then, in USD",
        "cost_usd": "what the cluster cost since then",
        "idle_hours": "idle hours since then",
        "up_hours": "hours in which it was up since then",
        "auto_termination_minutes": "minutes after which it ends by itself now; 0: never",
        "is_deleted": "whether it is deleted by now",
        "owner": "who owns it, if a person; null: not known",
        "recommendation": "number of the open recommendation about it that saves most; null: there is none",
        "advice": "what that says",
        "causes": "none",
        "series": "idle cost by day in USD",
    },
    threshold=Threshold("Least idle cost a day", "USD", Decimal(10), Decimal("0.01"), Decimal(10) ** 9),
    options=Options,
)
