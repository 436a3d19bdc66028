"""Something that costs money for the first time."""

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import Field

from costpulse_assets.alerts import words
from costpulse_assets.alerts.alert_types import parts
from costpulse_assets.alerts.alert_types.declaration import AlertOptions, AlertType, Finding, Threshold
from costpulse_assets.alerts.alert_types.evidence import causes, days
from costpulse_assets.alerts.message import Figure, Message

Kind = Literal["workspace", "product", "sku", "job", "warehouse", "endpoint"]
_KINDS: tuple[Kind, ...] = ("workspace", "product", "sku", "job", "warehouse", "endpoint")


class Options(AlertOptions):
    """What can be new."""

    kinds: tuple[Kind, ...] = Field(_KINDS, min_length=1, title="Kinds", description="What is told when it is new.")


def _message(finding: Finding) -> Message:
    found = finding.evidence
    cost = finding.current_value or Decimal(0)
    first, last = date.fromisoformat(found["first_date"]), finding.occurred_on
    kind = "SKU" if found["kind"] == "sku" else found["kind"]
    place = f" in {found['workspace']}" if found["workspace"] else ""
    length = parts.count(found["days"], "day")
    first_days = "on its first day" if found["days"] == 1 else f"in its first {length}"
    return Message(
        title=f"New {kind} {found['name']}{place}: {words.usd(cost)} {first_days}",
        text=(
            f"The {kind} {found['name']}{place} cost something for the first time on {words.day(first)}, and "
            f"{words.usd(cost)} {'on that day' if first == last else f'from {days(first, last)}'}."
        ),
        severity="info",
        figures=(
            Figure(label=f"Cost of {length}", text=words.usd(cost)),
            Figure(label="First cost", text=words.day(first)),
            *((Figure(label="Owner", text=found["owner"]),) if found["owner"] else ()),
        ),
        causes=causes(found["causes"]),
        series=parts.small_chart(finding, "Cost by day"),
        view=parts.view(
            "explorer",
            **parts.period(first, last),
            **parts.scope(finding),
            by="workspace" if found["kind"] == "sku" else "sku",
        ),
    )


ALERT_TYPE = AlertType(
    name="new_source",
    title="New source of cost",
    fires=(
        "A workspace, product, SKU, job, warehouse or serving endpoint that never cost anything before cost at least "
        "threshold_value USD in its first seven days: on the final day on which it did. A team is told of what it has "
        "most of; a workspace of the jobs, warehouses and endpoints in it."
    ),
    silent=(
        "It began in the first 35 days of the history, where everything would be new; it reached the limit later than "
        "in its first seven days; it is a job, warehouse or endpoint that was used for nothing long before, or one of "
        "a new workspace that is told itself; it is a SKU of a new product that is told itself, or one most of whose "
        "cost is that of another thing that is told."
    ),
    once="Each thing once. It has no end.",
    scopes=("everything", "team", "workspace"),
    severity="info",
    value_unit="USD",
    message=_message,
    evidence={
        "kind": "workspace, product, sku, job, warehouse or endpoint",
        "name": "what it is called",
        "workspace": "where a job, warehouse or endpoint is; null: of others",
        "first_date": "first day (UTC) that it cost something",
        "days": "days from then to the day on which it is told",
        "least_usd": "USD from which it is told",
        "owner": "who owns it or whom it runs as, if a person; null: not known",
        "causes": "its SKUs, of a SKU the workspaces, with most cost: kind, name, usd",
        "series": "cost by day in USD",
    },
    threshold=Threshold("Least cost of the first seven days", "USD", Decimal(50), Decimal("0.01"), Decimal(10) ** 12),
    options=Options,
)
