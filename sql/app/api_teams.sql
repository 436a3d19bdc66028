-- one row per team that may be seen, in the order of their making, after the one that was shown last
select
    t.id,
    t.name,
    t.parent_team_id,
    t.department,
    t.cost_center
from costpulse.teams as t
where
    t.id > %(after)s::bigint
    and (
        current_setting('costpulse.scope', true) = 'all'
        or t.id = any(string_to_array(nullif(current_setting('costpulse.scope', true), 'all'), ',')::bigint[])
    )
order by t.id
limit %(rows)s::bigint
