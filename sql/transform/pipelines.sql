-- one row per pipeline, from its newest version; what is not among the staged ones keeps its row
insert into costpulse.pipelines as known (
    workspace_id, pipeline_id, name, pipeline_type, owner, creator, is_serverless, photon_enabled, is_continuous,
    is_development, edition, tags, create_time, delete_time, change_time, connection
)
select
    s.workspace_id,
    s.pipeline_id,
    s.name,
    s.pipeline_type,
    s.owner,
    s.creator,
    s.is_serverless,
    s.photon_enabled,
    s.is_continuous,
    s.is_development,
    s.edition,
    s.tags,
    s.create_time,
    s.delete_time,
    s.change_time,
    %(connection)s as connection
from staged_pipelines as s
where s.is_latest
on conflict (workspace_id, pipeline_id) do update set
    name = excluded.name,
    pipeline_type = excluded.pipeline_type,
    owner = excluded.owner,
    creator = excluded.creator,
    is_serverless = excluded.is_serverless,
    photon_enabled = excluded.photon_enabled,
    is_continuous = excluded.is_continuous,
    is_development = excluded.is_development,
    edition = excluded.edition,
    tags = excluded.tags,
    create_time = excluded.create_time,
    delete_time = excluded.delete_time,
    change_time = excluded.change_time,
    connection = excluded.connection,
    updated_at = now()
