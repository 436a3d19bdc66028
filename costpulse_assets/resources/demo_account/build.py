"""Put the account together: tables first, then the rows of each from one model."""

from datetime import date, timedelta

import duckdb

from costpulse_assets.resources.demo_account.generate_compute import generate_names
from costpulse_assets.resources.demo_account.generate_prices import generate_prices
from costpulse_assets.resources.demo_account.generate_usage import generate_usage
from costpulse_assets.resources.demo_account.model import build_account
from costpulse_assets.resources.demo_account.streams import billed_streams
from costpulse_assets.resources.demo_account.tables import create_tables

#: Raised whenever the generator would give other rows: an account kept in a file is then made anew.
GENERATOR_VERSION = 3


def fill(connection: duckdb.DuckDBPyConnection, *, seed: int, days: int, end_date: date, as_of: date) -> None:
    """Create and fill every table in the attached, empty catalog."""
    account = build_account(seed)
    streams = billed_streams(account)
    create_tables(connection)
    generate_usage(
        connection,
        streams,
        seed=seed,
        first_day=end_date - timedelta(days=days - 1),
        end_date=end_date,
        as_of=as_of,
    )
    generate_prices(connection, streams, end_date=end_date, as_of=as_of)
    generate_names(connection, account, end_date=end_date, as_of=as_of)
