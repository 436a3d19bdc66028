-- classes x claim: the days on which all atoms of the claim hold, of all claims
create temporary view class_claims as
with combinations as (
    select distinct k.classes
    from key_classes as k
)

select
    s.classes,
    c.place,
    c.claim_id,
    range_intersect_agg(a.days) as days
from combinations as s
cross join lateral unnest(s.classes) as n (class_id)
inner join part_atoms as a on n.class_id = a.part_id
inner join claims_in_order as c on a.place = c.place
group by s.classes, c.place, c.claim_id, c.atom_count
having count(*) = c.atom_count and not isempty(range_intersect_agg(a.days))
union all
select
    s.classes,
    c.place,
    c.claim_id,
    c.days::datemultirange as days
from combinations as s
cross join claims_in_order as c
where c.atom_count = 0
