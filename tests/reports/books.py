"""A small account as hostile as data can be, and the database that the pipeline makes of it."""

from datetime import date, timedelta

import dagster as dg

from costpulse_assets.allocation.rules_as_code import apply_rules, read_rules
from costpulse_assets.costs.statements import close_month
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Database
from tests.pipeline import Pipeline, pretend_today
from tests.small_account import SmallAccount

#: May is closed, June is closed with an adjustment of May on it, July is open and its last days are not final.
FIRST, TODAY = date(2026, 5, 1), date(2026, 7, 20)
MAY, JUNE, JULY = FIRST, date(2026, 6, 1), date(2026, 7, 1)
SETTINGS = pretend_today(TODAY)

#: Names that do harm where they are taken for more than text.
FORMULA, QUOTED, MARKUP, BIDI = (
    '=HYPERLINK("x")',
    'Risk, "fraud"\n& <b>more</b>',
    "<b>nightly</b> & co",
    "\u202e+gnp.exe",
)

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
  - name: {FORMULA!r}
    cost_center: "-4713"
    parent: Data
  - name: Web
    tag_patterns: {{team: [web]}}
rules:
  - {{name: "@nightly", team: {FORMULA!r}, rule_type: job_match, conditions: {{jobs: ["*night*"]}}, priority: 10}}
splits:
  - name: Storage for all
    rule_type: sku_match
    conditions: {{skus: ["*STORAGE"]}}
    basis: even
    shares: [{{team: Platform}}, {{team: Data}}, {{team: Web}}]
"""
PRICES = {"PREMIUM_JOBS_COMPUTE": "0.15", "PREMIUM_SQL_COMPUTE": "0.703", "PREMIUM_STORAGE": "0.0230001"}


def use(account: SmallAccount, day: date) -> None:
    """A day's usage: each line is another way to be awkward."""
    growth = 1 + (day - FIRST).days / 100
    account.add_usage(f"{100 * growth:.6f}", day=day, job_id="1", job_name=MARKUP, cluster_id=f"job-{day}")
    account.add_usage("3.141592653589793238", day=day, run_as=QUOTED.replace("\n", " "), tags={"team": "platform"})
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
    with SmallAccount() as account, dg.DagsterInstance.ephemeral() as instance:
        for sku, price in PRICES.items():
            account.add_price(price, sku=sku, unit="GB" if "STORAGE" in sku else "DBU")
        account.add_workspace("1001", '+"prod"')
        account.add_workspace("1002", "=cmd|' /C calc'!A0")
        for number in range((TODAY - FIRST).days + 1):
            use(account, FIRST + timedelta(days=number))
        pipeline = Pipeline(database, account, SETTINGS, instance)
        assert pipeline.run(FIRST, TODAY).success
        close_month(database, MAY, "ada", note="agreed")
        corrected = date(2026, 5, 10)
        account.add_usage("-10", day=corrected, record_type="RETRACTION", ingested=TODAY, tags={"team": "web"})
        assert pipeline.run(corrected).success
        close_month(database, JUNE, "=ada")
