-- one row per tag key from first to last day: cost by what is wrong with the key. In the filters '~' stands for cost
-- without workspace or team.
select
    k.tag_key,
    sum(k.valid_cost_usd) as valid_cost_usd,
    sum(k.inherited_cost_usd) as inherited_cost_usd,
    sum(k.not_allowed_cost_usd + k.wrong_case_cost_usd) as wrong_cost_usd,
    sum(k.blank_cost_usd + k.missing_cost_usd) as missing_cost_usd,
    sum(k.not_required_cost_usd) as not_required_cost_usd
from costpulse.tag_key_compliance as k
where
    k.usage_date between %(first_date)s and %(last_date)s
    and (%(workspaces)s::text[] is null or coalesce(k.workspace_id, '~') = any(%(workspaces)s::text[]))
    and (%(teams)s::text[] is null or coalesce(k.team_id::text, '~') = any(%(teams)s::text[]))
group by k.tag_key
order by k.tag_key
