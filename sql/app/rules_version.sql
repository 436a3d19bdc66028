-- one row: the number of the last change of teams, members, rules and splits; 0 before the first
select coalesce(max(v.id), 0) as version
from costpulse.rule_versions as v
