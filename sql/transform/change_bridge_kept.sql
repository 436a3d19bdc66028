-- comparison that is there for these very periods, and of which no day was built since it was made
with made as (
    select
        b.comparison,
        b.then_first,
        b.then_last,
        b.now_first,
        b.now_last,
        min(b.computed_at) as computed_at
    from costpulse.change_bridge as b
    group by b.comparison, b.then_first, b.then_last, b.now_first, b.now_last
)

select m.comparison
from made as m
inner join
    unnest(
        %(comparisons)s::text[],
        %(then_firsts)s::date[],
        %(then_lasts)s::date[],
        %(now_firsts)s::date[],
        %(now_lasts)s::date[]
    ) as c (comparison, then_first, then_last, now_first, now_last)
    on
        m.comparison = c.comparison
        and m.then_first = c.then_first
        and m.then_last = c.then_last
        and m.now_first = c.now_first
        and m.now_last = c.now_last
where
    not exists (
        select from costpulse.built_days as d
        where
            d.asset = 'daily_key_costs'
            and d.built_at > m.computed_at
            and (d.usage_date between m.then_first and m.then_last or d.usage_date between m.now_first and m.now_last)
    )
