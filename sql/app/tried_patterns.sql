-- one row per pattern of the claims that were staged and matched, in the order of their conditions: how many values it
-- matches, and the first of them
with hits as (
    select
        a.pattern,
        min(a.atom) as atom,
        array_agg(distinct h.value) filter (where h.value is not null) as matching
    from claim_atoms as a
    left join pattern_hits as h
        on a.field = h.field and a.tag_key = h.tag_key and a.kind = h.kind and a.pattern = h.pattern
    where a.kind <> 'missing'
    group by a.field, a.tag_key, a.kind, a.pattern
)

select
    h.pattern,
    coalesce(cardinality(h.matching), 0) as matching_values,
    coalesce(h.matching[1:%(at_most)s], '{}') as examples
from hits as h
order by h.atom asc, h.pattern asc
