-- one row per two rules or splits that match the same cost on the same day, the one that is asked first first
with costs as (
    select
        k.classes,
        b.usage_date,
        coalesce(sum(b.cost_usd), 0) as cost_usd
    from matched_bill as b
    inner join key_classes as k on b.key_id = k.key_id and b.sku_name = k.sku_name
    group by k.classes, b.usage_date
),

sizes as (
    select
        k.classes,
        count(*) as keys
    from key_classes as k
    group by k.classes
),

direct as materialized (
    select
        m.classes,
        m.days,
        m.place,
        c.rule_id,
        c.split_id
    from class_claims as m
    inner join rule_claims as c on m.claim_id = c.claim_id
    where c.stage in (1, 2)
),

pairs as (
    select
        f.classes,
        f.place as first_place,
        s.place as second_place,
        f.rule_id as first_rule,
        f.split_id as first_split,
        s.rule_id as second_rule,
        s.split_id as second_split,
        f.days * s.days as days
    from direct as f
    inner join direct as s on f.classes = s.classes and f.place < s.place and f.days && s.days
),

valued as (
    select
        p.classes,
        p.first_place,
        p.second_place,
        p.first_rule,
        p.first_split,
        p.second_rule,
        p.second_split,
        sum(c.cost_usd) as cost_usd
    from pairs as p
    inner join costs as c on p.classes = c.classes and p.days @> c.usage_date
    group by
        p.classes, p.first_place, p.second_place, p.first_rule, p.first_split, p.second_rule, p.second_split
)

select
    v.first_rule,
    v.first_split,
    v.second_rule,
    v.second_split,
    sum(s.keys)::bigint as keys,
    sum(v.cost_usd) as cost_usd
from valued as v
inner join sizes as s on v.classes = s.classes
group by v.first_place, v.second_place, v.first_rule, v.first_split, v.second_rule, v.second_split
order by cost_usd desc, v.first_place asc, v.second_place asc
limit %(at_most)s
