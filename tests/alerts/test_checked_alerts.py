"""What the types say of alerts: every fault with its field, and nothing of an alert that can be evaluated."""

from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import Field

from costpulse_assets.alerts import checked_alerts
from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertOptions, AlertType, Finding, Threshold
from costpulse_assets.alerts.checked_alerts import alert_type_faults, check_alert, checked_alert, options_of
from costpulse_assets.alerts.message import Message
from costpulse_assets.allocation.alerts import AlertDocument


class Options(AlertOptions):
    """One of each kind."""

    days: int = Field(default=3, ge=1, le=30)
    share: Decimal = Decimal("0.5")
    every: Literal["daily", "weekly"] = "weekly"
    directions: tuple[Literal["up", "down"], ...] = ("up", "down")
    is_strict: bool = False
    budget: str = ""


def message(finding: Finding) -> Message:
    raise NotImplementedError


def a_type(name: str, threshold: Threshold | None) -> AlertType:
    return AlertType(
        name=name, title=name, fires="", silent="", once="", scopes=("everything", "team"), severity="critical",
        value_unit="USD", message=message, evidence={}, threshold=threshold, options=Options,
    )  # fmt: skip


TYPES = {
    kind.name: kind
    for kind in (
        a_type("plain", None),
        a_type("required", Threshold("USD a day", "USD", None, Decimal(1), Decimal(500))),
        a_type("own", Threshold("USD a day", "USD", Decimal(10), Decimal(1), Decimal(500))),
        a_type("elsewhere", Threshold("Percent", "percent", None, Decimal(1), Decimal(500), "those of the budget")),
    )
}


@pytest.fixture(autouse=True)
def _types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_alerts, "ALERT_TYPES", TYPES)


def document(alert_type: str, **fields: Any) -> AlertDocument:
    return AlertDocument.model_validate({"name": "Mine", "alert_type": alert_type} | fields)


@pytest.mark.parametrize(
    "accepted",
    [
        document("plain"),
        document("plain", scope_type="team", scope="Risk"),
        document("required", threshold_value=1),
        document("own"),
        document("own", threshold_value=500),
        document("elsewhere"),
    ],
)
def test_nothing_is_said_of_what_can_be_evaluated(accepted: AlertDocument) -> None:
    assert check_alert(accepted) == []


@pytest.mark.parametrize(
    ("refused", "field", "message"),
    [
        (document("spend"), "alert_type",
         "Type must be one of those of docs/alerts.md (elsewhere, own, plain or required), not spend."),
        (document("plain", scope_type="sku", scope="X"), "scope_type",
         "Scope must be everything or team for plain, not sku."),
        (document("plain", threshold_value=5), "threshold_value", "Threshold means nothing for plain: leave it out."),
        (document("required"), "threshold_value", "Threshold is missing: USD a day, 1 to 500 USD."),
        (document("own", threshold_value=-5), "threshold_value",
         "Threshold must be 1 to 500 USD (USD a day), not -5."),
        (document("plain", options={"days": 31}), "options.days",
         "Option days must be less than or equal to 30, not 31."),
        (document("plain", options={"every": "often"}), "options.every",
         "Option every must be 'daily' or 'weekly', not often."),
        (document("plain", options={"directions": ["up", "left"]}), "options.directions.1",
         "Option directions 1 must be 'up' or 'down', not left."),
        (document("plain", options={"month": 1}), "options.month", "Option month is not known here."),
    ],
)  # fmt: skip
def test_what_does_not_fit_its_type_is_said_with_its_field(refused: AlertDocument, field: str, message: str) -> None:
    assert alert_type_faults(refused) == [(field, message)]


def test_all_that_does_not_fit_is_said_at_once() -> None:
    wrong = document("own", scope_type="sku", scope="X", threshold_value=0, options={"days": 0, "every": "often"})
    assert [field for field, _ in alert_type_faults(wrong)] == [
        *("scope_type", "threshold_value", "options.days", "options.every"),
    ]


def test_options_mean_the_same_typed_or_chosen() -> None:
    chosen = {"days": 4, "share": Decimal("0.25"), "directions": ("up",), "is_strict": True, "budget": "007"}
    typed = {"days": "4", "share": "0.25", "directions": ["up"], "is_strict": "true", "budget": "007"}
    assert options_of(document("plain", options=chosen)) == options_of(document("plain", options=typed))
    assert options_of(document("plain", options=chosen)) == Options.model_validate(chosen)


def test_an_alert_has_the_severity_of_its_type_unless_it_says_its_own() -> None:
    assert checked_alert(document("plain"))[0].severity == "critical"
    assert checked_alert(document("plain", severity="info"))[0].severity == "info"
    assert checked_alert(document("spend"))[0].severity is None


def test_the_defaults_of_every_type_are_accepted_as_documents_hold_them() -> None:
    for kind in ALERT_TYPES.values():
        options = kind.options().model_dump()
        assert kind.options.model_validate(document(kind.name, options=options).options) == kind.options()
