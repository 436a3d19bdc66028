"""What the page Data health says: sentences of sources, reasons of days, states of runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from costpulse_app import formats
from costpulse_app.dagster_client import AssetState, Run, RunFailure, RunStatus
from costpulse_app.health.reads import DayBooks, Estimate, Request, SourceState, TableState
from costpulse_app.parts import Frame

#: What people call a source; others go by the name of their table.
SOURCES = {"cost_records": "Usage", "list_prices": "Prices", "workspaces": "Workspaces"}
STATES = {"ok": "Read", "failed": "Failed", "not available": "Not granted", "stopped": "Stopped"}
RUN_STATES: dict[RunStatus, str] = {
    "QUEUED": "queued",
    "NOT_STARTED": "queued",
    "MANAGED": "queued",
    "STARTING": "starting",
    "STARTED": "running",
    "SUSPENDED": "waiting",
    "CANCELING": "being cancelled",
    "SUCCESS": "succeeded",
    "FAILURE": "failed",
    "CANCELED": "cancelled",
}
KINDS = {"run now": "Run now", "collect days again": "Collect days again"}
DayKind = Literal["missing", "not final", "restated", "final"]
#: Kinds of days in the order of the legend.
DAY_KINDS: tuple[DayKind, ...] = ("final", "restated", "not final", "missing")
_FRESHNESS = {"HEALTHY": "fresh", "WARNING": "getting old", "DEGRADED": "stale"}
_GETTING_OLD, _STALE = timedelta(hours=13), timedelta(hours=26)


@dataclass(frozen=True)
class Sentence:
    """What is said of a source, and whether something is wrong with it."""

    text: str
    is_late: bool


def source(name: str) -> str:
    """What people call a source."""
    return SOURCES.get(name, name.replace("_", " ").capitalize())


def clock(at: datetime, now: datetime) -> str:
    """06:40 UTC on the same day, else with the day."""
    utc = at.astimezone(UTC)
    return f"{utc:%H:%M} UTC" if utc.date() == now.astimezone(UTC).date() else formats.moment(at)


def sentences(made: Frame, sources: Sequence[SourceState], next_run: datetime | None, now: datetime) -> list[Sentence]:
    """One for the bill, one for each source that is late, one for the rest of each connection."""
    usage = [one for one in sources if one.source == "cost_records"]
    said = [Sentence(_usage(made, one, next_run, now), one.is_late(now)) for one in usage]
    others = [one for one in sources if one.source != "cost_records"]
    said += [Sentence(_late(one, now), True) for one in others if one.is_late(now)]
    read: dict[str, list[SourceState]] = {}
    for one in others:
        if not one.is_late(now):
            read.setdefault(one.connection, []).append(one)
    said += [Sentence(_rest(connection, some, now), False) for connection, some in read.items()]
    return said


def _usage(made: Frame, one: SourceState, next_run: datetime | None, now: datetime) -> str:
    said = [f"final to {formats.short_day(made.last_final)}" if made.last_final else "no final day yet"]
    open_days = sorted(day for day in made.days if not made.is_final(day))[-2:]
    said += [f"{formats.short_day(day)} {made.share_in(day)}" for day in open_days]
    said.append(f"last load {clock(one.succeeded_at, now)}" if one.succeeded_at else "never loaded")
    said.append(f"next {clock(next_run, now)}" if next_run else "next not known")
    text = f"Usage, over {one.connection}: {', '.join(said)}."
    return text if one.state == "ok" else f"{text} {_why(one, now)}"


def _late(one: SourceState, now: datetime) -> str:
    since = f"last read {clock(one.succeeded_at, now)}" if one.succeeded_at else "never read"
    text = f"{source(one.source)}, over {one.connection}: {since}."
    return text if one.state == "ok" else f"{text} {_why(one, now)}"


def _why(one: SourceState, now: datetime) -> str:
    said = {
        "failed": f"The try of {clock(one.attempted_at, now)} failed.",
        "not available": "It is not granted.",
        "stopped": "It is left alone on purpose.",
    }[one.state]
    return " ".join(filter(None, (said, one.message, one.next_step)))


def _rest(connection: str, some: Sequence[SourceState], now: datetime) -> str:
    oldest = min(one.succeeded_at for one in some if one.succeeded_at)
    newest = max((one.newest_day for one in some if one.newest_day), default=None)
    days = f", newest usage day {formats.short_day(newest)}" if newest else ""
    others = formats.count(len(some), "other source")
    return f"{connection}: {others} read, the longest ago {clock(oldest, now)}{days}."


# --- days


def kind(day: DayBooks) -> DayKind:
    """What the calendar colours a day by."""
    if not day.is_collected:
        return "missing"
    if day.is_provisional:
        return "not final"
    return "restated" if day.restated_on else "final"


def reason(day: DayBooks, currency: str) -> str:
    """Why it is so, for the hover and the table."""
    said: list[str] = []
    if not day.is_collected:
        return "Never collected: collect it again, or see whether Databricks has usage of it."
    if day.is_provisional:
        share = "" if day.share_in is None else f", {day.share_in * 100:.0f}% in"
        said.append(f"Not final{share}.")
    if day.restated_on:
        on = ", ".join(formats.short_day(each) for each in day.restated_on[-3:])
        amount = "" if day.restated_usd is None else f": {_signed(day, currency)}"
        said.append(f"Corrected by Databricks on {on}{amount}.")
    if day.in_flight:
        said.append("It changed while it was read, and is read again by the next run.")
    if day.recollect_reason:
        said.append(f"To be collected again: {day.recollect_reason}.")
    if day.reprice_reason:
        said.append(f"To be priced again: {day.reprice_reason}.")
    if day.rejected_count:
        said.append(f"{formats.count(day.rejected_count, 'row')} rejected.")
    return " ".join(said) or "Final."


def _signed(day: DayBooks, currency: str) -> str:
    amount = day.restated_usd
    return f"{'+' if amount and amount > 0 else ''}{formats.money_to_the_cent(amount, currency)}"


# --- assets


def freshness(table: TableState | None, asset: AssetState | None, now: datetime) -> str:
    """As Dagster judges it, else by our own books with the same limits."""
    if asset is not None and asset.freshness in _FRESHNESS:
        return _FRESHNESS[asset.freshness]
    made_at = last_success(table, asset)
    if made_at is None:
        return "never made"
    age = now - made_at
    return "stale" if age > _STALE else "getting old" if age > _GETTING_OLD else "fresh"


def last_success(table: TableState | None, asset: AssetState | None) -> datetime | None:
    """The later of what Dagster and our own books say."""
    return max((one.made_at for one in (table, asset) if one is not None and one.made_at is not None), default=None)


def duration(seconds: float | None) -> str:
    """2 h 14 min, 3 min 20 s, 4.2 s; unknown is a dash."""
    if seconds is None:
        return formats.UNKNOWN
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


# --- runs


def what(run: Run, request: Request | None) -> str:
    """What a run is."""
    name = KINDS[request.kind] if request else f"Run of {run.job}"
    days = f" ({formats.days(run.days)})" if run.days else ""
    return f"{name}{days}{', started by ' + request.requested_by if request else ''}"


def progress(run: Run, now: datetime) -> str:
    """How far it is: queued, started, steps done of all."""
    state = RUN_STATES[run.status]
    if run.started_at is None:
        return f"{state.capitalize()} for {duration((now - run.created_at).total_seconds())}."
    steps = f", {run.steps_done} of {run.steps} steps done" if run.steps else ""
    failed = f", {formats.count(run.steps_failed, 'step')} failed" if run.steps_failed else ""
    current = f"; now {', '.join(run.current[:3])}" if run.current else ""
    since = duration((now - run.started_at).total_seconds())
    return f"{state.capitalize()} for {since}{steps}{failed}{current}."


def outcome(run: Run, failure: RunFailure | None) -> str:
    """How it ended, in words."""
    took = (
        f" after {duration((run.ended_at - run.started_at).total_seconds())}" if run.started_at and run.ended_at else ""
    )
    said = f"{RUN_STATES[run.status].capitalize()}{took}"
    if run.status == "SUCCESS":
        return f"{said}, {formats.count(run.steps_done, 'step')}."
    if failure is None:
        return f"{said}. What was made before it ended stays."
    step = f" in {failure.step}" if failure.step else ""
    next_step = failure.next_step or "Open the run, read the error of that step, and start it again."
    return f"{said}{step}: {failure.message} {next_step} What was made before it stays."


def estimated(one: Estimate, days: int, last_runs: Iterable[Run]) -> str:
    """What collecting days again is likely to bring, and how long it takes."""
    rows = f"about {one.source_rows:,} rows of the source" if one.known_days else "rows not known"
    if 0 < one.known_days < days:
        rows += f" ({formats.count(days - one.known_days, 'day')} never collected, not in it)"
    took = [(run.ended_at - run.started_at).total_seconds() for run in last_runs if run.started_at and run.ended_at]
    said = []
    if one.seconds is not None:
        said.append(f"about {duration(one.seconds)} to read them, then what follows from them")
    if took:
        said.append(f"the last runs took {duration(min(took))} to {duration(max(took))} in all")
    time = "; ".join(said) or "time not known: no run has left one yet"
    return f"{formats.count(days, 'day')}, {rows}, {time}."
