-- one row per key_id x SKU x claim that was asked on the day, in order, and atom of it: what was compared, and whether
-- it holds. Nothing is asked after the claim that comes first. Members are asked all at once, so of them only the one
-- that comes first is here.
with firsts as (
    select
        f.key_id,
        f.sku_name,
        c.claim_id,
        c.place
    from first_claims as f
    inner join claims_in_order as c on f.claim_id = c.claim_id
    where f.from_date <= %(day)s and f.to_date > %(day)s
),

asked as (
    select
        m.key_id,
        m.sku_name,
        c.place,
        r.claim_id,
        r.stage,
        r.priority,
        r.rank_id,
        r.rule_id,
        r.rule_version,
        r.split_id,
        r.split_version,
        r.team_id,
        coalesce(f.claim_id = r.claim_id, false) as is_first
    from matched_keys as m
    left join firsts as f on m.key_id = f.key_id and m.sku_name = f.sku_name
    inner join claims_in_order as c on c.days @> %(day)s::date and c.place <= coalesce(f.place, c.place)
    inner join rule_claims as r on c.claim_id = r.claim_id
    where r.stage <> 3 or f.claim_id = r.claim_id
),

-- key_id x SKU x field x tag key: the values of the day
found as (
    select
        m.key_id,
        m.sku_name,
        v.field,
        v.tag_key,
        v.value
    from matched_keys as m
    inner join costpulse.cost_keys as k on m.key_id = k.key_id
    inner join matched_parts as p
        on
            (p.dimension = 'workspace' and p.id = coalesce(k.workspace_id, ''))
            or (p.dimension = 'product' and p.id = k.product)
            or (p.dimension = 'sku' and p.id = m.sku_name)
            or (
                p.dimension = 'cluster'
                and p.scope = coalesce(k.workspace_id, '')
                and p.id = coalesce(k.cluster_id, '')
            )
            or (p.dimension = 'job' and p.scope = coalesce(k.workspace_id, '') and p.id = coalesce(k.job_id, ''))
            or (
                p.dimension = 'warehouse'
                and p.scope = coalesce(k.workspace_id, '')
                and p.id = coalesce(k.warehouse_id, '')
            )
            or (p.dimension = 'user' and p.id = coalesce(k.user_email, ''))
            or (p.dimension = 'tags' and p.tags = k.tags)
    inner join matched_values as v on p.part_id = v.part_id
    where v.days @> %(day)s::date
)

select
    a.key_id,
    a.sku_name,
    a.place,
    a.stage,
    a.priority,
    a.rule_id,
    a.rule_version,
    a.split_id,
    a.split_version,
    a.team_id,
    t.name as team_name,
    a.is_first,
    p.atom,
    p.field,
    p.tag_key,
    array_agg(distinct p.pattern) filter (where p.kind <> 'missing' and p.pattern <> '') as patterns,
    coalesce(bool_or(p.kind = 'missing'), false) as may_be_missing,
    array_agg(distinct f.value) filter (where f.value is not null) as values,
    (array_agg(f.value order by h.pattern, f.value) filter (where h.value is not null))[1] as hit_value,
    (array_agg(h.pattern order by h.pattern, f.value) filter (where h.value is not null))[1] as hit_pattern
from asked as a
left join costpulse.teams as t on a.team_id = t.id
left join claim_atoms as p on a.claim_id = p.claim_id
left join found as f on a.key_id = f.key_id and a.sku_name = f.sku_name and p.field = f.field and p.tag_key = f.tag_key
left join pattern_hits as h
    on
        p.field = h.field and p.tag_key = h.tag_key and p.kind = h.kind and p.pattern = h.pattern
        and f.value = h.value
group by
    a.key_id, a.sku_name, a.place, a.stage, a.priority, a.rule_id, a.rule_version, a.split_id, a.split_version,
    a.team_id, t.name, a.is_first, p.atom, p.field, p.tag_key
order by a.key_id asc, a.sku_name asc, a.place asc, p.atom asc
