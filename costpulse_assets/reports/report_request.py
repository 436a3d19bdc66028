"""What a person, the command line or a schedule asks for; checked here, once, before anything is written."""

from datetime import date, timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from costpulse_assets.errors import BadInput
from costpulse_assets.periods import Period, whole_month

ReportType = Literal["showback", "chargeback", "executive", "team", "statement"]
ReportFormat = Literal["csv", "xlsx", "pdf", "parquet", "focus"]
REPORT_TYPES: tuple[ReportType, ...] = ("showback", "chargeback", "executive", "team", "statement")
REPORT_FORMATS: tuple[ReportFormat, ...] = ("csv", "xlsx", "pdf", "parquet", "focus")


class ReportRequest(BaseModel):
    """One report: what, of which days, whose, as what.

    `first_day` and `last_day` are usage days (UTC), both included. `team` is the name of a team, which stands for
    itself and the teams below it; None: all. A statement is of one whole month; FOCUS is of whole billing months (the
    last may be the present one) and holds the bill itself, so it takes no type but showback and chargeback.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    report_type: ReportType
    format: ReportFormat
    first_day: date
    last_day: date
    team: str | None = Field(default=None, min_length=1, max_length=200)
    focus_version: Literal["1.2", "1.3", "1.4"] = "1.3"
    split: Literal["none", "team"] = "none"
    channels: tuple[str, ...] = ()

    @property
    def period(self) -> Period:
        """The days it is of."""
        return Period(self.first_day, self.last_day)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError(f"the period ends on {self.last_day}, before it begins on {self.first_day}")
        faults = []
        if self.report_type == "statement" and self.period != whole_month(self.first_day):
            faults.append("a statement is of one whole month: give its first and its last day")
        if self.format == "focus":
            if self.report_type not in ("showback", "chargeback"):
                faults.append("FOCUS holds the bill itself: ask for it with the type showback or chargeback")
            if self.team is not None:
                faults.append("FOCUS holds the whole bill, with the team of each row: leave the team out")
            if self.first_day.day != 1 or (self.last_day + timedelta(days=1)).day != 1:
                faults.append("FOCUS goes by billing months: give the first day of one and the last day of another")
        if faults:
            raise ValueError("; ".join(faults))
        return self


def checked_request(**fields: object) -> ReportRequest:
    """The request, or what is wrong with it.

    Raises:
        BadInput: every fault in one sentence.
    """
    try:
        return ReportRequest.model_validate(fields)
    except ValidationError as error:
        faults = [
            ("" if not fault["loc"] else f"{'.'.join(map(str, fault['loc']))}: ")
            + fault["msg"].removeprefix("Value error, ")
            for fault in error.errors()
        ]
        raise BadInput(
            f"This report cannot be made: {'; '.join(faults)}.",
            next_step="Change what was asked for; `costpulse report --help` and docs/reports.md list the choices.",
        ) from None
