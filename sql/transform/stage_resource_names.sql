-- one row per name that a staged resource had: the last name of each day, known names before the staged ones
-- included, neighbours of the same name put together
create temporary table staged_resource_names on commit drop as
with versions as (
    select distinct on (s.workspace_id, s.resource_id, (s.change_time at time zone 'UTC')::date)
        s.resource_type,
        s.workspace_id,
        s.resource_id,
        (s.change_time at time zone 'UTC')::date as valid_from,
        s.name
    from staged_names as s
    where s.change_time is not null
    order by s.workspace_id asc, s.resource_id asc, (s.change_time at time zone 'UTC')::date asc, s.change_time desc
),

oldest as (
    select
        v.resource_type,
        v.workspace_id,
        v.resource_id,
        min(v.valid_from) as valid_from
    from versions as v
    group by v.resource_type, v.workspace_id, v.resource_id
),

every_version as (
    select
        v.resource_type,
        v.workspace_id,
        v.resource_id,
        v.valid_from,
        v.name
    from versions as v
    union all
    select
        n.resource_type,
        n.workspace_id,
        n.resource_id,
        n.valid_from,
        n.name
    from costpulse.resource_names as n
    inner join oldest as o
        on
            n.resource_type = o.resource_type
            and n.workspace_id = o.workspace_id
            and n.resource_id = o.resource_id
            and n.valid_from < o.valid_from
),

neighbours as (
    select
        e.resource_type,
        e.workspace_id,
        e.resource_id,
        e.valid_from,
        e.name,
        lag(e.name) over resource as previous_name,
        row_number() over resource as place
    from every_version as e
    window resource as (partition by e.resource_type, e.workspace_id, e.resource_id order by e.valid_from)
)

select
    n.resource_type,
    n.workspace_id,
    n.resource_id,
    n.valid_from,
    n.name,
    lead(n.valid_from) over (partition by n.resource_type, n.workspace_id, n.resource_id order by n.valid_from)
        as valid_to
from neighbours as n
where n.place = 1 or n.previous_name is distinct from n.name
