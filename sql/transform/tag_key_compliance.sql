-- usage_date x workspace x team x owner x resource type x tag key: the cost by the verdict on the key
insert into costpulse.tag_key_compliance (
    usage_date, workspace_id, team_id, owner, resource_type, tag_key, cost_usd, valid_cost_usd, inherited_cost_usd,
    not_allowed_cost_usd, wrong_case_cost_usd, blank_cost_usd, missing_cost_usd, not_required_cost_usd,
    not_taggable_cost_usd
)
with amounts as (
    select
        j.usage_date,
        j.workspace_id,
        j.team_id,
        j.owner,
        j.resource_type,
        j.verdicts,
        sum(j.cost_usd) as cost_usd
    from staged_tag_judged as j
    group by j.usage_date, j.workspace_id, j.team_id, j.owner, j.resource_type, j.verdicts
),

judged as (
    select
        a.usage_date,
        a.workspace_id,
        a.team_id,
        a.owner,
        a.resource_type,
        p.tag_key,
        a.cost_usd,
        -- what cannot be tagged has no verdicts
        coalesce(substr(a.verdicts, p.tag_no, 1), 't') as verdict
    from amounts as a
    cross join staged_tag_policies as p
)

select
    j.usage_date,
    j.workspace_id,
    j.team_id,
    j.owner,
    j.resource_type,
    j.tag_key,
    sum(j.cost_usd) as cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.verdict in ('v', 'i')), 0) as valid_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.verdict = 'i'), 0) as inherited_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.verdict = 'n'), 0) as not_allowed_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.verdict = 'c'), 0) as wrong_case_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.verdict = 'b'), 0) as blank_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.verdict = 'm'), 0) as missing_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.verdict = 'r'), 0) as not_required_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.verdict = 't'), 0) as not_taggable_cost_usd
from judged as j
group by j.usage_date, j.workspace_id, j.team_id, j.owner, j.resource_type, j.tag_key
