-- cost_records becomes a hypertable where the TimescaleDB extension is available, and old chunks are compressed
-- where the edition can do it (the policy functions exist on the Apache edition too, but raise: test the license).
-- 41 days: older than the rescan window of the scheduled collection.
do $$
begin
    if not exists (select from pg_catalog.pg_available_extensions where name = 'timescaledb') then
        raise notice 'TimescaleDB is not available: cost_records stays a plain table';
        return;
    end if;
    begin
        create extension if not exists timescaledb;
    exception
        when insufficient_privilege or feature_not_supported or object_not_in_prerequisite_state then
            raise notice 'TimescaleDB cannot be used here (%): cost_records stays a plain table', sqlerrm;
            return;
    end;
    perform create_hypertable(
        'costpulse.cost_records', by_range('usage_date', interval '7 days'), create_default_indexes => false
    );
    if current_setting('timescaledb.license', true) = 'timescale' then
        execute $sql$
            alter table costpulse.cost_records set (
                timescaledb.compress,
                timescaledb.compress_segmentby = 'workspace_id',
                timescaledb.compress_orderby = 'usage_date, sku_name'
            )
        $sql$;
        perform add_compression_policy('costpulse.cost_records', compress_after => interval '41 days');
    end if;
end
$$;
