-- one row per resource asked for that has a name: the present one. Ids are workspace/resource.
select
    i.id,
    n.name
from (
    select
        a.id,
        %(kind)s as resource_type,
        split_part(a.id, '/', 1) as workspace_id,
        substring(a.id from position('/' in a.id) + 1) as resource_id
    from unnest(%(ids)s::text[]) as a (id)
) as i
inner join costpulse.resource_names as n
    on
        i.workspace_id = n.workspace_id
        and i.resource_type = n.resource_type
        and i.resource_id = n.resource_id
where n.valid_to is null and n.name is not null
