"""An account of fifty days with findings of every kind, written by hand, and the API over it."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
import streamlit as st

from tests.api.client import Client, opened
from tests.app.books import Books
from tests.conftest import database

TODAY = date(2026, 11, 24)
FINAL = TODAY - timedelta(days=2)
FIRST = TODAY - timedelta(days=49)

FINDINGS = """
update costpulse.teams set parent_team_id = 1 where name = 'Streaming';
insert into costpulse.cost_allocations (usage_date, team_id, method, workspace_id, sku_name, product, total_cost,
    list_cost_usd, breakdown)
select usage_date, team_id, case when team_id is null then 'unallocated' else 'tag' end, workspace_id, sku_name,
    product, cost_usd, list_cost_usd, '{}'
from costpulse.daily_costs where cost_usd is not null;
insert into costpulse.anomalies (scope_type, scope_id, kind, direction, start_date, last_date, recognised_on,
    is_provisional, severity, score, actual_usd, expected_usd, method, sensitivity, days_digest)
select s.type, s.id, 'spike', 'up', date '2026-11-01' + n, date '2026-11-01' + n, date '2026-11-01' + n, false,
    (array['medium', 'high', 'critical'])[1 + n % 3], 5, 100 + n, 40.5, 'robust', 1, n::text
from generate_series(0, 8) as n
join lateral (values (0, 'everything', ''), (1, 'team', '1'), (2, 'team', '2')) as s (k, type, id) on s.k = n % 3;
-- what a team of its own sees is rolled up under what it may not see
update costpulse.anomalies set parent_id = 1 where id = 2;
insert into costpulse.recommendations (type, workspace_id, resource_type, resource_id, resource_name, bearer_type,
    bearer_id, acts_on, title, team_id, estimated_savings, standalone_savings, resource_cost_usd, confidence,
    confidence_reason, evidence, calculation, window_first, window_last, found_first_at, found_at)
select 'idle_cluster', '100', 'cluster', 'c' || n, '=1+1', 'cluster', 'c' || n, 'existence', 'Switch it off',
    1 + n % 2, 10 + n, 20 + n, 400, 'high', 'It was idle.', '{}', 'as is', '2026-10-20', '2026-11-20',
    '2026-11-21', '2026-11-22' from generate_series(1, 7) as n;
insert into costpulse.forecasts (forecast_date, predicted_cost, lower_bound, upper_bound, model_type, scope_type,
    scope_id, data_until, is_backtest, level, naive_cost, reason)
select date '2026-11-22' + n, 150 + n, 100, 200, 'blend', s.type, s.id, '2026-11-22', false, 0.95, 140, 'best'
from generate_series(1, 20) as n cross join (values ('everything', ''), ('team', '1')) as s (type, id);
insert into costpulse.forecast_landings (data_until, scope_type, scope_id, month, spent_usd, predicted_cost,
    lower_bound, upper_bound, level, model_type, reason)
select '2026-11-22', s.type, s.id, m, 3000, 4500.000000000000000001, 4000, 5000, 0.95, 'blend', 'best'
from (values (date '2026-11-01'), (date '2026-12-01')) as months (m)
cross join (values ('everything', ''), ('team', '1'), ('team', '2')) as s (type, id);
insert into costpulse.budgets (name, scope_type, scope_id, period, amount)
values ('All', 'everything', '', 'month', 5000), ('Data', 'team', '1', 'month', 4000);
insert into costpulse.budget_status (budget_id, budget_name, scope_type, scope_id, period, amount, period_start,
    period_end, data_until, state, spent_usd, provisional_usd, used_share, elapsed_share, level)
select b.id, b.name, b.scope_type, b.scope_id, b.period, b.amount, s.day, s.day + 29, '2026-11-22', s.state, 3000.5,
    200, 0.6, 0.7, 0.95
from costpulse.budgets as b
cross join (values (date '2026-10-01', 'ended'), (date '2026-11-01', 'running')) as s (day, state);
insert into costpulse.tag_compliance (usage_date, workspace_id, team_id, resource_type, cost_usd, taggable_cost_usd,
    compliant_cost_usd, untagged_cost_usd, incomplete_cost_usd, wrong_value_cost_usd, exempt_cost_usd,
    not_taggable_cost_usd, judged_resources, compliant_resources)
select date '2026-11-01' + n, '100', t, 'cluster', 100, 90, 60.25, 10, 9.75, 5, 5, 10, 4, 3
from generate_series(0, 21) as n cross join unnest(array[1, 2, null]) as t;
insert into costpulse.tag_key_compliance (usage_date, workspace_id, team_id, resource_type, tag_key, cost_usd,
    valid_cost_usd, inherited_cost_usd, not_allowed_cost_usd, wrong_case_cost_usd, blank_cost_usd, missing_cost_usd,
    not_required_cost_usd, not_taggable_cost_usd)
select date '2026-11-01' + n, '100', 1, 'cluster', 'env', 100, 60, 20, 5, 5, 4, 6, 10, 10
from generate_series(0, 21) as n;
insert into costpulse.cluster_info (workspace_id, cluster_id, cluster_name, state, state_evidence, is_idle, tags,
    never_terminates, up_hours, idle_time_hours, avg_cpu_util, driver_node_hours, worker_node_hours, total_cost_usd)
select case n % 3 when 0 then null when 1 then '100' else '200' end, 'c' || n, '@name', 'running', 'node_timeline',
    n % 2 = 0, '{"env": "prod"}', true, 100.5, 20.25, 12.5, 1, 2, 300 + n from generate_series(1, 9) as n;
insert into costpulse.collection_status (source, connection, state, message, next_step, attempted_at, succeeded_at)
values ('clusters', 'databricks', 'failed', 'It said no.', 'Ask again.', '2026-11-24', null);
insert into costpulse.reports (name, report_type, format, status, requested_by, period_first, period_last, team_id,
    team_name, file_path, summary, is_provisional, checksum, size_bytes, row_count, finished_at)
values
('Showback', 'showback', 'csv', 'ready', 'ada', '2026-10-01', '2026-10-31', null, null, '1-showback.csv',
    '{"Total": "12"}', false, repeat('a', 64), 4, 1, now()),
('FOCUS', 'showback', 'focus', 'ready', 'ada', '2026-09-01', '2026-10-31', null, null, '2-focus', '{}', false,
    repeat('b', 64), 6, 1, now()),
('Team', 'team', 'pdf', 'ready', 'ada', '2026-10-01', '2026-10-31', 1, 'Data platform', '3-team.pdf', '{}', false,
    repeat('c', 64), 3, null, now()),
('Outside', 'team', 'pdf', 'ready', 'ada', '2026-10-01', '2026-10-31', null, null, '../secret', '{}', false,
    repeat('d', 64), 3, null, now()),
('Waiting', 'team', 'pdf', 'requested', 'ada', '2026-10-01', '2026-10-31', 2, 'Risk', null, '{}', null, null, null,
    null, null);
"""


def account_books() -> Books:
    """Two workspaces, three teams, hostile names, an unpriced SKU, two days that are not final."""
    made = Books(
        workspaces={"100": "northwind-prod", "200": None},
        teams=["Data platform", "Risk", "Streaming"],
        provisional={TODAY: Decimal("0.38"), TODAY - timedelta(days=1): Decimal("0.96")},
    )
    for back in range(50):
        day = TODAY - timedelta(days=back)
        made.add(
            day, "100.123456789012345678", job_id="1", job_name="<b>nightly</b> load", team=1, tags={"env": "prod"}
        )
        made.add(day, f"{20 + back}.10", job_id="2", job_name="=cmd()|'x'", user_email="ada@example.com")
        made.add(day, "33.33", product="SQL_SERVERLESS", sku="SQL_SERVERLESS", warehouse_id="abcdef123456", team=2)
        made.add(day, "5.000000000000000001", product="DLT", sku="DLT", pipeline_id="p", team=3)
        made.add(day, "-1.05", workspace=None, product="DEFAULT_STORAGE", sku="STORAGE", unit="GB", tags={"env": ""})
        made.add(day, "7", workspace="200", product="SQL", sku="SQL_PRO", list_cost="9", tags={"a=b": "+1"})
        made.add(day, None, workspace="200", product="AI", sku="PRICELESS_SKU", unit="TOKEN", quantity="5")
    return made


@pytest.fixture(scope="module")
def reports_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the reports of the account name."""
    folder = tmp_path_factory.mktemp("served") / "reports"
    folder.mkdir()
    (folder / "1-showback.csv").write_bytes(b"a\n1\n")
    (folder / "2-focus" / "billing_period=2026-09").mkdir(parents=True)
    (folder / "2-focus" / "billing_period=2026-09" / "part.parquet").write_bytes(b"PAR1")
    (folder / "2-focus" / "metadata.json").write_bytes(b"{}")
    (folder / "3-team.pdf").write_bytes(b"%PD")
    (folder.parent / "secret").write_bytes(b"no")
    return folder


@pytest.fixture(scope="module")
def url(postgres_server: str, migrated_template: str, reports_dir: Path) -> Iterator[str]:
    """The database, and the settings of the app that serves it: by this computer, at a pace that no test meets."""
    with database(postgres_server, template=migrated_template) as made, pytest.MonkeyPatch.context() as patch:
        account_books().write(made)
        with psycopg.connect(made) as connection:
            connection.execute(FINDINGS.encode())
        patch.setenv("COSTPULSE_DATABASE_URL", made)
        patch.setenv("COSTPULSE_TODAY", TODAY.isoformat())
        patch.setenv("COSTPULSE_REPORTS_DIR", str(reports_dir))
        patch.setenv("COSTPULSE_API_REQUESTS_PER_MINUTE", "1000000")
        _forget()
        yield made
        _forget()


@pytest.fixture
def api(url: str) -> Iterator[Client]:
    """The API, as it is called on this computer."""
    with opened() as client:
        yield client


def _forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def empty(url: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The API over a database without any data."""
    monkeypatch.setenv("COSTPULSE_DATABASE_URL", database_url)
    _forget()
    with opened() as client:
        yield client
    _forget()
