-- takes back what was found about resources that do not exist any more, whatever they cost in the window, and what is
-- too little to be said
delete from found_recommendations as f
where
    f.saving_usd < %(minimum_saving)s
    or (f.workspace_id, f.resource_type, f.resource_id) in (
        select
            d.workspace_id,
            d.resource_type,
            d.resource_id
        from costpulse.deleted_resources as d
    )
    or (f.workspace_id, f.bearer_type, f.bearer_id) in (
        select
            d.workspace_id,
            d.resource_type,
            d.resource_id
        from costpulse.deleted_resources as d
    )
