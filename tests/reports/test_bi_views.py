"""The views for BI tools: they add up to their tables, are described, and are all that their role may read."""

import re
from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest
from psycopg import sql

from costpulse_assets.allocation.demo_rules import give_demo_rules
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount
from tests.conftest import database
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.reports.bi_view_docs import MARKER, PAGE, view_columns, view_sections
from tests.utilization.demo import DAYS, END

#: What analysis would write, typed: one row that is shown, and others that must not be.
_FINDINGS = """
insert into costpulse.anomalies (scope_type, scope_id, kind, direction, start_date, last_date, recognised_on,
    is_provisional, severity, score, actual_usd, expected_usd, status, detected_at, judged_at, method,
    sensitivity, days_digest)
select s, i, 'spike', 'up', '2026-11-20', '2026-11-20', '2026-11-20', false, 'high', 9, 30, 10, 'open', now(),
    now(), 'robust', 1, '' from (values ('team', '1'), ('job', '1001/7')) as v (s, i);
update costpulse.anomalies set parent_id = 1 where id = 2;
insert into costpulse.anomaly_causes (anomaly_id, dimension, value_id, name, actual_usd, expected_usd, difference_usd,
    price_effect_usd, volume_effect_usd, is_new, is_gone, rank, is_main)
values (1, 'job', '1001/7', 'nightly', 30, 10, 20, 0, 20, false, false, 1, true),
    (1, 'sku', 'S', null, 30, 10, 20, 0, 20, false, false, 1, false);
insert into costpulse.forecasts (forecast_date, predicted_cost, lower_bound, upper_bound, model_type, scope_type,
    scope_id, data_until, issued_at, is_backtest, level, naive_cost, reason)
select d + 1, 5, 4, 6, 'blend', 'team', '1', d, now(), b, 0.95, 5, ''
from (values ('2026-11-20'::date, false), ('2026-11-21', false), ('2026-11-22', true)) as v (d, b);
insert into costpulse.forecast_landings (data_until, scope_type, scope_id, month, spent_usd, predicted_cost,
    lower_bound, upper_bound, level, model_type, reason, issued_at)
select d, 'everything', '', '2026-11-01', 5, 9, 8, 10, 0.95, 'blend', '', now()
from unnest('{2026-11-20,2026-11-21}'::date[]) as d;
insert into costpulse.budget_status (budget_id, budget_name, scope_type, scope_id, period, amount, period_start,
    period_end, data_until, state, spent_usd, provisional_usd, used_share, elapsed_share, level)
values (77, 'All', 'everything', '', 'month', 100, '2026-11-01', '2026-11-30', '2026-11-22', 'running', 50, 1, 0.5, 0.7,
    0.95);
insert into costpulse.recommendations (type, workspace_id, resource_type, resource_id, bearer_type, bearer_id, acts_on,
    severity, title, estimated_savings, standalone_savings, resource_cost_usd, confidence, confidence_reason,
    evidence, calculation, window_first, window_last, found_first_at, found_at)
values ('idle_cluster', '1001', 'cluster', 'c', 'cluster', 'c', 'idle time', 'low', 'Stop it', 7, 8, 9, 'low', 'x',
    '{}', '8', '2026-11-01', '2026-11-20', now(), now());
insert into costpulse.tag_compliance (usage_date, workspace_id, team_id, owner, resource_type, cost_usd,
    taggable_cost_usd, compliant_cost_usd, untagged_cost_usd, incomplete_cost_usd, wrong_value_cost_usd,
    exempt_cost_usd, not_taggable_cost_usd, judged_resources, compliant_resources)
values ('2026-11-20', null, null, null, 'job', 3, 2, 1, 1, 0, 0, 0, 1, 2, 1);
insert into costpulse.closed_periods (month, closed_by) values ('2026-11-01', 'ada');
"""

#: view -> its column, the table with the same sum, and which rows of it
_SUMS = {
    "v_costs": ("cost_usd", "daily_costs", "true"),
    "v_team_costs": ("cost_usd", "daily_costs", "true"),
    "v_resource_costs": ("cost_usd", "daily_key_costs", "true"),
    "v_days": ("share_in", "completeness", "true"),
    "v_statements": ("cost_usd", "statement_lines", "true"),
    "v_tag_compliance": ("cost_usd", "tag_compliance", "true"),
    "v_clusters": ("list_cost_usd", "cluster_info", "true"),
    "v_warehouses": ("list_cost_usd", "warehouse_info", "true"),
    "v_job_runs": ("cost_usd", "job_runs", "true"),
    "v_self_cost": ("executions", "query_costs", "is_costpulse"),
}


@pytest.fixture(scope="module")
def filled(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """Ten days of the demo account with the findings above; tests read it only."""
    with (
        database(postgres_server, template=migrated_template) as url,
        DemoAccount(end_date=END, days=12) as account,
        ephemeral_instance() as instance,
    ):
        filled = Database(url)
        give_demo_rules(filled, Identities(None))
        assert (
            Pipeline(filled, account, pretend_today(END, first_usage_date=DAYS[-10]), instance)
            .run(DAYS[-10], END)
            .success
        )
        with filled.transaction() as connection:
            connection.execute(_FINDINGS.encode())
        yield filled


@pytest.fixture
def reader(filled: Database) -> Iterator[psycopg.Connection]:
    """A transaction with the rights of a BI tool's login."""
    with filled.transaction() as connection:
        connection.execute("set local role costpulse_reader")
        yield connection


@pytest.mark.parametrize("view", _SUMS)
def test_a_view_adds_up_to_its_table_to_the_last_digit(filled, reader, view):
    column, table, condition = _SUMS[view]
    with filled.transaction() as owner:
        wanted = owner.execute(
            f"select sum({column}) as total from costpulse.{table} where {condition}".encode()
        ).fetchone()
    assert reader.execute(f"select sum({column}) as total from costpulse.{view}".encode()).fetchone() == wanted
    assert wanted["total"] > 0


@pytest.mark.parametrize("measure", ["usage_quantity", "unpriced_quantity", "list_cost_usd", "dbu_count"])
def test_the_two_cuts_of_the_bill_have_the_same_measures(reader, measure):
    def by_team(view):
        return reader.execute(
            f"select usage_date, team_name, usage_unit, sum({measure}) as total from costpulse.{view} "
            "group by 1, 2, 3 order by 1, 2, 3".encode()
        ).fetchall()

    assert by_team("v_costs") == by_team("v_resource_costs")


def test_unallocated_is_a_team_of_that_name(reader):
    names = reader.execute("select distinct team_name from costpulse.v_costs where team_id is null").fetchall()
    assert names == [{"team_name": "Unallocated"}]
    named = reader.execute(
        "select count(*) as teams from costpulse.v_team_costs where cost_center is not null"
    ).fetchone()
    assert named["teams"] > 0


def test_findings_are_shown_once_by_name_and_of_the_newest_issue(reader):
    (team,) = reader.execute("select name from costpulse.teams where id = 1").fetchall()

    def rows(statement):
        return [tuple(row.values()) for row in reader.execute(statement.encode()).fetchall()]

    assert rows("select scope_name, cause_type, cause_name, impact_usd from costpulse.v_anomalies") == [
        (team["name"], "job", "nightly", 20)
    ]
    assert rows("select scope_name, forecast_date::text, predicted_usd from costpulse.v_forecasts") == [
        (team["name"], "2026-11-22", 5)
    ]
    assert rows("select scope_name, data_until::text, predicted_usd from costpulse.v_forecast_months") == [
        ("Whole account", "2026-11-21", 9)
    ]
    assert rows("select budget_name, scope_name, owner, spent_usd from costpulse.v_budgets") == [
        ("All", "Whole account", None, 50)
    ]
    assert rows("select title, team_name, estimated_savings_usd from costpulse.v_recommendations") == [
        ("Stop it", "Unallocated", 7)
    ]


def test_a_resource_has_the_name_of_the_day_and_its_cost_counts_once(filled):
    with filled.transaction() as owner:
        job = owner.execute(
            "select workspace_id, resource_id, sum(cost_usd) as cost from costpulse.v_resource_costs "
            "where resource_type = 'job' group by 1, 2 having count(distinct usage_date) = 10 order by 1, 2 limit 1"
        ).fetchone()
        which = [job["workspace_id"], job["resource_id"]]
        owner.execute(
            "delete from costpulse.resource_names where workspace_id = %s and resource_type = 'job' "
            "and resource_id = %s",
            which,
        )
        owner.execute(
            "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from, "
            "valid_to) values (%(w)s, 'job', %(r)s, 'old', %(first)s, %(renamed)s), "
            "(%(w)s, 'job', %(r)s, 'new', %(renamed)s, null)",
            {"w": which[0], "r": which[1], "first": DAYS[-8], "renamed": DAYS[-4]},
        )
        names = owner.execute(
            "select resource_name, min(usage_date) as first_day, sum(sum(cost_usd)) over () as cost "
            "from costpulse.v_resource_costs where workspace_id = %s and resource_id = %s group by 1 order by 2",
            which,
        ).fetchall()
        owner.rollback()
    assert names == [
        {"resource_name": "old", "first_day": DAYS[-10], "cost": job["cost"]},
        {"resource_name": "new", "first_day": DAYS[-4], "cost": job["cost"]},
    ]


def test_a_bi_login_may_read_the_documented_views_and_no_table(filled, reader):
    documented = set(re.findall(r"^### (v_\w+)$", PAGE.read_text(), re.M))
    readable = {
        row["relname"]
        for row in reader.execute(
            "select c.relname from pg_class as c where c.relnamespace = 'costpulse'::regnamespace "
            "and c.relkind in ('r', 'p', 'v', 'm', 'f') and has_table_privilege(c.oid, 'select')"
        ).fetchall()
    }
    assert readable == documented == {row["view_name"] for row in view_columns(filled)}
    assert set(_SUMS) < documented
    for view in documented:
        shown = reader.execute(
            sql.SQL("select count(*) as n from costpulse.{}").format(sql.Identifier(view))
        ).fetchone()
        assert shown["n"] > 0, view


@pytest.mark.parametrize(
    "column",
    [
        *("cost_records.cost_usd", "cost_records.usage_date", "completeness.cost_usd", "teams.manager_email"),
        *("workspaces.host", "budgets.recipients", "users.identity", "audit_log.actor", "signing_keys.key"),
        *("key_allocations.cost_usd", "alerts.notification_channels", "query_costs.executed_by"),
        *("recommendations.command", "anomalies.reason", "reports.file_path"),
    ],
)
def test_what_no_view_shows_is_closed_to_it(reader, column):
    table, name = column.split(".")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(f"select {name} from costpulse.{table}".encode())


def test_of_tables_it_may_read_only_what_views_refer_to(filled):
    with filled.transaction() as owner:
        readable = owner.execute(
            "select table_name from information_schema.column_privileges as p where grantee = 'costpulse_reader' "
            "and table_schema = 'costpulse' and starts_with(table_name, 'v_') is false "
            "and not exists (select from information_schema.view_column_usage as u "
            "where u.table_schema = p.table_schema and u.table_name = p.table_name and u.column_name = p.column_name "
            "and starts_with(u.view_name, 'v_'))"
        ).fetchall()
    assert readable == []


def test_it_writes_nothing(reader):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("update costpulse.teams set name = 'x'")


def test_the_view_of_the_app_keeps_to_the_scope_of_its_viewer(filled):
    with filled.transaction() as connection:
        connection.execute("grant select on costpulse.v_costs to costpulse_app")
        connection.execute("set local role costpulse_app")
        connection.execute("select set_config('costpulse.scope', '1', true)")
        teams = connection.execute("select distinct team_id from costpulse.v_costs").fetchall()
        connection.rollback()
    assert teams == [{"team_id": 1}]


def test_every_view_and_column_is_described(filled):
    for row in view_columns(filled):
        assert row["view_description"], row
        assert row["description"], row


def test_the_page_says_what_the_database_says(filled):
    assert PAGE.read_text().partition(MARKER)[2] == view_sections(filled).removeprefix(MARKER), (
        "run python -m tests.reports.bi_view_docs"
    )


def test_the_example_of_the_page_runs_as_it_stands(reader):
    example = re.search(r"^```sql\n(select\n    date_trunc.*?)^```$", PAGE.read_text(), re.M | re.S)
    rows = reader.execute(example[1].replace("current_date", f"date '{END}'").encode()).fetchall()
    assert all(isinstance(row["cost_usd"], Decimal) for row in rows)
