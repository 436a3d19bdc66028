"""Who looks at the page, what they see, and the one way in which they change anything.

`current()` is who this run of the script is for. Every read of a page goes through `reading` or `trying`, so that a
viewer sees the rows of their own teams only; every change goes through `acting` or `acting_database`, which ask the
table of roles again, so that a page that was left open gives nobody a right they have lost.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import db
from costpulse_assets.errors import NotAllowed
from costpulse_assets.people import Person, Right, person_of
from costpulse_assets.resources.database import Connection

#: Who acts while there is no sign-in; the name in the audit log.
LOCAL_ADMIN = Person("local admin", "admin")


def is_signed_in() -> bool:
    """Whether somebody has signed in, or need not."""
    return not db.settings().has_sign_in or bool(st.user.is_logged_in)


def sign_in() -> Person | None:
    """At the start of a run: who it is for, remembered for the rest of it; None: somebody who may not use the app.

    Raises:
        NotAllowed: nobody is signed in.
        CostPulseError: the roles cannot be read.
    """
    person = _looked_up()
    st.session_state["person"] = person
    return person


def current() -> Person:
    """Who this run is for.

    Raises:
        NotAllowed: `sign_in` found nobody.
    """
    if not db.settings().has_sign_in:
        return LOCAL_ADMIN
    person: Person | None = st.session_state.get("person")
    if person is None:
        raise _nobody()
    return person


@contextmanager
def reading() -> Iterator[psycopg.Connection[Any]]:
    """A read-only connection that sees what the viewer may see; see `db.reading`."""
    person = current()
    with db.reading(person.scope, actor=person.name) as connection:
        yield connection


@contextmanager
def trying() -> Iterator[Connection]:
    """A connection for questions that take temporary tables, which sees what the viewer may see; see `db.trying`."""
    with db.trying(current().scope) as connection:
        yield connection


@contextmanager
def acting(right: Right) -> Iterator[Connection]:
    """A connection in a transaction that may write, for somebody who has the right; see `db.writing`.

    Raises:
        NotAllowed: they do not have it (any more).
    """
    person = _who_may(right)
    with db.writing(person.name, person.scope) as connection:
        yield connection


def acting_database(right: Right) -> db.AppDatabase:
    """The database as functions of costpulse_assets take it, for somebody who has the right.

    Raises:
        NotAllowed: they do not have it (any more).
    """
    person = _who_may(right)
    return db.AppDatabase(person.name, person.scope)


def _who_may(right: Right) -> Person:
    person = _looked_up()
    if person is None:
        raise _nobody()
    person.must(right)
    return person


def _looked_up() -> Person | None:
    settings = db.settings()
    if not settings.has_sign_in:
        return LOCAL_ADMIN
    if not st.user.is_logged_in:
        raise _nobody()
    claims = st.user.to_dict()
    email = claims.get("email")
    # What the provider has not verified, anybody may have typed there.
    if not isinstance(email, str) or claims.get("email_verified") is False:
        return None
    groups: object = claims.get(settings.oidc_groups_claim)
    named = [group for group in groups if isinstance(group, str)] if isinstance(groups, list) else []
    with db.reading("all") as connection:
        connection.row_factory = dict_row
        return person_of(connection, email, named, admins=settings.admins)


def _nobody() -> NotAllowed:
    return NotAllowed("Nobody is signed in.", next_step="Reload the page and sign in.")
