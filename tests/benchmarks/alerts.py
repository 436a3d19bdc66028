"""A thousand alerts of all types over the scopes of the demo account.

Run as a module it is the process whose memory is measured: `python -m tests.benchmarks.alerts URL DAY` evaluates once
and prints what it took.
"""

import json
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from costpulse_assets.alerts.active_alerts import load_alerts
from costpulse_assets.alerts.alert_types import ALERT_TYPES
from costpulse_assets.alerts.evaluate import evaluate, find
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.benchmarks import start
from tests.benchmarks.load import _peak_mb
from tests.benchmarks.measuring import FULL, Bench, Section, seconds
from tests.pipeline import pretend_today

_ALERTS = 1_000
#: What a type without a default and without a budget behind it is asked for.
_LIMIT = Decimal(1_000)

_SCOPES_SQL = """
select 'everything' as scope_type, '' as scope_id
union all
select 'team', id::text from costpulse.teams
union all
select 'workspace', workspace_id from costpulse.workspaces
union all
select distinct 'product', product from costpulse.cost_keys
union all
select distinct 'sku', sku_name from costpulse.daily_sku_costs
union all
select distinct scope_type, scope_id from costpulse.daily_resource_costs
union all
(
    select distinct 'tag', t.key || '=' || t.value
    from costpulse.cost_keys as k cross join lateral jsonb_each_text(k.tags) as t
    where t.value <> ''
    limit 200
)
order by 1, 2
"""


def measure(bench: Bench) -> Section:
    """A first evaluation, in which everything is new, and one in which nothing is."""
    alerts = _ALERTS if bench.sizes is FULL else 50
    section = Section(
        "Alerts",
        f"{alerts:,} alerts of all types in turns, each over another scope that its type can watch, on "
        f"{bench.sizes.demo_days} days of the demo account; they watch since 35 days. The first evaluation writes "
        "history and messages, the second finds that all of it is known. Memory is the peak of the process, with "
        "everything a Dagster run has loaded.",
    )
    folder = bench.folder / "demo"
    start.up(bench, folder)
    with EmbeddedPostgres(folder) as server:
        copy = sql.Identifier("alerts_bench")
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("drop database if exists {}").format(copy))
            admin.execute(sql.SQL("create database {} template costpulse").format(copy))
        url = server.url("alerts_bench")
        today = datetime.now(UTC).date()
        fill(url, alerts, today)
        for name, took, found in _types(url, today):
            section.note(name, f"{took:.2f} s, {found:,} findings")
        command = [sys.executable, "-m", "tests.benchmarks.alerts", url, f"{today}"]
        first, again = (
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(2)
        )
        assert not first["failed"], first["failed"][:3]
        assert (first["alerts"], again["new"]) == (alerts, 0)
        section.below("first evaluation", first["seconds"], 5, "s", note=f" ({first['new']:,} new findings)")
        section.below("again", again["seconds"], 5, "s", note=f" ({again['findings']:,} known findings)")
        section.below("peak memory", max(first["peak_mb"], again["peak_mb"]), 250, "MB", digits=0)
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("drop database {}").format(copy))
    return section


def fill(url: str, alerts: int, today: date) -> None:
    """So many alerts and no others, of all types in turns."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute("truncate costpulse.alerts, costpulse.alert_history, costpulse.alert_evaluations cascade")
        scopes: dict[str, list[str]] = {}
        for row in connection.execute(_SCOPES_SQL).fetchall():
            scopes.setdefault(row["scope_type"], []).append(row["scope_id"])
        possible = {
            name: cycle([(kind, scope_id) for kind in declared.scopes for scope_id in scopes.get(kind, ())])
            for name, declared in ALERT_TYPES.items()
        }
        for number, name in zip(range(alerts), cycle(ALERT_TYPES), strict=False):
            scope_type, scope_id = next(possible[name])
            threshold = ALERT_TYPES[name].threshold
            is_needed = threshold is not None and threshold.default is None and not threshold.otherwise
            row = {"name": f"{name} {number}", "alert_type": name, "scope_type": scope_type, "scope_id": scope_id}
            row |= {"threshold_value": _LIMIT if is_needed else None, "watches_from": today - timedelta(days=35)}
            row |= {"notification_channels": Jsonb(["slack:#finops"])}
            connection.execute(
                sql.SQL("insert into costpulse.alerts ({}) values ({})").format(
                    sql.SQL(", ").join(map(sql.Identifier, row)), sql.SQL(", ").join(sql.Placeholder() * len(row))
                ),
                list(row.values()),
            )


def _types(url: str, today: date) -> list[tuple[str, float, int]]:
    """The statement of each type over all of its alerts."""
    measured = []
    days = Period(today - timedelta(days=35), today)
    for name, kind in ALERT_TYPES.items():
        if not kind.has_statement:
            continue
        with Database(url).transaction() as connection:
            alerts = load_alerts(connection, types=(name,))
            found: list[Any] = []
            took = seconds(
                lambda: found.extend(  # noqa: B023
                    finding
                    for batch in find(connection, kind, alerts, days, now=datetime.now(UTC))  # noqa: B023
                    for finding in batch
                )
            )
            measured.append((f"{name}, {len(alerts)} alerts", took, len(found)))
    return measured


def _evaluate_once(url: str, today: date) -> None:
    import costpulse_assets.definitions  # noqa: F401  a run's process has all of it in memory

    started = time.perf_counter()
    done = evaluate(Database(url), pretend_today(today), now=datetime.now(UTC))
    took = time.perf_counter() - started
    new = done.told + done.covered + done.muted + done.shown
    print(
        json.dumps(
            {
                "seconds": took,
                "peak_mb": _peak_mb(),
                "alerts": done.alerts,
                "findings": done.findings,
                "new": new,
                "failed": done.failed,
            }
        )
    )


if __name__ == "__main__":
    _evaluate_once(sys.argv[1], date.fromisoformat(sys.argv[2]))
