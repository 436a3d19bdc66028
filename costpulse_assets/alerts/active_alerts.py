"""The alerts that are switched on, as their types read them; and those that cannot be evaluated, with the reason."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal

from pydantic import ValidationError

from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertOptions, AlertType, Threshold
from costpulse_assets.alerts.message import Severity
from costpulse_assets.alerts.scopes import known_scopes
from costpulse_assets.resources.database import Connection, run


@dataclass(frozen=True)
class ActiveAlert:
    """An alert that can be evaluated; its columns are explained at the table `alerts`.

    Attributes:
        id: 0 for a draft.
        scope_name: what people call its scope.
        threshold_value: its own, else the default of its type, else None.
        notification_channels: as typed; empty or `routed`: where the routes lead.
        options: those of its type, checked.
    """

    id: int
    name: str
    alert_type: str
    scope_type: str
    scope_id: str
    scope_name: str
    threshold_value: Decimal | None
    notification_channels: tuple[str, ...]
    cooldown_minutes: int
    severity: Severity
    owner: str | None
    quiet_from: time | None
    quiet_until: time | None
    muted_until: datetime | None
    watches_from: date
    options: AlertOptions


@dataclass(frozen=True)
class UnusableAlert:
    """An alert that cannot be evaluated."""

    id: int
    name: str
    alert_type: str
    outcome: Literal["failed", "scope gone", "unknown type"]
    problem: str
    next_step: str


def load_alerts(connection: Connection, *, types: Collection[str] | None = None) -> list[ActiveAlert]:
    """The alerts that are switched on and can be evaluated, by name.

    Args:
        connection: as the owner; the alerts cannot be deleted before its transaction ends.
        types: names of the types that are wanted; None: all.
    """
    alerts, _ = read_alerts(connection)
    return [alert for alert in alerts if types is None or alert.alert_type in types]


def read_alerts(
    connection: Connection, types: Mapping[str, AlertType] = ALERT_TYPES
) -> tuple[list[ActiveAlert], list[UnusableAlert]]:
    """The alerts that are switched on: those that can be evaluated, and the others with what is wrong."""
    rows = run(connection, "transform/alerts_to_evaluate")
    scopes = known_scopes(connection, [(row["scope_type"], row["scope_id"]) for row in rows])
    alerts, unusable = [], []
    for row in rows:
        scope = scopes[row["scope_type"], row["scope_id"]]
        who = {name: row[name] for name in ("id", "name", "alert_type")}
        kind = types.get(row["alert_type"])
        if kind is None:
            unusable.append(
                UnusableAlert(
                    **who,
                    outcome="unknown type",
                    problem=f"There is no type of alerts called {row['alert_type']}.",
                    next_step=f"Choose from {', '.join(sorted(types))}.",
                )
            )
        elif not scope.is_there:
            unusable.append(
                UnusableAlert(
                    **who,
                    outcome="scope gone",
                    problem=f"What it watches is not there: {row['scope_type']} {row['scope_id']}.",
                    next_step="Choose another scope, or switch the alert off.",
                )
            )
        else:
            try:
                alerts.append(usable(kind, {**row, "scope_name": scope.name}))
            except ValueError as error:
                unusable.append(
                    UnusableAlert(**who, outcome="failed", problem=str(error), next_step="Correct the alert.")
                )
    return alerts, unusable


def usable(kind: AlertType, fields: Mapping[str, Any]) -> ActiveAlert:
    """The alert with its options checked and the default of its type where it has no threshold.

    Args:
        kind: its type.
        fields: as the columns of `alerts`, and scope_name.

    Raises:
        ValueError: what its type does not accept, in one sentence.
    """
    if fields["scope_type"] not in kind.scopes:
        raise ValueError(f"{kind.title} cannot watch a {fields['scope_type']}, only {', '.join(kind.scopes)}.")
    try:
        options = kind.options.model_validate(fields["options"])
    except ValidationError as error:
        said = [
            f"{'.'.join(map(str, fault['loc'])) or 'options'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise ValueError(f"Its options are not valid: {'; '.join(said)}.") from None
    given = {name: fields[name] for name in ActiveAlert.__dataclass_fields__ if name in fields}
    return ActiveAlert(
        **{
            **given,
            "threshold_value": _threshold(kind.threshold, fields["threshold_value"]),
            "notification_channels": tuple(map(str, fields["notification_channels"])),
            "options": options,
        }
    )


def _threshold(declared: Threshold | None, value: Decimal | None) -> Decimal | None:
    if declared is None:
        return None
    if value is None:
        if declared.default is None and not declared.otherwise:
            raise ValueError(f"It has no threshold: {declared.label} ({declared.unit}).")
        return declared.default
    if not declared.minimum <= value <= declared.maximum:
        raise ValueError(
            f"Its threshold must lie between {declared.minimum:f} and {declared.maximum:f} {declared.unit}, "
            f"not {value.normalize():f}."
        )
    return value
