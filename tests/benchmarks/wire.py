"""The warehouse adapter against the bare connector, over the same server on the loopback interface.

Run as a module it is the server, in a process of its own: `python -m tests.benchmarks.wire FILE` prints its port and
serves until its standard input ends.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from databricks import sql as databricks

from costpulse_assets.resources.databricks import DatabricksWarehouse
from costpulse_assets.settings import Connection
from tests.benchmarks.measuring import TODAY, Bench, Section, environment, medians, seconds
from tests.benchmarks.usage import PAGE_ROWS, PreparedSource, write_records
from tests.wire.thrift_server import WireServer

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_STATEMENT = "select * from prepared_records"
_PATH = "/sql/1.0/warehouses/wire"


def measure(bench: Bench) -> Section:
    """All rows through `DatabricksWarehouse.fetch`, and through the connector's own loop, in turns."""
    section = Section(
        "The wire",
        f"{bench.sizes.wire_rows:,} rows of cost records from the test warehouse, a process of its own, read by "
        "`DatabricksWarehouse.fetch` and by a bare loop over the connector's `fetchmany_arrow`, with the same pages.",
    )
    path = bench.folder / "wire.arrow"
    write_records(path, TODAY, bench.sizes.wire_rows)
    # The loopback interface is not behind the proxy that this machine may use.
    with environment(**dict.fromkeys(_PROXIES)), _server(path) as port:
        uri = f"http://127.0.0.1:{port}{_PATH}"
        settings = Connection.model_validate(
            {"name": "wire", "host": "localhost", "port": port, "http_path": _PATH, "token": "t"}
        )

        def adapter() -> None:
            with DatabricksWarehouse(settings, connection_uri=uri, page_rows=PAGE_ROWS) as warehouse:
                _expect(bench, sum(batch.num_rows for batch in warehouse.fetch(_STATEMENT)))

        def bare() -> None:
            with (
                databricks.connect(
                    server_hostname=settings.host,
                    http_path=settings.http_path,
                    access_token="t",
                    enable_telemetry=False,
                    _connection_uri=uri,
                ) as connection,
                connection.cursor(arraysize=PAGE_ROWS) as cursor,
            ):
                cursor.execute(_STATEMENT)
                received = 0
                while (page := cursor.fetchmany_arrow(PAGE_ROWS)).num_rows:
                    received += page.num_rows
                _expect(bench, received)

        ours, theirs = medians(bench.sizes.repetitions, lambda: seconds(adapter), lambda: seconds(bare))
    rows = bench.sizes.wire_rows
    section.at_least("rate", theirs / ours, 0.7, f" ({rows / ours:,.0f} against {rows / theirs:,.0f} rows/s)")
    return section


@contextmanager
def _server(records: Path) -> Iterator[int]:
    """The port of a warehouse in another process; in this one, it would wait for the same interpreter lock."""
    command = [sys.executable, "-m", "tests.benchmarks.wire", str(records)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.communicate()


def _serve(records: Path) -> None:
    with WireServer(PreparedSource(records, TODAY), token="t") as server:
        print(server.port, flush=True)
        sys.stdin.read()


def _expect(bench: Bench, rows: int) -> None:
    assert rows == bench.sizes.wire_rows, rows


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
