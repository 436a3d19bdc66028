"""What people decide about recommendations: accepted, done, dismissed, open again, and who makes the change.

A decision survives every run, but for what the run finds out about it: a dismissed one comes back when its day has
passed or its saving has doubled, a done one when it is still there afterwards. Every change is written to audit_log by
a trigger; what all of them save together is said anew with it.
"""

from collections.abc import Collection
from datetime import date
from typing import Any, Literal, get_args

from costpulse_assets.analysis.recommendation_run import RECOMMENDATIONS_LOCK
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, Database, Row, run

RecommendationStatus = Literal["open", "accepted", "done", "dismissed", "expired"]
RECOMMENDATION_STATUSES: tuple[RecommendationStatus, ...] = get_args(RecommendationStatus)


def accept(
    database: Database,
    ids: Collection[int],
    *,
    actor: str,
    to: str | None = None,
    due_date: date | None = None,
    note: str = "",
) -> None:
    """The changes will be made.

    Args:
        database: as the owner, or as the app with a person who acts.
        ids: of recommendations that are open, accepted or dismissed.
        actor: who decides, for the recommendations and the audit log.
        to: who makes the change; None leaves it as it is.
        due_date: by when (UTC day); None leaves it as it is.
        note: what is to be known about it, if there is something.

    Raises:
        BadInput: a recommendation is not there, not to be seen by this person, or in another status.
    """
    _decide(
        database,
        ids,
        actor=actor,
        status="accepted",
        allowed=("open", "accepted", "dismissed"),
        must_be_found=True,
        assigned_to=_named(to),
        due_date=due_date,
        note=note,
    )


def done(database: Database, ids: Collection[int], *, actor: str, on: date, today: date, note: str = "") -> None:
    """The changes were made; from now on they are watched for what they really save.

    Args:
        database: as in `accept`.
        ids: of recommendations in any status; one that expired because of the change counts as well.
        actor: who decides.
        on: day (UTC) of the change.
        today: the present day (UTC).
        note: what is to be known about it, if there is something.

    Raises:
        BadInput: the day lies in the future, or a recommendation is not there.
    """
    if on > today:
        raise BadInput("Done date cannot lie in the future.", next_step=f"Choose a day up to {today}.")
    _decide(database, ids, actor=actor, status="done", allowed=RECOMMENDATION_STATUSES, done_on=on, note=note)


def dismiss(
    database: Database, ids: Collection[int], *, actor: str, reason: str, until: date | None = None, today: date
) -> None:
    """The changes are not wanted: they stay away until the day has passed or the saving is twice what it is now.

    Args:
        database: as in `accept`.
        ids: of recommendations that are not done.
        actor: who decides.
        reason: why.
        until: last day (UTC) they stay away; None: no day brings them back.
        today: the present day (UTC).

    Raises:
        BadInput: there is no reason, the day does not lie after today, or a recommendation is not there or done.
    """
    if not reason.strip():
        raise BadInput("Give a reason; it trains the rules.", next_step="Say why it is not worth doing.")
    if until is not None and until <= today:
        raise BadInput("The end date must lie after today.", next_step=f"Choose a day after {today}.")
    _decide(
        database,
        ids,
        actor=actor,
        status="dismissed",
        allowed=("open", "accepted", "dismissed", "expired"),
        reason=reason,
        until=until,
    )


def reopen(database: Database, ids: Collection[int], *, actor: str, reason: str = "") -> None:
    """The recommendations are open again.

    Args:
        database: as in `accept`.
        ids: of recommendations that are accepted, dismissed or done, and found by the newest run.
        actor: who decides.
        reason: why, if there is something to say.

    Raises:
        BadInput: a recommendation is not there, in another status, or not found any more.
    """
    allowed: tuple[RecommendationStatus, ...] = ("open", "accepted", "dismissed", "done")
    _decide(database, ids, actor=actor, status="open", allowed=allowed, must_be_found=True, reason=reason)


def assign(
    database: Database, ids: Collection[int], *, actor: str, to: str | None, due_date: date | None = None
) -> None:
    """Somebody makes the changes, by a day; their status stays.

    Args:
        database: as in `accept`.
        ids: of recommendations.
        actor: who decides.
        to: who makes them; None for nobody.
        due_date: by when (UTC day); None for no day.

    Raises:
        BadInput: a recommendation is not there, or the name is blank.
    """
    parameters = {"ids": list(ids), "assigned_to": _named(to), "due_date": due_date}
    with database.transaction() as connection:
        _begin(connection, actor)
        _expect_all(connection, ids, run(connection, "app/assign_recommendations", parameters), "assigned")


def _decide(
    database: Database,
    ids: Collection[int],
    *,
    actor: str,
    status: RecommendationStatus,
    allowed: Collection[RecommendationStatus],
    must_be_found: bool = False,
    reason: str = "",
    note: str = "",
    **values: Any,
) -> None:
    parameters = {
        "ids": list(ids),
        "status": status,
        "statuses": list(allowed),
        "must_be_found": must_be_found,
        "reason": reason.strip() or None,
        "note": note.strip() or None,
        "actor": actor,
        **{name: values.get(name) for name in ("until", "done_on", "assigned_to", "due_date")},
    }
    with database.transaction() as connection:
        _begin(connection, actor)
        _expect_all(connection, ids, run(connection, "app/decide_recommendations", parameters), status)
        # The part of one that leaves goes to the others on the same resource.
        connection.execute("select costpulse.combine_recommendations()")


def _begin(connection: Connection, actor: str) -> None:
    if not actor.strip():
        raise BadInput("Nobody is named who decides.", next_step="Say who acts: every decision has a name.")
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor])
    connection.execute("select pg_advisory_xact_lock(%s)", [RECOMMENDATIONS_LOCK])


def _named(to: str | None) -> str | None:
    if to is not None and not to.strip():
        raise BadInput("Nobody is named.", next_step="Give an address, or take the assignment away.")
    return to and to.strip()


def _expect_all(connection: Connection, ids: Collection[int], changed: list[Row], wanted: str) -> None:
    missing = sorted(set(ids) - {row["id"] for row in changed})
    if not missing:
        return
    known = {
        row["id"]: row
        for row in connection.execute(
            "select id, title, status, gone_at from costpulse.recommendations where id = any(%s)", [missing]
        )
    }
    unknown = [number for number in missing if number not in known]
    if unknown:
        raise BadInput(
            f"There is no recommendation {', '.join(map(str, unknown))}; nothing was changed.",
            next_step="Reload the list.",
        )
    first = known[missing[0]]
    why = "was not found by the newest run" if first["gone_at"] is not None else f"is {first['status']}"
    others = f" ({len(missing) - 1} more likewise)" if len(missing) > 1 else ""
    raise BadInput(
        f"{first['title']!r} {why} and cannot become {wanted}{others}; nothing was changed.",
        next_step="Reload the list, or reopen it first.",
    )
