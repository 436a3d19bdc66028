-- part x claim x atom: where and when an atom of a claim holds
create temporary table part_atoms on commit drop as
with hits as (
    select
        v.part_id,
        a.claim_id,
        a.atom,
        v.days::datemultirange as days
    from matched_values as v
    inner join pattern_hits as h on v.field = h.field and v.tag_key = h.tag_key and v.value = h.value
    inner join claim_atoms as a
        on h.field = a.field and h.tag_key = a.tag_key and h.kind = a.kind and h.pattern = a.pattern
    union all
    -- the days on which a part has no value at all
    select
        p.part_id,
        a.claim_id,
        a.atom,
        daterange(%(from_date)s, %(to_date)s)::datemultirange - coalesce(v.days, '{}'::datemultirange) as days
    from claim_atoms as a
    inner join asked_fields as f on a.field = f.field and a.tag_key = f.tag_key
    inner join matched_parts as p on f.dimension = p.dimension
    left join (
        select
            v.part_id,
            v.field,
            v.tag_key,
            range_agg(v.days) as days
        from matched_values as v
        group by v.part_id, v.field, v.tag_key
    ) as v on p.part_id = v.part_id and a.field = v.field and a.tag_key = v.tag_key
    where a.kind = 'missing'
)

-- The union of the days of all hits, as what none of them leaves out: range_agg has a state for which so much memory is
-- counted that the groups would go to disk.
select
    h.part_id,
    c.place,
    h.atom,
    c.days::datemultirange
    - range_intersect_agg(datemultirange(daterange(%(from_date)s, %(to_date)s)) - h.days) as days
from hits as h
inner join claims_in_order as c on h.claim_id = c.claim_id
group by h.part_id, c.place, h.atom, c.days
having
    not isempty(
        c.days::datemultirange
        - range_intersect_agg(datemultirange(daterange(%(from_date)s, %(to_date)s)) - h.days)
    )
