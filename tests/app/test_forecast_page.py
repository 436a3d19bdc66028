"""Forecast & budgets: what the page says is what was issued and looked at, and a budget is tried before it is saved."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from costpulse_app import formats, people
from costpulse_app.forecast import record_tab, scopes
from costpulse_app.forecast.reads import ProbabilityScore
from costpulse_assets.allocation.budgets import BudgetDocument, save_budget, stored_budgets
from costpulse_assets.allocation.budgets_csv import budgets_text
from costpulse_assets.analysis.budget_status import update_budget_status
from costpulse_assets.analysis.forecast_issues import issue_forecasts, score_forecasts
from costpulse_assets.resources.database import Database
from tests.analysis.account import DATA, ETL, FINAL, account, execute, filled, rows
from tests.app.books import Books
from tests.app.conftest import Opener
from tests.app.test_allocation_page import labelled, table
from tests.app.test_pages import metric, query, texts
from tests.conftest import database as another_database

PAGE = "views/forecast.py"
TABS = ("forecast", "budgets", "record")
HOSTILE = "<b>*x* $1$ [l](http://e.example)"
#: Of everything, of a team with others below it, of a tag, and one that is switched off.
BUDGETS: tuple[dict[str, Any], ...] = (
    {"name": "Account", "amount": "25000", "owner": "nina@example.com"},
    {"name": "Data", "scope_type": "team", "scope": "Data", "amount": "23000", "thresholds": [90]},
    {"name": HOSTILE, "scope_type": "tag", "scope": "project=atlas", "amount": "7000", "period": "quarter"},
    {"name": "Off", "scope_type": "product", "scope": "JOBS", "amount": "9", "is_active": False},
)


def follow(database: Database) -> None:
    """As a run does."""
    issue_forecasts(database, days=400, model="auto")
    score_forecasts(database, days=400)
    update_budget_status(database, days=400, model="auto")


def save(database: Database, *documents: dict[str, Any]) -> None:
    with database.transaction() as connection:
        for document in documents:
            save_budget(connection, BudgetDocument.model_validate(document), "nina")


@pytest.fixture(scope="module")
def shared(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """The account with budgets after a run; nobody changes it."""
    with another_database(postgres_server, template=migrated_template) as url:
        database = filled(url)
        save(database, *BUDGETS)
        follow(database)
        yield database


@pytest.fixture
def url(shared: Database) -> str:
    return shared.url


@pytest.fixture
def database(database_url: str) -> Database:
    """The account with one budget after a run, for tests that change it."""
    made = filled(database_url, account(first=date(2026, 4, 20)))
    save(made, BUDGETS[0])
    follow(made)
    return made


def landing(database: Database, scope_type: str = "everything", scope_id: str = "") -> dict[str, Any]:
    (row,) = rows(
        database,
        "select * from costpulse.forecast_landings where scope_type = %s and scope_id = %s and month = '2026-06-01'",
        scope_type,
        scope_id,
    )
    return row


def spent(first: date, last: date, *teams: int, books: Books | None = None) -> Decimal:
    found = (books or account()).rows
    return sum(
        (
            row["cost_usd"] or Decimal(0)
            for row in found
            if first <= row["usage_date"] <= last and (not teams or row["team_id"] in teams)
        ),
        Decimal(0),
    )


# --- the forecast


def test_the_first_sentence_and_the_cards_say_what_was_issued(app: Opener, shared: Database, url: str) -> None:
    test = app(url, PAGE)
    assert not test.exception
    assert test.title[0].value == "Forecast & budgets"
    said = landing(shared)
    may = spent(date(2026, 5, 1), date(2026, 5, 31))
    change = formats.change_share(said["predicted_cost"], may)
    assert change is not None
    compared = f"{formats.percent(abs(change))} {'above' if change > 0 else 'below'} May."
    assert (
        f"June lands at {formats.money(said['predicted_cost'])} (95%: {formats.money(said['lower_bound'])} to "
        f"{formats.money(said['upper_bound'])}), {compared}"
    ) in texts(test)
    assert metric(test, "Landing").value == formats.money(said["predicted_cost"])
    assert metric(test, "Landing").delta == formats.delta(said["predicted_cost"], may)
    (status,) = rows(
        shared, "select * from costpulse.budget_status where budget_name = 'Account' and state = 'running'"
    )
    assert metric(test, "Budget used").value == formats.percent(spent(date(2026, 6, 1), FINAL) / 25000)
    assert "Pace: 33.3% of the period is over" in texts(test)
    assert metric(test, "Breach probability").value == scopes.probability(status["probability_exceeded"])
    assert f"from {formats.day(status['breach_date'])} on" in texts(test)
    assert "8 backtests" in texts(test)


def test_error_and_coverage_are_those_of_the_scores(app: Opener, shared: Database, url: str) -> None:
    test = app(url, PAGE)
    (expected,) = rows(
        shared,
        "select sum(wape * actual_usd) / sum(actual_usd) as wape, "
        "sum(naive_wape * actual_usd) / sum(actual_usd) as naive, sum(coverage * days) / sum(days) as coverage "
        "from costpulse.forecast_scores where scope_type = 'everything' and horizon_bucket = '1-7' "
        "and data_until >= %s",
        FINAL - timedelta(weeks=8),
    )
    assert metric(test, "Error a week ahead").value == f"{expected['wape']:.1%}"
    assert f"{expected['naive']:.1%} by the same weekday before" in texts(test)
    assert metric(test, "Days in the band").value == f"{expected['coverage']:.0%}"


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize(
    "chosen",
    [{}, {"ws": "100"}, {"ws": "~"}, {"team": "1"}, {"team": "~"}, {"product": "JOBS"}, {"sku": "EGRESS"},
     {"tag": "project=atlas"}, {"tag": "project=hermes"}, {"sku": "NONE"}, {"team": ["1", "2"]}, {"job": "7"}],
)  # fmt: skip
def test_every_tab_is_drawn_for_every_scope(
    tab: str, chosen: dict[str, str | list[str]], app: Opener, url: str
) -> None:
    test = app(url, PAGE, tab=tab, **chosen)
    assert not test.exception
    assert "Reference" not in texts(test)
    assert query(test).get("tab", ["forecast"]) == [tab]


def test_a_team_is_shown_with_the_teams_below_it(app: Opener, shared: Database, url: str) -> None:
    test = app(url, PAGE, team=ETL)
    said = landing(shared, "team", ETL)
    assert said["spent_usd"] == spent(date(2026, 6, 1), FINAL, 2, 3)
    assert f"Etl: June lands at {formats.money(said['predicted_cost'])}" in texts(test)
    assert "With the teams below it" in texts(test)
    final = [row for row in table(test, "Day", "Is", "Running total") if row["Is"] == "final"]
    assert final[-1]["Running total"] == said["spent_usd"]
    assert "No budget of this runs" in texts(test)
    assert "With the teams below it" not in texts(app(url, PAGE, team="3"))


def test_the_running_total_ends_where_the_month_lands(app: Opener, shared: Database, url: str) -> None:
    running = table(app(url, PAGE), "Day", "Is", "Running total")
    assert running[-1]["Day"] == date(2026, 6, 30)
    assert abs(running[-1]["Running total"] - landing(shared)["predicted_cost"]) < Decimal("0.01")


def test_where_the_parts_land_adds_up_to_everything_and_says_why(app: Opener, shared: Database, url: str) -> None:
    test = app(url, PAGE)
    parts = table(test, "Workspace", "Lands at", "So far", "Model", "Why")
    assert {row["Workspace"] for row in parts} == {"prod", "dev", "Account level"}
    assert sum(row["So far"] for row in parts) == landing(shared)["spent_usd"]
    assert abs(sum(row["Lands at"] for row in parts) - landing(shared)["predicted_cost"]) < Decimal("0.05")
    assert all(row["Why"] for row in parts)


def test_a_horizon_beyond_the_forecast_is_said_and_kept_in_the_link(app: Opener, url: str) -> None:
    test = app(url, PAGE, horizon="90")
    assert "Forecast of 51 days from what was final on 10 Jun 2026: it reaches to 31 Jul 2026" in texts(test)
    assert query(test)["horizon"] == ["90"]
    (shown,) = [frame.value for frame in test.dataframe if "Forecast" in frame.value]
    assert len(shown) == 51
    test = app(url, PAGE, horizon="31")
    assert "Forecast of 30 days" in texts(test)
    assert "horizon" not in query(test)


def test_the_list_price_does_not_apply(app: Opener, url: str) -> None:
    test = app(url, PAGE, basis="list")
    assert "Neither does the list price: forecasts and budgets are at your price." in texts(test)
    assert "Costs in USD, at your price" in texts(test)
    assert query(test)["basis"] == ["list"]


@pytest.mark.parametrize("chosen", [{"team": ["1", "2"]}, {"team": "1", "product": "JOBS"}, {"job": "7"}])
def test_filters_that_nothing_is_forecast_for_are_told(
    chosen: dict[str, str | list[str]], app: Opener, url: str
) -> None:
    test = app(url, PAGE, **chosen)
    assert "These filters ask for something else." in test.info[0].value
    assert not test.metric


# --- states


@pytest.mark.parametrize("days", [1, 11, 27])
def test_before_there_is_enough_history_a_run_rate_is_shown_and_called_so(
    days: int, app: Opener, database_url: str
) -> None:
    books = account(first=FINAL - timedelta(days=days - 1))
    books.write(database_url)
    test = app(database_url, PAGE)
    assert not test.exception
    assert f"Forecasts start after 28 final days; {days} so far." in texts(test)
    total = spent(date(2026, 6, 1), FINAL, books=books)
    assert f"cost {formats.money(total)}. Carried on evenly, June would cost {formats.money(total / 10 * 30)}" in texts(
        test
    )
    assert "not a forecast" in texts(test)
    assert not test.metric


@pytest.mark.parametrize("tab", TABS)
def test_without_a_run_and_without_a_final_day_every_tab_is_drawn(tab: str, app: Opener, database_url: str) -> None:
    account(first=date(2026, 5, 1)).write(database_url)
    test = app(database_url, PAGE, tab=tab)
    assert not test.exception
    assert "No forecast was issued yet" in texts(test)
    execute(Database(database_url), "update costpulse.completeness set is_provisional = true")
    test = app(database_url, PAGE, tab=tab)
    assert not test.exception
    assert "Forecasts start after 28 final days; 0 so far." in texts(test)
    assert "Reference" not in texts(test)


def test_an_old_forecast_says_when_it_was_made(app: Opener, database: Database) -> None:
    assert "not updated since" not in texts(app(database.url, PAGE))
    execute(database, "update costpulse.completeness set is_provisional = false where usage_date <= '2026-06-14'")
    assert "made on 10 Jun 2026, not updated since" in texts(app(database.url, PAGE))
    assert "made on 10 Jun 2026, not updated since" in texts(app(database.url))


def test_an_empty_database_and_one_without_tables_say_what_to_do(
    app: Opener, database_url: str, empty_database_url: str
) -> None:
    assert app(database_url, PAGE).title[0].value == "No cost data yet"
    assert app(empty_database_url, PAGE).title[0].value == "The database is not set up"
    assert app("postgresql://nobody@127.0.0.1:9/none", PAGE).title[0].value == "The database does not answer"


# --- budgets


def test_budgets_are_listed_as_they_stand(app: Opener, shared: Database, url: str) -> None:
    test = app(url, PAGE, tab="budgets")
    listed = {row["Name"]: row for row in table(
        test, "Name", "Used %", "Breach probability", "Amount", "Projected", "Breach day", "Scope", "Period",
        "Alerts at", "Owner", "On",
    )}  # fmt: skip
    status = {
        row["budget_name"]: row for row in rows(shared, "select * from costpulse.budget_status where state = 'running'")
    }
    assert list(listed) == [HOSTILE, "Account", "Data", "Off"]
    account_row = listed["Account"]
    assert account_row["Used %"] == pytest.approx(float(spent(date(2026, 6, 1), FINAL)) / 250)
    assert account_row["Projected"] == status["Account"]["projected_usd"]
    assert account_row["Breach day"] == status["Account"]["breach_date"]
    assert account_row["Scope"] == "Everything"
    assert account_row["Period"] == "1-30 Jun 2026"
    assert account_row["Alerts at"] == "50, 80, 100%; projected 100%"
    assert account_row["Owner"] == "nina@example.com"
    assert listed["Data"]["Scope"] == "Team: Data"
    assert listed["Data"]["Used %"] == pytest.approx(float(spent(date(2026, 6, 1), FINAL, 1, 2, 3)) / 230)
    assert listed["Data"]["Alerts at"] == "90%; projected 100%"
    assert listed[HOSTILE]["Scope"] == "Tag: project = atlas"
    assert pd.isna(listed["Off"]["Used %"])
    assert listed["Off"]["On"] == "no"


def test_past_periods_are_listed_with_what_they_cost(app: Opener, url: str) -> None:
    past = table(app(url, PAGE, tab="budgets"), "Name", "Period", "Amount", "Cost", "Exceeded")
    may = spent(date(2026, 5, 1), date(2026, 5, 31))
    assert {
        "Name": "Account",
        "Period": "1-31 May 2026",
        "Amount": Decimal("25000.00"),
        "Cost": may,
        "Exceeded": "yes" if may > 25000 else "no",
    } in past


def new_budget(test: AppTest, **typed: str) -> AppTest:
    """Opens the form and types into it."""
    test.button(key="new_budget").click().run()
    for label, value in typed.items():
        labelled(test.text_input, label.replace("_", " ")).set_value(value)
    return test.run()


def test_a_new_budget_is_previewed_on_past_months_and_on_the_forecast(app: Opener, database: Database) -> None:
    execute(database, "delete from costpulse.budgets")
    test = new_budget(app(database.url, PAGE, tab="budgets"), Name="Mine", Amount_in_USD="26,000")
    may = spent(date(2026, 5, 1), date(2026, 5, 31), books=account(first=date(2026, 4, 20)))
    verdict = "would have been exceeded" if may > 26000 else "would not have been exceeded"
    said = texts(test)
    # The account begins within April: it is no whole month.
    assert f"May 2026 cost {formats.money(may)}: this {verdict}." in said
    assert not rows(database, "select 1 from costpulse.budgets")

    labelled(test.button, "Create budget").click().run()
    assert not test.exception
    assert "Created the budget “Mine”." in test.success[0].value.replace("\\", "")
    (stored,) = rows(database, "select id, name, amount, thresholds from costpulse.budgets")
    assert (stored["name"], stored["amount"]) == ("Mine", Decimal(26000))
    (audited,) = rows(
        database,
        "select actor, action from costpulse.audit_log where table_name = 'budgets' and after ->> 'name' = 'Mine'",
    )
    assert audited == {"actor": people.LOCAL_ADMIN.name, "action": "insert"}
    assert "Mine: was not looked at yet; the next run does that." in texts(test)

    # What the preview said is what the run says.
    update_budget_status(database, days=400, model="auto")
    (status,) = rows(
        database, "select * from costpulse.budget_status where budget_id = %s and state = 'running'", stored["id"]
    )
    assert (
        f"June 2026 is expected to cost {formats.money(status['projected_usd'])} "
        f"(95%: {formats.money(status['lower_bound'])} to {formats.money(status['upper_bound'])}): probability that "
        f"this is exceeded {scopes.probability(status['probability_exceeded'])}"
    ) in said


def test_everything_wrong_is_said_at_once_and_what_was_typed_stays(app: Opener, database: Database) -> None:
    test = app(database.url, PAGE, tab="budgets")
    test.button(key="new_budget").click().run()
    labelled(test.text_input, "Name").set_value("account")
    labelled(test.text_input, "Amount in USD").set_value("0")
    labelled(test.text_input, "Tell at, in percent used").set_value("80, 80")
    labelled(test.button, "Create budget").click().run()
    said = texts(test)
    for message in (
        "A budget named Account exists already.",
        "A budget for this scope and period exists: edit it.",
        "Amount must be above 0.",
        "80 is listed twice.",
    ):
        assert message in said
    assert labelled(test.text_input, "Name").value == "account"

    labelled(test.text_input, "Amount in USD").set_value("a lot")
    labelled(test.button, "Create budget").click().run()
    assert "Write the amount as a number, as in 12500 or 12500.50." in texts(test)
    assert "80 is listed twice." in texts(test)
    assert len(rows(database, "select 1 from costpulse.budgets")) == 1
    labelled(test.button, "Cancel").click().run()
    assert "Create budget" not in [button.label for button in test.button]


@pytest.mark.parametrize(
    ("scope_type", "select", "scope", "stored"),
    [
        ("team", "Team", DATA, ("team", DATA)),
        ("team", "Team", "unallocated", ("team", "unallocated")),
        ("workspace", "Workspace", "200", ("workspace", "200")),
        ("product", "Product", "NETWORKING", ("product", "NETWORKING")),
        ("tag", None, "project=hermes", ("tag", "project=hermes")),
    ],
)
def test_a_budget_can_be_for_any_scope(
    scope_type: str, select: str | None, scope: str, stored: tuple[str, str], app: Opener, database: Database
) -> None:
    test = app(database.url, PAGE, tab="budgets")
    test.button(key="new_budget").click().run()
    labelled(test.text_input, "Name").set_value("Mine")
    labelled(test.text_input, "Amount in USD").set_value("5000.50")
    labelled(test.selectbox, "Whose cost").set_value(scope_type).run()
    if select is None:
        labelled(test.text_input, "Tag").set_value(scope).run()
    else:
        [box for box in test.selectbox if box.label == select][-1].set_value(scope).run()
    assert "have been exceeded" in texts(test)
    labelled(test.button, "Create budget").click().run()
    (row,) = rows(database, "select scope_type, scope_id from costpulse.budgets where name = 'Mine'")
    assert (row["scope_type"], row["scope_id"]) == stored


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (None, None, "A custom period needs its first day."),
        (date(2026, 6, 20), date(2026, 6, 2), "before it begins"),
        (date(2026, 6, 2), date(2026, 6, 20), "Created the budget"),
    ],
)
def test_a_custom_period_is_previewed_whatever_its_days_are(
    first: date | None, last: date | None, said: str, app: Opener, database: Database
) -> None:
    test = app(database.url, PAGE, tab="budgets")
    test.button(key="new_budget").click().run()
    labelled(test.text_input, "Name").set_value("Mine")
    labelled(test.text_input, "Amount in USD").set_value("5000")
    [box for box in test.selectbox if box.label == "Period"][-1].set_value("custom").run()
    test.date_input[0].set_value(first)
    test.date_input[1].set_value(last).run()
    assert not test.exception
    labelled(test.button, "Create budget").click().run()
    assert said in texts(test) + "".join(box.value for box in test.success)


def test_who_edits_what_somebody_else_changed_is_told(app: Opener, database: Database) -> None:
    test = app(database.url, PAGE, tab="budgets")
    test.button(key="edit_budget").click().run()
    labelled(test.text_input, "Amount in USD").set_value("27000")
    changed = BudgetDocument.model_validate(BUDGETS[0] | {"amount": "31000"})
    with database.transaction() as connection:
        (row,) = connection.execute("select id from costpulse.budgets").fetchall()
        save_budget(connection, changed, "nina", budget_id=row["id"])
    labelled(test.button, "Save budget").click().run()
    assert not test.exception
    (stored,) = rows(database, "select amount from costpulse.budgets")
    assert stored["amount"] == 31000


def test_a_preview_counts_the_whole_months_that_would_have_been_exceeded(app: Opener, url: str) -> None:
    months = [spent(date(2026, month, 1), date(2026, month + 1, 1) - timedelta(days=1)) for month in (4, 5)]
    test = new_budget(app(url, PAGE, tab="budgets"), Name="Mine", Amount_in_USD=str(round(sum(months) / 2, 2)))
    most = max(range(2), key=months.__getitem__)
    assert (
        f"Would have been exceeded in 1 of the last 2 months; the most was {formats.money(months[most])} in "
        f"{('April', 'May')[most]} 2026."
    ) in texts(test)


def test_a_budget_is_edited_in_place(app: Opener, database: Database) -> None:
    test = app(database.url, PAGE, tab="budgets")
    test.button(key="edit_budget").click().run()
    assert labelled(test.text_input, "Owner (optional)").value == "nina@example.com"
    labelled(test.text_input, "Amount in USD").set_value("27000")
    labelled(test.text_input, "Tell at, in percent projected").set_value("")
    labelled(test.button, "Save budget").click().run()
    (stored,) = rows(database, "select amount, projected_threshold, version, owner from costpulse.budgets")
    assert stored == {
        "amount": Decimal(27000),
        "projected_threshold": None,
        "version": 2,
        "owner": "nina@example.com",
    }


def test_deleting_asks_first_and_keeps_what_was_found(app: Opener, database: Database) -> None:
    test = app(database.url, PAGE, tab="budgets")
    test.button(key="delete_budget").click().run()
    assert "Deletes the budget “Account” of $25,000.00 a month. What was found about its 2 periods is kept." in texts(
        test
    )
    test.button(key="keep_budget").click().run()
    assert rows(database, "select 1 from costpulse.budgets")
    test.button(key="delete_budget").click().run()
    test.button(key="delete_budget_really").click().run()
    assert not rows(database, "select 1 from costpulse.budgets")
    assert "Deleted the budget “Account”." in test.success[0].value.replace("\\", "")
    assert "There is no budget yet." in test.info[0].value


def upload(test: AppTest, content: bytes) -> AppTest:
    (uploader,) = test.file_uploader
    return uploader.set_value(("budgets.csv", content, "text/csv")).run()


def test_budgets_come_from_a_file_after_what_it_changes_was_seen(app: Opener, database: Database) -> None:
    test = upload(
        app(database.url, PAGE, tab="budgets"),
        b"name,scope_type,scope,amount,owner\nAccount,,,26000,nina@example.com\n'=1+1,tag,project=atlas,70.5,\n",
    )
    assert not test.exception
    assert "1 new, 1 changed, 0 the same." in texts(test)
    changed = table(test, "Is", "Name", "What")
    assert changed[0] == {"Is": "changed", "Name": "Account", "What": "amount: 25000 -> 26000"}
    assert len(rows(database, "select 1 from costpulse.budgets")) == 1
    test.button(key="budgets_0_take").click().run()
    assert not test.exception
    assert "Imported 2 changes of budgets." in test.success[0].value.replace("\\", "")
    found = rows(database, "select name, amount, owner from costpulse.budgets order by name")
    assert found == [
        {"name": "=1+1", "amount": Decimal("70.5"), "owner": None},
        {"name": "Account", "amount": Decimal(26000), "owner": "nina@example.com"},
    ]
    audited = rows(database, "select actor, action from costpulse.audit_log where table_name = 'budgets'")
    done = [row["action"] for row in audited if row["actor"] == people.LOCAL_ADMIN.name]
    assert sorted(done) == ["insert", "update"]

    with database.transaction() as connection:
        text = budgets_text([each.document for each in stored_budgets(connection)])
    test = upload(test, text.encode())
    assert "Nothing to change, 2 the same." in texts(test)
    assert labelled(test.button, "Import budgets").disabled


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"name,amount\n\xff,1\n", "budgets.csv, line 2: the byte 0xff is not UTF-8"),
        (b"name,amount,limit\nMine,1,2\n", "budgets.csv, line 1: column 'limit' is not known here"),
        (
            b"name,scope_type,scope,amount\nMine,team,Dta,1\n",
            "budgets.csv, line 2, scope 'Dta': There is no team Dta: write Data if you mean that.",
        ),
        (b"name,amount\nMine,1\n", "budgets.csv, line 2, scope: A budget for this scope and period exists: edit it."),
    ],
)
def test_a_file_of_budgets_with_something_wrong_changes_nothing(
    content: bytes, reason: str, app: Opener, url: str
) -> None:
    test = upload(app(url, PAGE, tab="budgets"), content)
    assert not test.exception
    assert reason in texts(test)
    assert "nothing was changed" in texts(test)
    assert not [button for button in test.button if button.label == "Import budgets"]


def test_a_file_is_not_imported_over_what_nobody_saw(app: Opener, database: Database) -> None:
    test = upload(app(database.url, PAGE, tab="budgets"), b"name,amount\nAccount,1\n")
    with database.transaction() as connection:
        (row,) = connection.execute("select id from costpulse.budgets").fetchall()
        changed = BudgetDocument.model_validate(BUDGETS[0] | {"amount": "31000"})
        save_budget(connection, changed, "nina", budget_id=row["id"])
    labelled(test.button, "Import budgets").click().run()
    assert "Somebody else has changed budgets since the file was compared with them" in texts(test)
    assert rows(database, "select amount from costpulse.budgets") == [{"amount": Decimal(31000)}]
    assert "amount: 31000 -> 1" in table(test, "Is", "Name", "What")[0]["What"]
    labelled(test.button, "Import budgets").click().run()
    assert rows(database, "select amount from costpulse.budgets") == [{"amount": Decimal(1)}]


def test_budgets_that_are_not_in_the_file_go_only_if_the_viewer_says_so(app: Opener, database: Database) -> None:
    test = upload(app(database.url, PAGE, tab="budgets"), b"name,scope_type,scope,amount\nMine,tag,a=b,1\n")
    assert "1 new, 0 the same." in texts(test)
    labelled(test.toggle, "Remove budgets that are not in the file").set_value(True).run()
    assert "1 new, 1 removed, 0 the same." in texts(test)
    labelled(test.button, "Import budgets").click().run()
    assert rows(database, "select name from costpulse.budgets") == [{"name": "Mine"}]


# --- how good it was


def test_the_track_record_shows_what_was_said_beside_what_it_cost(app: Opener, shared: Database, url: str) -> None:
    test = app(url, PAGE, tab="record")
    weeks = table(test, "Made on", "Backtest", "Said", "Cost", "Difference")
    assert weeks
    for week in weeks:
        first = week["Made on"] + timedelta(days=1)
        assert week["Cost"] == spent(first, first + timedelta(days=6))
        assert week["Difference"] == week["Said"] - week["Cost"]
        assert week["Backtest"] == "yes"
    assert "A backtest was made later" in texts(test)
    (row,) = table(test, "Month", "Said on", "Said", "In the band")
    assert row == {
        "Month": "June 2026",
        "Said on": FINAL,
        "Said": landing(shared)["predicted_cost"],
        "In the band": "not over yet",
    }


def test_probabilities_that_are_over_are_counted_by_what_was_said(app: Opener, shared: Database, url: str) -> None:
    test = app(url, PAGE, tab="record")
    (score,) = rows(shared, "select * from costpulse.budget_scores where budget_id is null")
    assert f"Backtests: Brier score {score['brier_score']:.3f} over {score['probabilities']} probabilities" in texts(
        test
    )
    assert sum(row["Times"] for row in table(test, "It was said", "Times")) == score["probabilities"]


@pytest.mark.parametrize(
    ("share", "brier", "verdict"),
    [
        (0.5, 0.1, "better than always saying how often budgets are exceeded, which gets 0.250"),
        (0.2, 0.2, "no better than always saying how often budgets are exceeded, which gets 0.160"),
        (1.0, 0.0, "the periods all ended alike, so it says little"),
    ],
)
def test_the_brier_score_is_put_into_words(share: float, brier: float, verdict: str) -> None:
    score = ProbabilityScore(False, 1, 2, share, brier)
    said = record_tab.brier_in_words(score)
    assert verdict in said
    assert "over 1 probability in 2 periods" in said
    assert "backtest" in record_tab.brier_in_words(replace(score, is_backtest=True)).lower()


@pytest.mark.parametrize(
    ("share", "words"), [(None, "-"), (0.0, "<1%"), (0.004, "<1%"), (0.64, "64%"), (0.996, ">99%"), (1.0, ">99%")]
)
def test_a_probability_is_never_more_certain_than_it_is(share: float | None, words: str) -> None:
    assert scopes.probability(share) == words


# --- the Overview


def test_the_overview_has_the_month_forecast_in_place_of_the_run_rate(app: Opener, shared: Database, url: str) -> None:
    test = app(url)
    assert not test.exception
    said = landing(shared)
    assert metric(test, "Month forecast").value == formats.money(said["predicted_cost"])
    assert f"{formats.percent(said['predicted_cost'] / 25000)} of the budget" in texts(test)
    assert not [card for card in test.metric if card.label == "Run-rate"]
    (to_come,) = [frame.value for frame in test.dataframe if "Forecast" in frame.value]
    assert list(to_come["Day"]) == [FINAL + timedelta(days=day) for day in range(1, 21)]


@pytest.mark.parametrize("chosen", [{"basis": "list"}, {"team": ETL}, {"team": DATA, "product": "JOBS"}, {"job": "7"}])
def test_the_overview_shows_no_forecast_of_other_rows_than_its_own(
    chosen: dict[str, str], app: Opener, url: str
) -> None:
    test = app(url, **chosen)
    assert not test.exception
    assert not [card for card in test.metric if card.label == "Month forecast"]
    assert not [frame for frame in test.dataframe if "Forecast" in frame.value]


def test_days_to_come_follow_only_on_a_period_that_ends_today(app: Opener, url: str) -> None:
    test = app(url, range="custom", period=["2026-05-01", "2026-05-31"])
    assert metric(test, "Month forecast")
    assert not [frame for frame in test.dataframe if "Forecast" in frame.value]
