-- tag key of the staged policies: taggable cost of the staged days by the verdict on the key
with amounts as (
    select
        j.verdicts,
        sum(j.cost_usd) as cost_usd
    from staged_tag_judged as j
    where j.class <> 'not taggable'
    group by j.verdicts
)

select
    p.tag_key,
    coalesce(sum(a.cost_usd) filter (where substr(a.verdicts, p.tag_no, 1) in ('v', 'i')), 0) as valid_cost_usd,
    coalesce(sum(a.cost_usd) filter (where substr(a.verdicts, p.tag_no, 1) = 'i'), 0) as inherited_cost_usd,
    coalesce(sum(a.cost_usd) filter (where substr(a.verdicts, p.tag_no, 1) = 'n'), 0) as not_allowed_cost_usd,
    coalesce(sum(a.cost_usd) filter (where substr(a.verdicts, p.tag_no, 1) = 'c'), 0) as wrong_case_cost_usd,
    coalesce(sum(a.cost_usd) filter (where substr(a.verdicts, p.tag_no, 1) = 'b'), 0) as blank_cost_usd,
    coalesce(sum(a.cost_usd) filter (where substr(a.verdicts, p.tag_no, 1) = 'm'), 0) as missing_cost_usd,
    coalesce(sum(a.cost_usd) filter (where substr(a.verdicts, p.tag_no, 1) = 'r'), 0) as not_required_cost_usd
from staged_tag_policies as p
left join amounts as a on true
group by p.tag_key
order by p.tag_key
