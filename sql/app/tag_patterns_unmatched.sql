-- tag key x pattern of the staged policies, their overrides included, that matches none of the values seen
with patterns as (
    select
        p.tag_key,
        p.case_sensitive,
        a.pattern
    from staged_tag_policies as p
    cross join lateral jsonb_array_elements_text(p.allowed_values) as a (pattern)
    union
    select
        p.tag_key,
        p.case_sensitive,
        a.pattern
    from staged_tag_policies as p
    cross join lateral jsonb_array_elements(p.overrides) as o (each)
    cross join
        lateral
        jsonb_array_elements_text(coalesce(nullif(o.each -> 'allowed_values', 'null'::jsonb), '[]')) as a (pattern)
),

readable as (
    select
        p.tag_key,
        p.pattern,
        p.case_sensitive,
        replace(replace(replace(replace(p.pattern, '\', '\\'), '%%', '\%%'), '_', '\_'), '*', '%%') as is_like
    from patterns as p
),

seen as (
    select distinct
        p.tag_key,
        v.value
    from staged_tag_values as v
    inner join staged_tag_policies as p on v.tag_no = p.tag_no
    where not v.is_blank
)

select
    r.tag_key,
    r.pattern
from readable as r
where
    not exists (
        select from seen as s
        where
            s.tag_key = r.tag_key
            and case when r.case_sensitive then s.value like r.is_like else lower(s.value) like lower(r.is_like) end
    )
order by r.tag_key, r.pattern
