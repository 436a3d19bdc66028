-- what was seen without a recommendation and is now measured with one
delete from costpulse.recommendation_outcomes as s
using costpulse.recommendation_outcomes as r
where
    s.recommendation_id is null
    and r.recommendation_id is not null
    and s.workspace_id is not distinct from r.workspace_id
    and s.resource_type = r.resource_type
    and s.resource_id = r.resource_id
    and s.changed_on = r.changed_on
