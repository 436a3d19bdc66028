"""What a type of alert consists of; each file beside this one declares one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from costpulse_assets.alerts.message import Message, Severity

#: What an alert can watch; scope ids are written as in budgets, forecasts and anomalies: empty for everything,
#: workspace id, product, SKU, team id or `unallocated`, workspace id/resource id, key=value of a tag.
ScopeType = Literal["everything", "team", "workspace", "product", "sku", "job", "warehouse", "cluster", "tag"]


class AlertOptions(BaseModel):
    """Fields of one type beside those that every alert has; those of the form, in this order.

    Each field has a default, a title and a description: they make the form and docs/alerts.md.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class NoOptions(AlertOptions):
    """Of a type that has none."""


@dataclass(frozen=True)
class Threshold:
    """What `alerts.threshold_value` means for a type.

    Attributes:
        label: of the field: "Percent above the usual weekday".
        unit: percent, USD, hours, ...
        default: what holds when the alert has none; None: it must have one, or takes it from elsewhere (`otherwise`).
        minimum: smallest value that is accepted.
        maximum: largest value that is accepted.
        otherwise: where it comes from without a value and a default: "the thresholds of the budget"; empty: it is
            required.
    """

    label: str
    unit: str
    default: Decimal | None
    minimum: Decimal
    maximum: Decimal
    otherwise: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing an alert has to say: a row of the type's statement, with the names of its scope.

    Attributes:
        alert_id: of the alert; 0 for a draft.
        scope_type: what it is about, which may be finer than what the alert watches (one budget of all).
        scope_id: which one.
        scope_name: what people call it.
        team_id: the team it belongs to; None: nobody's alone. Decides the route.
        subject: period or event it is about, the same as long as it is the same: `budget:4:2026-11-01`, `anomaly:17`.
        threshold: the limit that was passed, where several are possible; part of what makes it another finding.
        phase: firing, or ended: it is over.
        reminder: 0 the first time; grows while it lasts.
        occurred_on: UTC day on which it came true.
        current_value: the figure that is judged; `AlertType.value_unit` is its unit.
        expected_value: what it is compared with; None: the threshold alone.
        evidence: everything else the message says, by names that the type documents.
    """

    alert_id: int
    scope_type: str
    scope_id: str
    scope_name: str
    team_id: int | None
    subject: str
    threshold: Decimal | None
    phase: Literal["firing", "ended"]
    reminder: int
    occurred_on: date
    current_value: Decimal | None
    expected_value: Decimal | None
    evidence: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What makes it this finding and no other: a second one with the same key is never told."""
        limit = "" if self.threshold is None else f"{self.threshold.normalize():f}"
        parts = (str(self.alert_id), f"{self.scope_type}:{self.scope_id}", self.subject, limit, self.phase)
        return " | ".join((*parts, str(self.reminder)))


@dataclass(frozen=True)
class AlertType:
    """A kind of alert: what it watches, when it speaks, and what it says.

    The statement `sql/transform/alert_<name>.sql` is one SELECT over all alerts of the type at once. Its parameters:
    `alerts` (jsonb array of objects: alert_id, scope_type, scope_id, threshold_value, watches_from, and the options by
    name, defaults filled in), `first_day` and `last_day` (UTC days, inclusive: what came true on them), `now`
    (timestamptz). It returns alert_id, scope_type, scope_id, team_id, subject, threshold, phase, reminder, occurred_on,
    current_value, expected_value, evidence (jsonb), and nothing that came true before `watches_from`. It reads final
    days only, so that a day says the same whenever it is asked about: the dry run is the same statement over other
    days.

    Attributes:
        name: that of its file, and of `alerts.alert_type`.
        title: what people call it.
        fires: when it speaks, in prose.
        silent: when it says nothing although one might expect it.
        once: what is told once, when again, and whether its end is told.
        scopes: what it can watch.
        severity: of an alert that does not say otherwise.
        value_unit: of `current_value` and `expected_value`: USD, percent, hours, runs.
        message: finding -> message; pure.
        evidence: what each entry of the evidence means, with its unit.
        threshold: what `threshold_value` means; None: it has none.
        options: its other fields.
        watched_by: assets: evaluated when the tables it reads are new; clock: every few minutes, as what it watches is
            that nothing comes.
        has_statement: False: its findings come in another way than by SQL.
        no_dry_run: why the past cannot be asked; empty: it can.
    """

    name: str
    title: str
    fires: str
    silent: str
    once: str
    scopes: tuple[ScopeType, ...]
    severity: Severity
    value_unit: str
    message: Callable[[Finding], Message]
    evidence: Mapping[str, str]
    threshold: Threshold | None = None
    options: type[AlertOptions] = NoOptions
    watched_by: Literal["assets", "clock"] = "assets"
    has_statement: bool = True
    no_dry_run: str = ""

    @property
    def statement(self) -> str:
        """Name of its statement for `sql_files`."""
        return f"transform/alert_{self.name}"
