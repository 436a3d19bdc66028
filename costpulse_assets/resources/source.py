"""The one port to the source of usage: `fetch(statement, parameters)` gives Arrow record batches.

Two adapters implement it: `DatabricksWarehouse` (databricks.py) and `DemoAccount` (demo_account/).
Both receive the very same statements of `sql/collect/`, written in Databricks SQL with named parameters.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa

#: Values a statement may be given as `:name`; they are bound, never formatted into the text.
Parameter = str | int | bool | date | datetime | Decimal | None


class Source(Protocol):
    """A place that answers Databricks SQL over `system.*` tables."""

    #: What it is called in logs, metadata and collection_status, e.g. the host name or "demo account".
    name: str

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader:
        """Run one read-only statement and stream its result.

        The reader has the result's schema even when there are no rows. Any error while reading
        (a subclass of SourceError) means that the rows seen so far must be thrown away and the whole
        statement restarted: a result is never resumed.

        Args:
            statement: Databricks SQL, `system.*` names in three parts, parameters as `:name`.
            parameters: values by parameter name.

        Raises:
            SourceError: one of its subclasses, with a next step.
        """
        ...

    def close(self) -> None:
        """Release the connection; never raises and never blocks for longer than a few seconds."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
