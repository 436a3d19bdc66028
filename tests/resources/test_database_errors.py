"""A database that may only be read is told apart from one that refuses."""

import psycopg
import pytest

from costpulse_assets.errors import DatabaseRefused
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.database_errors import DatabaseReadOnly


def test_a_write_to_a_database_that_was_set_to_read_only_is_named_and_changes_nothing(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        (name,) = admin.execute("select current_database()").fetchone() or ("",)
        admin.execute(f'alter database "{name}" set default_transaction_read_only = on'.encode())
    with (
        pytest.raises(DatabaseReadOnly) as caught,
        Database(database_url).transaction() as connection,
    ):
        connection.execute("insert into costpulse.teams (name) values ('Data')")
    assert isinstance(caught.value, DatabaseRefused)
    assert caught.value.message == (
        "CostPulse could not use the database: the database is read-only. Nothing was changed; everything can be read."
    )
    assert "primary server" in caught.value.next_step
    with Database(database_url).transaction() as connection:
        assert connection.execute("select name from costpulse.teams").fetchall() == []


def test_a_transaction_that_may_only_read_refuses_by_the_same_name(database_url: str) -> None:
    with (
        pytest.raises(DatabaseReadOnly, match="the database is read-only"),
        Database(database_url).transaction() as connection,
    ):
        connection.execute("set transaction read only; delete from costpulse.teams")
