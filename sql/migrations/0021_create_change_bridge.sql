-- Why cost is not what it was: the difference of two periods, split into parts that add up to it.

-- What the change of a price makes at the mean of both quantities: (q0 + q1) / 2 * (v1 / q1 - v0 / q0), written so that
-- it is exactly zero where the price is the same. A price is needed on both sides: else NULL.
create function costpulse.rate_effect(
    then_quantity numeric, then_value numeric, now_quantity numeric, now_value numeric
) returns numeric
language sql immutable parallel safe
as $body$
    select
        case
            when then_quantity > 0 and now_quantity > 0
                then
                    0.5 * (
                        now_value - then_value
                        + then_quantity * now_value / now_quantity - now_quantity * then_value / then_quantity
                    )
        end
$body$;

-- comparison x scope x part
create table costpulse.change_bridge (
    comparison text not null check (comparison in ('month to date', 'last month')),
    scope_type text not null check (scope_type in ('everything', 'workspace', 'team', 'product')),
    scope_id text not null,
    then_first date not null,
    then_last date not null,
    now_first date not null,
    now_last date not null,
    part text not null check (
        part in ('price', 'discount', 'volume', 'mix', 'new', 'ended', 'ownership', 'restatements')
    ),
    amount_usd numeric(38, 18) not null check (amount_usd <> 'NaN'),
    then_usd numeric(38, 18) not null check (then_usd <> 'NaN'),
    now_usd numeric(38, 18) not null check (now_usd <> 'NaN'),
    detail jsonb not null,
    computed_at timestamptz not null default now(),
    primary key (comparison, scope_type, scope_id, part),
    check (then_last >= then_first),
    check (now_last >= now_first)
);

comment on function costpulse.rate_effect(numeric, numeric, numeric, numeric) is
'Effect of a changed price (value / quantity) at the mean of both quantities; NULL without a price on both sides.';
comment on table costpulse.change_bridge is
'One row per comparison, scope and part: the parts of a scope add up to now_usd - then_usd, to the last digit.';
comment on column costpulse.change_bridge.comparison is
'month to date: with the same days of the month before; last month: the last full month with the one before it.';
comment on column costpulse.change_bridge.scope_type is
'everything, workspace, product, or team with the teams below it.';
comment on column costpulse.change_bridge.scope_id is
'Workspace (empty: account level), product, team (unallocated: no team); empty for everything.';
comment on column costpulse.change_bridge.then_first is 'First day (UTC) of the earlier period.';
comment on column costpulse.change_bridge.then_last is 'Its last day.';
comment on column costpulse.change_bridge.now_first is 'First day (UTC) of the later period.';
comment on column costpulse.change_bridge.now_last is 'Its last day.';
comment on column costpulse.change_bridge.part is
'price: list prices changed; discount: what is paid of them changed; volume: more or less was used; mix: dearer or '
'cheaper things of a product were used; new, ended: resources of one period only; ownership: moved between teams; '
'restatements: corrections of Databricks.';
comment on column costpulse.change_bridge.amount_usd is 'What the part adds to the cost; negative: what it saves.';
comment on column costpulse.change_bridge.then_usd is 'Cost of the scope in the earlier period.';
comment on column costpulse.change_bridge.now_usd is 'Cost of the scope in the later period.';
comment on column costpulse.change_bridge.detail is
'causes: how many resources (price, discount: SKUs) the part comes from; largest: up to five of them, with type, id '
'and amount_usd as text; days_usd, of volume: how much of it the number of days makes.';
comment on column costpulse.change_bridge.computed_at is 'When the row was written.';

do $$
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select on costpulse.change_bridge to costpulse_app;
    alter table costpulse.change_bridge enable row level security;
    create policy team_scope on costpulse.change_bridge for select to costpulse_app using (
        (select current_setting('costpulse.scope', true)) = 'all'
        or (
            scope_type = 'team'
            and scope_id = any((
                select string_to_array(nullif(current_setting('costpulse.scope', true), 'all'), ',')
            )::text[])
        )
    );
    create policy everything on costpulse.change_bridge for select to costpulse_auditor using (true);
end
$$;
