-- dimension x team x value: which products, jobs, all-purpose clusters and warehouses, and persons the cost of teams
-- came from, of all teams or of one with the teams below it. Of each team the largest, and one row for all others
-- (further says how many); value null without further is cost that has none. whole_usd is the sum of a dimension.
with of_keys as (
    select
        d.team_id,
        d.key_id,
        sum(d.list_cost_usd) as list_cost_usd,
        sum(d.cost_usd) as cost_usd
    from costpulse.daily_key_costs as d
    where
        d.usage_date between %(first)s and %(last)s
        and (
            %(team_id)s::bigint is null
            or d.team_id in (
                select b.team_id from costpulse.team_scopes as b where b.scope_team_id = %(team_id)s::bigint
            )
        )
    group by d.team_id, d.key_id
),

of_values as (
    select
        v.dimension,
        d.team_id,
        v.resource_type,
        n.workspace_id,
        v.value_id,
        sum(d.list_cost_usd) as list_cost_usd,
        sum(d.cost_usd) as cost_usd
    from of_keys as d
    inner join costpulse.cost_keys as k on d.key_id = k.key_id
    cross join
        lateral (
            select
                case
                    when k.warehouse_id is not null then 'warehouse'
                    when k.product = 'ALL_PURPOSE' and k.job_id is null and k.pipeline_id is null then 'cluster'
                end as type
        ) as c
    cross join
        lateral (
            values
            ('product', null, null, k.product),
            ('job', 'job', k.workspace_id, k.job_id),
            (
                'compute',
                c.type,
                k.workspace_id,
                case c.type when 'warehouse' then k.warehouse_id when 'cluster' then k.cluster_id end
            ),
            ('person', null, null, k.user_email)
        ) as v (dimension, resource_type, named_in, value_id)
    cross join lateral (select case when v.value_id is not null then v.named_in end as workspace_id) as n
    group by v.dimension, d.team_id, v.resource_type, v.value_id, n.workspace_id
),

placed as (
    select
        o.*,
        row_number() over (
            partition by o.dimension, o.team_id, o.value_id is null
            order by
                o.cost_usd desc nulls last,
                o.value_id collate pg_catalog."C" asc,
                o.workspace_id collate pg_catalog."C" asc,
                o.resource_type asc
        ) as place
    from of_values as o
),

shown as (
    select
        p.dimension,
        p.team_id,
        p.resource_type,
        p.workspace_id,
        p.value_id,
        p.list_cost_usd,
        p.cost_usd,
        case when p.value_id is null then %(largest)s + 2 else p.place end as place,
        0 as further
    from placed as p
    where p.value_id is null or p.place <= %(largest)s
    union all
    select
        p.dimension,
        p.team_id,
        null as resource_type,
        null as workspace_id,
        null as value_id,
        sum(p.list_cost_usd) as list_cost_usd,
        sum(p.cost_usd) as cost_usd,
        %(largest)s + 1 as place,
        count(*) as further
    from placed as p
    where p.value_id is not null and p.place > %(largest)s
    group by p.dimension, p.team_id
)

select
    s.dimension,
    s.team_id,
    case when s.team_id is null then 'Unallocated' else coalesce(t.name, 'Team ' || s.team_id) end as team,
    s.resource_type,
    s.value_id,
    coalesce(r.name, j.name, s.value_id) as name,
    w.name as workspace,
    s.further,
    s.list_cost_usd,
    s.cost_usd,
    round(100 * s.cost_usd / nullif(sum(s.cost_usd) over (partition by s.dimension, s.team_id), 0), 6)
        as share_percent,
    sum(s.cost_usd) over (partition by s.dimension) as whole_usd
from shown as s
left join costpulse.teams as t on s.team_id = t.id
left join costpulse.workspaces as w on s.workspace_id = w.workspace_id
left join costpulse.resource_names as r
    on
        s.workspace_id = r.workspace_id
        and s.resource_type = r.resource_type
        and s.value_id = r.resource_id
        and r.valid_to is null
left join lateral (
    select k.job_name as name
    from costpulse.cost_keys as k
    where
        s.dimension = 'job'
        and k.job_id = s.value_id
        and k.workspace_id is not distinct from s.workspace_id
        and k.job_name is not null
    order by k.last_usage_date desc, k.job_name collate pg_catalog."C" asc
    limit 1
) as j on true
order by s.dimension, t.name collate pg_catalog."C" nulls last, s.team_id nulls last, s.place
