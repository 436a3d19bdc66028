-- one row per table and column: its type and what it holds; partitions and what libraries made are left out
select
    c.relname as table_name,
    a.attname as column_name,
    format_type(a.atttypid, a.atttypmod) as column_type,
    not a.attnotnull as is_nullable,
    col_description(a.attrelid, a.attnum) as description
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid
where
    c.relnamespace = 'costpulse'::regnamespace
    and c.relkind in ('r', 'p')
    and a.attnum > 0
    and not a.attisdropped
order by c.relname, a.attnum
