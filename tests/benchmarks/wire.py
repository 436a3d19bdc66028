"""The warehouse adapter against the bare connector, over the same server on the loopback interface."""

import pyarrow as pa
from databricks import sql as databricks

from costpulse_assets.resources.databricks import DatabricksWarehouse
from tests.benchmarks.measuring import TODAY, Bench, Section, environment, medians, seconds
from tests.benchmarks.usage import PAGE_ROWS, PreparedSource, write_records
from tests.wire.thrift_server import WireServer

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_STATEMENT = "select * from prepared_records"


def measure(bench: Bench) -> Section:
    """All rows through `DatabricksWarehouse.fetch`, and through the connector's own loop, in turns."""
    section = Section(
        "The wire",
        f"{bench.sizes.wire_rows:,} rows of cost records from the test warehouse on this machine, read by "
        "`DatabricksWarehouse.fetch` and by a bare loop over the connector's `fetchmany_arrow`, with the same pages.",
    )
    path = bench.folder / "wire.arrow"
    write_records(path, TODAY, bench.sizes.wire_rows)
    # The loopback interface is not behind the proxy that this machine may use.
    with environment(**dict.fromkeys(_PROXIES)), WireServer(PreparedSource(path, TODAY), token="t") as server:

        def adapter() -> None:
            with DatabricksWarehouse(server.connection, connection_uri=server.uri, page_rows=PAGE_ROWS) as warehouse:
                _expect(bench, sum(batch.num_rows for batch in warehouse.fetch(_STATEMENT)))

        def bare() -> None:
            with (
                databricks.connect(
                    server_hostname=server.connection.host,
                    http_path=server.connection.http_path,
                    access_token="t",
                    enable_telemetry=False,
                    _connection_uri=server.uri,
                ) as connection,
                connection.cursor(arraysize=PAGE_ROWS) as cursor,
            ):
                cursor.execute(_STATEMENT)
                _expect(bench, sum(page.num_rows for page in iter(lambda: cursor.fetchmany_arrow(PAGE_ROWS), _Empty())))

        ours, theirs = medians(bench.sizes.repetitions, lambda: seconds(adapter), lambda: seconds(bare))
    rows = bench.sizes.wire_rows
    section.at_least("rate", theirs / ours, 0.7, f" ({rows / ours:,.0f} against {rows / theirs:,.0f} rows/s)")
    return section


class _Empty:
    """Ends `iter` at the first page without rows."""

    def __eq__(self, page: object) -> bool:
        return isinstance(page, pa.Table) and page.num_rows == 0

    __hash__ = None  # type: ignore[assignment]


def _expect(bench: Bench, rows: int) -> None:
    assert rows == bench.sizes.wire_rows, rows
