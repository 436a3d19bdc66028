"""Prepared cost records of one day, as Arrow files on disk, and a source that yields them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from costpulse_assets.resources.source import Parameter

#: Rows per Arrow batch: a page of the warehouse adapter.
PAGE_ROWS = 20_000

# Two records per key (usage that arrives on the day and on the next one), 200 workspaces, 40 SKUs, 2,000 users,
# some 5,000 tag sets; quantities with 18 digits; in no order, as a warehouse answers.
_RECORDS = """
select
    usage_date,
    (usage_date + (i % 2)::int)::date as ingestion_date,
    'ORIGINAL' as record_type,
    md5('key ' || k) as key_id,
    'account' as account_id,
    (1000 + k % 200)::varchar as workspace_id,
    'AWS' as cloud,
    'PREMIUM_COMPUTE_OF_KIND_' || (k % 40) as sku_name,
    'JOBS' as product,
    'COMPUTE_TIME' as usage_type,
    k % 3 = 0 as is_serverless,
    'DBU' as usage_unit,
    (1 + (hash(i) % 1000000000000000000)::decimal(38, 0) / 1000000000000000000)::decimal(38, 18) as usage_quantity,
    (0.07 + (k % 40)::decimal(4, 0) / 100)::decimal(38, 18) as dbu_rate,
    'cluster-' || k as cluster_id,
    null::varchar as warehouse_id,
    (k % 9000)::varchar as job_id,
    'nightly load ' || (k % 9000) as job_name,
    null::varchar as pipeline_id,
    null::varchar as endpoint_name,
    null::varchar as resource_type,
    null::varchar as resource_id,
    'person.' || (k % 2000) || '@example.com' as user_email,
    'run_as' as user_source,
    '{{"cost_center":"' || (k % 73) || '","environment":"production","team":"team ' || (k % 75) || '"}}' as tags,
    4::bigint as record_count
from (select i, i // 2 as k, date '{day}' as usage_date from range({rows}) as numbers (i))
order by hash(i)
"""


def write_records(path: Path, day: date, rows: int) -> None:
    """One day of cost records as the collect statement returns them, in an Arrow stream file."""
    with duckdb.connect() as connection:
        reader = connection.sql(_RECORDS.format(day=day, rows=rows)).to_arrow_reader(PAGE_ROWS)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, reader.schema) as stream:
            for batch in reader:
                stream.write_batch(batch)


class PreparedSource:
    """A source that reads its answers from files, so that fetching costs as little as it can."""

    name = "prepared"

    def __init__(self, path: Path, day: date) -> None:
        self._path = path
        rows, quantity, newest = 0, Decimal(0), day
        with self._open() as reader:
            for batch in reader:
                rows += pc.sum(batch["record_count"]).as_py()
                quantity += pc.sum(batch["usage_quantity"]).as_py()
                newest = max(newest, pc.max(batch["ingestion_date"]).as_py())
        self._totals = pa.RecordBatch.from_pylist(
            [
                {
                    "usage_date": day,
                    "source_rows": rows,
                    "source_quantity": quantity,
                    "newest_ingestion_date": newest,
                }
            ]
        )

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader:
        """The control totals, or the records."""
        if "as source_rows" in statement:
            return pa.RecordBatchReader.from_batches(self._totals.schema, [self._totals])
        return self._open()

    def close(self) -> None:
        """Nothing is kept open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> pa.RecordBatchReader:
        # Not memory-mapped: mapped pages of the file would count as memory of the process.
        return pa.ipc.open_stream(pa.OSFile(str(self._path)))
