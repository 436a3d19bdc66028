-- What resources were set to and when that changed, and what the changes really saved.

-- workspace x resource x setting x moment from which it has this value
create table costpulse.resource_settings (
    workspace_id text not null,
    resource_type text not null check (resource_type in ('cluster', 'warehouse')),
    resource_id text not null,
    setting text not null check (
        setting in (
            'auto_termination_minutes', 'num_workers', 'min_workers-max_workers', 'driver_node_type',
            'worker_node_type', 'warehouse_size', 'auto_stop_minutes', 'min_clusters', 'max_clusters'
        )
    ),
    value text,
    valid_from timestamptz not null,
    primary key (workspace_id, resource_type, resource_id, setting, valid_from)
);
create index resource_settings_changes on costpulse.resource_settings (valid_from);

comment on table costpulse.resource_settings is
'One row per all-purpose cluster or SQL warehouse, setting that recommendations change, and value it had: the history.';
comment on column costpulse.resource_settings.workspace_id is 'Workspace.';
comment on column costpulse.resource_settings.resource_type is 'cluster or warehouse.';
comment on column costpulse.resource_settings.resource_id is 'Id of it in its workspace.';
comment on column costpulse.resource_settings.setting is 'Name of the setting, as in recommendations.';
comment on column costpulse.resource_settings.value is 'Its value; NULL: none is set.';
comment on column costpulse.resource_settings.valid_from is
'When it was given this value, or since when that is known; until the next row of the setting.';

-- How much a value of a setting lets a resource cost, to tell a step down from a step up; NULL where it has no order.
-- A time to wait of 0 or none is without end; node types are compared by their cores, see node_types.
create function costpulse.setting_rank(setting text, value text) returns numeric
language sql stable parallel safe
set search_path = pg_catalog
as $body$
    select case
        when setting_rank.setting in ('auto_termination_minutes', 'auto_stop_minutes')
            then coalesce(nullif(setting_rank.value::numeric, 0), 1000000)
        when setting_rank.setting in ('num_workers', 'min_clusters', 'max_clusters') then setting_rank.value::numeric
        when setting_rank.setting = 'min_workers-max_workers'
            then split_part(setting_rank.value, '-', 1)::numeric + split_part(setting_rank.value, '-', 2)::numeric
        when setting_rank.setting = 'warehouse_size'
            then
                array_position(
                    array[
                        '2X_SMALL', 'X_SMALL', 'SMALL', 'MEDIUM', 'LARGE', 'X_LARGE', '2X_LARGE', '3X_LARGE', '4X_LARGE'
                    ],
                    setting_rank.value
                )::numeric
        when setting_rank.setting in ('driver_node_type', 'worker_node_type')
            then (select n.core_count from costpulse.node_types as n where n.node_type = setting_rank.value)
    end
$body$;
comment on function costpulse.setting_rank is
'Order of the values of a setting: a lower one lets the resource cost less; NULL: no order.';

-- resource that was changed x day of the change x recommendation x last day that was measured
create table costpulse.recommendation_outcomes (
    id bigint generated always as identity primary key,
    recommendation_id bigint references costpulse.recommendations (id) on delete cascade,
    workspace_id text,
    resource_type text not null check (resource_type in ('cluster', 'warehouse', 'job', 'pipeline', 'endpoint')),
    resource_id text not null,
    resource_name text,
    bearer_type text not null check (bearer_type in ('cluster', 'warehouse', 'job', 'pipeline', 'endpoint')),
    bearer_id text not null,
    team_id bigint,
    setting text,
    setting_from text,
    setting_to text,
    changed_on date not null,
    measured_on date not null,
    measured_from date,
    days_before integer not null check (days_before >= 0),
    days_after integer not null check (days_after >= 0),
    actual_cost_usd numeric(38, 18) check (actual_cost_usd <> 'NaN'),
    counterfactual_usd numeric(38, 18) check (counterfactual_usd <> 'NaN'),
    counterfactual_lower_usd numeric(38, 18) check (counterfactual_lower_usd <> 'NaN'),
    counterfactual_upper_usd numeric(38, 18) check (counterfactual_upper_usd <> 'NaN'),
    saving_usd numeric(38, 18) check (saving_usd <> 'NaN'),
    saving_lower_usd numeric(38, 18) check (saving_lower_usd <> 'NaN'),
    saving_upper_usd numeric(38, 18) check (saving_upper_usd <> 'NaN'),
    saving_per_30_days_usd numeric(38, 18) check (saving_per_30_days_usd <> 'NaN'),
    saving_per_30_days_lower_usd numeric(38, 18) check (saving_per_30_days_lower_usd <> 'NaN'),
    saving_per_30_days_upper_usd numeric(38, 18) check (saving_per_30_days_upper_usd <> 'NaN'),
    work_unit text check (work_unit in ('busy hours', 'query hours', 'runs')),
    work_before_per_day numeric(18, 6) check (work_before_per_day <> 'NaN' and work_before_per_day >= 0),
    work_after_per_day numeric(18, 6) check (work_after_per_day <> 'NaN' and work_after_per_day >= 0),
    comparable_resources integer not null check (comparable_resources >= 0),
    placebos integer not null check (placebos >= 0),
    method text not null,
    verdict text not null check (
        verdict in ('measuring', 'proved', 'not proved', 'evaporated', 'workload shrank')
    ),
    sentence text not null check (sentence <> ''),
    measured_at timestamptz not null,
    check (measured_from > changed_on),
    check (counterfactual_lower_usd <= counterfactual_usd and counterfactual_usd <= counterfactual_upper_usd),
    check (saving_lower_usd <= saving_usd and saving_usd <= saving_upper_usd),
    check (verdict <> 'proved' or (saving_lower_usd is not null and saving_lower_usd > 0))
);
create unique index recommendation_outcomes_key on costpulse.recommendation_outcomes
    (workspace_id, resource_type, resource_id, recommendation_id, changed_on, measured_on) nulls not distinct;
create index recommendation_outcomes_recommendation on costpulse.recommendation_outcomes
    (recommendation_id, measured_on);
create index recommendation_outcomes_team on costpulse.recommendation_outcomes (team_id);

comment on table costpulse.recommendation_outcomes is
'One row per change that a recommendation asked for, or that was seen, and day it was measured on: what it saved.';
comment on column costpulse.recommendation_outcomes.id is 'Number of the row.';
comment on column costpulse.recommendation_outcomes.recommendation_id is
'The recommendation that was done; NULL: the change was seen without one.';
comment on column costpulse.recommendation_outcomes.workspace_id is 'Workspace.';
comment on column costpulse.recommendation_outcomes.resource_type is 'What was changed, as in recommendations.';
comment on column costpulse.recommendation_outcomes.resource_id is 'Id of it in its workspace.';
comment on column costpulse.recommendation_outcomes.resource_name is 'Its name when it was measured.';
comment on column costpulse.recommendation_outcomes.bearer_type is 'What is billed for it, as in recommendations.';
comment on column costpulse.recommendation_outcomes.bearer_id is 'Id of what is billed.';
comment on column costpulse.recommendation_outcomes.team_id is
'Team of the recommendation; NULL: none, or seen without one.';
comment on column costpulse.recommendation_outcomes.setting is 'Setting that changed; NULL: it is not a setting.';
comment on column costpulse.recommendation_outcomes.setting_from is 'Its value before.';
comment on column costpulse.recommendation_outcomes.setting_to is 'Its value after; NULL: not seen.';
comment on column costpulse.recommendation_outcomes.changed_on is
'Day (UTC) of the change; neither before nor after it.';
comment on column costpulse.recommendation_outcomes.measured_on is
'Last final day (UTC) that was measured, or the last final day of the run while there is none after the change.';
comment on column costpulse.recommendation_outcomes.measured_from is
'First day (UTC) that was measured: the last 30 days after the change; NULL: no day after it is final.';
comment on column costpulse.recommendation_outcomes.days_before is
'Days before the change that the comparison rests on.';
comment on column costpulse.recommendation_outcomes.days_after is 'Final days measured.';
comment on column costpulse.recommendation_outcomes.actual_cost_usd is 'What it cost in them, at effective prices.';
comment on column costpulse.recommendation_outcomes.counterfactual_usd is
'What it would have cost at the same prices without the change; with lower and upper in 95 of 100 cases between them.';
comment on column costpulse.recommendation_outcomes.counterfactual_lower_usd is 'Lower end of it.';
comment on column costpulse.recommendation_outcomes.counterfactual_upper_usd is 'Upper end of it.';
comment on column costpulse.recommendation_outcomes.saving_usd is
'Counterfactual less actual cost, less what the workload shrank by; negative: it costs more.';
comment on column costpulse.recommendation_outcomes.saving_lower_usd is 'Lower end: above 0 it is proved.';
comment on column costpulse.recommendation_outcomes.saving_upper_usd is 'Upper end.';
comment on column costpulse.recommendation_outcomes.saving_per_30_days_usd is 'saving_usd carried on to 30 days.';
comment on column costpulse.recommendation_outcomes.saving_per_30_days_lower_usd is 'Lower end of it.';
comment on column costpulse.recommendation_outcomes.saving_per_30_days_upper_usd is 'Upper end of it.';
comment on column costpulse.recommendation_outcomes.work_unit is
'What its work is counted in: busy hours of a cluster, query hours of a warehouse, runs of a job; NULL: not known.';
comment on column costpulse.recommendation_outcomes.work_before_per_day is
'Work a day in the four weeks before the change.';
comment on column costpulse.recommendation_outcomes.work_after_per_day is 'Work a day in the days measured.';
comment on column costpulse.recommendation_outcomes.comparable_resources is
'Resources without a change that tell how the cost of its kind moved.';
comment on column costpulse.recommendation_outcomes.placebos is
'Days and resources without a change that the same method was tried on, for the interval.';
comment on column costpulse.recommendation_outcomes.method is 'How the counterfactual was made.';
comment on column costpulse.recommendation_outcomes.verdict is
'measuring: fewer than 7 final days after it; proved: the lower end of the saving is above 0; workload shrank: it is '
'not once the work that was not done is taken off; evaporated: proved before and not any more; else not proved.';
comment on column costpulse.recommendation_outcomes.sentence is 'The verdict with its figures, for people.';
comment on column costpulse.recommendation_outcomes.measured_at is 'The run that it is from.';

do $$
declare
    scope text := '(select current_setting(''costpulse.scope'', true))';
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select on costpulse.resource_settings, costpulse.recommendation_outcomes to costpulse_app;
    alter table costpulse.recommendation_outcomes enable row level security;
    execute format(
        'create policy team_scope on costpulse.recommendation_outcomes for select to costpulse_app using ('
        '%1$s = ''all'' or team_id = any ((select string_to_array(nullif(%1$s, ''all''), '','')::bigint[])::bigint[]))',
        scope
    );
    create policy everything on costpulse.recommendation_outcomes for select to costpulse_auditor using (true);
end
$$;
