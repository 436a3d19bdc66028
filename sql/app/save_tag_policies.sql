-- tag_policies becomes this list: rows without an id are new, in this order, and ids that are not in it go
with wanted as (
    select
        w.id,
        w.key as tag_key,
        w.aliases,
        w.keys_case_sensitive,
        w.required,
        w.resource_types,
        w.allowed_values,
        w.case_sensitive,
        w.overrides,
        w.valid_from,
        w.position
    from jsonb_to_recordset(%(policies)s::jsonb) as w (
        id bigint,
        key text,
        aliases text[],
        keys_case_sensitive boolean,
        required boolean,
        resource_types text[],
        allowed_values text[],
        case_sensitive boolean,
        overrides jsonb,
        valid_from date,
        position integer
    )
),

gone as (
    delete from costpulse.tag_policies as p
    where not exists (select 1 from wanted as w where w.id = p.id)
),

changed as (
    update costpulse.tag_policies as p
    set
        tag_key = w.tag_key,
        aliases = w.aliases,
        keys_case_sensitive = w.keys_case_sensitive,
        required = w.required,
        resource_types = w.resource_types,
        allowed_values = w.allowed_values,
        case_sensitive = w.case_sensitive,
        overrides = w.overrides,
        valid_from = w.valid_from,
        version = p.version + 1,
        updated_at = now()
    from wanted as w
    where
        w.id = p.id
        and (
            p.tag_key, p.aliases, p.keys_case_sensitive, p.required, p.resource_types, p.allowed_values,
            p.case_sensitive, p.overrides, p.valid_from
        ) is distinct from (
            w.tag_key, w.aliases, w.keys_case_sensitive, w.required, w.resource_types, w.allowed_values,
            w.case_sensitive, w.overrides, w.valid_from
        )
)

insert into costpulse.tag_policies (
    tag_key, aliases, keys_case_sensitive, required, resource_types, allowed_values, case_sensitive, overrides,
    valid_from
)
select
    w.tag_key,
    w.aliases,
    w.keys_case_sensitive,
    w.required,
    w.resource_types,
    w.allowed_values,
    w.case_sensitive,
    w.overrides,
    w.valid_from
from wanted as w
where w.id is null
order by w.position
