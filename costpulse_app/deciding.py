"""What people decide about findings: by somebody who may, and unless somebody else has decided since it was shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import streamlit as st

from costpulse_app import formats, people
from costpulse_assets.errors import BadInput, CostPulseError
from costpulse_assets.resources.database import Connection, Database


class _OneTransaction(Database):
    """A transaction as functions of costpulse_assets take the database; whoever opened it ends it."""

    def __init__(self, connection: Connection) -> None:
        super().__init__("")
        self._connection = connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """The one that is open."""
        yield self._connection


def decide(look: Callable[[Connection], None], write: Callable[[Database], None]) -> bool:
    """Looks and writes in one transaction; what is wrong is said in place.

    Args:
        look: raises BadInput where what is decided about is not as the viewer saw it; keeps others from changing it.
        write: the decision.

    Returns:
        Whether it was written.
    """
    try:
        with people.acting("decide on findings") as connection:
            look(connection)
            write(_OneTransaction(connection))
    except CostPulseError as error:
        said = error.message if isinstance(error, ChangedMeanwhile) else f"{error.message} {error.next_step}"
        st.error(formats.plain(said), icon=":material/error:")
        return False
    return True


class ChangedMeanwhile(BadInput):
    """Somebody else has decided since what is decided about was shown."""

    def __init__(self, actor: str | None, at: datetime | None, what: str = "") -> None:
        when = "meanwhile" if at is None else f"at {formats.moment(at)}"
        about = f": {what}" if what else ""
        super().__init__(
            f"Changed by {actor or 'somebody'} {when}{about}; reload to see it.",
            next_step="Reload, and decide about what is there then.",
        )
