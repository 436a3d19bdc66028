-- one row per day or team from first to last day, or one in all: amounts and resources to make a score of. Resources
-- are counted once for each day. In the filters '~' stands for cost without workspace or team.
select
    case %(dimension)s
        when 'day' then c.usage_date::text
        when 'team' then c.team_id::text
    end as value_id,
    sum(c.cost_usd) as cost_usd,
    sum(c.taggable_cost_usd) as taggable_cost_usd,
    sum(c.compliant_cost_usd) as compliant_cost_usd,
    sum(c.untagged_cost_usd) as untagged_cost_usd,
    sum(c.incomplete_cost_usd) as incomplete_cost_usd,
    sum(c.wrong_value_cost_usd) as wrong_value_cost_usd,
    sum(c.exempt_cost_usd) as exempt_cost_usd,
    sum(c.not_taggable_cost_usd) as not_taggable_cost_usd,
    sum(c.judged_resources)::bigint as judged_resources,
    sum(c.compliant_resources)::bigint as compliant_resources
from costpulse.tag_compliance as c
where
    c.usage_date between %(first_date)s and %(last_date)s
    and (%(workspaces)s::text[] is null or coalesce(c.workspace_id, '~') = any(%(workspaces)s::text[]))
    and (%(teams)s::text[] is null or coalesce(c.team_id::text, '~') = any(%(teams)s::text[]))
group by value_id
order by value_id
