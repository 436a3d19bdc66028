-- one row: when usage was read last, and the newest version of the rules (null: none was ever made)
select
    greatest(
        (select max(d.collected_at) from costpulse.collected_days as d),
        (select max(s.succeeded_at) from costpulse.collection_status as s where s.source = 'cost_records')
    ) as read_at,
    r.id as rule_version,
    r.changed_at as rules_changed_at
from (select max(v.id) as id from costpulse.rule_versions as v) as n
left join costpulse.rule_versions as r on n.id = r.id
