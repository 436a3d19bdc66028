-- identity x source: who is known by now, and since when
create temporary table known_users on commit drop as
select
    u.identity,
    s.source,
    u.first_seen,
    u.last_seen
from costpulse.users as u
cross join lateral unnest(u.sources) as s (source)
