-- one row per usage_date x ingestion_date x record_type x attribution key x SKU x unit x list rate.
-- Quantity and rate travel apart: the database multiplies. Corrections keep their own rows; the net is a plain sum.

-- one row per price window; a window ends where the next one starts, so that no usage row is priced twice
with price_windows as (
    select
        p.cloud,
        p.sku_name,
        p.usage_unit,
        p.price_start_time,
        p.price_end_time,
        cast(coalesce(p.pricing.effective_list.default, p.pricing.default) as decimal(38, 18)) as list_rate,
        lead(p.price_start_time) over (
            partition by p.cloud, p.sku_name, p.usage_unit order by p.price_start_time, p.pricing.default
        ) as next_start_time
    from system.billing.list_prices as p
    where p.currency_code = :currency
),

prices as (
    select
        w.cloud,
        w.sku_name,
        w.usage_unit,
        w.list_rate,
        w.price_start_time,
        case
            when w.price_end_time is null or w.next_start_time < w.price_end_time then w.next_start_time
            else w.price_end_time
        end as price_end_time
    from price_windows as w
),

-- one row per usage row, with what its cost can be attributed by
attributed as (
    select
        u.usage_date,
        u.ingestion_date,
        u.record_type,
        u.account_id,
        u.workspace_id,
        u.cloud,
        u.sku_name,
        u.usage_unit,
        u.usage_quantity,
        u.usage_start_time,
        u.usage_type,
        u.product_features.is_serverless as is_serverless,
        u.usage_metadata.cluster_id as cluster_id,
        u.usage_metadata.warehouse_id as warehouse_id,
        u.usage_metadata.job_id as job_id,
        u.usage_metadata.job_name as job_name,
        u.usage_metadata.dlt_pipeline_id as pipeline_id,
        u.usage_metadata.endpoint_name as endpoint_name,
        case
            when u.product_features.is_serverless
                then concat(coalesce(u.billing_origin_product, 'UNKNOWN'), '_SERVERLESS')
            else coalesce(u.billing_origin_product, 'UNKNOWN')
        end as product,
        case
            when u.usage_metadata.notebook_id is not null then 'notebook'
            when u.usage_metadata.app_id is not null then 'app'
            when u.usage_metadata.database_instance_id is not null then 'database_instance'
            when u.usage_metadata.central_clean_room_id is not null then 'clean_room'
            when u.usage_metadata.uc_table_name is not null then 'table'
            when u.usage_metadata.sharing_materialization_id is not null then 'sharing_materialization'
            when u.usage_metadata.run_name is not null then 'training_run'
            when u.usage_metadata.private_endpoint_name is not null then 'private_endpoint'
            when u.usage_metadata.metastore_id is not null then 'metastore'
            when u.usage_metadata.destination_region is not null then 'network_route'
        end as resource_type,
        case
            when u.usage_metadata.notebook_id is not null then u.usage_metadata.notebook_id
            when u.usage_metadata.app_id is not null then u.usage_metadata.app_id
            when u.usage_metadata.database_instance_id is not null then u.usage_metadata.database_instance_id
            when u.usage_metadata.central_clean_room_id is not null then u.usage_metadata.central_clean_room_id
            when u.usage_metadata.uc_table_name is not null
                then
                    concat(
                        coalesce(u.usage_metadata.uc_table_catalog, ''), '.',
                        coalesce(u.usage_metadata.uc_table_schema, ''), '.',
                        u.usage_metadata.uc_table_name
                    )
            when u.usage_metadata.sharing_materialization_id is not null
                then u.usage_metadata.sharing_materialization_id
            when u.usage_metadata.run_name is not null then u.usage_metadata.run_name
            when u.usage_metadata.private_endpoint_name is not null then u.usage_metadata.private_endpoint_name
            when u.usage_metadata.metastore_id is not null then u.usage_metadata.metastore_id
            when u.usage_metadata.destination_region is not null
                then
                    concat(
                        coalesce(u.usage_metadata.source_region, ''), ' -> ',
                        u.usage_metadata.destination_region
                    )
        end as resource_id,
        coalesce(
            u.identity_metadata.run_as, u.identity_metadata.owned_by, u.identity_metadata.created_by
        ) as user_email,
        case
            when u.identity_metadata.run_as is not null then 'run_as'
            when u.identity_metadata.owned_by is not null then 'owned_by'
            when u.identity_metadata.created_by is not null then 'created_by'
        end as user_source,
        coalesce(to_json(map_from_entries(array_sort(map_entries(u.custom_tags)))), '{}') as tags
    from system.billing.usage as u
    where u.usage_date between :from_date and :to_date
),

keyed as (
    select
        a.*,
        substring(
            sha2(
                to_json(
                    array(
                        a.account_id, a.workspace_id, a.product, a.usage_type, cast(a.is_serverless as string),
                        a.cluster_id, a.warehouse_id, a.job_id, a.pipeline_id, a.endpoint_name,
                        a.resource_type, a.resource_id, a.user_email, a.user_source, a.tags
                    )
                ),
                256
            ),
            1, 32
        ) as key_id
    from attributed as a
)

select
    k.usage_date,
    k.ingestion_date,
    k.record_type,
    k.key_id,
    k.account_id,
    k.workspace_id,
    k.cloud,
    k.sku_name,
    k.product,
    k.usage_type,
    k.is_serverless,
    k.usage_unit,
    cast(sum(k.usage_quantity) as decimal(38, 18)) as usage_quantity,
    p.list_rate as dbu_rate,
    k.cluster_id,
    k.warehouse_id,
    k.job_id,
    max(k.job_name) as job_name,
    k.pipeline_id,
    k.endpoint_name,
    k.resource_type,
    k.resource_id,
    k.user_email,
    k.user_source,
    k.tags,
    count(*) as record_count
from keyed as k
left join prices as p
    on
        k.cloud = p.cloud
        and k.sku_name = p.sku_name
        and k.usage_unit = p.usage_unit
        and k.usage_start_time >= p.price_start_time
        and (p.price_end_time is null or k.usage_start_time < p.price_end_time)
group by
    k.usage_date, k.ingestion_date, k.record_type, k.key_id, k.account_id, k.workspace_id, k.cloud, k.sku_name,
    k.product, k.usage_type, k.is_serverless, k.usage_unit, p.list_rate, k.cluster_id, k.warehouse_id, k.job_id,
    k.pipeline_id, k.endpoint_name, k.resource_type, k.resource_id, k.user_email, k.user_source, k.tags,
    -- a row without a quantity must not vanish in the sum of others: it is refused and counted
    k.usage_quantity is null
