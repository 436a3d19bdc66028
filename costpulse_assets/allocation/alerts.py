"""Alerts as documents: what somebody wants to be told, and where."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from costpulse_assets.resources.database import Connection, run

_Text = Annotated[str, Field(min_length=1)]


class AlertDocument(BaseModel):
    """An alert; `notification_channels` are the names of the channels it goes to."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: _Text
    alert_type: _Text
    threshold_value: Annotated[Decimal, Field(max_digits=38, decimal_places=18)] | None = None
    notification_channels: tuple[_Text, ...] = ()
    cooldown_minutes: Annotated[int, Field(ge=0, le=2_147_483_647)] = 60
    is_active: bool = True


def stored_alerts(connection: Connection) -> tuple[AlertDocument, ...]:
    """What the database holds, by name."""
    return tuple(AlertDocument.model_validate(row) for row in _rows(connection))


def alerts_with_history(connection: Connection) -> list[str]:
    """Names of the alerts that went off before: what they said refers to them, so they have to stay."""
    return [row["name"] for row in run(connection, "app/alerts") if row["has_history"]]


def replace_alerts(connection: Connection, documents: Sequence[AlertDocument]) -> None:
    """Makes the database hold these and nothing else; what is the same keeps its row and its id.

    Needs `costpulse.actor` in the transaction.
    """
    ids = {row["name"].lower(): row["id"] for row in run(connection, "app/alerts")}
    run(
        connection,
        "app/save_alerts",
        {
            "ids": [ids.get(each.name.lower()) for each in documents],
            "names": [each.name for each in documents],
            "alert_types": [each.alert_type for each in documents],
            "threshold_values": [each.threshold_value for each in documents],
            "notification_channels": [Jsonb(each.notification_channels) for each in documents],
            "cooldown_minutes": [each.cooldown_minutes for each in documents],
            "is_active": [each.is_active for each in documents],
        },
    )


def _rows(connection: Connection) -> list[dict[str, object]]:
    rows = run(connection, "app/alerts")
    return [{name: value for name, value in row.items() if name in AlertDocument.model_fields} for row in rows]
