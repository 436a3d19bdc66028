-- known_from x usage_date x workspace x SKU x product x unit x team: rows of daily_costs that are not what was known of
-- the days; the rows that were known and are no more end
with changed as (
    select
        s.usage_date,
        s.workspace_id,
        s.sku_name,
        s.product,
        s.usage_unit,
        s.team_id,
        s.usage_quantity,
        s.unpriced_quantity,
        s.list_cost_usd,
        s.cost_usd,
        max(s.known_row) as known_row
    from (
        select
            k.usage_date,
            k.workspace_id,
            k.sku_name,
            k.product,
            k.usage_unit,
            k.team_id,
            k.usage_quantity,
            k.unpriced_quantity,
            k.list_cost_usd,
            k.cost_usd,
            k.ctid as known_row
        from costpulse.known_costs as k
        where k.usage_date = any(%(days)s::date[]) and k.known_to is null
        union all
        select
            d.usage_date,
            d.workspace_id,
            d.sku_name,
            d.product,
            d.usage_unit,
            d.team_id,
            d.usage_quantity,
            d.unpriced_quantity,
            d.list_cost_usd,
            d.cost_usd,
            null as known_row
        from costpulse.daily_costs as d
        where d.usage_date = any(%(days)s::date[])
    ) as s
    group by
        s.usage_date, s.workspace_id, s.sku_name, s.product, s.usage_unit, s.team_id, s.usage_quantity,
        s.unpriced_quantity, s.list_cost_usd, s.cost_usd
    having count(*) = 1
),

ended as (
    update costpulse.known_costs as k
    set known_to = %(known_from)s::date
    from changed as c
    -- columns of the grain may be null, and are no key to join by: it would compare each row with all of its day
    where k.ctid = c.known_row
)

insert into costpulse.known_costs (
    usage_date, workspace_id, sku_name, product, usage_unit, team_id, known_from,
    usage_quantity, unpriced_quantity, list_cost_usd, cost_usd
)
select
    c.usage_date,
    c.workspace_id,
    c.sku_name,
    c.product,
    c.usage_unit,
    c.team_id,
    %(known_from)s::date as known_from,
    c.usage_quantity,
    c.unpriced_quantity,
    c.list_cost_usd,
    c.cost_usd
from changed as c
where c.known_row is null
-- what is read together lies together
order by c.usage_date, c.team_id, c.sku_name, c.workspace_id
