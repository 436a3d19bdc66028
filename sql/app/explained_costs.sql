-- one row per key_id x SKU x unit x receiver of what is asked about on a day. Patterns are globs on ids and on the
-- names of the day; usage before the first known name of a resource goes by that one.
with names as (
    select
        n.resource_type,
        n.workspace_id,
        n.resource_id,
        n.name
    from (
        select
            r.*,
            lag(r.valid_from) over (
                partition by r.workspace_id, r.resource_type, r.resource_id order by r.valid_from
            ) is null as is_first
        from costpulse.resource_names as r
    ) as n
    where
        (n.valid_from <= %(day)s or n.is_first)
        and (n.valid_to is null or n.valid_to > %(day)s)
),

asked as (
    select
        k.key_id,
        k.account_id,
        k.workspace_id,
        k.product,
        k.usage_type,
        k.is_serverless,
        k.cluster_id,
        k.warehouse_id,
        k.job_id,
        k.pipeline_id,
        k.endpoint_name,
        k.resource_type,
        k.resource_id,
        k.user_email,
        k.user_source,
        k.tags,
        coalesce(s.name, w.name) as workspace_name,
        c.name as cluster_name,
        h.name as warehouse_name,
        coalesce(j.name, k.job_name) as job_name,
        p.name as pipeline_name
    from costpulse.cost_keys as k
    left join costpulse.workspaces as w on k.workspace_id = w.workspace_id
    left join names as s on s.resource_type = 'workspace' and k.workspace_id = s.workspace_id
    left join names as c
        on
            c.resource_type = 'cluster' and k.workspace_id = c.workspace_id and k.cluster_id = c.resource_id
    left join names as h
        on
            h.resource_type = 'warehouse' and k.workspace_id = h.workspace_id and k.warehouse_id = h.resource_id
    left join names as j
        on
            j.resource_type = 'job' and k.workspace_id = j.workspace_id and k.job_id = j.resource_id
    left join names as p
        on
            p.resource_type = 'pipeline' and k.workspace_id = p.workspace_id and k.pipeline_id = p.resource_id
    where
        k.first_usage_date <= %(day)s and k.last_usage_date >= %(day)s
        and (%(user)s::text is null or costpulse.matches_glob(btrim(k.user_email), %(user)s))
        and (%(tag_key)s::text is null or costpulse.matches_glob(k.tags ->> %(tag_key)s, %(tag_value)s))
)

select
    a.*,
    d.sku_name,
    d.usage_unit,
    d.team_id,
    t.name as team_name,
    d.rule_id,
    d.rule_version,
    d.split_id,
    d.split_version,
    d.method,
    d.share,
    d.usage_quantity,
    d.unpriced_quantity,
    d.list_cost_usd,
    d.cost_usd
from costpulse.key_allocations as d
inner join asked as a on d.key_id = a.key_id
left join costpulse.teams as t on d.team_id = t.id
where
    d.usage_date = %(day)s
    and (%(sku)s::text is null or costpulse.matches_glob(d.sku_name, %(sku)s))
    and (
        %(cluster)s::text is null
        or costpulse.matches_glob(a.cluster_id, %(cluster)s)
        or costpulse.matches_glob(a.cluster_name, %(cluster)s)
    )
    and (
        %(job)s::text is null
        or costpulse.matches_glob(a.job_id, %(job)s)
        or costpulse.matches_glob(a.job_name, %(job)s)
    )
    and (
        %(warehouse)s::text is null
        or costpulse.matches_glob(a.warehouse_id, %(warehouse)s)
        or costpulse.matches_glob(a.warehouse_name, %(warehouse)s)
    )
order by
    d.key_id asc, d.sku_name asc, d.usage_unit asc, abs(d.cost_usd) desc nulls last, d.share desc, t.name asc
