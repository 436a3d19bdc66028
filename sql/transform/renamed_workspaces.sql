-- workspace x valid_from: names that are not the last one known, from staged_workspaces. The source has no history of
-- them: a name begins on the day it is first seen, and of two on one day the last one is kept. The days on which the
-- workspace is called otherwise than was known are allocated anew where a rule finds it by name.
with known as (
    select
        n.workspace_id,
        n.name,
        n.valid_from,
        n.valid_to,
        row_number() over (partition by n.workspace_id order by n.valid_from) = 1 as is_first
    from costpulse.resource_names as n
    where n.resource_type = 'workspace'
),

renamed as (
    select
        s.workspace_id,
        s.workspace_name as name,
        greatest(k.valid_from, %(today)s::date) as valid_from,
        -- usage before the first known name goes by that one
        case
            when k.valid_from is null or (k.is_first and k.valid_from >= %(today)s::date) then '-infinity'
            else greatest(k.valid_from, %(today)s::date)
        end as first_day
    from staged_workspaces as s
    left join known as k on s.workspace_id = k.workspace_id and k.valid_to is null
    where s.workspace_name is not null and s.workspace_name is distinct from k.name
),

ended as (
    update costpulse.resource_names as n
    set valid_to = r.valid_from
    from renamed as r
    where
        n.workspace_id = r.workspace_id
        and n.resource_type = 'workspace'
        and n.valid_to is null
        and n.valid_from < r.valid_from
),

named as (
    insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from)
    select
        r.workspace_id,
        'workspace' as resource_type,
        r.workspace_id as resource_id,
        r.name,
        r.valid_from
    from renamed as r
    on conflict (workspace_id, resource_type, resource_id, valid_from) do update set name = excluded.name
),

billed as (
    select
        k.workspace_id,
        greatest(min(r.first_day), min(k.first_usage_date)) as first_day,
        max(k.last_usage_date) as last_day
    from costpulse.cost_keys as k
    inner join renamed as r on k.workspace_id = r.workspace_id
    group by k.workspace_id
)

insert into costpulse.renamed_days (usage_date, changed_at)
select
    d.day::date as usage_date,
    -- of every row another moment: several workspaces may have one day
    max(clock_timestamp()) as changed_at
from billed as b
cross join lateral generate_series(b.first_day::timestamp, b.last_day::timestamp, interval '1 day') as d (day)
group by d.day::date
on conflict (usage_date) do update set changed_at = excluded.changed_at
