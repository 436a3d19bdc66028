-- one row per rule and split that is valid on some of the days and claims nothing: how many keys it matches all the
-- same, and the claims that come before it there
with keys as (
    select
        k.classes,
        count(*) as keys
    from key_classes as k
    group by k.classes
),

-- who wins keys of some classes, and when
firsts as (
    select distinct
        k.classes,
        f.claim_id,
        f.from_date,
        f.to_date
    from first_claims as f
    inner join key_classes as k on f.key_id = k.key_id and f.sku_name = k.sku_name
),

matches as materialized (
    select
        m.claim_id,
        m.classes,
        m.days
    from class_claims as m
)

select
    c.rule_id,
    c.split_id,
    coalesce(m.keys, 0)::bigint as keys,
    coalesce(b.rules, '{}') as rules,
    coalesce(b.splits, '{}') as splits,
    coalesce(b.stages, '{}') as stages
from rule_claims as c
inner join claims_in_order as o on c.claim_id = o.claim_id
left join (
    select
        h.claim_id,
        sum(k.keys) as keys
    from matches as h
    inner join keys as k on h.classes = k.classes
    group by h.claim_id
) as m on c.claim_id = m.claim_id
left join lateral (
    select
        array_agg(distinct w.rule_id) filter (where w.rule_id is not null) as rules,
        array_agg(distinct w.split_id) filter (where w.split_id is not null) as splits,
        array_agg(distinct w.stage) filter (where w.stage in (3, 4)) as stages
    from matches as h
    inner join firsts as f
        on h.classes = f.classes and h.days && daterange(f.from_date, f.to_date)
    inner join rule_claims as w on f.claim_id = w.claim_id
    where h.claim_id = c.claim_id
) as b on true
where c.stage in (1, 2, 5) and c.claim_id not in (select f.claim_id from firsts as f)
order by o.place
