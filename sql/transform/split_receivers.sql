-- split x usage_date (x warehouse, where queries decide) x team: the weight of each receiver above 0; team null is what
-- stays Unallocated
create temporary table split_receivers on commit drop as
with split_days as (
    select distinct
        t.split_id,
        t.basis,
        t.idle,
        d.usage_date
    from split_terms as t
    cross join unnest(%(days)s::date[]) as d (usage_date)
),

-- teams that a split lists on the day
listed as (
    select
        t.split_id,
        t.basis,
        d.usage_date,
        t.team_id,
        t.weight
    from split_terms as t
    inner join unnest(%(days)s::date[]) as d (usage_date)
        on d.usage_date >= coalesce(t.valid_from, '-infinity') and d.usage_date < coalesce(t.valid_to, 'infinity')
    where t.team_id is not null
),

direct as (
    select
        c.usage_date,
        c.team_id,
        sum(c.cost_usd) as cost_usd
    from claimed_bill as c
    where c.team_id is not null and exists (select from split_terms as t where t.basis = 'direct_spend')
    group by c.usage_date, c.team_id
),

-- who had each query executed, and the team that the person was in on the day
queries as (
    select distinct on (q.query_id)
        q.usage_date,
        q.workspace_id,
        q.warehouse_id,
        q.kind,
        q.amount,
        m.team_id
    from (
        select
            row_number() over () as query_id,
            c.usage_date,
            coalesce(c.workspace_id, '') as workspace_id,
            c.warehouse_id,
            c.kind,
            lower(btrim(c.executed_by)) as executed_by,
            coalesce(c.cost_usd, c.dbu_count) as amount
        from costpulse.query_costs as c
        where
            c.usage_date = any(%(days)s::date[])
            and c.kind <> 'unknown'
            and exists (select from split_terms as t where t.basis = 'query_share')
    ) as q
    left join (
        select
            lower(btrim(a.pattern)) as member,
            c.valid_from,
            c.valid_to,
            c.team_id,
            c.rank_id
        from rule_claims as c
        inner join claim_atoms as a on c.claim_id = a.claim_id
        where c.stage = 3
    ) as m
        on
            q.executed_by = m.member
            and q.usage_date >= coalesce(m.valid_from, '-infinity')
            and q.usage_date < coalesce(m.valid_to, 'infinity')
    order by q.query_id, m.rank_id
),

weights as (
    select
        l.split_id,
        l.usage_date,
        '' as workspace_id,
        '' as warehouse_id,
        l.team_id,
        case when l.basis = 'even' then 1 else l.weight end as weight
    from listed as l
    where l.basis in ('fixed', 'weights', 'even')
    union all
    select
        s.split_id,
        s.usage_date,
        '' as workspace_id,
        '' as warehouse_id,
        d.team_id,
        d.cost_usd as weight
    from split_days as s
    inner join direct as d on s.usage_date = d.usage_date
    left join listed as l on s.split_id = l.split_id and s.usage_date = l.usage_date and d.team_id = l.team_id
    where
        s.basis = 'direct_spend'
        and (
            l.team_id is not null
            or not exists (select from split_terms as t where t.split_id = s.split_id and t.team_id is not null)
        )
    union all
    select
        s.split_id,
        s.usage_date,
        q.workspace_id,
        q.warehouse_id,
        case when q.kind = 'query' then q.team_id end as team_id,
        sum(greatest(q.amount, 0)) as weight
    from split_days as s
    inner join queries as q on s.usage_date = q.usage_date
    where s.basis = 'query_share' and (q.kind = 'query' or s.idle = 'leave')
    group by
        s.split_id, s.usage_date, q.workspace_id, q.warehouse_id, case when q.kind = 'query' then q.team_id end
)

select
    w.split_id,
    w.usage_date,
    w.workspace_id,
    w.warehouse_id,
    w.team_id,
    w.weight,
    sum(w.weight) over (partition by w.split_id, w.usage_date, w.workspace_id, w.warehouse_id) as total
from weights as w
where w.weight > 0
