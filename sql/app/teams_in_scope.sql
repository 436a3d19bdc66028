-- one row per team that whoever acts may edit the members of, by the scope of the transaction
select
    t.id,
    t.name
from costpulse.teams as t
where
    current_setting('costpulse.scope', true) = 'all'
    or t.id = any(string_to_array(nullif(current_setting('costpulse.scope', true), 'all'), ',')::bigint[])
order by lower(t.name)
