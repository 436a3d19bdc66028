"""Transactions and the connections they run on."""

from typing import Any

import psycopg
import pytest

from costpulse_assets.errors import DatabaseRefused
from costpulse_assets.resources.database import Connection, Database


def backend(connection: psycopg.Connection[Any]) -> int:
    return connection.info.backend_pid


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


def test_without_more_each_transaction_has_a_connection_of_its_own(database: Database) -> None:
    with database.transaction() as first:
        pass
    with database.transaction() as second:
        assert first.closed
        assert not second.closed
    assert second.closed


def test_a_kept_connection_serves_the_next_transaction_and_is_closed_at_the_end(database: Database) -> None:
    with database.keeping_connections():
        with database.transaction() as first:
            one = backend(first)
        with database.writing() as second:
            assert backend(second) == one
            with database.transaction() as beside:
                assert backend(beside) != one
    assert first.closed
    assert second.closed
    assert beside.closed


def test_a_transaction_that_failed_leaves_nothing_behind_and_no_connection(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as connection:
            used.append(connection)
            connection.execute("insert into costpulse.teams (name) values ('Data')")
            connection.execute("create temporary table rest on commit drop as select 1 as one")
            raise KeyboardInterrupt

    used: list[Connection] = []
    with database.keeping_connections():
        with pytest.raises(KeyboardInterrupt):
            fail()
        assert used[0].closed
        with database.transaction() as connection:
            assert connection.execute("select count(*) as n from costpulse.teams").fetchone() == {"n": 0}
            assert connection.execute("select to_regclass('rest') as rest").fetchone() == {"rest": None}


def test_a_commit_that_fails_has_a_name_and_leaves_no_connection(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("create table costpulse.ones (one integer unique deferrable initially deferred)")
    with database.keeping_connections():
        with pytest.raises(DatabaseRefused), database.transaction() as refused:
            refused.execute("insert into costpulse.ones values (1), (1)")
        assert refused.closed


def test_a_kept_connection_that_the_server_ended_is_replaced(database: Database) -> None:
    with database.keeping_connections():
        with database.transaction() as first:
            one = backend(first)
        with psycopg.connect(database.url, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s, 5000)", [one])
        with database.transaction() as second:
            assert backend(second) != one
            assert second.execute("select 1 as one").fetchone() == {"one": 1}
        assert first.closed
