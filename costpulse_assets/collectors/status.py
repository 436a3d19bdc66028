"""Keeps collection_status: how the last attempt to read each source over each connection went."""

from collections.abc import Iterator
from contextlib import contextmanager

from costpulse_assets.errors import SourceError, SourceForbidden
from costpulse_assets.resources.database import Database, run


@contextmanager
def recorded_status(database: Database, source: str, connection: str) -> Iterator[None]:
    """Records success, or the named failure, of what happens inside."""
    state, message, next_step = "ok", None, None
    try:
        yield
    except SourceError as error:
        state = "not available" if isinstance(error, SourceForbidden) else "failed"
        message, next_step = error.message, error.next_step
        raise
    finally:
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
