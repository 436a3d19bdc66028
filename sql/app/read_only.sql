-- one row: whether the database may only be read: a standby, or one that was set so
select
    pg_is_in_recovery()
    or exists (
        select from pg_catalog.pg_settings as s
        where s.name = 'default_transaction_read_only' and s.reset_val = 'on'
    )
    or exists (
        -- Sessions that were open before do not know of it.
        select from pg_catalog.pg_db_role_setting as d
        where
            d.setrole = 0
            and d.setdatabase = (select b.oid from pg_catalog.pg_database as b where b.datname = current_database())
            and 'default_transaction_read_only=on' = any(d.setconfig)
    ) as is_read_only
