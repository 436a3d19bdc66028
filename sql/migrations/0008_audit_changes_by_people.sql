-- Who changed what: every write to a table that people edit, with the row before and after.
-- The app must say who acts (set_config('costpulse.actor', ..., true)); the pipeline writes as 'pipeline'.

create table costpulse.audit_log (
    id bigint generated always as identity primary key,
    changed_at timestamptz not null default clock_timestamp(),
    actor text not null,
    table_name text not null,
    row_id text,
    action text not null check (action in ('insert', 'update', 'delete')),
    before jsonb,
    after jsonb
);
create index audit_log_row on costpulse.audit_log (table_name, row_id, changed_at);

create function costpulse.audit_change() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $body$
declare
    actor text := nullif(current_setting('costpulse.actor', true), '');
    before_row jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    after_row jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
begin
    -- session_user and the role set by the app both count: the trigger itself runs as the owner
    if actor is null then
        if session_user = 'costpulse_app' or current_setting('role', true) = 'costpulse_app' then
            raise exception 'costpulse.actor is not set: a change without a name is not accepted'
                using errcode = 'insufficient_privilege';
        end if;
        actor := 'pipeline';
    end if;
    insert into costpulse.audit_log (actor, table_name, row_id, action, before, after)
    values (
        actor, tg_table_name, coalesce(after_row, before_row) ->> 'id', lower(tg_op), before_row, after_row
    );
    return null;
end
$body$;

create trigger audit after insert or update or delete on costpulse.price_adjustments
for each row execute function costpulse.audit_change();
create trigger audit after insert or update or delete on costpulse.teams
for each row execute function costpulse.audit_change();
create trigger audit after insert or update or delete on costpulse.team_members
for each row execute function costpulse.audit_change();
create trigger audit after insert or update or delete on costpulse.allocation_rules
for each row execute function costpulse.audit_change();
create trigger audit after insert or update or delete on costpulse.cost_splits
for each row execute function costpulse.audit_change();
create trigger audit after insert or update or delete on costpulse.split_weights
for each row execute function costpulse.audit_change();
create trigger audit after insert or update or delete on costpulse.alerts
for each row execute function costpulse.audit_change();

-- A changed adjustment makes the days re-price that it touches, before and after the change.
create function costpulse.mark_days_for_repricing() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $body$
begin
    if tg_op <> 'INSERT' then
        update costpulse.collected_days
        set reprice_reason = 'price adjustment ' || old.id || ' changed'
        where usage_date >= old.valid_from and (old.valid_to is null or usage_date < old.valid_to);
    end if;
    if tg_op <> 'DELETE' then
        update costpulse.collected_days
        set reprice_reason = 'price adjustment ' || new.id || ' changed'
        where usage_date >= new.valid_from and (new.valid_to is null or usage_date < new.valid_to);
    end if;
    return null;
end
$body$;

create trigger reprice after insert or update or delete on costpulse.price_adjustments
for each row execute function costpulse.mark_days_for_repricing();
