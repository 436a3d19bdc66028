-- tag key, numbered: the policies that cost is judged by, stored ones or a draft; one without a first day counts always
create temporary table staged_tag_policies on commit drop as
select
    row_number() over (order by p.key)::integer as tag_no,
    p.key as tag_key,
    p.aliases,
    p.keys_case_sensitive,
    p.required,
    p.resource_types,
    to_jsonb(p.allowed_values) as allowed_values,
    p.case_sensitive,
    p.overrides,
    coalesce(p.valid_from, '-infinity'::date) as valid_from
from jsonb_to_recordset(%(policies)s::jsonb) as p (
    key text,
    aliases text[],
    keys_case_sensitive boolean,
    required boolean,
    resource_types text[],
    allowed_values text[],
    case_sensitive boolean,
    overrides jsonb,
    valid_from date
)
