-- What the app tells of clusters and warehouses to whom. The rows of cluster_info, cluster_daily, warehouse_info,
-- warehouse_daily and query_costs hold the cost of a machine as a whole, so they stay with viewers who see all teams.
-- A viewer of some teams learns through these functions what a machine is, and how it was used on the days on which
-- these teams bear cost of it; no money is in them: own shares are in daily_key_costs, by its policy.

-- One row per cluster or warehouse of which the viewer's teams bear cost between two days; for who sees all teams, of
-- everything seen since the first day. `ids` are ids of machines; NULL: all.
create function costpulse.machines(first_date date, last_date date, ids text[] default null)
returns table (
    machine_type text,
    workspace_id text,
    machine_id text,
    name text,
    kind text,
    state text,
    state_as_of timestamptz,
    owner text,
    node_type text,
    driver_node_type text,
    min_size integer,
    max_size integer,
    auto_stop_minutes integer,
    never_stops boolean,
    is_serverless boolean,
    warehouse_type text,
    photon_enabled boolean,
    policy_id text,
    runtime text,
    created_at timestamptz,
    deleted_at timestamptz,
    last_used_at timestamptz
)
language plpgsql stable parallel safe
security definer
-- A plan made for any days would be made for few rows.
set plan_cache_mode = force_custom_plan
set search_path = pg_catalog
as $body$
declare
    scope text := current_setting('costpulse.scope', true);
    sees_all boolean := coalesce(scope = 'all', false);
    teams bigint[] := string_to_array(nullif(scope, 'all'), ',')::bigint[];
begin
    return query
    with borne as materialized (
        select distinct
            coalesce(k.workspace_id, '') as workspace_id,
            k.cluster_id,
            k.warehouse_id
        from costpulse.daily_key_costs as d
        inner join costpulse.cost_keys as k on d.key_id = k.key_id
        where
            not sees_all
            and d.usage_date between machines.first_date and machines.last_date
            and d.team_id = any(teams)
            and (k.cluster_id is not null or k.warehouse_id is not null)
            and (machines.ids is null or k.cluster_id = any(machines.ids) or k.warehouse_id = any(machines.ids))
    )

    select
        'cluster' as machine_type,
        c.workspace_id,
        c.cluster_id as machine_id,
        c.cluster_name as name,
        c.cluster_type as kind,
        case c.state when 'terminated' then 'stopped' else c.state end as state,
        c.state_as_of,
        c.owner,
        c.node_type,
        c.driver_node_type,
        coalesce(c.min_workers, c.num_workers) as min_size,
        coalesce(c.max_workers, c.num_workers) as max_size,
        c.auto_termination_minutes as auto_stop_minutes,
        c.never_terminates and c.state <> 'deleted' as never_stops,
        null::boolean as is_serverless,
        null as warehouse_type,
        c.photon_enabled,
        c.policy_id,
        c.spark_version as runtime,
        c.created_at,
        c.deleted_at,
        coalesce(c.last_active_at, c.last_up_at) as last_used_at
    from costpulse.cluster_info as c
    where
        (machines.ids is null or c.cluster_id = any(machines.ids))
        and case
            when sees_all
                then c.last_seen_date >= machines.first_date or c.state in ('running', 'idle') or machines.ids is not null
            else
                (coalesce(c.workspace_id, ''), c.cluster_id) in (
                    select
                        b.workspace_id,
                        b.cluster_id
                    from borne as b
                )
        end
    union all
    select
        'warehouse' as machine_type,
        w.workspace_id,
        w.warehouse_id as machine_id,
        w.name,
        'warehouse' as kind,
        w.state,
        w.state_as_of,
        w.owner,
        w.warehouse_size as node_type,
        null as driver_node_type,
        w.min_clusters as min_size,
        w.max_clusters as max_size,
        w.auto_stop_minutes,
        coalesce(w.auto_stop_minutes = 0, false) and w.state <> 'deleted' as never_stops,
        w.is_serverless,
        w.warehouse_type,
        null as photon_enabled,
        null as policy_id,
        w.warehouse_channel as runtime,
        null as created_at,
        w.delete_time as deleted_at,
        w.last_query_at as last_used_at
    from costpulse.warehouse_info as w
    where
        (machines.ids is null or w.warehouse_id = any(machines.ids))
        and (
            sees_all
            or (coalesce(w.workspace_id, ''), w.warehouse_id) in (
                select
                    b.workspace_id,
                    b.warehouse_id
                from borne as b
            )
        );
end
$body$;

-- One row per day, cluster or warehouse of which the viewer's teams bear cost on that day; for who sees all teams, of
-- everything. idle_share is the part of the day's bill that brought nothing: of a warehouse what query_costs call idle,
-- of a cluster idle hours by hours up; NULL where nothing was measured. It says no amount.
create function costpulse.machine_days(first_date date, last_date date, ids text[] default null)
returns table (
    usage_date date,
    machine_type text,
    workspace_id text,
    machine_id text,
    up_hours numeric,
    idle_hours numeric,
    idle_share numeric,
    node_hours numeric,
    cpu_percent numeric,
    mem_percent numeric,
    start_count bigint,
    executions bigint,
    failed_count bigint,
    users bigint
)
language plpgsql stable parallel safe
security definer
rows 50000
set plan_cache_mode = force_custom_plan
set search_path = pg_catalog
as $body$
declare
    scope text := current_setting('costpulse.scope', true);
    sees_all boolean := coalesce(scope = 'all', false);
    teams bigint[] := string_to_array(nullif(scope, 'all'), ',')::bigint[];
begin
    return query
    with borne as materialized (
        select distinct
            d.usage_date,
            coalesce(k.workspace_id, '') as workspace_id,
            k.cluster_id,
            k.warehouse_id
        from costpulse.daily_key_costs as d
        inner join costpulse.cost_keys as k on d.key_id = k.key_id
        where
            not sees_all
            and d.usage_date between machine_days.first_date and machine_days.last_date
            and d.team_id = any(teams)
            and (k.cluster_id is not null or k.warehouse_id is not null)
            and (
                machine_days.ids is null
                or k.cluster_id = any(machine_days.ids)
                or k.warehouse_id = any(machine_days.ids)
            )
    )

    select
        c.usage_date,
        'cluster' as machine_type,
        c.workspace_id,
        c.cluster_id as machine_id,
        c.up_hours::numeric,
        c.idle_hours::numeric,
        -- many digits, so that cost times share is exact to the last one that is stored
        c.idle_hours::numeric(48, 40) / nullif(c.up_hours, 0) as idle_share,
        n.node_hours,
        (
            coalesce(c.driver_cpu_avg * c.driver_node_hours, 0) + coalesce(c.worker_cpu_avg * c.worker_node_hours, 0)
        ) / n.node_hours as cpu_percent,
        (
            coalesce(c.driver_mem_avg * c.driver_node_hours, 0) + coalesce(c.worker_mem_avg * c.worker_node_hours, 0)
        ) / n.node_hours as mem_percent,
        null::bigint as start_count,
        null::bigint as executions,
        null::bigint as failed_count,
        null::bigint as users
    from costpulse.cluster_daily as c
    cross join lateral (
        select nullif(
            coalesce(case when c.driver_cpu_avg is not null then c.driver_node_hours end, 0)
            + coalesce(case when c.worker_cpu_avg is not null then c.worker_node_hours end, 0), 0
        ) as node_hours
    ) as n
    where
        c.usage_date between machine_days.first_date and machine_days.last_date
        and (machine_days.ids is null or c.cluster_id = any(machine_days.ids))
        and (
            sees_all
            or (c.usage_date, coalesce(c.workspace_id, ''), c.cluster_id) in (
                select
                    b.usage_date,
                    b.workspace_id,
                    b.cluster_id
                from borne as b
            )
        )
    union all
    select
        w.usage_date,
        'warehouse' as machine_type,
        w.workspace_id,
        w.warehouse_id as machine_id,
        w.running_hours::numeric as up_hours,
        w.idle_hours::numeric,
        w.idle_cost_usd::numeric(78, 40) / nullif(w.cost_usd, 0) as idle_share,
        null as node_hours,
        null as cpu_percent,
        null as mem_percent,
        w.start_count,
        w.executions,
        w.failed_count,
        w.users
    from costpulse.warehouse_daily as w
    where
        w.usage_date between machine_days.first_date and machine_days.last_date
        and (machine_days.ids is null or w.warehouse_id = any(machine_days.ids))
        and (
            sees_all
            or (w.usage_date, coalesce(w.workspace_id, ''), w.warehouse_id) in (
                select
                    b.usage_date,
                    b.workspace_id,
                    b.warehouse_id
                from borne as b
            )
        );
end
$body$;

revoke execute on function costpulse.machines(date, date, text[]) from public;
revoke execute on function costpulse.machine_days(date, date, text[]) from public;

do $$
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant execute on function costpulse.machines(date, date, text[]) to costpulse_app;
    grant execute on function costpulse.machine_days(date, date, text[]) to costpulse_app;
end
$$;
