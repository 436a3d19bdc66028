-- Who sees all of the bill reads runs where they are stored. A function that is its own plan (security definer) made
-- each of the 63,000 runs of a month in all their columns, for a list that needs some of them summed up.

drop function costpulse.runs_of_jobs(date, date, text[], text[], text[], jsonb, text);

-- For a viewer of some teams, or with a filter by team or tags: what runs_of_jobs tells of the runs of jobs that they
-- bear a part of. Money is that share of each day's billed amounts that those rows of the bill have in all rows of the
-- job on that day, and nothing of shared compute, which is not billed to the job.
create function costpulse.runs_of_jobs_in_part(
    first_date date,
    last_date date,
    job_ids text[],
    workspaces text[],
    team_ids text[],
    wanted_tags jsonb,
    only_run text
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
    cost_from date;
    cost_to date;
begin
    if sees_all and team_ids is null and wanted_tags is null then
        return;  -- all of the bill counts: nothing has to be shared out
    end if;
    -- a run may begin before the window and end after it: its shares are those of all its days
    select min(r.first_usage_date), max(r.last_usage_date)
    into cost_from, cost_to
    from costpulse.job_runs as r
    where
        case
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
            k.job_id is not null
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
        where (t.workspace_id, t.job_id) in (
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
                when e.cost_basis = 'billed' and e.dbu_count is not null
                    then coalesce(round(e.dbu_count * s.dbu_count / s.all_dbu_count, 18), 0)
            end as dbu_count,
            case
                when e.cost_basis = 'billed' and e.list_cost_usd is not null
                    then coalesce(round(e.list_cost_usd * s.list_cost_usd / s.all_list_cost_usd, 18), 0)
            end as list_cost_usd,
            case
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

-- One row per run of a job that has a day between two days (or the one run that is asked for, whatever its days), of
-- jobs of which the viewer's teams bear cost on these days. Money is what the bill names the run for, else its share of
-- the shared compute it ran on; of a viewer of some teams, or with a filter by team or tags, see runs_of_jobs_in_part.
-- Amounts in the window are billed ones of its days alone.
-- job_ids: workspace/job. team_ids: '~' is cost without a team. wanted_tags: an array of {"key", "values", "missing"};
-- the values of a key are alternatives, missing says whether rows without the key count too. NULL: no filter.
-- lost_share: the part of the cost that brought nothing, 1 for a run that ended without success.
-- Written so that the planner puts it into the statement that asks: what that does not need is not made.
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
language sql stable parallel safe
as $body$
    select
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
        lower(coalesce(r.result_state, case when r.started_at is null then 'not known' else 'no end yet' end)) as result,
        r.termination_code,
        r.compute_type,
        r.cluster_id,
        r.warehouse_id,
        r.cost_basis,
        r.dbu_consumed as dbu_count,
        r.list_cost_usd,
        r.cost_usd,
        case
            when p.is_plain then case when r.cost_basis = 'billed' then r.dbu_consumed end
            else (
                select sum(c.dbu_count)
                from costpulse.job_run_costs as c
                where
                    c.workspace_id = r.workspace_id
                    and c.run_id = r.run_id
                    and c.cost_basis = 'billed'
                    and (only_run is not null or c.usage_date between first_date and last_date)
            )
        end as window_dbu_count,
        case
            when p.is_plain then case when r.cost_basis = 'billed' then r.list_cost_usd end
            else (
                select sum(c.list_cost_usd)
                from costpulse.job_run_costs as c
                where
                    c.workspace_id = r.workspace_id
                    and c.run_id = r.run_id
                    and c.cost_basis = 'billed'
                    and (only_run is not null or c.usage_date between first_date and last_date)
            )
        end as window_list_cost_usd,
        case
            when p.is_plain then case when r.cost_basis = 'billed' then r.cost_usd end
            else (
                select sum(c.cost_usd)
                from costpulse.job_run_costs as c
                where
                    c.workspace_id = r.workspace_id
                    and c.run_id = r.run_id
                    and c.cost_basis = 'billed'
                    and (only_run is not null or c.usage_date between first_date and last_date)
            )
        end as window_cost_usd,
        case
            when p.is_plain then case when r.cost_basis = 'apportioned' then r.list_cost_usd end
            else (
                select sum(c.list_cost_usd)
                from costpulse.job_run_costs as c
                where
                    c.workspace_id = r.workspace_id
                    and c.run_id = r.run_id
                    and c.cost_basis = 'apportioned'
                    and (only_run is not null or c.usage_date between first_date and last_date)
            )
        end as shared_list_cost_usd,
        case
            when p.is_plain then case when r.cost_basis = 'apportioned' then r.cost_usd end
            else (
                select sum(c.cost_usd)
                from costpulse.job_run_costs as c
                where
                    c.workspace_id = r.workspace_id
                    and c.run_id = r.run_id
                    and c.cost_basis = 'apportioned'
                    and (only_run is not null or c.usage_date between first_date and last_date)
            )
        end as shared_cost_usd,
        case
            when r.result_state in ('FAILED', 'TIMED_OUT', 'ERROR', 'CANCELLED', 'CANCELED') then 1
            when r.failed_cost_usd > 0 and r.cost_usd > 0 then r.failed_cost_usd / r.cost_usd
            else 0
        end as lost_share
    from costpulse.job_runs as r
    -- the days of a run are read where its sums do not say enough: it lies across an edge of the window, or it has
    -- both billed cost and a share of shared compute
    cross join lateral (
        select (
            (only_run is not null or (r.first_usage_date >= first_date and r.last_usage_date <= last_date))
            and (r.cost_basis = 'apportioned' or r.apportioned_cost_usd is null)
        ) as is_plain
    ) as p
    where
        current_setting('costpulse.scope', true) = 'all'
        and team_ids is null
        and wanted_tags is null
        and (only_run is not null or (r.last_usage_date >= first_date and r.first_usage_date <= last_date))
        and (only_run is null or r.run_id = only_run)
        and (workspaces is null or r.workspace_id = any(workspaces))
        and (
            job_ids is null
            or (r.workspace_id, r.job_id) in (
                select split_part(a.id, '/', 1), substring(a.id from position('/' in a.id) + 1)
                from unnest(job_ids) as a (id)
            )
        )
    union all
    select
        s.workspace_id,
        s.job_id,
        s.run_id,
        s.job_name,
        s.run_type,
        s.trigger_type,
        s.first_usage_date,
        s.last_usage_date,
        s.started_at,
        s.ended_at,
        s.duration_seconds,
        s.queue_seconds,
        s.setup_seconds,
        s.execution_seconds,
        s.attempts,
        s.result,
        s.termination_code,
        s.compute_type,
        s.cluster_id,
        s.warehouse_id,
        s.cost_basis,
        s.dbu_count,
        s.list_cost_usd,
        s.cost_usd,
        s.window_dbu_count,
        s.window_list_cost_usd,
        s.window_cost_usd,
        s.shared_list_cost_usd,
        s.shared_cost_usd,
        s.lost_share
    from costpulse.runs_of_jobs_in_part(
        first_date, last_date, job_ids, workspaces, team_ids, wanted_tags, only_run
    ) as s
$body$;

revoke execute on function
costpulse.runs_of_jobs_in_part(date, date, text[], text[], text[], jsonb, text),
costpulse.runs_of_jobs(date, date, text[], text[], text[], jsonb, text) from public;

do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'costpulse_app') then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant execute on function
        costpulse.runs_of_jobs_in_part(date, date, text[], text[], text[], jsonb, text),
        costpulse.runs_of_jobs(date, date, text[], text[], text[], jsonb, text)
    to costpulse_app;
end
$$;
