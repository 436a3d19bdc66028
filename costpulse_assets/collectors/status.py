"""Keeps collection_status: how the last attempt to read each source over each connection went."""

from collections.abc import Iterator
from contextlib import contextmanager

from costpulse_assets.errors import CostPulseError, SourceForbidden
from costpulse_assets.resources.database import Database, run


@contextmanager
def recorded_status(database: Database, source: str, connection: str) -> Iterator[None]:
    """Records success, or the named failure, of what happens inside."""
    outcome: tuple[str, str | None, str | None] = ("failed", "It was interrupted.", "Run it again.")
    try:
        yield
        outcome = ("ok", None, None)
    except CostPulseError as error:
        state = "not available" if isinstance(error, SourceForbidden) else "failed"
        outcome = (state, error.message, error.next_step)
        raise
    finally:
        _record(database, source, connection, *outcome)


def _record(
    database: Database, source: str, connection: str, state: str, message: str | None, next_step: str | None
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
            },
        )
