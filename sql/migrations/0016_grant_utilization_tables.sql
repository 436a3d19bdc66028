-- Who may read what was collected about resources. None of these tables knows teams: what they cost and who used them
-- is for viewers who may see all teams (costpulse.scope = 'all'); names and node types are for everyone. What is only
-- collected to be summed up (minutes, queries, slices of runs) is for the auditor alone.
do $$
declare
    scoped text;
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select on
        costpulse.resource_names, costpulse.node_types, costpulse.collected_region_days, costpulse.v_self_cost
    to costpulse_app;
    -- whoever saves members says how identities are stored, as the first run does
    grant select, insert, update on costpulse.identity_protection to costpulse_app;

    foreach scoped in array array[
        'clusters', 'cluster_daily', 'cluster_info', 'warehouses', 'warehouse_daily', 'warehouse_info', 'query_costs',
        'jobs', 'pipelines', 'serving_endpoints', 'job_runs', 'job_run_costs', 'hourly_costs', 'users',
        'member_suggestions'
    ] loop
        execute format('grant select on costpulse.%I to costpulse_app', scoped);
        execute format('alter table costpulse.%I enable row level security', scoped);
        execute format(
            'create policy team_scope on costpulse.%I for select to costpulse_app '
            'using ((select current_setting(''costpulse.scope'', true) = ''all''))', scoped
        );
        execute format(
            'create policy everything on costpulse.%I for select to costpulse_auditor using (true)', scoped
        );
    end loop;
end
$$;
