"""A small account as hostile as data can be, and the database that the pipeline makes of it."""

from datetime import date, timedelta

from costpulse_assets.allocation.rules_as_code import apply_rules, read_rules
from costpulse_assets.costs.statements import close_month
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.small_account import SmallAccount

#: May is closed, June is closed with an adjustment of May on it, July is open and its last days are not final.
FIRST, TODAY = date(2026, 5, 1), date(2026, 7, 20)
MAY, JUNE, JULY = FIRST, date(2026, 6, 1), date(2026, 7, 1)
SETTINGS = pretend_today(TODAY)

#: Names that do harm where they are taken for more than text.
FORMULA, QUOTED = '=HYPERLINK("x")', 'Risk, "fraud" & <b>more</b>'
MARKUP, BIDI = "<b>nightly</b> & co", "\u202e+gnp.exe"

RULES = f"""
version: 1
teams:
  - name: Platform
    department: Engineering
    cost_center: "4711"
    tag_patterns: {{team: [platform]}}
  - name: Data
    department: Engineering
    cost_center: "4712"
    parent: Platform
    members: [{{email: ada@example.com}}]
  - name: '{FORMULA}'
    cost_center: "-4713"
    parent: Data
  - name: '{QUOTED}'
    tag_patterns: {{team: [web]}}
rules:
  - {{name: "@nightly", team: '{FORMULA}', rule_type: job_match, conditions: {{jobs: ["*night*"]}}, priority: 10}}
splits:
  - name: Storage for all
    rule_type: sku_match
    conditions: {{skus: ["*STORAGE"]}}
    basis: even
    shares: [{{team: Platform}}, {{team: Data}}, {{team: '{QUOTED}'}}]
"""
PRICES = {"PREMIUM_JOBS_COMPUTE": "0.15", "PREMIUM_SQL_COMPUTE": "0.703", "PREMIUM_STORAGE": "0.0230001"}


#: What reports are made of; the others take most of the time of a run.
ASSETS = (
    "workspaces",
    "list_prices",
    "cost_records",
    "hourly_costs",
    "key_allocations",
    "cost_allocations",
    "daily_costs",
    "daily_key_costs",
    "completeness",
    "known_costs",
    "statement_lines",
)


def use(account: SmallAccount, day: date) -> None:
    """A day's usage: each line is another way to be awkward."""
    growth = 1 + (day - FIRST).days / 100
    account.add_usage(f"{100 * growth:.6f}", day=day, job_id="1", job_name=MARKUP, cluster_id=f"job-{day}")
    account.add_usage("3.141592653589793238", day=day, run_as="-" + QUOTED, tags={"team": "platform"})
    account.add_usage("40", day=day, run_as="+web@example.com", job_id="2", job_name="=1+1", tags={"team": "web"})
    account.add_usage("7.77", day=day, sku="PREMIUM_SQL_COMPUTE", product="SQL", warehouse_id="w-1", workspace="1002")
    account.add_usage("500", day=day, sku="PREMIUM_STORAGE", product="DEFAULT_STORAGE", unit="GB", workspace=None)
    account.add_usage("12", day=day, product="ALL_PURPOSE", cluster_id="0101-shared", run_as=None)
    if day.day % 9 == 0:
        account.add_usage("-2.5", day=day, record_type="RETRACTION", tags={"team": "web"}, run_as=BIDI)
        account.add_usage("5", day=day, sku="PRICELESS_SKU", product="AI", unit="TOKEN", run_as="ada@example.com")


def fill(url: str, *, with_rules: bool = True) -> None:
    """A migrated, empty database: three months through the pipeline, with teams and rules, two months closed."""
    database = Database(url)
    if with_rules:
        with database.transaction() as connection:
            apply_rules(connection, read_rules(RULES.encode(), "rules.yaml"), "ada", identities=Identities(None))
            connection.execute("select set_config('costpulse.actor', 'ada', true)")
            connection.execute(
                "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from, note) "
                "values ('PREMIUM_JOBS*', -12.5, '2026-06-01', '=agreed')"
            )
    with SmallAccount() as account, ephemeral_instance() as instance:
        for sku, price in PRICES.items():
            account.add_price(price, sku=sku, unit="GB" if "STORAGE" in sku else "DBU")
        account.add_workspace("1001", '+"prod"')
        account.add_workspace("1002", "=cmd|' /C calc'!A0")
        for number in range((TODAY - FIRST).days + 1):
            use(account, FIRST + timedelta(days=number))
        pipeline = Pipeline(database, account, SETTINGS, instance)
        assert pipeline.run(FIRST, TODAY, *ASSETS).success
        close_month(database, MAY, "ada", note="agreed")
        corrected = date(2026, 5, 10)
        account.add_usage("-10", day=corrected, record_type="RETRACTION", ingested=TODAY, tags={"team": "web"})
        assert pipeline.run(corrected, None, *ASSETS).success
        close_month(database, JUNE, "=ada")
    if with_rules:
        find(database)


def find(database: Database) -> None:
    """What the analysis might have found: of all, and of the team that has a formula for a name."""
    with database.transaction() as connection:
        row = connection.execute("select id from costpulse.teams where name = %s", [FORMULA]).fetchone()
        assert row is not None
        team = str(row["id"])
        for number, (scope_type, scope_id) in enumerate((("everything", ""), ("team", team)), start=1):
            connection.execute(
                "insert into costpulse.budget_status (budget_id, budget_name, scope_type, scope_id, period, amount, "
                "period_start, period_end, data_until, state, spent_usd, provisional_usd, used_share, elapsed_share, "
                "projected_usd, lower_bound, upper_bound, level, probability_exceeded, breach_date) values "
                "(%s, %s, %s, %s, 'month', 1000.50, '2026-07-01', '2026-07-31', '2026-07-18', 'running', 838.25, 92, "
                "0.8378, 0.58, 1444.10, 1380, 1510, 0.8, %s, '2026-07-22')",
                [number, f"=budget {number}", scope_type, scope_id, 1 - number / 3],
            )
            connection.execute(
                "insert into costpulse.forecast_landings (data_until, scope_type, scope_id, month, spent_usd, "
                "predicted_cost, lower_bound, upper_bound, level, model_type, reason) values "
                "('2026-07-18', %s, %s, '2026-07-01', 838.25, 1444.10, 1380, 1510, 0.8, 'test', 'test')",
                [scope_type, scope_id],
            )
            connection.execute(
                "insert into costpulse.anomalies (scope_type, scope_id, kind, direction, start_date, end_date, "
                "last_date, recognised_on, is_provisional, severity, score, actual_usd, expected_usd, method, "
                "sensitivity, days_digest) values (%s, %s, 'spike', 'up', '2026-07-07', '2026-07-07', "
                "'2026-07-07', '2026-07-07', false, 'high', 9, %s, 40.1, 'robust', 1, '')",
                [scope_type, scope_id, 200 * number],
            )
            connection.execute(
                "insert into costpulse.recommendations (type, workspace_id, resource_type, resource_id, resource_name, "
                "bearer_type, bearer_id, acts_on, severity, title, team_id, estimated_savings, standalone_savings, "
                "resource_cost_usd, confidence, confidence_reason, evidence, calculation, window_first, window_last, "
                "found_first_at, found_at) values ('test', '1001', 'cluster', %s, %s, 'cluster', %s, 'idle time', "
                "'high', %s, %s, 12.34, 12.34, 50, 'high', 'x', '{}', 'x', '2026-06-19', '2026-07-18', now(), now())",
                [
                    *(f"c-{number}", "=cluster", f"c-{number}", f"=Let cluster {number} <b>stop</b>"),
                    None if number == 1 else int(team),
                ],
            )
            connection.execute(
                "insert into costpulse.tag_compliance (usage_date, workspace_id, team_id, resource_type, cost_usd, "
                "taggable_cost_usd, compliant_cost_usd, untagged_cost_usd, incomplete_cost_usd, wrong_value_cost_usd, "
                "exempt_cost_usd, not_taggable_cost_usd, judged_resources, compliant_resources) values "
                "('2026-07-07', '1001', %s, 'job', 10, 10, %s, %s, 0, 0, 0, 0, 2, 1)",
                [None if number == 1 else int(team), number, 10 - number],
            )
