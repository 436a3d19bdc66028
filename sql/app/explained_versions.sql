-- one row per rule or split and version asked for: what it said then
select
    v.kind,
    v.object_id,
    v.version,
    v.content
from costpulse.rule_versions as v
inner join (
    select
        unnest(%(kinds)s::text[]) as kind,
        unnest(%(ids)s::bigint[]) as id,
        unnest(%(versions)s::integer[]) as version
) as a on v.kind = a.kind and v.object_id = a.id and v.version = a.version
where v.action <> 'delete'
