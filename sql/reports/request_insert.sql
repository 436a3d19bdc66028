-- one report that is asked for; its number
insert into costpulse.reports (
    name, report_type, format, status, requested_by, period_first, period_last, team_id, team_name, options, channels
)
values (
    %(name)s, %(report_type)s, %(format)s, 'requested', %(requested_by)s, %(first_day)s, %(last_day)s, %(team_id)s,
    %(team_name)s, %(options)s, %(channels)s
)
returning id
