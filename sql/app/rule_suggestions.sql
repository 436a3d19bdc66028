-- one row per suggestion, what claims most first
select
    s.id,
    s.kind,
    s.evidence,
    s.reason,
    s.team_name,
    s.is_new_team,
    s.document,
    s.yaml_line,
    s.unallocated_usd,
    s.moved_usd,
    s.from_date,
    s.to_date
from costpulse.rule_suggestions as s
order by s.unallocated_usd desc, s.id asc
