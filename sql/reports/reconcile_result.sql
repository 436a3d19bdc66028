-- month x SKU x workspace: what the file has, what CostPulse has, and the difference by cause. Every cause takes its
-- amount from what the ones before it left, so that they add up to the difference; the last one has the rest.
create temporary table reconcile_result on commit drop as
with rates as (
    select
        r.currency,
        r.rate
    from unnest(%(currencies)s::text[], %(rates)s::numeric[]) as r (currency, rate)
),

-- invoices name workspaces by id or by name
workspace_ids as (
    select
        n.workspace,
        coalesce(
            (select w.workspace_id from costpulse.workspaces as w where w.workspace_id = n.workspace),
            (
                select min(w.workspace_id) from costpulse.workspaces as w
                where lower(w.name) = lower(n.workspace)
                having count(*) = 1
            ),
            n.workspace
        ) as workspace_id
    from (select distinct f.workspace from reconcile_file as f) as n
),

theirs as (
    select
        f.month,
        f.sku_name,
        i.workspace_id,
        sum(f.row_count) as row_count,
        sum(v.net) filter (where f.usage_month = f.month) as net,
        sum(v.net) filter (where f.usage_month <> f.month) as other_months,
        case when count(v.gross) = count(*) then sum(v.gross) filter (where f.usage_month = f.month) end as gross,
        case
            when count(f.quantity) = count(*) then sum(f.quantity) filter (where f.usage_month = f.month)
        end as quantity,
        count(*) filter (where r.rate is null and not %(by_quantity)s) as not_converted
    from reconcile_file as f
    inner join workspace_ids as i on f.workspace is not distinct from i.workspace
    left join rates as r on f.currency = r.currency
    cross join
        lateral (
            select
                case when %(by_quantity)s then f.quantity else f.amount * r.rate end as net,
                case when not %(by_quantity)s then f.list_amount * r.rate end as gross
        ) as v
    group by f.month, f.sku_name, i.workspace_id
),

ours as (
    select
        m.month,
        case when %(by_sku)s then r.sku_name end as sku_name,
        case when %(by_workspace)s then r.workspace_id end as workspace_id,
        sum(r.record_count) as row_count,
        sum(v.net) as net,
        sum(v.net) filter (where r.ingestion_date > m.as_of) as late,
        sum(r.list_cost_usd) as gross,
        sum(r.list_cost_usd) filter (where r.ingestion_date > m.as_of) as late_gross,
        sum(r.usage_quantity) as quantity,
        sum(r.usage_quantity) filter (where r.ingestion_date > m.as_of) as late_quantity,
        sum(r.cost_usd) filter (where r.list_cost_usd is null and not %(by_quantity)s) as without_list_price,
        sum(r.usage_quantity) filter (where r.cost_usd is null and not %(by_quantity)s) as unpriced_quantity
    from costpulse.cost_records as r
    inner join reconcile_months as m on r.usage_date between m.first_day and m.last_day
    cross join lateral (select case when %(by_quantity)s then r.usage_quantity else r.cost_usd end as net) as v
    where
        r.usage_date between %(first_day)s and %(last_day)s
        and (%(unit)s::text is null or r.usage_unit = %(unit)s::text)
    group by m.month, case when %(by_sku)s then r.sku_name end, case when %(by_workspace)s then r.workspace_id end
),

sides as (
    select
        s.month,
        s.sku_name,
        s.workspace_id,
        coalesce(max(s.file_rows), 0) as file_rows,
        coalesce(max(s.our_rows), 0) as our_rows,
        coalesce(sum(s.file_net), 0) + coalesce(sum(s.other_months), 0) as file_value,
        coalesce(sum(s.our_net), 0) as our_value,
        coalesce(sum(s.other_months), 0) as other_months,
        coalesce(sum(s.not_converted), 0) as not_converted,
        sum(s.file_gross) as file_gross,
        sum(s.file_quantity) as file_quantity,
        coalesce(sum(s.late), 0) as late,
        coalesce(sum(s.our_gross), 0) as our_gross,
        coalesce(sum(s.late_gross), 0) as late_gross,
        coalesce(sum(s.our_quantity), 0) as our_quantity,
        coalesce(sum(s.late_quantity), 0) as late_quantity,
        coalesce(sum(s.without_list_price), 0) as without_list_price,
        coalesce(sum(s.unpriced_quantity), 0) as unpriced_quantity
    from (
        select
            t.month,
            t.sku_name,
            t.workspace_id,
            t.row_count as file_rows,
            t.net as file_net,
            t.other_months,
            t.not_converted,
            t.gross as file_gross,
            t.quantity as file_quantity,
            null::numeric as our_rows,
            null::numeric as our_net,
            null::numeric as late,
            null::numeric as our_gross,
            null::numeric as late_gross,
            null::numeric as our_quantity,
            null::numeric as late_quantity,
            null::numeric as without_list_price,
            null::numeric as unpriced_quantity
        from theirs as t
        union all
        select
            o.month,
            o.sku_name,
            o.workspace_id,
            null as file_rows,
            null as file_net,
            null as other_months,
            null as not_converted,
            null as file_gross,
            null as file_quantity,
            o.row_count,
            o.net,
            o.late,
            o.gross,
            o.late_gross,
            o.quantity,
            o.late_quantity,
            o.without_list_price,
            o.unpriced_quantity
        from ours as o
    ) as s
    group by s.month, s.sku_name, s.workspace_id
),

compared as (
    select
        s.*,
        s.file_value - s.our_value as difference,
        -- each row of the file may be off by half of its last decimal; floats of the source by a bit more
        greatest(s.file_rows * %(half_place)s::numeric, abs(s.file_value) * 1e-12) as tolerance,
        coalesce(max(s.file_rows) over same_workspace > 0, false) as is_in_file,
        coalesce(max(s.our_rows) over same_workspace > 0, false) as is_with_us
    from sides as s
    window same_workspace as (partition by s.month, s.workspace_id)
)

select
    c.month,
    c.sku_name,
    c.workspace_id,
    w.name as workspace,
    c.file_value,
    c.our_value,
    c.difference,
    c.other_months as earlier_months,
    currency.part as currency,
    missing.part as missing_workspace,
    late.part as late_rows,
    unpriced.part as unpriced,
    discount.part as discount,
    rounding.part as rounding,
    discount.rest - rounding.part as not_explained
from compared as c
cross join lateral (select c.difference - c.other_months as rest) as own
cross join lateral (select case when c.not_converted > 0 then own.rest else 0 end as part) as currency
cross join lateral (select own.rest - currency.part as rest) as a
cross join
    lateral (
        select case when %(by_workspace)s and not (c.is_in_file and c.is_with_us) then a.rest else 0 end as part
    ) as missing
cross join lateral (select a.rest - missing.part as rest) as b
-- what came in later is a cause only where the file does not have it
cross join
    lateral (select case when abs(b.rest + c.late) < abs(b.rest) then -c.late else 0 end as part) as late
cross join
    lateral (
        select
            b.rest - late.part as rest,
            c.our_gross - case when late.part <> 0 then c.late_gross else 0 end as our_gross,
            c.our_quantity - case when late.part <> 0 then c.late_quantity else 0 end as our_quantity,
            c.our_value + late.part as our_value
    ) as d
-- no price with us: a rate was typed for what the list does not have, or there is none and the file charges for it
cross join
    lateral (
        select
            case
                when abs(d.rest) <= c.tolerance then 0
                when abs(d.rest + c.without_list_price) < abs(d.rest) then -c.without_list_price
                when c.unpriced_quantity <> 0 and sign(d.rest) = sign(c.unpriced_quantity) then d.rest
                else 0
            end as part
    ) as unpriced
cross join lateral (select d.rest - unpriced.part as rest) as e
-- the same usage at another share of the list price: the file has list prices, or its list prices are ours, or its
-- quantity is ours and costs no more than at list price
cross join
    lateral (
        select
            case
                when %(by_quantity)s or abs(e.rest) <= c.tolerance then 0
                when abs(e.rest - (d.our_gross - d.our_value)) <= c.tolerance then d.our_gross - d.our_value
                when abs(c.file_gross - d.our_gross) <= c.tolerance then e.rest
                when
                    abs(c.file_quantity - d.our_quantity) <= greatest(c.tolerance, abs(d.our_quantity) * 1e-9)
                    and d.our_quantity <> 0
                    and (c.file_value - c.other_months) / d.our_quantity
                    between 0 and d.our_gross / d.our_quantity + c.tolerance
                    then e.rest
                else 0
            end as part
    ) as discounted
cross join
    lateral (
        select
            discounted.part,
            e.rest - discounted.part as rest
    ) as discount
cross join
    lateral (select case when abs(discount.rest) <= c.tolerance then discount.rest else 0 end as part) as rounding
left join costpulse.workspaces as w on c.workspace_id = w.workspace_id
