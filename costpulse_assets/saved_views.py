"""Views that people keep: a page with its filters under a name, for themselves or shared with everyone.

Who sees and changes which is row-level security (migration 0036): the connection carries `costpulse.scope` and
`costpulse.actor`.
"""

import secrets
import string
from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import UniqueViolation

from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, run

LONGEST_NAME, LONGEST_QUERY = 80, 4_000
_SLUG_LENGTH = 10
_OF_SLUGS = string.ascii_lowercase + string.digits


class ViewChangedMeanwhile(BadInput):
    """Somebody changed or deleted the view since it was read, or may not be changed by the actor any more."""


@dataclass(frozen=True)
class SavedView:
    """One view.

    Attributes:
        id: its number.
        slug: what links name it by.
        name: what people call it.
        page: path of the page; empty: Overview.
        query: the query of the link that shows it.
        owner: whose it is.
        is_shared: everybody may open it.
        updated_at: its version.
    """

    id: int
    slug: str
    name: str
    page: str
    query: str
    owner: str
    is_shared: bool
    updated_at: datetime


def saved_views(connection: Connection) -> list[SavedView]:
    """The views that the actor sees, their own and those that are shared, by name."""
    return [SavedView(**row) for row in run(connection, "app/saved_view_list", {"slug": None})]


def view_of(connection: Connection, slug: str) -> SavedView | None:
    """The view that a link names; None: there is none, or the actor does not see it."""
    rows = run(connection, "app/saved_view_list", {"slug": slug})
    return SavedView(**rows[0]) if rows else None


def keep_view(connection: Connection, name: str, *, page: str, query: str, is_shared: bool = False) -> str:
    """Keeps a view for the actor; returns its slug.

    Args:
        connection: in a transaction with `costpulse.actor` set.
        name: 1 to 80 characters, white space at its ends is not counted.
        page: path of the page.
        query: the query of the link.
        is_shared: everybody may open it; takes a scope of everything.

    Raises:
        BadInput: the name is missing, too long or taken, or the query is too long.
    """
    name = _checked(name, query)
    slug = "".join(secrets.choice(_OF_SLUGS) for _ in range(_SLUG_LENGTH))
    parameters = {"slug": slug, "name": name, "page": page, "query": query, "is_shared": is_shared}
    if not run(connection, "app/saved_view_insert", parameters):
        raise _taken(name)
    return slug


def change_view(
    connection: Connection,
    view: SavedView,
    *,
    name: str | None = None,
    query: str | None = None,
    is_shared: bool | None = None,
) -> None:
    """Changes what is given of a view.

    Args:
        connection: in a transaction with `costpulse.actor` set.
        view: as it was read.
        name: another name, as for `keep_view`.
        query: another query.
        is_shared: whether everybody may open it.

    Raises:
        BadInput: as `keep_view`.
        ViewChangedMeanwhile: somebody else changed or deleted it, or it is not the actor's to change.
    """
    wanted = _checked(view.name if name is None else name, view.query if query is None else query)
    parameters = {
        "id": view.id,
        "seen": view.updated_at,
        "name": wanted,
        "query": view.query if query is None else query,
        "is_shared": view.is_shared if is_shared is None else is_shared,
    }
    try:
        changed = run(connection, "app/saved_view_update", parameters)
    except UniqueViolation:
        raise _taken(wanted) from None
    if not changed:
        raise _changed_meanwhile(view)


def delete_view(connection: Connection, view: SavedView) -> None:
    """Deletes a view, in a transaction with `costpulse.actor` set.

    Raises:
        ViewChangedMeanwhile: somebody else changed or deleted it, or it is not the actor's to delete.
    """
    if not run(connection, "app/saved_view_delete", {"id": view.id, "seen": view.updated_at}):
        raise _changed_meanwhile(view)


def _checked(name: str, query: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise BadInput("Give the view a name.", next_step="Nothing was saved.")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput(
            f"A name has {LONGEST_NAME} printable characters at most.", next_step="Shorten it; nothing was saved."
        )
    if len(query) > LONGEST_QUERY:
        raise BadInput("There are too many filters to keep.", next_step="Take some away; nothing was saved.")
    return name


def _taken(name: str) -> BadInput:
    return BadInput(
        f"There is a view called {name} on this page already.",
        next_step="Choose another name, or change that one; nothing was saved.",
    )


def _changed_meanwhile(view: SavedView) -> ViewChangedMeanwhile:
    return ViewChangedMeanwhile(
        f"{view.name} was changed or deleted by somebody else meanwhile, or is not yours to change.",
        next_step="Look at the list again; nothing was changed.",
    )
