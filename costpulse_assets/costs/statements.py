"""The statement of a month: frozen when the month is closed, corrected by dated adjustments only, never rewritten.

`closed_periods` says what is closed. A row put there freezes the month's cost per usage day and team in
`statement_lines` (a trigger of the database does it, in the same transaction); taking the closing back voids the
lines. daily_costs goes on showing the truth: what it comes to differ in for a closed month is booked as adjustment
lines on the next open month, so that statement + adjustments = truth, to the last digit.

Two questions have two answers. What is on the statement of a month: `statement`, its own lines and the adjustments of
earlier months that are booked on it. What the usage of a month cost, as it was known on a day: `bill_as_of`, its own
lines and the adjustments made to it since, wherever they are booked; while it was open, what `known_costs` kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

from psycopg.rows import class_row

from costpulse_assets.allocation.allocate import RULES_LOCK, allocate
from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.allocation.staging import stage_claims
from costpulse_assets.costs.assets import DAILY_COSTS
from costpulse_assets.errors import BadInput
from costpulse_assets.periods import first_of_previous_month, newest_first, whole_month
from costpulse_assets.resources.database import Connection, Database, Row, expect_no_rows, run
from costpulse_assets.resources.sql_files import load_sql

#: What a line is: of a month that is open, of a closed month's statement, or a later correction of one. Reconstructed:
#: of days of an open month that were first collected after the day that is asked about.
Kind = Literal["open", "reconstructed", "statement", "adjustment"]
#: Why an adjustment was booked: usage was restated, its price changed, or it moved between teams.
Cause = Literal["restatement", "price", "rule"]

#: The asset's name, under which built_days keeps which days it has compared.
STATEMENT_LINES = "statement_lines"
#: After every moment that a line was made at.
_NOW = "infinity"


class MonthNotFinal(BadInput):
    """A month has days that are missing, not final or not up to date, so it cannot be closed."""


@dataclass(frozen=True)
class StatementRow:
    """One line of a statement or bill, in USD; the cost is None where nothing of it has a price.

    `month` is the month of the usage, `booked_month` the one whose statement has the line, `booked_on` the UTC day it
    was frozen or booked (None while the month is open). `team_id` None is Unallocated; `team_name` is the name at that
    time.
    """

    month: date
    booked_month: date
    kind: Kind
    cause: Cause | None
    booked_on: date | None
    team_id: int | None
    team_name: str | None
    workspace_id: str | None
    product: str
    sku_name: str
    usage_unit: str
    usage_quantity: Decimal
    unpriced_quantity: Decimal
    list_cost_usd: Decimal | None
    cost_usd: Decimal | None


@dataclass(frozen=True)
class KnownBill:
    """What the usage of a month cost, as it was known at the end of a day.

    `reconstructed` are days that were first collected later: their lines are what Databricks had recorded by then, at
    the prices and by the rules of the present. `left_out` are such days too, without lines, for a reader who may not
    see all teams.
    """

    lines: list[StatementRow]
    reconstructed: tuple[date, ...] = ()
    left_out: tuple[date, ...] = ()

    @property
    def remark(self) -> str | None:
        """What must be said where it is shown; None: all of it was known so."""
        sentences = []
        if self.reconstructed:
            sentences.append(
                f"Not kept, and reconstructed: {_spans(self.reconstructed)}. CostPulse collected that usage later; "
                "shown is what Databricks had recorded by then, at the prices and by the rules of today."
            )
        if self.left_out:
            sentences.append(f"Not kept, and left out: {_spans(self.left_out)}, which CostPulse collected later.")
        return " ".join(sentences) or None


def close_month(
    database: Database,
    month: date,
    actor: str,
    *,
    note: str | None = None,
    is_automatic: bool = False,
    at: datetime | None = None,
) -> None:
    """Closes a month: its cost per team is frozen as it is.

    Args:
        database: where; the app's role may close as well.
        month: any day of the month.
        actor: who closes it; in closed_periods and audit_log.
        note: why.
        is_automatic: closed by the setting, not by a person.
        at: when; now if not given.

    Raises:
        BadInput: it is closed already.
        MonthNotFinal: it has days that are missing, not final or not up to date.
    """
    month = month.replace(day=1)
    with database.writing() as connection:
        closing = _closing(connection, month)
        if closing is not None:
            raise BadInput(
                f"{month:%Y-%m} was closed on {closing['closed_at']:%Y-%m-%d} by {closing['closed_by']}.",
                next_step="Later changes are booked as adjustments; an admin can reopen it with "
                f"`costpulse close {month:%Y-%m} --reopen`.",
            )
        # No rule may change between the look at what is up to date and the closing.
        connection.execute("select pg_advisory_xact_lock_shared(%s)", [RULES_LOCK])
        _expect_final(connection, month)
        _write(
            connection,
            "transform/closed_periods",
            {"month": month, "note": note, "is_automatic": is_automatic},
            actor=actor,
            at=at,
        )


def reopen_month(
    database: Database,
    month: date,
    actor: str,
    *,
    is_admin: bool,
    note: str | None = None,
    at: datetime | None = None,
) -> None:
    """Takes a closing back: the month shows the truth again, and what was booked for it elsewhere is void.

    Args:
        database: where; the app's role may reopen as well.
        month: any day of the month.
        actor: who reopens it; in closed_periods and audit_log.
        is_admin: whether the actor has the admin role.
        note: why; added to that of the closing.
        at: when; now if not given.

    Raises:
        BadInput: the month is not closed, the actor is no admin, or a later closed month's statement holds
            adjustments of it.
    """
    month = month.replace(day=1)
    if not is_admin:
        raise BadInput(
            f"{actor} may not reopen {month:%Y-%m}: that takes the admin role.",
            next_step="Ask an admin, or leave it closed: later changes are booked as adjustments.",
        )
    with database.writing() as connection:
        closing = _closing(connection, month)
        if closing is None:
            raise BadInput(f"{month:%Y-%m} is not closed.", next_step="Choose a month that is.")
        holding = run(connection, "app/months_holding_adjustments", {"closing_id": closing["id"]})
        if holding:
            later = ", ".join(f"{row['booked_month']:%Y-%m}" for row in holding)
            raise BadInput(
                f"{month:%Y-%m} cannot be reopened: adjustments of it are on the closed statement of {later}.",
                next_step=f"Reopen {later} first, or leave both closed: later changes are booked as adjustments.",
            )
        _write(
            connection,
            "transform/reopen_closed_period",
            {"closing_id": closing["id"], "note": note},
            actor=actor,
            at=at,
        )


def close_due_months(
    database: Database, *, on_day: int, today: date, at: datetime | None = None
) -> tuple[list[date], str | None]:
    """Closes what is due by the setting close_month_on_day: the newest month whose day has come, and those that waited.

    Months before the newest one that was ever closed are left alone: what was reopened is closed again by hand.

    Args:
        database: where.
        on_day: the day of the next month on which a month is closed.
        today: the present UTC day.
        at: when; now if not given.

    Returns:
        The months that were closed, and why the next one has to wait (None: nothing waits).
    """
    newest_due = first_of_previous_month(today)
    if today.day < on_day:
        newest_due = first_of_previous_month(newest_due)
    newest_closed = database.rows("transform/newest_month_closed")[0]["month"]
    month = newest_due if newest_closed is None else _next_month(newest_closed)
    closed: list[date] = []
    while month <= newest_due:
        try:
            close_month(database, month, "pipeline", is_automatic=True, at=at)
        except MonthNotFinal as waiting:
            return closed, waiting.message
        closed.append(month)
        month = _next_month(month)
    return closed, None


def book_adjustments(database: Database, *, only_changed: bool = False, at: datetime | None = None) -> int:
    """Books how daily_costs differs from what is booked for closed months, on the next open one, with the cause.

    Args:
        database: where.
        only_changed: compare the days that were rebuilt since the last booking; False: all days of closed months.
        at: when; now if not given.

    Returns:
        How many lines were booked.

    Raises:
        InvariantBroken: the lines would not add up to daily_costs; nothing was booked.
    """
    upstreams = [DAILY_COSTS.name]
    with database.writing() as connection:
        due = _days_due(connection, asset=STATEMENT_LINES, upstreams=upstreams)
        days = due if only_changed else None
        booked = run(connection, "transform/statement_lines", {"days": days, "at": at or datetime.now(UTC)})
        expect_no_rows(
            connection,
            "checks/statements_add_up",
            {"days": days},
            otherwise="Statements and adjustments would not add up to daily_costs",
        )
        run(connection, "transform/built_days", {"asset": STATEMENT_LINES, "upstreams": upstreams, "days": due})
    return len(booked)


def statement(connection: Connection, month: date, as_of: date | None = None) -> list[StatementRow]:
    """The statement of a month: its own lines, and the adjustments of earlier months booked on it.

    Args:
        connection: with an open transaction; the app's role sees the teams of its scope.
        month: any day of the month.
        as_of: as it was at the end of that UTC day, see `bill_as_of`; None: as it is now.
    """
    month = month.replace(day=1)
    before = _NOW if as_of is None else _end_of(as_of)
    closing = _closing(connection, month, before)
    own: list[StatementRow] = []
    if closing is None:
        own = (
            _read(connection, "app/open_statement", {"month": month})
            if as_of is None
            else _known(connection, month, as_of).lines
        )
    return own + _lines(
        connection,
        {
            "closing_id": closing and closing["id"],
            "kinds": ["statement"],
            "booked_month": month,
            "before": before,
        },
    )


def bill_as_of(connection: Connection, month: date, day: date) -> KnownBill:
    """What the usage of a month cost, as it was known at the end of a UTC day: any day, before and after it was closed.

    Of a month that was closed by then, the lines made up to that day: its statement, and the adjustments of it. Else
    what daily_costs said at the end of that day, with the prices, rules and corrections then known. Days of usage that
    were first collected after it are reconstructed, and named.

    Args:
        connection: with an open transaction that may make temporary tables; the app's role sees the teams of its scope.
        month: any day of the month.
        day: the day it was known on.
    """
    month = month.replace(day=1)
    before = _end_of(day)
    closing = _closing(connection, month, before)
    if closing is None:
        return _known(connection, month, day)
    kinds = ["statement", "adjustment"]
    return KnownBill(
        _lines(connection, {"closing_id": closing["id"], "kinds": kinds, "booked_month": None, "before": before})
    )


def _closing(connection: Connection, month: date, before: datetime | str = _NOW) -> Row | None:
    """The closing that was in force just before a moment; None: the month was open."""
    rows = run(connection, "app/closing_in_force", {"month": month, "before": before})
    return rows[0] if rows else None


def _expect_final(connection: Connection, month: date) -> None:
    due = [
        day
        for table in (KEY_ALLOCATIONS, DAILY_COSTS)
        for day in _days_due(connection, asset=table.name, upstreams=table.sources)
    ]
    rows = run(connection, "transform/days_not_closable", {"month": month, "days_due": due})
    if not rows:
        return
    of_reason: dict[str, list[date]] = {}
    for row in rows:
        of_reason.setdefault(row["reason"], []).append(row["usage_date"])
    what = ", ".join(
        f"{len(days)} {'day is' if len(days) == 1 else 'days are'} {reason} (the first: {days[0]})"
        for reason, days in of_reason.items()
    )
    period = whole_month(month)
    raise MonthNotFinal(
        f"{month:%Y-%m} cannot be closed: {what}.",
        next_step=f"Run `costpulse materialize --from {period.first} --to {period.last}` when the month is over and "
        "its last days are final, then close it.",
    )


def _days_due(connection: Connection, *, asset: str, upstreams: list[str]) -> list[date]:
    """Days that an asset has to build again."""
    anywhere = {"only_changed": True, "from_date": None, "to_date": None}
    rows = run(connection, "transform/days_to_build", {"asset": asset, "upstreams": upstreams, **anywhere})
    return [row["usage_date"] for row in rows]


def _write(
    connection: Connection, statement: str, parameters: Mapping[str, Any], *, actor: str, at: datetime | None
) -> None:
    """Changes closed_periods in the name of the actor."""
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor])
    run(connection, statement, {**parameters, "actor": actor, "at": at or datetime.now(UTC)})


def _known(connection: Connection, month: date, day: date) -> KnownBill:
    """What was known of an open month at the end of a day."""
    known = _read(connection, "app/known_bill", {"month": month, "day": day})
    shown = {"first": month, "last": min(whole_month(month).last, day), "day": day}
    missing = run(connection, "app/days_not_known", shown)
    readable = tuple(row["usage_date"] for row in missing if row["is_readable"])
    if readable:
        known += _reconstructed(connection, month, readable, day)
    return KnownBill(known, readable, tuple(row["usage_date"] for row in missing if not row["is_readable"]))


def _reconstructed(connection: Connection, month: date, days: Sequence[date], day: date) -> list[StatementRow]:
    """What of these usage days had been ingested by the end of a day, allocated by the stored rules."""
    # The caller may ask for another day in the same transaction: nothing that is made for the answer stays.
    with connection.transaction(force_rollback=True):
        stage_claims(connection)
        allocate(connection, days, base="ingested_costs", as_of=day)
        return _read(connection, "transform/allocated_bill", {"month": month})


def _lines(connection: Connection, parameters: Mapping[str, Any]) -> list[StatementRow]:
    return _read(connection, "app/statement_lines", parameters)


def _read(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> list[StatementRow]:
    with connection.cursor(row_factory=class_row(StatementRow)) as cursor:
        return cursor.execute(load_sql(statement).encode(), parameters).fetchall()


def _end_of(day: date) -> datetime:
    """The moment after a UTC day."""
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC)


def _spans(days: Sequence[date]) -> str:
    return ", ".join(str(span) for span in reversed(newest_first(days, at_most=len(days))))


def _next_month(month: date) -> date:
    return whole_month(month).last + timedelta(days=1)
