-- usage_date x key_id x team: cost of the days, what has no price as 0; team_no is 0 where there is no team.
-- judged_from: the youngest policy that counts on the day; is_used: something is left after corrections.
create temporary table staged_tag_costs on commit drop as
with days as (
    select
        d.usage_date,
        coalesce(max(p.valid_from), '-infinity'::date) as judged_from
    from unnest(%(days)s::date[]) as d (usage_date)
    left join staged_tag_policies as p on d.usage_date >= p.valid_from
    group by d.usage_date
)

select
    c.usage_date,
    d.judged_from,
    c.key_id,
    c.team_id,
    coalesce(c.team_id, 0) as team_no,
    coalesce(sum(c.cost_usd), 0) as cost_usd,
    bool_or(c.usage_quantity <> 0) as is_used
from days as d
inner join costpulse.daily_key_costs as c on d.usage_date = c.usage_date
group by c.usage_date, d.judged_from, c.key_id, c.team_id
