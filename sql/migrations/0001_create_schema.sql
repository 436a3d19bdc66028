-- The schema, and the three roles of least privilege where the server lets us create roles.
-- Roles are cluster-wide: they may exist already from another database. NOLOGIN: `costpulse migrate` gives the
-- app's own login its membership; people grant costpulse_reader to their BI logins themselves.
create schema if not exists costpulse;

do $$
declare
    wanted text;
begin
    foreach wanted in array array['costpulse_app', 'costpulse_auditor', 'costpulse_reader'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception
                when insufficient_privilege then
                    raise notice 'role % cannot be created here: grants are left out', wanted;
                when duplicate_object or unique_violation then
                    null; -- another migration of the same server was quicker
            end;
        end if;
    end loop;
end
$$;
