-- Whose cost a team's is, wherever a team stands for itself and the teams below it.

-- team x team that it stands for: itself and every one below it
create view costpulse.team_scopes with (security_invoker = true) as
with recursive belonging as (
    select
        t.id as team_id,
        t.id as scope_team_id
    from costpulse.teams as t
    union
    select
        b.team_id,
        t.parent_team_id as scope_team_id
    from belonging as b
    inner join costpulse.teams as t on b.scope_team_id = t.id
    where t.parent_team_id is not null
)

select
    b.scope_team_id,
    b.team_id
from belonging as b;

comment on view costpulse.team_scopes is
'One row per team and team that it stands for: itself and every team below it.';
comment on column costpulse.team_scopes.scope_team_id is 'The team whose cost is asked for.';
comment on column costpulse.team_scopes.team_id is 'A team whose cost is in it.';

do $$
begin
    if (
        select count(*) from pg_catalog.pg_roles
        where rolname in ('costpulse_app', 'costpulse_auditor', 'costpulse_reader')
    ) < 3 then
        raise notice 'the roles do not exist: grants are left out';
        return;
    end if;
    grant select on costpulse.team_scopes to costpulse_app;
end
$$;
