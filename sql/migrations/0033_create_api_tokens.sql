-- Tokens of the API: who may read what with them. Of the token itself only a hash is kept, in a table of its own: the
-- auditor and the audit log see everything but that.

-- one row per token that was ever made
create table costpulse.api_tokens (
    id bigint generated always as identity primary key,
    name text not null check (btrim(name) <> '' and length(name) <= 80),
    prefix text not null unique check (prefix ~ '^[0-9a-f]{12}$'),
    team_ids bigint[] check (cardinality(team_ids) > 0),
    created_by text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz check (expires_at > created_at),
    last_used_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    check ((revoked_at is null) = (revoked_by is null))
);
create unique index api_tokens_name on costpulse.api_tokens (lower(name)) where revoked_at is null;

-- one row per token
create table costpulse.api_token_hashes (
    token_id bigint primary key references costpulse.api_tokens (id) on delete cascade,
    token_hash bytea not null check (length(token_hash) = 32)
);

-- That a token was used is no change by a person.
create trigger audit after insert or delete on costpulse.api_tokens
for each row execute function costpulse.audit_change();
create trigger audit_revoked after update on costpulse.api_tokens
for each row when (
    row(old.name, old.team_ids, old.expires_at, old.revoked_at)
    is distinct from row(new.name, new.team_ids, new.expires_at, new.revoked_at)
)
execute function costpulse.audit_change();

comment on table costpulse.api_tokens is
'One row per token of the API; a token that was revoked or has expired keeps its row.';
comment on column costpulse.api_tokens.id is 'Number of the token.';
comment on column costpulse.api_tokens.name is 'What people call it: no two that are in force have the same.';
comment on column costpulse.api_tokens.prefix is
'The part of the token that is no secret, by which it is found: costpulse_<prefix>_<secret>.';
comment on column costpulse.api_tokens.team_ids is
'Teams whose rows it may read, each with the teams below it; a team that is gone gives none. NULL: everything.';
comment on column costpulse.api_tokens.created_by is 'Who made it.';
comment on column costpulse.api_tokens.created_at is 'When it was made.';
comment on column costpulse.api_tokens.expires_at is 'From when on it is refused; NULL: it does not expire.';
comment on column costpulse.api_tokens.last_used_at is 'When it was used last, to the minute; NULL: never.';
comment on column costpulse.api_tokens.revoked_at is 'When it was revoked; NULL: it was not.';
comment on column costpulse.api_tokens.revoked_by is 'Who revoked it.';
comment on table costpulse.api_token_hashes is
'One row per token of the API: its hash. Only the pipeline and the app read it.';
comment on column costpulse.api_token_hashes.token_id is 'The token.';
comment on column costpulse.api_token_hashes.token_hash is 'SHA-256 of the whole token, of which 256 bits are random.';

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
    revoke select on costpulse.api_token_hashes from costpulse_auditor;
    grant select on costpulse.api_tokens, costpulse.api_token_hashes to costpulse_app;
    grant update (last_used_at) on costpulse.api_tokens to costpulse_app;
    -- whose tokens there are is for those who see everything
    foreach scoped in array array['api_tokens', 'api_token_hashes'] loop
        execute format('alter table costpulse.%I enable row level security', scoped);
        execute format(
            'create policy team_scope on costpulse.%I to costpulse_app '
            'using ((select current_setting(''costpulse.scope'', true)) = ''all'')', scoped
        );
    end loop;
    create policy everything on costpulse.api_tokens for select to costpulse_auditor using (true);
end
$$;
