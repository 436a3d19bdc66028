-- who changed teams, members, rules or splits last, and when; with a team: who changed its members
select
    v.actor,
    v.changed_at
from costpulse.rule_versions as v
where
    %(team_id)s::bigint is null
    or v.kind = 'member' and (v.content ->> 'team_id')::bigint = %(team_id)s::bigint
order by v.id desc
limit 1
