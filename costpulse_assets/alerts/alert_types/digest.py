"""Digests: what a day, a week or a month cost, why, what was not normal, where budgets land, and what to save."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from pydantic import Field

from costpulse_assets.alerts import words
from costpulse_assets.alerts.alert_types.declaration import AlertOptions, AlertType, Finding
from costpulse_assets.alerts.alert_types.evidence import (
    daily_series,
    days,
    explorer_view,
    iso_day,
    number,
    optional_iso_day,
    optional_number,
)
from costpulse_assets.alerts.message import Figure, Message, Section

_CENT = Decimal("0.01")
#: What each period is compared with.
_BEFORE = {"daily": "the same weekday a week before", "weekly": "the week before", "monthly": "the month before"}
_NOUN = {"daily": "day", "weekly": "week", "monthly": "month"}
#: Parts of a change, as in the change bridge (docs/methods.md).
_PARTS = {
    "new": "New",
    "ended": "Ended",
    "price": "Prices",
    "discount": "Discounts",
    "volume": "More or less use",
    "mix": "Dearer or cheaper kinds of use",
    "ownership": "Moved between teams",
    "restatements": "Corrections by Databricks",
}


class Options(AlertOptions):
    """How often."""

    every: Literal["daily", "weekly", "monthly"] = Field(
        "weekly", title="Every", description="daily, weekly (Monday to Sunday) or monthly; UTC days."
    )


def message(finding: Finding) -> Message:
    """The digest of a period; amounts are in cents, and those of a section add up to its total."""
    told = finding.evidence
    every: str = told["every"]
    first, last = iso_day(told["first_day"]), iso_day(told["last_day"])
    spent = _cents(number(told["spent_usd"]))
    before = optional_number(told["before_usd"])
    before = None if before is None else _cents(before)
    scope = "" if finding.scope_type == "everything" else f" of {_scope(finding)}"
    change = "" if before is None else f", {_change(spent, before)}"
    return Message(
        title=f"{every.capitalize()} digest{scope}: {_usd(spent)} {_when(every, first, last)}{change}",
        text=_summary(told, every, first, last, spent, before),
        severity="info",
        figures=_figures(told, every, first, last, spent, before),
        series=daily_series(told["series"], "Cost by day"),
        sections=(
            *_spent_by(told, "team", spent, before),
            *_spent_by(told, "product", spent, before),
            *_why(told, every, spent, before),
            _anomalies(told, finding.scope_type == "team"),
            _budgets(told),
            _savings(told, every),
            _freshness(told, len_days=(last - first).days + 1),
        ),
        notes=_notes(told),
        view=f"{explorer_view(finding, first, last, by='product')}&compare=previous",
    )


# --- amounts: in cents, so that what is shown adds up


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _usd(amount: Decimal) -> str:
    cents = _cents(amount)
    return f"{'-' if cents < 0 else ''}${abs(cents):,}"


def _signed(amount: Decimal) -> str:
    return _usd(amount) if amount < 0 else f"+{_usd(amount)}"


def split_to_cents(total: Decimal, amounts: Sequence[Decimal]) -> list[Decimal]:
    """Amounts in cents that add up to a total in cents; each is off by less than a cent.

    Args:
        total: USD, in cents.
        amounts: USD; they add up to the total but for what rounding it took.
    """
    cents = [_cents(amount) for amount in amounts]
    left = total - sum(cents)
    step = _CENT if left > 0 else -_CENT
    # The cents that are left go where rounding took the most.
    places = sorted(range(len(cents)), key=lambda place: (cents[place] - amounts[place]) * step)
    for place in places[: int(abs(left) / _CENT)]:
        cents[place] += step
    return cents


def _change(now: Decimal, before: Decimal) -> str:
    """As people say it: +5.8 %; a difference where there is nothing to be a share of."""
    if now == before:
        return "unchanged"
    if before <= 0:
        return _signed(now - before)
    share = (now - before) / before * 100
    return f"{'+' if share > 0 else ''}{words.percent(share)}"


def _when(every: str, first: date, last: date) -> str:
    if every == "monthly":
        return f"in {first:%B %Y}"
    return f"on {words.day(first)}" if every == "daily" else f"from {days(first, last)}"


def _scope(finding: Finding) -> str:
    return "unallocated cost" if finding.scope_id == "unallocated" else finding.scope_name


# --- the parts of the message


def _summary(
    told: Mapping[str, Any], every: str, first: date, last: date, spent: Decimal, before: Decimal | None
) -> str:
    compared = days(iso_day(told["before_first"]), iso_day(told["before_last"]))
    said = f"{days(first, last)} (UTC) cost {_usd(spent)}"
    if before is None:
        unknown: list[str] = told["before_unknown_days"]
        return (
            f"{said}. It cannot be compared with {_BEFORE[every]} ({compared}): "
            f"{_count(len(unknown), 'day')} of it {'is' if len(unknown) == 1 else 'are'} missing or not final, the "
            f"first {words.day(iso_day(unknown[0]))}."
        )
    if spent == before:
        return f"{said}, as much as {_BEFORE[every]} ({compared})."
    share = f" ({words.percent(abs(spent - before) / before * 100)})" if before > 0 else ""
    return (
        f"{said}, {_usd(abs(spent - before))} {'more' if spent > before else 'less'}{share} than {_BEFORE[every]} "
        f"({compared}: {_usd(before)})."
    )


def _figures(
    told: Mapping[str, Any], every: str, first: date, last: date, spent: Decimal, before: Decimal | None
) -> tuple[Figure, ...]:
    figures = [Figure(label="Spent", text=_usd(spent))]
    if before is not None:
        figures += [
            Figure(label=_BEFORE[every].capitalize(), text=_usd(before)),
            Figure(label="Change", text=f"{_signed(spent - before)} ({_change(spent, before)})"),
        ]
    by_day = {day: number(usd) for day, usd in told["series"]}
    if every == "daily" and (eve := by_day.get(f"{date.fromordinal(first.toordinal() - 1)}")) is not None:
        figures.append(Figure(label="The day before", text=_usd(eve)))
    if every != "daily":
        figures.append(Figure(label="Mean of a day", text=_usd(spent / ((last - first).days + 1))))
    return tuple(figures)


def _spent_by(told: Mapping[str, Any], dimension: str, spent: Decimal, before: Decimal | None) -> list[Section]:
    """What the largest teams or products cost, and all others together: it adds up to what was spent."""
    rows, found = told[f"by_{dimension}"], told[f"{dimension}_count"]
    if not rows or (dimension == "team" and found == 1):
        return []
    names = [row["name"] for row in rows]
    now, then = [number(row["usd"]) for row in rows], [number(row["before_usd"]) for row in rows]
    if found > len(rows):
        names.append(_count(found - len(rows), f"other {dimension}"))
        now.append(number(told["spent_usd"]) - sum(now))
        then.append((optional_number(told["before_usd"]) or Decimal(0)) - sum(then))
    now_cents = split_to_cents(spent, now)
    if before is None:
        lines = [f"{name}: {_usd(usd)}" for name, usd in zip(names, now_cents, strict=True)]
    else:
        lines = [
            f"{name}: {_usd(usd)} ({_signed(usd - earlier)})"
            for name, usd, earlier in zip(names, now_cents, split_to_cents(before, then), strict=True)
        ]
    return [Section(title=f"By {dimension}", lines=tuple(lines))]


def _why(told: Mapping[str, Any], every: str, spent: Decimal, before: Decimal | None) -> list[Section]:
    """The parts of the change, which add up to it, each with what it comes from, which adds up to the part."""
    if before is None:
        return []
    parts = told["why"]
    lines = []
    for part, usd in zip(parts, split_to_cents(spent - before, [number(part["usd"]) for part in parts]), strict=True):
        causes = part["largest"]
        names = [f"{each['kind']} {each['name']}" for each in causes]
        amounts = [number(each["usd"]) for each in causes]
        if (others := part["causes"] - len(causes)) > 0:
            names.append(_count(others, "other"))
            amounts.append(number(part["usd"]) - sum(amounts))
        came_from = ", ".join(
            f"{name} {_signed(cents)}" for name, cents in zip(names, split_to_cents(usd, amounts), strict=True)
        )
        if usd or any(abs(amount) >= _CENT for amount in amounts):
            lines.append(f"{_PARTS[part['part']]}: {_signed(usd)} ({came_from})")
    if not lines:
        lines = [f"Nothing has changed against {_BEFORE[every]}."]
    return [Section(title=f"Why {_signed(spent - before)}", lines=tuple(lines))]


def _anomalies(told: Mapping[str, Any], of_a_team: bool) -> Section:
    lines = []
    for event in told["anomalies"]:
        usd, whole = number(event["usd"]), number(event["whole_usd"])
        name = event["name"] if event["scope"] == "everything" else f"{event['scope']} {event['name']}"
        if event["main_name"] and event["main_name"] != event["name"]:
            name += f", mainly {event['main_kind']} {event['main_name']}"
        first, last = iso_day(event["first_day"]), optional_iso_day(event["last_day"])
        when = f"since {words.day(first)}, not over" if last is None else days(first, last)
        part = f", the team's part of {_signed(whole)}" if of_a_team and usd != whole else ""
        lines.append(
            f"{event['kind'].capitalize()} ({event['severity']}) of {name}: {_signed(usd)} against what was "
            f"expected{part}; {when}"
        )
    others = told["anomaly_count"] - len(lines)
    if others > 0:
        lines.append(f"{_count(others, 'smaller one')} on the page Anomalies")
    return Section(title="Anomalies", lines=tuple(lines) or ("None.",))


def _budgets(told: Mapping[str, Any]) -> Section:
    lines = []
    for budget in told["budgets"]:
        amount, spent = number(budget["amount"]), number(budget["spent_usd"])
        first, last = iso_day(budget["first_day"]), iso_day(budget["last_day"])
        used = f"{_usd(spent)} of {_usd(amount)} ({words.percent(spent / amount * 100)})"
        said = f"{budget['name']}, {days(first, last)}: "
        projected, chance = optional_number(budget["projected_usd"]), optional_number(budget["probability"])
        if budget["is_over"]:
            over = spent - amount
            ended = f"{_usd(over)} too much" if over > 0 else f"{_usd(-over)} left"
            said += f"ended at {used}, {ended}"
        else:
            said += f"{used} until {words.day(iso_day(budget['data_until']))}"
            if projected is None:
                said += "; where it will end is not known yet"
            else:
                said += f"; will end near {_usd(projected)} ({words.percent(projected / amount * 100)})"
            if chance is not None:
                said += f", exceeded with a probability of {words.percent(chance * 100)}"
            if breach := optional_iso_day(budget["breach_date"]):
                said += f", from {words.day(breach)} on"
        lines.append(said)
    others = told["budget_count"] - len(lines)
    if others > 0:
        lines.append(f"{_count(others, 'other')} with a lower probability of being exceeded")
    return Section(title="Budgets", lines=tuple(lines) or ("There is none.",))


def _savings(told: Mapping[str, Any], every: str) -> Section:
    """What was found in the period, which adds up, and what is open in all."""
    found = told["savings_count"]
    rows = told["savings"]
    lines = []
    if found:
        total = _cents(number(told["savings_usd"]))
        names = [f"{row['title']} ({row['kind']} {row['name']})" for row in rows]
        amounts = [number(row["usd"]) for row in rows]
        if found > len(rows):
            names.append(_count(found - len(rows), "other"))
            amounts.append(number(told["savings_usd"]) - sum(amounts))
        lines.append(f"New: {_count(found, 'recommendation')} worth {_usd(total)} in 30 days")
        lines += [f"{name}: {_usd(usd)}" for name, usd in zip(names, split_to_cents(total, amounts), strict=True)]
    else:
        lines.append(f"No new one in this {_NOUN[every]}.")
    if told["open_savings_count"]:
        lines.append(
            f"Open in all: {_count(told['open_savings_count'], 'recommendation')} worth "
            f"{_usd(number(told['open_savings_usd']))} in 30 days"
        )
    return Section(title="Savings", lines=tuple(lines))


def _freshness(told: Mapping[str, Any], len_days: int) -> Section:
    missing = [iso_day(day) for day in told["unknown_days"]]
    if missing:
        lines = [
            f"{_count(len(missing), 'day')} of {len_days} {'is' if len(missing) == 1 else 'are'} not there and in no "
            f"figure, the first {words.day(missing[0])}"
        ]
    else:
        lines = ["The day is final" if len_days == 1 else f"All {len_days} days are final"]
    if newest := optional_iso_day(told["newest_final_day"]):
        lines[0] += f"; the newest final day is {words.day(newest)}"
    if newest := optional_iso_day(told["newest_day"]):
        until = f" until {_moment(told['in_until'])}" if told["in_until"] else ""
        read = f", read {_moment(told['read_at'])}" if told["read_at"] else ""
        lines.append(f"Usage of {words.day(newest)} is in{until}{read}")
    for each in told["not_read"][:3]:
        since = f", last read {_moment(each['succeeded_at'])}" if each["succeeded_at"] else ", never read"
        lines.append(f"{each['source']} over {each['connection']}: {each['state']}{since}")
    if len(told["not_read"]) > 3:
        lines.append(f"{_count(len(told['not_read']) - 3, 'other source')} could not be read")
    return Section(title="Data", lines=tuple(lines))


def _notes(told: Mapping[str, Any]) -> tuple[str, ...]:
    skus = told["skus_without_price"]
    if not skus:
        return ()
    return (f"{_count(skus, 'SKU')} had no price: {'its' if skus == 1 else 'their'} use is in no amount here.",)


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    return f"{words.day(moment.date())} {moment:%H:%M} UTC"


def _count(number_of: int, noun: str) -> str:
    return f"{number_of:,} {noun}{'' if number_of == 1 else 's'}"


ALERT_TYPE = AlertType(
    name="digest",
    title="Digest",
    fires="A day, a week (Monday to Sunday) or a month is over, and all its days that were collected are final.",
    silent=(
        "One of its days is not final yet, or the period ended before the alert began to watch. Days that are missing "
        "do not hold it up: the message names them."
    ),
    once="Each period once; what changes in it later is told by the next one, or by an alert of closed months.",
    scopes=("everything", "team"),
    severity="info",
    value_unit="USD",
    message=message,
    evidence={
        "every": "daily, weekly or monthly",
        "first_day": "first day of the period (UTC)",
        "last_day": "its last day",
        "before_first": "first day of what it is compared with: the same weekday, week or month before it",
        "before_last": "the last day of that",
        "spent_usd": "cost of the period",
        "before_usd": "cost of what it is compared with; null: days of it are missing or not final",
        "before_unknown_days": "these days",
        "unknown_days": "days of the period that are missing",
        "teams": "ids of the teams it counts; null: everything",
        "by_team": "the five largest teams: name, usd, before_usd; all others are what is missing to spent_usd",
        "team_count": "teams with cost in either period",
        "by_product": "the same by product",
        "product_count": "products with cost in either period",
        "why": (
            "parts of the change that add up to it: part (new, ended, price, volume, ownership; of a month also "
            "discount, mix, restatements), usd, causes (how many), largest (kind, name, usd)"
        ),
        "anomalies": (
            "up to five events in the period: id, scope, name, kind, severity, first_day, last_day (null: not over), "
            "usd (of a team: its part), whole_usd, main_kind, main_name"
        ),
        "anomaly_count": "events in the period; of a team those of which a tenth or more is its",
        "budgets": (
            "the five most probably exceeded: name, amount, first_day, last_day, data_until, spent_usd, projected_usd, "
            "probability (0 to 1), breach_date, is_over"
        ),
        "budget_count": "budgets that are looked at",
        "savings": "the three largest recommendations found in the period: title, kind, name, usd in 30 days",
        "savings_count": "recommendations found in the period that are open or accepted",
        "savings_usd": "what they save in 30 days",
        "open_savings_count": "all that are open or accepted",
        "open_savings_usd": "what they save in 30 days",
        "skus_without_price": "SKUs whose use had no price",
        "newest_day": "newest day that was collected",
        "newest_final_day": "newest day that is final",
        "in_until": "until when usage of the newest day is in; null: not known",
        "read_at": "when the bill was read last",
        "not_read": "sources whose last reading failed: source, connection, state, succeeded_at",
        "series": "cost by final day: both periods, or two weeks where they are shorter",
    },
    options=Options,
)
