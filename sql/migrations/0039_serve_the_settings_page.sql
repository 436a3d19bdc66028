-- What the page Settings & audit needs: tokens of the API are made and revoked there, and the audit log is read.

-- The newest changes first: of all, of one actor, of one kind of object.
create index audit_log_changed_at on costpulse.audit_log (changed_at, id);
create index audit_log_actor on costpulse.audit_log (actor, changed_at, id);
create index audit_log_object on costpulse.audit_log (table_name, changed_at, id);

-- The only two things that the app may do to a token beside using it. It never changes or deletes one, and never gives
-- back one that was revoked.
create function costpulse.create_api_token(
    name text, prefix text, team_ids bigint[], expires_at timestamptz, token_hash bytea
) returns bigint
language plpgsql
security definer
set search_path = pg_catalog
as $body$
#variable_conflict use_column
declare
    made bigint;
begin
    if current_setting('role', true) = 'costpulse_app' or session_user = 'costpulse_app' then
        if current_setting('costpulse.scope', true) is distinct from 'all' then
            raise exception 'only who sees everything makes a token' using errcode = 'insufficient_privilege';
        end if;
    end if;
    insert into costpulse.api_tokens (name, prefix, team_ids, created_by, expires_at)
    values (
        create_api_token.name, create_api_token.prefix, create_api_token.team_ids,
        nullif(current_setting('costpulse.actor', true), ''), create_api_token.expires_at
    )
    on conflict (lower(name)) where revoked_at is null do nothing
    returning id into made;
    if made is not null then
        insert into costpulse.api_token_hashes (token_id, token_hash)
        values (made, create_api_token.token_hash);
    end if;
    return made;
end
$body$;

create function costpulse.revoke_api_token(name text) returns bigint
language plpgsql
security definer
set search_path = pg_catalog
as $body$
#variable_conflict use_column
declare
    revoked bigint;
begin
    if current_setting('role', true) = 'costpulse_app' or session_user = 'costpulse_app' then
        if current_setting('costpulse.scope', true) is distinct from 'all' then
            raise exception 'only who sees everything revokes a token' using errcode = 'insufficient_privilege';
        end if;
    end if;
    update costpulse.api_tokens as t
    set revoked_at = now(), revoked_by = nullif(current_setting('costpulse.actor', true), '')
    where lower(t.name) = lower(revoke_api_token.name) and t.revoked_at is null
    returning t.id into revoked;
    return revoked;
end
$body$;

comment on function costpulse.create_api_token is
'Makes a token in the name of costpulse.actor; its number, or NULL where one of that name is in force.';
comment on function costpulse.revoke_api_token is
'Revokes a token in the name of costpulse.actor; its number, or NULL where none of that name is in force.';
revoke execute on function
costpulse.create_api_token(text, text, bigint[], timestamptz, bytea), costpulse.revoke_api_token(text)
from public;

do $$
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant execute on function
        costpulse.create_api_token(text, text, bigint[], timestamptz, bytea), costpulse.revoke_api_token(text)
    to costpulse_app;
end
$$;
