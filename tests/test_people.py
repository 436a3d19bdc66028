"""Who may do what: roles of people and groups, and the guards of the table that gives them."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import psycopg
import pytest

from costpulse_assets.errors import BadInput, NotAllowed
from costpulse_assets.people import (
    RIGHTS,
    ROLES,
    BadViewer,
    LastAdmin,
    Person,
    Role,
    StoredViewer,
    Viewer,
    ViewerChangedMeanwhile,
    has_less,
    person_of,
    remove_viewer,
    save_viewer,
    stored_viewers,
)
from costpulse_assets.resources.database import Database

DOCS = Path(__file__).parents[1] / "docs" / "people.md"


@pytest.fixture
def url(database_url: str) -> str:
    """Teams 1 Data, 2 Etl below it, 3 Risk."""
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into costpulse.teams (name) values ('Data'), ('Etl'), ('Risk')")
        connection.execute("update costpulse.teams set parent_team_id = 1 where id = 2")
    return database_url


def save(url: str, *viewers: Viewer) -> list[int]:
    with Database(url).transaction() as connection:
        return [save_viewer(connection, viewer, "test", admins=()) for viewer in viewers]


def stored(url: str) -> dict[str, StoredViewer]:
    with Database(url).transaction() as connection:
        return {each.viewer.name: each for each in stored_viewers(connection)}


def who(url: str, email: str, *groups: str, admins: tuple[str, ...] = ()) -> Person | None:
    with Database(url).transaction() as connection:
        return person_of(connection, email, groups, admins=admins)


# --- who somebody is


def test_somebody_without_a_row_may_not_use_the_app(url: str) -> None:
    save(url, Viewer("email", "ada@example.com", "admin"), Viewer("group", "finance", "finops"))
    assert who(url, "bob@example.com", "engineering") is None
    # What a group is called is no address of a person, and the other way round.
    assert who(url, "finance") is None
    assert who(url, "x@example.com", "ada@example.com") is None


def test_the_row_of_the_address_goes_before_those_of_groups(url: str) -> None:
    save(url, Viewer("email", "ada@example.com", "viewer", (3,)), Viewer("group", "platform", "admin"))
    assert who(url, "ada@example.com", "platform") == Person("ada@example.com", "viewer", "3")


def test_groups_add_up_to_the_highest_role_and_all_their_teams(url: str) -> None:
    save(url, Viewer("group", "data", "viewer", (1,)), Viewer("group", "risk", "team_owner", (3,)))
    found = who(url, "ada@example.com", "data", "risk", "else")
    assert found is not None
    assert (found.role, set(found.scope.split(","))) == ("team_owner", {"1", "2", "3"})
    save(url, Viewer("group", "everything", "viewer"))
    assert who(url, "ada@example.com", "data", "everything") == Person("ada@example.com", "viewer", "all")


def test_a_team_brings_the_teams_below_it(url: str) -> None:
    save(url, Viewer("email", "ada@example.com", "viewer", (1,)))
    found = who(url, "ada@example.com")
    assert found is not None
    assert set(found.scope.split(",")) == {"1", "2"}
    with psycopg.connect(url) as connection:
        connection.execute("update costpulse.teams set parent_team_id = null where id = 2")
    assert who(url, "ada@example.com") == Person("ada@example.com", "viewer", "1")


def test_whose_teams_are_gone_sees_nothing_and_not_everything(url: str) -> None:
    save(url, Viewer("email", "ada@example.com", "viewer", (3,)))
    with psycopg.connect(url) as connection:
        connection.execute("delete from costpulse.teams where id = 3")
    assert who(url, "ada@example.com") == Person("ada@example.com", "viewer", "")


def test_addresses_and_groups_are_compared_without_case(url: str) -> None:
    save(url, Viewer("email", "Ada@Example.com", "finops"), Viewer("group", "Data-Team", "viewer"))
    assert who(url, "ada@EXAMPLE.com") == Person("ada@EXAMPLE.com", "finops")
    assert who(url, "bob@example.com", "DATA-team") == Person("bob@example.com", "viewer")


def test_people_of_the_setting_are_admins_whatever_the_table_says(url: str) -> None:
    save(url, Viewer("email", "ada@example.com", "viewer", (3,)))
    assert who(url, "ADA@example.com", admins=("ada@example.com",)) == Person("ADA@example.com", "admin")
    assert who(url, "bob@example.com", admins=("ada@example.com",)) is None


def test_every_role_may_do_what_the_one_before_may() -> None:
    for lower, higher in pairwise(ROLES):
        rights = {right for right in RIGHTS if Person("x", lower).may(right)}
        assert rights < {right for right in RIGHTS if Person("x", higher).may(right)}
    with pytest.raises(NotAllowed, match="takes the role admin; ada is finops"):
        Person("ada", "finops").must("manage people")


# --- the rows


def test_what_is_saved_is_there_and_in_the_audit_log(url: str) -> None:
    (number,) = save(url, Viewer("email", "  ada@example.com ", "team_owner", (1, 3)))
    assert stored(url)["ada@example.com"].viewer == Viewer("email", "ada@example.com", "team_owner", (1, 3))
    with Database(url).transaction() as connection:
        # Kind and name of one that is there stay: a typing error must not give the row to somebody else.
        save_viewer(connection, Viewer("group", "other", "finops"), "grace", viewer_id=number, admins=())
        remove_viewer(connection, number, "grace", admins=())
    with psycopg.connect(url) as connection:
        log = connection.execute(
            "select actor, action, after ->> 'name', after ->> 'role' from costpulse.audit_log "
            "where table_name = 'viewers' order by id"
        ).fetchall()
    assert log == [
        ("test", "insert", "ada@example.com", "team_owner"),
        ("grace", "update", "ada@example.com", "finops"),
        ("grace", "delete", None, None),
    ]


@pytest.mark.parametrize(
    ("viewer", "said"),
    [
        (Viewer("email", " ", "viewer"), "needs 1 to 200 characters"),
        (Viewer("group", "x" * 201, "viewer"), "needs 1 to 200 characters"),
        (Viewer("group", "a\nb", "viewer"), "none that cannot be seen"),
        (Viewer("email", "ada", "viewer"), "ada is no e-mail address"),
        (Viewer("email", "BOB@example.com", "viewer"), "There is a person BOB@example.com already: change that one."),
        (Viewer("email", "ada@example.com", "finops", (1,)), "The role finops sees everything"),
    ],
)
def test_what_is_wrong_with_a_row_is_a_sentence_and_changes_nothing(url: str, viewer: Viewer, said: str) -> None:
    save(url, Viewer("email", "bob@example.com", "admin"))
    with pytest.raises(BadViewer, match=re.escape(said)):
        save(url, viewer)
    assert list(stored(url)) == ["bob@example.com"]


def test_all_that_is_wrong_is_said_at_once(url: str) -> None:
    with pytest.raises(BadViewer) as refused:
        save(url, Viewer("email", "ada", "admin", (1,)))
    assert len(refused.value.faults) == 2


# --- guards


def lower(role: Role) -> Callable[[psycopg.Connection[dict[str, object]], StoredViewer, tuple[str, ...]], object]:
    return lambda connection, one, admins: save_viewer(
        connection, Viewer(one.viewer.kind, one.viewer.name, role), "test", viewer_id=one.id, admins=admins
    )


@pytest.mark.parametrize(
    "act",
    [
        lower("finops"),
        lower("viewer"),
        lambda connection, one, admins: remove_viewer(connection, one.id, "test", admins=admins),
    ],
)
def test_the_last_admin_stays_admin_unless_the_setting_names_one(url: str, act: Callable[..., object]) -> None:
    save(url, Viewer("email", "ada@example.com", "admin"), Viewer("email", "bob@example.com", "finops"))
    ada = stored(url)["ada@example.com"]
    with (
        pytest.raises(LastAdmin, match=r"ada@example\.com is the last admin"),
        Database(url).transaction() as connection,
    ):
        act(connection, ada, ())
    assert stored(url)["ada@example.com"].viewer.role == "admin"
    with Database(url).transaction() as connection:
        act(connection, ada, ("root@example.com",))
    assert [each for each in stored(url).values() if each.viewer.role == "admin"] == []


def test_a_group_of_admins_is_enough(url: str) -> None:
    save(url, Viewer("email", "ada@example.com", "admin"), Viewer("group", "platform", "admin"))
    with Database(url).transaction() as connection:
        remove_viewer(connection, stored(url)["ada@example.com"].id, "test", admins=())
    assert list(stored(url)) == ["platform"]


def test_saving_the_last_admin_as_admin_is_no_loss(url: str) -> None:
    (number,) = save(url, Viewer("email", "ada@example.com", "admin"))
    with Database(url).transaction() as connection:
        save_viewer(connection, Viewer("email", "ada@example.com", "admin"), "x", viewer_id=number, admins=())


def test_of_two_admins_who_remove_each_other_at_once_one_stays(url: str) -> None:
    save(url, Viewer("email", "ada@example.com", "admin"), Viewer("email", "bob@example.com", "admin"))
    rows = stored(url)
    both_have_begun = Barrier(2)

    def remove(name: str) -> str:
        try:
            with Database(url).transaction() as connection:
                # Both transactions are open, and have looked, before either writes.
                assert len(stored_viewers(connection)) == 2
                both_have_begun.wait(timeout=30)
                remove_viewer(connection, rows[name].id, "test", admins=())
        except (LastAdmin, BrokenBarrierError) as refused:
            return type(refused).__name__
        return "removed"

    with ThreadPoolExecutor(2) as threads:
        ends = sorted(threads.map(remove, rows))
    assert ends == ["LastAdmin", "removed"]
    assert len(stored(url)) == 1


def test_who_saves_over_somebody_elses_change_is_refused_and_told_who(url: str) -> None:
    (number,) = save(url, Viewer("email", "bob@example.com", "viewer"))
    seen = stored(url)["bob@example.com"]
    with Database(url).transaction() as connection:
        save_viewer(connection, Viewer("email", "bob@example.com", "finops"), "nina", viewer_id=number, admins=())
    for again in (seen.updated_at, seen.updated_at - timedelta(days=1)):
        with (
            pytest.raises(ViewerChangedMeanwhile, match=r"Changed by nina at .* UTC; reload to see it"),
            Database(url).transaction() as connection,
        ):
            remove_viewer(connection, number, "test", updated_at=again, admins=())
    with Database(url).transaction() as connection:
        remove_viewer(connection, number, "nina", admins=())
    with (
        pytest.raises(ViewerChangedMeanwhile, match="Removed by nina"),
        Database(url).transaction() as connection,
    ):
        save_viewer(connection, seen.viewer, "test", viewer_id=number, updated_at=seen.updated_at, admins=())


def test_a_change_takes_the_name_of_who_makes_it(url: str) -> None:
    with pytest.raises(BadInput, match="Nobody is named"), Database(url).transaction() as connection:
        save_viewer(connection, Viewer("email", "a@example.com", "viewer"), " ", admins=())


@pytest.mark.parametrize(
    ("role", "scope", "then_role", "then_scope", "less"),
    [
        ("admin", "all", "finops", "all", True),
        ("finops", "all", "admin", "all", False),
        ("viewer", "all", "team_owner", "1", True),
        ("viewer", "1,2", "viewer", "2", True),
        ("viewer", "2", "viewer", "1,2", False),
        ("viewer", "2", "viewer", "all", False),
        ("viewer", "2", "viewer", "", True),
    ],
)
def test_less_is_a_lower_role_or_fewer_rows(
    role: Role, scope: str, then_role: Role, then_scope: str, less: bool
) -> None:
    assert has_less(Person("x", role, scope), Person("x", then_role, then_scope)) is less
    assert has_less(Person("x", role, scope), None)


# --- the documentation


def test_the_table_of_the_documentation_is_the_rights() -> None:
    documented = {}
    for line in DOCS.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0] in RIGHTS:
            documented[cells[0]] = [role for role, cell in zip(ROLES, cells[1:], strict=True) if cell == "yes"]
    assert documented == {right: [role for role in ROLES if Person("x", role).may(right)] for right in RIGHTS}
