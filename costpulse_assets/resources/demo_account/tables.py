"""The `system.*` tables the demo account holds, with exactly the documented columns and types."""

import duckdb

#: DuckDB reserves the catalog name `system`; translate.py rewrites it to this one.
CATALOG = "dbx_system"


def _strings(*names: str) -> str:
    return "struct(" + ", ".join(f'"{name}" varchar' for name in names) + ")"


USAGE_METADATA_FIELDS = (
    "cluster_id", "job_id", "warehouse_id", "instance_pool_id", "node_type", "job_run_id", "notebook_id",
    "dlt_pipeline_id", "endpoint_name", "endpoint_id", "dlt_update_id", "dlt_maintenance_id", "run_name",
    "job_name", "notebook_path", "central_clean_room_id", "source_region", "destination_region", "app_id",
    "app_name", "metastore_id", "private_endpoint_name", "storage_api_type", "budget_policy_id",
    "usage_policy_id", "ai_runtime_pool_id", "ai_runtime_workload_id", "uc_table_catalog", "uc_table_schema",
    "uc_table_name", "database_instance_id", "sharing_materialization_id", "agent_bricks_id",
    "base_environment_id",
)  # fmt: skip

TABLES: dict[str, str] = {
    "billing.usage": f"""(
        record_id varchar,
        account_id varchar,
        workspace_id varchar,
        sku_name varchar,
        cloud varchar,
        usage_start_time timestamptz,
        usage_end_time timestamptz,
        usage_date date,
        custom_tags map(varchar, varchar),
        usage_unit varchar,
        usage_quantity decimal(38, 18),
        usage_metadata {_strings(*USAGE_METADATA_FIELDS)},
        identity_metadata {_strings("run_as", "owned_by", "created_by")},
        record_type varchar,
        ingestion_date date,
        billing_origin_product varchar,
        product_features struct(
            jobs_tier varchar, sql_tier varchar, dlt_tier varchar, is_serverless boolean, is_photon boolean,
            serving_type varchar, offering_type varchar, performance_target varchar,
            networking struct(connectivity_type varchar),
            ai_runtime struct(compute_type varchar),
            model_serving struct(offering_type varchar),
            ai_gateway struct(feature_type varchar),
            serverless_gpu struct(workload_type varchar),
            ai_functions struct(ai_function varchar),
            agent_bricks struct(problem_type varchar, workload_type varchar)
        ),
        usage_type varchar
    )""",
    "billing.list_prices": """(
        account_id varchar,
        price_start_time timestamptz,
        price_end_time timestamptz,
        sku_name varchar,
        cloud varchar,
        currency_code varchar,
        usage_unit varchar,
        pricing struct(
            "default" decimal(38, 18),
            promotional struct("default" decimal(38, 18)),
            effective_list struct("default" decimal(38, 18))
        )
    )""",
    "access.workspaces_latest": """(
        account_id varchar,
        workspace_id varchar,
        workspace_name varchar,
        workspace_url varchar,
        create_time timestamptz,
        status varchar
    )""",
    "compute.clusters": """(
        account_id varchar,
        workspace_id varchar,
        cluster_id varchar,
        cluster_name varchar,
        owned_by varchar,
        create_time timestamptz,
        delete_time timestamptz,
        driver_node_type varchar,
        worker_node_type varchar,
        worker_count bigint,
        min_autoscale_workers bigint,
        max_autoscale_workers bigint,
        auto_termination_minutes bigint,
        enable_elastic_disk boolean,
        tags map(varchar, varchar),
        cluster_source varchar,
        init_scripts varchar[],
        aws_attributes struct(
            first_on_demand bigint, availability varchar, zone_id varchar, instance_profile_arn varchar,
            spot_bid_price_percent bigint, ebs_volume_type varchar, ebs_volume_count bigint,
            ebs_volume_size bigint, ebs_volume_iops bigint, ebs_volume_throughput bigint
        ),
        azure_attributes struct(first_on_demand bigint, availability varchar, spot_bid_max_price double),
        gcp_attributes struct(
            use_preemptible_executors boolean, google_service_account varchar, boot_disk_size bigint,
            availability varchar, zone_id varchar, local_ssd_count bigint
        ),
        driver_instance_pool_id varchar,
        worker_instance_pool_id varchar,
        dbr_version varchar,
        change_time timestamptz,
        change_date date,
        data_security_mode varchar,
        policy_id varchar
    )""",
    "compute.warehouses": """(
        warehouse_id varchar,
        workspace_id varchar,
        account_id varchar,
        warehouse_name varchar,
        warehouse_type varchar,
        warehouse_channel varchar,
        warehouse_size varchar,
        min_clusters integer,
        max_clusters integer,
        auto_stop_minutes integer,
        tags map(varchar, varchar),
        change_time timestamptz,
        delete_time timestamptz,
        created_by varchar
    )""",
    "lakeflow.jobs": """(
        account_id varchar,
        workspace_id varchar,
        job_id varchar,
        name varchar,
        description varchar,
        creator_id varchar,
        tags map(varchar, varchar),
        change_time timestamptz,
        delete_time timestamptz,
        run_as varchar,
        "trigger" struct(
            file_arrival varchar,
            periodic struct("interval" bigint, units varchar),
            continuous struct(enabled boolean),
            table_update varchar,
            schedule struct(quartz_cron_expression varchar, timezone_id varchar)
        ),
        trigger_type varchar,
        run_as_user_name varchar,
        creator_user_name varchar,
        paused boolean,
        timeout_seconds bigint,
        health_rules struct(metric varchar, "operator" varchar, "value" bigint)[],
        deployment struct(kind varchar, metadata_file_path varchar),
        create_time timestamptz
    )""",
    "lakeflow.pipelines": """(
        account_id varchar,
        workspace_id varchar,
        pipeline_id varchar,
        pipeline_type varchar,
        name varchar,
        created_by varchar,
        run_as varchar,
        tags map(varchar, varchar),
        settings struct(
            photon boolean, development boolean, continuous boolean, serverless boolean, edition varchar,
            channel varchar
        ),
        "configuration" map(varchar, varchar),
        change_time timestamptz,
        delete_time timestamptz,
        create_time timestamptz
    )""",
}


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table empty in the attached catalog."""
    for schema in sorted({table.split(".")[0] for table in TABLES}):
        connection.execute(f"create schema {CATALOG}.{schema}")
    for table, columns in TABLES.items():
        connection.execute(f"create table {CATALOG}.{table} {columns}")
