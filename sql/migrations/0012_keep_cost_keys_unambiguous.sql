-- What a key stands for never changes: two combinations under one key_id must stop the load that brings the second.
-- A trigger sees only keys that are known already; checking every loaded row took as long as inserting its key.
create function costpulse.refuse_ambiguous_key() returns trigger
language plpgsql
set search_path = pg_catalog
as $body$
begin
    raise exception 'two different attribution keys have one key_id (%)', old.key_id
        using errcode = 'integrity_constraint_violation';
end
$body$;

create trigger refuse_ambiguous_key before update on costpulse.cost_keys
for each row when (
    (
        old.account_id, old.workspace_id, old.product, old.usage_type, old.is_serverless, old.cluster_id,
        old.warehouse_id, old.job_id, old.pipeline_id, old.endpoint_name, old.resource_type, old.resource_id,
        old.user_email, old.user_source, old.tags
    ) is distinct from (
        new.account_id, new.workspace_id, new.product, new.usage_type, new.is_serverless, new.cluster_id,
        new.warehouse_id, new.job_id, new.pipeline_id, new.endpoint_name, new.resource_type, new.resource_id,
        new.user_email, new.user_source, new.tags
    )
)
execute function costpulse.refuse_ambiguous_key();

-- Keys are joined by key_id; no statement reads these two, and they were half of the price of a new key.
drop index costpulse.cost_keys_workspace;
drop index costpulse.cost_keys_user;
