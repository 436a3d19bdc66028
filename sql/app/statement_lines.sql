-- month x booked_month x kind x cause x day of booking x team x workspace x product x SKU x unit: lines of a closing of
-- the given kinds, and adjustments that are booked on a month, as they stood just before a moment
select
    l.month,
    l.booked_month,
    l.kind,
    l.cause,
    (l.created_at at time zone 'UTC')::date as booked_on,
    l.team_id,
    l.team_name,
    l.workspace_id,
    l.product,
    l.sku_name,
    l.usage_unit,
    sum(l.usage_quantity) as usage_quantity,
    sum(l.unpriced_quantity) as unpriced_quantity,
    sum(l.list_cost_usd) as list_cost_usd,
    sum(l.cost_usd) as cost_usd
from costpulse.statement_lines as l
where
    (
        (l.closing_id = %(closing_id)s::bigint and l.kind = any(%(kinds)s::text[]))
        or (l.booked_month = %(booked_month)s::date and l.kind = 'adjustment')
    )
    and l.created_at < %(before)s::timestamptz
    and (l.voided_at is null or l.voided_at >= %(before)s::timestamptz)
group by
    l.month, l.booked_month, l.kind, l.cause, booked_on, l.team_id, l.team_name, l.workspace_id, l.product, l.sku_name,
    l.usage_unit
order by
    l.kind = 'adjustment', l.month, booked_on, l.cause, l.team_name, l.team_id, l.workspace_id, l.sku_name,
    l.usage_unit
