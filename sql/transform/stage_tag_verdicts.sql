-- key_id that can be tagged x team: the verdicts, one letter for each policy in the order of tag_no: v valid, i valid
-- and inherited, n not allowed, c wrong case, b blank, m missing, r not required. Values are compared as
-- costpulse.matches_glob does, which would be called for every pair.
create temporary table staged_tag_verdicts on commit drop as
with said as materialized (
    select
        s.workspace_id,
        s.team_no,
        s.tag_no,
        s.list_no,
        s.allowed_values <> '[]' as is_listed,
        t.resource_type,
        s.required and t.resource_type = any(s.resource_types) as is_required
    from staged_tag_scopes as s
    cross join unnest(array['cluster', 'warehouse', 'job', 'pipeline', 'endpoint', 'other']) as t (resource_type)
),

asked as materialized (
    select
        c.key_id,
        c.team_no,
        s.tag_no,
        s.list_no,
        s.is_listed,
        s.is_required,
        v.value,
        v.is_blank,
        v.source <> 'usage' as is_inherited
    from (
        select distinct
            key_id,
            team_no
        from staged_tag_costs
    ) as c
    inner join staged_tag_keys as k on c.key_id = k.key_id
    inner join said as s
        on k.workspace_id = s.workspace_id and c.team_no = s.team_no and k.resource_type = s.resource_type
    left join staged_tag_values as v on c.key_id = v.key_id and s.tag_no = v.tag_no
    where k.is_taggable
),

compared as (
    select distinct
        a.list_no,
        a.value
    from asked as a
    where a.is_required and a.is_listed and not a.is_blank
),

patterns as materialized (
    select
        l.list_no,
        l.case_sensitive,
        replace(replace(replace(replace(p.pattern, '\', '\\'), '%%', '\%%'), '_', '\_'), '*', '%%') as is_like
    from (
        select distinct
            list_no,
            case_sensitive,
            allowed_values
        from staged_tag_scopes
    ) as l
    cross join lateral jsonb_array_elements_text(l.allowed_values) as p (pattern)
),

refused as materialized (
    select
        c.list_no,
        c.value,
        case when bool_or(lower(c.value) like lower(p.is_like)) then 'c' else 'n' end as verdict
    from compared as c
    inner join patterns as p on c.list_no = p.list_no
    group by c.list_no, c.value
    having
        not bool_or(
            case when p.case_sensitive then c.value like p.is_like else lower(c.value) like lower(p.is_like) end
        )
)

select
    a.key_id,
    a.team_no,
    string_agg(
        case
            when not a.is_required then 'r'
            when a.is_blank is null then 'm'
            when a.is_blank then 'b'
            -- looked up, not joined: the planner would sort all values of all keys for it
            when
                a.is_listed and (a.list_no, a.value) in (
                    select
                        r.list_no,
                        r.value
                    from refused as r
                    where r.verdict = 'c'
                )
                then 'c'
            when
                a.is_listed and (a.list_no, a.value) in (
                    select
                        r.list_no,
                        r.value
                    from refused as r
                    where r.verdict = 'n'
                )
                then 'n'
            when a.is_inherited then 'i'
            else 'v'
        end,
        '' order by a.tag_no
    ) as verdicts
from asked as a
group by a.key_id, a.team_no
