"""Teams & allocation: what is edited there is tried, saved as a whole, and shown as it is."""

from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from streamlit.testing.v1 import AppTest

from costpulse_app import db, formats, people
from costpulse_assets.allocation.allocate import RULES_LOCK
from costpulse_assets.allocation.assets import COST_ALLOCATIONS, KEY_ALLOCATIONS
from costpulse_assets.allocation.members_csv import members_text
from costpulse_assets.allocation.rule_set import RuleSet, replace_rule_set, stored_rule_set
from costpulse_assets.allocation.rule_types import RULE_TYPES
from costpulse_assets.costs.assets import DAILY_COSTS, DAILY_KEY_COSTS
from costpulse_assets.costs.statements import book_adjustments, close_month
from costpulse_assets.derived_days import build
from costpulse_assets.errors import DatabaseRefused
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.allocation.ledger import Ledger
from tests.app.conftest import TODAY, Opener
from tests.app.test_pages import metric, query, texts

PAGE = "views/allocation.py"
TABS = ("allocation", "rules", "teams", "statement", "why")
#: From the first of October; all of them are final but today.
DAYS = [date(2026, 10, 1) + timedelta(days=back) for back in range((TODAY - date(2026, 10, 1)).days + 1)]
#: Final days of November.
NOVEMBER = TODAY.day - 1
HOSTILE = "<b>=cmd()</b> *x* $1$ [l](http://e.example)"

RULES = RuleSet.model_validate(
    {
        "teams": [
            {"name": "Etl", "members": [{"email": "ada@example.com"}]},
            {"name": "Bi"},
            {"name": HOSTILE},
        ],
        "rules": [
            {
                "name": "etl tag",
                "team": "Etl",
                "rule_type": "tag_match",
                "conditions": {"key": "team", "values": ["etl"]},
            },
            {
                "name": HOSTILE,
                "team": HOSTILE,
                "rule_type": "job_match",
                "conditions": {"jobs": ["*no such job*"]},
                "priority": 50,
                "valid_from": "2026-01-01",
            },
        ],
        "splits": [
            {
                "name": "warehouse",
                "rule_type": "warehouse_match",
                "conditions": {"warehouses": ["w1"]},
                "basis": "fixed",
                "shares": [{"team": "Etl", "weight": "75"}, {"team": "Bi", "weight": "25"}],
            }
        ],
    }
)


@pytest.fixture
def books(database_url: str) -> str:
    """Per day: $10 of tag etl, $20 of tag bi, $5 of ada, $40 of a warehouse; allocated by RULES."""
    database = Database(database_url)
    with database.transaction() as connection:
        ledger = Ledger(connection)
        connection.execute("insert into costpulse.workspaces (workspace_id, name) values ('1001', 'northwind')")
        ledger.name("job", "7", "<b>nightly</b> load", DAYS[0])
        keys = [
            (ledger.key(job_id="7", tags={"team": "etl"}), "10"),
            (ledger.key(job_id="8", tags={"team": "bi"}), "20"),
            (ledger.key(user_email="ada@example.com"), "5"),
            (ledger.key(warehouse_id="w1", product="SQL"), "40"),
        ]
        for day in DAYS:
            for key, cost in keys:
                ledger.cost(cost, key, day=day)
        connection.execute(
            "update costpulse.cost_keys set first_usage_date = %s, last_usage_date = %s", [DAYS[0], TODAY]
        )
        for day in DAYS:
            connection.execute(
                "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, record_count, "
                "collected_at, changed_at) values ('cost_records', %s, 1, 1, 1, now(), now())",
                [day],
            )
            connection.execute(
                "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
                "values (%s, 0, 1, %s, 'none')",
                [day, day == TODAY],
            )
        replace_rule_set(connection, RULES, "test", identities=Identities(None))
    follow(database_url)
    return database_url


def follow(url: str) -> None:
    """As the pipeline does after rules were saved."""
    for table in (KEY_ALLOCATIONS, COST_ALLOCATIONS, DAILY_COSTS, DAILY_KEY_COSTS):
        build(Database(url), table, DAYS)


def rows(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def change(url: str, statement: str, *parameters: Any) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), parameters)


def stored(url: str) -> RuleSet:
    with Database(url).transaction() as connection:
        return stored_rule_set(connection)


def labelled(elements: Any, label: str) -> Any:
    """The one widget with a label."""
    (found,) = [element for element in elements if element.label == label]
    return found


def table(test: AppTest, *columns: str) -> list[dict[str, Any]]:
    """The rows of the one table that has these columns."""
    (found,) = [frame.value for frame in test.dataframe if set(columns) <= set(frame.value.columns)]
    return list(found[list(columns)].to_dict("records"))


def add_rule(test: AppTest, name: str = "bi tag", team: str | None = "Bi", value: str = "bi") -> AppTest:
    """Types a rule for a tag and puts it into the draft."""
    test.button(key="add_rule").click().run()
    labelled(test.text_input, "Name").set_value(name)
    if team is not None:
        labelled(test.selectbox, "Team").set_value(team)
    labelled(test.text_input, "Tag key").set_value("team")
    labelled(test.text_area, "Values (optional)").set_value(value)
    labelled(test.button, "Put rule into the draft").click()
    return test.run()


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_is_drawn(tab: str, app: Opener, books: str) -> None:
    test = app(books, PAGE, tab=tab)
    assert not test.exception
    assert test.title[0].value == "Teams & allocation"
    assert "Reference" not in texts(test)
    assert query(test).get("tab", ["allocation"]) == [tab]


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_is_drawn_without_teams_and_without_a_final_day(tab: str, app: Opener, books: str) -> None:
    with Database(books).transaction() as connection:
        replace_rule_set(connection, RuleSet(), "test", identities=Identities(None))
    change(books, "update costpulse.completeness set is_provisional = true")
    test = app(books, PAGE, tab=tab)
    assert not test.exception
    assert "Reference" not in texts(test)


def test_what_is_allocated_adds_up_and_is_shown_by_team(app: Opener, books: str) -> None:
    test = app(books, PAGE)
    assert "Allocated + unallocated = cost: yes, difference $0.00" in texts(test)
    assert metric(test, "Allocated").value == "73.3%"
    assert metric(test, "Unallocated").value == formats.money(Decimal(20 * NOVEMBER))
    assert metric(test, "Teams with cost").value == "2"
    assert metric(test, "Rules without cost").value == "1"
    found = {row["Team"]: row for row in table(test, "Team", "Month to date", "Direct", "From splits", "Change")}
    assert found["Etl"] == {
        "Team": "Etl",
        "Month to date": Decimal(45 * NOVEMBER),
        "Direct": Decimal(15 * NOVEMBER),
        "From splits": Decimal(30 * NOVEMBER),
        "Change": Decimal(0),
    }
    assert found["Bi"]["Month to date"] == Decimal(10 * NOVEMBER)
    assert found["Unallocated"]["Month to date"] == Decimal(20 * NOVEMBER)


def test_figures_that_do_not_add_up_are_withheld(app: Opener, books: str) -> None:
    change(books, "update costpulse.daily_costs set cost_usd = cost_usd + 0.5 where usage_date = %s", date(2026, 11, 3))
    test = app(books, PAGE)
    assert "Allocated + unallocated = cost: no, difference $2.00" in texts(test)
    assert "costpulse materialize --from 2026-11-03 --to 2026-11-03" in texts(test)
    assert not test.metric
    assert not test.dataframe


def test_the_page_says_which_rules_its_days_show(app: Opener, books: str) -> None:
    (version,) = (row["max"] for row in rows(books, "select max(id) from costpulse.rule_versions"))
    assert f"Rules as of version {version}." in texts(app(books, PAGE))
    with Database(books).transaction() as connection:
        later = RULES.rules[0].model_copy(update={"valid_from": date(2026, 11, 20)})
        draft = RULES.model_copy(update={"rules": (later, *RULES.rules[1:])})
        replace_rule_set(connection, draft, "test", identities=Identities(None))
    waiting = (date(2026, 11, 20) - DAYS[0]).days
    assert f"Rules as of version {version}; {waiting} days are being re-allocated." in texts(app(books, PAGE))
    follow(books)
    assert "being re-allocated" not in texts(app(books, PAGE))


def test_rules_are_listed_in_the_order_in_which_they_are_asked(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="rules")
    listed = table(test, "Order", "Name", "Where", "Team", "Priority", "Valid", "Version", "Cost, 30 days")
    assert listed == [
        {
            "Order": 1,
            "Name": HOSTILE,
            "Where": "job is *no such job*",
            "Team": HOSTILE,
            "Priority": 50,
            "Valid": "2026-01-01 to …",
            "Version": 1,
            "Cost, 30 days": Decimal(0),
        },
        {
            "Order": 2,
            "Name": "etl tag",
            "Where": "tag team is etl",
            "Team": "Etl",
            "Priority": 100,
            "Valid": "always",
            "Version": 1,
            "Cost, 30 days": Decimal(300),
        },
    ]
    (split,) = table(test, "Basis", "Teams", "Cost, 30 days")
    assert split == {"Basis": "Fixed percentages", "Teams": "Bi 25%, Etl 75%", "Cost, 30 days": Decimal(1200)}


def test_a_new_rule_is_simulated_then_saved_in_the_name_of_the_operator(app: Opener, books: str) -> None:
    test = add_rule(app(books, PAGE, tab="rules"))
    assert "1 unsaved change" in texts(test)
    assert "create rule “bi tag”" in texts(test)
    assert stored(books) == RULES_STORED
    assert test.button(key="save").disabled

    test.button(key="simulate").click().run()
    assert table(test, "Team", "Before", "After", "Change") == [
        {"Team": "Bi", "Before": Decimal(300), "After": Decimal(900), "Change": Decimal(600)},
        {"Team": "Unallocated", "Before": Decimal(600), "After": Decimal(0), "Change": Decimal(-600)},
        {"Team": "Etl", "Before": Decimal(1350), "After": Decimal(1350), "Change": Decimal(0)},
    ]
    assert "Unallocated: 26.7% now, 0.0% with the draft" in texts(test)
    assert table(test, "From", "To", "Moves") == [{"From": "Unallocated", "To": "Bi", "Moves": Decimal(600)}]
    assert f"“{HOSTILE}” matches nothing in these days." in texts(test)
    assert stored(books) == RULES_STORED

    test.button(key="save").click().run()
    assert not test.exception
    assert "Saved 1 change." in test.success[0].value.replace("\\", "")
    assert [rule.name for rule in stored(books).rules] == [HOSTILE, "etl tag", "bi tag"]
    (audited,) = rows(
        books,
        "select actor, action from costpulse.audit_log where table_name = 'allocation_rules' "
        "and after ->> 'name' = 'bi tag'",
    )
    assert audited == {"actor": people.LOCAL_ADMIN.name, "action": "insert"}
    assert "No unsaved changes." in texts(test)


RULES_STORED = RULES.model_copy(
    update={
        "teams": tuple(sorted(RULES.teams, key=lambda team: team.name.lower())),
        "rules": tuple(reversed(RULES.rules)),
        "splits": tuple(
            split.model_copy(update={"shares": tuple(sorted(split.shares, key=lambda share: share.team))})
            for split in RULES.splits
        ),
    }
)


def test_what_was_saved_is_what_the_simulation_said(app: Opener, books: str) -> None:
    test = add_rule(app(books, PAGE, tab="rules"))
    test.button(key="simulate").click().run()
    after = {row["Team"]: row["After"] for row in table(test, "Team", "After")}
    test.button(key="save").click().run()
    follow(books)
    found = rows(
        books,
        "select coalesce(t.name, 'Unallocated') as team, sum(d.cost_usd) as cost from costpulse.daily_costs as d "
        "left join costpulse.teams as t on d.team_id = t.id where d.usage_date > %s group by 1",
        TODAY - timedelta(days=30),
    )
    assert {row["team"]: row["cost"] for row in found} == {team: cost for team, cost in after.items() if cost}


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ({"name": "etl tag"}, "name 'etl tag' is there twice"),
        ({"team": None}, "team is missing"),
        ({"value": ""}, "needs values, or missing: true"),
        ({"name": " "}, "name is missing"),
        ({"name": "x" * 121}, "name must have at most 120 characters"),
    ],
)
def test_a_refused_draft_changes_nothing_and_says_why(
    typed: dict[str, Any], reason: str, app: Opener, books: str
) -> None:
    test = add_rule(app(books, PAGE, tab="rules"), **typed)
    assert not test.exception
    assert "Not taken over; nothing was changed." in texts(test)
    assert reason in texts(test)
    assert "No unsaved changes." in texts(test)
    assert labelled(test.text_input, "Tag key").value == "team"
    assert stored(books) == RULES_STORED


def test_an_empty_form_is_told_everything_at_once(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="rules")
    test.button(key="add_split").click().run()
    labelled(test.button, "Put split into the draft").click().run()
    shown = texts(test)
    assert "name is missing" in shown
    assert "conditions.key is missing" in shown
    assert "shares must list the teams that share" in shown


def test_a_change_in_the_draft_is_simulated_anew_before_it_can_be_saved(app: Opener, books: str) -> None:
    test = add_rule(app(books, PAGE, tab="rules"))
    test.button(key="simulate").click().run()
    assert not test.button(key="save").disabled
    test.selectbox(key="chosen_rule").set_value("bi tag").run()
    test.button(key="edit_rule").click().run()
    labelled(test.selectbox, "Team").set_value("Etl")
    labelled(test.button, "Put rule into the draft").click().run()
    assert "create rule “bi tag” (team: Etl" in texts(test)
    assert test.button(key="save").disabled
    test.button(key="discard").click().run()
    assert "No unsaved changes." in texts(test)


def test_a_rule_is_deleted_through_the_draft(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="rules")
    test.selectbox(key="chosen_rule").set_value("etl tag").run()
    test.button(key="delete_rule").click().run()
    assert "delete rule “etl tag”" in texts(test)
    test.button(key="simulate").click().run()
    test.button(key="save").click().run()
    assert [rule.name for rule in stored(books).rules] == [HOSTILE]


def test_a_rule_is_moved_in_the_draft_and_simulated_like_any_other_change(app: Opener, books: str) -> None:
    test = add_rule(app(books, PAGE, tab="rules"), name="all", value="*")
    assert [row["Name"] for row in table(test, "Order", "Name", "Priority", "Team")] == [HOSTILE, "etl tag", "all"]
    test.selectbox(key="chosen_rule").set_value("all").run()
    assert test.button(key="move_rule_1").disabled
    test.button(key="move_rule_-1").click().run()
    assert not test.exception
    moved = table(test, "Order", "Name", "Priority", "Team")
    assert [(row["Name"], row["Priority"]) for row in moved] == [(HOSTILE, 50), ("all", 75), ("etl tag", 100)]
    assert stored(books) == RULES_STORED
    test.button(key="simulate").click().run()
    changes = {row["Team"]: row["Change"] for row in table(test, "Team", "Before", "After", "Change")}
    assert changes == {"Bi": Decimal(900), "Etl": Decimal(-300), "Unallocated": Decimal(-600)}
    test.button(key="save").click().run()
    assert [rule.name for rule in stored(books).rules] == [HOSTILE, "all", "etl tag"]

    test.selectbox(key="chosen_rule").set_value("all").run()
    test.button(key="move_rule_1").click().run()
    assert "change rule “all” (priority: 75 -> 110)" in texts(test)
    test.button(key="simulate").click().run()
    test.button(key="save").click().run()
    assert [rule.name for rule in stored(books).rules] == [HOSTILE, "etl tag", "all"]
    audited = rows(
        books,
        "select actor, action, before ->> 'priority' as was, after ->> 'priority' as becomes "
        "from costpulse.audit_log where after ->> 'name' = 'all' order by id",
    )
    assert audited == [
        {"actor": people.LOCAL_ADMIN.name, "action": "insert", "was": None, "becomes": "75"},
        {"actor": people.LOCAL_ADMIN.name, "action": "update", "was": "75", "becomes": "110"},
    ]


def test_what_is_typed_is_tried_before_it_is_put_anywhere(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="rules")
    test.button(key="add_rule").click().run()
    assert "What matches is shown here as soon as the condition is complete." in texts(test)
    labelled(test.text_input, "Tag key").set_value("team")
    labelled(test.text_area, "Values (optional)").set_value("b*").run()
    assert "Matches 1 key of the last 30 days, which cost $600.00, 26.7% of all." in texts(test)
    assert "“b*” matches “bi”." in texts(test)
    assert table(test, "What", "Cost")[0] == {"What": "job 8, northwind", "Cost": Decimal(600)}

    labelled(test.text_area, "Values (optional)").set_value("no such").run()
    assert "This pattern matches none of the values seen." in texts(test)
    labelled(test.text_area, "Values (optional)").set_value("etl\nno such").run()
    assert "“no such” matches none of the values seen." in texts(test)
    assert "Matches 1 key of the last 30 days, which cost $300.00" in texts(test)

    labelled(test.selectbox, "Kind").set_value("cluster_match").run()
    labelled(test.text_input, "Name of the cluster").set_value("(a+)+").run()
    assert "conditions (a+)+ repeats at character" not in texts(test)
    assert "conditions repeats at character" in texts(test)
    labelled(test.selectbox, "Kind").set_value("job_match").run()
    labelled(test.text_area, "Jobs").set_value("<b>*").run()
    assert "job <b>nightly</b> load, northwind" in [row["What"] for row in table(test, "What", "Cost")]
    assert not test.exception
    assert "No unsaved changes." in texts(test)
    assert stored(books) == RULES_STORED


@pytest.mark.parametrize("kind", [name for name, kind in RULE_TYPES.items() if kind.for_rules])
def test_every_kind_of_rule_is_tried_with_the_example_of_its_form(kind: str, app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="rules")
    test.button(key="add_rule").click().run()
    labelled(test.selectbox, "Kind").set_value(kind).run()
    for box in (*test.text_input, *test.text_area):
        if box.label not in ("Name", "Note (optional)"):
            box.set_value("*")
    test.run()
    assert not test.exception
    assert "Reference" not in texts(test)
    assert "What matches is shown here" not in texts(test)


def test_who_saves_over_somebody_elses_change_is_refused(app: Opener, books: str) -> None:
    test = add_rule(app(books, PAGE, tab="rules"))
    test.button(key="simulate").click().run()
    with Database(books).transaction() as connection:
        replace_rule_set(connection, RULES.model_copy(update={"splits": ()}), "ada", identities=Identities(None))
    test.button(key="save").click().run()
    assert "Somebody else has changed the rules since you read them; nothing was changed." in texts(test)
    assert stored(books).splits == ()
    assert len(stored(books).rules) == len(RULES.rules)


def test_a_save_that_waits_too_long_for_a_build_changes_nothing(
    app: Opener, books: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "WORKING_SECONDS", 1)
    test = add_rule(app(books, PAGE, tab="rules"))
    test.button(key="simulate").click().run()
    with psycopg.connect(books) as building:
        building.execute("select pg_advisory_xact_lock_shared(%s)", [RULES_LOCK])
        test.button(key="save").click().run()
    assert "took more than 1 seconds and was stopped; nothing was changed" in texts(test)
    assert stored(books) == RULES_STORED
    test.button(key="save").click().run()
    assert "bi tag" in [rule.name for rule in stored(books).rules]


def test_several_conditions_are_typed_in_one_form(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="rules")
    test.button(key="add_rule").click().run()
    labelled(test.selectbox, "Kind").set_value("all_of").run()
    labelled(test.text_input, "Name").set_value("both")
    labelled(test.selectbox, "Team").set_value("Bi")
    labelled(test.selectbox, "Condition 1").set_value("sku_match")
    labelled(test.selectbox, "Condition 2").set_value("cluster_match").run()
    labelled(test.text_area, "SKUs").set_value("*JOBS*\n*SQL*")
    labelled(test.text_input, "Name of the cluster").set_value("(a+)+")
    labelled(test.button, "Put rule into the draft").click().run()
    assert "repeats at character" in texts(test)
    labelled(test.text_input, "Name of the cluster").set_value("etl-.*")
    labelled(test.button, "Put rule into the draft").click().run()
    assert "No unsaved changes" not in texts(test)
    (both,) = [row for row in table(test, "Name", "Where", "Team") if row["Name"] == "both"]
    assert both["Where"] == "SKU is *JOBS* or *SQL* and name of the cluster matches etl-.*"


def test_shares_of_a_split_must_add_up(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="rules")
    test.button(key="edit_split").click().run()
    (editor,) = test.data_editor
    test.session_state[editor.key] = {"edited_rows": {0: {"weight": "24.5"}}, "added_rows": [], "deleted_rows": []}
    labelled(test.button, "Put split into the draft").click().run()
    assert "shares must add up to exactly 100 % at all times, not 99.5 %" in texts(test)
    (editor,) = test.data_editor
    test.session_state[editor.key] = {
        "edited_rows": {0: {"weight": "24.5"}},
        "added_rows": [{"team": HOSTILE, "weight": "0.5"}],
        "deleted_rows": [],
    }
    labelled(test.button, "Put split into the draft").click().run()
    assert "change split “warehouse”" in texts(test)


def test_weights_come_from_a_file(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="rules")
    test.button(key="edit_split").click().run()
    labelled(test.selectbox, "Shared").set_value("weights").run()
    upload = test.file_uploader[0]
    upload.set_value(("bad.csv", b"team,weight,valid_from,valid_to\nB\xe9,1,,\n", "text/csv")).run()
    assert "is not UTF-8" in texts(test)
    upload = test.file_uploader[0]
    upload.set_value(
        ("good.csv", b"team,weight,valid_from,valid_to\nEtl,1,,2026-10-31\nEtl,2,2026-11-01,\n", "text/csv")
    )
    test.run()
    labelled(test.button, "Put split into the draft").click().run()
    (split,) = table(test, "Basis", "Teams")
    assert split == {"Basis": "By uploaded weights", "Teams": "Etl 1, Etl 2"}


def test_a_team_with_members_and_tag_patterns_is_saved(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="teams")
    test.button(key="add_team").click().run()
    labelled(test.text_input, "Name").set_value("Web")
    labelled(test.text_input, "Cost centre").set_value("4711")
    labelled(test.selectbox, "Parent").set_value("Etl")
    labelled(test.text_area, "Tag patterns (optional)").set_value("team = web, web-*\nenv = web")
    (editor,) = test.data_editor
    member = {"email": "bo@example.com", "role": "owner", "valid_from": "2026-01-01"}
    test.session_state[editor.key] = {"edited_rows": {}, "added_rows": [member], "deleted_rows": []}
    labelled(test.button, "Put team into the draft").click().run()
    test.button(key="simulate").click().run()
    test.button(key="save").click().run()
    assert not test.exception
    (web,) = [team for team in stored(books).teams if team.name == "Web"]
    assert (web.parent, web.cost_center) == ("Etl", "4711")
    assert web.tag_patterns == {"team": ("web", "web-*"), "env": ("web",)}
    assert [(member.email, member.role, member.valid_from) for member in web.members] == [
        ("bo@example.com", "owner", date(2026, 1, 1))
    ]


def upload(test: AppTest, text: str | bytes, name: str = "members.csv") -> AppTest:
    """Hands in a file on the tab Teams, the only place for one there."""
    (uploader,) = test.file_uploader
    content = text.encode() if isinstance(text, str) else text
    return uploader.set_value((name, content, "text/csv")).run()


def test_members_come_from_a_file_through_the_draft(app: Opener, books: str) -> None:
    test = upload(
        app(books, PAGE, tab="teams"),
        "team,email,role,valid_from,valid_to\nEtl,ada@example.com,owner,,\nBi,bo@example.com,,2026-01-01,2026-06-30\n"
        f"{HOSTILE},=eve()@example.com,,,\n",
    )
    assert not test.exception
    assert "2 new, 1 changed, 0 the same." in texts(test)
    changed = table(test, "Is", "Team", "Name", "What")
    assert {(row["Is"], row["Team"], row["Name"]) for row in changed} == {
        ("changed", "Etl", "ada@example.com"),
        ("new", "Bi", "bo@example.com"),
        ("new", HOSTILE, "=eve()@example.com"),
    }
    assert "No unsaved changes." in texts(test)
    labelled(test.button, "Put members into the draft").click().run()
    assert "3 unsaved changes" in texts(test)
    assert not [button for button in test.button if button.label == "Put members into the draft"]
    assert stored(books) == RULES_STORED
    test.button(key="simulate").click().run()
    test.button(key="save").click().run()
    members = {(team.name, member.email, member.role) for team in stored(books).teams for member in team.members}
    assert members == {
        ("Etl", "ada@example.com", "owner"),
        ("Bi", "bo@example.com", "member"),
        (HOSTILE, "=eve()@example.com", "member"),
    }
    actors = rows(books, "select distinct actor from costpulse.audit_log where after ->> 'email' is not null")
    assert people.LOCAL_ADMIN.name in [row["actor"] for row in actors]

    text = members_text(stored(books))
    assert "'=eve()@example.com" in text
    test = upload(app(books, PAGE, tab="teams"), text)
    assert "Nothing to change, 3 the same." in texts(test)
    assert labelled(test.button, "Put members into the draft").disabled


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"team,email\nEtl,b\xe9\n", "members.csv, line 2: the byte 0xe9 is not UTF-8"),
        (b"team,email\nEtk,bo@example.com\n", "members.csv, line 2: team 'Etk' is no team: write 'Etl' if you mean"),
        (b"team,email\nBi,ada@example.com\n", "members.csv, line 2: email 'ada@example.com' is in team"),
        (b"team,email,rank\nBi,bo@example.com,1\n", "members.csv, line 1: column 'rank' is not known here"),
        (
            b"team,email,valid_from\nBi,bo@example.com,\nBi,bo@example.com,2026-05-01\n",
            "members.csv, line 3: email 'bo@example.com' is there twice from 2026-05-01 on",
        ),
    ],
)
def test_a_file_of_members_with_something_wrong_changes_nothing(
    content: bytes, reason: str, app: Opener, books: str
) -> None:
    test = upload(app(books, PAGE, tab="teams"), content)
    assert not test.exception
    assert reason in texts(test)
    assert "nothing was changed" in texts(test)
    assert not [button for button in test.button if button.label == "Put members into the draft"]
    assert "No unsaved changes." in texts(test)


def test_members_that_are_not_in_the_file_go_only_if_the_viewer_says_so(app: Opener, books: str) -> None:
    test = upload(app(books, PAGE, tab="teams"), "team,email\nBi,ada@example.com\n")
    assert "is in team" in texts(test)
    labelled(test.toggle, "Remove members that are not in the file").set_value(True).run()
    assert "1 new, 1 removed, 0 the same." in texts(test)
    labelled(test.button, "Put members into the draft").click().run()
    assert "2 unsaved changes" in texts(test)


def test_somebody_is_in_one_team_only(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="teams")
    test.selectbox(key="chosen_team").set_value("Bi").run()
    test.button(key="edit_team").click().run()
    (editor,) = test.data_editor
    test.session_state[editor.key] = {
        "edited_rows": {},
        "added_rows": [{"email": "Ada@example.com"}],
        "deleted_rows": [],
    }
    labelled(test.button, "Put team into the draft").click().run()
    assert "Not taken over; nothing was changed." in texts(test)
    assert "is in team 'Bi' as well at all times" in texts(test)
    assert stored(books) == RULES_STORED


def test_identities_are_hashed_in_the_draft_and_never_saved_beside_clear_ones(
    app: Opener, books: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSTPULSE_HASH_IDENTITIES", "true")
    monkeypatch.setenv("COSTPULSE_IDENTITY_KEY", "a key of sixteen characters")
    test = app(books, PAGE, tab="rules")
    test.button(key="add_rule").click().run()
    labelled(test.selectbox, "Kind").set_value("user_match").run()
    labelled(test.text_input, "Name").set_value("ada")
    labelled(test.selectbox, "Team").set_value("Etl")
    labelled(test.text_area, "Users").set_value("ada*")
    labelled(test.button, "Put rule into the draft").click().run()
    assert "matches nobody while identities are hashed" in texts(test)
    labelled(test.text_area, "Users").set_value("eve@example.com")
    labelled(test.button, "Put rule into the draft").click().run()
    assert "create rule “ada”" in texts(test)
    assert "eve@example.com" not in texts(test)
    test.button(key="simulate").click().run()
    test.button(key="save").click().run()
    assert "This database already holds clear identities" in texts(test)
    assert stored(books) == RULES_STORED


def test_a_suggestion_is_accepted_by_one_click(app: Opener, books: str) -> None:
    change(
        books,
        "insert into costpulse.rule_suggestions (kind, evidence, reason, team_name, is_new_team, document, yaml_line, "
        "unallocated_usd, moved_usd, from_date, to_date) values ('rule', 'team name', 'The tag says *bi*.', 'Bi', "
        "false, %s, '-', 600, 0, %s, %s)",
        '{"name": "Bi", "team": "Bi", "rule_type": "tag_match", "conditions": {"key": "team", "values": ["bi"]}}',
        TODAY - timedelta(days=29),
        TODAY,
    )
    test = app(books, PAGE, tab="rules")
    assert "**Bi**: rule “Bi” claims $600.00. The tag says *bi*." in texts(test)
    labelled(test.button, "Accept").click().run()
    assert not test.exception
    assert "Bi" in [rule.name for rule in stored(books).rules]
    assert {row["actor"] for row in rows(books, "select actor from costpulse.audit_log where actor <> 'test'")} == {
        people.LOCAL_ADMIN.name
    }
    assert "None: nothing is in sight" in texts(test)


def test_a_month_is_closed_and_reopened_after_being_asked(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="statement")
    assert "November 2026: not final" in texts(test)
    test.selectbox(key="month").set_value(date(2026, 10, 1)).run()
    before = table(test, "Team", "Cost", "Total")
    assert {row["Team"]: row["Total"] for row in before} == {
        "Etl": Decimal(45 * 31),
        "Bi": Decimal(10 * 31),
        "Unallocated": Decimal(20 * 31),
    }
    test.button(key="ask_month").click().run()
    assert rows(books, "select 1 from costpulse.closed_periods") == []
    test.text_input(key="month_note").set_value("agreed")
    test.button(key="confirm").click().run()
    assert not test.exception
    assert "October 2026: closed" in texts(test)
    assert table(test, "Team", "Cost", "Total") == before
    (closed,) = rows(books, "select closed_by, note, reopened_by from costpulse.closed_periods")
    assert closed == {"closed_by": people.LOCAL_ADMIN.name, "note": "agreed", "reopened_by": None}

    test.button(key="ask_month").click().run()
    test.button(key="confirm").click().run()
    assert "October 2026: not final" in texts(test)
    (reopened,) = rows(books, "select reopened_by from costpulse.closed_periods")
    assert reopened == {"reopened_by": people.LOCAL_ADMIN.name}


def test_a_month_that_is_not_over_cannot_be_closed(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="statement")
    test.button(key="ask_month").click().run()
    test.button(key="confirm").click().run()
    assert "2026-11 cannot be closed" in texts(test)
    assert rows(books, "select 1 from costpulse.closed_periods") == []


def test_later_changes_of_a_closed_month_are_adjustments_by_cause(app: Opener, books: str) -> None:
    close_month(Database(books), date(2026, 10, 1), "ada")
    draft = RULES.model_copy(update={"rules": RULES.rules[1:]})
    with Database(books).transaction() as connection:
        replace_rule_set(connection, draft, "test", identities=Identities(None))
    follow(books)
    book_adjustments(Database(books))
    test = app(books, PAGE, tab="statement")
    found = {row["Team"]: row for row in table(test, "Team", "Restated usage", "Changed prices", "Changed rules")}
    assert found["Etl"]["Changed rules"] == Decimal(-10 * 31)
    assert found["Unallocated"]["Changed rules"] == Decimal(10 * 31)
    assert "With adjustments of closed months: October 2026." in texts(test)


def test_why_says_the_rule_the_value_and_the_statement(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="why")
    labelled(test.selectbox, "Job").set_value("7").run()
    assert not test.exception
    shown = texts(test)
    assert "job 7 on 23 Nov 2026 cost $10.00" in shown
    assert "Rule “etl tag” (priority 100, version 1) gives Etl all cost where tag team is etl." in shown
    assert "Here tag team is “etl”." in shown
    assert f"Rule “{HOSTILE}” (priority 50, version 1) for {HOSTILE}: job is" in shown
    assert "<b>nightly</b> load" in shown
    assert "system.billing.usage" in shown


def test_why_takes_a_pattern_and_says_when_there_is_nothing(app: Opener, books: str) -> None:
    test = app(books, PAGE, tab="why")
    labelled(test.text_input, "or type it").set_value("*nightly*").run()
    assert "cost $10.00" in texts(test)
    labelled(test.selectbox, "Job").set_value("8").run()
    assert "job 8 on 23 Nov 2026 cost $20.00" in texts(test)
    labelled(test.text_input, "or type it").set_value("nobody").run()
    assert "There is no usage of job nobody" in texts(test)


def test_names_are_shown_as_they_are(app: Opener, books: str) -> None:
    """Markdown and HTML of names are escaped wherever text is drawn; a CSV file holds no formula."""
    change(books, "update costpulse.teams set name = '=1+1' where name = 'Bi'")
    for tab in TABS:
        test = app(books, PAGE, tab=tab)
        drawn = [str(element.value) for kind in ("markdown", "caption") for element in getattr(test, kind)]
        assert not [text for text in drawn if "<b>=cmd()" in text or "[l](http" in text]
    assert any(row["Team"] == "=1+1" for row in table(app(books, PAGE), "Team", "Month to date"))


def test_the_app_writes_as_its_own_role_with_a_name_or_not_at_all(app: Opener, books: str) -> None:
    app(books, PAGE)
    with db.writing("ada", "all") as connection:
        assert connection.execute("select current_user as role").fetchone() == {"role": "costpulse_app"}
        connection.execute("insert into costpulse.teams (name) values ('New')")
    assert rows(books, "select actor from costpulse.audit_log where after ->> 'name' = 'New'") == [{"actor": "ada"}]
    with pytest.raises(DatabaseRefused), db.writing("ada", "all") as connection:
        connection.execute("select 1 from costpulse.cost_records")
    with pytest.raises(DatabaseRefused, match="actor"), db.writing("", "all") as connection:
        connection.execute("insert into costpulse.teams (name) values ('Nameless')")
    with db.trying("all") as connection:
        connection.execute("insert into costpulse.teams (name) values ('Tried')")
    assert rows(books, "select 1 from costpulse.teams where name in ('Nameless', 'Tried')") == []
    with db.reading("all") as reader, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader.execute("insert into costpulse.teams (name) values ('Read')")
