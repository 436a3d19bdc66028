"""Every question the pages ask, on 400 days of roll-ups and 90 days of keyed costs."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg

from costpulse_app import db
from costpulse_app.queries import LARGEST
from costpulse_assets.costs import spend
from costpulse_assets.costs.spend import Selection, Windows
from costpulse_assets.periods import Period, preceding
from costpulse_assets.resources.database import Database, run
from costpulse_assets.resources.sql_files import load_sql
from tests.benchmarks.measuring import TODAY, Bench, Section, environment, forget, medians, migrated, seconds

# usage_date x 40 workspaces x 25 SKUs (8 products) x 3 of 15 teams; one of the SKUs has no price; in the order of
# sql/transform/daily_costs.sql
_DAILY_COSTS = """
insert into costpulse.daily_costs (
    usage_date, workspace_id, sku_name, product, usage_unit, team_id,
    usage_quantity, dbu_count, list_cost_usd, cost_usd, unpriced_quantity, record_count
)
select
    %(today)s::date - d,
    (1000 + n %% 40)::text,
    'PREMIUM_COMPUTE_OF_KIND_' || n / 40 %% 25,
    'PRODUCT_' || n / 40 %% 8,
    'DBU',
    nullif((n %% 40 + n / 1000 * 5) %% 15, 0),
    q.quantity,
    q.quantity,
    case when n / 40 %% 25 > 0 then q.quantity * 0.55 end,
    case when n / 40 %% 25 > 0 then q.quantity * 0.4675 end,
    case when n / 40 %% 25 > 0 then 0 else q.quantity end,
    24
from generate_series(0, %(days)s - 1) as d
cross join generate_series(0, %(rows)s - 1) as n
cross join lateral (select round((1 + random() * 500)::numeric, 18) as quantity where n >= 0 and d >= 0) as q
order by 1, 6, 3, 2
"""

# a tenth of a day's keys is new, so that 90 days of 5,000 rows have some 50,000 keys
_KEYS = """
insert into costpulse.cost_keys (
    key_id, account_id, workspace_id, product, usage_type, is_serverless, cluster_id, warehouse_id, job_id, job_name,
    pipeline_id, endpoint_name, user_email, user_source, tags, first_usage_date, last_usage_date
)
select
    md5('key ' || k)::uuid,
    'account',
    (1000 + k %% 40)::text,
    'PRODUCT_' || k %% 8,
    'COMPUTE_TIME',
    k %% 3 = 0,
    case when k %% 10 < 6 then 'cluster-' || k end,
    case when k %% 10 = 7 then 'warehouse-' || k %% 300 end,
    case when k %% 10 < 5 then (k %% 6000)::text end,
    case when k %% 10 < 5 then 'nightly load ' || k %% 6000 end,
    case when k %% 10 = 8 then 'pipeline-' || k %% 500 end,
    case when k %% 10 = 9 then 'endpoint-' || k %% 80 end,
    'person.' || k %% 2000 || '@example.com',
    'run_as',
    jsonb_build_object('team', 'team ' || k %% 75, 'cost_center', (k %% 73)::text, 'env', 'prod'),
    %(today)s::date - %(days)s,
    %(today)s::date
from generate_series(0, (%(days)s - 1) * %(rows)s / 10 + %(rows)s - 1) as k
"""
# a key stays with its team, as rules see the key and not the day
_KEY_COSTS = """
insert into costpulse.daily_key_costs (
    usage_date, key_id, sku_name, usage_unit, team_id,
    usage_quantity, dbu_count, list_cost_usd, cost_usd, unpriced_quantity, record_count
)
select
    %(today)s::date - d,
    md5('key ' || d * (%(rows)s / 10) + n)::uuid,
    'PREMIUM_COMPUTE_OF_KIND_' || n %% 25,
    'DBU',
    nullif((d * (%(rows)s / 10) + n) %% 15, 0),
    q.quantity,
    q.quantity,
    q.quantity * 0.55,
    q.quantity * 0.4675,
    0,
    24
from generate_series(0, %(days)s - 1) as d
cross join generate_series(0, %(rows)s - 1) as n
cross join lateral (select round((1 + random() * 500)::numeric, 18) as quantity where n >= 0 and d >= 0) as q
"""
_BESIDE = """
insert into costpulse.workspaces (workspace_id, name)
select (1000 + w)::text, 'workspace ' || w from generate_series(0, 39) as w;
insert into costpulse.teams (name) select 'team ' || t from generate_series(1, 15) as t;
insert into costpulse.collected_days (
    source, usage_date, source_rows, source_quantity, record_count, collected_at, changed_at
)
select 'cost_records', d.usage_date, 1, 1, 1, now(), now()
from (select distinct c.usage_date from costpulse.daily_workspace_costs as c) as d;
insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis)
select d.usage_date, 1, 1, false, 'none' from costpulse.collected_days as d;
insert into costpulse.built_days (asset, usage_date, upstream_version)
select a.asset, d.usage_date, now()
from costpulse.collected_days as d
cross join unnest(array['key_allocations', 'cost_allocations', 'daily_costs', 'daily_key_costs']) as a (asset);
"""
_ROLLUPS = ("daily_team_costs", "daily_workspace_costs", "daily_sku_costs")
# What the overview asks for all groups of; the cost explorer names the largest of any dimension.
_IN_FULL = (None, "product", "workspace", "team", "sku", "user", "job")
_STATEMENTS = ("data_version", "completeness", "names")
_KEY_STATEMENTS = ("products", "tag_pairs")

Query = Callable[[psycopg.Connection[Any]], object]


def measure(bench: Bench) -> Section:
    """Fills a database, then asks every question several times, warm."""
    sizes = bench.sizes
    section = Section(
        "Page queries",
        f"{sizes.history_days} days of {sizes.rows_per_day:,} daily_costs rows with the roll-ups made by their own "
        f"statements, {sizes.key_days} days of {sizes.key_rows_per_day:,} daily_key_costs rows; as the app asks (its "
        "role, its connection, one transaction each), median of repetitions, the slowest questions by name. The "
        "answers are cached by the app until new data is there.",
    )
    for name, server in bench.servers.items():
        with migrated(server) as url:
            _fill(url, bench)
            with environment(COSTPULSE_DATABASE_URL=url):
                _report(section, f"daily_costs and roll-ups, {name}", dict(_rollup_queries(bench)), 50, bench)
                _report(section, f"daily_key_costs, {name}", dict(_key_queries(bench)), 300, bench)
                forget()
    return section


def _fill(url: str, bench: Bench) -> None:
    sizes = bench.sizes
    days = [TODAY - timedelta(days=back) for back in range(sizes.history_days)]
    with Database(url).writing() as connection:
        daily = {"today": TODAY, "days": sizes.history_days, "rows": sizes.rows_per_day}
        connection.execute(_DAILY_COSTS.encode(), daily)
        for table in _ROLLUPS:
            run(connection, f"transform/{table}", {"days": days})
        keyed = {"today": TODAY, "days": sizes.key_days, "rows": sizes.key_rows_per_day}
        connection.execute(_KEYS.encode(), keyed)
        connection.execute(_KEY_COSTS.encode(), keyed)
        weeks = {day - timedelta(days=day.weekday()) for day in days[: sizes.key_days]}
        run(connection, "transform/weekly_key_costs", {"weeks": sorted(weeks)})
        connection.execute(_BESIDE.encode())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")


def _report(section: Section, what: str, queries: dict[str, Query], limit_ms: float, bench: Bench) -> None:
    def timed(query: Query) -> Callable[[], float]:
        def once() -> float:
            return seconds(lambda: _ask(query))

        return once

    for query in queries.values():
        _ask(query)  # warms the caches of the server
    took = medians(bench.sizes.repetitions, *map(timed, queries.values()))
    slowest = sorted(zip(took, queries, strict=True), reverse=True)
    section.note(f"{what}: questions", f"{len(queries)}, median {slowest[len(slowest) // 2][0] * 1000:.0f} ms")
    for milliseconds, name in [(value * 1000, name) for value, name in slowest[:3]]:
        section.below(f"{what}: {name}", milliseconds, limit_ms, "ms", digits=0)


def _ask(query: Query) -> None:
    with db.reading("all") as connection:
        query(connection)


def _rollup_queries(bench: Bench) -> Iterator[tuple[str, Query]]:
    yield from map(_statement, _STATEMENTS)
    filters = {
        "": Selection(),
        " of one workspace": Selection(only=(("workspace", ("1001",)),)),
        " of one team": Selection(only=(("team", ("1",)),)),
        " of one SKU": Selection(only=(("sku", ("PREMIUM_COMPUTE_OF_KIND_1",)),)),
        " of two workspaces and one product": Selection(
            only=(("workspace", ("1001", "1002")), ("product", ("PRODUCT_1",)))
        ),
    }
    for days in (30, 90, bench.sizes.history_days):
        for by in (None, "product", "workspace", "team", "sku"):
            for name, selection in filters.items():
                yield from _questions(bench, days, by, name, selection)


def _key_queries(bench: Bench) -> Iterator[tuple[str, Query]]:
    filters = {
        "": Selection(),
        " of one user": Selection(only=(("user", ("person.1@example.com",)),)),
        " of one tag": Selection(tags=(("team", "team 1"),)),
        " of one workspace": Selection(only=(("workspace", ("1001",)),)),
    }
    for by in ("user", "job", "cluster", "warehouse", "pipeline", "endpoint", "tag"):
        for name, selection in filters.items():
            yield from _questions(bench, bench.sizes.key_days, by, name, selection)
    yield from map(_statement, _KEY_STATEMENTS)
    ids = [f"{1000 + k % 40}/{k % 6000}" for k in range(0, 500, 10)]
    yield "resource_names of jobs", lambda c: spend.resource_names(c, "job", ids)


def _statement(name: str) -> tuple[str, Query]:
    return name, lambda connection: connection.execute(load_sql(f"app/{name}").encode()).fetchall()


def _questions(
    bench: Bench, days: int, by: str | None, filtered: str, selection: Selection
) -> Iterator[tuple[str, Query]]:
    period = Period(TODAY - timedelta(days=days - 1), TODAY)
    # Half of the longest period is compared with the other half; nothing lies before it.
    half = Period(TODAY - timedelta(days=days // 2 - 1), TODAY)
    by_what = f"by {by or 'nothing'}{filtered}, {days} days"
    tag_key = "team" if by == "tag" else ""
    windows = Windows(half, TODAY, preceding(half))
    if by in _IN_FULL:
        yield (
            f"spend_by_group {by_what}",
            lambda c: spend.spend_by_group(c, windows, by=by, selection=selection, tag_key=tag_key),
        )
    if by is not None:
        yield (
            f"spend_by_group, the largest, {by_what}",
            lambda c: spend.spend_by_group(c, windows, by=by, selection=selection, tag_key=tag_key, limit=LARGEST),
        )
    yield (
        f"spend_by_bin {by_what}",
        lambda c: spend.spend_by_bin(c, period, bin="day", by=by, named=["1"], selection=selection, tag_key=tag_key),
    )
    if by in (None, "user"):
        yield (
            f"spend_without_price{filtered}, {days} days",
            lambda c: spend.spend_without_price(c, period, selection=selection),
        )
