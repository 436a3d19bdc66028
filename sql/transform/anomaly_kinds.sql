-- A level that rises mostly because something is there that never was before, is a new source
update costpulse.anomalies as a
set kind = 'new source'
from staged_anomalies as s, costpulse.anomaly_causes as c
where
    a.id = s.anomaly_id
    and a.id = c.anomaly_id
    and a.direction = 'up'
    and a.kind in ('level shift', 'drift')
    and c.dimension <> 'team'
    and c.is_main
    and c.is_new
    and not exists (
        select from costpulse.cost_keys as k
        where
            k.first_usage_date < a.start_date - 3
            and c.value_id = case c.dimension
                when 'job' then coalesce(k.workspace_id, '') || '/' || k.job_id
                when 'pipeline' then coalesce(k.workspace_id, '') || '/' || k.pipeline_id
                when 'endpoint' then coalesce(k.workspace_id, '') || '/' || k.endpoint_name
                when 'warehouse' then coalesce(k.workspace_id, '') || '/' || k.warehouse_id
                when 'cluster' then coalesce(k.workspace_id, '') || '/' || k.cluster_id
                when 'user' then k.user_email
                when 'product' then k.product
                when 'workspace' then k.workspace_id
            end
    )
    and not exists (
        select from costpulse.daily_sku_costs as d
        where c.dimension = 'sku' and c.value_id = d.sku_name and d.usage_date < a.start_date - 3
    )
