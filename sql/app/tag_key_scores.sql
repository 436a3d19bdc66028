-- one row per tag key from first to last day: cost by verdict, for the 100 % bars
select
    k.tag_key,
    sum(k.cost_usd) as cost_usd,
    sum(k.valid_cost_usd) as valid_cost_usd,
    sum(k.inherited_cost_usd) as inherited_cost_usd,
    sum(k.not_allowed_cost_usd) as not_allowed_cost_usd,
    sum(k.wrong_case_cost_usd) as wrong_case_cost_usd,
    sum(k.blank_cost_usd) as blank_cost_usd,
    sum(k.missing_cost_usd) as missing_cost_usd,
    sum(k.not_required_cost_usd) as not_required_cost_usd,
    sum(k.not_taggable_cost_usd) as not_taggable_cost_usd
from costpulse.tag_key_compliance as k
where
    k.usage_date between %(first_date)s and %(last_date)s
    and (%(workspaces)s::text[] is null or k.workspace_id = any(%(workspaces)s::text[]))
    and (%(teams)s::bigint[] is null or k.team_id = any(%(teams)s::bigint[]))
group by k.tag_key
order by k.tag_key
