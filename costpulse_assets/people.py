"""Who may do what: roles, the rights that go with them, and the rows of costpulse.viewers that give them to people.

A person has the role of the row with their e-mail address; else the highest role among the rows of their groups, and
the teams of all of these. COSTPULSE_ADMINS names people who are admins whatever the table says: the first one, and
the way back in.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from costpulse_assets.errors import BadInput, NotAllowed
from costpulse_assets.resources.database import Connection, run

Role = Literal["viewer", "team_owner", "finops", "admin"]
#: From the least to the most; each may do what the one before may.
ROLES: tuple[Role, ...] = get_args(Role)

Right = Literal[
    "see costs",
    "keep views",
    "ask for reports",
    "decide on findings",
    "edit members",
    "annotate days",
    "edit rules",
    "edit prices",
    "edit budgets",
    "edit alerts",
    "edit tag policies",
    "share views",
    "close months",
    "send messages again",
    "see the audit log",
    "reopen months",
    "start runs",
    "manage people",
    "manage tokens",
]
#: The least role that has a right.
RIGHTS: dict[Right, Role] = {
    "see costs": "viewer",
    "keep views": "viewer",
    "ask for reports": "viewer",
    "decide on findings": "team_owner",
    "edit members": "team_owner",
    "annotate days": "team_owner",
    "edit rules": "finops",
    "edit prices": "finops",
    "edit budgets": "finops",
    "edit alerts": "finops",
    "edit tag policies": "finops",
    "share views": "finops",
    "close months": "finops",
    "send messages again": "finops",
    "see the audit log": "finops",
    "reopen months": "admin",
    "start runs": "admin",
    "manage people": "admin",
    "manage tokens": "admin",
}


@dataclass(frozen=True)
class Person:
    """Somebody who uses the app.

    Attributes:
        name: the e-mail address, or what stands for it; the actor of the audit log.
        role: what they may do.
        scope: the rows they see, as row-level security compares it: "all", or ids of teams with commas.
    """

    name: str
    role: Role
    scope: str = "all"

    def may(self, right: Right) -> bool:
        """Whether the role has the right."""
        return ROLES.index(self.role) >= ROLES.index(RIGHTS[right])

    def must(self, right: Right) -> None:
        """Goes on only with the right.

        Raises:
            NotAllowed: the role does not have it.
        """
        if not self.may(right):
            raise NotAllowed(
                f"To {right} takes the role {RIGHTS[right]}; {self.name} is {self.role}.",
                next_step="Ask an admin for the role, or somebody who has it to do this.",
            )


def person_of(connection: Connection, email: str, groups: Collection[str], *, admins: Collection[str]) -> Person | None:
    """Who signed in; None: somebody who may not use the app.

    Args:
        connection: of scope "all".
        email: as the sign-in gave it.
        groups: likewise.
        admins: e-mail addresses that are admins whatever the table says.
    """
    if email.lower() in {each.lower() for each in admins}:
        return Person(email, "admin")
    rows = run(connection, "app/viewers_of_person", {"email": email, "groups": list(groups)})
    if not rows:
        return None
    role = max((row["role"] for row in rows), key=ROLES.index)
    if any(row["scope"] is None for row in rows):
        return Person(email, role)
    teams = dict.fromkeys(team for row in rows for team in row["scope"])
    return Person(email, role, ",".join(map(str, teams)))


# --- the rows that give roles

Kind = Literal["email", "group"]
_LONGEST_NAME = 200
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_KINDS: dict[Kind, str] = {"email": "person", "group": "group"}


@dataclass(frozen=True)
class Viewer:
    """A person or group that may use the app, and as what.

    Attributes:
        kind: "email": one person; "group": everybody whose sign-in names the group.
        name: the e-mail address or the group, compared without case.
        role: what they may do.
        team_ids: the teams whose rows they see, each with those below it; empty: everything.
    """

    kind: Kind
    name: str
    role: Role
    team_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class StoredViewer:
    """A row of the database, and what the form needs to save it again."""

    id: int
    #: Given back when it is saved: another one means that somebody changed it meanwhile.
    updated_at: datetime
    viewer: Viewer


class BadViewer(BadInput):
    """A person or group is refused; `faults` has a sentence for all that is wrong, nothing was changed."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(self.faults), next_step="Correct it and try again; nothing was changed.")


class LastAdmin(BadInput):
    """Nobody could manage people any more."""


class ViewerChangedMeanwhile(BadInput):
    """Somebody else changed or removed the person or group after it was read."""


def stored_viewers(connection: Connection) -> list[StoredViewer]:
    """Everybody who may use the app by a row of the table, people first, by name."""
    return [
        StoredViewer(
            row["id"],
            row["updated_at"],
            Viewer(row["kind"], row["name"], row["role"], tuple(row["team_ids"] or ())),
        )
        for row in run(connection, "app/viewer_list")
    ]


def save_viewer(
    connection: Connection,
    viewer: Viewer,
    actor: str,
    *,
    viewer_id: int | None = None,
    updated_at: datetime | None = None,
    admins: Collection[str],
) -> int:
    """Saves a person or group, new or with another role or other teams, in the caller's transaction; its number.

    Args:
        connection: with an open transaction, in the scope "all".
        viewer: what it shall be; kind and name of one that is there stay as they are.
        actor: who does it, for the audit log.
        viewer_id: the row that is changed; None: a new one.
        updated_at: of the row that was edited; None: whatever is there.
        admins: e-mail addresses that are admins whatever the table says.

    Raises:
        BadViewer: something is wrong with it; nothing was changed.
        LastAdmin: it is the last admin and would be none; nothing was changed.
        ViewerChangedMeanwhile: somebody else changed or removed it; nothing was changed.
    """
    stored = _locked(connection, actor, viewer_id, updated_at)
    current = next((each for each in stored if each.id == viewer_id), None)
    if current is not None:
        viewer = Viewer(current.viewer.kind, current.viewer.name, viewer.role, viewer.team_ids)
    else:
        viewer = Viewer(viewer.kind, viewer.name.strip(), viewer.role, viewer.team_ids)
    others = [each.viewer for each in stored if each.id != viewer_id]
    wrong = list(_faults(viewer, others))
    if wrong:
        raise BadViewer(wrong)
    if viewer.role != "admin":
        _expect_an_admin(current, others, admins)
    row = {"kind": viewer.kind, "name": viewer.name, "role": viewer.role, "team_ids": list(viewer.team_ids) or None}
    statement = "app/viewer_insert" if current is None else "app/viewer_update"
    (saved,) = run(connection, statement, row | {"id": viewer_id})
    return int(saved["id"])


def remove_viewer(
    connection: Connection,
    viewer_id: int,
    actor: str,
    *,
    updated_at: datetime | None = None,
    admins: Collection[str],
) -> None:
    """Takes a person or group out, in the caller's transaction.

    Raises:
        LastAdmin: it is the last admin; nothing was changed.
        ViewerChangedMeanwhile: somebody else changed or removed it; nothing was changed.
    """
    stored = _locked(connection, actor, viewer_id, updated_at)
    current = next(each for each in stored if each.id == viewer_id)
    _expect_an_admin(current, [each.viewer for each in stored if each.id != viewer_id], admins)
    run(connection, "app/viewer_delete", {"id": viewer_id})


def has_less(now: Person, then: Person | None) -> bool:
    """Whether a person would be left with less than they have: a lower role, or fewer rows.

    Args:
        now: as they are.
        then: as they would be; None: they could not use the app.
    """
    if then is None or ROLES.index(then.role) < ROLES.index(now.role):
        return True
    if then.scope == "all":
        return False
    return now.scope == "all" or not set(now.scope.split(",")) <= set(then.scope.split(","))


def _faults(viewer: Viewer, others: Sequence[Viewer]) -> Iterator[str]:
    what = "An e-mail address" if viewer.kind == "email" else "The name of a group"
    if not viewer.name or len(viewer.name) > _LONGEST_NAME or not viewer.name.isprintable():
        yield f"{what} needs 1 to {_LONGEST_NAME} characters, and none that cannot be seen."
    elif viewer.kind == "email" and not _ADDRESS.fullmatch(viewer.name):
        yield f"{viewer.name} is no e-mail address: write it as the sign-in gives it, such as ada@example.com."
    if any(each.kind == viewer.kind and each.name.lower() == viewer.name.lower() for each in others):
        yield f"There is a {_KINDS[viewer.kind]} {viewer.name} already: change that one."
    if viewer.team_ids and viewer.role not in ("viewer", "team_owner"):
        yield f"The role {viewer.role} sees everything: choose no teams, or a lower role."


def _expect_an_admin(current: StoredViewer | None, others: Sequence[Viewer], admins: Collection[str]) -> None:
    if current is None or current.viewer.role != "admin" or admins:
        return
    if not any(each.role == "admin" for each in others):
        raise LastAdmin(
            f"{current.viewer.name} is the last admin: nobody could manage people any more.",
            next_step="Make somebody else admin first, or name one in COSTPULSE_ADMINS.",
        )


def _locked(
    connection: Connection, actor: str, viewer_id: int | None, updated_at: datetime | None
) -> list[StoredViewer]:
    """All rows, with nobody else changing them, and the one that is edited as its editor saw it."""
    if not actor.strip():
        raise BadInput("Nobody is named who changes people.", next_step="Give the name that the audit log shows.")
    connection.execute("lock table costpulse.viewers in share row exclusive mode")
    stored = stored_viewers(connection)
    current = next((each for each in stored if each.id == viewer_id), None)
    if viewer_id is not None and (current is None or updated_at not in (None, current.updated_at)):
        changes = run(connection, "app/audit_last_change", {"table": "viewers", "id": viewer_id})
        by = f" by {changes[0]['actor']} at {changes[0]['changed_at']:%d %b %Y, %H:%M} UTC" if changes else ""
        raise ViewerChangedMeanwhile(
            f"{'Removed' if current is None else 'Changed'}{by}; reload to see it.",
            next_step="Reload, make your change there, and save.",
        )
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor.strip()])
    return stored
