-- resource whose newest of the staged days lacks required tags: what is wrong then, whose it is, what it cost
insert into costpulse.tag_violations (
    workspace_id, resource_type, resource_kind, resource_id, resource_name, team_id, owner, missing_keys, blank_keys,
    wrong_values, cost_usd, violating_cost_usd, last_violation_on, from_date, to_date
)
with days as (
    select
        j.resource_no,
        sum(j.cost_usd) as cost_usd,
        coalesce(sum(j.cost_usd) filter (where j.class in ('untagged', 'incomplete', 'wrong value')), 0)
            as violating_cost_usd,
        max(j.usage_date) filter (where j.is_used) as last_used_on,
        max(j.usage_date) filter (where j.is_used and j.class in ('untagged', 'incomplete', 'wrong value'))
            as last_violation_on
    from staged_tag_judged as j
    where j.class <> 'not taggable'
    group by j.resource_no
),

violating as materialized (
    select d.*
    from days as d
    where d.last_violation_on = d.last_used_on
),

owners as (
    select distinct on (s.resource_no)
        s.resource_no,
        s.owner
    from (
        select
            j.resource_no,
            j.owner,
            sum(j.cost_usd) as cost_usd
        from staged_tag_judged as j
        group by j.resource_no, j.owner
    ) as s
    order by s.resource_no asc, s.owner is null asc, s.cost_usd desc, s.owner asc
),

teams as (
    select distinct on (s.resource_no)
        s.resource_no,
        s.team_id
    from (
        select
            j.resource_no,
            j.team_id,
            sum(j.cost_usd) as cost_usd
        from staged_tag_judged as j
        group by j.resource_no, j.team_id
    ) as s
    order by s.resource_no asc, s.cost_usd desc, s.team_id asc
),

last_days as (
    select distinct
        j.resource_no,
        j.key_id,
        j.team_no,
        j.workspace_id,
        j.verdicts
    from staged_tag_judged as j
    inner join violating as w on j.resource_no = w.resource_no and j.usage_date = w.last_violation_on
    where j.is_used and j.class in ('untagged', 'incomplete', 'wrong value')
),

faults as (
    select distinct
        d.resource_no,
        p.tag_key,
        substr(d.verdicts, p.tag_no, 1) as verdict,
        v.value,
        s.allowed_values
    from last_days as d
    inner join staged_tag_policies as p on substr(d.verdicts, p.tag_no, 1) in ('m', 'b', 'n', 'c')
    -- a value only where it is wrong
    left join staged_tag_values as v
        on d.key_id = v.key_id and p.tag_no = v.tag_no and substr(d.verdicts, p.tag_no, 1) in ('n', 'c')
    left join staged_tag_scopes as s
        on
            d.workspace_id = s.workspace_id
            and d.team_no = s.team_no
            and p.tag_no = s.tag_no
            and substr(d.verdicts, p.tag_no, 1) in ('n', 'c')
),

said as (
    select
        f.resource_no,
        coalesce(array_agg(f.tag_key order by f.tag_key) filter (where f.verdict = 'm'), '{}') as missing_keys,
        coalesce(array_agg(f.tag_key order by f.tag_key) filter (where f.verdict = 'b'), '{}') as blank_keys,
        coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'key', f.tag_key,
                    'value', f.value,
                    'verdict', case f.verdict when 'c' then 'wrong case' else 'not allowed' end,
                    'allowed', f.allowed_values
                )
                order by f.tag_key, f.value
            ) filter (where f.verdict in ('n', 'c')),
            '[]'
        ) as wrong_values
    from faults as f
    group by f.resource_no
),

resources as (
    select distinct
        k.resource_no,
        k.workspace_id,
        k.resource_type,
        k.resource_kind,
        k.resource_id
    from staged_tag_keys as k
    where k.is_taggable
)

select
    r.workspace_id,
    r.resource_type,
    r.resource_kind,
    r.resource_id,
    coalesce(n.name, r.resource_id) as resource_name,
    t.team_id,
    o.owner,
    s.missing_keys,
    s.blank_keys,
    s.wrong_values,
    v.cost_usd,
    v.violating_cost_usd,
    v.last_violation_on,
    %(from_date)s as from_date,
    %(to_date)s as to_date
from violating as v
inner join said as s on v.resource_no = s.resource_no
inner join resources as r on v.resource_no = r.resource_no
inner join owners as o on v.resource_no = o.resource_no
inner join teams as t on v.resource_no = t.resource_no
left join costpulse.resource_names as n
    on
        r.workspace_id = n.workspace_id
        and r.resource_type = n.resource_type
        and r.resource_id = n.resource_id
        and n.valid_to is null
