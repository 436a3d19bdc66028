-- jobs that fail again and again: what their failed attempts cost beyond what one attempt that succeeds costs instead.
-- Runs that lie wholly in the window and are over; cancelled ones have no failed cost, and never started ones no cost.
with failing as materialized (
    select
        r.workspace_id,
        r.job_id,
        max(r.started_at) as last_failed_at
    from costpulse.job_runs as r
    where
        r.last_usage_date between %(first_date)s and %(last_date)s
        and r.first_usage_date >= %(first_date)s
        and r.failed_cost_usd > 0
        and r.result_state is distinct from 'CANCELLED'
    group by r.workspace_id, r.job_id
    having
        count(*) >= %(minimum_failures)s
        and count(distinct r.last_usage_date) >= %(minimum_days)s
),

-- what is deleted or paused fails no more
jobs as materialized (
    select
        f.workspace_id,
        f.job_id,
        f.last_failed_at,
        j.name,
        j.owner,
        j.paused
    from failing as f
    left join costpulse.jobs as j on f.workspace_id = j.workspace_id and f.job_id = j.job_id
    where f.job_id is not null and j.delete_time is null and j.paused is not true
),

-- all runs of those jobs, each with what its job is like: joined to sums of their own the planner would loop
runs as (
    select
        r.workspace_id,
        r.job_id,
        j.name,
        j.owner,
        j.paused,
        r.job_name,
        r.owner as run_owner,
        r.started_at,
        r.last_usage_date,
        r.failed_cost_usd,
        r.is_success,
        r.has_failed,
        r.result_state in ('FAILED', 'TIMED_OUT', 'ERROR') as is_lost,
        case
            when r.cost_basis = 'billed' then 'job'
            when r.warehouse_id is null and r.cluster_id is not null then 'cluster'
            when r.cluster_id is null and r.warehouse_id is not null then 'warehouse'
        end as bearer_type,
        case
            when r.cost_basis = 'billed' then r.job_id
            when num_nonnulls(r.cluster_id, r.warehouse_id) = 1 then coalesce(r.cluster_id, r.warehouse_id)
        end as bearer_id,
        lead(r.is_success) over in_order
        and (lead(r.started_at) over in_order - r.started_at) * 2 * (count(*) over job - 1)
        < max(r.started_at) over job - min(r.started_at) over job as is_run_again,
        count(*) over job as runs,
        count(*) filter (where r.is_success) over job as successes,
        count(*) filter (where r.has_failed) over job as failures,
        count(*) filter (where r.has_failed and r.is_success) over job as repaired,
        count(*) filter (where r.is_success and r.started_at > j.last_failed_at) over job as clean_runs,
        sum(r.cost_usd) filter (where r.cost_basis = 'billed') over job as billed_cost_usd,
        -- of one attempt that succeeds
        round(
            sum(r.cost_usd - r.failed_cost_usd) filter (where r.is_success) over job
            / nullif(count(r.cost_usd) filter (where r.is_success) over job, 0),
            18
        ) as success_cost_usd
    from (
        select
            a.*,
            a.result_state = 'SUCCEEDED' as is_success,
            coalesce(a.failed_cost_usd > 0 and a.result_state <> 'CANCELLED', false) as has_failed
        from costpulse.job_runs as a
    ) as r
    inner join jobs as j on r.workspace_id = j.workspace_id and r.job_id = j.job_id
    where
        r.last_usage_date between %(first_date)s and %(last_date)s
        and r.first_usage_date >= %(first_date)s
        and r.result_state is not null
        and r.duration_seconds > 0
    window
        in_order as (partition by r.workspace_id, r.job_id order by r.started_at),
        job as (partition by r.workspace_id, r.job_id)
),

-- A repaired run has its success: all that failed before it was for nothing. So it was where a success follows sooner
-- than usual (somebody ran it again), and where the job never succeeds. Else a success in its place would cost as well.
-- A job that has run well for three times as long as it usually does between two failures is repaired.
avoidable as (
    select
        r.workspace_id,
        r.job_id,
        r.bearer_type,
        r.bearer_id,
        coalesce(max(r.name), (array_agg(r.job_name order by r.started_at desc))[1], r.job_id) as name,
        coalesce(max(r.owner), max(r.run_owner)) as owner,
        bool_or(r.paused) as paused,
        max(r.runs) as runs,
        max(r.successes) as successes,
        max(r.failures) as failures,
        max(r.repaired) as repaired,
        max(r.billed_cost_usd) as billed_cost_usd,
        max(r.success_cost_usd) as success_cost_usd,
        count(distinct r.last_usage_date) as failed_days,
        sum(r.failed_cost_usd) as failed_cost_usd,
        sum(
            case
                when r.is_success or r.successes = 0 or r.is_run_again then r.failed_cost_usd
                when r.is_lost then greatest(r.failed_cost_usd - r.success_cost_usd, 0)
                else 0
            end
        ) as cost_usd
    from runs as r
    where r.has_failed and r.bearer_id is not null and r.clean_runs * r.failures <= 3 * r.runs
    group by r.workspace_id, r.job_id, r.bearer_type, r.bearer_id
),

-- one bearer per job: the one with most to save
largest as (
    select distinct on (a.workspace_id, a.job_id) a.*
    from avoidable as a
    where a.cost_usd > 0
    order by a.workspace_id asc, a.job_id asc, a.cost_usd desc, a.bearer_type asc, a.bearer_id asc
),

borne as (
    select
        l.*,
        case l.bearer_type
            when 'job' then l.billed_cost_usd
            when 'cluster'
                then (
                    select sum(d.cost_usd)
                    from costpulse.cluster_daily as d
                    where
                        d.workspace_id = l.workspace_id
                        and d.cluster_id = l.bearer_id
                        and d.usage_date between %(first_date)s and %(last_date)s
                )
            else (
                select sum(d.cost_usd)
                from costpulse.warehouse_daily as d
                where
                    d.workspace_id = l.workspace_id
                    and d.warehouse_id = l.bearer_id
                    and d.usage_date between %(first_date)s and %(last_date)s
            )
        end as resource_cost_usd
    from largest as l
),

judged as (
    select
        b.*,
        coalesce(b.successes = 0 and not b.paused, false) as is_pausable,
        least(b.cost_usd, b.resource_cost_usd) as saving_usd
    from borne as b
    where b.resource_cost_usd > 0
)

insert into found_recommendations (
    type, workspace_id, resource_type, resource_id, resource_name, acts_on, bearer_type, bearer_id, person,
    resource_cost_usd, saving_usd, wasted_usd, vm_saving_usd, vm_saving_source, confidence, confidence_reason, title,
    evidence, calculation, setting, setting_from, setting_to, command
)
select
    'failed_runs' as type,
    j.workspace_id,
    'job' as resource_type,
    j.job_id as resource_id,
    j.name as resource_name,
    'failures' as acts_on,
    j.bearer_type,
    j.bearer_id,
    j.owner as person,
    j.resource_cost_usd,
    j.saving_usd,
    greatest(j.failed_cost_usd, 0) as wasted_usd,
    null as vm_saving_usd,
    null as vm_saving_source,
    case when j.bearer_type <> 'job' then 'low' when j.successes = 0 then 'medium' else 'high' end as confidence,
    case
        when j.bearer_type <> 'job'
            then
                'The runs share a ' || j.bearer_type || ' with others, whose bill falls only as far as it is up for '
                'less time.'
        when j.successes = 0 then 'No run succeeded, so nobody gets anything from it; pausing it saves what it costs.'
        else 'The bill names the runs, and only what comes on top of one success per run counts.'
    end as confidence_reason,
    case
        when j.successes = 0
            then 'Pause "' || j.name || '" until it is repaired: none of ' || j.runs || ' runs succeeded'
        else 'Repair "' || j.name || '": ' || j.failures || ' of ' || j.runs || ' runs failed at least once'
    end as title,
    jsonb_build_object(
        'runs', j.runs,
        'successes', j.successes,
        'failures', j.failures,
        'repaired', j.repaired,
        'failed_days', j.failed_days,
        'failed_cost_usd', round(j.failed_cost_usd, 2),
        'avoidable_cost_usd', round(j.saving_usd, 2),
        'success_cost_usd', round(j.success_cost_usd, 2)
    ) as evidence,
    round(j.failed_cost_usd, 2) || ' USD of failed attempts - '
    || round(greatest(j.failed_cost_usd, j.saving_usd) - j.saving_usd, 2)
    || ' USD that a success in their place would cost = ' || round(j.saving_usd, 2) || ' USD' as calculation,
    case when j.is_pausable then 'paused' end as setting,
    case when j.is_pausable then 'false' end as setting_from,
    case when j.is_pausable then 'true' end as setting_to,
    'GET /api/2.1/jobs/runs/list?job_id=' || j.job_id || '&completed_only=true' as command
from judged as j
where j.saving_usd > 0
