-- one row: version, extension and clock of the server, size of this database, which of the given roles exist
select
    current_setting('server_version') as version,
    current_setting('server_version_num')::int as version_number,
    (select e.extversion from pg_catalog.pg_extension as e where e.extname = 'timescaledb') as timescaledb,
    (select a.default_version from pg_catalog.pg_available_extensions as a where a.name = 'timescaledb')
        as timescaledb_offered,
    current_setting('timescaledb.license', true) as timescaledb_licence,
    pg_database_size(current_database()) as size_bytes,
    array(select r.rolname::text from pg_catalog.pg_roles as r where r.rolname = any(%(roles)s)) as roles,
    to_regclass('costpulse.schema_migrations') is not null as has_schema,
    clock_timestamp() as clock
