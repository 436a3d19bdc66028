-- one row per part for which some atom holds. Parts of one class are alike for every claim, and the class has the
-- number of one of them; last_place is the first claim that such a part alone decides for good: none after it can win.
create temporary table part_classes on commit drop as
select
    p.dimension,
    p.scope,
    p.id,
    p.tags,
    a.last_place,
    min(a.part_id) over (partition by a.atoms) as class_id
from (
    select
        a.part_id,
        string_agg(concat_ws(' ', a.place, a.atom, a.days), ' ' order by a.place, a.atom) as atoms,
        min(a.place) filter (where c.atom_count = 1 and a.days @> daterange(%(from_date)s, %(to_date)s)) as last_place
    from part_atoms as a
    inner join claims_in_order as c on a.place = c.place
    group by a.part_id
) as a
inner join matched_parts as p on a.part_id = p.part_id
