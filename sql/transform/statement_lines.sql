-- closed month x usage_date x team x workspace x product x SKU x unit x cause: what daily_costs differs in from what is
-- booked, on the next open month; of the days, or of all days where none are given.
-- A block is all teams of a day, workspace, product, SKU and unit: within it, one unit of quantity has one price. The
-- change of its quantity at the rate known before is the restatement, the rest of its change is the price. Quantity
-- moves between teams only after a rule that concerns the day has changed: then as little is taken to be restated as
-- explains the block's new quantity, and what remains per team is the rule's, 0 over all teams.
with closings as (
    select
        c.id,
        c.month,
        c.rules_up_to,
        (
            select min(s.month)::date
            from
                generate_series(
                    c.month + interval '1 month',
                    (select max(o.month) from costpulse.closed_periods as o where o.reopened_at is null)
                    + interval '1 month',
                    interval '1 month'
                ) as s (month)
            where
                not exists (
                    select from costpulse.closed_periods as o
                    where o.month = s.month and o.reopened_at is null
                )
        ) as booked_month
    from costpulse.closed_periods as c
    where c.reopened_at is null
),

sides as (
    select
        l.closing_id,
        l.usage_date,
        l.team_id,
        l.team_name,
        l.workspace_id,
        l.product,
        l.sku_name,
        l.usage_unit,
        l.usage_quantity as known_quantity,
        l.unpriced_quantity as known_unpriced,
        l.list_cost_usd as known_list,
        l.cost_usd as known_cost,
        0 as quantity,
        0 as unpriced,
        null as list,
        null as cost
    from closings as c
    inner join costpulse.statement_lines as l on c.id = l.closing_id
    where %(days)s::date[] is null or l.usage_date = any(%(days)s::date[])
    union all
    select
        c.id as closing_id,
        d.usage_date,
        d.team_id,
        null as team_name,
        d.workspace_id,
        d.product,
        d.sku_name,
        d.usage_unit,
        0 as known_quantity,
        0 as known_unpriced,
        null as known_list,
        null as known_cost,
        d.usage_quantity as quantity,
        d.unpriced_quantity as unpriced,
        d.list_cost_usd as list,
        d.cost_usd as cost
    from closings as c
    inner join costpulse.daily_costs as d
        on c.month <= d.usage_date and d.usage_date < c.month + interval '1 month'
    where %(days)s::date[] is null or d.usage_date = any(%(days)s::date[])
),

-- per line what was known and by how much it has changed
lines as (
    select
        s.closing_id,
        s.usage_date,
        s.team_id,
        max(s.team_name) as team_name,
        s.workspace_id,
        s.product,
        s.sku_name,
        s.usage_unit,
        sum(s.known_quantity) as known_quantity,
        sum(s.known_unpriced) as known_unpriced,
        coalesce(sum(s.known_list), 0) as known_list,
        coalesce(sum(s.known_cost), 0) as known_cost,
        sum(s.quantity) - sum(s.known_quantity) as quantity,
        sum(s.unpriced) - sum(s.known_unpriced) as unpriced,
        coalesce(sum(s.list), 0) - coalesce(sum(s.known_list), 0) as list,
        coalesce(sum(s.cost), 0) - coalesce(sum(s.known_cost), 0) as cost,
        count(s.list) + count(s.known_list) > 0 as has_list,
        count(s.cost) + count(s.known_cost) > 0 as has_cost
    from sides as s
    group by s.closing_id, s.usage_date, s.team_id, s.workspace_id, s.product, s.sku_name, s.usage_unit
),

numbered as (
    select
        l.*,
        dense_rank() over (
            order by l.closing_id, l.usage_date, l.workspace_id, l.product, l.sku_name, l.usage_unit
        ) as block
    from lines as l
),

blocks as (
    select
        n.block,
        sum(n.known_quantity) as all_known_quantity,
        sum(n.quantity) as all_quantity,
        max(n.quantity) > 0 and min(n.quantity) < 0 and exists (
            select from closings as c
            inner join costpulse.rule_versions as v on coalesce(c.rules_up_to, 0) < v.id
            where c.id = min(n.closing_id) and v.concerns @> min(n.usage_date)
        ) as moves
    from numbered as n
    group by n.block
    having bool_or(num_nonnulls(nullif(n.quantity, 0), nullif(n.unpriced, 0), nullif(n.list, 0), nullif(n.cost, 0)) > 0)
),

-- Where quantity moves, the teams that changed in the direction of the whole block take its change, in proportion.
weighed as (
    select
        n.block,
        n.team_id,
        case
            when b.all_quantity > 0 then greatest(n.quantity, 0)
            when b.all_quantity < 0 then greatest(-n.quantity, 0)
            else 1
        end as weight
    from numbered as n
    inner join blocks as b on n.block = b.block
),

shared as (
    select
        w.block,
        w.team_id,
        w.weight,
        sum(w.weight) over (partition by w.block order by w.team_id) as weight_so_far,
        sum(w.weight) over (partition by w.block) as all_weight
    from weighed as w
),

-- Differences of rounded running totals: each is a share, and they add up to the whole to the last digit.
restated as (
    select
        n.*,
        b.all_known_quantity,
        b.all_quantity,
        b.moves,
        s.weight,
        s.weight_so_far,
        s.all_weight,
        case
            when b.moves
                then
                    round(b.all_quantity * s.weight_so_far / s.all_weight, 18)
                    - round(b.all_quantity * (s.weight_so_far - s.weight) / s.all_weight, 18)
            else n.quantity
        end as restated_quantity
    from numbered as n
    inner join blocks as b on n.block = b.block
    inner join shared as s on n.block = s.block and n.team_id is not distinct from s.team_id
),

moved as (
    select
        r.*,
        r.quantity - r.restated_quantity as moved_quantity,
        sum(r.quantity - r.restated_quantity) over (partition by r.block order by r.team_id) as moved_so_far
    from restated as r
),

measures as (
    select
        m.*,
        x.measure,
        x.change,
        sum(x.known) over (partition by m.block, x.measure) as all_known,
        sum(x.change) over (partition by m.block, x.measure) as all_change
    from moved as m
    cross join lateral (
        values
        ('quantity', m.known_quantity, m.quantity),
        ('unpriced', m.known_unpriced, m.unpriced),
        ('list', m.known_list, m.list),
        ('cost', m.known_cost, m.cost)
    ) as x (measure, known, change)
),

-- Less than a billionth is the rounding of records that were put together differently, not a price; the rate known
-- before is as uncertain, the more so the less quantity it comes from.
judged as (
    select
        m.*,
        bool_or(
            m.all_known_quantity <> 0
            and m.all_known_quantity + m.all_quantity <> 0
            and abs(m.all_change - m.all_quantity * m.all_known / nullif(m.all_known_quantity, 0))
            >= 1e-9 * (1 + abs(m.all_quantity / nullif(m.all_known_quantity, 0)))
        ) over (partition by m.block) as is_priced
    from measures as m
),

by_restatement as (
    select
        j.*,
        case
            when j.is_priced then round(j.restated_quantity * j.all_known / j.all_known_quantity, 18)
            when j.moves
                then
                    round(j.all_change * j.weight_so_far / j.all_weight, 18)
                    - round(j.all_change * (j.weight_so_far - j.weight) / j.all_weight, 18)
            else j.change
        end as restatement
    from judged as j
),

by_rule as (
    select
        r.*,
        case
            when not r.moves then 0
            when r.is_priced
                then
                    round(
                        (r.all_known + r.all_change) * r.moved_so_far / (r.all_known_quantity + r.all_quantity), 18
                    )
                    - round(
                        (r.all_known + r.all_change) * (r.moved_so_far - r.moved_quantity)
                        / (r.all_known_quantity + r.all_quantity),
                        18
                    )
            else r.change - r.restatement
        end as rule
    from by_restatement as r
),

by_cause as (
    select
        r.block,
        r.team_id,
        c.cause,
        sum(c.amount) filter (where r.measure = 'quantity') as quantity,
        sum(c.amount) filter (where r.measure = 'unpriced') as unpriced,
        sum(c.amount) filter (where r.measure = 'list') as list,
        sum(c.amount) filter (where r.measure = 'cost') as cost
    from by_rule as r
    cross join
        lateral (
            values
            ('restatement', r.restatement), ('rule', r.rule), ('price', r.change - r.restatement - r.rule)
        ) as c (cause, amount)
    group by r.block, r.team_id, c.cause
    having bool_or(c.amount <> 0)
)

insert into costpulse.statement_lines (
    closing_id, month, booked_month, usage_date, kind, cause, team_id, team_name, workspace_id, product, sku_name,
    usage_unit, usage_quantity, unpriced_quantity, list_cost_usd, cost_usd, created_at
)
select
    c.id as closing_id,
    c.month,
    c.booked_month,
    n.usage_date,
    'adjustment' as kind,
    b.cause,
    n.team_id,
    case when n.team_id is not null then coalesce(t.name, n.team_name, 'Team ' || n.team_id) end as team_name,
    n.workspace_id,
    n.product,
    n.sku_name,
    n.usage_unit,
    b.quantity as usage_quantity,
    b.unpriced as unpriced_quantity,
    case when n.has_list or b.list <> 0 then b.list end as list_cost_usd,
    case when n.has_cost or b.cost <> 0 then b.cost end as cost_usd,
    %(at)s::timestamptz as created_at
from by_cause as b
inner join numbered as n on b.block = n.block and b.team_id is not distinct from n.team_id
inner join closings as c on n.closing_id = c.id
left join costpulse.teams as t on n.team_id = t.id
order by c.month, n.usage_date, n.team_id, n.sku_name, b.cause
returning month
