-- workspace x job: job whose runs take their time on an all-purpose cluster, where a DBU costs more
with hosts as (
    select
        i.workspace_id,
        i.cluster_id,
        i.cluster_name,
        w.cloud,
        sum(d.cost_usd) as resource_cost_usd,
        sum(d.up_hours) as up_hours,
        sum(d.idle_hours) as idle_hours
    from costpulse.cluster_info as i
    inner join costpulse.workspaces as w on i.workspace_id = w.workspace_id
    inner join costpulse.cluster_daily as d on i.workspace_id = d.workspace_id and i.cluster_id = d.cluster_id
    where
        i.cluster_type = 'all-purpose'
        and i.deleted_at is null
        and (i.workspace_id, i.cluster_id) in (
            select
                t.workspace_id,
                t.cluster_id
            from costpulse.cluster_task_hours as t
            where t.usage_date between %(first_date)s and %(last_date)s
        )
        and d.usage_date between %(first_date)s and %(last_date)s
    group by i.id, w.id
    having sum(d.cost_usd) > 0 and sum(d.task_hours) > 0
),

-- how much of the time in which a cluster did something tasks of jobs ran on it
used as (
    select
        h.*,
        t.task_seconds / 3600.0 as task_hours
    from hosts as h
    inner join (
        select
            c.workspace_id,
            c.cluster_id,
            sum(c.task_seconds) as task_seconds
        from costpulse.cluster_task_hours as c
        where c.usage_date between %(first_date)s and %(last_date)s
        group by c.workspace_id, c.cluster_id
    ) as t on h.workspace_id = t.workspace_id and h.cluster_id = t.cluster_id
    where t.task_seconds / 3600.0 >= %(minimum_job_percent)s / 100.0 * (h.up_hours - h.idle_hours)
),

work as (
    select
        r.workspace_id,
        r.job_id,
        u.cluster_id,
        count(distinct r.run_id) as runs,
        sum(c.task_seconds) as task_seconds,
        sum(c.cost_usd) as cost_usd,
        max(c.usage_date) as last_date,
        count(distinct c.usage_date) as days
    from used as u
    inner join costpulse.job_run_costs as c
        on u.workspace_id = c.workspace_id and u.cluster_id = c.compute_id
    inner join costpulse.job_runs as r on c.workspace_id = r.workspace_id and c.run_id = r.run_id
    where
        c.usage_date between %(first_date)s and %(last_date)s
        and c.cost_basis = 'apportioned'
        and c.compute_type = 'cluster'
        and r.run_type = 'JOB_RUN'
        and r.job_id is not null
    group by r.workspace_id, r.job_id, u.cluster_id
),

-- the job is there, is not paused, and has not moved elsewhere since
present as (
    select
        k.*,
        j.name as job_name,
        j.owner,
        row_number() over (partition by k.workspace_id, k.job_id order by k.cost_usd desc, k.cluster_id asc) as place
    from work as k
    inner join costpulse.jobs as j on k.workspace_id = j.workspace_id and k.job_id = j.job_id
    where
        k.cost_usd > 0
        and j.delete_time is null
        and j.paused is not true
        and k.task_seconds >= 60 * k.runs * %(minimum_run_minutes)s
        and not exists (
            select 1 as found
            from costpulse.job_runs as r
            where
                r.workspace_id = k.workspace_id
                and r.job_id = k.job_id
                and r.last_usage_date > k.last_date
                and r.compute_type in ('cluster', 'warehouse', 'serverless')
                and r.cluster_id is distinct from k.cluster_id
        )
),

-- what the clusters are billed under, and the SKU of the same plan with the same engine for jobs
skus as (
    select
        k.workspace_id,
        k.cluster_id,
        d.sku_name,
        replace(d.sku_name, 'ALL_PURPOSE_COMPUTE', 'JOBS_COMPUTE') as jobs_sku_name,
        sum(d.cost_usd) as cost_usd
    from (
        select distinct
            p.workspace_id,
            p.cluster_id
        from present as p
        where p.place = 1
    ) as p
    inner join costpulse.cost_keys as k on p.workspace_id = k.workspace_id and p.cluster_id = k.cluster_id
    inner join costpulse.daily_key_costs as d on k.key_id = d.key_id
    where
        k.job_id is null
        and k.pipeline_id is null
        and d.usage_date between %(first_date)s and %(last_date)s
        and d.usage_unit = 'DBU'
    group by k.workspace_id, k.cluster_id, d.sku_name
    having sum(d.cost_usd) > 0
),

-- the customer's price of a SKU on the last day
prices as (
    select
        n.cloud,
        n.sku_name,
        f.effective_rate
    from (
        select
            h.cloud,
            s.sku_name
        from skus as s
        inner join hosts as h on s.workspace_id = h.workspace_id and s.cluster_id = h.cluster_id
        union
        select
            h.cloud,
            s.jobs_sku_name as sku_name
        from skus as s
        inner join hosts as h on s.workspace_id = h.workspace_id and s.cluster_id = h.cluster_id
        where s.jobs_sku_name <> s.sku_name
    ) as n
    cross join
        lateral (
            select l.effective_rate
            from costpulse.list_prices as l
            where
                l.cloud = n.cloud
                and l.sku_name = n.sku_name
                and l.usage_unit = 'DBU'
                and l.currency_code = 'USD'
                and l.price_start_time < (%(last_date)s::date + 1)::timestamp at time zone 'UTC'
                and (
                    l.price_end_time is null
                    or l.price_end_time >= (%(last_date)s::date + 1)::timestamp at time zone 'UTC'
                )
            order by l.price_start_time desc
            limit 1
        ) as p
    cross join lateral costpulse.price_in_force(n.sku_name, %(last_date)s::date, p.effective_rate) as f
    where f.effective_rate > 0
),

-- by the cost under each SKU, where all of them have a price as a job
cheaper as (
    select
        s.workspace_id,
        s.cluster_id,
        sum(s.cost_usd * (1 - j.effective_rate / a.effective_rate)) / sum(s.cost_usd) as share,
        sum(s.cost_usd * a.effective_rate) / sum(s.cost_usd) as all_purpose_rate,
        sum(s.cost_usd * j.effective_rate) / sum(s.cost_usd) as jobs_rate,
        string_agg(s.jobs_sku_name, ', ' order by s.jobs_sku_name) as jobs_sku_name
    from skus as s
    inner join hosts as h on s.workspace_id = h.workspace_id and s.cluster_id = h.cluster_id
    left join prices as a on h.cloud = a.cloud and s.sku_name = a.sku_name
    left join prices as j on h.cloud = j.cloud and s.jobs_sku_name = j.sku_name and s.jobs_sku_name <> s.sku_name
    group by s.workspace_id, s.cluster_id
    having count(a.effective_rate) = count(*) and count(j.effective_rate) = count(*)
),

found as (
    select
        p.*,
        u.cluster_name,
        u.resource_cost_usd,
        c.all_purpose_rate,
        c.jobs_rate,
        c.jobs_sku_name,
        coalesce(p.job_name, p.job_id) as called,
        coalesce(u.cluster_name, p.cluster_id) as host,
        least(round(p.cost_usd * c.share, 18), u.resource_cost_usd) as saving_usd,
        p.task_seconds / 60.0 / p.runs as run_minutes,
        least(u.task_hours / nullif(u.up_hours - u.idle_hours, 0), 1) as share_of_jobs
    from present as p
    inner join cheaper as c on p.workspace_id = c.workspace_id and p.cluster_id = c.cluster_id
    inner join used as u on p.workspace_id = u.workspace_id and p.cluster_id = u.cluster_id
    where p.place = 1 and c.share > 0
)

insert into found_recommendations (
    type, workspace_id, resource_type, resource_id, resource_name, acts_on, bearer_type, bearer_id, person,
    resource_cost_usd, saving_usd, wasted_usd, vm_saving_usd, vm_saving_source, confidence, confidence_reason, title,
    evidence, calculation, setting, setting_from, setting_to, command
)
select
    'jobs_on_all_purpose' as type,
    f.workspace_id,
    'job' as resource_type,
    f.job_id as resource_id,
    f.job_name as resource_name,
    'price' as acts_on,
    'cluster' as bearer_type,
    f.cluster_id as bearer_id,
    f.owner as person,
    f.resource_cost_usd,
    f.saving_usd,
    null as wasted_usd,
    null as vm_saving_usd,
    null as vm_saving_source,
    case
        when f.days < 5 or f.run_minutes < 10 then 'low'
        when f.share_of_jobs >= 0.8 and f.days >= 14 then 'high'
        else 'medium'
    end as confidence,
    case
        when f.days < 5 then format('It ran on %%s days only.', f.days)
        when f.run_minutes < 10
            then
                format(
                    'A run takes %%s minutes of tasks: starting a cluster for each may cost much of the saving.',
                    round(f.run_minutes, 1)
                )
        else
            format(
                'Jobs take %%s %%%% of the time in which the cluster does something: the more, the surer that it is up '
                'for less time without them.', round(100 * f.share_of_jobs)
            )
    end as confidence_reason,
    format('Run "%%s" on job compute, not on the all-purpose cluster "%%s"', f.called, f.host) as title,
    jsonb_build_object(
        'cluster_id', f.cluster_id,
        'cluster_name', f.cluster_name,
        'runs', f.runs,
        'days', f.days,
        'task_hours', round(f.task_seconds / 3600.0, 1),
        'minutes_per_run', round(f.run_minutes, 1),
        'apportioned_cost_usd', round(f.cost_usd, 2),
        'all_purpose_rate', round(f.all_purpose_rate, 6),
        'jobs_rate', round(f.jobs_rate, 6),
        'jobs_sku_name', f.jobs_sku_name,
        'share_of_jobs_percent', round(100 * f.share_of_jobs)
    ) as evidence,
    format(
        '%%s USD of the cluster by task time x (1 - %%s / %%s USD per DBU) = %%s USD', round(f.cost_usd, 2),
        round(f.jobs_rate, 4), round(f.all_purpose_rate, 4), round(f.saving_usd, 2)
    ) as calculation,
    'compute' as setting,
    'existing_cluster_id ' || f.cluster_id as setting_from,
    'job_cluster_key of a new cluster in job_clusters' as setting_to,
    'databricks jobs get ' || quote_literal(f.job_id)
    || ' # then, in its tasks, job_cluster_key instead of existing_cluster_id, by databricks jobs update' as command
from found as f
