-- Closed months: what every team was told, frozen, and the dated corrections since.

-- one row per closing of a month; a month is closed while it has a row that was not taken back
create table costpulse.closed_periods (
    id bigint generated always as identity primary key,
    month date not null check (extract(day from month) = 1),
    closed_at timestamptz not null default clock_timestamp(),
    closed_by text not null check (btrim(closed_by) <> ''),
    is_automatic boolean not null default false,
    rules_up_to bigint,
    reopened_at timestamptz,
    reopened_by text check (btrim(reopened_by) <> ''),
    note text,
    check ((reopened_at is null) = (reopened_by is null))
);
create unique index closed_periods_month on costpulse.closed_periods (month) where reopened_at is null;

-- closing x usage_date x team x workspace x product x SKU x unit, and for adjustments x cause x moment of booking
create table costpulse.statement_lines (
    id bigint generated always as identity primary key,
    closing_id bigint not null references costpulse.closed_periods (id),
    month date not null check (extract(day from month) = 1),
    booked_month date not null check (extract(day from booked_month) = 1),
    usage_date date not null check (usage_date >= month and usage_date < month + interval '1 month'),
    kind text not null check (kind in ('statement', 'adjustment')),
    cause text check (cause in ('restatement', 'price', 'rule')),
    team_id bigint,
    team_name text,
    workspace_id text,
    product text not null,
    sku_name text not null,
    usage_unit text not null,
    usage_quantity numeric(38, 18) not null check (usage_quantity <> 'NaN'),
    unpriced_quantity numeric(38, 18) not null check (unpriced_quantity <> 'NaN'),
    list_cost_usd numeric(38, 18) check (list_cost_usd <> 'NaN'),
    cost_usd numeric(38, 18) check (cost_usd <> 'NaN'),
    created_at timestamptz not null,
    voided_at timestamptz,
    check ((team_id is null) = (team_name is null)),
    check ((cause is null) = (kind = 'statement')),
    check (booked_month >= month),
    check ((booked_month = month) = (kind = 'statement'))
);
create index statement_lines_closing on costpulse.statement_lines (closing_id, usage_date);
create index statement_lines_booked on costpulse.statement_lines (booked_month);

-- A closing is taken back once, and nothing else of it ever changes.
create function costpulse.guard_closed_period() returns trigger
language plpgsql
set search_path = pg_catalog
as $body$
begin
    if
        tg_op = 'UPDATE'
        and old.reopened_at is null
        and (old.id, old.month, old.closed_at, old.closed_by, old.is_automatic)
        is not distinct from (new.id, new.month, new.closed_at, new.closed_by, new.is_automatic)
        and old.rules_up_to is not distinct from new.rules_up_to
    then
        return new;
    end if;
    raise exception 'a closing of % is never changed, only taken back', to_char(old.month, 'YYYY-MM')
        using errcode = 'integrity_constraint_violation';
end
$body$;

create trigger guard before update or delete on costpulse.closed_periods
for each row execute function costpulse.guard_closed_period();

-- The newest rule version that the statement can have been made by: later moves between teams come from later rules.
create function costpulse.note_rules_of_closing() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $body$
begin
    new.rules_up_to := (select max(v.id) from costpulse.rule_versions as v);
    return new;
end
$body$;

create trigger note_rules before insert on costpulse.closed_periods
for each row execute function costpulse.note_rules_of_closing();

-- Closing freezes: whoever may put a row into closed_periods needs no right to write lines, and no month is closed
-- without its statement. Taking the closing back voids everything that was booked for it, the adjustments too.
create function costpulse.freeze_statement() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $body$
begin
    if tg_op = 'UPDATE' then
        update costpulse.statement_lines
        set voided_at = new.reopened_at
        where closing_id = new.id and voided_at is null and new.reopened_at is not null;
        return null;
    end if;
    insert into costpulse.statement_lines (
        closing_id, month, booked_month, usage_date, kind, team_id, team_name, workspace_id, product, sku_name,
        usage_unit, usage_quantity, unpriced_quantity, list_cost_usd, cost_usd, created_at
    )
    select
        new.id,
        new.month,
        new.month,
        d.usage_date,
        'statement',
        d.team_id,
        case when d.team_id is not null then coalesce(t.name, 'Team ' || d.team_id) end,
        d.workspace_id,
        d.product,
        d.sku_name,
        d.usage_unit,
        d.usage_quantity,
        d.unpriced_quantity,
        d.list_cost_usd,
        d.cost_usd,
        new.closed_at
    from costpulse.daily_costs as d
    left join costpulse.teams as t on t.id = d.team_id
    where d.usage_date >= new.month and d.usage_date < new.month + interval '1 month';
    return null;
end
$body$;

create trigger freeze_lines after insert or update on costpulse.closed_periods
for each row execute function costpulse.freeze_statement();

create trigger audit after insert or update or delete on costpulse.closed_periods
for each row execute function costpulse.audit_change();

-- A line never changes. It becomes void when its closing was taken back, unless a closed statement holds it; and
-- nothing is booked on a statement that is closed.
create function costpulse.guard_statement_line() returns trigger
language plpgsql
set search_path = pg_catalog
as $body$
declare
    otherwise costpulse.statement_lines;
    is_closed boolean := tg_op in ('INSERT', 'UPDATE') and exists (
        select from costpulse.closed_periods as c where c.month = new.booked_month and c.reopened_at is null
    );
begin
    if tg_op = 'INSERT' and not is_closed then
        return new;
    end if;
    if tg_op = 'UPDATE' and not is_closed then
        otherwise := new;
        otherwise.voided_at := null;
        if
            otherwise is not distinct from old
            and exists (
                select from costpulse.closed_periods as c where c.id = old.closing_id and c.reopened_at is not null
            )
        then
            return new;
        end if;
    end if;
    raise exception 'a line of a closed statement is never added, changed or deleted'
        using errcode = 'integrity_constraint_violation';
end
$body$;

create trigger guard before update or delete on costpulse.statement_lines
for each row execute function costpulse.guard_statement_line();
create trigger guard_booking before insert on costpulse.statement_lines
for each row when (new.kind = 'adjustment') execute function costpulse.guard_statement_line();
create trigger guard_all before truncate on costpulse.statement_lines
for each statement execute function costpulse.guard_statement_line();

comment on table costpulse.closed_periods is
'One row per closing of a month, the only source of what is closed: a month is, while it has a row that was not '
'reopened.';
comment on column costpulse.closed_periods.id is 'Number of the closing.';
comment on column costpulse.closed_periods.month is 'First day of the month (UTC).';
comment on column costpulse.closed_periods.closed_at is 'When it was closed.';
comment on column costpulse.closed_periods.closed_by is 'Who closed it; pipeline: the setting close_month_on_day.';
comment on column costpulse.closed_periods.is_automatic is 'Closed by the setting, not by a person.';
comment on column costpulse.closed_periods.rules_up_to is
'Id of the newest rule version at that time: the frozen lines were allocated by rules up to it.';
comment on column costpulse.closed_periods.reopened_at is
'When the closing was taken back; NULL: the month is closed.';
comment on column costpulse.closed_periods.reopened_by is 'Who took it back.';
comment on column costpulse.closed_periods.note is 'Why it was closed, and reopened.';

comment on table costpulse.statement_lines is
'One row per closing, usage day, team, workspace, product, SKU and unit: what was frozen (statement), and each '
'difference of daily_costs booked since (adjustment). Per month of usage they add up to daily_costs.';
comment on column costpulse.statement_lines.id is 'Number of the line.';
comment on column costpulse.statement_lines.closing_id is
'Closing whose month the usage is of; when that is taken back, the line is void.';
comment on column costpulse.statement_lines.month is 'Month of the usage, its first day.';
comment on column costpulse.statement_lines.booked_month is
'Month on whose statement the line is: its own, or for an adjustment the next one that was open.';
comment on column costpulse.statement_lines.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.statement_lines.kind is 'statement: frozen at the closing; adjustment: booked later.';
comment on column costpulse.statement_lines.cause is
'Of an adjustment. restatement: what the source changed, at the rate known before; price: the rest of the change '
'over all teams; rule: what moved between teams after rules changed, which adds up to 0. NULL for the statement.';
comment on column costpulse.statement_lines.team_id is 'Team; NULL: Unallocated.';
comment on column costpulse.statement_lines.team_name is 'What the team was called when the line was made.';
comment on column costpulse.statement_lines.workspace_id is 'Workspace; NULL for account-level usage.';
comment on column costpulse.statement_lines.product is 'Product; _SERVERLESS marks serverless compute.';
comment on column costpulse.statement_lines.sku_name is 'SKU.';
comment on column costpulse.statement_lines.usage_unit is 'Unit of the quantity.';
comment on column costpulse.statement_lines.usage_quantity is 'Quantity, or its change.';
comment on column costpulse.statement_lines.unpriced_quantity is 'The part of it that has no price.';
comment on column costpulse.statement_lines.list_cost_usd is
'Cost at list prices in USD, or its change; NULL where nothing of it has a price.';
comment on column costpulse.statement_lines.cost_usd is
'Cost in USD at the customer''s price, or its change; NULL where nothing of it has a price.';
comment on column costpulse.statement_lines.created_at is 'When it was frozen or booked.';
comment on column costpulse.statement_lines.voided_at is
'When the closing was taken back, and the line with it; NULL: it counts.';

do $$
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select, insert, update (reopened_at, reopened_by, note) on costpulse.closed_periods to costpulse_app;
    -- who closes a month must see that none of its days is out of date
    grant select on costpulse.statement_lines, costpulse.day_versions, costpulse.renamed_days to costpulse_app;
    alter table costpulse.statement_lines enable row level security;
    create policy team_scope on costpulse.statement_lines for select to costpulse_app
    using (
        (select current_setting('costpulse.scope', true) = 'all')
        or team_id = any((
            select string_to_array(nullif(current_setting('costpulse.scope', true), 'all'), ',')::bigint[]
        )::bigint[])
    );
    create policy everything on costpulse.statement_lines for select to costpulse_auditor using (true);
end
$$;
