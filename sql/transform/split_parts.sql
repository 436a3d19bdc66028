-- usage_date x key_id x SKU x unit x receiver: what splits claim, shared. Each measure is counted in units of its last
-- digit: everybody gets the whole units of their exact share, the units that are left go to those who lost most of one
-- (ties by team, Unallocated last; a team of a draft has a negative id, its size counts), and the sign is put back.
-- Records stay together, with the largest share.
create temporary table split_parts on commit drop as
with shares as (
    select
        c.usage_date,
        c.key_id,
        c.sku_name,
        c.usage_unit,
        c.split_id,
        c.split_version,
        r.team_id,
        coalesce(r.weight, 1) as weight,
        coalesce(r.total, 1) as total,
        c.record_count,
        sign(c.usage_quantity) * 1e-18 as quantity_unit,
        abs(c.usage_quantity) * 1e18 as quantity,
        sign(c.unpriced_quantity) * 1e-18 as unpriced_unit,
        abs(c.unpriced_quantity) * 1e18 as unpriced,
        sign(c.list_cost_usd) * 1e-18 as list_cost_unit,
        abs(c.list_cost_usd) * 1e18 as list_cost,
        sign(c.cost_usd) * 1e-18 as cost_unit,
        abs(c.cost_usd) * 1e18 as cost
    from claimed_bill as c
    inner join costpulse.cost_keys as k on c.key_id = k.key_id
    inner join (
        select distinct
            t.split_id,
            t.basis
        from split_terms as t
    ) as s on c.split_id = s.split_id
    -- without receivers the whole stays Unallocated
    left join split_receivers as r
        on
            c.split_id = r.split_id
            and c.usage_date = r.usage_date
            and case when s.basis = 'query_share' then coalesce(k.workspace_id, '') else '' end = r.workspace_id
            and case when s.basis = 'query_share' then coalesce(k.warehouse_id, '') else '' end = r.warehouse_id
),

floors as (
    select
        s.*,
        div(s.quantity * s.weight, s.total) as quantity_floor,
        mod(s.quantity * s.weight, s.total) as quantity_lost,
        div(s.unpriced * s.weight, s.total) as unpriced_floor,
        mod(s.unpriced * s.weight, s.total) as unpriced_lost,
        div(s.list_cost * s.weight, s.total) as list_cost_floor,
        mod(s.list_cost * s.weight, s.total) as list_cost_lost,
        div(s.cost * s.weight, s.total) as cost_floor,
        mod(s.cost * s.weight, s.total) as cost_lost
    from shares as s
),

ranked as (
    select
        f.*,
        f.quantity - sum(f.quantity_floor) over parts as quantity_left,
        row_number() over (parts order by f.quantity_lost desc, abs(f.team_id) asc) as quantity_rank,
        f.unpriced - sum(f.unpriced_floor) over parts as unpriced_left,
        row_number() over (parts order by f.unpriced_lost desc, abs(f.team_id) asc) as unpriced_rank,
        f.list_cost - sum(f.list_cost_floor) over parts as list_cost_left,
        row_number() over (parts order by f.list_cost_lost desc, abs(f.team_id) asc) as list_cost_rank,
        f.cost - sum(f.cost_floor) over parts as cost_left,
        row_number() over (parts order by f.cost_lost desc, abs(f.team_id) asc) as cost_rank,
        row_number() over (parts order by f.weight desc, abs(f.team_id) asc) as weight_rank
    from floors as f
    window parts as (partition by f.usage_date, f.key_id, f.sku_name, f.usage_unit)
)

select
    r.usage_date,
    r.key_id,
    r.sku_name,
    r.usage_unit,
    r.team_id,
    case when r.team_id is not null then r.split_id end as split_id,
    case when r.team_id is not null then r.split_version end as split_version,
    case when r.team_id is not null then 'split' else 'unallocated' end as method,
    round(r.weight / r.total, 18) as share,
    (r.quantity_floor + (r.quantity_rank <= r.quantity_left)::integer) * r.quantity_unit as usage_quantity,
    (r.unpriced_floor + (r.unpriced_rank <= r.unpriced_left)::integer) * r.unpriced_unit as unpriced_quantity,
    (r.list_cost_floor + (r.list_cost_rank <= r.list_cost_left)::integer) * r.list_cost_unit as list_cost_usd,
    (r.cost_floor + (r.cost_rank <= r.cost_left)::integer) * r.cost_unit as cost_usd,
    case when r.weight_rank = 1 then r.record_count else 0 end as record_count
from ranked as r
