"""Kept views: names, versions, and who may read and write which, by rules of the database too."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import psycopg
import pytest
from psycopg.rows import dict_row

from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection
from costpulse_assets.saved_views import (
    LONGEST_NAME,
    LONGEST_QUERY,
    SavedView,
    ViewChangedMeanwhile,
    change_view,
    delete_view,
    keep_view,
    saved_views,
    view_of,
)

ADA, BOB, FAY = "ada@example.com", "bob@example.com", "fay@example.com"


@contextmanager
def acting(url: str, actor: str, scope: str = "all") -> Iterator[Connection]:
    """As the app acts for somebody; committed at the end."""
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection, connection:
        connection.execute("set role costpulse_app")
        connection.execute(
            "select set_config('costpulse.scope', %s, true), set_config('costpulse.actor', %s, true)", [scope, actor]
        )
        yield connection


def keep(url: str, actor: str, name: str = "Mine", scope: str = "1", **given: object) -> str:
    with acting(url, actor, scope) as connection:
        return keep_view(connection, name, **({"page": "explorer", "query": "by=job"} | given))  # type: ignore[arg-type]


def seen(url: str, actor: str, scope: str = "1") -> list[SavedView]:
    with acting(url, actor, scope) as connection:
        return saved_views(connection)


def test_people_see_their_own_and_shared_views_and_no_others(database_url: str) -> None:
    slug = keep(database_url, ADA)
    keep(database_url, FAY, "For all", scope="all", is_shared=True)
    keep(database_url, BOB, "Bob's")
    assert [view.name for view in seen(database_url, ADA)] == ["For all", "Mine"]
    assert [view.name for view in seen(database_url, BOB, "all")] == ["Bob's", "For all"]
    assert seen(database_url, "")[0].name == "For all"
    assert len(seen(database_url, "")) == 1
    with acting(database_url, ADA) as connection:
        assert view_of(connection, slug) is not None
        assert view_of(connection, "' or true --") is None
    with acting(database_url, BOB, "all") as connection:
        assert view_of(connection, slug) is None


def test_a_name_is_taken_once_by_its_owner_on_a_page_whatever_its_case(database_url: str) -> None:
    keep(database_url, ADA, "Nightly  load ")
    with pytest.raises(BadInput, match="There is a view called NIGHTLY LOAD on this page already"):
        keep(database_url, ADA, "NIGHTLY LOAD")
    keep(database_url, ADA, "NIGHTLY LOAD", page="")
    keep(database_url, BOB, "Nightly load")
    assert [view.name for view in seen(database_url, ADA)] == ["Nightly load", "NIGHTLY LOAD"]


@pytest.mark.parametrize("name", ["", "  ", "x" * (LONGEST_NAME + 1), "a\x00b", "a\u202eb"])
def test_a_name_that_cannot_be_is_refused(name: str, database_url: str) -> None:
    with pytest.raises(BadInput):
        keep(database_url, ADA, name)
    assert not seen(database_url, ADA)


def test_a_query_that_is_too_long_is_refused(database_url: str) -> None:
    with pytest.raises(BadInput, match="too many filters"):
        keep(database_url, ADA, query="x" * (LONGEST_QUERY + 1))


def test_a_view_is_changed_as_it_was_read_or_not_at_all(database_url: str) -> None:
    keep(database_url, ADA)
    keep(database_url, ADA, "Other")
    (view,) = [view for view in seen(database_url, ADA) if view.name == "Mine"]
    with acting(database_url, ADA) as connection:
        change_view(connection, view, name="Yours")
    for change in (lambda c: change_view(c, view, name="Again"), lambda c: delete_view(c, view)):
        with pytest.raises(ViewChangedMeanwhile), acting(database_url, ADA) as connection:
            change(connection)
    (now,) = [view for view in seen(database_url, ADA) if view.name == "Yours"]
    assert now == replace(view, name="Yours", updated_at=now.updated_at)
    with pytest.raises(BadInput, match="called oTHER"), acting(database_url, ADA) as connection:
        change_view(connection, now, name="oTHER")
    with acting(database_url, ADA) as connection:
        change_view(connection, now, name="YOURS", query="by=sku")
    (now,) = [view for view in seen(database_url, ADA) if view.name == "YOURS"]
    assert now.query == "by=sku"
    with acting(database_url, ADA) as connection:
        delete_view(connection, now)
    assert [view.name for view in seen(database_url, ADA)] == ["Other"]


def test_who_sees_everything_may_change_and_delete_what_is_shared_but_nobodys_own(database_url: str) -> None:
    keep(database_url, FAY, "For all", scope="all", is_shared=True)
    keep(database_url, ADA)
    (shared,) = seen(database_url, BOB)
    (own,) = [view for view in seen(database_url, ADA) if not view.is_shared]
    with pytest.raises(ViewChangedMeanwhile), acting(database_url, BOB, "1") as connection:
        change_view(connection, shared, name="Mine now")
    with pytest.raises(ViewChangedMeanwhile), acting(database_url, BOB, "1") as connection:
        delete_view(connection, shared)
    for act in (delete_view, change_view):
        with pytest.raises(ViewChangedMeanwhile), acting(database_url, FAY, "all") as connection:
            act(connection, own)
    with acting(database_url, BOB, "all") as connection:
        change_view(connection, shared, name="Better")
    (shared,) = seen(database_url, BOB)
    assert (shared.name, shared.owner) == ("Better", FAY)
    with acting(database_url, BOB, "all") as connection:
        delete_view(connection, shared)
    assert seen(database_url, FAY) == []


@pytest.mark.parametrize(
    "statement",
    [
        "insert into costpulse.saved_views (slug, name, page, query, owner) values ('abcdefghij', 'x', '', '', 'bob')",
        "insert into costpulse.saved_views (slug, name, page, query, owner, is_shared) values ('abcdefghij', 'x', '', "
        "'', 'ada@example.com', true)",
        "update costpulse.saved_views set is_shared = true where name = 'Mine'",
        "update costpulse.saved_views set owner = 'bob'",
        "update costpulse.saved_views set slug = 'bbbbbbbbbb'",
    ],
)
def test_the_database_refuses_what_is_beyond_who_sees_one_team(statement: str, database_url: str) -> None:
    keep(database_url, ADA)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(database_url, ADA, "1") as connection:
        connection.execute(statement.encode())
    assert [(view.owner, view.is_shared) for view in seen(database_url, ADA)] == [(ADA, False)]


def test_what_others_keep_is_neither_changed_nor_deleted_by_a_statement(database_url: str) -> None:
    keep(database_url, ADA)
    for scope in ("1", "all", ""):
        with acting(database_url, BOB, scope) as connection:
            assert connection.execute("update costpulse.saved_views set name = 'x'").rowcount == 0
            assert connection.execute("delete from costpulse.saved_views").rowcount == 0
    assert [view.name for view in seen(database_url, ADA)] == ["Mine"]


def test_every_change_is_in_the_audit_log_by_name(database_url: str) -> None:
    keep(database_url, ADA)
    (view,) = seen(database_url, ADA)
    with acting(database_url, ADA) as connection:
        change_view(connection, view, name="Yours")
    (view,) = seen(database_url, ADA)
    with acting(database_url, ADA) as connection:
        delete_view(connection, view)
    with closing(psycopg.connect(database_url)) as connection:
        logged = connection.execute(
            "select actor, action from costpulse.audit_log where table_name = 'saved_views' order by id"
        ).fetchall()
    assert logged == [(ADA, "insert"), (ADA, "update"), (ADA, "delete")]
