"""Where the month of a scope will be, in figures and in words; the page and the Overview say the same."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from costpulse_app import formats
from costpulse_app.forecast import reads
from costpulse_app.forecast.reads import Day, Landing
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_assets.analysis.series import Scope
from costpulse_assets.periods import Period, first_of_previous_month, whole_month


@dataclass(frozen=True)
class Outlook:
    """The newest forecast of a scope: where its month will be, and the days to come."""

    landing: Landing
    #: All days that the issue reaches, from the day after the last one that was final then.
    days: tuple[Day, ...]
    #: Cost of the whole month before; None where not all of it was collected.
    month_before: Decimal | None

    @property
    def days_of_month(self) -> list[Day]:
        """The days to come of the month."""
        month = whole_month(self.landing.month)
        return [day for day in self.days if day.forecast_date in month]

    @property
    def change(self) -> Decimal | None:
        """Against the month before, as a share."""
        return formats.change_share(self.landing.predicted_cost, self.month_before)


def at_your_price(made: Frame) -> Frame:
    """The same frame at the price that forecasts and budgets are in."""
    return replace(made, filters=replace(made.filters, basis="price"))


def read(made: Frame, version: Version, scope: Scope) -> Outlook | None:
    """The newest forecast of a scope; None where it has none."""
    found = reads.landings(version, scope)
    # On the last day of a month there is nothing left of it to forecast.
    open_months = [each for each in found if whole_month(each.month).last > each.data_until]
    if not open_months:
        return None
    landing = open_months[0]
    before = whole_month(first_of_previous_month(landing.month))
    is_whole = min(made.days) <= before.first and made.is_final(before.last)
    return Outlook(
        landing,
        tuple(reads.days(version, scope, landing.data_until)),
        sum(reads.costs(version, scope, before).values(), Decimal(0)) if is_whole else None,
    )


def sentence(made: Frame, found: Outlook) -> str:
    """What is said first: November lands at $79,940 (95%: $76,100 to $83,800), 6.6% above October."""
    landing = found.landing
    said = f"{landing.month:%B} lands at {formats.money(landing.predicted_cost, made.currency)} ({band(made, landing)})"
    change = found.change
    if change is None:
        return f"{said}."
    month = f"{first_of_previous_month(landing.month):%B}"
    words = formats.percent(abs(change))
    if words == "0.0%":
        return f"{said}, as much as {month}."
    return f"{said}, {words} {'above' if change > 0 else 'below'} {month}."


def band(made: Frame, landing: Landing) -> str:
    """The band in words: 95%: $76,100 to $83,800."""
    return (
        f"{landing.level:.0%}: {formats.money(landing.lower_bound, made.currency)} to "
        f"{formats.money(landing.upper_bound, made.currency)}"
    )


def made_on(made: Frame, landing: Landing) -> str:
    """Said when newer final days are not in the forecast, or nothing."""
    if made.last_final is None or landing.data_until >= made.last_final:
        return ""
    return f"made on {formats.day(landing.data_until)}, not updated since"


def costs(made: Frame, version: Version, scope: Scope, period: Period) -> dict[date, Decimal]:
    """Cost of every collected day of a period, zeros included."""
    found = reads.costs(version, scope, period)
    return {day: found.get(day, Decimal(0)) for day in sorted(made.days) if day in period}
