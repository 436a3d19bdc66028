-- one row per tag policy, by key: what people typed; teams of overrides go by their names, those of a deleted team go
select
    p.id,
    p.version,
    p.updated_at,
    p.tag_key as key,
    p.aliases,
    p.keys_case_sensitive,
    p.required,
    p.resource_types,
    p.allowed_values,
    p.case_sensitive,
    p.valid_from,
    coalesce(o.overrides, '[]'::jsonb) as overrides
from costpulse.tag_policies as p
left join
    lateral (
        select
            jsonb_agg(
                jsonb_build_object(
                    'scope_type', e.each ->> 'scope_type',
                    'scope', case when e.each ->> 'scope_type' = 'team' then t.name else e.each ->> 'scope_id' end,
                    'required', e.each -> 'required',
                    'allowed_values', e.each -> 'allowed_values'
                )
                order by e.position
            ) as overrides
        from jsonb_array_elements(p.overrides) with ordinality as e (each, position)
        left join costpulse.teams as t
            on e.each ->> 'scope_type' = 'team' and e.each ->> 'scope_id' = t.id::text
        where e.each ->> 'scope_type' <> 'team' or t.id is not null
    ) as o
    on true
order by lower(p.tag_key)
