"""An account ten times as large: every cluster, warehouse, job and attribution key of the demo account ten times."""

from pathlib import Path

import psycopg
from psycopg import sql

from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.benchmarks import start
from tests.benchmarks.measuring import Bench

#: What grows with the number of resources and is read by pages; roll-ups by workspace, product and team do not grow.
_TABLES = (
    "cost_keys",
    "daily_key_costs",
    "weekly_key_costs",
    "daily_resource_costs",
    "clusters",
    "cluster_info",
    "cluster_daily",
    "warehouse_info",
    "warehouse_daily",
    "query_costs",
    "jobs",
    "job_runs",
    "job_run_costs",
    "resource_names",
    "resource_tags",
)
_IDS = ("cluster_id", "warehouse_id", "job_id", "run_id", "resource_id", "scope_id")
_COLUMNS = """
select a.attname as name
from pg_catalog.pg_attribute as a
where
    a.attrelid = format('costpulse.%%I', %(table)s::text)::regclass
    and a.attnum > 0
    and not a.attisdropped
    and a.attidentity = ''
    and a.attgenerated = ''
order by a.attnum
"""


def account(bench: Bench) -> Path:
    """The data folder with it, made once; its server is stopped."""
    folder = bench.folder / "tenfold"
    if not folder.exists():
        start.up(bench, folder, bench.sizes.page_days)
        with EmbeddedPostgres(folder) as server:
            multiply(server.url("costpulse"))
    return folder


def multiply(url: str) -> None:
    """Nine copies of each row under ids of their own."""
    with psycopg.connect(url) as connection:
        for table in _TABLES:
            names = [name for (name,) in connection.execute(_COLUMNS, {"table": table})]
            copying = sql.SQL(
                "insert into costpulse.{table} ({names}) "
                "select {values} from costpulse.{table} as t cross join generate_series(1, 9) as n"
            ).format(
                table=sql.Identifier(table),
                names=sql.SQL(", ").join(map(sql.Identifier, names)),
                values=sql.SQL(", ").join(map(_copied, names)),
            )
            connection.execute(copying)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("analyze")


def _copied(name: str) -> sql.Composable:
    column = sql.SQL("t.{}").format(sql.Identifier(name))
    if name == "key_id":
        return sql.SQL("md5({}::text || n)::uuid").format(column)
    return sql.SQL("{} || '-' || n").format(column) if name in _IDS else column
