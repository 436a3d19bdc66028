"""The simple engine of the wire tests: plain statements on DuckDB, with Databricks' words for what goes wrong."""

import re
from collections.abc import Mapping
from typing import Protocol

import duckdb
import pyarrow as pa

from costpulse_assets.errors import SourceForbidden, SourceSqlError
from costpulse_assets.resources.source import Parameter

_NAMED = re.compile(r"(?<![:\w]):([a-z]\w*)")


class Engine(Protocol):
    """What a wire server needs; every `Source` is one."""

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader: ...


class PlainEngine:
    """DuckDB in memory; parameters as `:name`; nothing is translated."""

    def __init__(self) -> None:
        self._database = duckdb.connect()

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader:
        cursor = self._database.cursor()
        cursor.execute("set TimeZone = 'UTC'")
        try:
            result = cursor.sql(_NAMED.sub(r"$\1", statement), params=dict(parameters or {}))
            return result.to_arrow_reader(10_000)
        except duckdb.CatalogException as error:
            raise SourceForbidden(f"[TABLE_OR_VIEW_NOT_FOUND] {error} SQLSTATE: 42P01", next_step="none") from None
        except duckdb.Error as error:
            raise SourceSqlError(f"[PARSE_SYNTAX_ERROR] {error} SQLSTATE: 42601", next_step="none") from None

    def close(self) -> None:
        self._database.close()
