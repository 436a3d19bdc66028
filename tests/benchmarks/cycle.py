"""The whole cycle for one new day of the demo account, as a schedule runs it."""

from datetime import timedelta

import psycopg

from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount
from tests.benchmarks.measuring import TODAY, Bench, Section, migrated, seconds
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today

_REACHED = """
select
    (select count(*) from costpulse.daily_key_costs where usage_date = %s) as keys,
    (select count(*) from costpulse.cluster_daily where usage_date = %s) as clusters,
    (select count(*) from costpulse.warehouse_daily where usage_date = %s) as warehouses,
    (select count(*) from costpulse.job_runs where last_usage_date = %s) as runs
"""


def measure(bench: Bench) -> Section:
    """Every asset once more, a day after the first start; the account stands ready, as Databricks would."""
    days = bench.sizes.demo_days
    first, yesterday = TODAY - timedelta(days=days - 1), TODAY - timedelta(days=1)
    settings = pretend_today(yesterday, first_usage_date=first)
    section = Section(
        "The whole cycle",
        f"A run of every asset, in process, on the demo account of {days} days, one day after the first start: the "
        f"last {settings.collect_trailing_days} days are looked at, and what is new or changed is collected and built.",
    )
    with migrated(bench.plain) as url, ephemeral_instance() as instance:
        with DemoAccount(days=days, end_date=TODAY, as_of=yesterday) as account:
            pipeline = Pipeline(Database(url), account, settings, instance)
            assert pipeline.run(first, yesterday, only_changed=True, with_analysis=True).success
        with psycopg.connect(url, autocommit=True) as connection:
            # What autovacuum does in the day between.
            connection.execute("vacuum analyze")
        trailing_day = max(first, TODAY - timedelta(days=settings.collect_trailing_days - 1))
        with DemoAccount(days=days, end_date=TODAY) as account:
            pipeline.source, pipeline.settings = account, pretend_today(TODAY, first_usage_date=first)

            def cycle() -> None:
                assert pipeline.run(trailing_day, TODAY, only_changed=True, with_analysis=True).success

            took = seconds(cycle)
        (reached,) = pipeline.query(_REACHED, *[TODAY] * 4)
    assert all(reached.values()), f"{TODAY} did not get into every table: {reached}"
    section.below("time of the run", took, 20, "s", digits=1)
    return section
