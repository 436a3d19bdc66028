-- identity x source x workspace: who is known by now, since when, and where
create temporary table known_users on commit drop as
select
    u.identity,
    s.source,
    w.workspace_id,
    u.first_seen,
    u.last_seen
from costpulse.users as u
cross join lateral unnest(u.sources) as s (source)
left join lateral unnest(u.workspace_ids) as w (workspace_id) on true
