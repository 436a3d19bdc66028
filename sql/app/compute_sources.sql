-- one row per day and kind of source whose statements a warehouse ran in the period, and per rest of the day's bill;
-- only who sees all teams gets rows
select
    q.usage_date,
    coalesce(q.source_kind, q.kind) as source_kind,
    sum(q.cost_usd) as cost_usd
from costpulse.query_costs as q
where
    q.warehouse_id = %(machine_id)s
    and coalesce(q.workspace_id, '') = %(workspace)s
    and q.usage_date between %(first)s and %(last)s
group by q.usage_date, coalesce(q.source_kind, q.kind)
order by q.usage_date
