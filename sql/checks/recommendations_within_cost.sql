-- billed resources, and the account (bearer_type NULL), whose open and accepted recommendations would together save
-- more than they cost in the window: there must be none
with counted as (
    select
        r.workspace_id,
        r.bearer_type,
        r.bearer_id,
        r.estimated_savings,
        r.resource_cost_usd,
        r.window_first,
        r.window_last
    from costpulse.recommendations as r
    where r.status in ('open', 'accepted') and r.estimated_savings > 0
),

account as (
    select
        sum(c.estimated_savings) as savings_usd,
        (
            select coalesce(sum(d.cost_usd), 0)
            from costpulse.daily_costs as d
            where d.usage_date between min(c.window_first) and max(c.window_last)
        ) as cost_usd
    from counted as c
)

select
    c.workspace_id,
    c.bearer_type,
    c.bearer_id,
    sum(c.estimated_savings) as savings_usd,
    max(c.resource_cost_usd) as cost_usd
from counted as c
group by c.workspace_id, c.bearer_type, c.bearer_id
having sum(c.estimated_savings) > max(c.resource_cost_usd)
union all
select
    null as workspace_id,
    null as bearer_type,
    null as bearer_id,
    a.savings_usd,
    a.cost_usd
from account as a
where a.savings_usd > a.cost_usd
