-- cost center x team of a period's allocations, of all teams or of one with the teams below it, and what goes into the
-- books of each line, in cents; the row with is_total is the sum of all. Team null is Unallocated. What is rounded are
-- sums from the first line on, and a line is the difference of two of them: so lines add up to the rounded total.
with allocations as (
    select
        a.team_id,
        a.method,
        a.list_cost_usd,
        a.total_cost
    from costpulse.cost_allocations as a
    where
        a.usage_date between %(first)s and %(last)s
        and (
            %(team_id)s::bigint is null
            or a.team_id in (
                select b.team_id from costpulse.team_scopes as b where b.scope_team_id = %(team_id)s::bigint
            )
        )
),

sums as (
    select
        a.team_id,
        grouping(a.team_id) = 1 as is_total,
        -- null where all of it is usage without a price, zero where there is none
        case
            when bool_or(a.method in ('rule', 'user', 'tag'))
                then sum(a.total_cost) filter (where a.method in ('rule', 'user', 'tag'))
            else 0
        end as own_usd,
        case
            when bool_or(a.method = 'split') then sum(a.total_cost) filter (where a.method = 'split')
            else 0
        end as shared_usd,
        case
            when bool_or(a.method = 'unallocated') then sum(a.total_cost) filter (where a.method = 'unallocated')
            else 0
        end as unallocated_usd,
        sum(a.list_cost_usd) as list_cost_usd,
        sum(a.total_cost) as cost_usd
    from allocations as a
    group by grouping sets ((), (a.team_id))
),

named as (
    select
        s.*,
        t.cost_center,
        case when s.team_id is null then 'Unallocated' else coalesce(t.name, 'Team ' || s.team_id) end as team,
        t.department
    from sums as s
    left join costpulse.teams as t on s.team_id = t.id
),

placed as (
    select
        n.*,
        sum(n.cost_usd) over (
            partition by n.is_total
            order by
                n.team_id is null,
                n.cost_center collate pg_catalog."C" nulls last,
                n.team collate pg_catalog."C",
                n.team_id
            rows unbounded preceding
        ) as up_to_here,
        row_number() over (
            partition by n.is_total
            order by
                n.team_id is null,
                n.cost_center collate pg_catalog."C" nulls last,
                n.team collate pg_catalog."C",
                n.team_id
        ) as place
    from named as n
)

select
    p.is_total,
    p.cost_center,
    p.team_id,
    p.team,
    p.department,
    p.own_usd,
    p.shared_usd,
    p.unallocated_usd,
    p.list_cost_usd,
    p.cost_usd,
    round(100 * p.cost_usd / nullif(a.cost_usd, 0), 6) as share_percent,
    round(p.up_to_here, 2)
    - coalesce(round(lag(p.up_to_here) over (partition by p.is_total order by p.place), 2), 0) as booked_usd
from placed as p
cross join sums as a
where a.is_total
order by p.is_total, p.place
