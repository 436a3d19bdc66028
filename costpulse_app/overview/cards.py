"""The headline figures of the Overview."""

from datetime import date, timedelta
from decimal import Decimal

from costpulse_app import formats, parts
from costpulse_app.forecast import outlook
from costpulse_app.forecast.outlook import Outlook
from costpulse_app.forecast.reads import BudgetPeriod
from costpulse_app.overview.sums import as_of as as_of_day
from costpulse_app.overview.sums import by_day
from costpulse_app.overview.sums import total as total_of
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import Windows
from costpulse_assets.periods import (
    Period,
    first_of_previous_month,
    run_rate,
    same_weekdays,
    whole_month,
)

SPARK_DAYS = 30


def show(made: Frame, final: date, windows: Windows, found: Outlook | None, budget: BudgetPeriod | None) -> None:
    """The four cards: month to date, month forecast (a run-rate where there is none), DBUs, last final day."""
    month, before = windows.period, windows.before
    recent = Period(final - timedelta(days=SPARK_DAYS - 1), made.newest)
    cost_by_day = by_day(made, recent)
    dbus_by_day = by_day(made, recent, dbus=True)
    total = total_of(made, windows)
    dbus = total_of(made, windows, dbus=True)
    last_month = whole_month(first_of_previous_month(final))
    whole = total_of(made, Windows(last_month, last_month.last))

    compared = f"vs {formats.short_days(before)}" if before else ""
    covered = f"{formats.days(month)}, compared with {formats.days(before)}." if before else ""
    spark = [float(cost_by_day.get(day) or 0) for day in recent if day <= final]
    dbu_spark = [float(dbus_by_day.get(day) or 0) for day in recent if day <= final]
    money = made.currency
    # Days of the new month have begun to arrive while the newest final day is still in the month before.
    between_months = (made.newest.year, made.newest.month) != (final.year, final.month)
    open_days = Period(made.newest.replace(day=1) if between_months else month.first, made.newest)
    open_note = parts.not_final_note(made, open_days, cost_by_day, made.measure)
    as_of = as_of_day(made, final)

    with parts.cards("cards"):
        spent = total.final_amount if total else None
        then = total.before_amount if total else None
        if between_months:
            for metric in ("month_to_date", *(() if found else ("run_rate",))):
                parts.card(
                    made,
                    metric,
                    formats.UNKNOWN,
                    days=f"{made.newest:%B %Y} has no final day yet.",
                    notes=["No final day yet this month", open_note],
                )
            if found:
                month_forecast(made, found, budget)
        else:
            parts.card(
                made,
                "month_to_date",
                formats.money(spent, money),
                full=formats.money_to_the_cent(spent, money),
                days=covered,
                delta=formats.delta(spent, then, made.measure, money),
                against=compared,
                spark=spark,
                notes=[*([open_note] if open_note else []), *as_of],
            )
            rate = None if spent is None else run_rate(spent, final)
            last = whole.final_amount if whole else None
            if found:
                month_forecast(made, found, budget)
            else:
                parts.card(
                    made,
                    "run_rate",
                    formats.money(rate, money),
                    full=formats.money_to_the_cent(rate, money),
                    days=f"{formats.days(month)} carried on to the end of {final:%B}.",
                    delta=formats.delta(rate, last, made.measure, money),
                    against=f"vs {last_month.first:%B}",
                    notes=[
                        f"Not a forecast: {formats.money(spent, money)} in {formats.count(final.day, 'day')}, "
                        f"carried on evenly",
                        *as_of,
                    ],
                )
        used = dbus.final_amount if dbus else None
        parts.card(
            made,
            "dbus",
            formats.dbus(used),
            days=covered,
            delta=formats.delta(used, dbus.before_amount if dbus else None, "dbu"),
            against=compared,
            spark=dbu_spark,
            notes=as_of,
            good_when_down=False,
        )
        on_day = cost_by_day.get(final)
        weekdays = [cost_by_day.get(day) for day in same_weekdays(final) if day in made.days]
        priced = [amount for amount in weekdays if amount is not None]
        usual = sum(priced, Decimal(0)) / len(priced) if len(priced) == len(same_weekdays(final)) else None
        parts.card(
            made,
            "last_final_day",
            formats.money(on_day, money),
            full=formats.money_to_the_cent(on_day, money),
            days=f"{final:%A}, {formats.day(final)}, compared with the four {final:%A}s before"
            + (f" (mean {formats.money(usual, money)})." if usual is not None else "."),
            delta=formats.delta(on_day, usual, made.measure, money),
            against=f"vs {final:%A}s",
            spark=spark,
            notes=[f"{final:%A}, {formats.day(final)}", *as_of],
        )


def month_forecast(made: Frame, found: Outlook, budget: BudgetPeriod | None) -> None:
    """Where the month lands, with its band, and how much of the budget that is."""
    landing, currency = found.landing, made.currency
    aged = outlook.made_on(made, landing)
    notes = [outlook.band(made, landing)]
    if budget is not None and budget.period == whole_month(landing.month):
        notes.append(f"{formats.percent(landing.predicted_cost / budget.amount)} of the budget")
    parts.card(
        made,
        "month_forecast",
        formats.money(landing.predicted_cost, currency),
        full=formats.money_to_the_cent(landing.predicted_cost, currency),
        days=f"{landing.month:%B %Y}, from what was final on {formats.day(landing.data_until)}.",
        delta=formats.delta(landing.predicted_cost, found.month_before, "cost", currency),
        against=f"vs {first_of_previous_month(landing.month):%B}",
        notes=[*notes, *([aged] if aged else as_of_day(made, landing.data_until))],
    )
