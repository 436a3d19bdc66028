-- Who may read what. The app sees roll-ups and findings of its viewer's teams, never cost_records; the auditor
-- reads everything; BI readers see the v_* views only. Team scope: transaction-local costpulse.scope is 'all' or a
-- comma-separated list of team ids; unset means no rows.

create view costpulse.v_daily_costs with (security_invoker = true) as
select
    d.usage_date,
    d.workspace_id,
    w.name as workspace_name,
    d.sku_name,
    d.product,
    d.usage_unit,
    d.team_id,
    t.name as team_name,
    d.usage_quantity,
    d.dbu_count,
    d.list_cost_usd,
    d.cost_usd,
    d.unpriced_quantity,
    c.is_provisional
from costpulse.daily_costs as d
left join costpulse.workspaces as w on w.workspace_id = d.workspace_id
left join costpulse.teams as t on t.id = d.team_id
left join costpulse.completeness as c on c.usage_date = d.usage_date;

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
    grant usage on schema costpulse to costpulse_app, costpulse_auditor, costpulse_reader;
    grant select on all tables in schema costpulse to costpulse_auditor;
    alter default privileges in schema costpulse grant select on tables to costpulse_auditor;

    grant select on
        costpulse.workspaces, costpulse.list_prices, costpulse.price_adjustments, costpulse.cost_keys,
        costpulse.collected_days, costpulse.collection_log, costpulse.rejected_rows, costpulse.collection_status,
        costpulse.built_days,
        costpulse.teams, costpulse.team_members, costpulse.allocation_rules,
        costpulse.cost_splits, costpulse.split_weights, costpulse.rule_versions,
        costpulse.cost_allocations, costpulse.daily_costs, costpulse.daily_key_costs, costpulse.weekly_key_costs,
        costpulse.daily_team_costs, costpulse.daily_workspace_costs, costpulse.daily_sku_costs,
        costpulse.forecasts,
        costpulse.alerts, costpulse.alert_history, costpulse.reports, costpulse.audit_log,
        costpulse.v_daily_costs
    to costpulse_app;
    -- every viewer needs to know which days are final; what the account spends is not in these columns
    grant select (usage_date, share_in, is_provisional, in_until, basis, computed_at) on costpulse.completeness to costpulse_app;
    grant insert, update, delete on
        costpulse.price_adjustments, costpulse.teams, costpulse.team_members, costpulse.allocation_rules,
        costpulse.cost_splits, costpulse.split_weights, costpulse.alerts
    to costpulse_app;

    grant select on
        costpulse.v_daily_costs, costpulse.daily_costs, costpulse.workspaces, costpulse.teams, costpulse.completeness
    to costpulse_reader;

    -- The scope stands in sub-selects: read once for a statement, not called for every row.
    foreach scoped in array array[
        'cost_allocations', 'daily_costs', 'daily_key_costs', 'weekly_key_costs', 'daily_team_costs'
    ] loop
        execute format('alter table costpulse.%I enable row level security', scoped);
        execute format(
            'create policy team_scope on costpulse.%I for select to costpulse_app '
            'using ((select current_setting(''costpulse.scope'', true) = ''all'') or team_id = any (('
            'select string_to_array(nullif(current_setting(''costpulse.scope'', true), ''all''), '','')::bigint[]'
            ')::bigint[]))', scoped
        );
        execute format(
            'create policy everything on costpulse.%I for select to costpulse_auditor, costpulse_reader '
            'using (true)', scoped
        );
    end loop;
    -- Sums over all teams: only for a viewer who may see all of them.
    foreach scoped in array array['daily_workspace_costs', 'daily_sku_costs'] loop
        execute format('alter table costpulse.%I enable row level security', scoped);
        execute format(
            'create policy team_scope on costpulse.%I for select to costpulse_app '
            'using ((select current_setting(''costpulse.scope'', true) = ''all''))', scoped
        );
        execute format(
            'create policy everything on costpulse.%I for select to costpulse_auditor, costpulse_reader '
            'using (true)', scoped
        );
    end loop;
end
$$;
