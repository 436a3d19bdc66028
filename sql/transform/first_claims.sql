-- key_id x SKU x days: the claim that comes first. Found once for keys of the same classes; what comes after a claim
-- that holds on all of the days is left out as early as possible.
create temporary table first_claims on commit drop as
with combinations as (
    select
        k.classes,
        min(k.last_place) as last_place
    from key_classes as k
    group by k.classes
),

atoms as (
    select
        s.classes,
        a.place,
        a.days,
        c.atom_count
    from combinations as s
    cross join lateral unnest(s.classes) as n (class_id)
    inner join part_atoms as a on n.class_id = a.part_id and a.place <= coalesce(s.last_place, a.place)
    inner join claims_in_order as c on a.place = c.place
),

candidates as (
    select
        a.classes,
        a.place,
        a.days
    from atoms as a
    where a.atom_count = 1
    union all
    select
        a.classes,
        a.place,
        range_intersect_agg(a.days) as days
    from atoms as a
    where a.atom_count > 1
    group by a.classes, a.place, a.atom_count
    having count(*) = a.atom_count and not isempty(range_intersect_agg(a.days))
    union all
    select
        s.classes,
        c.place,
        c.days::datemultirange as days
    from combinations as s
    inner join claims_in_order as c on c.atom_count = 0 and c.place <= coalesce(s.last_place, c.place)
),

decisive as (
    select
        c.classes,
        c.place,
        c.days,
        min(c.place) filter (where c.days @> daterange(%(from_date)s, %(to_date)s))
            over (partition by c.classes) as last_place
    from candidates as c
),

-- the days of a claim, less those of all claims before it
firsts as (
    select
        d.classes,
        d.place,
        d.days - coalesce(
            range_agg(d.days) over (
                partition by d.classes order by d.place rows between unbounded preceding and 1 preceding
            ), '{}'::datemultirange
        ) as days
    from decisive as d
    where d.place <= coalesce(d.last_place, d.place)
)

select
    k.key_id,
    k.sku_name,
    lower(d.days) as from_date,
    upper(d.days) as to_date,
    c.claim_id,
    c.stage,
    c.team_id,
    c.rule_id,
    c.rule_version,
    c.split_id,
    c.split_version
from key_classes as k
inner join firsts as f on k.classes = f.classes
cross join lateral unnest(f.days) as d (days)
inner join claims_in_order as o on f.place = o.place
inner join rule_claims as c on o.claim_id = c.claim_id
