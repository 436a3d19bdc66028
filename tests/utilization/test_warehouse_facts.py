"""What the planted facts of the demo account's warehouses look like, and its bill, shared exactly."""

from costpulse_assets.resources.database import Database
from tests.utilization.demo import DAYS, ask, read_off


def test_the_bill_of_every_warehouse_and_day_is_shared_to_the_last_digit(demo: Database) -> None:
    differences = ask(
        demo,
        """
        select usage_date, warehouse_id
        from (
            select usage_date, workspace_id, warehouse_id, cost_usd, dbu_count
            from cost_records where warehouse_id is not null
            union all
            select usage_date, workspace_id, warehouse_id, -cost_usd, -dbu_count from query_costs
        ) as both_sides
        group by usage_date, workspace_id, warehouse_id
        having sum(cost_usd) <> 0 or sum(dbu_count) <> 0
        """,
    )
    assert differences == []
    # The hours of the bill are kept for 90 days; what is older is shared by the day.
    (basis,) = ask(
        demo,
        """
        select
            count(*) filter (where usage_date > max_date - 90 and cost_basis = 'hour') as hours,
            count(*) filter (where usage_date <= max_date - 90 and cost_basis = 'day') as days,
            count(*) as n
        from warehouse_daily
        cross join (select max(usage_date) as max_date from warehouse_daily) as newest
        """,
    )
    assert basis["hours"] + basis["days"] == basis["n"]
    assert min(basis["hours"], basis["days"]) > 200
    assert ask(demo, "select 1 from query_costs where cost_usd < 0 or kind = 'unknown'") == []


def test_the_oversized_warehouse_pays_most_for_a_statement(demo: Database) -> None:
    found = read_off(demo, "oversized warehouse")
    assert (found["warehouse_size"], found["max_clusters"]) == ("2X_LARGE", 1)
    assert found["cost_per_statement"] > 8
    assert found["busy_share"] < 0.02


def test_the_warehouse_with_long_idle_tails_idles_longest_each_time_it_runs(demo: Database) -> None:
    found = read_off(demo, "warehouse with long idle tails")
    assert found["auto_stop_minutes"] == 120
    assert found["idle_minutes"] > 90


def test_the_warehouse_that_never_stops_runs_round_the_clock(demo: Database) -> None:
    found = read_off(demo, "warehouse that never stops")
    assert (found["auto_stop_minutes"], found["state"]) == (0, "running")
    assert (found["days"], found["starts"]) == (len(DAYS) - 1, 0)


def test_our_own_warehouse_is_found_by_its_statements_and_costs_all_of_its_bill(demo: Database) -> None:
    found = read_off(demo, "own warehouse")
    assert (found["days"], found["is_all_ours"]) == (len(DAYS), True)
    assert 1 < found["dearest_day"] < 3
    assert found["executions"] > 500


def test_a_statement_past_midnight_keeps_its_warehouse_busy_on_both_days(demo: Database) -> None:
    assert read_off(demo, "query past midnight")["nights"] > 1
