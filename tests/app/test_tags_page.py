"""Tag compliance: figures are those of the tables, faults have an owner and a text, a policy is previewed and saved."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from streamlit.testing.v1 import AppTest

from costpulse_app import db, formats, people
from costpulse_app.tags import listing, reads
from costpulse_app.tags.policy_form import in_words, override_rows, overrides_of
from costpulse_app.tags.reads import Where
from costpulse_assets.allocation.problems import Problem
from costpulse_assets.allocation.tag_policies import (
    TagPolicyDocument,
    delete_tag_policy,
    replace_tag_policies,
    save_tag_policy,
    stored_tag_policies,
)
from costpulse_assets.costs.spend import NONE
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.sql_files import load_sql
from tests.app.books import Books
from tests.app.conftest import TODAY, Opener
from tests.app.test_allocation_page import labelled, table
from tests.app.test_pages import metric, query, texts
from tests.conftest import database as another_database

PAGE = "views/tags.py"
FINAL = TODAY - timedelta(days=1)
HOSTILE = "<b>=cmd()</b> *x* $1$ [l](http://e.example)"
FORMULA = "=cmd()|'x'"
POLICIES = (
    TagPolicyDocument(key="team"),
    TagPolicyDocument(key="env", aliases=("environment",), allowed_values=("prod", "dev"), case_sensitive=True),
)
#: A day by team and owner, cost by class: compliant, untagged, incomplete, wrong value, exempt, not taggable.
NOW = {
    (1, "ada@example.com"): (60, 10, 5, 20, 0, 0),
    (2, None): (10, 30, 0, 0, 2, 0),
    (None, "bob@example.com"): (0, 7, 0, 0, 0, 9),
}
#: The same before the last 30 final days.
BEFORE = {(1, "ada@example.com"): (40, 60, 0, 0, 0, 0), (2, None): (0, 0, 0, 0, 0, 3)}


def days_of(first: int, count: int) -> list[date]:
    return [FINAL - timedelta(days=first + back) for back in range(count)]


#: From worst to least, as the page lists them.
VIOLATIONS: tuple[dict[str, Any], ...] = (
    {
        "resource_type": "job", "resource_kind": "job", "resource_id": "2", "resource_name": FORMULA, "team_id": 1,
        "owner": "ada@example.com", "missing_keys": ["team"], "blank_keys": [],
        "wrong_values": json.dumps(
            [{"key": "env", "value": "Prod", "verdict": "wrong case", "allowed": ["prod", "dev"]}]
        ),
        "cost_usd": "1200", "violating_cost_usd": "1200",
    },
    {
        "resource_type": "warehouse", "resource_kind": "warehouse", "resource_id": "w1", "resource_name": HOSTILE,
        "team_id": 2, "owner": None, "missing_keys": ["team"], "blank_keys": ["env"], "wrong_values": "[]",
        "cost_usd": "600", "violating_cost_usd": "450.25",
    },
    {
        "resource_type": "other", "resource_kind": "notebook", "resource_id": "n9", "resource_name": "sheet",
        "team_id": None, "owner": HOSTILE, "missing_keys": [], "blank_keys": [],
        "wrong_values": json.dumps(
            [{"key": "env", "value": "quite other", "verdict": "not allowed", "allowed": ["cc-*"]}]
        ),
        "cost_usd": "9", "violating_cost_usd": "9",
    },
)  # fmt: skip


def fill(url: str) -> None:
    """70 days of cost with tags, and what judging 60 of them left behind, written by hand."""
    books = Books(workspaces={"100": "northwind-prod", "200": None}, teams=["Data platform", HOSTILE])
    books.provisional = {TODAY: Decimal("0.4")}
    for back in range(70):
        day = TODAY - timedelta(days=back)
        books.add(day, "100", job_id="1", job_name="nightly", team=1, tags={"team": "etl", "env": "prod"})
        books.add(day, "40", job_id="2", job_name=FORMULA, team=1, tags={"env": "Prod", "Owner": "ada"})
        books.add(day, "20", product="SQL", warehouse_id="w1", team=2)
        books.add(day, "5", workspace=None, product="DEFAULT_STORAGE", sku="STORAGE", unit="GB")
    books.write(url)
    require(url, *POLICIES)
    with closing(psycopg.connect(url)) as connection, connection:
        connection.execute("delete from costpulse.tag_changed_days")
        for days, amounts in ((days_of(0, 30), NOW), (days_of(30, 30), BEFORE)):
            for day in days:
                for (team, owner), cost in amounts.items():
                    connection.execute(
                        "insert into costpulse.tag_compliance values (%s, '100', %s, %s, 'job', %s, %s, %s, %s, %s, "
                        "%s, %s, %s, %s, %s)",
                        [day, team, owner, sum(cost), sum(cost[:5]), *cost, 4, 3 if team == 1 else 1],
                    )
                    # team: all but what is wrong is valid; env: the other way round.
                    for key, split in (("team", (30, 0, 10)), ("env", (20, 15, 5))):
                        connection.execute(
                            "insert into costpulse.tag_key_compliance values (%s, '100', %s, %s, 'job', %s, 50, %s, "
                            "3, %s, 0, 0, %s, 4, 6)",
                            [day, team, owner, key, split[0], split[1], split[2]],
                        )
        for violation in VIOLATIONS:
            row = {"workspace_id": "100", "from_date": days_of(0, 30)[-1], "to_date": FINAL} | violation
            connection.execute(
                f"insert into costpulse.tag_violations ({', '.join(row)}, last_violation_on) "
                f"values ({', '.join(f'%({name})s' for name in row)}, %(to_date)s)",
                row,
            )


def require(url: str, *policies: TagPolicyDocument) -> None:
    with Database(url).transaction() as connection:
        connection.execute("select set_config('costpulse.actor', 'test', true)")
        replace_tag_policies(connection, policies)


def policies(url: str) -> dict[str, TagPolicyDocument]:
    with Database(url).transaction() as connection:
        return {each.document.key: each.document for each in stored_tag_policies(connection)}


def audited(url: str) -> list[dict[str, Any]]:
    with Database(url).transaction() as connection:
        return connection.execute(
            "select actor, action from costpulse.audit_log where table_name = 'tag_policies' and actor <> 'test' "
            "and actor <> 'costpulse' order by id"
        ).fetchall()


@pytest.fixture(scope="module")
def filled(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """The name of a filled database that nobody is connected to, for cloning."""
    with another_database(postgres_server, template=migrated_template) as url:
        fill(url)
        name = urlsplit(url).path.removeprefix("/")
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            admin.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        yield name


@pytest.fixture(scope="module")
def shared(postgres_server: str, filled: str) -> Iterator[str]:
    """Nobody changes it."""
    with another_database(postgres_server, template=filled) as url:
        yield url


@pytest.fixture
def own(postgres_server: str, filled: str) -> Iterator[str]:
    """For tests that change it."""
    with another_database(postgres_server, template=filled) as url:
        yield url


def usd(amounts: dict[Any, tuple[int, ...]], *classes: int, team: int | None = 0) -> Decimal:
    """30 days of these classes of all teams, or of one."""
    of = [cost for (each, _), cost in amounts.items() if team == 0 or each == team]
    return 30 * sum((Decimal(cost[index]) for cost in of for index in classes), Decimal(0))


# --- figures


def test_the_cards_say_what_was_judged(app: Opener, shared: str) -> None:
    test = app(shared, PAGE)
    assert not test.exception
    assert test.title[0].value == "Tag compliance"
    assert "Reference" not in texts(test)
    share, before = usd(NOW, 0) / usd(NOW, 0, 1, 2, 3), usd(BEFORE, 0) / usd(BEFORE, 0, 1, 2, 3)
    assert metric(test, "Compliant").value == formats.percent(share)
    assert metric(test, "Compliant").delta == f"{round((share - before) * 100, 1):+} pp"
    assert "41.7% of the resources" in texts(test)
    assert f"Exactly {formats.money_to_the_cent(usd(NOW, 0))} of $4,260.00." in texts(test)
    assert metric(test, "Untagged").value == formats.money(usd(NOW, 1))
    assert metric(test, "Untagged").delta == formats.delta(usd(NOW, 1), usd(BEFORE, 1))
    assert f"and {formats.money(usd(NOW, 2))} with some of the keys" in texts(test)
    assert metric(test, "Wrong values").value == formats.money(usd(NOW, 3))
    assert metric(test, "Wrong values").delta == "new"
    assert metric(test, "Not taggable").value == formats.money(usd(NOW, 5))
    assert "Never counted against anyone" in texts(test)
    assert f"and {formats.money(usd(NOW, 4))} that nothing is required of" in texts(test)


def test_keys_days_and_teams_are_shown_with_their_shares(app: Opener, shared: str) -> None:
    test = app(shared, PAGE)
    keys = {row["Key"]: row for row in table(test, "Key", "Valid %", "Valid", "Wrong value", "Missing", "Not required")}
    # Three rows a day.
    assert keys["team"]["Valid"] == 30 * 3 * Decimal(30)
    assert keys["team"]["Valid %"] == 75
    assert (keys["env"]["Wrong value"], keys["env"]["Missing"]) == (1350, 450)
    assert keys["env"]["Valid %"] == 50
    days = table(test, "Day", "By dollars %", "By resources %")
    assert len(days) == 60
    assert days[0]["Day"] == FINAL
    assert days[-1]["By dollars %"] == 40
    teams = {row["Team"]: row for row in table(test, "Team", "By dollars %", "Compliant", "Untagged", "Cost")}
    assert set(teams) == {"Data platform", HOSTILE, "Unallocated"}
    assert teams["Unallocated"]["By dollars %"] == 0
    assert teams["Data platform"]["Compliant"] == usd(NOW, 0, team=1)
    assert sum(row["Cost"] for row in teams.values()) == usd(NOW, *range(6))


@pytest.mark.parametrize(("team", "id_"), [("1", 1), ("~", None)])
def test_the_team_of_the_filter_bar_narrows_figures_and_resources(
    team: str, id_: int | None, app: Opener, shared: str
) -> None:
    test = app(shared, PAGE, team=team)
    assert metric(test, "Untagged").value == formats.money(usd(NOW, 1, team=id_))
    assert [row["Resource"] for row in table(test, "Resource", "Missing")] == (
        [FORMULA] if id_ else ["sheet"]
    )  # fmt: skip


@pytest.mark.parametrize("narrowed", [{"team": "2", "ws": "200"}, {"ws": "~"}, {"ws": ["100", "200"]}, {"owner": "?"}])
def test_the_page_is_drawn_whatever_it_is_narrowed_to(
    narrowed: dict[str, str | list[str]], app: Opener, shared: str
) -> None:
    test = app(shared, PAGE, **narrowed)
    assert not test.exception
    assert "Reference" not in texts(test)
    assert "owner" not in query(test)


def test_filters_that_do_not_apply_are_named(app: Opener, shared: str) -> None:
    test = app(shared, PAGE, product="JOBS", basis="list", tag="env=prod")
    assert "Product, tag and list price do not apply here." in texts(test)
    assert metric(test, "Untagged").value == formats.money(usd(NOW, 1))
    assert query(test)["product"] == ["JOBS"]
    assert "Product does not apply here." in texts(app(shared, PAGE, product="JOBS"))


def test_a_score_is_silent_where_nothing_is_judged(app: Opener, shared: str) -> None:
    test = app(shared, PAGE, ws="200")
    assert metric(test, "Compliant").value == formats.UNKNOWN
    assert "No key is required of this cost." in texts(test)
    assert "No resource lacks a required tag" in texts(test)


# --- who has to fix what


def test_resources_are_listed_worst_first_with_the_nearest_value(app: Opener, shared: str) -> None:
    rows = table(app(shared, PAGE), "Resource", "Kind", "Missing", "Wrong values", "Not compliant", "Owner", "Team")
    assert [row["Resource"] for row in rows] == [FORMULA, HOSTILE, "sheet"]
    assert rows[0] == {
        "Resource": FORMULA,
        "Kind": "Job",
        "Missing": "team",
        "Wrong values": "env: Prod → prod",
        "Not compliant": Decimal(1200),
        "Owner": "ada@example.com",
        "Team": "Data platform",
    }
    assert (rows[1]["Missing"], rows[1]["Not compliant"]) == ("team, env (blank)", Decimal("450.25"))
    assert rows[2]["Wrong values"] == "env: quite other (allowed: cc-*)"
    assert (rows[2]["Kind"], rows[2]["Team"], rows[2]["Owner"]) == ("Notebook", "Unallocated", HOSTILE)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"key": "team"}, [FORMULA, HOSTILE]),
        ({"key": "env"}, [FORMULA, HOSTILE, "sheet"]),
        ({"owner": "ada@example.com"}, [FORMULA]),
        ({"owner": NONE}, [HOSTILE]),
        ({"owner": HOSTILE, "key": "env"}, ["sheet"]),
    ],
)
def test_key_and_owner_of_the_link_narrow_the_list(
    chosen: dict[str, str], expected: list[str], app: Opener, shared: str
) -> None:
    test = app(shared, PAGE, **chosen)
    assert [row["Resource"] for row in table(test, "Resource", "Missing")] == expected
    assert query(test) == {name: [value] for name, value in chosen.items()}
    # What all resources lack is not narrowed with them.
    assert metric(test, "Untagged").value == formats.money(usd(NOW, 1))


def test_a_choice_goes_into_the_link_and_the_next_one_too(app: Opener, shared: str) -> None:
    test = app(shared, PAGE)
    for key in ("team", "env"):
        test.selectbox(key="t_key").set_value(key).run()
        assert query(test) == {"key": [key]}
    test.selectbox(key="t_key").set_value(None).run()
    assert query(test) == {}
    assert len(table(test, "Resource", "Missing")) == 3


def test_an_owner_is_rolled_up_and_has_a_text_to_send(app: Opener, shared: str) -> None:
    owners = table(app(shared, PAGE), "Owner", "Resources", "Not compliant", "Cost 30 d")
    assert [row["Owner"] for row in owners] == ["ada@example.com", "Nobody known", HOSTILE]
    assert owners[1]["Not compliant"] == Decimal("450.25")
    assert not app(shared, PAGE).code
    (text,) = [code.value for code in app(shared, PAGE, owner="ada@example.com").code]
    assert text.startswith("Hello ada@example.com,")
    assert "set team; env is “Prod”: write “prod”" in text
    (text,) = [code.value for code in app(shared, PAGE, owner=HOSTILE).code]
    assert "<b>" not in text
    assert "http://" not in text


def test_the_file_has_all_rows_and_no_formula(app: Opener, shared: str) -> None:
    app(shared, PAGE)
    version = reads.version((), reads.state())
    text = listing.csv_file(version, Where(), None, None)
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["Resource id"] for row in rows] == ["2", "w1", "n9"]
    assert rows[0]["Resource"] == f"'{FORMULA}"
    assert rows[1]["Not compliant"] == "450.25"
    assert len(reads.violations(version, Where(), None, None, largest=1)) == 1


# --- rights, and what is remembered


def test_a_viewer_of_a_team_sees_only_its_rows(app: Opener, shared: str) -> None:
    app(shared, PAGE)
    days = {"first_date": days_of(0, 30)[-1], "last_date": FINAL, "workspaces": None, "teams": None}
    with db.reading(scope="2") as connection:
        connection.row_factory = dict_row

        def ask(statement: str, **more: Any) -> list[dict[str, Any]]:
            return connection.execute(load_sql(f"app/{statement}").encode(), {**days, **more}).fetchall()

        assert [row["value_id"] for row in ask("tag_scores", dimension="team")] == ["2"]
        assert [row["resource_id"] for row in ask("tag_violations", key=None, owner=None, largest=None)] == ["w1"]
        assert [row["owner"] for row in ask("tag_violation_owners")] == [None]
        assert sum(row["valid_cost_usd"] for row in ask("tag_key_scores")) == 30 * 50


def test_figures_stay_until_tags_are_judged_anew(app: Opener, own: str) -> None:
    test = app(own, PAGE)
    shown = metric(test, "Untagged").value
    with closing(psycopg.connect(own)) as connection, connection:
        connection.execute("update costpulse.tag_compliance set untagged_cost_usd = 0, cost_usd = cost_usd - "
                           "untagged_cost_usd, taggable_cost_usd = taggable_cost_usd - untagged_cost_usd")  # fmt: skip
    assert metric(test.run(), "Untagged").value == shown
    with closing(psycopg.connect(own)) as connection, connection:
        connection.execute(
            "insert into costpulse.built_days (asset, usage_date, upstream_version, built_at) "
            "values ('tag_compliance', %s, now(), now())",
            [FINAL],
        )
    assert metric(test.run(), "Untagged").value == "$0.00"


def test_days_that_wait_to_be_judged_again_are_said(app: Opener, own: str) -> None:
    assert "will be judged again" not in texts(app(own, PAGE))
    with closing(psycopg.connect(own)) as connection, connection:
        connection.execute(
            "insert into costpulse.built_days (asset, usage_date, upstream_version, built_at) "
            "values ('tag_compliance', %s, now(), now())",
            [FINAL],
        )
        connection.execute("insert into costpulse.tag_changed_days values (%s, now() + interval '1 s')", [FINAL])
    assert "1 day will be judged again by the next run" in texts(app(own, PAGE))


# --- policies


def open_policy(test: AppTest, key: str | None) -> AppTest:
    """Opens the form of a policy, or of a new one."""
    if key is None:
        return test.button(key="new_tag").click().run()
    chosen = test.selectbox(key="chosen_tag")
    (index,) = [number for number, option in enumerate(chosen.options) if option == key]
    chosen.select_index(index).run()
    return test.button(key="edit_tag").click().run()


def press(test: AppTest, label: str) -> AppTest:
    labelled(test.button, label).click()
    return test.run()


def test_policies_are_listed_with_what_they_ask_for(app: Opener, shared: str) -> None:
    rows = {row["Key"]: row for row in table(app(shared, PAGE), "Key", "Also written", "Allowed values", "Other case")}
    assert rows["env"] == {
        "Key": "env", "Also written": "environment", "Allowed values": "prod, dev", "Other case": "Not allowed",
    }  # fmt: skip
    assert rows["team"]["Allowed values"] == "Any that is not blank"


def test_a_policy_is_previewed_then_saved_in_the_name_of_the_operator(app: Opener, own: str) -> None:
    test = open_policy(app(own, PAGE), None)
    labelled(test.text_input, "Key").set_value("Owner")
    labelled(test.text_area, "Allowed values").set_value("ada\nnobody-*")
    test.run()
    assert labelled(test.button, "Create tag policy").disabled
    test = press(test, "Preview the score")
    # $100 a day has both keys of before, and no owner; the warehouse has nothing.
    assert "**0.0%** of the dollars would be compliant, now 62.5% (-62.5 pp)." in texts(test)
    assert "Owner: $1,200 valid, $0.00 with a wrong value, $3,600 missing." in texts(test)
    assert "This pattern matches none of the values seen: nobody-*" in texts(test)
    assert "Owner" not in policies(own)
    test = press(test, "Create tag policy")
    assert "Created the policy of “Owner”" in "".join(each.value for each in test.success).replace("\\", "")
    assert policies(own)["Owner"] == TagPolicyDocument(key="Owner", allowed_values=("ada", "nobody-*"))
    assert audited(own) == [{"actor": people.LOCAL_ADMIN.name, "action": "insert"}]
    assert not [button for button in test.button if button.label == "Cancel"]


def test_a_change_after_the_preview_is_previewed_anew(app: Opener, own: str) -> None:
    test = press(open_policy(app(own, PAGE), "env"), "Preview the score")
    assert not labelled(test.button, "Save tag policy").disabled
    labelled(test.toggle, "Values in another case are wrong").set_value(False)
    test.run()
    assert labelled(test.button, "Save tag policy").disabled
    assert "Changed since the preview." in texts(test)
    test = press(test, "Preview the score")
    assert "env: $4,200 valid, $0.00 with a wrong value, $600.00 missing." in texts(test)
    press(test, "Save tag policy")
    assert policies(own)["env"] == POLICIES[1].model_copy(update={"case_sensitive": False})


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("Key", "TEAM", "Key exists: edit it."),
        ("Key", " ", "Key is missing."),
        ("Key", "environment", "Key 'environment' counts as env already."),
        ("Allowed values", "a\na", "Allowed values 'a' is listed twice."),
        ("Also written (optional)", "env", "Aliases 'env' counts as env already."),
    ],
)
def test_a_refused_policy_changes_nothing_and_says_why(
    field: str, value: str, said: str, app: Opener, own: str
) -> None:
    test = open_policy(app(own, PAGE), None)
    labelled(test.text_input, "Key").set_value("project")
    labelled(test.text_input if field == "Key" else test.text_area, field).set_value(value)
    test.run()
    test = press(test, "Preview the score")
    assert said in texts(test)
    assert labelled(test.button, "Create tag policy").disabled
    assert set(policies(own)) == {"team", "env"}


def test_who_saves_over_somebody_elses_change_is_refused(app: Opener, own: str) -> None:
    test = press(open_policy(app(own, PAGE), "env"), "Preview the score")
    change(own, "env", lambda connection, each: save_tag_policy(
        connection, each.document.model_copy(update={"aliases": ("stage",)}), "nina", policy_id=each.id
    ))  # fmt: skip
    test = press(test, "Save tag policy")
    assert "Changed by nina at" in texts(test)
    assert "reload to see it" in texts(test)
    assert policies(own)["env"].aliases == ("stage",)


def test_a_policy_is_deleted_after_a_question_and_not_twice(app: Opener, own: str) -> None:
    test = app(own, PAGE)
    test.selectbox(key="chosen_tag").select_index(0).run()
    test.button(key="delete_tag").click().run()
    assert "Deletes the policy of “env”" in texts(test)
    press(test, "Keep it")
    assert "env" in policies(own)
    test.button(key="delete_tag").click().run()
    press(test, "Delete tag policy")
    assert set(policies(own)) == {"team"}
    test.button(key="delete_tag").click().run()
    change(own, "team", lambda connection, each: delete_tag_policy(connection, each.id, "nina"))
    assert "Deleted by nina" in texts(press(test, "Delete tag policy"))


def change(url: str, key: str, what: Callable[[Any, Any], object]) -> None:
    """Somebody else changes a policy."""
    with Database(url).transaction() as connection:
        (each,) = [each for each in stored_tag_policies(connection) if each.document.key == key]
        what(connection, each)


def test_overrides_go_into_the_form_and_come_back_as_they_were() -> None:
    scopes = {"Team: Risk": ("team", "Risk"), "Team: Ops": ("team", "Ops"), "Workspace: prod": ("workspace", "100")}
    document = TagPolicyDocument.model_validate(
        {
            "key": "env",
            "overrides": [
                {"scope_type": "team", "scope": "Risk", "required": False},
                {"scope_type": "workspace", "scope": "100", "allowed_values": ["a,b", "c-*"]},
                {"scope_type": "team", "scope": "Ops", "allowed_values": []},
            ],
        }
    )
    rows = override_rows(document, scopes)
    assert overrides_of(rows.to_dict("records"), scopes) == document.overrides
    empty = {"Where": None, "Required": None, "Allowed values": None}
    assert overrides_of([empty], scopes) == ()
    assert override_rows(None, scopes).empty


def test_a_fault_of_an_override_is_said_in_the_words_of_the_form() -> None:
    reason = "says nothing: give required or allowed_values"
    said = in_words(Problem("Tag policy 'overrides'", "overrides", "Risk", reason))
    assert said == "Override 'Risk' says nothing: give required or allowed values."


def test_a_policy_with_overrides_is_shown_and_saved_unchanged(app: Opener, own: str) -> None:
    document = TagPolicyDocument.model_validate(
        {
            "key": "team",
            "resource_types": ["job", "cluster"],
            "valid_from": "2026-10-01",
            "overrides": [
                {"scope_type": "team", "scope": HOSTILE, "required": False},
                {"scope_type": "workspace", "scope": "200", "allowed_values": ["x"]},
            ],
        }
    )
    require(own, document)
    test = app(own, PAGE)
    (row,) = table(test, "Key", "For", "Elsewhere", "From")
    assert row["Elsewhere"] == f"{HOSTILE}: not required; (unnamed) …200: only x"
    assert row["For"] == "Clusters, Jobs"
    test = press(press(open_policy(test, "team"), "Preview the score"), "Save tag policy")
    saved = policies(own)["team"]
    assert set(saved.resource_types) == set(document.resource_types)
    assert saved.overrides == document.overrides
    assert saved.valid_from == document.valid_from


def test_without_a_policy_the_keys_found_are_offered(app: Opener, own: str) -> None:
    require(own)
    test = app(own, PAGE)
    assert "No tag is required, so nothing is judged." in texts(test)
    found = {row["Key"]: row for row in table(test, "Key", "Coverage", "Cost with a value", "Values", "Has a policy")}
    assert found["env"]["Coverage"] == 87.5
    assert found["env"]["Values"] == 2
    assert found["team"]["Cost with a value"] == 3000
    assert list(found) == ["env", "team", "Owner"]
    test.selectbox(key="t_found").select_index(1).run()
    test.button(key="require_key").click().run()
    assert labelled(test.text_input, "Key").value == "team"
    press(press(test, "Preview the score"), "Create tag policy")
    assert policies(own) == {"team": TagPolicyDocument(key="team")}


def test_before_the_first_judging_the_page_says_so(app: Opener, books: Books, database_url: str) -> None:
    books.write(database_url)
    test = app(database_url, PAGE)
    assert "Nothing has been judged yet" in texts(test)
    assert len(table(test, "Key", "Allowed values")) == 4
