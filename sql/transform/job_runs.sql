-- one row per staged run, from all days it has: its slices, the compute of its tasks, and its cost
with run_days as (
    select
        d.*,
        max(d.last_end_at) over run as final_end_at,
        max(d.last_slice_end_at) over run as last_seen_at
    from costpulse.job_run_days as d
    inner join staged_job_runs as s on d.workspace_id = s.workspace_id and d.run_id = s.run_id
    window run as (partition by d.workspace_id, d.run_id)
),

-- a run is over when nothing of it follows its last end; else it runs, for the first time or again.
-- failed_until: the end of the attempt before the present one
attempts as (
    select
        r.*,
        coalesce(r.last_seen_at <= r.final_end_at, false) as is_over,
        case
            when r.last_seen_at <= r.final_end_at
                then
                    max(case when r.last_end_at = r.final_end_at then r.previous_end_at else r.last_end_at end) over run
            else r.final_end_at
        end as failed_until
    from run_days as r
    window run as (partition by r.workspace_id, r.run_id)
),

timeline as (
    select
        a.workspace_id,
        a.run_id,
        max(a.job_id) as job_id,
        max(a.run_type) as run_type,
        max(a.run_name) as run_name,
        max(a.trigger_type) as trigger_type,
        min(a.usage_date) as first_usage_date,
        max(a.usage_date) as last_usage_date,
        min(a.first_start_at) as started_at,
        max(a.last_seen_at) as last_seen_at,
        bool_and(a.is_over) as is_over,
        sum(a.end_rows) as attempts,
        (array_agg(a.result_state order by a.last_end_at desc) filter (where a.last_end_at is not null))[1]
            as result_state,
        (array_agg(a.termination_code order by a.last_end_at desc) filter (where a.last_end_at is not null))[1]
            as termination_code,
        max(a.queue_duration_seconds) as queue_seconds,
        max(a.setup_duration_seconds) as setup_seconds,
        max(a.execution_duration_seconds) as execution_seconds,
        sum(a.slice_seconds) as slice_seconds,
        sum(
            case
                when a.last_slice_end_at <= a.failed_until then a.slice_seconds
                when a.last_end_at = a.failed_until then a.seconds_to_last_end
                when a.previous_end_at = a.failed_until then a.seconds_to_previous_end
                else 0
            end
        ) as failed_seconds
    from attempts as a
    group by a.workspace_id, a.run_id
),

costs as (
    select
        c.workspace_id,
        c.run_id,
        min(c.usage_date) as first_usage_date,
        max(c.usage_date) as last_usage_date,
        -- of the two words the later one in the alphabet: what the bill says comes first
        max(c.cost_basis) as cost_basis,
        sum(c.dbu_count) filter (where c.cost_basis = 'billed') as billed_dbu_count,
        sum(c.list_cost_usd) filter (where c.cost_basis = 'billed') as billed_list_cost_usd,
        sum(c.cost_usd) filter (where c.cost_basis = 'billed') as billed_cost_usd,
        sum(c.dbu_count) filter (where c.cost_basis = 'apportioned') as apportioned_dbu_count,
        sum(c.list_cost_usd) filter (where c.cost_basis = 'apportioned') as apportioned_list_cost_usd,
        sum(c.cost_usd) filter (where c.cost_basis = 'apportioned') as apportioned_cost_usd
    from costpulse.job_run_costs as c
    inner join staged_job_runs as s on c.workspace_id = s.workspace_id and c.run_id = s.run_id
    group by c.workspace_id, c.run_id
),

billed as (
    select
        b.workspace_id,
        b.run_id,
        max(b.job_id) as job_id,
        (array_agg(b.job_name order by b.usage_date) filter (where b.job_name is not null))[1] as job_name,
        bool_or(b.is_serverless) as has_serverless,
        bool_or(not b.is_serverless) as has_cluster
    from costpulse.job_run_usage as b
    inner join staged_job_runs as s on b.workspace_id = s.workspace_id and b.run_id = s.run_id
    group by b.workspace_id, b.run_id
),

computes as (
    select
        t.workspace_id,
        t.job_run_id as run_id,
        bool_or(t.compute_type = 'cluster') as has_cluster,
        bool_or(t.compute_type = 'warehouse') as has_warehouse,
        bool_or(t.compute_type = 'serverless') as has_serverless,
        count(distinct t.compute_id) filter (where t.compute_type = 'cluster') as cluster_count,
        count(distinct t.compute_id) filter (where t.compute_type = 'warehouse') as warehouse_count,
        min(t.compute_id) filter (where t.compute_type = 'cluster') as cluster_id,
        min(t.compute_id) filter (where t.compute_type = 'warehouse') as warehouse_id
    from costpulse.job_task_days as t
    inner join staged_job_runs as s on t.workspace_id = s.workspace_id and t.job_run_id = s.run_id
    group by t.workspace_id, t.job_run_id
),

-- the bill and the tasks put together; a run may be known to one of them only
runs as (
    select
        s.workspace_id,
        s.run_id,
        coalesce(t.job_id, b.job_id) as job_id,
        b.job_name as billed_name,
        t.run_name,
        t.run_type,
        t.trigger_type,
        least(t.first_usage_date, c.first_usage_date) as first_usage_date,
        greatest(t.last_usage_date, c.last_usage_date) as last_usage_date,
        t.started_at,
        t.last_seen_at,
        coalesce(t.is_over, false) as is_over,
        coalesce(t.attempts, 0) as attempts,
        t.result_state,
        t.termination_code,
        t.queue_seconds,
        t.setup_seconds,
        t.execution_seconds,
        t.slice_seconds,
        t.failed_seconds,
        c.cost_basis,
        case c.cost_basis when 'billed' then c.billed_dbu_count else c.apportioned_dbu_count end as dbu_consumed,
        case c.cost_basis when 'billed' then c.billed_list_cost_usd else c.apportioned_list_cost_usd end
            as list_cost_usd,
        case c.cost_basis when 'billed' then c.billed_cost_usd else c.apportioned_cost_usd end as cost_usd,
        c.apportioned_cost_usd,
        array_remove(
            array[
                case when k.has_cluster or b.has_cluster then 'cluster' end,
                case when k.has_warehouse then 'warehouse' end,
                case when k.has_serverless or b.has_serverless then 'serverless' end
            ],
            null
        ) as compute_types,
        case when k.cluster_count = 1 then k.cluster_id end as cluster_id,
        case when k.warehouse_count = 1 then k.warehouse_id end as warehouse_id
    from staged_job_runs as s
    left join timeline as t on s.workspace_id = t.workspace_id and s.run_id = t.run_id
    left join costs as c on s.workspace_id = c.workspace_id and s.run_id = c.run_id
    left join billed as b on s.workspace_id = b.workspace_id and s.run_id = b.run_id
    left join computes as k on s.workspace_id = k.workspace_id and s.run_id = k.run_id
    -- one that is left out has gone from the source
    where t.run_id is not null or c.run_id is not null
),

-- the first name that is known stands for the time before it
names as (
    select
        n.workspace_id,
        n.resource_id as job_id,
        n.name,
        case
            when row_number() over (partition by n.workspace_id, n.resource_id order by n.valid_from) > 1
                then n.valid_from
            else '-infinity'
        end as valid_from,
        coalesce(n.valid_to, 'infinity') as valid_to
    from costpulse.resource_names as n
    where n.resource_type = 'job'
)

insert into costpulse.job_runs (
    workspace_id, job_id, run_id, job_name, run_name, run_type, trigger_type, schedule, owner, tags, first_usage_date,
    last_usage_date, started_at, ended_at, duration_seconds, queue_seconds, setup_seconds, execution_seconds, attempts,
    result_state, termination_code, compute_type, cluster_id, warehouse_id, cost_basis, dbu_consumed, list_cost_usd,
    cost_usd, apportioned_cost_usd, failed_cost_usd
)
select
    r.workspace_id,
    r.job_id,
    r.run_id,
    coalesce(n.name, r.billed_name, r.run_name) as job_name,
    r.run_name,
    r.run_type,
    r.trigger_type,
    j.schedule,
    j.owner,
    coalesce(j.tags, '{}') as tags,
    r.first_usage_date,
    r.last_usage_date,
    r.started_at,
    case when r.is_over then r.last_seen_at end as ended_at,
    floor(extract(epoch from r.last_seen_at - r.started_at)) as duration_seconds,
    r.queue_seconds,
    r.setup_seconds,
    r.execution_seconds,
    r.attempts,
    case when r.is_over then r.result_state end as result_state,
    case when r.is_over then r.termination_code end as termination_code,
    case when cardinality(r.compute_types) > 1 then 'mixed' else r.compute_types[1] end as compute_type,
    r.cluster_id,
    r.warehouse_id,
    r.cost_basis,
    r.dbu_consumed,
    r.list_cost_usd,
    r.cost_usd,
    r.apportioned_cost_usd,
    case
        when r.is_over and r.result_state in ('FAILED', 'TIMED_OUT', 'ERROR') then r.cost_usd
        when r.slice_seconds > 0 then round(r.cost_usd * r.failed_seconds / r.slice_seconds, 18)
    end as failed_cost_usd
from runs as r
left join costpulse.jobs as j on r.workspace_id = j.workspace_id and r.job_id = j.job_id
left join names as n
    on
        r.workspace_id = n.workspace_id
        and r.job_id = n.job_id
        and r.first_usage_date >= n.valid_from
        and r.first_usage_date < n.valid_to
