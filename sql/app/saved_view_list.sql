-- one row per view that the actor sees: their own and those that are shared, by name
select
    v.id,
    v.slug,
    v.name,
    v.page,
    v.query,
    v.owner,
    v.is_shared,
    v.updated_at
from costpulse.saved_views as v
where %(slug)s::text is null or v.slug = %(slug)s::text
order by lower(v.name), v.owner, v.id
