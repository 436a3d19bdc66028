-- changes of clusters and warehouses whose cost in the days measured is not what the days of the resource say; only
-- those of the newest run, as days may be corrected later
select
    o.id,
    o.actual_cost_usd,
    coalesce(d.cost_usd, 0) as cost_usd
from costpulse.recommendation_outcomes as o
cross join
    lateral (
        select sum(v.cost_usd) as cost_usd
        from (
            select c.cost_usd
            from costpulse.cluster_daily as c
            where
                o.resource_type = 'cluster'
                and c.workspace_id = o.workspace_id
                and c.cluster_id = o.resource_id
                and c.usage_date between o.measured_from and o.measured_on
            union all
            select w.cost_usd
            from costpulse.warehouse_daily as w
            where
                o.resource_type = 'warehouse'
                and w.workspace_id = o.workspace_id
                and w.warehouse_id = o.resource_id
                and w.usage_date between o.measured_from and o.measured_on
        ) as v
    ) as d
where
    o.resource_type in ('cluster', 'warehouse')
    and o.measured_at = (select max(n.measured_at) from costpulse.recommendation_outcomes as n)
    and o.actual_cost_usd <> coalesce(d.cost_usd, 0)
