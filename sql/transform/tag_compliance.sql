-- usage_date x workspace x team x owner x resource type: what of the cost carries the required tags
insert into costpulse.tag_compliance (
    usage_date, workspace_id, team_id, owner, resource_type, cost_usd, taggable_cost_usd, compliant_cost_usd,
    untagged_cost_usd, incomplete_cost_usd, wrong_value_cost_usd, exempt_cost_usd, not_taggable_cost_usd,
    judged_resources, compliant_resources
)
with amounts as (
    select
        j.usage_date,
        j.workspace_id,
        j.team_id,
        j.owner,
        j.resource_type,
        j.class,
        sum(j.cost_usd) as cost_usd
    from staged_tag_judged as j
    group by j.usage_date, j.workspace_id, j.team_id, j.owner, j.resource_type, j.class
),

shares as (
    select
        j.usage_date,
        j.resource_no,
        j.workspace_id,
        j.resource_type,
        j.team_id,
        j.owner,
        sum(j.cost_usd) as cost_usd,
        bool_and(j.class = 'compliant') as is_compliant
    from staged_tag_judged as j
    where j.is_used and j.class not in ('exempt', 'not taggable')
    group by j.usage_date, j.resource_no, j.workspace_id, j.resource_type, j.team_id, j.owner
),

-- each resource of a day once, at the team and owner with most of its cost
resources as (
    select distinct on (s.usage_date, s.resource_no)
        s.usage_date,
        s.workspace_id,
        s.team_id,
        s.owner,
        s.resource_type,
        bool_and(s.is_compliant) over (partition by s.usage_date, s.resource_no) as is_compliant
    from shares as s
    order by s.usage_date asc, s.resource_no asc, s.cost_usd desc, s.team_id asc, s.owner asc
),

counted as (
    select
        a.usage_date,
        a.workspace_id,
        a.team_id,
        a.owner,
        a.resource_type,
        a.class,
        a.cost_usd,
        0 as judged,
        0 as compliant
    from amounts as a
    union all
    select
        r.usage_date,
        r.workspace_id,
        r.team_id,
        r.owner,
        r.resource_type,
        null as class,
        0 as cost_usd,
        1 as judged,
        r.is_compliant::integer as compliant
    from resources as r
)

select
    c.usage_date,
    c.workspace_id,
    c.team_id,
    c.owner,
    c.resource_type,
    sum(c.cost_usd) as cost_usd,
    coalesce(sum(c.cost_usd) filter (where c.class <> 'not taggable'), 0) as taggable_cost_usd,
    coalesce(sum(c.cost_usd) filter (where c.class = 'compliant'), 0) as compliant_cost_usd,
    coalesce(sum(c.cost_usd) filter (where c.class = 'untagged'), 0) as untagged_cost_usd,
    coalesce(sum(c.cost_usd) filter (where c.class = 'incomplete'), 0) as incomplete_cost_usd,
    coalesce(sum(c.cost_usd) filter (where c.class = 'wrong value'), 0) as wrong_value_cost_usd,
    coalesce(sum(c.cost_usd) filter (where c.class = 'exempt'), 0) as exempt_cost_usd,
    coalesce(sum(c.cost_usd) filter (where c.class = 'not taggable'), 0) as not_taggable_cost_usd,
    sum(c.judged) as judged_resources,
    sum(c.compliant) as compliant_resources
from counted as c
group by c.usage_date, c.workspace_id, c.team_id, c.owner, c.resource_type
