"""What the statements that make telemetry share: the time they may tell of, and noise without state.

Telemetry is made by SQL from the temporary table `work` (see generate_usage.py), and every row of it follows from
the ids, hours and minutes in it alone. So a row is the same whatever the number of days, threads or looks, and a
later look only adds rows: `work` knows today to its end, and only what is over by the time of the look is shown.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time

import duckdb

from costpulse_assets.resources.demo_account.generate_usage import LOOK_HOUR

_TABLES = ("work", "up", "blocks", "runs", "attempts", "tasks", "node_hours", "statements")


@contextmanager
def telemetry(connection: duckdb.DuckDBPyConnection, *, first_day: date, end_date: date, as_of: date) -> Iterator[None]:
    """Set the variables first_s, end_s and look_s (seconds since 1970) and make the macro noise() for a while.

    noise(x) is a number from 0 to below 1 that follows from the integer x. DuckDB's own hash() would do, but may
    change with its version.
    """
    moments = {
        "first_s": datetime.combine(first_day, time(), UTC),
        "end_s": datetime.combine(end_date, time(), UTC),
        "look_s": datetime.combine(as_of, time(LOOK_HOUR), UTC),
    }
    for name, moment in moments.items():
        connection.execute(f"set variable {name} = {int(moment.timestamp())}::bigint")
    connection.execute("create temp macro mixed(x) as (x % 2147483647) * 48271 % 2147483647")
    connection.execute(
        "create temp macro noise(x) as (mixed(x) * (mixed(x) % 65521 + 1) + 12345) % 2147483647 / 2147483647.0"
    )
    try:
        yield
    finally:
        for table in _TABLES:
            connection.execute(f"drop table if exists temp.{table}")
        connection.execute("drop macro temp.noise")
        connection.execute("drop macro temp.mixed")
        for name in moments:
            connection.execute(f"reset variable {name}")
