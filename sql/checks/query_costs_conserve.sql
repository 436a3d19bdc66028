-- no row: a warehouse and day whose parts in query_costs are not exactly its bill in cost_records, DBUs and dollars,
-- or do not hold exactly the statements of query_activity
with billed as (
    select
        r.usage_date,
        r.workspace_id,
        r.warehouse_id,
        coalesce(sum(r.dbu_count), 0) as dbu_count,
        coalesce(sum(r.cost_usd), 0) as cost_usd
    from costpulse.cost_records as r
    where r.usage_date = any(%(days)s::date[]) and r.warehouse_id is not null
    group by r.usage_date, r.workspace_id, r.warehouse_id
),

executed as (
    select
        a.usage_date,
        a.workspace_id,
        a.warehouse_id,
        sum(a.executions) as executions
    from costpulse.query_activity as a
    where a.usage_date = any(%(days)s::date[]) and a.warehouse_id is not null
    group by a.usage_date, a.workspace_id, a.warehouse_id
),

-- 0 of what a side does not have
compared as (
    select
        c.usage_date,
        c.workspace_id,
        c.warehouse_id,
        sum(c.billed_dbu_count) as billed_dbu_count,
        sum(c.shared_dbu_count) as shared_dbu_count,
        sum(c.billed_cost_usd) as billed_cost_usd,
        sum(c.shared_cost_usd) as shared_cost_usd,
        sum(c.executions_read) as executions_read,
        sum(c.executions_shared) as executions_shared
    from (
        select
            b.usage_date,
            b.workspace_id,
            b.warehouse_id,
            b.dbu_count as billed_dbu_count,
            0 as shared_dbu_count,
            b.cost_usd as billed_cost_usd,
            0 as shared_cost_usd,
            0 as executions_read,
            0 as executions_shared
        from billed as b
        union all
        select
            e.usage_date,
            e.workspace_id,
            e.warehouse_id,
            0 as billed_dbu_count,
            0 as shared_dbu_count,
            0 as billed_cost_usd,
            0 as shared_cost_usd,
            e.executions as executions_read,
            0 as executions_shared
        from executed as e
        union all
        select
            q.usage_date,
            q.workspace_id,
            q.warehouse_id,
            0 as billed_dbu_count,
            coalesce(q.dbu_count, 0) as shared_dbu_count,
            0 as billed_cost_usd,
            coalesce(q.cost_usd, 0) as shared_cost_usd,
            0 as executions_read,
            q.executions as executions_shared
        from costpulse.query_costs as q
        where q.usage_date = any(%(days)s::date[])
    ) as c
    group by c.usage_date, c.workspace_id, c.warehouse_id
)

select
    c.usage_date,
    c.workspace_id,
    c.warehouse_id,
    c.billed_dbu_count,
    c.shared_dbu_count,
    c.billed_cost_usd,
    c.shared_cost_usd,
    c.executions_read,
    c.executions_shared
from compared as c
where
    c.billed_dbu_count <> c.shared_dbu_count
    or c.billed_cost_usd <> c.shared_cost_usd
    or c.executions_read <> c.executions_shared
order by c.usage_date, c.workspace_id, c.warehouse_id
limit 20
