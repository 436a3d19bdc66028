-- one row per user and kind of source that ran statements on a warehouse in the period, and per rest of its bill
-- (idle, unknown), dearest first; only who sees all teams gets rows
select
    q.kind,
    q.executed_by,
    q.source_kind,
    sum(q.executions)::bigint as executions,
    sum(q.execution_seconds) as execution_seconds,
    sum(q.failed_count)::bigint as failed_count,
    sum(q.cost_usd) as cost_usd
from costpulse.query_costs as q
where
    q.warehouse_id = %(machine_id)s
    and coalesce(q.workspace_id, '') = %(workspace)s
    and q.usage_date between %(first)s and %(last)s
group by q.kind, q.executed_by, q.source_kind
order by sum(q.cost_usd) desc nulls last, q.executed_by asc, q.source_kind asc
