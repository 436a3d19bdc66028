"""Cost is told by product, cluster, warehouse and run, and counted once."""

from costpulse_assets.resources.database import Database
from tests.utilization.demo import DAYS, ask


def test_a_cost_key_belongs_to_exactly_one_product(demo: Database) -> None:
    (keys,) = ask(
        demo, "select count(*) as n, count(distinct key_id) as ids, count(product) as products from cost_keys"
    )
    assert keys["n"] == keys["ids"] == keys["products"] > 1_000
    strangers = ask(
        demo,
        """
        select distinct r.key_id, r.product, k.product as product_of_key
        from cost_records as r
        left join cost_keys as k on r.key_id = k.key_id
        where r.product is distinct from k.product
        """,
    )
    assert strangers == []


def test_the_costs_of_the_products_add_up_to_the_bill_of_each_day(demo: Database) -> None:
    days = ask(
        demo,
        """
        with products as (
            select d.usage_date, k.product, sum(d.cost_usd) as cost_usd, sum(d.dbu_count) as dbu_count
            from daily_key_costs as d
            inner join cost_keys as k on d.key_id = k.key_id
            group by d.usage_date, k.product
        ),

        sums as (
            select usage_date, count(*) as products, sum(cost_usd) as cost_usd, sum(dbu_count) as dbu_count
            from products
            group by usage_date
        ),

        bills as (
            select usage_date, count(distinct product) as products, sum(cost_usd) as cost_usd,
                sum(dbu_count) as dbu_count
            from cost_records
            group by usage_date
        )

        select
            b.usage_date, b.products, b.cost_usd,
            (s.products, s.cost_usd, s.dbu_count) is distinct from (b.products, b.cost_usd, b.dbu_count) as differs
        from bills as b
        full join sums as s on b.usage_date = s.usage_date
        order by b.usage_date
        """,
    )
    assert [row["usage_date"] for row in days] == DAYS
    assert [row for row in days if row["differs"]] == []
    assert all(row["products"] > 10 and row["cost_usd"] > 1_000 for row in days)


def test_what_runs_share_of_a_cluster_or_warehouse_is_a_part_of_its_cost_of_the_day(demo: Database) -> None:
    shared = ask(
        demo,
        """
        with shares as (
            select usage_date, workspace_id, compute_id, sum(cost_usd) as cost_usd
            from job_run_costs
            where cost_basis = 'apportioned'
            group by usage_date, workspace_id, compute_id
        ),

        computes as (
            select usage_date, workspace_id, cluster_id as compute_id, cost_usd from cluster_daily
            union all
            select usage_date, workspace_id, warehouse_id, cost_usd from warehouse_daily
        )

        select s.usage_date, s.compute_id, s.cost_usd as share, c.cost_usd as whole
        from shares as s
        left join computes as c
            on s.usage_date = c.usage_date and s.workspace_id = c.workspace_id and s.compute_id = c.compute_id
        where s.cost_usd <> 0
        """,
    )
    assert len(shared) > 200
    assert [row for row in shared if row["whole"] is None or not 0 < row["share"] <= row["whole"]] == []


def test_billed_runs_clusters_and_warehouses_cost_what_the_bill_names_them_for(demo: Database) -> None:
    (sums,) = ask(
        demo,
        """
        select
            (select sum(cost_usd) from cluster_daily) as clusters,
            (select sum(cost_usd) from cost_records where cluster_id is not null) as billed_clusters,
            (select sum(cost_usd) from warehouse_daily) as warehouses,
            (select sum(cost_usd) from cost_records where warehouse_id is not null) as billed_warehouses,
            (select sum(cost_usd) from job_runs where cost_basis = 'billed') as runs,
            (select sum(cost_usd) from job_run_usage) as billed_runs
        """,
    )
    assert 0 < sums["clusters"] == sums["billed_clusters"]
    assert 0 < sums["warehouses"] == sums["billed_warehouses"]
    assert 0 < sums["runs"] == sums["billed_runs"]
