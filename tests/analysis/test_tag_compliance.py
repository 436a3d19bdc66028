"""Tag compliance in the demo account: it adds up to the bill, inherits, finds who has to fix what, follows changes."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from costpulse_assets.allocation.demo_rules import give_demo_rules
from costpulse_assets.allocation.tag_policies import TagPolicyDocument, replace_tag_policies
from costpulse_assets.analysis.tag_compliance import (
    TAG_COMPLIANCE,
    TagScore,
    final_window,
    judge_days,
    preview_tag_policies,
    rebuild_resource_tags,
    rebuild_tag_violations,
    tag_coverage,
    tag_score,
)
from costpulse_assets.analysis.tag_messages import owner_message
from costpulse_assets.derived_days import build, days_to_build
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database, Row, run
from costpulse_assets.resources.demo_account import DemoAccount, planted
from tests.conftest import database as database_of_its_own
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.utilization.demo import END

DAYS = [END - timedelta(days=back) for back in reversed(range(36))]
ASSETS = (
    "list_prices", "cost_keys", "cost_records", "collected_days", "collection_log", "key_allocations",
    "cost_allocations", "daily_costs", "daily_key_costs", "completeness", "clusters", "warehouses", "jobs",
    "pipelines", "serving_endpoints", "resource_tags", "tag_compliance", "tag_violations",
)  # fmt: skip
POLICIES = (
    TagPolicyDocument(key="team"),
    TagPolicyDocument(key="cost_center", aliases=("cost-center",), allowed_values=("cc-*",)),
    TagPolicyDocument(key="environment", aliases=("env",), allowed_values=("prod", "dev")),
)
EVERYTHING = {"workspaces": None, "teams": None, "owner": None, "key": None, "largest": 1000}


@pytest.fixture(scope="module")
def judged(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """36 days of the account with its rules, judged by POLICIES; what a test changes it puts back."""
    with (
        database_of_its_own(postgres_server, template=migrated_template) as url,
        ephemeral_instance() as instance,
        DemoAccount(end_date=END, days=len(DAYS)) as account,
    ):
        database = Database(url)
        give_demo_rules(database, Identities(None))
        change(database, POLICIES)
        pipeline = Pipeline(database, account, pretend_today(END, first_usage_date=DAYS[0]), instance)
        result = pipeline.run(DAYS[0], END, *ASSETS)
        assert result.success
        assert all(check.passed for check in result.get_asset_check_evaluations())
        yield database


def change(database: Database, policies: tuple[TagPolicyDocument, ...]) -> None:
    with database.transaction() as connection:
        connection.execute("select set_config('costpulse.actor', 'nina', true)")
        replace_tag_policies(connection, policies)


def ask(database: Database, statement: str, *parameters: Any) -> list[Row]:
    with database.transaction() as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def window(database: Database) -> tuple[date, date]:
    """First and last of the last 30 final days."""
    with database.transaction() as connection:
        days = final_window(connection)
    assert len(days) == 30
    return days[0], days[-1]


def score(database: Database) -> TagScore:
    """Of the last 30 final days."""
    first, last = window(database)
    days = {"first_date": first, "last_date": last}
    (row,) = database.rows("app/tag_scores", {"dimension": "all", **EVERYTHING, **days})
    return tag_score(row)


def violations(database: Database) -> dict[str, Row]:
    return {row["resource_name"]: row for row in database.rows("app/tag_violations", EVERYTHING)}


def test_every_day_adds_up_to_the_bill_in_total_and_under_every_key(judged: Database) -> None:
    billed = ask(judged, "select usage_date, sum(cost_usd) as usd from costpulse.daily_costs group by 1 order by 1")
    split = ask(
        judged,
        "select usage_date, sum(compliant_cost_usd + untagged_cost_usd + incomplete_cost_usd + wrong_value_cost_usd "
        "+ exempt_cost_usd + not_taggable_cost_usd) as usd from costpulse.tag_compliance group by 1 order by 1",
    )
    assert split == billed
    assert len(billed) == len(DAYS)
    for policy in POLICIES:
        by_key = ask(
            judged,
            "select usage_date, sum(valid_cost_usd + not_allowed_cost_usd + wrong_case_cost_usd + blank_cost_usd "
            "+ missing_cost_usd + not_required_cost_usd + not_taggable_cost_usd) as usd "
            "from costpulse.tag_key_compliance where tag_key = %s group by 1 order by 1",
            policy.key,
        )
        assert by_key == billed
    assert judged.rows("checks/tag_compliance_adds_up", {"days": DAYS}) == []


def test_the_score_is_recomputed_from_the_bill_by_hand(judged: Database) -> None:
    # Without inheritance: what carries a tag in the demo account carries it on the bill.
    (row,) = ask(
        judged,
        "select sum(c.cost_usd) filter (where k.tags ?| '{team,Team}' and k.tags ? 'env' "
        "and k.tags ->> 'cost_center' like 'cc-%%') as compliant, sum(c.cost_usd) as taggable "
        "from costpulse.cost_records as c join costpulse.cost_keys as k using (key_id) "
        "where c.usage_date between %s and %s and k.workspace_id is not null and k.product !~ "
        "'NETWORKING|DEFAULT_STORAGE|PREDICTIVE_OPTIMIZATION'",
        *window(judged),
    )
    found = score(judged)
    assert found.compliant_cost_usd == row["compliant"]
    assert found.judged_cost_usd == row["taggable"]
    assert found.by_cost == row["compliant"] / row["taggable"]
    assert found.by_cost is not None
    assert Decimal("0.5") < found.by_cost < Decimal("0.9")
    assert found.not_taggable_cost_usd > 0


def test_resources_are_counted_once_however_many_teams_share_them(judged: Database) -> None:
    (row,) = ask(
        judged,
        "select count(distinct (d.usage_date, k.workspace_id, k.warehouse_id)) as warehouses from "
        "costpulse.daily_key_costs as d join costpulse.cost_keys as k using (key_id) "
        "where k.warehouse_id is not null and d.usage_quantity <> 0",
    )
    (counted,) = ask(
        judged,
        "select sum(judged_resources)::bigint as warehouses from costpulse.tag_compliance "
        "where resource_type = 'warehouse'",
    )
    assert counted == row


def test_a_resource_of_several_teams_counts_once_and_at_the_one_with_most_of_it(judged: Database) -> None:
    with judged.session() as connection, connection.transaction(force_rollback=True):
        connection.execute("delete from costpulse.daily_key_costs where usage_date <> %s", [DAYS[0]])
        connection.execute(
            "insert into costpulse.daily_key_costs (usage_date, key_id, sku_name, usage_unit, team_id, usage_quantity, "
            "cost_usd, unpriced_quantity, record_count) select d.usage_date, d.key_id, d.sku_name, d.usage_unit, "
            "1000 + n, 1, sum(d.cost_usd) * n, 0, 1 from costpulse.daily_key_costs as d "
            "cross join generate_series(2, 3) as n group by 1, 2, 3, 4, n having sum(d.cost_usd) > 0"
        )
        connection.execute("delete from costpulse.tag_compliance")
        judge_days(connection, [DAYS[0]])
        run(connection, "transform/tag_compliance")
        (shared,) = connection.execute(
            "select sum(judged_resources)::bigint as n, "
            "sum(judged_resources) filter (where team_id = 1003)::bigint as at_largest from costpulse.tag_compliance"
        ).fetchall()
        (distinct,) = connection.execute(
            "select count(distinct resource_no) as n, count(distinct resource_no) filter (where cost_usd > 0) as paid "
            "from staged_tag_judged where is_used and class <> 'not taggable'"
        ).fetchall()
    assert shared["n"] == distinct["n"]
    assert shared["at_largest"] == distinct["paid"] > 50


def test_the_planted_untagged_spend_is_among_the_top_violators_with_its_owner(judged: Database) -> None:
    rows = violations(judged)
    top = list(rows)[:10]
    for fact in planted.facts("untagged spend"):
        assert fact.subject in top
        row = rows[fact.subject]
        assert {"team", "environment"} <= set(row["missing_keys"])
        assert row["violating_cost_usd"] > 1000
    (warehouse,) = ask(judged, "select owner from costpulse.warehouses where name = 'Ad hoc SQL'")
    (job,) = ask(judged, "select owner from costpulse.jobs where name = 'legacy_dwh_load'")
    assert rows["Ad hoc SQL"]["owner"] == warehouse["owner"] is not None
    assert rows["legacy_dwh_load"]["owner"] == job["owner"] is not None


def test_another_spelling_of_a_key_is_that_key_unless_a_policy_tells_them_apart(judged: Database) -> None:
    assert violations(judged)["feature-lookup"]["missing_keys"] == ["cost_center", "environment"]
    exact = (POLICIES[0].model_copy(update={"keys_case_sensitive": True}), *POLICIES[1:])
    with judged.transaction() as connection:
        preview = preview_tag_policies(connection, exact)
    assert preview is not None
    of_key = {row["tag_key"]: row for row in preview.keys}
    assert preview.after.compliant_cost_usd <= preview.before.compliant_cost_usd
    assert of_key["team"]["missing_cost_usd"] > preview.after.untagged_cost_usd


def test_values_that_attack_whoever_reads_them_are_values_like_others(judged: Database) -> None:
    hostile = TagPolicyDocument(key="note", allowed_values=("x",))
    with judged.transaction() as connection:
        preview = preview_tag_policies(connection, (hostile,))
    assert preview is not None
    assert preview.never_match == (("note", "x"),)
    assert preview.after.wrong_value_cost_usd > 0
    exactly = TagPolicyDocument(key="note", allowed_values=(planted.HYPERLINK_TAG, planted.ODD_TAG))
    with judged.transaction() as connection:
        preview = preview_tag_policies(connection, (exactly,))
    assert preview is not None
    assert preview.never_match == ()
    assert preview.after.wrong_value_cost_usd == 0
    assert preview.after.compliant_cost_usd > 0


def test_the_preview_of_the_policies_there_are_is_what_the_table_says(judged: Database) -> None:
    with judged.transaction() as connection:
        preview = preview_tag_policies(connection, POLICIES)
    assert preview is not None
    assert preview.before == preview.after == score(judged)
    assert (preview.days[0], preview.days[-1]) == window(judged)
    assert ask(judged, "select count(*) as n from pg_tables where tablename like 'staged_tag%%'") == [{"n": 0}]


def test_without_a_policy_the_keys_found_are_offered_with_their_coverage(judged: Database) -> None:
    with judged.transaction() as connection:
        found = {row["tag_key"]: row for row in tag_coverage(connection)}
    assert found["team"]["spellings"] == ["Team", "team"]
    assert 0.6 < found["team"]["share"] < 0.95
    assert found["team"]["share"] > found["note"]["share"]


def test_changed_tags_of_a_job_are_inherited_and_the_days_it_ran_on_are_judged_again(judged: Database) -> None:
    before = score(judged)
    (job,) = ask(judged, "select workspace_id, job_id, tags from costpulse.jobs where name = 'legacy_dwh_load'")
    tags = {"team": "etl", "cost_center": "cc-1", "env": "prod"}

    def tag(value: dict[str, str]) -> list[Any]:
        with judged.transaction() as connection:
            connection.execute(
                "update costpulse.jobs set tags = %s where workspace_id = %s and job_id = %s",
                [Jsonb(value), job["workspace_id"], job["job_id"]],
            )
        assert rebuild_resource_tags(judged) == (1, len(DAYS))
        due = days_to_build(judged, TAG_COMPLIANCE, END, END, only_changed=True)
        build(judged, TAG_COMPLIANCE, due)
        rebuild_tag_violations(judged)
        return due

    assert tag(tags) == DAYS
    cost = violations(judged)
    assert "legacy_dwh_load" not in cost
    gained = score(judged).compliant_cost_usd - before.compliant_cost_usd
    (billed,) = ask(
        judged,
        "select sum(d.cost_usd) as usd from costpulse.daily_key_costs as d "
        "join costpulse.cost_keys as k using (key_id) "
        "where k.workspace_id = %s and k.job_id = %s and d.usage_date between %s and %s",
        *(job["workspace_id"], job["job_id"], *window(judged)),
    )
    assert gained == billed["usd"]
    inherited = ask(judged, "select sum(inherited_cost_usd) as usd from costpulse.tag_key_compliance")
    assert inherited[0]["usd"] > 0
    assert rebuild_resource_tags(judged) == (0, 0)
    assert days_to_build(judged, TAG_COMPLIANCE, END, END, only_changed=True) == []
    tag(job["tags"])
    assert score(judged) == before


def test_a_changed_policy_makes_its_days_due_and_changes_no_sum_of_cost(judged: Database) -> None:
    before = score(judged)
    change(judged, (*POLICIES, TagPolicyDocument(key="project", valid_from=END)))
    assert days_to_build(judged, TAG_COMPLIANCE, END, END, only_changed=True) == DAYS
    build(judged, TAG_COMPLIANCE, DAYS)
    assert score(judged) == before
    (last,) = ask(
        judged,
        "select sum(missing_cost_usd) > 0 as is_asked from costpulse.tag_key_compliance "
        "where tag_key = 'project' and usage_date = %s",
        END,
    )
    assert last["is_asked"]
    change(judged, ())
    build(judged, TAG_COMPLIANCE, DAYS)
    nothing = score(judged)
    assert nothing.exempt_cost_usd == nothing.taggable_cost_usd == before.taggable_cost_usd
    assert nothing.by_cost is None
    assert nothing.by_resource is None
    rebuild_tag_violations(judged)
    assert violations(judged) == {}
    change(judged, POLICIES)
    build(judged, TAG_COMPLIANCE, DAYS)
    rebuild_tag_violations(judged)
    assert score(judged) == before


def test_the_roll_up_by_owner_adds_up_and_each_has_a_text_to_send(judged: Database) -> None:
    rows = violations(judged)
    owners = judged.rows("app/tag_violation_owners", EVERYTHING)
    assert sum(each["violating_cost_usd"] for each in owners) == sum(
        row["violating_cost_usd"] for row in judged.rows("app/tag_violations", EVERYTHING)
    )
    owner = rows["legacy_dwh_load"]["owner"]
    of_owner = judged.rows("app/tag_violations", EVERYTHING | {"owner": owner})
    text = owner_message(owner, of_owner)
    assert "job “legacy_dwh_load” in " in text


def test_a_viewer_of_some_teams_sees_what_is_theirs(judged: Database) -> None:
    with judged.transaction() as connection:
        (team,) = connection.execute(
            "select team_id from costpulse.tag_violations where team_id is not null limit 1"
        ).fetchall()
        connection.execute("set local role costpulse_app")
        connection.execute("select set_config('costpulse.scope', %s, true)", [str(team["team_id"])])
        for table in ("tag_compliance", "tag_key_compliance", "tag_violations"):
            seen = connection.execute(f"select distinct team_id from costpulse.{table}".encode()).fetchall()
            assert seen == [team]
        assert connection.execute("select 1 from costpulse.resource_tags").fetchall() == []
