-- one row if a schedule has asked for this report already
select max(r.id) as id
from costpulse.reports as r
where
    r.requested_by = %(requested_by)s
    and r.report_type = %(report_type)s
    and r.format = %(format)s
    and r.period_first = %(first_day)s
    and r.period_last = %(last_day)s
    and lower(r.team_name) is not distinct from lower(%(team)s::text)
    and r.channels = %(channels)s
    and (r.options ->> 'closing')::bigint is not distinct from %(closing_id)s::bigint
having count(*) > 0
