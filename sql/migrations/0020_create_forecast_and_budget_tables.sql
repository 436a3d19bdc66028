-- What comes next and how good that was; what may be spent and whether it will be enough.

-- scope x data_until x forecast_date x is_backtest; a row never changes, and goes when the issue is old
alter table costpulse.forecasts
add column scope_type text not null check (
    scope_type in ('everything', 'workspace', 'sku', 'team', 'product', 'job', 'warehouse', 'tag')
),
add column scope_id text not null,
add column data_until date not null,
add column issued_at timestamptz not null default now(),
add column is_backtest boolean not null,
add column level double precision not null check (level > 0 and level < 1),
add column naive_cost numeric(38, 18) not null check (naive_cost <> 'NaN'),
add column reason text not null,
alter column lower_bound set not null,
alter column upper_bound set not null,
add check (lower_bound >= 0 and lower_bound <= predicted_cost and predicted_cost <= upper_bound),
add check (forecast_date > data_until);
create unique index forecasts_key on costpulse.forecasts
(data_until, scope_type, scope_id, forecast_date, is_backtest);
create index forecasts_scope on costpulse.forecasts (scope_type, scope_id, forecast_date);
create index forecasts_backtests on costpulse.forecasts (data_until) where is_backtest;

comment on table costpulse.forecasts is
'One row per issue (scope and last day known then) and day to come: what it will cost. Never changes; '
'deleted 120 days after data_until, when the scores stay.';
comment on column costpulse.forecasts.id is 'Number of the row.';
comment on column costpulse.forecasts.forecast_date is 'The day (UTC) that was forecast.';
comment on column costpulse.forecasts.predicted_cost is
'Expected cost in USD. Workspaces, products, SKUs and the teams at the top with unallocated each add up to everything.';
comment on column costpulse.forecasts.lower_bound is 'Lower end of what the day will cost.';
comment on column costpulse.forecasts.upper_bound is 'Upper end of what the day will cost.';
comment on column costpulse.forecasts.model_type is 'Model that was used.';
comment on column costpulse.forecasts.scope_type is
'Whose cost: everything, workspace, sku, team (with the teams below it), product or tag.';
comment on column costpulse.forecasts.scope_id is
'Empty for everything; workspace id (empty: no workspace), SKU, id of the team or unallocated, product, key=value.';
comment on column costpulse.forecasts.data_until is
'Last final day (UTC) that was known: a scope and this day are one issue, which never changes.';
comment on column costpulse.forecasts.issued_at is 'When it was made.';
comment on column costpulse.forecasts.is_backtest is
'True: made later, from the days up to data_until alone, to see how good forecasts would have been.';
comment on column costpulse.forecasts.level is 'Share of days that the bounds are meant to hold.';
comment on column costpulse.forecasts.naive_cost is
'What the same weekday before would say: the forecast that the other one has to beat.';
comment on column costpulse.forecasts.reason is 'Which model and why.';

-- scope x data_until x month
create table costpulse.forecast_landings (
    data_until date not null,
    scope_type text not null,
    scope_id text not null,
    month date not null check (extract(day from month) = 1),
    spent_usd numeric(38, 18) not null check (spent_usd <> 'NaN'),
    predicted_cost numeric(38, 18) not null check (predicted_cost <> 'NaN'),
    lower_bound numeric(38, 18) not null check (lower_bound <> 'NaN'),
    upper_bound numeric(38, 18) not null check (upper_bound <> 'NaN'),
    level double precision not null check (level > 0 and level < 1),
    model_type text not null,
    reason text not null,
    issued_at timestamptz not null default now(),
    primary key (data_until, scope_type, scope_id, month),
    check (lower_bound <= predicted_cost and predicted_cost <= upper_bound)
);

comment on table costpulse.forecast_landings is
'One row per scope, issue and month: what the whole month will cost. Never changes.';
comment on column costpulse.forecast_landings.data_until is 'Last final day (UTC) that was known, see forecasts.';
comment on column costpulse.forecast_landings.scope_type is 'Whose cost, see forecasts.';
comment on column costpulse.forecast_landings.scope_id is 'Which one, see forecasts.';
comment on column costpulse.forecast_landings.month is 'First day of the month.';
comment on column costpulse.forecast_landings.spent_usd is 'Cost of its days up to data_until, as known then.';
comment on column costpulse.forecast_landings.predicted_cost is 'spent_usd and the forecast of its days after that.';
comment on column costpulse.forecast_landings.lower_bound is 'Lower end of what the month will cost.';
comment on column costpulse.forecast_landings.upper_bound is 'Upper end of what the month will cost.';
comment on column costpulse.forecast_landings.level is 'Share of months that the bounds are meant to hold.';
comment on column costpulse.forecast_landings.model_type is 'Model of the forecast.';
comment on column costpulse.forecast_landings.reason is 'Which model and why.';
comment on column costpulse.forecast_landings.issued_at is 'When it was made.';

-- scope x data_until x is_backtest x horizon_bucket
create table costpulse.forecast_scores (
    data_until date not null,
    scope_type text not null,
    scope_id text not null,
    is_backtest boolean not null,
    horizon_bucket text not null check (horizon_bucket in ('1-7', '8-14', '15-30', '31+')),
    model_type text not null,
    days integer not null check (days > 0),
    is_complete boolean not null,
    actual_usd double precision not null,
    wape double precision,
    bias double precision,
    coverage double precision not null,
    naive_wape double precision,
    scored_at timestamptz not null default now(),
    primary key (data_until, scope_type, scope_id, is_backtest, horizon_bucket)
);
create index forecast_scores_backtests on costpulse.forecast_scores (data_until) where is_backtest;

comment on table costpulse.forecast_scores is
'One row per issue and distance into the future: how good the forecast of its final days was.';
comment on column costpulse.forecast_scores.data_until is 'The issue, see forecasts.';
comment on column costpulse.forecast_scores.scope_type is 'Whose cost, see forecasts.';
comment on column costpulse.forecast_scores.scope_id is 'Which one, see forecasts.';
comment on column costpulse.forecast_scores.is_backtest is 'Made later, see forecasts.';
comment on column costpulse.forecast_scores.horizon_bucket is 'Days after data_until.';
comment on column costpulse.forecast_scores.model_type is 'Model of the forecast.';
comment on column costpulse.forecast_scores.days is 'Final days that were compared.';
comment on column costpulse.forecast_scores.is_complete is 'Every day of the bucket that was forecast is final.';
comment on column costpulse.forecast_scores.actual_usd is
'Sum of the absolute cost of these days: the weight of wape and bias in a mean over issues.';
comment on column costpulse.forecast_scores.wape is
'Sum of the absolute errors / actual_usd; 0.1 is 10 %. NULL: nothing was spent.';
comment on column costpulse.forecast_scores.bias is
'Sum of predicted - actual / actual_usd: above 0 the forecast was too high. NULL: nothing was spent.';
comment on column costpulse.forecast_scores.coverage is 'Share of the days that were within the bounds.';
comment on column costpulse.forecast_scores.naive_wape is 'wape of naive_cost.';
comment on column costpulse.forecast_scores.scored_at is 'When it was compared.';

-- one row per budget
create table costpulse.budgets (
    id bigint generated always as identity primary key,
    name text not null check (btrim(name) <> '' and length(name) <= 80),
    scope_type text not null check (scope_type in ('everything', 'team', 'workspace', 'product', 'tag')),
    scope_id text not null check ((scope_id = '') = (scope_type = 'everything')),
    team_id bigint generated always as (
        case when scope_type = 'team' and scope_id <> 'unallocated' then scope_id::bigint end
    ) stored references costpulse.teams (id) on delete cascade,
    period text not null check (period in ('month', 'quarter', 'year', 'custom')),
    starts_on date,
    ends_on date,
    amount numeric(18, 2) not null check (amount <> 'NaN' and amount > 0),
    thresholds numeric[] not null default '{50,80,100}' check (cardinality(thresholds) <= 6),
    projected_threshold numeric default 100 check (projected_threshold between 1 and 500),
    owner text,
    recipients text[] not null default '{}',
    is_active boolean not null default true,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check (ends_on >= starts_on),
    check (period <> 'custom' or (starts_on is not null and ends_on is not null))
);
create unique index budgets_name on costpulse.budgets (lower(name));

create trigger audit after insert or update or delete on costpulse.budgets
for each row execute function costpulse.audit_change();

comment on table costpulse.budgets is 'What people decided may be spent. Changes are in audit_log.';
comment on column costpulse.budgets.id is 'Number of the budget.';
comment on column costpulse.budgets.name is 'What it is called.';
comment on column costpulse.budgets.scope_type is
'Whose cost: everything, team (with the teams below it), workspace, product or tag.';
comment on column costpulse.budgets.scope_id is
'Empty for everything; id of the team or unallocated, workspace id, product, key=value of the tag.';
comment on column costpulse.budgets.team_id is 'The team of the scope; a team that is deleted takes its budgets along.';
comment on column costpulse.budgets.period is
'month, quarter and year come again and again; custom is once, from starts_on to ends_on.';
comment on column costpulse.budgets.starts_on is
'First day (UTC); periods are counted from it. NULL: calendar periods, since the first cost.';
comment on column costpulse.budgets.ends_on is 'Last day (UTC), included; no period begins after it. NULL: open.';
comment on column costpulse.budgets.amount is 'USD per period.';
comment on column costpulse.budgets.thresholds is 'Percent of the amount, ascending: when to be told what was spent.';
comment on column costpulse.budgets.projected_threshold is
'Percent of the amount: when to be told what will be spent. NULL: never.';
comment on column costpulse.budgets.owner is 'Who answers for it.';
comment on column costpulse.budgets.recipients is 'Who is told.';
comment on column costpulse.budgets.is_active is 'False: no longer looked at; what was found before stays.';
comment on column costpulse.budgets.version is 'Counts the changes, so that nobody overwrites what they did not see.';
comment on column costpulse.budgets.created_at is 'When it was made.';
comment on column costpulse.budgets.updated_at is 'When it was changed last.';

-- budget x period
create table costpulse.budget_status (
    budget_id bigint not null,
    budget_name text not null,
    scope_type text not null,
    scope_id text not null,
    period text not null,
    amount numeric(18, 2) not null check (amount > 0),
    period_start date not null,
    period_end date not null,
    data_until date not null,
    state text not null check (state in ('future', 'running', 'ended')),
    spent_usd numeric(38, 18) not null check (spent_usd <> 'NaN'),
    own_spent_usd numeric(38, 18) check (own_spent_usd <> 'NaN'),
    provisional_usd numeric(38, 18) not null check (provisional_usd <> 'NaN'),
    used_share double precision not null,
    elapsed_share double precision not null check (elapsed_share between 0 and 1),
    projected_usd numeric(38, 18) check (projected_usd <> 'NaN'),
    lower_bound numeric(38, 18) check (lower_bound <> 'NaN'),
    upper_bound numeric(38, 18) check (upper_bound <> 'NaN'),
    level double precision not null check (level > 0 and level < 1),
    probability_exceeded double precision check (probability_exceeded between 0 and 1),
    breach_date date,
    note text,
    computed_at timestamptz not null default now(),
    primary key (budget_id, period_start),
    check (period_end >= period_start),
    check (lower_bound <= projected_usd and projected_usd <= upper_bound)
);

comment on table costpulse.budget_status is
'One row per budget and period: what was spent of it and where it will end. Past periods are kept.';
comment on column costpulse.budget_status.budget_id is 'The budget; it may be deleted by now.';
comment on column costpulse.budget_status.budget_name is 'Its name, of a past period as it was then.';
comment on column costpulse.budget_status.scope_type is 'Whose cost, of a past period as it was then.';
comment on column costpulse.budget_status.scope_id is 'Which one, of a past period as it was then.';
comment on column costpulse.budget_status.period is 'Its kind of period, of a past period as it was then.';
comment on column costpulse.budget_status.amount is 'USD, of a past period as it was then.';
comment on column costpulse.budget_status.period_start is 'First day of the period (UTC).';
comment on column costpulse.budget_status.period_end is 'Last day of the period (UTC), included.';
comment on column costpulse.budget_status.data_until is 'Last final day that was known.';
comment on column costpulse.budget_status.state is
'future: begins after the newest collected day; running; ended: all its days are final.';
comment on column costpulse.budget_status.spent_usd is 'Cost of its days up to data_until.';
comment on column costpulse.budget_status.own_spent_usd is
'Of a team: spent_usd without the teams below it. NULL for other scopes.';
comment on column costpulse.budget_status.provisional_usd is
'What is in so far of its later days; in no other figure here.';
comment on column costpulse.budget_status.used_share is 'spent_usd / amount; 1 is all of it.';
comment on column costpulse.budget_status.elapsed_share is 'Days up to data_until / days of the period.';
comment on column costpulse.budget_status.projected_usd is
'spent_usd and the forecast of the days after it. NULL: not known, see note.';
comment on column costpulse.budget_status.lower_bound is 'Lower end of what the period will cost.';
comment on column costpulse.budget_status.upper_bound is 'Upper end of what the period will cost.';
comment on column costpulse.budget_status.level is 'Share of periods that the bounds are meant to hold.';
comment on column costpulse.budget_status.probability_exceeded is
'How probable it is that the period costs more than the amount; 0 or 1 once it is over. NULL: not known, see note.';
comment on column costpulse.budget_status.breach_date is
'First day with a probability of 50 % or more that the amount is exceeded by then. NULL: there is none.';
comment on column costpulse.budget_status.note is 'What is not known, and why.';
comment on column costpulse.budget_status.computed_at is 'When the row was written.';

-- budget x period x data_until; only the outcome is written later
create table costpulse.budget_probabilities (
    budget_id bigint not null,
    budget_name text not null,
    scope_type text not null,
    scope_id text not null,
    amount numeric(18, 2) not null check (amount > 0),
    period_start date not null,
    period_end date not null,
    data_until date not null,
    is_backtest boolean not null,
    elapsed_share double precision not null check (elapsed_share >= 0 and elapsed_share < 1),
    spent_usd numeric(38, 18) not null check (spent_usd <> 'NaN'),
    projected_usd numeric(38, 18) not null check (projected_usd <> 'NaN'),
    lower_bound numeric(38, 18) not null check (lower_bound <> 'NaN'),
    upper_bound numeric(38, 18) not null check (upper_bound <> 'NaN'),
    probability_exceeded double precision not null check (probability_exceeded between 0 and 1),
    made_at timestamptz not null default now(),
    final_usd numeric(38, 18) check (final_usd <> 'NaN'),
    is_exceeded boolean generated always as (final_usd > amount) stored,
    primary key (budget_id, period_start, data_until)
);

comment on table costpulse.budget_probabilities is
'One row per budget, period and last final day while the period ran: what was expected then. Only the outcome is '
'added.';
comment on column costpulse.budget_probabilities.budget_id is 'The budget; it may be deleted by now.';
comment on column costpulse.budget_probabilities.budget_name is 'Its name then.';
comment on column costpulse.budget_probabilities.scope_type is 'Whose cost then.';
comment on column costpulse.budget_probabilities.scope_id is 'Which one then.';
comment on column costpulse.budget_probabilities.amount is 'USD of the period then.';
comment on column costpulse.budget_probabilities.period_start is 'First day of the period (UTC).';
comment on column costpulse.budget_probabilities.period_end is 'Last day of the period (UTC), included.';
comment on column costpulse.budget_probabilities.data_until is 'Last final day that was known.';
comment on column costpulse.budget_probabilities.is_backtest is
'True: made later, from the days up to data_until alone, with the amount and the owners of cost of the time it was '
'made.';
comment on column costpulse.budget_probabilities.elapsed_share is 'Days up to data_until / days of the period.';
comment on column costpulse.budget_probabilities.spent_usd is 'Cost of its days up to data_until, as known then.';
comment on column costpulse.budget_probabilities.projected_usd is 'spent_usd and the forecast of the days after it.';
comment on column costpulse.budget_probabilities.lower_bound is 'Lower end of what the period would cost.';
comment on column costpulse.budget_probabilities.upper_bound is 'Upper end of what the period would cost.';
comment on column costpulse.budget_probabilities.probability_exceeded is
'How probable it was that the period would cost more than the amount.';
comment on column costpulse.budget_probabilities.made_at is 'When it was made.';
comment on column costpulse.budget_probabilities.final_usd is 'What the period cost. NULL: it is not over yet.';
comment on column costpulse.budget_probabilities.is_exceeded is 'Whether that is more than the amount.';

-- budget x is_backtest, and all budgets together (budget_id NULL): how good the probabilities of past periods were
create view costpulse.budget_scores with (security_invoker = true) as
select
    p.budget_id,
    p.is_backtest,
    count(*) as probabilities,
    count(distinct row(p.budget_id, p.period_start)) as periods,
    avg(p.is_exceeded::integer)::double precision as exceeded_share,
    avg((p.probability_exceeded - p.is_exceeded::integer) ^ 2) as brier_score,
    avg((p.projected_usd - p.final_usd) / nullif(p.final_usd, 0))::double precision as projection_bias,
    avg((p.final_usd between p.lower_bound and p.upper_bound)::integer)::double precision as coverage
from costpulse.budget_probabilities as p
where p.is_exceeded is not null
group by grouping sets ((p.budget_id, p.is_backtest), (p.is_backtest));

comment on view costpulse.budget_scores is
'One row per budget, and one for all (budget_id NULL), of what was said while periods ran and of backtests: how good '
'the probabilities of periods that are over were.';
comment on column costpulse.budget_scores.budget_id is 'The budget. NULL: all of them.';
comment on column costpulse.budget_scores.is_backtest is 'Made later, see budget_probabilities.';
comment on column costpulse.budget_scores.probabilities is 'Probabilities that were compared with the outcome.';
comment on column costpulse.budget_scores.periods is 'Periods that they belong to.';
comment on column costpulse.budget_scores.exceeded_share is 'Share of the probabilities whose period was exceeded.';
comment on column costpulse.budget_scores.brier_score is
'Mean squared difference between probability and outcome: 0 is perfect, 0.25 is what always saying 50 % gets.';
comment on column costpulse.budget_scores.projection_bias is
'Mean of (projected - final) / final: above 0 the projections were too high.';
comment on column costpulse.budget_scores.coverage is 'Share of the outcomes that were within the bounds.';

do $$
declare
    scoped text;
    scope text := '(select current_setting(''costpulse.scope'', true))';
    seen text := format(
        '%1$s = ''all'' or (scope_type = ''team'' and scope_id = any '
        '((select string_to_array(nullif(%1$s, ''all''), '',''))::text[]))', scope
    );
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select on
        costpulse.forecasts, costpulse.forecast_landings, costpulse.forecast_scores, costpulse.budgets,
        costpulse.budget_status, costpulse.budget_probabilities, costpulse.budget_scores
    to costpulse_app;
    grant insert, update, delete on costpulse.budgets to costpulse_app;
    foreach scoped in array array[
        'forecasts', 'forecast_landings', 'forecast_scores', 'budgets', 'budget_status', 'budget_probabilities'
    ] loop
        execute format('alter table costpulse.%I enable row level security', scoped);
        -- budgets is the only one that the app may write
        execute format('create policy team_scope on costpulse.%I to costpulse_app using (%s)', scoped, seen);
        execute format(
            'create policy everything on costpulse.%I for select to costpulse_auditor using (true)', scoped
        );
    end loop;
end
$$;
