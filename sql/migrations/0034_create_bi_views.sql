-- Views for BI tools: stable names and columns over tables that may change. With the rights of who asks, so that the
-- scope of the app's role holds here too; costpulse_reader may read these views and, of the tables behind them, exactly
-- the columns that they show.

-- v_costs is the one view of daily_costs
drop view costpulse.v_daily_costs;

-- usage_date x workspace x SKU x product x unit x team: daily_costs with names
create view costpulse.v_costs with (security_invoker = true) as
select
    d.usage_date,
    d.workspace_id,
    w.name as workspace_name,
    w.cloud,
    w.region,
    d.sku_name,
    d.product,
    d.usage_unit,
    d.team_id,
    case
        when d.team_id is null then 'Unallocated'
        else coalesce(t.name, 'Team ' || d.team_id)
    end as team_name,
    t.department,
    t.cost_center,
    d.usage_quantity,
    d.dbu_count,
    d.unpriced_quantity,
    d.list_cost_usd,
    d.cost_usd,
    coalesce(c.is_provisional, true) as is_provisional
from costpulse.daily_costs as d
left join costpulse.workspaces as w on d.workspace_id = w.workspace_id
left join costpulse.teams as t on d.team_id = t.id
left join costpulse.completeness as c on d.usage_date = c.usage_date;

-- usage_date x team: daily_team_costs over all products, with names
create view costpulse.v_team_costs with (security_invoker = true) as
select
    d.usage_date,
    d.team_id,
    case
        when d.team_id is null then 'Unallocated'
        else coalesce(t.name, 'Team ' || d.team_id)
    end as team_name,
    p.name as parent_team_name,
    t.department,
    t.cost_center,
    d.dbu_count,
    d.list_cost_usd,
    d.cost_usd,
    coalesce(c.is_provisional, true) as is_provisional
from (
    select
        s.usage_date,
        s.team_id,
        sum(s.dbu_count) as dbu_count,
        sum(s.list_cost_usd) as list_cost_usd,
        sum(s.cost_usd) as cost_usd
    from costpulse.daily_team_costs as s
    group by s.usage_date, s.team_id
) as d
left join costpulse.teams as t on d.team_id = t.id
left join costpulse.teams as p on t.parent_team_id = p.id
left join costpulse.completeness as c on d.usage_date = c.usage_date;

-- usage_date x attribution key x SKU x unit x team: daily_key_costs, each with what is billed and its name on that day
create view costpulse.v_resource_costs with (security_invoker = true) as
select
    d.usage_date,
    k.workspace_id,
    w.name as workspace_name,
    k.product,
    k.usage_type,
    k.is_serverless,
    d.sku_name,
    d.usage_unit,
    r.resource_type,
    r.resource_id,
    coalesce(n.name, case when r.resource_type = 'job' then k.job_name end) as resource_name,
    k.cluster_id,
    k.warehouse_id,
    k.job_id,
    k.pipeline_id,
    k.endpoint_name,
    k.user_email,
    k.tags,
    d.team_id,
    case
        when d.team_id is null then 'Unallocated'
        else coalesce(t.name, 'Team ' || d.team_id)
    end as team_name,
    t.department,
    t.cost_center,
    d.usage_quantity,
    d.dbu_count,
    d.unpriced_quantity,
    d.list_cost_usd,
    d.cost_usd,
    coalesce(c.is_provisional, true) as is_provisional
from costpulse.daily_key_costs as d
inner join costpulse.cost_keys as k on d.key_id = k.key_id
cross join
    lateral (
        -- serving names clusters that nobody can see, and jobs and pipelines bring up their own
        select
            case
                when k.job_id is not null then 'job'
                when k.pipeline_id is not null then 'pipeline'
                when k.warehouse_id is not null then 'warehouse'
                when k.endpoint_name is not null then 'endpoint'
                when k.cluster_id is not null then 'cluster'
                else k.resource_type
            end as resource_type,
            coalesce(
                k.job_id, k.pipeline_id, k.warehouse_id, k.endpoint_name, k.cluster_id, k.resource_id
            ) as resource_id
    ) as r
left join
    lateral (
        -- usage before the first known name goes by that one; one row at most, so that no cost counts twice
        select m.name
        from costpulse.resource_names as m
        where
            m.workspace_id = k.workspace_id
            and m.resource_type = r.resource_type
            and m.resource_id = r.resource_id
            and (m.valid_to is null or m.valid_to > d.usage_date)
        order by m.valid_from
        limit 1
    ) as n on true
left join costpulse.workspaces as w on k.workspace_id = w.workspace_id
left join costpulse.teams as t on d.team_id = t.id
left join costpulse.completeness as c on d.usage_date = c.usage_date;

-- usage_date: completeness
create view costpulse.v_days with (security_invoker = true) as
select
    c.usage_date,
    date_trunc('month', c.usage_date::timestamp)::date as month,
    c.share_in,
    c.is_provisional,
    c.in_until
from costpulse.completeness as c;

-- closing x usage_date x team x workspace x product x SKU x unit (x cause x moment): the lines that count
create view costpulse.v_statements with (security_invoker = true) as
select
    s.month,
    s.booked_month,
    s.usage_date,
    s.kind,
    s.cause,
    s.team_id,
    coalesce(s.team_name, 'Unallocated') as team_name,
    s.workspace_id,
    s.product,
    s.sku_name,
    s.usage_unit,
    s.usage_quantity,
    s.unpriced_quantity,
    s.list_cost_usd,
    s.cost_usd,
    s.created_at
from costpulse.statement_lines as s
where s.voided_at is null;

-- one row per event that no larger one explains
create view costpulse.v_anomalies with (security_invoker = true) as
select
    a.id as anomaly_id,
    a.scope_type,
    a.scope_id,
    coalesce(
        case a.scope_type
            when 'everything' then 'Whole account'
            when 'team' then case when a.scope_id = 'unallocated' then 'Unallocated' else t.name end
            when 'workspace' then w.name
            else n.name
        end,
        a.scope_id
    ) as scope_name,
    a.kind,
    a.direction,
    a.start_date,
    a.end_date,
    a.last_date,
    a.severity,
    a.actual_usd,
    a.expected_usd,
    a.impact_usd,
    m.dimension as cause_type,
    coalesce(m.name, m.value_id) as cause_name,
    a.status,
    a.assigned_to,
    a.detected_at,
    a.is_provisional
from costpulse.anomalies as a
left join costpulse.anomaly_causes as m on a.id = m.anomaly_id and m.is_main
left join costpulse.teams as t on a.scope_type = 'team' and a.scope_id = t.id::text
left join costpulse.workspaces as w on a.scope_type = 'workspace' and a.scope_id = w.workspace_id
left join costpulse.resource_names as n
    on
        a.scope_type = n.resource_type
        and split_part(a.scope_id, '/', 1) = n.workspace_id
        and substring(a.scope_id from position('/' in a.scope_id) + 1) = n.resource_id
        and n.valid_to is null
where a.parent_id is null;

-- scope x forecast_date, of the newest issue
create view costpulse.v_forecasts with (security_invoker = true) as
select
    f.forecast_date,
    f.scope_type,
    f.scope_id,
    coalesce(
        case f.scope_type
            when 'everything' then 'Whole account'
            when 'team' then case when f.scope_id = 'unallocated' then 'Unallocated' else t.name end
            when 'workspace' then w.name
        end,
        f.scope_id
    ) as scope_name,
    f.predicted_cost as predicted_usd,
    f.lower_bound as lower_usd,
    f.upper_bound as upper_usd,
    f.level,
    f.model_type,
    f.data_until,
    f.issued_at
from costpulse.forecasts as f
left join costpulse.teams as t on f.scope_type = 'team' and f.scope_id = t.id::text
left join costpulse.workspaces as w on f.scope_type = 'workspace' and f.scope_id = w.workspace_id
where
    not f.is_backtest
    and f.data_until = (select max(o.data_until) from costpulse.forecasts as o where not o.is_backtest);

-- scope x month, of the newest issue
create view costpulse.v_forecast_months with (security_invoker = true) as
select
    l.month,
    l.scope_type,
    l.scope_id,
    coalesce(
        case l.scope_type
            when 'everything' then 'Whole account'
            when 'team' then case when l.scope_id = 'unallocated' then 'Unallocated' else t.name end
            when 'workspace' then w.name
        end,
        l.scope_id
    ) as scope_name,
    l.spent_usd,
    l.predicted_cost as predicted_usd,
    l.lower_bound as lower_usd,
    l.upper_bound as upper_usd,
    l.level,
    l.data_until,
    l.issued_at
from costpulse.forecast_landings as l
left join costpulse.teams as t on l.scope_type = 'team' and l.scope_id = t.id::text
left join costpulse.workspaces as w on l.scope_type = 'workspace' and l.scope_id = w.workspace_id
where l.data_until = (select max(o.data_until) from costpulse.forecast_landings as o);

-- budget x period
create view costpulse.v_budgets with (security_invoker = true) as
select
    s.budget_id,
    s.budget_name,
    s.scope_type,
    s.scope_id,
    coalesce(
        case s.scope_type
            when 'everything' then 'Whole account'
            when 'team' then case when s.scope_id = 'unallocated' then 'Unallocated' else t.name end
            when 'workspace' then w.name
        end,
        s.scope_id
    ) as scope_name,
    b.owner,
    s.period,
    s.period_start,
    s.period_end,
    s.state,
    s.amount as amount_usd,
    s.spent_usd,
    s.provisional_usd,
    s.used_share,
    s.elapsed_share,
    s.projected_usd,
    s.lower_bound as lower_usd,
    s.upper_bound as upper_usd,
    s.probability_exceeded,
    s.breach_date,
    s.data_until,
    s.note
from costpulse.budget_status as s
left join costpulse.budgets as b on s.budget_id = b.id
left join costpulse.teams as t on s.scope_type = 'team' and s.scope_id = t.id::text
left join costpulse.workspaces as w on s.scope_type = 'workspace' and s.scope_id = w.workspace_id;

-- one row per recommendation
create view costpulse.v_recommendations with (security_invoker = true) as
select
    r.id as recommendation_id,
    r.type,
    r.title,
    r.severity,
    r.confidence,
    r.status,
    r.workspace_id,
    w.name as workspace_name,
    r.resource_type,
    r.resource_id,
    r.resource_name,
    r.team_id,
    case
        when r.team_id is null then 'Unallocated'
        else coalesce(t.name, 'Team ' || r.team_id)
    end as team_name,
    r.person,
    r.estimated_savings as estimated_savings_usd,
    r.standalone_savings as standalone_savings_usd,
    r.vm_savings as vm_savings_usd,
    r.resource_cost_usd,
    r.wasted_usd,
    r.window_first,
    r.window_last,
    r.assigned_to,
    r.due_date,
    r.done_on,
    r.found_first_at,
    r.found_at,
    r.gone_at
from costpulse.recommendations as r
left join costpulse.workspaces as w on r.workspace_id = w.workspace_id
left join costpulse.teams as t on r.team_id = t.id;

-- usage_date x workspace x team x owner x resource_type
create view costpulse.v_tag_compliance with (security_invoker = true) as
select
    g.usage_date,
    g.workspace_id,
    w.name as workspace_name,
    g.team_id,
    case
        when g.team_id is null then 'Unallocated'
        else coalesce(t.name, 'Team ' || g.team_id)
    end as team_name,
    t.department,
    t.cost_center,
    g.owner,
    g.resource_type,
    g.cost_usd,
    g.taggable_cost_usd,
    g.compliant_cost_usd,
    g.untagged_cost_usd,
    g.incomplete_cost_usd,
    g.wrong_value_cost_usd,
    g.exempt_cost_usd,
    g.not_taggable_cost_usd,
    g.judged_resources,
    g.compliant_resources
from costpulse.tag_compliance as g
left join costpulse.workspaces as w on g.workspace_id = w.workspace_id
left join costpulse.teams as t on g.team_id = t.id;

-- one row per cluster
create view costpulse.v_clusters with (security_invoker = true) as
select
    i.workspace_id,
    w.name as workspace_name,
    i.cluster_id,
    i.cluster_name,
    i.cluster_type,
    i.state,
    i.state_as_of,
    i.is_idle,
    i.owner,
    i.tags,
    i.driver_node_type,
    i.worker_node_type,
    i.num_workers,
    i.min_workers,
    i.max_workers,
    i.photon_enabled,
    i.spark_version,
    i.auto_termination_minutes,
    i.never_terminates,
    i.up_hours,
    i.idle_time_hours,
    i.avg_cpu_util,
    i.p95_cpu_util,
    i.avg_mem_util,
    i.p95_mem_util,
    i.dbu_count,
    i.list_cost_usd,
    i.total_cost_usd as cost_usd,
    i.created_at,
    i.deleted_at,
    i.last_active_at,
    i.last_usage_date,
    i.updated_at
from costpulse.cluster_info as i
left join costpulse.workspaces as w on i.workspace_id = w.workspace_id;

-- one row per SQL warehouse
create view costpulse.v_warehouses with (security_invoker = true) as
select
    i.workspace_id,
    w.name as workspace_name,
    i.warehouse_id,
    i.name as warehouse_name,
    i.warehouse_type,
    i.is_serverless,
    i.warehouse_size,
    i.min_clusters,
    i.max_clusters,
    i.auto_stop_minutes,
    i.owner,
    i.tags,
    i.state,
    i.state_as_of,
    i.last_query_at,
    i.running_hours,
    i.query_hours,
    i.idle_hours,
    i.start_count,
    i.executions,
    i.users,
    i.dbu_count,
    i.list_cost_usd,
    i.total_cost_usd as cost_usd,
    i.idle_cost_usd,
    i.delete_time as deleted_at,
    i.updated_at
from costpulse.warehouse_info as i
left join costpulse.workspaces as w on i.workspace_id = w.workspace_id;

-- one row per run of a job
create view costpulse.v_job_runs with (security_invoker = true) as
select
    r.workspace_id,
    w.name as workspace_name,
    r.job_id,
    r.run_id,
    r.job_name,
    r.run_type,
    r.trigger_type,
    r.owner,
    r.first_usage_date,
    r.last_usage_date,
    r.started_at,
    r.ended_at,
    r.duration_seconds,
    r.queue_seconds,
    r.attempts,
    r.result_state,
    r.termination_code,
    r.compute_type,
    r.cluster_id,
    r.warehouse_id,
    r.cost_basis,
    r.dbu_consumed as dbu_count,
    r.list_cost_usd,
    r.cost_usd,
    r.failed_cost_usd
from costpulse.job_runs as r
left join costpulse.workspaces as w on r.workspace_id = w.workspace_id;

comment on view costpulse.v_costs is
'Cost per day, workspace, SKU, product, unit and team: the bill, allocated. Adds up to the whole bill.';
comment on column costpulse.v_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.v_costs.workspace_id is 'Databricks'' id of the workspace; NULL: billed to the account.';
comment on column costpulse.v_costs.workspace_name is 'Its present or last name; NULL: none is known.';
comment on column costpulse.v_costs.cloud is 'Cloud of the workspace.';
comment on column costpulse.v_costs.region is 'Region of the workspace.';
comment on column costpulse.v_costs.sku_name is 'SKU.';
comment on column costpulse.v_costs.product is 'Product; _SERVERLESS at its end marks serverless compute.';
comment on column costpulse.v_costs.usage_unit is 'Unit of the quantity; never add up different units.';
comment on column costpulse.v_costs.team_id is 'Number of the team; NULL: Unallocated.';
comment on column costpulse.v_costs.team_name is 'Name of the team, or Unallocated.';
comment on column costpulse.v_costs.department is 'Department of the team.';
comment on column costpulse.v_costs.cost_center is 'Cost center of the team.';
comment on column costpulse.v_costs.usage_quantity is 'Net quantity in usage_unit.';
comment on column costpulse.v_costs.dbu_count is 'Net DBUs; NULL for other units.';
comment on column costpulse.v_costs.unpriced_quantity is
'The part of usage_quantity without a price; its cost is in no amount.';
comment on column costpulse.v_costs.list_cost_usd is 'Cost in USD at list price; NULL: nothing of it has a price.';
comment on column costpulse.v_costs.cost_usd is
'Cost in USD at the customer''s price; NULL: nothing of it has a price.';
comment on column costpulse.v_costs.is_provisional is 'True: the day is not final, and more cost may come.';

comment on view costpulse.v_team_costs is
'Cost per day and team, Unallocated among them: the fast one for teams and long periods. Adds up to the whole '
'bill.';
comment on column costpulse.v_team_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.v_team_costs.team_id is 'Number of the team; NULL: Unallocated.';
comment on column costpulse.v_team_costs.team_name is 'Name of the team, or Unallocated.';
comment on column costpulse.v_team_costs.parent_team_name is
'Team above it, whose cost does not include it here; NULL: none.';
comment on column costpulse.v_team_costs.department is 'Department of the team.';
comment on column costpulse.v_team_costs.cost_center is 'Cost center of the team.';
comment on column costpulse.v_team_costs.dbu_count is 'Net DBUs; NULL: none.';
comment on column costpulse.v_team_costs.list_cost_usd is
'Cost in USD at list price; NULL: nothing of it has a price.';
comment on column costpulse.v_team_costs.cost_usd is
'Cost in USD at the customer''s price; NULL: nothing of it has a price.';
comment on column costpulse.v_team_costs.is_provisional is 'True: the day is not final, and more cost may come.';

comment on view costpulse.v_resource_costs is
'Cost per day, resource, person, tags, SKU, unit and team: the finest cut, with the names of that day. Adds up to'
' the whole bill; filter by usage_date.';
comment on column costpulse.v_resource_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.v_resource_costs.workspace_id is
'Databricks'' id of the workspace; NULL: billed to the account.';
comment on column costpulse.v_resource_costs.workspace_name is 'Its present or last name; NULL: none is known.';
comment on column costpulse.v_resource_costs.product is 'Product; _SERVERLESS at its end marks serverless compute.';
comment on column costpulse.v_resource_costs.usage_type is 'COMPUTE_TIME, STORAGE_SPACE, ...';
comment on column costpulse.v_resource_costs.is_serverless is
'As the source says; NULL where there is no classic alternative.';
comment on column costpulse.v_resource_costs.sku_name is 'SKU.';
comment on column costpulse.v_resource_costs.usage_unit is 'Unit of the quantity; never add up different units.';
comment on column costpulse.v_resource_costs.resource_type is
'What is billed: job, else pipeline, warehouse, endpoint or cluster, else the kind that the source names; NULL: '
'none.';
comment on column costpulse.v_resource_costs.resource_id is 'Id of what is billed; unique only within the workspace.';
comment on column costpulse.v_resource_costs.resource_name is
'What it was called on that day; usage before the first known name goes by that one. NULL: no name is known.';
comment on column costpulse.v_resource_costs.cluster_id is 'Classic cluster, also that of a job.';
comment on column costpulse.v_resource_costs.warehouse_id is 'SQL warehouse.';
comment on column costpulse.v_resource_costs.job_id is 'Job; NULL for jobs on all-purpose clusters and warehouses.';
comment on column costpulse.v_resource_costs.pipeline_id is 'Pipeline.';
comment on column costpulse.v_resource_costs.endpoint_name is 'Serving or vector search endpoint.';
comment on column costpulse.v_resource_costs.user_email is
'Who it ran as, else who owned or created it: a person or a service principal, protected as the settings say.';
comment on column costpulse.v_resource_costs.tags is 'Tags of the usage as one JSON object.';
comment on column costpulse.v_resource_costs.team_id is 'Number of the team; NULL: Unallocated.';
comment on column costpulse.v_resource_costs.team_name is 'Name of the team, or Unallocated.';
comment on column costpulse.v_resource_costs.department is 'Department of the team.';
comment on column costpulse.v_resource_costs.cost_center is 'Cost center of the team.';
comment on column costpulse.v_resource_costs.usage_quantity is 'Net quantity in usage_unit.';
comment on column costpulse.v_resource_costs.dbu_count is 'Net DBUs; NULL for other units.';
comment on column costpulse.v_resource_costs.unpriced_quantity is
'The part of usage_quantity without a price; its cost is in no amount.';
comment on column costpulse.v_resource_costs.list_cost_usd is
'Cost in USD at list price; NULL: nothing of it has a price.';
comment on column costpulse.v_resource_costs.cost_usd is
'Cost in USD at the customer''s price; NULL: nothing of it has a price.';
comment on column costpulse.v_resource_costs.is_provisional is 'True: the day is not final, and more cost may come.';

comment on view costpulse.v_days is 'One row per collected day: a calendar for joins, and how far each day is in.';
comment on column costpulse.v_days.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.v_days.month is 'First day of its month.';
comment on column costpulse.v_days.share_in is 'Estimated share of the day''s cost that is in, 0 to 1.';
comment on column costpulse.v_days.is_provisional is 'True: the day is not final, and more cost may come.';
comment on column costpulse.v_days.in_until is
'Usage is in up to the end of this hour; NULL: not known, or the day is final.';

comment on view costpulse.v_statements is
'Lines of the months that are closed: what was frozen, and the corrections since. Sum by month for what its usage'
' cost, by booked_month for what a statement charges.';
comment on column costpulse.v_statements.month is 'Month of the usage, its first day.';
comment on column costpulse.v_statements.booked_month is
'Month on whose statement the line is: its own, or for an adjustment the next one that was open.';
comment on column costpulse.v_statements.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.v_statements.kind is 'statement: frozen at the closing; adjustment: booked later.';
comment on column costpulse.v_statements.cause is
'Of an adjustment: restatement, price or rule; NULL for the statement.';
comment on column costpulse.v_statements.team_id is 'Number of the team; NULL: Unallocated.';
comment on column costpulse.v_statements.team_name is
'What the team was called when the line was made, or Unallocated.';
comment on column costpulse.v_statements.workspace_id is
'Databricks'' id of the workspace; NULL: billed to the account.';
comment on column costpulse.v_statements.product is 'Product; _SERVERLESS at its end marks serverless compute.';
comment on column costpulse.v_statements.sku_name is 'SKU.';
comment on column costpulse.v_statements.usage_unit is 'Unit of the quantity; never add up different units.';
comment on column costpulse.v_statements.usage_quantity is 'Quantity in usage_unit, or its change.';
comment on column costpulse.v_statements.unpriced_quantity is 'The part of it without a price.';
comment on column costpulse.v_statements.list_cost_usd is
'Cost in USD at list price, or its change; NULL: nothing of it has a price.';
comment on column costpulse.v_statements.cost_usd is
'Cost in USD at the customer''s price, or its change; NULL: nothing of it has a price.';
comment on column costpulse.v_statements.created_at is 'When it was frozen or booked.';

comment on view costpulse.v_anomalies is
'Unusual cost, one row per event. Events that one of a larger scope explains are left out; those that remain may '
'still overlap between kinds of scope, so add up impact_usd within one scope_type.';
comment on column costpulse.v_anomalies.anomaly_id is 'Number of the event; it stays when the event is judged again.';
comment on column costpulse.v_anomalies.scope_type is
'What was judged: everything, workspace, product, team (with the teams below it), sku, job, warehouse or cluster.';
comment on column costpulse.v_anomalies.scope_id is
'Which one: empty for everything, an id, a name, or workspace/id for resources.';
comment on column costpulse.v_anomalies.scope_name is 'What that is called.';
comment on column costpulse.v_anomalies.kind is 'spike, burst, outage, drop, level shift, drift or new source.';
comment on column costpulse.v_anomalies.direction is 'up: more than expected; down: less.';
comment on column costpulse.v_anomalies.start_date is 'First day (UTC).';
comment on column costpulse.v_anomalies.end_date is 'Last day (UTC); NULL: ongoing.';
comment on column costpulse.v_anomalies.last_date is 'Newest day that the amounts count.';
comment on column costpulse.v_anomalies.severity is 'medium, high or critical.';
comment on column costpulse.v_anomalies.actual_usd is 'Cost of its days, in USD.';
comment on column costpulse.v_anomalies.expected_usd is 'What its days would have cost.';
comment on column costpulse.v_anomalies.impact_usd is 'actual_usd - expected_usd; below zero where cost is missing.';
comment on column costpulse.v_anomalies.cause_type is
'What the cause is: workspace, product, sku, job, ...; NULL: nothing makes up half of the event.';
comment on column costpulse.v_anomalies.cause_name is
'The most specific value that makes up at least half of the event.';
comment on column costpulse.v_anomalies.status is 'open, acknowledged, expected or resolved.';
comment on column costpulse.v_anomalies.assigned_to is 'Who looks after it.';
comment on column costpulse.v_anomalies.detected_at is 'When it was found first.';
comment on column costpulse.v_anomalies.is_provisional is 'True: it counts days that are not final.';

comment on view costpulse.v_forecasts is
'Forecast per scope and day, of the newest issue. Scopes overlap: choose one scope_type.';
comment on column costpulse.v_forecasts.forecast_date is 'Day that is forecast (UTC).';
comment on column costpulse.v_forecasts.scope_type is
'Whose cost: everything, workspace, sku, team (with the teams below it), product or tag.';
comment on column costpulse.v_forecasts.scope_id is
'Which one: empty for everything, id of workspace or team, unallocated, SKU, product, key=value of a tag.';
comment on column costpulse.v_forecasts.scope_name is 'What that is called.';
comment on column costpulse.v_forecasts.predicted_usd is 'Expected cost of the day, in USD.';
comment on column costpulse.v_forecasts.lower_usd is 'Lower end of what the day will cost.';
comment on column costpulse.v_forecasts.upper_usd is 'Upper end of what the day will cost.';
comment on column costpulse.v_forecasts.level is 'Share of days that the bounds are meant to hold.';
comment on column costpulse.v_forecasts.model_type is 'Model that was used.';
comment on column costpulse.v_forecasts.data_until is 'Last final day that was known.';
comment on column costpulse.v_forecasts.issued_at is 'When it was made.';

comment on view costpulse.v_forecast_months is
'Where each month will end, per scope, of the newest issue. Scopes overlap: choose one scope_type.';
comment on column costpulse.v_forecast_months.month is 'First day of the month.';
comment on column costpulse.v_forecast_months.scope_type is 'As in v_forecasts.';
comment on column costpulse.v_forecast_months.scope_id is 'As in v_forecasts.';
comment on column costpulse.v_forecast_months.scope_name is 'What that is called.';
comment on column costpulse.v_forecast_months.spent_usd is 'Cost of its days up to data_until, in USD.';
comment on column costpulse.v_forecast_months.predicted_usd is
'What the whole month will cost: spent_usd and the forecast of the days after it.';
comment on column costpulse.v_forecast_months.lower_usd is 'Lower end of what the month will cost.';
comment on column costpulse.v_forecast_months.upper_usd is 'Upper end of what the month will cost.';
comment on column costpulse.v_forecast_months.level is 'Share of months that the bounds are meant to hold.';
comment on column costpulse.v_forecast_months.data_until is 'Last final day that was known.';
comment on column costpulse.v_forecast_months.issued_at is 'When it was made.';

comment on view costpulse.v_budgets is
'One row per budget and period, past ones too: what was spent, and what it will be.';
comment on column costpulse.v_budgets.budget_id is 'Number of the budget.';
comment on column costpulse.v_budgets.budget_name is 'Its name, of a past period as it was then.';
comment on column costpulse.v_budgets.scope_type is
'Whose cost: everything, team (with the teams below it), workspace, product or tag.';
comment on column costpulse.v_budgets.scope_id is
'Which one: empty for everything, id of team or workspace, unallocated, product, key=value of a tag.';
comment on column costpulse.v_budgets.scope_name is 'What that is called.';
comment on column costpulse.v_budgets.owner is 'Who answers for it; NULL: nobody, or the budget was deleted.';
comment on column costpulse.v_budgets.period is 'month, quarter, year or custom.';
comment on column costpulse.v_budgets.period_start is 'First day of the period (UTC).';
comment on column costpulse.v_budgets.period_end is 'Last day of the period (UTC), included.';
comment on column costpulse.v_budgets.state is 'future, running or ended.';
comment on column costpulse.v_budgets.amount_usd is 'Amount of the period, in USD.';
comment on column costpulse.v_budgets.spent_usd is 'Cost of its days up to data_until.';
comment on column costpulse.v_budgets.provisional_usd is
'What is in so far of its later days; in no other figure here.';
comment on column costpulse.v_budgets.used_share is 'spent_usd / amount_usd; 1 is all of it.';
comment on column costpulse.v_budgets.elapsed_share is 'Days up to data_until / days of the period.';
comment on column costpulse.v_budgets.projected_usd is 'What the period will cost; NULL: not known, see note.';
comment on column costpulse.v_budgets.lower_usd is 'Lower end of what the period will cost.';
comment on column costpulse.v_budgets.upper_usd is 'Upper end of what the period will cost.';
comment on column costpulse.v_budgets.probability_exceeded is
'How probable it is that the period costs more than the amount, 0 to 1; NULL: not known.';
comment on column costpulse.v_budgets.breach_date is
'First day by which the amount is probably exceeded; NULL: there is none.';
comment on column costpulse.v_budgets.data_until is 'Last final day that was known.';
comment on column costpulse.v_budgets.note is 'What is not known, and why.';

comment on view costpulse.v_recommendations is
'One row per piece of advice, whatever its status. estimated_savings_usd of open and accepted ones add up.';
comment on column costpulse.v_recommendations.recommendation_id is 'Number; it stays when the same is found again.';
comment on column costpulse.v_recommendations.type is 'Kind of advice, see docs/recommendations.md.';
comment on column costpulse.v_recommendations.title is 'What to do, in one sentence.';
comment on column costpulse.v_recommendations.severity is 'critical, high, medium or low.';
comment on column costpulse.v_recommendations.confidence is 'high, medium or low: how sure the saving is.';
comment on column costpulse.v_recommendations.status is 'open, accepted, done, dismissed or expired.';
comment on column costpulse.v_recommendations.workspace_id is
'Databricks'' id of the workspace; NULL: of the account.';
comment on column costpulse.v_recommendations.workspace_name is 'Its present or last name; NULL: none is known.';
comment on column costpulse.v_recommendations.resource_type is
'What it is about: cluster, warehouse, job, pipeline or endpoint.';
comment on column costpulse.v_recommendations.resource_id is 'Id of it in its workspace.';
comment on column costpulse.v_recommendations.resource_name is 'Its name when it was found last.';
comment on column costpulse.v_recommendations.team_id is
'Team that most of the cost was allocated to; NULL: most of it is unallocated.';
comment on column costpulse.v_recommendations.team_name is 'Name of the team, or Unallocated.';
comment on column costpulse.v_recommendations.person is 'Owner of the resource, or whom it runs as; NULL: not known.';
comment on column costpulse.v_recommendations.estimated_savings_usd is
'USD per 30 days that it adds to what the other open and accepted ones save.';
comment on column costpulse.v_recommendations.standalone_savings_usd is
'USD per 30 days if nothing but this is done; these do not add up.';
comment on column costpulse.v_recommendations.vm_savings_usd is
'USD per 30 days that the cloud provider would charge less; not in the other savings.';
comment on column costpulse.v_recommendations.resource_cost_usd is 'Cost of what is billed in the window, in USD.';
comment on column costpulse.v_recommendations.wasted_usd is
'USD of the window''s cost that brought nothing and is gone; never added to savings.';
comment on column costpulse.v_recommendations.window_first is 'First day (UTC) of the cost it rests on.';
comment on column costpulse.v_recommendations.window_last is 'Last day (UTC) of the cost it rests on.';
comment on column costpulse.v_recommendations.assigned_to is 'Who does it.';
comment on column costpulse.v_recommendations.due_date is 'By when (UTC day).';
comment on column costpulse.v_recommendations.done_on is 'Day (UTC) of the change.';
comment on column costpulse.v_recommendations.found_first_at is 'When it was found first.';
comment on column costpulse.v_recommendations.found_at is 'The run that it has its figures from.';
comment on column costpulse.v_recommendations.gone_at is
'Since when it is not found any more; NULL: the newest run found it.';

comment on view costpulse.v_tag_compliance is
'Cost by how it is tagged, per day, workspace, team, owner and kind of resource. All amounts add up; the score is'
' the share of compliant_cost_usd in all that is judged.';
comment on column costpulse.v_tag_compliance.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.v_tag_compliance.workspace_id is
'Databricks'' id of the workspace; NULL: billed to the account.';
comment on column costpulse.v_tag_compliance.workspace_name is 'Its present or last name; NULL: none is known.';
comment on column costpulse.v_tag_compliance.team_id is 'Number of the team; NULL: Unallocated.';
comment on column costpulse.v_tag_compliance.team_name is 'Name of the team, or Unallocated.';
comment on column costpulse.v_tag_compliance.department is 'Department of the team.';
comment on column costpulse.v_tag_compliance.cost_center is 'Cost center of the team.';
comment on column costpulse.v_tag_compliance.owner is
'Owner of the resource, else the identity on the bill; NULL: nobody is known.';
comment on column costpulse.v_tag_compliance.resource_type is 'cluster, warehouse, job, pipeline, endpoint or other.';
comment on column costpulse.v_tag_compliance.cost_usd is 'All cost in USD; what has no price counts as 0.';
comment on column costpulse.v_tag_compliance.taggable_cost_usd is 'Cost of what can carry tags.';
comment on column costpulse.v_tag_compliance.compliant_cost_usd is 'Every required key has an allowed value.';
comment on column costpulse.v_tag_compliance.untagged_cost_usd is 'No required key has a value.';
comment on column costpulse.v_tag_compliance.incomplete_cost_usd is
'Some required keys have allowed values, the others none.';
comment on column costpulse.v_tag_compliance.wrong_value_cost_usd is
'A required key has a value that is not allowed, or is written in another case.';
comment on column costpulse.v_tag_compliance.exempt_cost_usd is 'It can carry tags, and no policy requires any.';
comment on column costpulse.v_tag_compliance.not_taggable_cost_usd is 'Nobody can tag it.';
comment on column costpulse.v_tag_compliance.judged_resources is
'Distinct resources of the day that tags are required of.';
comment on column costpulse.v_tag_compliance.compliant_resources is
'Those of them without any cost that is not compliant.';

comment on view costpulse.v_clusters is
'One row per cluster: configuration, state as far as it is known, use and cost of the last 30 days.';
comment on column costpulse.v_clusters.workspace_id is 'Databricks'' id of the workspace; NULL: the bill names none.';
comment on column costpulse.v_clusters.workspace_name is 'Its present or last name; NULL: none is known.';
comment on column costpulse.v_clusters.cluster_id is 'Databricks'' id of the cluster.';
comment on column costpulse.v_clusters.cluster_name is 'Its present name; NULL: only the bill knows it.';
comment on column costpulse.v_clusters.cluster_type is
'Kind of cluster, such as all-purpose or job; NULL: only the bill knows it.';
comment on column costpulse.v_clusters.state is 'running, idle, terminated, deleted or unknown.';
comment on column costpulse.v_clusters.state_as_of is 'Moment that the state holds for.';
comment on column costpulse.v_clusters.is_idle is 'state is idle; NULL: the state is unknown.';
comment on column costpulse.v_clusters.owner is 'Who owns it.';
comment on column costpulse.v_clusters.tags is 'Tags set by people, as one JSON object.';
comment on column costpulse.v_clusters.driver_node_type is 'Node type of the driver.';
comment on column costpulse.v_clusters.worker_node_type is 'Node type of the workers.';
comment on column costpulse.v_clusters.num_workers is 'Workers of a cluster of fixed size.';
comment on column costpulse.v_clusters.min_workers is 'Fewest workers of a cluster that scales by itself.';
comment on column costpulse.v_clusters.max_workers is 'Most workers of a cluster that scales by itself.';
comment on column costpulse.v_clusters.photon_enabled is 'Billed as Photon on its last day with cost; NULL: no cost.';
comment on column costpulse.v_clusters.spark_version is 'Databricks Runtime.';
comment on column costpulse.v_clusters.auto_termination_minutes is
'Minutes without activity after which it ends; NULL and 0: never.';
comment on column costpulse.v_clusters.never_terminates is
'True for an all-purpose cluster that does not end by itself.';
comment on column costpulse.v_clusters.up_hours is 'Hours in which it ran, last 30 days.';
comment on column costpulse.v_clusters.idle_time_hours is 'Hours of them in which nothing happened, last 30 days.';
comment on column costpulse.v_clusters.avg_cpu_util is 'Average CPU of all nodes in percent, last 30 days.';
comment on column costpulse.v_clusters.p95_cpu_util is
'95th percentile of CPU of all nodes in percent, last 30 days.';
comment on column costpulse.v_clusters.avg_mem_util is 'Average memory used of all nodes in percent, last 30 days.';
comment on column costpulse.v_clusters.p95_mem_util is
'95th percentile of memory used of all nodes in percent, last 30 days.';
comment on column costpulse.v_clusters.dbu_count is 'Net DBUs, last 30 days.';
comment on column costpulse.v_clusters.list_cost_usd is 'Cost in USD at list price, last 30 days; Databricks only.';
comment on column costpulse.v_clusters.cost_usd is
'Cost in USD at the customer''s price, last 30 days; Databricks only.';
comment on column costpulse.v_clusters.created_at is 'When it was made.';
comment on column costpulse.v_clusters.deleted_at is 'When it was deleted; NULL: it exists.';
comment on column costpulse.v_clusters.last_active_at is
'Last minute in which something happened on it; NULL: no telemetry.';
comment on column costpulse.v_clusters.last_usage_date is 'Last day with cost.';
comment on column costpulse.v_clusters.updated_at is 'When anything of the row last changed.';

comment on view costpulse.v_warehouses is
'One row per SQL warehouse: configuration, state as far as it is known, use and cost of the last 30 days.';
comment on column costpulse.v_warehouses.workspace_id is 'Databricks'' id of the workspace.';
comment on column costpulse.v_warehouses.workspace_name is 'Its present or last name; NULL: none is known.';
comment on column costpulse.v_warehouses.warehouse_id is 'Databricks'' id of the warehouse.';
comment on column costpulse.v_warehouses.warehouse_name is 'Its present or last name; NULL: only the bill knows it.';
comment on column costpulse.v_warehouses.warehouse_type is 'CLASSIC, PRO or SERVERLESS.';
comment on column costpulse.v_warehouses.is_serverless is 'Whether warehouse_type is SERVERLESS.';
comment on column costpulse.v_warehouses.warehouse_size is 'Size of one cluster, 2X_SMALL to 5X_LARGE.';
comment on column costpulse.v_warehouses.min_clusters is 'Fewest clusters while it runs.';
comment on column costpulse.v_warehouses.max_clusters is 'Most clusters.';
comment on column costpulse.v_warehouses.auto_stop_minutes is 'Minutes without a statement until it stops; 0: never.';
comment on column costpulse.v_warehouses.owner is 'Who created it.';
comment on column costpulse.v_warehouses.tags is 'Tags, as one JSON object.';
comment on column costpulse.v_warehouses.state is 'running, stopped, deleted or unknown.';
comment on column costpulse.v_warehouses.state_as_of is 'Moment that the state was true for sure.';
comment on column costpulse.v_warehouses.last_query_at is 'When the last known statement was received.';
comment on column costpulse.v_warehouses.running_hours is 'Hours it ran, last 30 days.';
comment on column costpulse.v_warehouses.query_hours is 'Hours with at least one statement running, last 30 days.';
comment on column costpulse.v_warehouses.idle_hours is 'Hours it ran without any statement, last 30 days.';
comment on column costpulse.v_warehouses.start_count is 'How often it came up, last 30 days.';
comment on column costpulse.v_warehouses.executions is 'Statements received, last 30 days.';
comment on column costpulse.v_warehouses.users is 'Different people and principals, last 30 days.';
comment on column costpulse.v_warehouses.dbu_count is 'DBUs billed, last 30 days.';
comment on column costpulse.v_warehouses.list_cost_usd is 'Cost in USD at list price, last 30 days.';
comment on column costpulse.v_warehouses.cost_usd is 'Cost in USD at the customer''s price, last 30 days.';
comment on column costpulse.v_warehouses.idle_cost_usd is 'Part of cost_usd without a statement; NULL: not known.';
comment on column costpulse.v_warehouses.deleted_at is 'When it was deleted; NULL: it exists.';
comment on column costpulse.v_warehouses.updated_at is 'When the row was last written.';

comment on view costpulse.v_job_runs is
'One row per run of a job. cost_usd of runs with cost_basis apportioned is a share of clusters and warehouses '
'whose cost stands elsewhere too: never add it to other cost.';
comment on column costpulse.v_job_runs.workspace_id is 'Databricks'' id of the workspace.';
comment on column costpulse.v_job_runs.workspace_name is 'Its present or last name; NULL: none is known.';
comment on column costpulse.v_job_runs.job_id is 'Job; NULL: the run was submitted from outside.';
comment on column costpulse.v_job_runs.run_id is 'Databricks'' id of the run; a repair keeps it.';
comment on column costpulse.v_job_runs.job_name is
'What the job was called when the run started; a run submitted from outside: its own name.';
comment on column costpulse.v_job_runs.run_type is
'JOB_RUN, SUBMIT_RUN or WORKFLOW_RUN; NULL: only the bill knows the run.';
comment on column costpulse.v_job_runs.trigger_type is 'What started it.';
comment on column costpulse.v_job_runs.owner is 'Who the job runs as now.';
comment on column costpulse.v_job_runs.first_usage_date is 'First UTC day with a slice or cost.';
comment on column costpulse.v_job_runs.last_usage_date is 'Last UTC day with a slice or cost.';
comment on column costpulse.v_job_runs.started_at is 'When it started; NULL: only the bill knows the run.';
comment on column costpulse.v_job_runs.ended_at is 'When it ended; NULL: no end was seen.';
comment on column costpulse.v_job_runs.duration_seconds is
'From the start to the last slice seen, waiting between attempts included.';
comment on column costpulse.v_job_runs.queue_seconds is 'Longest time in the queue of an attempt.';
comment on column costpulse.v_job_runs.attempts is 'Attempts that ended: one, and one more per repair.';
comment on column costpulse.v_job_runs.result_state is 'Result of the last attempt; NULL: no end was seen.';
comment on column costpulse.v_job_runs.termination_code is 'Why the last attempt ended.';
comment on column costpulse.v_job_runs.compute_type is 'cluster, warehouse, serverless or mixed; NULL: unknown.';
comment on column costpulse.v_job_runs.cluster_id is 'Cluster its tasks ran on, where it is exactly one.';
comment on column costpulse.v_job_runs.warehouse_id is 'SQL warehouse its tasks ran on, where it is exactly one.';
comment on column costpulse.v_job_runs.cost_basis is
'billed: exact, from the bill; apportioned: by time, a share of what stands elsewhere; NULL: no cost.';
comment on column costpulse.v_job_runs.dbu_count is 'DBUs on that basis.';
comment on column costpulse.v_job_runs.list_cost_usd is
'Cost in USD at list price on that basis; NULL: none, or nothing has a price.';
comment on column costpulse.v_job_runs.cost_usd is
'Cost in USD at the customer''s price on that basis; NULL: none, or nothing has a price.';
comment on column costpulse.v_job_runs.failed_cost_usd is 'The part of cost_usd that brought nothing.';

do $$
declare
    found record;
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    -- whole tables until now
    revoke select on
        costpulse.daily_costs, costpulse.workspaces, costpulse.teams, costpulse.completeness
    from costpulse_reader;
    for found in
        select c.relname
        from pg_catalog.pg_class as c
        where c.relnamespace = 'costpulse'::regnamespace and c.relkind = 'v' and starts_with(c.relname, 'v_')
    loop
        execute format('grant select on costpulse.%I to costpulse_reader', found.relname);
    end loop;
    -- what the rules of the views refer to is what their reader needs, no column more
    for found in
        select
            t.oid,
            t.relname,
            t.relrowsecurity,
            string_agg(distinct quote_ident(a.attname), ', ') as column_names
        from pg_catalog.pg_class as v
        inner join pg_catalog.pg_rewrite as r on v.oid = r.ev_class
        inner join pg_catalog.pg_depend as d
            on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
        inner join pg_catalog.pg_class as t on d.refobjid = t.oid and t.oid <> v.oid
        inner join pg_catalog.pg_attribute as a on t.oid = a.attrelid and d.refobjsubid = a.attnum
        where v.relnamespace = 'costpulse'::regnamespace and v.relkind = 'v' and starts_with(v.relname, 'v_')
        group by t.oid, t.relname, t.relrowsecurity
    loop
        execute format('grant select (%s) on costpulse.%I to costpulse_reader', found.column_names, found.relname);
        if
            found.relrowsecurity
            and not exists (
                select from pg_catalog.pg_policy as p
                where p.polrelid = found.oid and 'costpulse_reader'::regrole = any(p.polroles)
            )
        then
            execute format(
                'create policy shown_in_views on costpulse.%I for select to costpulse_reader using (true)',
                found.relname
            );
        end if;
    end loop;
end
$$;
