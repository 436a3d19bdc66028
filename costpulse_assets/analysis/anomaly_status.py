"""What people decide about anomaly events: acknowledged, expected, resolved, open again, and who looks after them.

A decision about an event holds for what is rolled up under it as well. Every change is written to audit_log by a
trigger; decisions survive the next run, and teach the detector (series_sensitivity).
"""

from collections.abc import Collection
from datetime import date
from typing import Literal, get_args

from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, Database, Row, run

#: What a person may give; the pipeline has "no longer there" beside them.
Resolution = Literal["fixed", "expected", "too small", "data fault", "not an anomaly"]
RESOLUTIONS: tuple[Resolution, ...] = get_args(Resolution)

#: Resolutions that say why in words.
_NEEDS_REASON: tuple[Resolution, ...] = ("expected", "not an anomaly")
_SHORTEST_REASON = 10


def acknowledge(database: Database, ids: Collection[int], *, actor: str, reason: str = "") -> None:
    """Somebody has seen the events and looks into them.

    Args:
        database: as the owner, or as the app with a person who acts.
        ids: of events.
        actor: who decides, for the events and the audit log.
        reason: a note, if there is one.

    Raises:
        BadInput: an event is not there, or not to be seen by this person.
    """
    _decide(database, ids, actor=actor, status="acknowledged", reason=reason)


def expect(database: Database, ids: Collection[int], *, actor: str, reason: str, until: date, today: date) -> None:
    """The events are planned activity: others of the same scope and direction that begin by `until` are so too.

    Args:
        database: as in `acknowledge`.
        ids: of events.
        actor: who decides.
        reason: why, at least ten characters.
        until: last day (UTC) of the plan; later than `today`.
        today: the present day (UTC).

    Raises:
        BadInput: the reason is too short, the end lies in the past, or an event is not there.
    """
    _long_enough(reason)
    if until <= today:
        raise BadInput("The end date must lie after today.", next_step=f"Choose a day after {today}.")
    _decide(database, ids, actor=actor, status="expected", reason=reason, until=until)


def resolve(database: Database, ids: Collection[int], *, actor: str, resolution: Resolution, reason: str = "") -> None:
    """The events are done with.

    Args:
        database: as in `acknowledge`.
        ids: of events.
        actor: who decides.
        resolution: how; too small, expected and not an anomaly make the detector quieter for the scope.
        reason: why; needed, with at least ten characters, for expected and not an anomaly.

    Raises:
        BadInput: no such resolution, the reason is too short, or an event is not there.
    """
    if resolution not in RESOLUTIONS:
        raise BadInput(
            f"An anomaly cannot be resolved as {resolution!r}.", next_step=f"Choose from {', '.join(RESOLUTIONS)}."
        )
    if resolution in _NEEDS_REASON:
        _long_enough(reason)
    _decide(database, ids, actor=actor, status="resolved", reason=reason, resolution=resolution)


def reopen(database: Database, ids: Collection[int], *, actor: str, reason: str = "") -> None:
    """The events are open again, and what their decisions taught the detector is forgotten by its next run.

    Args:
        database: as in `acknowledge`.
        ids: of events.
        actor: who decides.
        reason: a note, if there is one.

    Raises:
        BadInput: an event is not there.
    """
    _decide(database, ids, actor=actor, status="open", reason=reason)


def assign(database: Database, ids: Collection[int], *, actor: str, to: str | None) -> None:
    """Somebody looks after the events; their status stays.

    Args:
        database: as in `acknowledge`.
        ids: of events.
        actor: who decides.
        to: who looks after them; None for nobody.

    Raises:
        BadInput: an event is not there, or the name is blank.
    """
    if to is not None and not to.strip():
        raise BadInput("Nobody is named.", next_step="Give an address, or take the assignment away.")
    parameters = {"ids": list(ids), "assigned_to": to and to.strip()}
    with database.transaction() as connection:
        _name_actor(connection, actor)
        _expect_all(ids, run(connection, "app/assign_anomalies", parameters))


def _decide(
    database: Database,
    ids: Collection[int],
    *,
    actor: str,
    status: str,
    reason: str,
    resolution: str | None = None,
    until: date | None = None,
) -> None:
    parameters = {
        "ids": list(ids),
        "status": status,
        "reason": reason.strip() or None,
        "resolution": resolution,
        "expected_until": until,
        "actor": actor,
    }
    with database.transaction() as connection:
        _name_actor(connection, actor)
        _expect_all(ids, run(connection, "app/decide_anomalies", parameters))


def _name_actor(connection: Connection, actor: str) -> None:
    if not actor.strip():
        raise BadInput("Nobody is named who decides.", next_step="Say who acts: every decision has a name.")
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor])


def _expect_all(ids: Collection[int], changed: list[Row]) -> None:
    missing = sorted(set(ids) - {row["id"] for row in changed})
    if missing:
        raise BadInput(
            f"There is no anomaly {', '.join(map(str, missing))}; nothing was changed.",
            next_step="Reload the list: the bill may have been corrected meanwhile.",
        )


def _long_enough(reason: str) -> None:
    if len(reason.strip()) < _SHORTEST_REASON:
        raise BadInput("Write why, at least ten characters.", next_step="Say what was planned or what is wrong.")
