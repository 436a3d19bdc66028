-- one row per column of a table: its type and what it holds
select
    a.attname as column_name,
    format_type(a.atttypid, a.atttypmod) as column_type,
    not a.attnotnull as is_nullable,
    col_description(a.attrelid, a.attnum) as description
from pg_catalog.pg_attribute as a
where
    a.attrelid = to_regclass('costpulse.' || quote_ident(%(table)s))
    and a.attnum > 0
    and not a.attisdropped
order by a.attnum
