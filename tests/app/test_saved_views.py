"""The popover Views: keep, open, rename, delete and link to views, for oneself and for everyone."""

from collections.abc import Iterator

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from tests.app.books import Books
from tests.app.conftest import TODAY, LookedAtBy, Opener
from tests.app.test_pages import EXPLORER, query, texts
from tests.conftest import database

NOBODYS = "There is no such view, or it is not yours to see."
HOSTILE = "<b>x</b> *y* [l](http://e.example) =1+1"


@pytest.fixture(scope="module")
def account(postgres_server: str, migrated_template: str) -> Iterator[str]:
    with database(postgres_server, template=migrated_template) as url:
        made = Books(workspaces={"100": "northwind-prod"}, teams=["Data", "Risk"])
        made.add(TODAY, "100", job_id="1", team=1)
        made.add(TODAY, "10", team=2)
        made.write(url)
        yield url


@pytest.fixture
def url(account: str) -> str:
    """The account without any view."""
    with psycopg.connect(account) as connection:
        connection.execute("delete from costpulse.saved_views")
    return account


def opened(app: Opener, url: str, page: str | None = None, **parameters: str) -> AppTest:
    """A page with its popover open."""
    test = app(url, page, **parameters)
    test.session_state["views_popover"] = True
    test.run()
    assert not test.exception
    return test


def stored(url: str) -> list[tuple[str, str, str, str, bool]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select name, page, query, owner, is_shared from costpulse.saved_views order by id"
        ).fetchall()


def slug(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        (found,) = connection.execute("select slug from costpulse.saved_views where name = %s", [name]).fetchone() or ()
    return str(found)


def keep(test: AppTest, name: str, *, is_shared: bool = False) -> AppTest:
    test.text_input(key="view_name").set_value(name)
    if is_shared:
        test.checkbox(key="view_shared").set_value(True)
    return test.button(key="view_keep").click().run()


def choose(test: AppTest, name: str) -> AppTest:
    box = test.selectbox(key="view_chosen")
    return box.set_value(next(each for each in box.options if each.startswith(name))).run()


def test_what_is_shown_is_kept_and_opened_again_with_its_page_and_filters(
    app: Opener, url: str, looked_at_by: LookedAtBy
) -> None:
    looked_at_by("viewer")
    test = opened(app, url, EXPLORER, by="job", team="1", range="90d")
    keep(test, f"  {HOSTILE} ")
    assert not test.exception
    assert [row[:2] for row in stored(url)] == [(HOSTILE, "explorer")]
    assert stored(url)[0][3:] == ("ada@example.com", False)
    test = opened(app, url)
    assert query(test) == {}
    (button,) = [each for each in test.button if each.key.startswith("view_open_")]
    assert HOSTILE in button.label.replace("\\", "")
    button.click().run()
    assert test.title[0].value == "Cost explorer"
    assert query(test) == {"by": ["job"], "team": ["1"], "range": ["90d"]}


def test_a_view_without_filters_clears_those_of_the_bar(app: Opener, url: str) -> None:
    keep(opened(app, url), "Plain")
    test = opened(app, url, EXPLORER, team="1")
    next(each for each in test.button if each.key.startswith("view_open_")).click().run()
    assert test.title[0].value == "Overview"
    assert query(test) == {}


def test_a_short_link_opens_what_is_shared_for_another_person(app: Opener, url: str, looked_at_by: LookedAtBy) -> None:
    looked_at_by("finops", name="fay@example.com")
    keep(opened(app, url, EXPLORER, by="sku"), "For all", is_shared=True)
    looked_at_by("viewer", "1", name="bob@example.com")
    test = app(url, view=slug(url, "For all"))
    assert not test.exception
    assert test.title[0].value == "Cost explorer"
    assert query(test) == {"by": ["sku"]}


@pytest.mark.parametrize("role", ["viewer", "finops", "admin"])
def test_a_link_to_what_is_not_there_and_to_what_is_somebody_elses_are_told_alike(
    role: str, app: Opener, url: str, looked_at_by: LookedAtBy
) -> None:
    looked_at_by("viewer", "1")
    keep(opened(app, url, EXPLORER, by="sku"), "Mine")
    mine = slug(url, "Mine")
    looked_at_by(role, name="bob@example.com")
    for asked in (mine, "aaaaaaaaaa", "' or true --", ""):
        test = app(url, view=asked)
        assert not test.exception
        assert NOBODYS in [info.value for info in test.info]
        assert test.title[0].value == "Overview"
        assert "view" not in query(test)
        assert NOBODYS not in [info.value for info in test.run().info]
    assert not [each for each in opened(app, url).button if each.key.startswith("view_open_")]


def test_who_may_not_share_finds_the_field_switched_off_and_is_refused(
    app: Opener, url: str, looked_at_by: LookedAtBy
) -> None:
    looked_at_by("team_owner", "1")
    test = opened(app, url)
    assert test.checkbox(key="view_shared").disabled
    # A page that was left open gives nobody a right they have lost.
    looked_at_by("finops")
    test = opened(app, url)
    test.text_input(key="view_name").set_value("For all")
    test.checkbox(key="view_shared").set_value(True)
    looked_at_by("viewer", "1")
    test.button(key="view_keep").click().run()
    assert "To share views takes the role finops" in texts(test)
    assert stored(url) == []


def test_a_view_is_renamed_taken_anew_and_deleted(app: Opener, url: str) -> None:
    keep(opened(app, url, EXPLORER, by="job"), "First")
    test = choose(opened(app, url, EXPLORER, by="sku"), "First")
    (field,) = [each for each in test.text_input if each.key.startswith("view_new_name_")]
    field.set_value("Second")
    test.button(key="view_rename").click().run()
    assert [row[0] for row in stored(url)] == ["Second"]
    choose(test, "Second").button(key="view_retake").click().run()
    assert [row[2] for row in stored(url)] == ["by=sku"]
    choose(test, "Second")
    assert test.button(key="view_delete").disabled
    next(each for each in test.checkbox if each.key.startswith("view_sure_")).set_value(True).run()
    test.button(key="view_delete").click().run()
    assert stored(url) == []
    assert not test.exception


def test_a_name_that_is_taken_and_a_view_that_was_changed_meanwhile_are_refused_in_words(app: Opener, url: str) -> None:
    test = keep(opened(app, url), "First")
    keep(test, "FIRST")
    assert "There is a view called FIRST on this page already." in texts(test)
    choose(test, "First")
    with psycopg.connect(url) as connection:
        connection.execute("update costpulse.saved_views set updated_at = now()")
    test.button(key="view_rename").click().run()
    assert "was changed or deleted by somebody else meanwhile" in texts(test)


def test_finops_changes_what_others_share_and_viewers_only_open_it(
    app: Opener, url: str, looked_at_by: LookedAtBy
) -> None:
    looked_at_by("finops", name="fay@example.com")
    keep(opened(app, url), "For all", is_shared=True)
    looked_at_by("viewer", "1")
    test = opened(app, url)
    assert [each.label for each in test.button if each.key.startswith("view_open_")]
    assert not [each for each in test.selectbox if each.key == "view_chosen"]
    looked_at_by("finops", name="bob@example.com")
    test = choose(opened(app, url), "For all")
    next(each for each in test.checkbox if each.key.startswith("view_sure_")).set_value(True).run()
    test.button(key="view_delete").click().run()
    assert stored(url) == []


def test_the_link_of_the_present_state_is_shown(app: Opener, url: str) -> None:
    test = opened(app, url, EXPLORER, by="job", team="1")
    # That of the explorer itself says the same.
    (link,) = {tuple(sorted(each.value.partition("/explorer?")[2].split("&"))) for each in test.code}
    assert link == ("by=job", "team=1")
