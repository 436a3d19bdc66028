-- key_id x SKU: the classes of its parts; keys with the same classes are decided together, and none of their claims
-- after last_place wins
create temporary table key_classes on commit drop as
select
    m.key_id,
    m.sku_name,
    array_remove(
        array[
            w.class_id, p.class_id, s.class_id, c.class_id, j.class_id, h.class_id, u.class_id, t.class_id
        ], null
    ) as classes,
    least(
        w.last_place, p.last_place, s.last_place, c.last_place, j.last_place, h.last_place, u.last_place, t.last_place
    ) as last_place
from matched_keys as m
inner join costpulse.cost_keys as k on m.key_id = k.key_id
left join part_classes as w on w.dimension = 'workspace' and coalesce(k.workspace_id, '') = w.id
left join part_classes as p on p.dimension = 'product' and k.product = p.id
left join part_classes as s on s.dimension = 'sku' and m.sku_name = s.id
left join part_classes as c
    on
        c.dimension = 'cluster'
        and coalesce(k.workspace_id, '') = c.scope
        and coalesce(k.cluster_id, '') = c.id
left join part_classes as j
    on j.dimension = 'job' and coalesce(k.workspace_id, '') = j.scope and coalesce(k.job_id, '') = j.id
left join part_classes as h
    on
        h.dimension = 'warehouse'
        and coalesce(k.workspace_id, '') = h.scope
        and coalesce(k.warehouse_id, '') = h.id
left join part_classes as u on u.dimension = 'user' and coalesce(k.user_email, '') = u.id
left join part_classes as t on t.dimension = 'tags' and k.tags = t.tags
