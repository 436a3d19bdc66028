-- one row: cost and resources of the staged days by what they are, as tag_compliance would have them
with resources as (
    select bool_and(j.class = 'compliant') as is_compliant
    from staged_tag_judged as j
    where j.is_used and j.class not in ('exempt', 'not taggable')
    group by j.usage_date, j.resource_no
)

select
    coalesce(sum(j.cost_usd), 0) as cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.class <> 'not taggable'), 0) as taggable_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.class = 'compliant'), 0) as compliant_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.class = 'untagged'), 0) as untagged_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.class = 'incomplete'), 0) as incomplete_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.class = 'wrong value'), 0) as wrong_value_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.class = 'exempt'), 0) as exempt_cost_usd,
    coalesce(sum(j.cost_usd) filter (where j.class = 'not taggable'), 0) as not_taggable_cost_usd,
    (select count(*) from resources) as judged_resources,
    (select count(*) from resources as r where r.is_compliant) as compliant_resources
from staged_tag_judged as j
