"""What the type of an alert says of it: whether it exists, and what it makes of threshold, scope and options."""

from collections.abc import Iterator

from pydantic import ValidationError

from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertOptions, AlertType, Threshold
from costpulse_assets.allocation.alerts import AlertDocument
from costpulse_assets.allocation.rule_types.declaration import any_of, refusals
from costpulse_assets.allocation.text_files import plain_number


def check_alert(document: AlertDocument) -> list[str]:
    """What is wrong with an alert for its type, one sentence each; empty if it can be evaluated."""
    return [message for _, message in alert_type_faults(document)]


def alert_type_faults(document: AlertDocument) -> list[tuple[str, str]]:
    """As `check_alert`, each with its field; options are "options.<name>"."""
    alert_type = ALERT_TYPES.get(document.alert_type)
    if alert_type is None:
        known = any_of(sorted(ALERT_TYPES))
        return [("alert_type", f"Type must be one of those of docs/alerts.md ({known}), not {document.alert_type}.")]
    return [*_scope_faults(document, alert_type), *_threshold_faults(document, alert_type), *_option_faults(document)]


def checked_alert(document: AlertDocument) -> tuple[AlertDocument, list[tuple[str, str]]]:
    """The document with the severity of its type, where it says none, and what is wrong with it for its type."""
    alert_type = ALERT_TYPES.get(document.alert_type)
    if alert_type is not None and document.severity is None:
        document = document.model_copy(update={"severity": alert_type.severity})
    return document, alert_type_faults(document)


def options_of(document: AlertDocument) -> AlertOptions:
    """The options as their type reads them, with its defaults; the document has to be without faults."""
    return ALERT_TYPES[document.alert_type].options.model_validate(document.options)


def _scope_faults(document: AlertDocument, alert_type: AlertType) -> Iterator[tuple[str, str]]:
    if document.scope_type not in alert_type.scopes:
        yield (
            "scope_type",
            f"Scope must be {any_of(alert_type.scopes)} for {alert_type.name}, not {document.scope_type}.",
        )


def _threshold_faults(document: AlertDocument, alert_type: AlertType) -> Iterator[tuple[str, str]]:
    value, threshold = document.threshold_value, alert_type.threshold
    if threshold is None:
        if value is not None:
            yield "threshold_value", f"Threshold means nothing for {alert_type.name}: leave it out."
    elif value is None:
        if threshold.default is None and not threshold.otherwise:
            yield "threshold_value", f"Threshold is missing: {threshold.label}, {_range(threshold)}."
    elif not threshold.minimum <= value <= threshold.maximum:
        yield (
            "threshold_value",
            f"Threshold must be {_range(threshold)} ({threshold.label}), not {plain_number(value)}.",
        )


def _range(threshold: Threshold) -> str:
    return f"{plain_number(threshold.minimum)} to {plain_number(threshold.maximum)} {threshold.unit}"


def _option_faults(document: AlertDocument) -> Iterator[tuple[str, str]]:
    try:
        options_of(document)
    except ValidationError as error:
        for refusal in refusals(error):
            field = refusal.field or "options"
            value = f", not {refusal.value}" if refusal.value and refusal.reason.startswith("must ") else ""
            name = field.replace("_", " ").replace(".", " ")
            yield (
                f"options.{refusal.field}" if refusal.field else "options",
                f"Option {name} {refusal.reason}{value}.",
            )
