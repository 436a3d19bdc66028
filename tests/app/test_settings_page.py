"""Settings & audit: prices are previewed and saved, people and tokens are guarded, every change is told."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from streamlit.testing.v1 import AppTest

from costpulse_app import people
from costpulse_app.names import Names
from costpulse_app.settings_page import audit_tab, configuration_tab, price_form, reads, settings_tab, words
from costpulse_app.settings_page.state import EVERYBODY, PEOPLE, Choice
from costpulse_assets.allocation.price_adjustments import (
    PriceAdjustmentDocument,
    price_adjustment_rows,
    save_price_adjustment,
)
from costpulse_assets.api_tokens import create_token, stored_tokens
from costpulse_assets.errors import BadInput
from costpulse_assets.people import Person, Role, StoredViewer, Viewer, save_viewer, stored_viewers
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import Settings
from tests.app.books import Books
from tests.app.conftest import TODAY, Opener
from tests.app.test_allocation_page import labelled, table
from tests.app.test_pages import query, texts
from tests.conftest import database as another_database

PAGE = "views/settings.py"
FINAL = TODAY - timedelta(days=1)
HOSTILE = "<b>=cmd()</b> *x* $1$ [l](http://e.example)"
NAMES = Names({("team", "1"): "Data platform", ("team", "2"): HOSTILE})
JOBS, SQL_PRO, STORAGE = "PREMIUM_JOBS_COMPUTE", "PREMIUM_SQL_PRO", "STORAGE"


def rows(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def change(url: str, statement: str, *parameters: Any) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), parameters)


def fill(url: str) -> None:
    """Forty days of three SKUs at list prices of 2, 1 and none; two teams; no adjustment."""
    books = Books(workspaces={"100": "northwind-prod"}, teams=["Data platform", HOSTILE])
    books.provisional = {TODAY: Decimal("0.4")}
    for back in range(40):
        day = TODAY - timedelta(days=back)
        books.add(day, "20", team=1)
        books.add(day, "5", product="SQL", sku=SQL_PRO, team=2)
    books.write(url)
    with psycopg.connect(url) as connection:
        for back in range(40):
            day = TODAY - timedelta(days=back)
            for sku, quantity, rate in ((JOBS, 10, 2), (SQL_PRO, 5, 1), (STORAGE, 7, None)):
                connection.execute(
                    "insert into costpulse.cost_records (usage_date, ingestion_date, record_type, key_id, sku_name, "
                    "product, usage_unit, usage_quantity, dbu_rate, effective_rate, record_count) values (%s, %s, "
                    "'ORIGINAL', gen_random_uuid(), %s, 'JOBS', 'DBU', %s, %s, %s, 1)",
                    [day, day, sku, quantity, rate, rate],
                )
            connection.execute(
                "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, "
                "record_count, collected_at, changed_at) values ('cost_records', %s, 3, 22, 3, now(), now())",
                [day],
            )
        connection.execute(
            "insert into costpulse.list_prices (sku_name, cloud, usage_unit, currency_code, price_start_time, "
            "default_rate) values ('PREMIUM_NEVER_USED', 'AWS', 'DBU', 'USD', '2020-01-01', 1)"
        )


@pytest.fixture(scope="module")
def template(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """The database of `own`, to be cloned: nobody is connected to it."""
    with another_database(postgres_server, template=migrated_template) as url:
        fill(url)
        name = urlsplit(url).path.removeprefix("/")
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            # TimescaleDB's scheduler connects to every database it may; a template must be left alone.
            admin.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        yield name


@pytest.fixture
def own(postgres_server: str, template: str) -> Iterator[str]:
    with another_database(postgres_server, template=template) as url:
        yield url


@pytest.fixture
def as_(monkeypatch: pytest.MonkeyPatch) -> Callable[[Role], Person]:
    """Lets somebody else than the local admin look at the page."""

    def become(role: Role) -> Person:
        person = Person("ada@example.com", role)
        monkeypatch.setattr(people, "LOCAL_ADMIN", person)
        return person

    return become


def press(test: AppTest, label: str) -> AppTest:
    labelled(test.button, label).click()
    return test.run()


def said(test: AppTest) -> str:
    return "".join(each.value for each in test.success).replace("\\", "")


# --- who sees what


def test_the_page_is_for_who_may_see_the_audit_log(app: Opener, own: str, as_: Callable[[Role], Person]) -> None:
    for role in ("viewer", "team_owner"):
        as_(role)
        test = app(own, PAGE)
        assert test.title[0].value == "Not for your role"
        assert "To see the audit log takes the role finops" in texts(test)
        assert not test.dataframe
        assert not test.tabs


@pytest.mark.parametrize(("tab", "right"), [("people", "manage people"), ("tokens", "manage tokens")])
def test_a_tab_for_admins_says_so_to_finops(
    tab: str, right: str, app: Opener, own: str, as_: Callable[[Role], Person]
) -> None:
    add_viewer(own, Viewer("email", "hidden@example.com", "viewer"))
    as_("finops")
    test = app(own, PAGE, tab=tab)
    assert not test.exception
    assert f"To {right} takes the role admin; yours is finops." in texts(test)
    assert "hidden@example.com" not in texts(test)
    assert not test.dataframe
    as_("admin")
    assert right not in texts(app(own, PAGE, tab=tab))


def test_every_tab_opens_for_finops_and_admin(app: Opener, own: str, as_: Callable[[Role], Person]) -> None:
    for role in ("finops", "admin"):
        as_(role)
        for tab in ("prices", "people", "tokens", "settings", "configuration", "audit"):
            test = app(own, PAGE, tab=tab)
            assert not test.exception
            assert "Reference" not in texts(test)
            assert query(test) == ({} if tab == "prices" else {"tab": [tab]})


# --- prices


def adjust(url: str, *documents: PriceAdjustmentDocument) -> None:
    with Database(url).transaction() as connection:
        for document in documents:
            save_price_adjustment(connection, document, "test")


def adjustments(url: str) -> dict[str, PriceAdjustmentDocument]:
    with Database(url).transaction() as connection:
        return {each.document.sku_pattern: each.document for each in price_adjustment_rows(connection)}


def document(pattern: str, percentage: str | None = "-10", **values: Any) -> PriceAdjustmentDocument:
    given = {"sku_pattern": pattern, "percentage": percentage, "valid_from": date(2026, 1, 1)} | values
    return PriceAdjustmentDocument.model_validate(given)


def open_price(test: AppTest, which: str | None = None, button: str = "edit_price") -> AppTest:
    """Opens the form of an adjustment, or of a new one."""
    if which is None:
        return test.button(key="new_price").click().run()
    chosen = test.selectbox(key="chosen_price")
    (index,) = [number for number, option in enumerate(chosen.options) if option.startswith(which)]
    chosen.select_index(index).run()
    return test.button(key=button).click().run()


def type_price(test: AppTest, pattern: str, percent: str, **values: Any) -> AppTest:
    labelled(test.text_input, "SKU pattern").set_value(pattern)
    labelled(test.text_input, "Percent").set_value(percent)
    for label, value in values.items():
        labelled(test.date_input, {"first": "Valid from (first UTC day)"}.get(label, label)).set_value(value)
    return test.run()


def test_adjustments_are_listed_with_their_state_and_the_skus_they_hit(app: Opener, own: str) -> None:
    assert "every cost is at list price" in texts(app(own, PAGE))
    adjust(
        own,
        document("premium_*", note=HOSTILE),
        document("STORAGE", None, fixed_rate="0.0230", valid_from=date(2027, 1, 1)),
        document("*", "2.5", valid_to=date(2026, 6, 30)),
    )
    test = app(own, PAGE)
    assert not test.exception
    found = table(test, "State", "SKU pattern", "Price", "From", "To", "SKUs hit", "Note")
    assert [{name: None if value != value else value for name, value in row.items()} for row in found] == [
        {"State": "In force", "SKU pattern": "premium_*", "Price": "-10 %", "From": date(2026, 1, 1), "To": None,
         "SKUs hit": 3, "Note": HOSTILE},
        {"State": "Future", "SKU pattern": "STORAGE", "Price": "$0.023 per unit", "From": date(2027, 1, 1),
         "To": None, "SKUs hit": 0, "Note": None},
        {"State": "Past", "SKU pattern": "*", "Price": "+2.5 %", "From": date(2026, 1, 1), "To": date(2026, 6, 30),
         "SKUs hit": 3, "Note": None},
    ]  # fmt: skip
    assert "40 days will be priced anew by the next run" in texts(test)


def test_a_price_shows_its_skus_and_money_before_it_is_saved(app: Opener, own: str) -> None:
    test = type_price(open_price(app(own, PAGE)), "premium_*", "-10")
    # 30 final days of 10 x 2 and 5 x 1 dollars.
    assert "$75.00 less (-10.0%) for what was used in the 30 final days to 23 Nov 2026" in texts(test)
    assert "Hits 3 SKUs." in texts(test)
    assert f"With usage: {JOBS}, {SQL_PRO}." in texts(test)
    assert "Not used in these days: PREMIUM_NEVER_USED." in texts(test)
    assert table(test, "SKU", "Now", "Then", "Change") == [
        {"SKU": JOBS, "Now": Decimal(600), "Then": Decimal(540), "Change": Decimal(-60)},
        {"SKU": SQL_PRO, "Now": Decimal(150), "Then": Decimal(135), "Change": Decimal(-15)},
    ]
    assert "1 collected day would be priced anew. Nothing was saved yet." in texts(test)
    assert adjustments(own) == {}
    assert rows(own, "select 1 from costpulse.audit_log where table_name = 'price_adjustments'") == []
    assert rows(own, "select 1 from costpulse.collected_days where reprice_reason is not null") == []


def test_a_saved_price_is_in_the_audit_log_and_its_days_wait_for_the_pipeline(app: Opener, own: str) -> None:
    test = type_price(open_price(app(own, PAGE)), "*_jobs_*", "-12.5", first=TODAY - timedelta(days=9))
    test = press(test, "Create price adjustment")
    assert not test.exception
    assert "priced anew in a run that starts within a minute or so" in said(test)
    assert "10 days will be priced anew by the next run" in texts(test)
    assert adjustments(own) == {"*_jobs_*": document("*_jobs_*", "-12.5", valid_from=TODAY - timedelta(days=9))}
    assert rows(own, "select actor, action from costpulse.audit_log where table_name = 'price_adjustments'") == [
        {"actor": people.LOCAL_ADMIN.name, "action": "insert"}
    ]


def test_a_price_that_begins_later_is_shown_at_the_prices_of_then(app: Opener, own: str) -> None:
    adjust(own, document("*", "-50", valid_from=date(2027, 1, 1)))
    test = type_price(open_price(app(own, PAGE)), JOBS, "-10", first=date(2027, 3, 1))
    # Half of 600 dollars by the other one, which gives way to the longer pattern.
    assert "$240.00 more (+64.0%)" in texts(test)
    assert "at the prices of 1 Mar 2027" in texts(test)
    assert "No collected day is concerned" in texts(test)


def test_a_longer_pattern_goes_before_a_shorter_one(app: Opener, own: str) -> None:
    adjust(own, document("PREMIUM_JOBS_*", "-30"))
    test = type_price(open_price(app(own, PAGE)), "PREMIUM_*", "-10")
    assert f"Another adjustment goes before it for: {JOBS}." in texts(test)
    assert f"With usage: {SQL_PRO}." in texts(test)
    assert "$15.00 less" in texts(test)


def test_a_rate_gives_a_price_to_what_had_none(app: Opener, own: str) -> None:
    test = open_price(app(own, PAGE))
    labelled(test.text_input, "SKU pattern").set_value("storage")
    labelled(test.segmented_control, "What is agreed").set_value("Rate per unit")
    test.run()
    labelled(test.text_input, "Rate per unit, in USD").set_value("0.5")
    test.run()
    (row,) = table(test, "SKU", "Now", "Then", "Change")
    assert row == {"SKU": STORAGE, "Now": None, "Then": Decimal(105), "Change": Decimal(105)}
    press(test, "Create price adjustment")
    assert adjustments(own)["storage"].fixed_rate == Decimal("0.5")


def test_an_overlap_is_refused_with_a_sentence(app: Opener, own: str) -> None:
    adjust(own, document("PREMIUM_*", note="Contract 2026", valid_from=date(2026, 10, 1)))
    test = type_price(open_price(app(own, PAGE)), "premium_*", "-20", first=date(2026, 1, 1))
    assert "Overlaps with Contract 2026 from 1 Oct 2026." in texts(test)
    test = press(test, "Create price adjustment")
    assert "Not saved; nothing was changed." in texts(test)
    assert list(adjustments(own)) == ["PREMIUM_*"]
    labelled(test.date_input, "Valid to (last UTC day, optional)").set_value(date(2026, 9, 30))
    press(test.run(), "Create price adjustment")
    assert sorted(adjustments(own)) == ["PREMIUM_*", "premium_*"]


def test_an_overlap_with_what_was_saved_meanwhile_is_refused_as_well(app: Opener, own: str) -> None:
    test = type_price(open_price(app(own, PAGE)), "PREMIUM_*", "-20", first=date(2026, 1, 1))
    adjust(own, document("PREMIUM_*", "-1"))
    # The dialog was drawn before: what is there now is found by the form, and by the transaction.
    with (
        pytest.raises(BadInput, match=r"Overlaps with PREMIUM_\* from 1 Jan 2026"),
        Database(own).transaction() as connection,
    ):
        save_price_adjustment(connection, document("PREMIUM_*", "-20"), "test")
    assert "Overlaps with" in texts(press(test, "Create price adjustment"))
    assert adjustments(own)["PREMIUM_*"].percentage == -1


@pytest.mark.parametrize(
    ("pattern", "percent", "expected"),
    [
        ("*", "-101", "Percent must be greater than or equal to -100."),
        ("*", "many", "Percent"),
        ("*", "NaN", "Percent"),
        (" ", "-5", "Give a SKU pattern and a percent or a rate."),
    ],
)
def test_nonsense_is_refused_and_what_was_typed_stays(
    pattern: str, percent: str, expected: str, app: Opener, own: str
) -> None:
    test = press(type_price(open_price(app(own, PAGE)), pattern, percent), "Create price adjustment")
    assert not test.exception
    assert expected in texts(test)
    assert labelled(test.text_input, "Percent").value == percent
    assert adjustments(own) == {}


def test_a_pattern_without_a_sku_is_said(app: Opener, own: str) -> None:
    assert "Matches no SKU seen so far." in texts(type_price(open_price(app(own, PAGE)), "PREMUIM_*", "-5"))


def test_a_change_keeps_the_row_and_reprices_the_days_of_before_and_after(app: Opener, own: str) -> None:
    adjust(own, document("PREMIUM_*", valid_from=TODAY - timedelta(days=4)))
    change(own, "update costpulse.collected_days set reprice_reason = null")
    (before,) = rows(own, "select id from costpulse.price_adjustments")
    test = type_price(open_price(app(own, PAGE), "PREMIUM_*"), "PREMIUM_*", "-20", first=TODAY - timedelta(days=1))
    assert "5 collected days would be priced anew." in texts(test)
    press(test, "Save price adjustment")
    assert rows(own, "select id from costpulse.price_adjustments") == [before]
    assert adjustments(own)["PREMIUM_*"] == document("PREMIUM_*", "-20", valid_from=TODAY - timedelta(days=1))
    (marked,) = rows(own, "select count(*) as n from costpulse.collected_days where reprice_reason is not null")
    assert marked == {"n": 5}


def test_who_saves_over_somebody_elses_price_is_refused(app: Opener, own: str) -> None:
    adjust(own, document("PREMIUM_*"))
    test = open_price(app(own, PAGE), "PREMIUM_*")
    with Database(own).transaction() as connection:
        (one,) = price_adjustment_rows(connection)
        save_price_adjustment(connection, document("PREMIUM_*", "-11"), "nina", adjustment_id=one.id)
    labelled(test.text_input, "Percent").set_value("-12")
    test = press(test.run(), "Save price adjustment")
    assert re.search(r"Changed by nina at .* UTC; reload to see it", texts(test))
    assert labelled(test.text_input, "Percent").value == "-12"
    assert adjustments(own)["PREMIUM_*"].percentage == -11


def test_a_price_is_deleted_after_its_pattern_was_typed(app: Opener, own: str) -> None:
    adjust(own, document("PREMIUM_*"))
    test = open_price(app(own, PAGE), "PREMIUM_*", "delete_price")
    assert "$75.00 more" in texts(test)
    assert labelled(test.button, "Delete price adjustment").disabled
    labelled(test.text_input, "Type its SKU pattern to delete it").set_value("premium_*")
    test = press(test.run(), "Delete price adjustment")
    assert "Deleted the price adjustment" in said(test)
    assert adjustments(own) == {}


def test_before_any_day_is_final_the_money_follows(app: Opener, own: str) -> None:
    change(own, "update costpulse.completeness set is_provisional = true")
    test = type_price(open_price(app(own, PAGE)), "*", "-5")
    assert "What it is worth follows with the first final day." in texts(test)
    press(test, "Create price adjustment")
    assert "*" in adjustments(own)


def test_the_effect_is_no_second_rule(app: Opener, own: str) -> None:
    """What the preview says a saved price costs is what the database makes of it."""
    app(own, PAGE)
    adjust(own, document("*", "-3"), document("PREMIUM_*", "-10"))
    days = Period(FINAL - timedelta(days=29), FINAL)
    draft = document("*SQL*", None, fixed_rate="0.123456789012345678")
    found = price_form.try_out(draft, None, days)
    adjust(own, draft)
    priced = rows(
        own,
        "select r.sku_name, sum(round(r.usage_quantity * p.effective_rate, 18)) as usd from costpulse.cost_records r "
        "cross join lateral costpulse.price_in_force(r.sku_name, r.usage_date, r.dbu_rate) p "
        "where r.usage_date between %s and %s group by 1",
        days.first,
        days.last,
    )
    assert {sku.sku_name: sku.after_usd for sku in found.skus} == {row["sku_name"]: row["usd"] for row in priced}


# --- people


def add_viewer(url: str, *viewers: Viewer) -> None:
    with Database(url).transaction() as connection:
        for viewer in viewers:
            save_viewer(connection, viewer, "test", admins=())


def stored(url: str) -> dict[str, StoredViewer]:
    with Database(url).transaction() as connection:
        return {each.viewer.name: each for each in stored_viewers(connection)}


def open_viewer(test: AppTest, name: str | None, button: str = "edit_viewer") -> AppTest:
    if name is None:
        return test.button(key="new_viewer").click().run()
    chosen = test.selectbox(key="chosen_viewer")
    (index,) = [number for number, option in enumerate(chosen.options) if option.startswith(name)]
    chosen.select_index(index).run()
    return test.button(key=button).click().run()


def test_people_are_listed_with_role_and_teams(app: Opener, own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTPULSE_ADMINS", "root@example.com")
    add_viewer(own, Viewer("group", HOSTILE, "admin"), Viewer("email", "bob@example.com", "team_owner", (1, 2)))
    test = app(own, PAGE, tab="people")
    assert table(test, "Name", "Kind", "Role", "Sees") == [
        {"Name": "bob@example.com", "Kind": "Person", "Role": "team owner", "Sees": f"Data platform, {HOSTILE}"},
        {"Name": HOSTILE, "Kind": "Group", "Role": "admin", "Sees": "everything"},
    ]
    assert "COSTPULSE_ADMINS): root@example.com" in texts(test)
    assert "Nobody signs in yet" in texts(test)


def test_a_person_is_added_with_teams(app: Opener, own: str, as_: Callable[[Role], Person]) -> None:
    as_("admin")
    test = open_viewer(app(own, PAGE, tab="people"), None)
    labelled(test.text_input, "E-mail address").set_value("bob@example.com")
    labelled(test.selectbox, "Role").set_value("team_owner")
    labelled(test.multiselect, "Teams (empty: everything)").set_value(["2"])
    test = press(test.run(), "Add")
    assert "Added “bob@example.com” as team owner." in said(test)
    assert stored(own)["bob@example.com"].viewer == Viewer("email", "bob@example.com", "team_owner", (2,))
    (entry,) = rows(own, "select actor from costpulse.audit_log where table_name = 'viewers'")
    assert entry == {"actor": "ada@example.com"}


def test_everything_wrong_with_a_person_is_said_at_once(app: Opener, own: str) -> None:
    test = open_viewer(app(own, PAGE, tab="people"), None)
    labelled(test.text_input, "E-mail address").set_value("bob")
    labelled(test.selectbox, "Role").set_value("admin")
    labelled(test.multiselect, "Teams (empty: everything)").set_value(["1"])
    test = press(test.run(), "Add")
    assert "bob is no e-mail address" in texts(test)
    assert "The role admin sees everything" in texts(test)
    assert stored(own) == {}


def test_the_last_admin_can_be_neither_lowered_nor_removed(app: Opener, own: str) -> None:
    add_viewer(own, Viewer("email", "eve@example.com", "admin"))
    test = open_viewer(app(own, PAGE, tab="people"), "eve@example.com")
    labelled(test.selectbox, "Role").set_value("viewer")
    test = press(test.run(), "Save")
    assert "eve@example.com is the last admin" in texts(test)
    test = open_viewer(app(own, PAGE, tab="people"), "eve@example.com", "remove_viewer")
    test.button(key="remove_viewer_really").click().run()
    assert stored(own)["eve@example.com"].viewer.role == "admin"


def test_the_setting_frees_the_last_admin(app: Opener, own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTPULSE_ADMINS", "root@example.com")
    add_viewer(own, Viewer("email", "eve@example.com", "admin"))
    test = open_viewer(app(own, PAGE, tab="people"), "eve@example.com", "remove_viewer")
    test.button(key="remove_viewer_really").click().run()
    assert stored(own) == {}


def test_who_lowers_themselves_is_asked_first(app: Opener, own: str, as_: Callable[[Role], Person]) -> None:
    as_("admin")
    add_viewer(own, Viewer("email", "ADA@example.com", "admin"), Viewer("email", "bob@example.com", "admin"))
    test = open_viewer(app(own, PAGE, tab="people"), "ADA@example.com")
    assert not labelled(test.button, "Save").disabled
    labelled(test.selectbox, "Role").set_value("finops")
    test.run()
    assert labelled(test.button, "Save").disabled
    labelled(test.checkbox, "This is you: you would be finops.").check()
    press(test.run(), "Save")
    assert stored(own)["ADA@example.com"].viewer.role == "finops"


def test_who_removes_themselves_is_asked_first_and_others_are_not(
    app: Opener, own: str, as_: Callable[[Role], Person]
) -> None:
    as_("admin")
    add_viewer(own, Viewer("email", "ada@example.com", "admin"), Viewer("email", "bob@example.com", "admin"))
    test = open_viewer(app(own, PAGE, tab="people"), "bob@example.com", "remove_viewer")
    assert not test.checkbox
    test = open_viewer(app(own, PAGE, tab="people"), "ada@example.com", "remove_viewer")
    assert test.button(key="remove_viewer_really").disabled
    labelled(test.checkbox, "This is you: you could not use the app any more.").check()
    test.run()
    test.button(key="remove_viewer_really").click().run()
    assert list(stored(own)) == ["bob@example.com"]


def test_who_saves_over_somebody_elses_row_is_refused(app: Opener, own: str) -> None:
    add_viewer(own, Viewer("email", "bob@example.com", "viewer"))
    test = open_viewer(app(own, PAGE, tab="people"), "bob@example.com")
    with Database(own).transaction() as connection:
        save_viewer(
            connection, Viewer("email", "bob@example.com", "finops"), "nina",
            viewer_id=stored(own)["bob@example.com"].id, admins=(),
        )  # fmt: skip
    labelled(test.selectbox, "Role").set_value("admin")
    assert "Changed by nina at" in texts(press(test.run(), "Save"))
    assert stored(own)["bob@example.com"].viewer.role == "finops"


def test_the_team_of_a_row_stays_although_it_is_gone(app: Opener, own: str) -> None:
    """Left out it would be a row without teams: one that sees everything."""
    add_viewer(own, Viewer("email", "bob@example.com", "viewer", (2,)))
    change(own, "delete from costpulse.teams where id = 2")
    test = open_viewer(app(own, PAGE, tab="people"), "bob@example.com")
    labelled(test.selectbox, "Role").set_value("team_owner")
    press(test.run(), "Save")
    assert stored(own)["bob@example.com"].viewer == Viewer("email", "bob@example.com", "team_owner", (2,))


# --- tokens


def tokens(url: str) -> list[dict[str, Any]]:
    with Database(url).transaction() as connection:
        return stored_tokens(connection)


def test_a_token_is_shown_once(app: Opener, own: str, as_: Callable[[Role], Person]) -> None:
    as_("admin")
    test = app(own, PAGE, tab="tokens").button(key="new_token").click().run()
    labelled(test.text_input, "Name").set_value("BI refresh")
    labelled(test.multiselect, "Reads the costs of (empty: everything)").set_value(["1"])
    labelled(test.date_input, "Last day (UTC)").set_value(datetime.now(UTC).date() + timedelta(days=365))
    test = press(test, "Make token")
    assert not test.exception
    (token,) = [each.value for each in test.code if each.value.startswith("costpulse_")]
    (made,) = tokens(own)
    assert (made["name"], made["team_ids"], made["created_by"]) == ("BI refresh", [1], "ada@example.com")
    assert made["prefix"] == token.split("_")[1]
    assert rows(own, "select 1 from costpulse.api_token_hashes where token_hash = sha256(%s::bytea)", token.encode())
    test = press(test, "I have copied it")
    assert token not in texts(test)
    assert "token_dialog" not in test.session_state
    assert table(test, "Name", "State", "Reads", "Made by") == [
        {"Name": "BI refresh", "State": "in force", "Reads": "Data platform", "Made by": "ada@example.com"}
    ]


@pytest.mark.parametrize(
    ("name", "expected"), [("", "A token needs a name"), ("taken", "There is a token called taken already")]
)
def test_a_token_that_cannot_be_made_says_why(name: str, expected: str, app: Opener, own: str) -> None:
    with Database(own).transaction() as connection:
        create_token(connection, "TAKEN", actor="test")
    test = app(own, PAGE, tab="tokens").button(key="new_token").click().run()
    labelled(test.text_input, "Name").set_value(name)
    test = press(test, "Make token")
    assert expected in texts(test)
    assert len(tokens(own)) == 1


def test_a_token_has_no_more_than_its_maker(own: str) -> None:
    with Database(own).transaction() as connection:
        create_token(connection, "mine", teams=["Data platform"], actor="test", maker_scope="1")
    for teams in ([], [HOSTILE], ["Data platform", HOSTILE]):
        with (
            pytest.raises(BadInput, match="A token cannot have more rights than you"),
            Database(own).transaction() as connection,
        ):
            create_token(connection, "more", teams=teams, actor="test", maker_scope="1")
    assert [each["name"] for each in tokens(own)] == ["mine"]


def test_a_token_is_revoked_after_a_question(app: Opener, own: str) -> None:
    with Database(own).transaction() as connection:
        create_token(connection, "old", actor="test")
    test = app(own, PAGE, tab="tokens").button(key="revoke_token").click().run()
    press(test, "Keep it")
    assert tokens(own)[0]["status"] == "in force"
    test = app(own, PAGE, tab="tokens").button(key="revoke_token").click().run()
    assert "Revoked the token “old”." in said(press(test, "Revoke token"))
    assert tokens(own)[0]["status"] == "revoked"
    (entry,) = rows(own, "select actor from costpulse.audit_log where action = 'update' and table_name = 'api_tokens'")
    assert entry == {"actor": people.LOCAL_ADMIN.name}


def test_only_the_app_in_the_scope_of_everything_makes_tokens(own: str) -> None:
    statement = b"select costpulse.create_api_token('x', '0123456789ab', null, null, decode(repeat('00', 32), 'hex'))"
    for role, settings in (
        ("costpulse_app", {"costpulse.scope": "1", "costpulse.actor": "x"}),
        ("costpulse_app", {"costpulse.actor": "x"}),
        ("costpulse_auditor", {"costpulse.scope": "all", "costpulse.actor": "x"}),
        ("costpulse_reader", {"costpulse.scope": "all", "costpulse.actor": "x"}),
    ):
        with psycopg.connect(own) as connection:
            connection.execute(f"set role {role}".encode())
            for name, value in settings.items():
                connection.execute("select set_config(%s, %s, true)", [name, value])
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    # Nobody's token: refused like every change without a name.
    with psycopg.connect(own) as connection:
        connection.execute("set role costpulse_app")
        connection.execute("select set_config('costpulse.scope', 'all', true)")
        with pytest.raises(psycopg.errors.NotNullViolation, match="created_by"):
            connection.execute(statement)
    assert tokens(own) == []


# --- settings

SECRET = "hunter2-never-shown"


def test_no_secret_is_ever_shown(app: Opener, own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "DATABRICKS_HOST": "dbc-1.cloud.databricks.com",
        "DATABRICKS_TOKEN": SECRET,
        "DAGSTER_URL": f"https://user:{SECRET}@dagster.example:8443/x?key={SECRET}#{SECRET}",
        "SLACK_API_URL": f"https://gateway.example/api/?token={SECRET}",
        "SMTP_URL": f"smtp://user:{SECRET}@mail.example:587",
        "WEBHOOKS": json.dumps([{"name": "ops", "url": f"https://h.example/{SECRET}", "secret": SECRET}]),
        "CONNECTIONS": json.dumps(
            [{"name": "us", "host": "dbc-2.cloud.databricks.com", "http_path": "/sql/1", "token": SECRET}]
        ),
        "OIDC_COOKIE_SECRET": "",
        "FORECAST_MODEL": "theta",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"COSTPULSE_{name}", value)
    test = app(own, PAGE, tab="settings")
    assert not test.exception
    shown = {row["Variable"]: row for frame in test.dataframe for row in frame.value.to_dict("records")}
    assert set(shown) == {f"COSTPULSE_{name.upper()}" for name in Settings.model_fields}
    assert SECRET not in str(shown) + texts(test)
    assert urlsplit(own).password is None or str(urlsplit(own).password) not in str(shown)

    def value(name: str) -> tuple[str, str]:
        return shown[f"COSTPULSE_{name}"]["Value"], shown[f"COSTPULSE_{name}"]["Is"]

    assert value("DATABRICKS_TOKEN") == ("set", "set")
    assert value("DATABASE_URL") == ("set", "set")
    assert value("IDENTITY_KEY") == ("not set", "default")
    assert value("DAGSTER_URL") == ("https://dagster.example:8443/x?...", "set")
    assert value("WEBHOOKS") == ("(name: ops, url: set, secret: set)", "set")
    assert "token: set" in value("CONNECTIONS")[0]
    assert value("FORECAST_MODEL") == ("theta", "set")
    assert value("DEMO") == ("no", "default")
    assert value("ANOMALY_MINIMUM_IMPACT")[0].startswith("everything: 200; workspace: 100")
    (download,) = [each for each in test.get("download_button") if each.proto.id.endswith("s_settings_csv")]
    assert download


def test_every_setting_has_a_group() -> None:
    assert set(settings_tab.GROUPS) <= set(Settings.model_fields)
    assert {row["Group"] for row in settings_tab.rows_of(Settings(_env_file=None))} == set(settings_tab.GROUPS.values())


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://u:p@[::1]:3000/a", "http://[::1]:3000/a"),
        ("http://h:port/p", "set"),
        ("plain text", "plain text"),
    ],
)
def test_addresses_lose_what_may_be_secret(address: str, written: str) -> None:
    assert settings_tab.shown(address) == written


def test_required_tags_are_on_another_page(app: Opener, own: str) -> None:
    test = press(app(own, PAGE, tab="settings"), "Open Tag compliance")
    assert test.title[0].value == "Tag compliance"


# --- configuration


def hand_in(test: AppTest, text: str) -> AppTest:
    (uploader,) = test.file_uploader
    return uploader.set_value(("rules.yaml", text.encode(), "application/yaml")).run()


def test_an_exported_file_changes_nothing_when_it_is_imported(app: Opener, own: str) -> None:
    adjust(own, document("PREMIUM_*", note=HOSTILE))
    test = app(own, PAGE, tab="configuration")
    text = configuration_tab._exported()
    assert HOSTILE in text
    assert "No changes: everything is so already." in texts(hand_in(test, text))


def test_an_import_shows_what_changes_then_does_all_of_it(app: Opener, own: str, as_: Callable[[Role], Person]) -> None:
    as_("finops")
    adjust(own, document("PREMIUM_*"))
    test = app(own, PAGE, tab="configuration")
    text = configuration_tab._exported().replace("percentage: -10", "percentage: -15")
    one, two = "  - name: Data platform\n", "    cost_center: '4711'\n  - name: Web\n"
    text = text.replace(one, one + two)
    test = hand_in(test, text)
    assert not test.exception
    assert "1 new, 2 changed." in texts(test)
    changed = {
        (row["Is"], row["Object"], row["Name"]): row["What"] for row in table(test, "Is", "Object", "Name", "What")
    }
    assert changed["changed", "price adjustment", "PREMIUM_* from 2026-01-01"] == "percentage: -10 -> -15"
    assert changed["changed", "team", "Data platform"] == "cost center: 4711"
    assert ("new", "team", "Web") in changed
    assert adjustments(own)["PREMIUM_*"].percentage == -10
    test = press(test, "Apply 3 changes")
    assert "Applied 3 changes." in said(test)
    assert adjustments(own)["PREMIUM_*"].percentage == -15
    actors = rows(own, "select distinct actor from costpulse.audit_log where after ->> 'name' = 'Web'")
    assert actors == [{"actor": "ada@example.com"}]


def test_what_an_import_deletes_is_agreed_to(app: Opener, own: str) -> None:
    adjust(own, document("PREMIUM_*"))
    test = hand_in(app(own, PAGE, tab="configuration"), "version: 1\n")
    assert labelled(test.button, "Apply 3 changes").disabled
    (sure,) = test.checkbox
    assert sure.label == "Yes, delete the 3 objects that the file does not have"
    sure.check()
    press(test.run(), "Apply 3 changes")
    assert adjustments(own) == {}


def test_a_file_that_is_wrong_is_refused_with_all_that_is_wrong(app: Opener, own: str) -> None:
    text = (
        "version: 1\nteams:\n- name: A\n  parent: Nowhere\nprice_adjustments:\n"
        "- {sku_pattern: 'a*', percentage: -1, valid_from: 2026-01-01}\n"
        "- {sku_pattern: 'A*', percentage: -2, valid_from: 2026-02-01}\n"
    )
    test = hand_in(app(own, PAGE, tab="configuration"), text)
    assert not test.exception
    assert "rules.yaml" in texts(test)
    assert "overlaps" in texts(test)
    assert not [button for button in test.button if button.label.startswith("Apply")]
    assert "Not imported" in texts(hand_in(app(own, PAGE, tab="configuration"), "version: [1"))


def test_an_import_of_what_was_changed_meanwhile_changes_nothing(app: Opener, own: str) -> None:
    adjust(own, document("PREMIUM_*"))
    app(own, PAGE, tab="configuration")
    text = configuration_tab._exported().replace("percentage: -10", "percentage: -15")
    test = hand_in(app(own, PAGE, tab="configuration"), text)
    with Database(own).transaction() as connection:
        (one,) = price_adjustment_rows(connection)
        save_price_adjustment(connection, document("PREMIUM_*", "-11"), "nina", adjustment_id=one.id)
    test = press(test, "Apply 1 change")
    assert "Somebody changed something after the comparison was made" in texts(test)
    assert adjustments(own)["PREMIUM_*"].percentage == -11


# --- audit


def log(url: str, *entries: dict[str, Any]) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("delete from costpulse.audit_log")
        for entry in entries:
            row = {"row_id": "1", "before": None, "after": None} | entry
            connection.execute(
                "insert into costpulse.audit_log (changed_at, actor, table_name, row_id, action, before, after) values "
                "(%(changed_at)s, %(actor)s, %(table_name)s, %(row_id)s, %(action)s, %(before)s, %(after)s)",
                row | {each: row[each] and json.dumps(row[each]) for each in ("before", "after")},
            )


def at(hour: int, day: int = 20) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


ENTRIES = (
    {"changed_at": at(8), "actor": "nina", "table_name": "allocation_rules", "action": "update", "row_id": "7",
     "before": {"id": 7, "name": HOSTILE, "priority": 3, "team_id": 1, "version": 1},
     "after": {"id": 7, "name": HOSTILE, "priority": 2, "team_id": 2, "version": 2}},
    {"changed_at": at(9), "actor": "pipeline", "table_name": "anomalies", "action": "update", "row_id": "5",
     "before": {"scope_name": "x", "status": "open"}, "after": {"scope_name": "x", "status": "resolved"}},
    {"changed_at": at(10, 21), "actor": "=cmd()", "table_name": "viewers", "action": "delete",
     "before": {"name": "bob@example.com", "role": "admin"}},
)  # fmt: skip


def test_an_empty_log_says_so(app: Opener, own: str) -> None:
    log(own)
    assert "No change yet." in texts(app(own, PAGE, tab="audit"))


def test_changes_are_told_in_words_the_newest_first(app: Opener, own: str) -> None:
    log(own, *ENTRIES)
    test = app(own, PAGE, tab="audit")
    assert not test.exception
    assert table(test, "Who", "What", "Object") == [
        {"Who": "=cmd()", "What": "Deleted person or group “bob@example.com”", "Object": "person or group"},
        {"Who": "nina", "What": f"Changed rule “{HOSTILE}”: team id Data platform -> {HOSTILE}, priority 3 -> 2",
         "Object": "rule"},
    ]  # fmt: skip
    assert [row["Time (UTC)"] for row in table(test, "Time (UTC)")] == [at(10, 21), at(8)]


@pytest.mark.parametrize(
    ("asked", "actors"),
    [
        ({"who": "*"}, ["=cmd()", "pipeline", "nina"]),
        ({"who": "nina"}, ["nina"]),
        ({"who": "pipeline"}, ["pipeline"]),
        ({"who": "nobody"}, ["=cmd()", "nina"]),
        ({"object": "viewers"}, ["=cmd()"]),
        ({"object": "nothing"}, ["=cmd()", "nina"]),
        ({"days": ["2026-11-20", "2026-11-20"]}, ["nina"]),
        ({"who": "*", "object": "anomalies", "days": ["2026-11-19", "2026-11-21"]}, ["pipeline"]),
    ],
)
def test_the_url_narrows_the_log(asked: dict[str, Any], actors: list[str], app: Opener, own: str) -> None:
    log(own, *ENTRIES)
    test = app(own, PAGE, tab="audit", **asked)
    assert not test.exception
    assert [row["Who"] for row in table(test, "Who", "What")] == actors
    known = {name: value for name, value in asked.items() if value not in ("nobody", "nothing")}
    assert query(test) == {"tab": ["audit"]} | {
        name: value if isinstance(value, list) else [value] for name, value in known.items()
    }


def test_filters_go_into_the_url_and_what_fits_none_is_said(app: Opener, own: str) -> None:
    log(own, *ENTRIES)
    test = app(own, PAGE, tab="audit")
    test.selectbox(key="s_who").set_value("nina").run()
    test.selectbox(key="s_object").set_value("viewers").run()
    assert query(test) == {"tab": ["audit"], "who": ["nina"], "object": ["viewers"]}
    assert "No change fits these filters." in texts(test)
    test.date_input(key="s_days").set_value((date(2026, 11, 1), date(2026, 11, 30))).run()
    assert query(test)["days"] == ["2026-11-01", "2026-11-30"]


def test_the_log_is_turned_by_two_hundred(app: Opener, own: str) -> None:
    many = [
        {"changed_at": at(8) + timedelta(seconds=number), "actor": "nina", "table_name": "teams", "action": "insert",
         "row_id": str(number), "after": {"name": f"team {number}"}}
        for number in range(450)
    ]  # fmt: skip
    log(own, *many)
    test = app(own, PAGE, tab="audit")
    assert len(table(test, "Who", "What")) == 200
    assert test.button(key="audit_newer").disabled
    test.button(key="audit_older").click().run()
    test.button(key="audit_older").click().run()
    assert query(test)["page"] == ["3"]
    assert len(table(test, "Who", "What")) == 50
    assert test.button(key="audit_older").disabled
    # Another question begins on the first page of its answer.
    test.selectbox(key="s_who").set_value("nina").run()
    assert "page" not in query(test)
    test.query_params["page"] = "9"
    assert "The log does not reach that far." in texts(test.run())
    everything = list(csv.DictReader(io.StringIO(audit_tab.csv_file(frame(test), Choice(tab="audit")))))
    assert len(everything) == 450


def frame(test: AppTest) -> Any:
    return test.session_state["frame"]


def test_the_drawer_has_every_field_before_and_after(app: Opener, own: str) -> None:
    log(own, *ENTRIES)
    (number,) = [row["id"] for row in rows(own, "select id from costpulse.audit_log where actor = 'nina'")]
    test = app(own, PAGE, tab="audit", entry=str(number))
    assert not test.exception
    assert table(test, "Field", "Before", "After") == [
        {"Field": "team id", "Before": "Data platform", "After": HOSTILE},
        {"Field": "version", "Before": "1", "After": "2"},
        {"Field": "priority", "Before": "3", "After": "2"},
    ]
    assert f"entry={number}" in texts(test)
    test = press(test, "Close")
    assert query(test) == {"tab": ["audit"]}
    assert not [button for button in test.button if button.label == "Close"]
    test = press(app(own, PAGE, tab="audit", entry=str(number)), "Open in Teams & allocation")
    assert test.title[0].value == "Teams & allocation"
    assert query(test) == {"tab": ["rules"]}


def test_an_entry_that_is_not_there_is_said(app: Opener, own: str) -> None:
    for entry in ("999999", "9" * 19):
        test = app(own, PAGE, tab="audit", entry=entry)
        assert not test.exception
        assert "There is no such entry, or it is not yours to see." in texts(test)


def test_the_file_has_what_is_filtered_and_no_formula(app: Opener, own: str) -> None:
    log(own, *ENTRIES)
    test = app(own, PAGE, tab="audit")
    text = audit_tab.csv_file(frame(test), Choice(tab="audit", who=EVERYBODY))
    lines = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [line["Who"] for line in lines] == ["'=cmd()", "pipeline", "nina"]
    assert json.loads(lines[2]["Before"])["priority"] == 3
    text = audit_tab.csv_file(frame(test), Choice(tab="audit", who=PEOPLE, object="viewers"))
    assert text.count("\r\n") == 2


def test_the_app_cannot_touch_the_log(own: str) -> None:
    log(own, *ENTRIES)
    for statement in (
        "update costpulse.audit_log set actor = 'x'",
        "delete from costpulse.audit_log",
        "insert into costpulse.audit_log (actor, table_name, action) values ('x', 'y', 'insert')",
        "truncate costpulse.audit_log",
    ):
        with psycopg.connect(own) as connection:
            connection.execute("set role costpulse_app")
            connection.execute("select set_config('costpulse.scope', 'all', true)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_every_table_that_is_audited_has_words_and_a_name(own: str) -> None:
    audited = rows(
        own,
        "select distinct c.relname as name from pg_trigger t join pg_class c on c.oid = t.tgrelid "
        "join pg_proc p on p.oid = t.tgfoid where p.proname = 'audit_change'",
    )
    assert {row["name"] for row in audited} == set(words.OBJECTS)
    for table_name, (_, column) in words.OBJECTS.items():
        assert rows(
            own,
            "select 1 from information_schema.columns where table_schema = 'costpulse' and table_name = %s "
            "and column_name = %s",
            table_name,
            column,
        ), (table_name, column)


def test_a_change_is_one_line_however_long_it_is() -> None:
    before = {"name": "x" * 100, **{f"field_{number}": number for number in range(6)}}
    entry = reads.Entry(1, at(1), "nina", "budgets", "1", "update", before, {"name": "y\nz"})
    told = words.what(entry, NAMES)
    assert told.startswith("Changed budget “y z”: name x")
    assert told.endswith("and 4 more changes")
    assert "…" in told
    same = reads.Entry(1, at(1), "nina", "budgets", "1", "update", {"name": "x", "version": 1}, {"name": "x"})
    assert words.what(same, NAMES) == "Changed budget “x”: saved without a change"
    unknown = reads.Entry(
        1, at(1), "nina", "new_things", "9", "insert", None, {"a": True, "made_at": "2026-11-20T08:00Z"}
    )
    assert words.what(unknown, NAMES) == "Made new things “number 9”"
    assert {row["Field"]: row["After"] for row in words.differences(unknown, NAMES)} == {
        "a": "yes", "made at": "20 Nov 2026, 08:00 UTC",
    }  # fmt: skip


# --- states


def test_a_choice_survives_the_url() -> None:
    choice = Choice("audit", "nina", "teams", Period(date(2026, 11, 1), date(2026, 11, 2)), 3, 12)
    assert Choice.from_query(choice.to_query()) == choice
    assert Choice.from_query({}) == Choice()
    nonsense = {"tab": ["x"], "days": ["2026-11-02", "2026-11-01"], "page": ["-1"], "entry": ["1e3"]}
    assert Choice.from_query(nonsense) == Choice()
    assert Choice.from_query({"days": ["9999-12-31"], "page": ["0"], "entry": ["9" * 20]}) == Choice()


@pytest.mark.parametrize(
    ("tab", "broken"),
    [("prices", "price_adjustments"), ("people", "viewers"), ("tokens", "api_tokens"), ("audit", "audit_log")],
)
def test_a_part_that_fails_is_one_sentence_with_a_reference(tab: str, broken: str, app: Opener, own: str) -> None:
    change(own, f"alter table costpulse.{broken} rename to away")
    test = app(own, PAGE, tab=tab)
    assert not test.exception
    assert "Reference" in texts(test)
    assert test.title[0].value == "Settings & audit"


def test_a_right_that_was_lost_while_the_form_was_open_saves_nothing(
    app: Opener, own: str, as_: Callable[[Role], Person]
) -> None:
    as_("finops")
    test = type_price(open_price(app(own, PAGE)), "*", "-5")
    as_("viewer")
    press(test, "Create price adjustment")
    assert adjustments(own) == {}
