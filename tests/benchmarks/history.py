"""What one more day costs after a long and after a short history."""

import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta

import psycopg

from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account.tables import USAGE_METADATA_FIELDS
from costpulse_assets.settings import Settings
from tests.benchmarks.measuring import TODAY, Bench, Section, migrated, seconds
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline
from tests.small_account import JOBS_SKU, SmallAccount, small_account

#: Days that a scheduled run looks at.
_WINDOW_DAYS = 40

# 400 jobs; every second run has a cluster of its own, so that new keys come every day
_METADATA = {
    "job_id": "i % 400",
    "job_name": "'nightly load ' || i % 400",
    "cluster_id": "'cluster-' || i || case when i % 2 = 0 then ' of ' || day else '' end",
}


def measure(bench: Bench) -> Section:
    """The whole cycle for one new day, in two databases that differ in their history only, in turns."""
    sizes = bench.sizes
    section = Section(
        "One more day",
        f"A run of every asset, in process, over the last {_WINDOW_DAYS} days of which one is new "
        f"({sizes.history_rows:,} cost records a day), after {sizes.history_days} days of history against after "
        f"{sizes.short_history_days}: medians of {sizes.history_repetitions} new days.",
    )
    # The first new day only warms up.
    loaded_until = TODAY - timedelta(days=sizes.history_repetitions + 1)
    with ExitStack() as stack:
        account = stack.enter_context(small_account())
        _add_days(account, loaded_until - timedelta(days=sizes.history_days - 1), loaded_until, sizes.history_rows)
        pipelines = [
            stack.enter_context(_loaded(bench.plain, account, loaded_until - timedelta(days=days - 1), loaded_until))
            for days in (sizes.history_days, sizes.short_history_days)
        ]
        took: tuple[list[float], list[float]] = ([], [])
        for step in range(sizes.history_repetitions + 1):
            day = loaded_until + timedelta(days=step + 1)
            _add_days(account, day, day, sizes.history_rows)
            # Each is the first to run every other time.
            for which in (0, 1) if step % 2 else (1, 0):
                took[which].append(_one_more_day(pipelines[which], day))
    long, short = (statistics.median(times[1:]) for times in took)
    section.below("time after the long history / after the short one", long / short, 1.15)
    section.note("wall time of the run", f"{long:.2f} s and {short:.2f} s")
    return section


def _add_days(account: SmallAccount, first: date, last: date, rows: int) -> None:
    metadata = ", ".join(f"'{name}': {_METADATA.get(name, 'null')}" for name in USAGE_METADATA_FIELDS)
    account.change(f"""
        insert into billing.usage by name
        select
            'record-' || day || '-' || i as record_id,
            'account' as account_id,
            (1000 + i % 40)::varchar as workspace_id,
            '{JOBS_SKU}' as sku_name,
            'AWS' as cloud,
            (day + interval 3 hours)::timestamptz as usage_start_time,
            (day + interval 4 hours)::timestamptz as usage_end_time,
            day as usage_date,
            map {{'team': 'team ' || i % 75}} as custom_tags,
            'DBU' as usage_unit,
            (1 + i % 97)::decimal(38, 18) / 7 as usage_quantity,
            {{{metadata}}} as usage_metadata,
            {{'run_as': 'person.' || i % 200 || '@example.com', 'owned_by': null, 'created_by': null}}
                as identity_metadata,
            'ORIGINAL' as record_type,
            day as ingestion_date,
            'JOBS' as billing_origin_product,
            'COMPUTE_TIME' as usage_type
        from (
            select unnest(generate_series(date '{first}', date '{last}', interval 1 day))::date as day
        ) as days
        cross join range({rows}) as numbers (i)
    """)


@contextmanager
def _loaded(server: str, account: SmallAccount, first: date, last: date) -> Iterator[Pipeline]:
    """A database that holds these days, with everything derived from them."""
    with migrated(server) as url, ephemeral_instance() as instance:
        pipeline = Pipeline(Database(url), account, _settings(first, last), instance)
        assert pipeline.run(first, last, with_analysis=True).success
        with psycopg.connect(url, autocommit=True) as connection:
            # What autovacuum has done long ago in a database that grew day by day.
            connection.execute("vacuum analyze")
        yield pipeline


def _one_more_day(pipeline: Pipeline, day: date) -> float:
    pipeline.settings = pipeline.settings.model_copy(update={"today": day})
    first = max(day - timedelta(days=_WINDOW_DAYS - 1), pipeline.settings.first_usage_date or day)

    def cycle() -> None:
        assert pipeline.run(first, day, only_changed=True, with_analysis=True).success

    took = seconds(cycle)
    (held,) = pipeline.query("select count(*) as n from costpulse.daily_key_costs where usage_date = %s", day)
    assert held["n"] > 0, f"{day} did not get into daily_key_costs"
    return took


def _settings(first: date, today: date) -> Settings:
    return Settings(_env_file=None, first_usage_date=first, today=today)
