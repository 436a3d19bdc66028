-- one row: machines that run now and that never stop by themselves, as the newest reading tells; none of the period
select
    count(*) filter (where m.state in ('running', 'idle')) as running,
    count(*) filter (where m.state = 'idle') as idle,
    count(*) filter (where m.never_stops) as never_stopping,
    max(m.state_as_of) filter (where m.state <> 'deleted') as state_as_of,
    count(*) as known
from costpulse.machines(%(first)s::date, %(last)s::date) as m
where
    (%(workspaces)s::text[] is null or coalesce(m.workspace_id, '~') = any(%(workspaces)s::text[]))
    and (
        %(kinds)s::text[] is null
        or case
            when m.kind in ('all-purpose', 'job', 'pipeline', 'warehouse') then m.kind
            else 'other'
        end = any(%(kinds)s::text[])
    )
