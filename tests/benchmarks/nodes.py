"""Minutes of node_timeline in, hours out: how many rows of it leave the warehouse."""

from datetime import timedelta

from costpulse_assets.collectors.node_utilization import node_utilization
from costpulse_assets.periods import newest_first
from costpulse_assets.resources.demo_account.tables import CATALOG
from costpulse_assets.resources.sql_files import load_sql
from tests.benchmarks.measuring import TODAY, Bench, Section, seconds
from tests.pipeline import pretend_today
from tests.small_account import SmallAccount

#: As many as the source keeps.
_DAYS = 90

# Nine clusters in ten are those of one run: up once, for 21 to 100 minutes. The others are up for two hours and a bit
# on many days, as many as the rows suffice for. One to four nodes each; a start at any minute of the hour, so that
# hours are rarely whole.
_ADD = f"""
insert into {CATALOG}.compute.node_timeline by name
with clusters as (
    select
        c,
        c % 10 > 0 as is_short,
        1 + (c // 10) % 4 as nodes
    from range($clusters) as numbers (c)
),

ups as (
    select
        c,
        is_short,
        nodes,
        hash(c, up) % ({_DAYS} * 1440 - 240) as first_minute,
        case when is_short then 21 + (hash(c) % 80)::bigint else 125 end as minutes
    from clusters
    cross join lateral (select unnest(range(case when is_short then 1 else $ups end)) as up)
)

select
    (1000 + c % 40)::varchar as workspace_id,
    'cluster-' || c as cluster_id,
    'node-' || c || '-' || node as instance_id,
    timestamptz '{TODAY - timedelta(days=_DAYS - 1)}T00:00:00Z' + to_minutes((first_minute + m)::bigint) as start_time,
    start_time + interval 1 minute as end_time,
    node = 0 as driver,
    (hash(c, node, m) % 9000) / 100 as cpu_user_percent,
    1.5 as cpu_system_percent,
    0.5 as cpu_wait_percent,
    20 + (hash(m, node) % 6000) / 100 as mem_used_percent,
    0 as mem_swap_percent,
    'm5.' || (1 + c % 8) || 'xlarge' as node_type
from ups
cross join lateral (select unnest(range(minutes)) as m)
cross join lateral (select unnest(range(nodes)) as node)
-- what is too much is cut off from the clusters that stay
order by is_short desc, start_time
limit $rows
"""


def measure(bench: Bench) -> Section:
    """The statement of the collector over all days, in its chunks; DuckDB is the warehouse."""
    sizes = bench.sizes
    settings = pretend_today(TODAY)
    table = node_utilization(settings)
    statement = load_sql(f"collect/{table.name}")
    windows = newest_first((TODAY - timedelta(days=back) for back in range(_DAYS)), at_most=settings.collect_chunk_days)
    section = Section(
        "Node minutes",
        f"{sizes.node_minutes:,} rows of node_timeline, of {sizes.node_clusters:,} clusters over {_DAYS} days, most of "
        f"them up once for about an hour: what sql/collect/{table.name}.sql returns of them, in {len(windows)} "
        "statements as the collector asks. DuckDB, one thread, is in the place of the warehouse.",
    )
    with SmallAccount() as account:
        # A cluster of one run has 150 rows; those that stay share the rest, and a few of their minutes are too many.
        ups = (sizes.node_minutes - 135 * sizes.node_clusters) // (312 * (sizes.node_clusters // 10)) + 2
        account._connection.execute(_ADD, {"clusters": sizes.node_clusters, "ups": ups, "rows": sizes.node_minutes})
        returned = minutes = 0

        def ask() -> None:
            nonlocal returned, minutes
            for window in windows:
                parameters = {**table.parameters, "from_date": window.first, "to_date": window.last}
                for batch in account.fetch(statement, parameters):
                    returned += batch.num_rows
                    minutes += sum(batch["node_minutes"].to_pylist())

        took = seconds(ask)
    assert minutes == sizes.node_minutes, minutes
    section.below("rows that cross the wire", returned, 500_000, "rows", digits=0)
    section.note("time of the statements", f"{took:.1f} s")
    return section
