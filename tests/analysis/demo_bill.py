"""The bill of the demo account as roll-ups, for any end date in seconds: what detection is tested on.

Only the bill is generated, no telemetry, and it is priced and grouped by one DuckDB statement of its own in place of
the pipeline. Teams are those of the demo account; what they own goes by the tag `team` alone.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import product

import duckdb
from psycopg import sql

from costpulse_assets.allocation.demo_rules import give_demo_rules
from costpulse_assets.identities import Identities
from costpulse_assets.resources.database import Connection, Database, copy_batches, run
from costpulse_assets.resources.demo_account.generate_prices import generate_prices
from costpulse_assets.resources.demo_account.generate_usage import generate_usage
from costpulse_assets.resources.demo_account.model import build_account
from costpulse_assets.resources.demo_account.streams import Stream, billed_streams
from costpulse_assets.resources.demo_account.tables import CATALOG, create_tables

# A job run's cluster is its own, and names nothing that the job does not.
_COSTS = f"""
create table costs as
with priced as (
    select
        u.usage_date,
        u.workspace_id,
        u.billing_origin_product || if(u.product_features.is_serverless, '_SERVERLESS', '') as product,
        if(u.usage_metadata.job_id is null, u.usage_metadata.cluster_id, null) as cluster_id,
        u.usage_metadata.warehouse_id as warehouse_id,
        u.usage_metadata.job_id as job_id,
        u.usage_metadata.job_name as job_name,
        u.usage_metadata.dlt_pipeline_id as pipeline_id,
        u.usage_metadata.endpoint_name as endpoint_name,
        coalesce(u.identity_metadata.run_as, u.identity_metadata.owned_by) as user_email,
        u.custom_tags['team'] as team,
        u.sku_name,
        u.usage_unit,
        u.usage_quantity,
        u.usage_quantity * p.pricing.default::decimal(18, 12) as cost_usd
    from {CATALOG}.billing.usage as u
    left join {CATALOG}.billing.list_prices as p
        on
            u.sku_name = p.sku_name and u.cloud = p.cloud and u.usage_start_time >= p.price_start_time
            and (p.price_end_time is null or u.usage_start_time < p.price_end_time)
)

select
    md5(concat_ws('|', workspace_id, product, cluster_id, warehouse_id, job_id, pipeline_id, endpoint_name, user_email,
                  team)) as key_id,
    usage_date, workspace_id, product, cluster_id, warehouse_id, job_id, max(job_name) as job_name, pipeline_id,
    endpoint_name, user_email, team, sku_name, usage_unit,
    sum(usage_quantity) as usage_quantity,
    sum(cost_usd) as cost_usd,
    sum(usage_quantity) filter (where cost_usd is null) as unpriced_quantity,
    count(*) as record_count
from priced
group by all
"""
_KEYS = """
select
    key_id, any_value(workspace_id) as workspace_id, any_value(product) as product, any_value(cluster_id) as cluster_id,
    any_value(warehouse_id) as warehouse_id, any_value(job_id) as job_id, any_value(job_name) as job_name,
    any_value(pipeline_id) as pipeline_id, any_value(endpoint_name) as endpoint_name,
    any_value(user_email) as user_email, min(usage_date) as first_usage_date, max(usage_date) as last_usage_date
from costs
group by key_id
"""
_DAYS = """
select
    c.usage_date, c.key_id, c.sku_name, c.usage_unit, t.team_id, c.usage_quantity, c.cost_usd,
    coalesce(c.unpriced_quantity, 0) as unpriced_quantity, c.record_count
from costs as c
left join teams as t on c.team = t.tag
"""
_DAILY_COSTS = """
insert into costpulse.daily_costs (
    usage_date, workspace_id, sku_name, product, usage_unit, team_id,
    usage_quantity, cost_usd, unpriced_quantity, record_count
)
select
    d.usage_date, k.workspace_id, d.sku_name, k.product, d.usage_unit, d.team_id,
    sum(d.usage_quantity), sum(d.cost_usd), sum(d.unpriced_quantity), sum(d.record_count)
from costpulse.daily_key_costs as d
inner join costpulse.cost_keys as k on d.key_id = k.key_id
group by d.usage_date, k.workspace_id, d.sku_name, k.product, d.usage_unit, d.team_id
"""
_ROLL_UPS = ("daily_workspace_costs", "daily_team_costs", "daily_sku_costs", "daily_resource_costs")
#: Where the bill names a resource.
_RESOURCES = {"cluster": "cluster_id", "warehouse": "warehouse_id", "pipeline": "dlt_pipeline_id", "job": "job_id"}


def write_demo_bill(database: Database, *, end: date, days: int = 180, seed: int = 7) -> None:
    """Fills a migrated, empty database with the roll-ups of the account as it is on its end date at noon.

    Today and yesterday are not final.
    """
    account = build_account(seed)
    streams = billed_streams(account)
    first = end - timedelta(days=days - 1)
    give_demo_rules(database, Identities(None))
    with duckdb.connect(config={"threads": 2}) as bill, database.writing() as connection:
        bill.execute(f"attach ':memory:' as {CATALOG}")
        bill.execute("set TimeZone = 'UTC'")
        create_tables(bill)
        generate_usage(bill, streams, seed=seed, first_day=first, end_date=end, as_of=end)
        generate_prices(bill, streams, end_date=end, as_of=end)
        bill.execute(_COSTS)
        bill.execute("create table teams (tag varchar, team_id bigint)")
        owned = connection.execute(
            "select tag, id from costpulse.teams "
            "cross join jsonb_array_elements_text(tag_patterns -> 'team') as t (tag)"
        ).fetchall()
        bill.executemany("insert into teams values (?, ?)", [[row["tag"], row["id"]] for row in owned])
        for table, statement in (("cost_keys", _KEYS), ("daily_key_costs", _DAYS)):
            reader = bill.sql(statement).to_arrow_reader()
            copy_batches(connection, sql.Identifier("costpulse", table), tuple(reader.schema.names), reader)
        connection.execute(_DAILY_COSTS)
        all_days = [first + timedelta(days=number) for number in range(days)]
        for table in _ROLL_UPS:
            run(connection, f"transform/{table}", {"days": all_days})
        connection.execute(
            "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
            "select d, 0, 1, d > %s::date - 2, 'none' from unnest(%s::date[]) as d",
            [end, all_days],
        )
        _write_names(connection, streams, first)


def _write_names(connection: Connection, streams: Sequence[Stream], since: date) -> None:
    for workspace in {stream.workspace for stream in streams if stream.workspace}:
        connection.execute(
            "insert into costpulse.workspaces (workspace_id, name) values (%s, %s)",
            [workspace.workspace_id, workspace.name],
        )
    for stream, (kind, field) in product(streams, _RESOURCES.items()):
        if field in stream.metadata and stream.workspace:
            connection.execute(
                "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from) "
                "values (%s, %s, %s, %s, %s) on conflict do nothing",
                [stream.workspace.workspace_id, kind, stream.metadata[field], stream.name, since],
            )
