"""`DemoAccount`: a Databricks account in DuckDB that answers the same statements as the real one."""

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from costpulse_assets.errors import BadInput, SourceError, SourceSqlError, SourceUnavailable
from costpulse_assets.resources.demo_account.build import GENERATOR_VERSION, fill
from costpulse_assets.resources.demo_account.tables import CATALOG
from costpulse_assets.resources.demo_account.translate import translate
from costpulse_assets.resources.source import Parameter

#: Rows per record batch of a result.
BATCH_ROWS = 20_000


class DemoAccount:
    """A made-up Databricks account with six workspaces; implements `costpulse_assets.resources.source.Source`.

    The same seed, days, end date and as_of always give the same rows. Usage reaches from
    `end_date - days + 1` to `as_of`, which may lie before or after the end date.

    Args:
        seed: another seed is another company: other sizes, other noise; the planted facts stay.
        days: days of history up to the end date.
        end_date: the anchor; planted facts are dated relative to it.
        as_of: the day the account is looked at, at 12:00 UTC; only rows that arrived by then are there.
            Default: the end date.
        path: file to keep the account in. Built once and reused while the arguments are the same; several
            processes can read it at once. Default: in memory.

    Raises:
        BadInput: days or seed out of range.
        SourceUnavailable: the file cannot be written or read.
    """

    name = "demo account"

    def __init__(
        self,
        *,
        seed: int = 7,
        days: int = 180,
        end_date: date,
        as_of: date | None = None,
        path: Path | None = None,
    ) -> None:
        if days < 1 or seed < 0:
            raise BadInput(
                f"The demo account cannot be made with seed {seed} and {days} days.",
                next_step="Give a seed of 0 or more and at least 1 day.",
            )
        facts = {
            "generator": GENERATOR_VERSION,
            "seed": seed,
            "days": days,
            "end_date": end_date.isoformat(),
            "as_of": (as_of or end_date).isoformat(),
        }
        self._connection = duckdb.connect(config={"threads": 2, "autoinstall_known_extensions": False})
        try:
            if path is None:
                _build(self._connection, ":memory:", facts)
            else:
                if not _holds(self._connection, path, facts):
                    _build_file(path, facts)
                    _attach(self._connection, path)
        except (duckdb.Error, OSError) as error:
            self._connection.close()
            raise SourceUnavailable(
                f"The demo account could not be made in {path or 'memory'}: {error}.",
                next_step="Check free space and rights of the data directory and start again.",
            ) from error

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader:
        """Run one read-only Databricks statement and stream its result; see `Source.fetch`.

        Raises:
            SourceForbidden: a table is not there.
            SourceSqlError: the statement is wrong, found before or while reading.
            SourceUnavailable: the account was closed.
        """
        text = translate(statement, parameters)
        try:
            cursor = self._connection.cursor()  # of its own, so that another reader can stay half-read
            cursor.execute("set TimeZone = 'UTC'")
            relation = cursor.sql(text)
            columns = ", ".join(
                # DuckDB sums integers as HUGEINT, which Arrow only knows as a decimal; Databricks: BIGINT.
                (f"cast(#{position} as bigint)" if str(kind) == "HUGEINT" else f"#{position}")
                + f' as "{name.replace(chr(34), chr(34) * 2)}"'
                for position, (name, kind) in enumerate(zip(relation.columns, relation.types, strict=True), 1)
            )
            reader = relation.project(columns).to_arrow_reader(BATCH_ROWS)
        except duckdb.Error as error:
            raise _named(error) from error
        return pa.RecordBatchReader.from_batches(reader.schema, _batches(reader))

    def close(self) -> None:
        """Release the database; a file stays for the next start."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise _named(error) from error


def _named(error: Exception) -> SourceError:
    if isinstance(error, duckdb.ConnectionException):
        return SourceUnavailable("The demo account is closed.", next_step="Open it again.")
    return SourceSqlError(
        f"The statement was refused: {error}.",
        next_step="Correct the statement; the demo account accepts the portable subset of Databricks SQL.",
    )


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute(f"attach {_quoted(path)} as {CATALOG} (read_only)")


def _holds(connection: duckdb.DuckDBPyConnection, path: Path, facts: dict[str, object]) -> bool:
    """Attach the file if it is a demo account made from these facts."""
    if not path.exists():
        return False
    try:
        _attach(connection, path)
    except duckdb.Error:  # another format or a damaged file: it is built anew
        return False
    try:
        found = connection.execute(f"from {CATALOG}.main.demo_account").fetchone()
    except duckdb.CatalogException:
        found = None
    if found is not None and json.loads(found[0]) == facts:
        return True
    connection.execute(f"detach {CATALOG}")
    return False


def _build(connection: duckdb.DuckDBPyConnection, target: str, facts: dict[str, object]) -> None:
    connection.execute(f"attach {_quoted(target)} as {CATALOG}")
    connection.execute("set TimeZone = 'UTC'")
    fill(
        connection,
        seed=int(str(facts["seed"])),
        days=int(str(facts["days"])),
        end_date=date.fromisoformat(str(facts["end_date"])),
        as_of=date.fromisoformat(str(facts["as_of"])),
    )
    connection.execute(
        f"create table {CATALOG}.main.demo_account as select $facts as facts", {"facts": json.dumps(facts)}
    )


def _build_file(path: Path, facts: dict[str, object]) -> None:
    """Build beside the file and rename, so that nobody ever opens half an account."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with duckdb.connect() as connection:
            _build(connection, str(draft), facts)
            connection.execute(f"detach {CATALOG}")
        draft.replace(path)
    finally:
        for leftover in (draft, draft.with_name(draft.name + ".wal")):
            leftover.unlink(missing_ok=True)


def _quoted(path: Path | str) -> str:
    return "'" + str(path).replace("'", "''") + "'"
