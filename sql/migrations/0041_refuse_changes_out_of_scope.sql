-- What only those who see every team may change is refused to all others by the database as well, not by the app alone.
-- Members may be changed in the scope of their team. Everybody who could read these tables still can.
do $$
declare
    edited text;
    everything text := '(select current_setting(''costpulse.scope'', true)) = ''all''';
    own text := format(
        '%s or team_id = any ((select string_to_array(nullif(current_setting(''costpulse.scope'', true), ''all''), '','')'
        '::bigint[])::bigint[])', everything
    );
    written text;
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: policies are left out';
        return;
    end if;
    foreach edited in array array[
        'teams', 'team_members', 'allocation_rules', 'cost_splits', 'split_weights', 'price_adjustments', 'alerts',
        'closed_periods'
    ] loop
        written := case edited when 'team_members' then own else everything end;
        execute format('alter table costpulse.%I enable row level security', edited);
        execute format('create policy known on costpulse.%I for select to costpulse_app using (true)', edited);
        execute format(
            'create policy edited on costpulse.%1$I to costpulse_app using (%2$s) with check (%2$s)', edited, written
        );
        execute format('create policy everything on costpulse.%I for select to costpulse_auditor using (true)', edited);
        -- Views for BI tools read some of their columns.
        if has_any_column_privilege('costpulse_reader', format('costpulse.%I', edited), 'select') then
            execute format(
                'create policy shown_in_views on costpulse.%I for select to costpulse_reader using (true)', edited
            );
        end if;
    end loop;
end
$$;
