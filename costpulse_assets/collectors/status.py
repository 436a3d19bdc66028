"""Keeps collection_status: how the last attempt to read each source over each connection went."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from costpulse_assets.errors import CostPulseError, SourceForbidden
from costpulse_assets.resources.database import Database, run


@contextmanager
def recorded_status(
    database: Database, source: str, connection: str, *, as_of: datetime | None = None
) -> Iterator[None]:
    """Records success, or the named failure, of what happens inside.

    Args:
        database: where.
        source: table that is collected.
        connection: name of the connection.
        as_of: the moment the source is looked at, when all that was due is read.
    """
    outcome: tuple[str, str | None, str | None] = ("failed", "It was interrupted.", "Run it again.")
    try:
        yield
        outcome = ("ok", None, None)
    except CostPulseError as error:
        state = "not available" if isinstance(error, SourceForbidden) else "failed"
        outcome = (state, error.message, error.next_step)
        raise
    finally:
        _record(database, source, connection, *outcome, as_of=as_of if outcome[0] == "ok" else None)


def record_stopped(database: Database, source: str, connection: str, message: str) -> None:
    """Records that a source is left alone on purpose, and why."""
    _record(
        database,
        source,
        connection,
        "stopped",
        message,
        "Raise COSTPULSE_SELF_COST_DAILY_BUDGET, or collect less often (COSTPULSE_COLLECT_CRON).",
    )


def _record(
    database: Database,
    source: str,
    connection: str,
    state: str,
    message: str | None,
    next_step: str | None,
    as_of: datetime | None = None,
) -> None:
    with database.transaction() as transaction:
        run(
            transaction,
            "transform/collection_status",
            {
                "source": source,
                "connection": connection,
                "state": state,
                "message": message,
                "next_step": next_step,
                "as_of": as_of,
            },
        )
