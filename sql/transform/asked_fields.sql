-- field x tag key that some claim asks about, with the part of a key (dimension) that has its values
create temporary table asked_fields on commit drop as
select distinct
    d.dimension,
    a.field,
    a.tag_key
from claim_atoms as a
inner join claims_in_order as c on a.claim_id = c.claim_id
inner join (
    values
    ('workspace', 'workspace'),
    ('product', 'product'),
    ('sku_name', 'sku'),
    ('cluster_name', 'cluster'),
    ('job', 'job'),
    ('warehouse', 'warehouse'),
    ('user_email', 'user'),
    ('user_domain', 'user'),
    ('tag', 'tags')
) as d (field, dimension) on a.field = d.field
