-- scope x part: why the cost of a period is not that of another one, for all scopes of the types or for one of them.
-- Compared is what a resource uses of a SKU in a unit. Parts are exact sums over these; every amount is rounded once,
-- and volume is what is left of the difference: a tiny amount means least there.
create temporary view bridged as
with periods (period, first_day, last_day, day_count) as (
    values
    ('then', %(then_first)s::date, %(then_last)s::date, %(then_last)s::date - %(then_first)s::date + 1),
    ('now', %(now_first)s::date, %(now_last)s::date, %(now_last)s::date - %(now_first)s::date + 1)
),

team_scopes as (
    select
        b.team_id::text as owner,
        b.scope_team_id::text as scope_id
    from costpulse.team_scopes as b
    union all
    select
        'unallocated' as owner,
        'unallocated' as scope_id
),

-- what a key is usage of; ids of resources are unique in their workspace only
resources as (
    select
        k.key_id,
        k.product,
        coalesce(k.workspace_id, '') as workspace_id,
        coalesce(k.workspace_id, '') || '/' || k.job_id as job,
        coalesce(k.workspace_id, '') || '/' || k.warehouse_id as warehouse,
        case
            when k.job_id is not null then 'job'
            when k.pipeline_id is not null then 'pipeline'
            when k.warehouse_id is not null then 'warehouse'
            when k.endpoint_name is not null then 'endpoint'
            when k.cluster_id is not null then 'cluster'
            when k.resource_id is not null then coalesce(k.resource_type, 'resource')
            when k.user_email is not null then 'user'
            else 'product'
        end as resource_type,
        coalesce(k.workspace_id, '') || '/' || coalesce(
            k.job_id, k.pipeline_id, k.warehouse_id, k.endpoint_name, k.cluster_id, k.resource_id, k.user_email,
            k.product
        ) as resource_id
    from costpulse.cost_keys as k
),

-- usage as it was billed at first. Values are not rounded: of the same rate they make exactly the same price.
billed as (
    select
        p.period,
        r.key_id,
        r.sku_name,
        r.usage_unit,
        sum(r.usage_quantity) filter (where r.effective_rate is not null) as quantity,
        sum(r.usage_quantity * r.dbu_rate) filter (where r.effective_rate is not null) as list_value,
        sum(r.usage_quantity * r.effective_rate) as paid_value,
        bool_and(r.dbu_rate is not null) filter (where r.effective_rate is not null) as is_listed,
        bool_or(r.usage_quantity < 0) as is_credited
    from periods as p
    inner join costpulse.cost_records as r on p.first_day <= r.usage_date and p.last_day >= r.usage_date
    where
        r.record_type = 'ORIGINAL'
        -- constants: chunks of other days are not even planned for
        and r.usage_date >= least(%(then_first)s::date, %(now_first)s::date)
        and r.usage_date <= greatest(%(then_last)s::date, %(now_last)s::date)
    group by p.period, r.key_id, r.sku_name, r.usage_unit
),

corrected as (
    select
        p.period,
        r.usage_date,
        r.key_id,
        r.sku_name,
        r.usage_unit,
        sum(r.cost_usd) as cost
    from periods as p
    inner join costpulse.cost_records as r on p.first_day <= r.usage_date and p.last_day >= r.usage_date
    where
        r.record_type <> 'ORIGINAL'
        and r.cost_usd is not null
        and r.usage_date >= least(%(then_first)s::date, %(now_first)s::date)
        and r.usage_date <= greatest(%(then_last)s::date, %(now_last)s::date)
    group by p.period, r.usage_date, r.key_id, r.sku_name, r.usage_unit
),

corrected_shares as (
    select
        c.period,
        c.key_id,
        c.sku_name,
        c.usage_unit,
        a.team_id,
        c.cost,
        sum(a.share) as share,
        sum(sum(a.share)) over (owners order by a.team_id) as share_so_far,
        sum(sum(a.share)) over (owners) as all_shares
    from corrected as c
    inner join costpulse.key_allocations as a
        on
            c.usage_date = a.usage_date
            and c.key_id = a.key_id
            and c.sku_name = a.sku_name
            and c.usage_unit = a.usage_unit
    group by c.period, c.usage_date, c.key_id, c.sku_name, c.usage_unit, c.cost, a.team_id
    window owners as (partition by c.period, c.usage_date, c.key_id, c.sku_name, c.usage_unit)
),

-- a team's cost, its part of corrections apart. Differences of rounded running totals: the teams' parts of a
-- correction add up to it to the last digit.
entries as (
    select
        p.period,
        d.key_id,
        d.sku_name,
        d.usage_unit,
        d.team_id,
        d.cost_usd as cost,
        0 as correction
    from periods as p
    inner join costpulse.daily_key_costs as d on p.first_day <= d.usage_date and p.last_day >= d.usage_date
    union all
    select
        s.period,
        s.key_id,
        s.sku_name,
        s.usage_unit,
        s.team_id,
        -s.correction as cost,
        s.correction
    from (
        select
            c.*,
            round(c.cost * c.share_so_far / c.all_shares, 18)
            - round(c.cost * (c.share_so_far - c.share) / c.all_shares, 18) as correction
        from corrected_shares as c
    ) as s
),

owned as (
    select
        e.key_id,
        e.sku_name,
        e.usage_unit,
        e.team_id,
        coalesce(sum(e.cost) filter (where e.period = 'then'), 0) as then_cost,
        coalesce(sum(e.cost) filter (where e.period = 'now'), 0) as now_cost,
        coalesce(sum(e.correction) filter (where e.period = 'then'), 0) as then_correction,
        coalesce(sum(e.correction) filter (where e.period = 'now'), 0) as now_correction
    from entries as e
    group by e.key_id, e.sku_name, e.usage_unit, e.team_id
),

-- key x SKU x unit: which line of usage it belongs to
numbered as (
    select
        r.*,
        o.sku_name,
        o.usage_unit,
        dense_rank() over (
            order by
                r.resource_id, r.resource_type, r.workspace_id, r.product, r.job, r.warehouse, o.sku_name, o.usage_unit
        ) as line
    from (
        select distinct
            w.key_id,
            w.sku_name,
            w.usage_unit
        from owned as w
    ) as o
    inner join resources as r on o.key_id = r.key_id
),

-- lines of usage: resource x product x SKU x unit, the whole of them, whoever owns it
lines as (
    select
        n.line,
        n.workspace_id,
        n.product,
        n.sku_name,
        n.usage_unit,
        n.job,
        n.warehouse,
        n.resource_type,
        n.resource_id,
        coalesce(sum(b.quantity) filter (where b.period = 'then'), 0) as then_quantity,
        coalesce(sum(b.quantity) filter (where b.period = 'now'), 0) as now_quantity,
        coalesce(sum(b.list_value) filter (where b.period = 'then'), 0) as then_list,
        coalesce(sum(b.list_value) filter (where b.period = 'now'), 0) as now_list,
        coalesce(sum(b.paid_value) filter (where b.period = 'then'), 0) as then_paid,
        coalesce(sum(b.paid_value) filter (where b.period = 'now'), 0) as now_paid,
        -- NULL: no usage; false: none of it has a price
        bool_or(b.quantity is not null) filter (where b.period = 'then') as then_priced,
        bool_or(b.quantity is not null) filter (where b.period = 'now') as now_priced,
        bool_and(b.is_listed) as is_listed,
        bool_or(b.is_credited) as is_credited
    from numbered as n
    left join billed as b on n.key_id = b.key_id and n.sku_name = b.sku_name and n.usage_unit = b.usage_unit
    group by
        n.line, n.workspace_id, n.product, n.sku_name, n.usage_unit, n.job, n.warehouse, n.resource_type,
        n.resource_id
),

judged as (
    select
        r.*,
        case
            when not r.in_then and r.in_now then 'new'
            when r.in_then and not r.in_now then 'ended'
            when r.then_priced <> r.now_priced then 'priced'
            when r.is_credited then 'credited'
            else 'compared'
        end as kind
    from (
        select
            l.*,
            coalesce(bool_or(l.then_priced is not null) over resource, false) as in_then,
            coalesce(bool_or(l.now_priced is not null) over resource, false) as in_now
        from lines as l
        window resource as (partition by l.resource_id, l.resource_type)
    ) as r
),

owners as (
    select
        n.line,
        coalesce(o.team_id::text, 'unallocated') as owner,
        sum(o.then_cost) as then_cost,
        sum(o.now_cost) as now_cost,
        sum(o.then_correction) as then_correction,
        sum(o.now_correction) as now_correction,
        sum(sum(o.then_cost)) over (whole_line) as then_whole,
        sum(sum(o.now_cost)) over (whole_line) as now_whole
    from owned as o
    inner join numbered as n on o.key_id = n.key_id and o.sku_name = n.sku_name and o.usage_unit = n.usage_unit
    group by n.line, o.team_id
    window whole_line as (partition by n.line)
),

in_scope as (
    select
        s.scope_type,
        s.scope_id,
        o.*
    from owners as o
    inner join lines as l on o.line = l.line
    cross join
        lateral (
            values
            ('everything', ''),
            ('workspace', l.workspace_id),
            ('sku', l.sku_name),
            ('product', l.product),
            ('job', l.job),
            ('warehouse', l.warehouse)
        ) as s (scope_type, scope_id)
    union all
    select
        'team' as scope_type,
        t.scope_id,
        o.*
    from owners as o
    inner join team_scopes as t on o.owner = t.owner
),

held as (
    select
        i.scope_type,
        i.scope_id,
        i.line,
        sum(i.then_cost) as then_cost,
        sum(i.now_cost) as now_cost,
        sum(i.then_correction) as then_correction,
        sum(i.now_correction) as now_correction,
        min(i.then_whole) as then_whole,
        min(i.now_whole) as now_whole
    from in_scope as i
    where
        i.scope_type = any(%(scope_types)s::text[])
        and (%(scope_id)s::text is null or i.scope_id = %(scope_id)s::text)
    group by i.scope_type, i.scope_id, i.line
),

-- which share of the line the scope has in each period: of another one than a team's, all of it
shared as (
    select
        h.*,
        case
            when h.scope_type <> 'team' then 1
            when h.then_whole <> 0 then greatest(least(h.then_cost / h.then_whole, 1), 0)
        end as then_share,
        case
            when h.scope_type <> 'team' then 1
            when h.now_whole <> 0 then greatest(least(h.now_cost / h.now_whole, 1), 0)
        end as now_share
    from held as h
),

-- a share that differs by less than a billionth is rounded otherwise, not another one
moved as (
    select
        s.*,
        coalesce(abs(s.now_share - s.then_share) >= 1e-9, false) as is_moved,
        coalesce((s.then_share + s.now_share) / 2, s.then_share, s.now_share, 0) as share
    from shared as s
),

-- what the scope would have had in both periods with its mean share
kept as (
    select
        m.scope_type,
        m.scope_id,
        m.line,
        m.then_cost,
        m.now_cost,
        m.then_correction,
        m.now_correction,
        j.kind,
        j.sku_name,
        j.resource_type,
        j.resource_id,
        j.is_listed,
        -- serverless or not is a choice within a product
        regexp_replace(j.product, '_SERVERLESS$', '') as family,
        j.usage_unit,
        m.share * j.then_quantity as then_quantity,
        m.share * j.now_quantity as now_quantity,
        m.share * j.then_list as then_list,
        m.share * j.now_list as now_list,
        m.share * j.then_paid as then_paid,
        m.share * j.now_paid as now_paid,
        case
            when m.is_moved and j.kind not in ('new', 'ended')
                then round(m.share * m.now_whole, 18) - round(m.share * m.then_whole, 18)
            else m.now_cost - m.then_cost
        end as change
    from moved as m
    inner join judged as j on m.line = j.line
),

families as (
    select
        k.scope_type,
        k.scope_id,
        k.family,
        k.usage_unit,
        (
            sum(k.then_paid) / nullif(greatest(sum(k.then_quantity), 0), 0)
            + sum(k.now_paid) / nullif(greatest(sum(k.now_quantity), 0), 0)
        ) / 2 as mean_price
    from kept as k
    where k.kind = 'compared'
    group by k.scope_type, k.scope_id, k.family, k.usage_unit
),

-- what the same usage would have cost more or less, and what another mix of the same quantity costs more or less
effects as (
    select
        k.*,
        f.mean_price,
        coalesce(r.effect, 0) as rate_effect,
        case
            when not k.is_listed then 0
            when k.then_list = k.then_paid and k.now_list = k.now_paid then coalesce(r.effect, 0)
            when k.then_list > 0 and k.now_list > 0
                then
                    coalesce(
                        (k.then_paid / k.then_list + k.now_paid / k.now_list) / 2
                        * costpulse.rate_effect(k.then_quantity, k.then_list, k.now_quantity, k.now_list),
                        0
                    )
            else 0
        end as list_effect,
        coalesce(
            k.now_paid - k.then_paid - coalesce(r.effect, 0) - f.mean_price * (k.now_quantity - k.then_quantity), 0
        ) as mix_effect
    from kept as k
    left join families as f
        on
            k.kind = 'compared'
            and k.scope_type = f.scope_type
            and k.scope_id = f.scope_id
            and k.family = f.family
            and k.usage_unit = f.usage_unit
    cross join lateral (
        select
            case
                when k.kind = 'compared'
                    then costpulse.rate_effect(k.then_quantity, k.then_paid, k.now_quantity, k.now_paid)
            end as effect
    ) as r
),

rounded as (
    select
        e.*,
        case when e.kind = 'priced' then e.change else round(e.list_effect, 18) end as price,
        round(e.rate_effect, 18) - round(e.list_effect, 18) as discount,
        round(e.mix_effect, 18) as mix,
        case when e.kind = 'new' then e.change else 0 end as new,
        case when e.kind = 'ended' then e.change else 0 end as ended,
        e.now_cost - e.then_cost - e.change as ownership,
        e.now_correction - e.then_correction as restatements
    from effects as e
),

parts as (
    select
        r.scope_type,
        r.scope_id,
        p.part,
        p.cause_type,
        p.cause_id,
        sum(p.amount) as amount
    from rounded as r
    cross join
        lateral (
            values
            ('price', 'sku', r.sku_name, r.price),
            ('discount', 'sku', r.sku_name, r.discount),
            (
                'volume', r.resource_type, r.resource_id,
                r.change - r.price - r.discount - r.mix - r.new - r.ended
            ),
            ('mix', r.resource_type, r.resource_id, r.mix),
            ('new', r.resource_type, r.resource_id, r.new),
            ('ended', r.resource_type, r.resource_id, r.ended),
            ('ownership', r.resource_type, r.resource_id, r.ownership),
            ('restatements', r.resource_type, r.resource_id, r.restatements)
        ) as p (part, cause_type, cause_id, amount)
    where p.amount <> 0
    group by r.scope_type, r.scope_id, p.part, p.cause_type, p.cause_id
),

ranked as (
    select
        p.*,
        row_number() over (
            partition by p.scope_type, p.scope_id, p.part order by abs(p.amount) desc, p.cause_type asc, p.cause_id asc
        ) as place
    from parts as p
    where p.amount <> 0
),

amounts as (
    select
        r.scope_type,
        r.scope_id,
        r.part,
        sum(r.amount) as amount,
        count(*) as causes,
        jsonb_agg(
            jsonb_build_object('type', r.cause_type, 'id', r.cause_id, 'amount_usd', r.amount::text) order by r.place
        ) filter (where r.place <= 5) as largest
    from ranked as r
    group by r.scope_type, r.scope_id, r.part
),

totals as (
    select
        r.scope_type,
        r.scope_id,
        sum(r.then_cost + r.then_correction) as then_usd,
        sum(r.now_cost + r.now_correction) as now_usd,
        -- at the mean quantity of a day
        round(
            coalesce(
                sum(
                    r.mean_price * (r.then_quantity / t.day_count + r.now_quantity / n.day_count) / 2
                    * (n.day_count - t.day_count)
                ),
                0
            ),
            18
        ) as days_usd
    from rounded as r
    inner join periods as t on t.period = 'then'
    inner join periods as n on n.period = 'now'
    group by r.scope_type, r.scope_id
)

select
    t.scope_type,
    t.scope_id,
    p.part,
    coalesce(a.amount, 0) as amount_usd,
    t.then_usd,
    t.now_usd,
    jsonb_build_object('causes', coalesce(a.causes, 0), 'largest', coalesce(a.largest, '[]'))
    || case when p.part = 'volume' then jsonb_build_object('days_usd', t.days_usd::text) else '{}' end as detail
from totals as t
cross join (
    values ('price'), ('discount'), ('volume'), ('mix'), ('new'), ('ended'), ('ownership'), ('restatements')
) as p (part)
left join amounts as a on t.scope_type = a.scope_type and t.scope_id = a.scope_id and p.part = a.part
