"""Who may do what: roles, the rights that go with them, and the rows of costpulse.viewers that give them to people.

A person has the role of the row with their e-mail address; else the highest role among the rows of their groups, and
the teams of all of these. COSTPULSE_ADMINS names people who are admins whatever the table says: the first one, and
the way back in.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from costpulse_assets.errors import NotAllowed
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
