-- one row per pipeline that changed since a moment, its newest version (is_latest), and one per older version of it
-- with another name than the version before
with versions as (
    select
        p.*,
        lag(p.name) over (
            partition by p.workspace_id, p.pipeline_id order by p.change_time, p.name
        ) as previous_name,
        row_number() over (
            partition by p.workspace_id, p.pipeline_id order by p.change_time desc, p.name desc
        ) as age
    from system.lakeflow.pipelines as p
    where p.change_time >= :changed_since and p.workspace_id is not null and p.pipeline_id is not null
)

select
    v.workspace_id,
    v.pipeline_id,
    v.name,
    v.change_time,
    v.age = 1 as is_latest,
    v.pipeline_type,
    coalesce(v.run_as, v.created_by) as owner,
    v.created_by as creator,
    v.settings.serverless as is_serverless,
    v.settings.photon as photon_enabled,
    v.settings.continuous as is_continuous,
    v.settings.development as is_development,
    v.settings.edition as edition,
    coalesce(to_json(map_from_entries(array_sort(map_entries(v.tags)))), '{}') as tags,
    v.create_time,
    v.delete_time
from versions as v
where v.age = 1 or v.name is distinct from v.previous_name
