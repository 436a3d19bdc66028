"""What psycopg raises becomes a CostPulseError with a next step, and never with a password."""

import psycopg
from psycopg.conninfo import conninfo_to_dict

from costpulse_assets.errors import (
    BadSettings,
    CostPulseError,
    DatabaseRefused,
    DatabaseUnavailable,
    InvariantBroken,
    SchemaMismatch,
)

_TRY_AGAIN = "Try again; if it repeats, look at the database server and its log."

# SQLSTATE, or its beginning, of what passes by itself: connection lost, shutting down or starting up, too
# many connections, deadlock or serialization failure, a lock that others hold.
_PASSING = ("08", "57P", "53300", "40001", "40P01", "55P03")

# First match wins: SQLSTATE or a beginning of it, and what the reader can do.
_NEXT_STEPS = (
    ("53100", "Free disk space on the database server and try again."),
    ("58030", "Check the disks of the database server and its log."),
    ("53", "Give the database server more memory or fewer connections, and try again."),
    ("28", "Correct user and password in the database URL."),
    ("3D000", "Create the database, or correct its name in the database URL."),
    ("42501", "Connect as the owner of schema costpulse, or ask its owner for the right."),
    ("57014", "Narrow the statement, or raise its time limit."),
)

# What the server says while refusing a connection has no SQLSTATE in the exception; FATAL is not translated.
_REFUSED_CONNECTIONS = (
    ("authentication failed", "28"),
    ("no pg_hba.conf entry", "28"),
    ("password supplied", "28"),
    ('role "', "28"),
    ("does not exist", "3D000"),
    ("permission denied", "42501"),
    ("too many", "53300"),
    ("remaining connection slots", "53300"),
    ("starting up", "57P03"),
    ("shutting down", "57P03"),
    ("not accepting connections", "57P03"),
    ("not yet accepting connections", "57P03"),
    ("in recovery mode", "57P03"),
    ("No space left on device", "53100"),
)


class DatabaseReadOnly(DatabaseRefused):
    """The database can be read and not changed: a standby, or one that was set to read-only."""

    def __init__(self, failure: str = "CostPulse could not save the change") -> None:
        super().__init__(
            f"{failure}: the database is read-only. Nothing was changed; everything can be read.",
            next_step="Connect to the primary server, or have its administrator switch default_transaction_read_only "
            "off, and try again.",
        )


def classify_database_error(
    error: psycopg.Error, *, doing: str = "use the database", url: str | None = None
) -> CostPulseError:
    """Name a psycopg error.

    Args:
        error: as caught.
        doing: what was tried, to follow "could not".
        url: where; shown without user and password.

    Returns:
        DatabaseUnavailable where trying again may help, SchemaMismatch where a table or column is missing,
        BadSettings for a URL that cannot be read, InvariantBroken where our own trigger found what must not be,
        DatabaseReadOnly where it may only be read, DatabaseRefused otherwise. Raise it `from error`.
    """
    where = f" ({database_label(url)})" if url is not None else ""
    failure = f"CostPulse could not {doing}{where}"
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        # Not repeated: the message of a URL that cannot be parsed quotes the URL, password included.
        return BadSettings(
            f"{failure}: the database URL, or the statement with its parameters, is malformed.",
            next_step="Write postgresql://user:password@host:port/name, special characters percent-encoded.",
        )
    text = _sentence(error)
    state = error.sqlstate or _state_of_refused_connection(str(error))
    if state is None or state.startswith(_PASSING):
        return DatabaseUnavailable(
            f"{failure}: {text}", next_step=_TRY_AGAIN if state else "Start the database, or correct its URL."
        )
    if state in ("42P01", "42703", "42883", "3F000"):
        return SchemaMismatch(f"{failure}: {text}", next_step="Run `costpulse migrate`, then try again.")
    if state == "23000":  # raised by our own triggers alone; a broken constraint has a code of its own
        return InvariantBroken(
            f"{failure}: {text}", next_step="Nothing was written; report this line with the statement that ran."
        )
    if state == "25006":
        return DatabaseReadOnly(failure)
    next_step = next((step for beginning, step in _NEXT_STEPS if state.startswith(beginning)), _TRY_AGAIN)
    return DatabaseRefused(f"{failure}: {text}", next_step=next_step)


def database_label(url: str) -> str:
    """Host, port and name of a database, without user and password: `db.example.com:5432/costpulse`."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "unreadable database URL"
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def _sentence(error: psycopg.Error) -> str:
    """The server's primary message, or the driver's text on one line."""
    return " ".join((error.diag.message_primary or str(error)).split()).rstrip(".") + "."


def _state_of_refused_connection(text: str) -> str | None:
    """The SQLSTATE behind a refused connection; None when no server answered."""
    if "FATAL" not in text and "password supplied" not in text:
        return None
    return next((state for part, state in _REFUSED_CONNECTIONS if part in text), "28")
