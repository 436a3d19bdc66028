"""The code location loads by itself, and every asset carries what people need to work with it."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from costpulse_assets.definitions import build_definitions
from costpulse_assets.resources.database import Database
from costpulse_assets.table_schema import declared_columns, stored_columns
from tests.pipeline import pretend_today
from tests.small_account import MONDAY

ASSETS = {
    "list_prices": "collectors",
    "cost_records": "collectors",
    "cost_keys": "collectors",
    "collected_days": "collectors",
    "collection_log": "collectors",
    "workspaces": "collectors",
    "clusters": "collectors",
    "node_types": "collectors",
    "node_utilization": "collectors",
    "warehouses": "collectors",
    "warehouse_uptime": "collectors",
    "warehouse_queries": "collectors",
    "query_activity": "collectors",
    "jobs": "collectors",
    "pipelines": "collectors",
    "serving_endpoints": "collectors",
    "job_run_days": "collectors",
    "job_task_days": "collectors",
    "cluster_task_hours": "collectors",
    "job_run_usage": "collectors",
    "hourly_costs": "collectors",
    "key_allocations": "allocation",
    "cost_allocations": "allocation",
    "rule_suggestions": "allocation",
    "daily_costs": "costs",
    "daily_key_costs": "costs",
    "completeness": "costs",
    "known_costs": "costs",
    "statement_lines": "costs",
    "change_bridge": "costs",
    "cluster_daily": "utilization",
    "cluster_info": "utilization",
    "query_costs": "utilization",
    "warehouse_daily": "utilization",
    "warehouse_info": "utilization",
    "job_run_costs": "utilization",
    "job_runs": "utilization",
    "daily_user_costs": "utilization",
    "unit_costs": "utilization",
    "users": "utilization",
    "member_suggestions": "utilization",
    "anomalies": "analysis",
    "detector_scorecard": "analysis",
    "forecasts": "analysis",
    "forecast_scores": "analysis",
    "budget_status": "analysis",
    "resource_tags": "analysis",
    "tag_compliance": "analysis",
    "tag_violations": "analysis",
    "vm_prices": "analysis",
    "recommendations": "analysis",
    "recommendation_outcomes": "analysis",
    "alert_outbox": "alerts",
    "reports": "reports",
}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(pretend_today(MONDAY))


def test_the_code_location_loads_in_a_fresh_interpreter_without_settings_network_or_database(tmp_path: Path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COSTPULSE_", "DAGSTER_"))}
    code = "from costpulse_assets.definitions import definitions; definitions()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_assets_are_these_in_these_layers(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    found = {key.to_user_string(): graph.get(key).group_name for key in graph.materializable_asset_keys}
    assert found == ASSETS


def test_every_asset_has_owner_description_kinds_and_freshness(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.owners == ["team:finops"], key
        assert node.description, key
        assert node.kinds, key
        assert node.freshness_policy is not None, key


def test_every_table_shows_its_columns_as_the_database_has_them(definitions: dg.Definitions, database_url: str):
    stored = stored_columns(Database(database_url))
    assert declared_columns() == stored, (
        "python -m costpulse_assets.table_schema prints what has to be in costpulse_assets/table_columns.csv"
    )
    for spec in definitions.resolve_all_asset_specs():
        if "dagster/table_name" in spec.metadata:
            shown = spec.metadata["dagster/column_schema"]
            assert isinstance(shown, dg.TableSchema)
            names = [column["column_name"] for column in stored if column["table_name"] == spec.key.to_user_string()]
            assert [column.name for column in shown.columns] == names


def test_data_flows_down_from_the_system_tables(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    parents = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.materializable_asset_keys
    }
    assert parents["cost_records"] == {"system/billing/usage", "list_prices", "price_adjustments"}
    assert parents["daily_costs"] == {"key_allocations"}
    assert parents["key_allocations"] == {
        "cost_records",
        "cost_keys",
        "collected_days",
        "teams",
        "allocation_rules",
        "cost_splits",
    }


def test_what_is_optional_is_never_between_the_bill_and_its_readers(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    optional = {"query_costs", "query_activity", "warehouses", "clusters", "jobs", "hourly_costs"}
    for reader in ("daily_costs", "daily_key_costs", "completeness"):
        above = graph.get_ancestor_asset_keys(dg.AssetKey(reader))
        assert not optional & {key.to_user_string() for key in above}


def test_conservation_blocks_and_data_quality_warns(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    blocking = {
        (key.asset_key.to_user_string(), key.name)
        for key in graph.asset_check_keys
        if graph.get_check_spec(key).blocking
    }
    assert blocking == {
        ("cost_records", "control_totals_match"),
        ("key_allocations", "adds_up_to_cost_records"),
        ("cost_allocations", "adds_up_to_cost_records"),
        ("daily_costs", "adds_up_to_cost_records"),
        ("daily_key_costs", "adds_up_to_cost_records"),
        ("known_costs", "what_is_known_is_daily_costs"),
        ("statement_lines", "statement_and_adjustments_add_up"),
        ("change_bridge", "parts_add_up"),
        ("anomalies", "shown_events_do_not_overlap"),
        ("anomalies", "causes_add_up"),
        ("tag_compliance", "adds_up_to_cost_records"),
        ("forecasts", "parts_add_up_to_everything"),
        ("forecasts", "predicted_lies_within_its_bounds"),
        ("budget_status", "teams_add_up"),
        ("recommendations", "savings_within_cost"),
        ("recommendations", "one_per_resource"),
        ("recommendation_outcomes", "costs_add_up"),
        ("cluster_daily", "adds_up_to_cost_records"),
        ("query_costs", "adds_up_to_cost_records"),
        ("warehouse_daily", "adds_up_to_cost_records"),
        ("job_run_costs", "adds_up_to_cost_records"),
        ("daily_user_costs", "adds_up_to_cost_records"),
        ("unit_costs", "adds_up_to_cost_records"),
        ("job_runs", "runs_have_the_cost_of_their_days"),
        ("reports", "focus_files_follow_the_specification"),
    }


def test_schedules_and_sensors_are_on_by_default(definitions: dg.Definitions):
    repository = definitions.get_repository_def()
    assert {schedule.name for schedule in repository.schedule_defs} == {"collect_trailing_days", "rescan_retention"}
    assert all(s.default_status == dg.DefaultScheduleStatus.RUNNING for s in repository.schedule_defs)
    assert {sensor.name for sensor in repository.sensor_defs} >= {"reprice_changed_days", "reallocate_changed_days"}
    assert all(s.default_status == dg.DefaultSensorStatus.RUNNING for s in repository.sensor_defs)
