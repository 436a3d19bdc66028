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
    "compute.node_types": """(
        account_id varchar,
        node_type varchar,
        core_count double,
        memory_mb bigint,
        gpu_count bigint
    )""",
    "compute.node_timeline": """(
        account_id varchar,
        workspace_id varchar,
        cluster_id varchar,
        instance_id varchar,
        start_time timestamptz,
        end_time timestamptz,
        driver boolean,
        cpu_user_percent double,
        cpu_system_percent double,
        cpu_wait_percent double,
        mem_used_percent double,
        mem_swap_percent double,
        network_sent_bytes bigint,
        network_received_bytes bigint,
        disk_free_bytes_per_mount_point map(varchar, bigint),
        node_type varchar
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
    "compute.warehouse_events": """(
        account_id varchar,
        workspace_id varchar,
        warehouse_id varchar,
        event_type varchar,
        cluster_count integer,
        event_time timestamptz
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
    "lakeflow.job_run_timeline": f"""(
        account_id varchar,
        workspace_id varchar,
        job_id varchar,
        run_id varchar,
        period_start_time timestamptz,
        period_end_time timestamptz,
        trigger_type varchar,
        run_type varchar,
        run_name varchar,
        compute_ids varchar[],
        result_state varchar,
        termination_code varchar,
        job_parameters map(varchar, varchar),
        source_task_run_id varchar,
        root_task_run_id varchar,
        compute {_strings("type", "cluster_id", "warehouse_id")}[],
        termination_type varchar,
        setup_duration_seconds bigint,
        queue_duration_seconds bigint,
        run_duration_seconds bigint,
        cleanup_duration_seconds bigint,
        execution_duration_seconds bigint
    )""",
    "lakeflow.job_task_run_timeline": f"""(
        account_id varchar,
        workspace_id varchar,
        job_id varchar,
        run_id varchar,
        job_run_id varchar,
        parent_run_id varchar,
        period_start_time timestamptz,
        period_end_time timestamptz,
        task_key varchar,
        compute_ids varchar[],
        result_state varchar,
        termination_code varchar,
        compute {_strings("type", "cluster_id", "warehouse_id")}[],
        termination_type varchar,
        task_parameters map(varchar, varchar),
        setup_duration_seconds bigint,
        cleanup_duration_seconds bigint,
        execution_duration_seconds bigint
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
    "lakeflow.pipeline_update_timeline": """(
        account_id varchar,
        workspace_id varchar,
        pipeline_id varchar,
        update_id varchar,
        update_type varchar,
        request_id varchar,
        run_as_user_name varchar,
        trigger_type varchar,
        trigger_details struct(
            job_task struct(job_id varchar, job_task_run_id varchar, performance_target varchar)
        ),
        result_state varchar,
        compute struct("type" varchar, cluster_id varchar),
        period_start_time timestamptz,
        period_end_time timestamptz,
        refresh_selection varchar[],
        full_refresh_selection varchar[],
        reset_checkpoint_selection varchar[]
    )""",
    "query.history": f"""(
        account_id varchar,
        workspace_id varchar,
        statement_id varchar,
        executed_by varchar,
        session_id varchar,
        execution_status varchar,
        compute {_strings("type", "cluster_id", "warehouse_id")},
        executed_by_user_id varchar,
        statement_text varchar,
        statement_type varchar,
        error_message varchar,
        client_application varchar,
        client_driver varchar,
        total_duration_ms bigint,
        waiting_for_compute_duration_ms bigint,
        waiting_at_capacity_duration_ms bigint,
        execution_duration_ms bigint,
        compilation_duration_ms bigint,
        total_task_duration_ms bigint,
        result_fetch_duration_ms bigint,
        start_time timestamptz,
        end_time timestamptz,
        update_time timestamptz,
        read_partitions bigint,
        pruned_files bigint,
        read_files bigint,
        read_rows bigint,
        produced_rows bigint,
        read_bytes bigint,
        read_io_cache_percent tinyint,
        from_result_cache boolean,
        spilled_local_bytes bigint,
        written_bytes bigint,
        shuffle_read_bytes bigint,
        query_source struct(
            job_info {_strings("job_id", "job_run_id", "job_task_run_id")},
            legacy_dashboard_id varchar,
            dashboard_id varchar,
            alert_id varchar,
            notebook_id varchar,
            sql_query_id varchar,
            genie_space_id varchar,
            pipeline_info {_strings("pipeline_id", "update_id")}
        ),
        executed_as varchar,
        executed_as_user_id varchar,
        written_rows bigint,
        written_files bigint,
        cache_origin_statement_id varchar,
        query_parameters struct(
            named_parameters map(varchar, varchar),
            pos_parameters varchar[],
            is_truncated boolean
        ),
        query_tags map(varchar, varchar),
        pruned_files_bytes bigint,
        read_files_bytes bigint
    )""",
    "serving.served_entities": """(
        served_entity_id varchar,
        account_id varchar,
        workspace_id varchar,
        created_by varchar,
        endpoint_name varchar,
        endpoint_id varchar,
        served_entity_name varchar,
        entity_type varchar,
        entity_name varchar,
        entity_version varchar,
        endpoint_config_version integer,
        task varchar,
        change_time timestamptz,
        endpoint_delete_time timestamptz
    )""",
}


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table empty in the attached catalog."""
    for schema in sorted({table.split(".")[0] for table in TABLES}):
        connection.execute(f"create schema {CATALOG}.{schema}")
    for table, columns in TABLES.items():
        connection.execute(f"create table {CATALOG}.{table} {columns}")
