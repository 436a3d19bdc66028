-- usage_date x key_id x team: its cost, the verdicts of the day, and what it is: compliant, wrong value (not allowed
-- or in another case), untagged (no required key has a value), incomplete (some have), exempt (nothing is required),
-- not taggable
create temporary table staged_tag_judged on commit drop as
with epochs as (
    select distinct judged_from
    from staged_tag_costs
),

-- what a policy says does not count before its first day
said as (
    select
        d.verdicts,
        e.judged_from,
        string_agg(
            case when p.valid_from > e.judged_from then 'r' else substr(d.verdicts, p.tag_no, 1) end,
            '' order by p.tag_no
        ) as counting
    from (
        select distinct verdicts from staged_tag_verdicts
    ) as d
    cross join epochs as e
    cross join staged_tag_policies as p
    group by d.verdicts, e.judged_from
),

classes as materialized (
    select
        s.verdicts,
        s.judged_from,
        s.counting,
        case
            when s.counting ~ '[nc]' then 'wrong value'
            when s.counting ~ '^r*$' then 'exempt'
            when s.counting !~ '[bm]' then 'compliant'
            when s.counting !~ '[vi]' then 'untagged'
            else 'incomplete'
        end as class
    from said as s
)

select
    c.usage_date,
    c.key_id,
    c.team_id,
    c.team_no,
    c.cost_usd,
    c.is_used,
    k.workspace_id,
    k.owner,
    k.resource_type,
    k.resource_no,
    s.counting as verdicts,
    case when k.is_taggable then coalesce(s.class, 'exempt') else 'not taggable' end as class
from staged_tag_costs as c
inner join staged_tag_keys as k on c.key_id = k.key_id
left join staged_tag_verdicts as v on c.key_id = v.key_id and c.team_no = v.team_no
left join classes as s on v.verdicts = s.verdicts and c.judged_from = s.judged_from
