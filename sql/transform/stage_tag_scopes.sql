-- workspace x team of the staged costs x policy: what is required there, equal lists of values with one number. An
-- override of the team goes before those of the teams above it, nearest first, and they before that of the workspace;
-- where none says anything, the policy does.
create temporary table staged_tag_scopes on commit drop as
with recursive scopes as materialized (
    select distinct
        k.workspace_id,
        c.team_no
    from (
        select distinct
            key_id,
            team_no
        from staged_tag_costs
    ) as c
    inner join staged_tag_keys as k on c.key_id = k.key_id
    where k.is_taggable
),

standing (team_no, above, distance) as (
    select
        t.id as team_no,
        t.id as above,
        0 as distance
    from costpulse.teams as t
    union all
    select
        s.team_no,
        t.parent_team_id as above,
        s.distance + 1 as distance
    from standing as s
    inner join costpulse.teams as t on s.above = t.id
    where t.parent_team_id is not null
),

overrides as materialized (
    select
        p.tag_no,
        o.each ->> 'scope_type' as scope_type,
        o.each ->> 'scope_id' as scope_id,
        (o.each ->> 'required')::boolean as required,
        nullif(o.each -> 'allowed_values', 'null'::jsonb) as allowed_values
    from staged_tag_policies as p
    cross join lateral jsonb_array_elements(p.overrides) as o (each)
),

applying as (
    select
        c.workspace_id,
        c.team_no,
        o.tag_no,
        o.required,
        o.allowed_values,
        s.distance
    from overrides as o
    inner join standing as s on o.scope_type = 'team' and o.scope_id = s.above::text
    inner join scopes as c on s.team_no = c.team_no
    union all
    select
        c.workspace_id,
        c.team_no,
        o.tag_no,
        o.required,
        o.allowed_values,
        2147483647 as distance
    from overrides as o
    inner join scopes as c on o.scope_type = 'workspace' and o.scope_id = c.workspace_id
),

decided as (
    select
        a.workspace_id,
        a.team_no,
        a.tag_no,
        (array_agg(a.required order by a.distance) filter (where a.required is not null))[1] as required,
        (array_agg(a.allowed_values order by a.distance) filter (where a.allowed_values is not null))[1]
            as allowed_values
    from applying as a
    group by a.workspace_id, a.team_no, a.tag_no
)

select
    c.workspace_id,
    c.team_no,
    p.tag_no,
    p.resource_types,
    p.case_sensitive,
    coalesce(d.required, p.required) as required,
    coalesce(d.allowed_values, p.allowed_values) as allowed_values,
    dense_rank() over (
        order by coalesce(d.allowed_values, p.allowed_values), p.case_sensitive
    )::integer as list_no
from scopes as c
cross join staged_tag_policies as p
left join decided as d
    on c.workspace_id = d.workspace_id and c.team_no = d.team_no and p.tag_no = d.tag_no
