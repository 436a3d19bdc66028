-- part x field x tag key x value: what patterns are compared with, and the days on which it is so
create temporary table matched_values on commit drop as
with named as (
    select
        n.resource_type,
        n.workspace_id,
        n.resource_id,
        n.name,
        n.valid_to,
        -- usage before the first known name goes by that one
        case
            when lag(n.valid_from) over (
                partition by n.workspace_id, n.resource_type, n.resource_id order by n.valid_from
            ) is not null then n.valid_from
        end as valid_from
    from costpulse.resource_names as n
)

select
    p.part_id,
    f.field,
    f.tag_key,
    p.id as value,
    daterange(%(from_date)s, %(to_date)s) as days
from matched_parts as p
inner join asked_fields as f on p.dimension = f.dimension
where p.id <> '' and f.field in ('workspace', 'product', 'sku_name', 'job', 'warehouse', 'user_email')
union all
select
    p.part_id,
    f.field,
    f.tag_key,
    substring(p.id from '@([^@]+)$') as value,
    daterange(%(from_date)s, %(to_date)s) as days
from matched_parts as p
inner join asked_fields as f on p.dimension = f.dimension
where f.field = 'user_domain' and p.id ~ '@[^@]+$'
union all
select
    p.part_id,
    f.field,
    f.tag_key,
    n.name as value,
    daterange(n.valid_from, n.valid_to) * daterange(%(from_date)s, %(to_date)s) as days
from matched_parts as p
inner join asked_fields as f on p.dimension = f.dimension
inner join named as n on p.dimension = n.resource_type and p.id = n.workspace_id
where
    f.field = 'workspace'
    and daterange(n.valid_from, n.valid_to) && daterange(%(from_date)s, %(to_date)s)
union all
select
    p.part_id,
    f.field,
    f.tag_key,
    w.name as value,
    daterange(%(from_date)s, %(to_date)s) as days
from matched_parts as p
inner join asked_fields as f on p.dimension = f.dimension
inner join costpulse.workspaces as w on p.id = w.workspace_id
left join named as n on p.dimension = n.resource_type and p.id = n.workspace_id
where f.field = 'workspace' and w.name is not null and n.workspace_id is null
union all
select
    p.part_id,
    f.field,
    f.tag_key,
    n.name as value,
    daterange(n.valid_from, n.valid_to) * daterange(%(from_date)s, %(to_date)s) as days
from matched_parts as p
inner join asked_fields as f on p.dimension = f.dimension
inner join named as n on p.dimension = n.resource_type and p.scope = n.workspace_id and p.id = n.resource_id
where
    f.field in ('cluster_name', 'job', 'warehouse')
    and n.name is not null
    and daterange(n.valid_from, n.valid_to) && daterange(%(from_date)s, %(to_date)s)
union all
select
    p.part_id,
    f.field,
    f.tag_key,
    p.name as value,
    daterange(%(from_date)s, %(to_date)s) as days
from matched_parts as p
inner join asked_fields as f on p.dimension = f.dimension
left join (
    select distinct
        n.workspace_id,
        n.resource_id
    from named as n
    where n.resource_type = 'job'
) as known on p.scope = known.workspace_id and p.id = known.resource_id
where f.field = 'job' and p.id <> '' and p.name is not null and known.resource_id is null
union all
select
    p.part_id,
    f.field,
    f.tag_key,
    t.value,
    daterange(%(from_date)s, %(to_date)s) as days
from matched_parts as p
cross join lateral jsonb_each_text(p.tags) as t
inner join asked_fields as f on p.dimension = f.dimension and t.key = f.tag_key
where p.dimension = 'tags' and t.value is not null
