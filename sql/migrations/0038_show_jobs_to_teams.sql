-- What the app tells of jobs and their runs to whom. job_runs, job_run_costs and job_run_usage hold what a run costs as
-- a whole, so they stay with viewers who see all teams. A viewer of some teams learns what a job is, by the policy of
-- jobs, and how its runs went, by these functions, if these teams bear cost of it; money is their own share of it.

-- A job is found by its keys, and its keys by the job.
create index cost_keys_job on costpulse.cost_keys (workspace_id, job_id)
where job_id is not null;

-- One row per run of a job that has a day between two days (or the one run that is asked for, whatever its days), of
-- jobs of which the viewer's teams bear cost on these days. Money is what the bill names the run for, else its share of
-- the shared compute it ran on; of a viewer of some teams, or with a filter by team or tags, that share of each day's
-- billed amounts that those rows of the bill have in all rows of the job on that day, and nothing of shared compute,
-- which is not billed to the job. Amounts in the window are billed ones of its days alone.
-- job_ids: workspace/job. team_ids: '~' is cost without a team. wanted_tags: an array of {"key", "values", "missing"};
-- the values of a key are alternatives, missing says whether rows without the key count too. NULL: no filter.
-- lost_share: the part of the cost that brought nothing, 1 for a run that ended without success.
create function costpulse.runs_of_jobs(
    first_date date,
    last_date date,
    job_ids text[] default null,
    workspaces text[] default null,
    team_ids text[] default null,
    wanted_tags jsonb default null,
    only_run text default null
)
returns table (
    workspace_id text,
    job_id text,
    run_id text,
    job_name text,
    run_type text,
    trigger_type text,
    first_usage_date date,
    last_usage_date date,
    started_at timestamptz,
    ended_at timestamptz,
    duration_seconds bigint,
    queue_seconds bigint,
    setup_seconds bigint,
    execution_seconds bigint,
    attempts integer,
    result text,
    termination_code text,
    compute_type text,
    cluster_id text,
    warehouse_id text,
    cost_basis text,
    dbu_count numeric,
    list_cost_usd numeric,
    cost_usd numeric,
    window_dbu_count numeric,
    window_list_cost_usd numeric,
    window_cost_usd numeric,
    shared_list_cost_usd numeric,
    shared_cost_usd numeric,
    lost_share numeric
)
language plpgsql stable parallel safe
security definer
rows 5000
-- A plan made for any filters would be made for few rows.
set plan_cache_mode = force_custom_plan
set search_path = pg_catalog
as $body$
declare
    scope text := current_setting('costpulse.scope', true);
    sees_all boolean := coalesce(scope = 'all', false);
    own_teams bigint[] := string_to_array(nullif(scope, 'all'), ',')::bigint[];
    -- all of the bill counts: nothing has to be shared out
    is_whole boolean := sees_all and team_ids is null and wanted_tags is null;
    cost_from date;
    cost_to date;
begin
    -- a run may begin before the window and end after it: its shares are those of all its days
    select min(r.first_usage_date), max(r.last_usage_date)
    into cost_from, cost_to
    from costpulse.job_runs as r
    where
        not is_whole
        and case
            when only_run is null
                then r.last_usage_date >= first_date and r.first_usage_date <= last_date
            else r.run_id = only_run and r.workspace_id || '/' || r.job_id = any(job_ids)
        end;
    return query
    with touched as (
        select
            r.id,
            r.workspace_id,
            r.job_id,
            r.run_id,
            r.job_name,
            r.run_type,
            r.trigger_type,
            r.first_usage_date,
            r.last_usage_date,
            r.started_at,
            r.ended_at,
            r.duration_seconds,
            r.queue_seconds,
            r.setup_seconds,
            r.execution_seconds,
            r.attempts,
            r.result_state,
            r.termination_code,
            r.compute_type,
            r.cluster_id,
            r.warehouse_id,
            r.cost_basis,
            case
                when r.result_state in ('FAILED', 'TIMED_OUT', 'ERROR', 'CANCELLED', 'CANCELED') then 1
                when r.failed_cost_usd > 0 and r.cost_usd > 0 then r.failed_cost_usd / r.cost_usd
                else 0
            end as lost
        from costpulse.job_runs as r
        where
            (only_run is not null or (r.last_usage_date >= first_date and r.first_usage_date <= last_date))
            and (only_run is null or r.run_id = only_run)
            and (workspaces is null or r.workspace_id = any(workspaces))
            and (
                job_ids is null
                or (r.workspace_id, r.job_id) in (
                    select split_part(a.id, '/', 1), substring(a.id from position('/' in a.id) + 1)
                    from unnest(job_ids) as a (id)
                )
            )
    ),

    shares as materialized (
        select
            d.usage_date,
            k.workspace_id,
            k.job_id,
            coalesce(sum(d.dbu_count) filter (where b.is_borne), 0) as dbu_count,
            coalesce(sum(d.list_cost_usd) filter (where b.is_borne), 0) as list_cost_usd,
            coalesce(sum(d.cost_usd) filter (where b.is_borne), 0) as cost_usd,
            nullif(sum(d.dbu_count), 0) as all_dbu_count,
            nullif(sum(d.list_cost_usd), 0) as all_list_cost_usd,
            nullif(sum(d.cost_usd), 0) as all_cost_usd
        from costpulse.daily_key_costs as d
        inner join costpulse.cost_keys as k on d.key_id = k.key_id
        cross join lateral (
            select coalesce(
                (sees_all or d.team_id = any(own_teams))
                and (team_ids is null or coalesce(d.team_id::text, '~') = any(team_ids))
                and (
                    wanted_tags is null
                    or not exists (
                        select
                        from jsonb_to_recordset(wanted_tags) as w (key text, values text[], missing boolean)
                        where not coalesce(k.tags ->> w.key = any(w.values), w.missing)
                    )
                ), false
            ) as is_borne
        ) as b
        where
            not is_whole
            and k.job_id is not null
            and d.usage_date between cost_from and cost_to
            and (workspaces is null or k.workspace_id = any(workspaces))
            and (
                job_ids is null
                or (k.workspace_id, k.job_id) in (
                    select split_part(a.id, '/', 1), substring(a.id from position('/' in a.id) + 1)
                    from unnest(job_ids) as a (id)
                )
            )
        group by d.usage_date, k.workspace_id, k.job_id
        having bool_or(b.is_borne)
    ),

    seen as materialized (
        select t.*
        from touched as t
        where
            is_whole
            or (t.workspace_id, t.job_id) in (
                select
                    s.workspace_id,
                    s.job_id
                from shares as s
            )
    ),

    days as (
        select
            t.id,
            e.cost_basis = t.cost_basis as is_on_basis,
            e.cost_basis = 'billed' as is_billed,
            only_run is not null or e.usage_date between first_date and last_date as in_window,
            case
                when is_whole then e.dbu_count
                when e.cost_basis = 'billed' and e.dbu_count is not null
                    then coalesce(round(e.dbu_count * s.dbu_count / s.all_dbu_count, 18), 0)
            end as dbu_count,
            case
                when is_whole then e.list_cost_usd
                when e.cost_basis = 'billed' and e.list_cost_usd is not null
                    then coalesce(round(e.list_cost_usd * s.list_cost_usd / s.all_list_cost_usd, 18), 0)
            end as list_cost_usd,
            case
                when is_whole then e.cost_usd
                when e.cost_basis = 'billed' and e.cost_usd is not null
                    then coalesce(round(e.cost_usd * s.cost_usd / s.all_cost_usd, 18), 0)
            end as cost_usd
        from seen as t
        inner join costpulse.job_run_costs as e on t.workspace_id = e.workspace_id and t.run_id = e.run_id
        left join shares as s
            on e.usage_date = s.usage_date and t.workspace_id = s.workspace_id and t.job_id = s.job_id
    ),

    costs as (
        select
            d.id,
            sum(d.dbu_count) filter (where d.is_on_basis) as dbu_count,
            sum(d.list_cost_usd) filter (where d.is_on_basis) as list_cost_usd,
            sum(d.cost_usd) filter (where d.is_on_basis) as cost_usd,
            sum(d.dbu_count) filter (where d.is_billed and d.in_window) as window_dbu_count,
            sum(d.list_cost_usd) filter (where d.is_billed and d.in_window) as window_list_cost_usd,
            sum(d.cost_usd) filter (where d.is_billed and d.in_window) as window_cost_usd,
            sum(d.list_cost_usd) filter (where not d.is_billed and d.in_window) as shared_list_cost_usd,
            sum(d.cost_usd) filter (where not d.is_billed and d.in_window) as shared_cost_usd
        from days as d
        group by d.id
    )

    select
        t.workspace_id,
        t.job_id,
        t.run_id,
        t.job_name,
        t.run_type,
        t.trigger_type,
        t.first_usage_date,
        t.last_usage_date,
        t.started_at,
        t.ended_at,
        t.duration_seconds,
        t.queue_seconds,
        t.setup_seconds,
        t.execution_seconds,
        t.attempts,
        lower(coalesce(t.result_state, case when t.started_at is null then 'not known' else 'no end yet' end)) as result,
        t.termination_code,
        t.compute_type,
        t.cluster_id,
        t.warehouse_id,
        t.cost_basis,
        c.dbu_count,
        c.list_cost_usd,
        c.cost_usd,
        c.window_dbu_count,
        c.window_list_cost_usd,
        c.window_cost_usd,
        c.shared_list_cost_usd,
        c.shared_cost_usd,
        t.lost as lost_share
    from seen as t
    left join costs as c on t.id = c.id;
end
$body$;

-- One row per day and compute that the tasks of a run ran on, if the viewer may see the run.
create function costpulse.tasks_of_run(job text, run text)
returns table (usage_date date, compute_type text, compute_id text, task_seconds bigint)
language sql stable parallel safe
security definer
set search_path = pg_catalog
as $body$
    select
        t.usage_date,
        t.compute_type,
        nullif(t.compute_id, '') as compute_id,
        t.task_seconds
    from costpulse.runs_of_jobs('-infinity', 'infinity', array[tasks_of_run.job], only_run => tasks_of_run.run) as r
    inner join costpulse.job_task_days as t on r.workspace_id = t.workspace_id and r.run_id = t.job_run_id
$body$;

-- One row per day, SKU, unit and price of what the bill names a run for, if the viewer may see the run; quantities and
-- money are the share of the viewer's teams in what the job costs on that day, as in runs_of_jobs.
create function costpulse.records_of_run(job text, run text)
returns table (
    usage_date date,
    sku_name text,
    usage_unit text,
    is_serverless boolean,
    usage_quantity numeric,
    dbu_rate numeric,
    effective_rate numeric,
    list_cost_usd numeric,
    cost_usd numeric
)
language sql stable parallel safe
security definer
set search_path = pg_catalog
as $body$
    select
        u.usage_date,
        u.sku_name,
        u.usage_unit,
        u.is_serverless,
        case when v.sees_all then u.usage_quantity else round(u.usage_quantity * s.cost_share, 18) end as usage_quantity,
        u.dbu_rate,
        u.effective_rate,
        case when v.sees_all then u.list_cost_usd else round(u.list_cost_usd * s.list_share, 18) end as list_cost_usd,
        case when v.sees_all then u.cost_usd else round(u.cost_usd * s.cost_share, 18) end as cost_usd
    from costpulse.runs_of_jobs('-infinity', 'infinity', array[records_of_run.job], only_run => records_of_run.run) as r
    inner join costpulse.job_run_usage as u on r.workspace_id = u.workspace_id and r.run_id = u.run_id
    cross join (
        select
            current_setting('costpulse.scope', true) = 'all' as sees_all,
            string_to_array(nullif(current_setting('costpulse.scope', true), 'all'), ',')::bigint[] as teams
    ) as v
    cross join lateral (
        select
            coalesce(sum(d.cost_usd) filter (where d.team_id = any(v.teams)) / nullif(sum(d.cost_usd), 0), 0)
                as cost_share,
            coalesce(sum(d.list_cost_usd) filter (where d.team_id = any(v.teams)) / nullif(sum(d.list_cost_usd), 0), 0)
                as list_share
        from costpulse.cost_keys as k
        inner join costpulse.daily_key_costs as d on k.key_id = d.key_id
        where
            not v.sees_all
            and k.workspace_id = r.workspace_id
            and k.job_id = r.job_id
            and d.usage_date = u.usage_date
    ) as s
$body$;

revoke execute on function
costpulse.runs_of_jobs(date, date, text[], text[], text[], jsonb, text) from public;
revoke execute on function costpulse.tasks_of_run(text, text) from public;
revoke execute on function costpulse.records_of_run(text, text) from public;

do $$
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant execute on function
        costpulse.runs_of_jobs(date, date, text[], text[], text[], jsonb, text),
        costpulse.tasks_of_run(text, text),
        costpulse.records_of_run(text, text)
    to costpulse_app;
    -- There is no money in jobs. Who sees all teams is not asked about the bill; what a viewer of some teams sees of
    -- daily_key_costs is what these teams bear.
    drop policy team_scope on costpulse.jobs;
    create policy team_scope on costpulse.jobs for select to costpulse_app using (
        (select current_setting('costpulse.scope', true) = 'all')
        or exists (
            select
            from costpulse.cost_keys as k
            inner join costpulse.daily_key_costs as d on k.key_id = d.key_id
            where k.workspace_id = jobs.workspace_id and k.job_id = jobs.job_id
        )
    );
end
$$;
