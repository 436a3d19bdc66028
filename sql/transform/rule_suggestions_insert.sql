-- one row: a suggestion
insert into costpulse.rule_suggestions (
    kind, evidence, reason, team_name, is_new_team, document, yaml_line, unallocated_usd, moved_usd, from_date, to_date
)
values (
    %(kind)s, %(evidence)s, %(reason)s, %(team_name)s, %(is_new_team)s, %(document)s, %(yaml_line)s,
    %(unallocated_usd)s, %(moved_usd)s, %(from_date)s, %(to_date)s
)
