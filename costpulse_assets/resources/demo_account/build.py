"""Put the account together: tables first, then the rows of each from one model."""

from datetime import date, timedelta

import duckdb

from costpulse_assets.resources.demo_account.generate_clusters import generate_nodes, generate_uptime
from costpulse_assets.resources.demo_account.generate_names import generate_names
from costpulse_assets.resources.demo_account.generate_prices import generate_prices
from costpulse_assets.resources.demo_account.generate_runs import generate_runs
from costpulse_assets.resources.demo_account.generate_usage import generate_usage
from costpulse_assets.resources.demo_account.generate_warehouses import (
    generate_blocks,
    generate_events,
    generate_queries,
)
from costpulse_assets.resources.demo_account.model import build_account
from costpulse_assets.resources.demo_account.streams import billed_streams
from costpulse_assets.resources.demo_account.tables import create_tables
from costpulse_assets.resources.demo_account.telemetry import telemetry

#: Raised whenever the generator would give other rows: an account kept in a file is then made anew.
GENERATOR_VERSION = 8


def fill(connection: duckdb.DuckDBPyConnection, *, seed: int, days: int, end_date: date, as_of: date) -> None:
    """Create and fill every table in the attached, empty catalog."""
    account = build_account(seed)
    streams = billed_streams(account)
    first_day = end_date - timedelta(days=days - 1)
    create_tables(connection)
    generate_usage(connection, streams, seed=seed, first_day=first_day, end_date=end_date, as_of=as_of)
    generate_prices(connection, streams, end_date=end_date, as_of=as_of)
    generate_names(connection, account, end_date=end_date, as_of=as_of)
    with telemetry(connection, first_day=first_day, end_date=end_date, as_of=as_of):
        generate_uptime(connection, account)
        generate_blocks(connection, account)
        generate_runs(connection, account, seed=seed, end_date=end_date)
        generate_nodes(connection)
        generate_events(connection)
        generate_queries(connection, account, seed=seed)
