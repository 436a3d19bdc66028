"""Reports as files: a million rows of detail against a bare COPY of the same statement, and a year of the demo account.

Run as a module it is the process whose memory is measured: `python -m tests.benchmarks.reports URL FORMAT FILE FIRST
LAST` builds a showback of all teams, writes it and prints what that took.
"""

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg

from costpulse_assets.allocation.rules_as_code import apply_rules, read_rules
from costpulse_assets.identities import Identities
from costpulse_assets.periods import Period
from costpulse_assets.reports.formats.write import write
from costpulse_assets.reports.report_request import checked_request
from costpulse_assets.reports.report_types import build
from costpulse_assets.resources import demo_account
from costpulse_assets.resources.database import Database, run
from costpulse_assets.resources.demo_account import DemoAccount
from costpulse_assets.resources.sql_files import load_sql
from tests.benchmarks.load import _peak_mb
from tests.benchmarks.measuring import TODAY, Bench, Section, medians, migrated, seconds
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today

_ROWS_PER_DAY = 2_500
_ROLLUPS = ("daily_team_costs", "daily_workspace_costs", "daily_sku_costs")
#: Streamed formats, and the share of the rate of a bare COPY that each must reach.
_LEAST_SHARE = {"csv": 0.5, "parquet": 0.5}
#: Seconds for a year of the demo account.
_LONGEST = {"csv": 2, "xlsx": 10, "pdf": 5}

# Names as long as they are in real accounts; SKUs, products and teams as in sql/transform/daily_costs.sql.
_FILL = """
insert into costpulse.workspaces (workspace_id, name)
select (1000 + w)::text, 'workspace of department ' || w from generate_series(0, 39) as w;

insert into costpulse.teams (name, department, cost_center)
select 'team number ' || t, 'department ' || t %% 4, 'CC-' || 4700 + t from generate_series(1, 15) as t;

insert into costpulse.daily_costs (
    usage_date, workspace_id, sku_name, product, usage_unit, team_id,
    usage_quantity, dbu_count, list_cost_usd, cost_usd, unpriced_quantity, record_count
)
select
    %(today)s::date - n / %(rows_per_day)s,
    (1000 + n %% 40)::text,
    'PREMIUM_COMPUTE_OF_KIND_' || n / 40 %% 25,
    'PRODUCT_' || n / 40 %% 8,
    'DBU',
    nullif((n %% 40 + n / 1000 * 5) %% 15, 0),
    q.quantity,
    q.quantity,
    q.quantity * 0.55,
    q.quantity * 0.4675,
    0,
    24
from generate_series(0, %(rows)s - 1) as n
cross join lateral (select round((1 + random() * 500)::numeric, 18) as quantity where n >= 0) as q;

insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis)
select d.usage_date, 1, 1, false, 'none' from (select distinct c.usage_date from costpulse.daily_costs as c) as d;
"""


def measure(bench: Bench) -> Section:
    """Rates and memory of the streamed formats, then seconds of every format."""
    records, days = bench.sizes.records, bench.sizes.reallocated_days
    section = Section(
        "Reports",
        f"A showback of {records:,} rows of daily_costs: the file with its detail, without the building of figures and "
        "tables, against a bare COPY of the same statement into a file by the same client, in turns. Memory is the "
        "peak of the process, with everything a Dagster run has loaded. Then a showback of "
        f"{days} days of the demo account, built and written.",
    )
    for name, server in bench.servers.items():
        with migrated(server) as url:
            _fill(url, records)
            _streamed(section, bench, url, name)
    _demo(section, bench, days)
    return section


def _streamed(section: Section, bench: Bench, url: str, server: str) -> None:
    days = -(-bench.sizes.records // _ROWS_PER_DAY)
    period = Period(TODAY - timedelta(days=days - 1), TODAY)
    peaks: dict[str, list[float]] = {name: [] for name in _LEAST_SHARE}

    def written(name: str) -> float:
        took = _written(url, name, bench.folder / f"report.{name}", period)
        assert took["rows"] == bench.sizes.records
        peaks[name].append(took["peak_mb"])
        return took["write"]

    bare = partial(_bare_copy, url, bench.folder / "bare.csv", period)
    bare()  # warms the server
    *ours, plain = medians(bench.sizes.repetitions, *[partial(written, name) for name in _LEAST_SHARE], bare)
    limit = bench.sizes.records / plain
    for (name, share), took in zip(_LEAST_SHARE.items(), ours, strict=True):
        rate = bench.sizes.records / took
        section.at_least(f"{name} / COPY, {server}", rate / limit, share, f" ({rate:,.0f} against {limit:,.0f} rows/s)")
        section.below(f"peak memory, {name}, {server}", max(peaks[name]), 300, "MB", digits=0)


def _fill(url: str, rows: int) -> None:
    with Database(url).writing() as connection:
        parameters = {"today": TODAY, "rows": rows, "rows_per_day": _ROWS_PER_DAY}
        psycopg.ClientCursor(connection).execute(_FILL, parameters)
        days = [row["usage_date"] for row in connection.execute("select usage_date from costpulse.completeness")]
        for table in _ROLLUPS:
            run(connection, f"transform/{table}", {"days": days})
    with psycopg.connect(url, autocommit=True) as connection_of_its_own:
        connection_of_its_own.execute("vacuum analyze")


def _bare_copy(url: str, path: Path, period: Period) -> float:
    statement = f"copy ({load_sql('reports/detail')}) to stdout (format csv, header)"
    parameters = {"first": period.first, "last": period.last, "team_id": None}

    def copied() -> None:
        with (
            Database(url).transaction() as connection,
            path.open("wb", buffering=1 << 20) as file,
            psycopg.ClientCursor(connection).copy(statement.encode(), parameters) as copy,
        ):
            for row in copy:
                file.write(row)

    return seconds(copied)


def _demo(section: Section, bench: Bench, days: int) -> None:
    first = TODAY - timedelta(days=days - 1)
    with ExitStack() as stack:
        database = Database(stack.enter_context(migrated(bench.plain)))
        account = stack.enter_context(DemoAccount(days=days, end_date=TODAY))
        instance = stack.enter_context(ephemeral_instance())
        rules = Path(demo_account.__file__).with_name("allocation.yaml").read_bytes()
        with database.transaction() as connection:
            apply_rules(connection, read_rules(rules, "demo"), "benchmark", identities=Identities(None))
        pipeline = Pipeline(database, account, pretend_today(TODAY, first_usage_date=first), instance)
        assert pipeline.run(first, TODAY).success
        with psycopg.connect(database.url, autocommit=True) as connection_of_its_own:
            connection_of_its_own.execute("vacuum analyze")
        for name, longest in _LONGEST.items():
            path = bench.folder / f"demo.{name}"
            took = _written(database.url, name, path, Period(first, TODAY))
            rows = "" if took["rows"] is None else f"{took['rows']:,} rows, "
            note = f" ({rows}{path.stat().st_size / 2**20:.1f} MB, peak {took['peak_mb']:.0f} MB)"
            section.below(f"{days} days of the demo account, {name}", took["build"] + took["write"], longest, "s", note)


def _written(url: str, name: str, path: Path, period: Period) -> dict[str, float]:
    arguments = [url, name, f"{path}", f"{period.first}", f"{period.last}"]
    command = [sys.executable, "-m", "tests.benchmarks.reports", *arguments]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(printed)  # type: ignore[no-any-return]


def _write_once(url: str, name: str, path: Path, first: date, last: date) -> None:
    import costpulse_assets.definitions  # noqa: F401  a run's process has all of it in memory

    request = checked_request(report_type="showback", format=name, first_day=first, last_day=last)
    made_at = datetime.combine(TODAY, datetime.min.time(), UTC)
    with Database(url).transaction() as connection:
        connection.execute("set transaction isolation level repeatable read")
        started = time.perf_counter()
        report = build(connection, pretend_today(TODAY), request, team_id=None, made_at=made_at)
        built = time.perf_counter()
        rows = write(report, request.format, path, connection)
        done = time.perf_counter()
    print(json.dumps({"build": built - started, "write": done - built, "rows": rows, "peak_mb": _peak_mb()}))


if __name__ == "__main__":
    _write_once(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *map(date.fromisoformat, sys.argv[4:6]))
