-- field x tag key x kind x pattern x value: every distinct value beside the distinct patterns that it matches, meaning
-- what costpulse.matches_glob and costpulse.matches_regex mean, which would be called for every pair. What has no * is
-- found by hash. Values meet the other patterns many at once, and one by one only those of which one matches. Regular
-- expressions meet only what begins as they do, and come one after the other, so that each is compiled once.
create temporary table pattern_hits on commit drop as
with patterns as materialized (
    select distinct
        a.field,
        a.tag_key,
        a.kind,
        a.pattern,
        lower(a.beginning) as beginning,
        position('*' in a.pattern) > 0 as has_star
    from claim_atoms as a
    inner join claims_in_order as c on a.claim_id = c.claim_id
    where a.pattern <> ''
),

vals as materialized (
    select distinct
        v.field,
        v.tag_key,
        v.value,
        lower(v.value) as lower_value
    from matched_values as v
),

-- side by side: a pattern, and what LIKE makes of it
globs as materialized (
    select
        p.field,
        p.tag_key,
        array_agg(p.pattern order by p.pattern) as patterns,
        array_agg(
            replace(replace(replace(replace(lower(p.pattern), '\', '\\'), '%%', '\%%'), '_', '\_'), '*', '%%')
            order by p.pattern
        ) as like_patterns
    from patterns as p
    where p.kind = 'glob' and p.has_star
    group by p.field, p.tag_key
),

-- few at a time: what many expressions have in common to remember grows faster than they do
expressions as materialized (
    select
        p.field,
        p.tag_key,
        p.kind,
        p.pattern,
        p.beginning,
        (row_number() over (partition by p.field, p.tag_key order by p.beginning, p.pattern) - 1) / 10 as batch
    from patterns as p
    where p.kind = 'regex'
),

-- as long as the beginnings of expressions are
beginnings as materialized (
    select
        v.field,
        v.tag_key,
        v.value,
        v.lower_value,
        left(v.lower_value, e.characters) as beginning
    from vals as v
    inner join (
        select distinct
            x.field,
            x.tag_key,
            length(x.beginning) as characters
        from expressions as x
    ) as e on v.field = e.field and v.tag_key = e.tag_key
),

begun as materialized (
    select distinct
        e.field,
        e.tag_key,
        e.batch,
        v.value,
        v.lower_value
    from beginnings as v
    inner join expressions as e on v.field = e.field and v.tag_key = e.tag_key and v.beginning = e.beginning
),

of_some_expression as materialized (
    select
        e.field,
        e.tag_key,
        e.batch,
        v.value,
        v.lower_value
    from (
        select
            x.field,
            x.tag_key,
            x.batch,
            '^(?:' || string_agg('(?:' || x.pattern || ')', '|') || ')$' as expression
        from expressions as x
        group by x.field, x.tag_key, x.batch
    ) as e
    cross join lateral (
        select
            b.value,
            b.lower_value
        from begun as b
        where b.field = e.field and b.tag_key = e.tag_key and b.batch = e.batch and b.value ~* e.expression
        offset 0
    ) as v
)

select
    p.field,
    p.tag_key,
    p.kind,
    p.pattern,
    v.value
from patterns as p
inner join vals as v on p.field = v.field and p.tag_key = v.tag_key and lower(p.pattern) = v.lower_value
where p.kind = 'glob' and not p.has_star
union all
select
    p.field,
    p.tag_key,
    p.kind,
    p.pattern,
    v.value
from patterns as p
inner join vals as v on p.field = v.field and p.tag_key = v.tag_key and lower(btrim(p.pattern)) = btrim(v.lower_value)
where p.kind = 'equal'
union all
select
    v.field,
    v.tag_key,
    'glob' as kind,
    p.pattern,
    v.value
from globs as g
inner join vals as v on g.field = v.field and g.tag_key = v.tag_key and v.lower_value like any(g.like_patterns)
cross join lateral unnest(g.patterns, g.like_patterns) as p (pattern, like_pattern)
where v.lower_value like p.like_pattern
union all
select
    e.field,
    e.tag_key,
    e.kind,
    e.pattern,
    v.value
from expressions as e
cross join lateral (
    select n.value
    from of_some_expression as n
    where
        n.field = e.field
        and n.tag_key = e.tag_key
        and n.batch = e.batch
        and starts_with(n.lower_value, e.beginning)
        and n.value ~* ('^(?:' || e.pattern || ')$')
    offset 0
) as v
