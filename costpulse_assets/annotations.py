"""Remarks on usage days: what happened, for everybody or for one team, drawn on the charts of the day.

Who reads and writes which is row-level security (migration 0036): the connection carries `costpulse.scope` and
`costpulse.actor`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from costpulse_assets.errors import BadInput, NotAllowed
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection, run

LONGEST_NOTE = 200
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


@dataclass(frozen=True)
class Annotation:
    """One remark; team_id None: for everybody."""

    id: int
    usage_date: date
    note: str
    team_id: int | None
    author: str


def annotations(connection: Connection, period: Period, teams: Sequence[int] | None = None) -> list[Annotation]:
    """The remarks on the days of a period that the connection sees, oldest first, a hundred at most.

    Args:
        connection: whose scope decides.
        period: first and last day.
        teams: only remarks of these teams, and those for everybody; None: of all teams.
    """
    parameters = {
        "first": period.first,
        "last": period.last,
        "teams": None if teams is None else list(teams),
    }
    return [Annotation(**row) for row in run(connection, "app/annotation_list", parameters)]


def add_annotation(connection: Connection, day: date, note: str, team_id: int | None) -> int:
    """Writes a remark in the name of the actor; returns its number.

    Args:
        connection: in a transaction with `costpulse.actor` set.
        day: the UTC day.
        note: 1 to 200 characters, white space at its ends is not counted.
        team_id: the team it is about; None: for everybody.

    Raises:
        BadInput: the text is missing or too long, or the day is out of range.
        NotAllowed: the team is not there or not in the actor's scope, or it is for everybody and they see less.
    """
    note = " ".join(note.split())
    faults = []
    if not note:
        faults.append("Write a text.")
    elif len(note) > LONGEST_NOTE:
        faults.append(f"The text has {len(note)} characters; it can have {LONGEST_NOTE} at most.")
    if not _FIRST_DAY <= day <= _LAST_DAY:
        faults.append(f"{day} is out of range: days lie between {_FIRST_DAY} and {_LAST_DAY}.")
    if faults:
        raise BadInput(" ".join(faults), next_step="Nothing was written.")
    written = run(connection, "app/annotation_insert", {"day": day, "note": note, "team": team_id})
    if not written:
        raise NotAllowed(
            "A remark for everybody takes a scope of everything."
            if team_id is None
            else "There is no such team, or it is not yours to write about.",
            next_step="Choose a team of yours; nothing was written.",
        )
    number: int = written[0]["id"]
    return number


def delete_annotation(connection: Connection, number: int, *, is_own: bool) -> None:
    """Takes a remark away.

    Args:
        connection: in a transaction with `costpulse.actor` set.
        number: which.
        is_own: only if the actor wrote it.

    Raises:
        NotAllowed: it is gone, or not the actor's to take away.
    """
    if not run(connection, "app/annotation_delete", {"id": number, "is_own": is_own}):
        raise NotAllowed(
            "The remark is gone already, or not yours to delete.", next_step="Reload to see what is there."
        )
